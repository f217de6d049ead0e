"""The locks, the installer, the Makefile, what is shipped; whole installations in make test-long."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import types
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import tinynn

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
LOCKS = ("lab", "test")
PIN = re.compile(r"([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
LEAVE_OUT = shutil.ignore_patterns(
    ".venv", ".git", "build", "work", "runs", "__pycache__", ".*_cache", ".hypothesis", "*.nb[ic]"
)


def lock_text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")


def pins(name: str) -> list[tuple[str, str, str]]:
    """(package, version, marker) of each line of a lock."""
    found = [PIN.fullmatch(line) for line in lock_text(name).splitlines()]
    return [match.groups("") for match in found if match]


def asked_for(lock: str) -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["lab"], *(extras["test"] if lock == "test" else [])]
    requirements = map(Requirement, [*wanted, *PYPROJECT["build-system"]["requires"]])
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


# Locks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(lock):
    lines = lock_text(lock).splitlines()
    assert [line for line in lines if not (PIN.fullmatch(line) or HASH.fullmatch(line))] == []
    for line, following in zip(lines, lines[1:]):
        assert not PIN.fullmatch(line) or HASH.fullmatch(following), f"{line} has no hash"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_covers_what_pyproject_asks_for(lock):
    locked = pins(lock)
    for requirement in asked_for(lock):
        versions = [version for name, version, _ in locked if name == canonicalize_name(requirement.name)]
        assert versions, f"{requirement.name} is not in requirements/{lock}.txt: make lock"
        assert all(version in requirement.specifier for version in versions), f"{requirement}: make lock"


def test_one_environment_serves_both_locks():
    # Markers may differ: on an Intel Mac the tests bring SciPy, through scikit-learn.
    assert {pin[:2] for pin in pins("lab")} <= {pin[:2] for pin in pins("test")}


@pytest.mark.parametrize("lock", LOCKS)
def test_pytorch_is_in_no_lock(lock):
    assert not [name for name, _, _ in pins(lock) if name.startswith(("torch", "nvidia", "triton"))]


def test_intel_macs_get_no_numba():
    markers = {name: marker for name, _, marker in pins("lab") if name in ("numba", "llvmlite")}
    assert set(markers.values()) == {"platform_machine != 'x86_64' or sys_platform != 'darwin'"}
    assert len(markers) == 2


def test_the_lock_carries_the_build_backend():
    assert PYPROJECT["dependency-groups"]["build"] == PYPROJECT["build-system"]["requires"]
    assert "hatchling" in {name for name, _, _ in pins("lab")}


def test_environment_yml_is_in_step():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert environment["name"] == PROJECT["name"]
    *conda, pip = environment["dependencies"]
    python = next(Requirement(line) for line in conda if line.startswith("python"))
    assert python.specifier == SpecifierSet(PROJECT["requires-python"])
    assert {Requirement(line).name for line in conda} == {
        "python",
        "pip",
    }  # pip takes the rest from pyproject.toml
    assert pip == {"pip": ["-e .[lab]"]} and "lab" in PROJECT["optional-dependencies"]


def test_the_version_is_stated_once_and_cited():
    assert PROJECT["dynamic"] == ["version"]
    assert f"\nversion: {tinynn.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {tinynn.__version__}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.network
@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize(
    "platform",
    [
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    ],
)
def test_a_lock_installs_from_wheels_everywhere(platform, python, lock, tmp_path):
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-config", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-platform", platform, "--python-version", python]
    command += ["--target", str(tmp_path), "-r", f"requirements/{lock}.txt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (" + numba==" in done.stderr) is (platform != "x86_64-apple-darwin")


@pytest.mark.network
@pytest.mark.parametrize("extra", ["cuda", "cuda12"])
@pytest.mark.parametrize(
    "platform, python",
    [
        ("x86_64-unknown-linux-gnu", "3.11"),
        ("x86_64-unknown-linux-gnu", "3.14"),
        ("x86_64-pc-windows-msvc", "3.12"),
        ("aarch64-apple-darwin", "3.13"),
    ],
)
def test_the_extras_for_a_gpu_resolve_together(platform, python, extra):
    """From wheels, kernels' compiler and CuPy for one CUDA; on a Mac, where there is no CUDA, to nothing."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--only-binary", ":all:", "-q"]
    command += ["pyproject.toml", "--extra", extra, "--python-platform", platform, "--python-version", python]
    done = subprocess.run(
        [*command, "--no-annotate", "--no-header"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    found = {line.split("==")[0] for line in done.stdout.splitlines()}
    cupy, cublas = (
        ("cupy-cuda13x", "nvidia-cublas") if extra == "cuda" else ("cupy-cuda12x", "nvidia-cublas-cu12")
    )
    assert ({"numba-cuda", cupy, cublas} <= found) is (platform != "aarch64-apple-darwin")
    assert (cupy in found) is (platform != "aarch64-apple-darwin")


# The installer ---------------------------------------------------------------------------------------


def load_installer(root: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("install", root / "requirements" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeInstaller:
    """requirements/install.py on a small copy of the project, with pip and venv recorded, not run."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "tinynn").mkdir()
        for path in ("pyproject.toml", "tinynn/__init__.py"):
            shutil.copy(ROOT / path, root / path)
        shutil.copytree(ROOT / "requirements", root / "requirements")
        self.root, self.calls, self.pip_status = root, [], 0
        self.module = load_installer(root)
        monkeypatch.setattr(self.module, "subprocess", types.SimpleNamespace(run=self.run))

    def run(self, command: list, **how) -> subprocess.CompletedProcess:
        words = list(map(str, command))
        if "-c" in words:  # the question whether .venv works
            if not (self.root / ".venv").is_dir():
                raise FileNotFoundError
            return subprocess.CompletedProcess(command, 0, "{}.{}\n".format(*sys.version_info))
        self.calls.append(words)
        if "venv" in words:
            (self.root / ".venv").mkdir()
            return subprocess.CompletedProcess(command, 0)
        return subprocess.CompletedProcess(command, self.pip_status)

    def __call__(self, *arguments: str) -> tuple[int, list]:
        self.calls.clear()
        return self.module.main(list(arguments)), list(self.calls)


@pytest.fixture
def installer(tmp_path, monkeypatch) -> FakeInstaller:
    return FakeInstaller(tmp_path, monkeypatch)


def test_the_first_call_installs_hashed_wheels_and_the_second_nothing(installer):
    status, (venv, packages, itself) = installer("lab")
    assert status == 0 and "venv" in venv
    assert {"--require-hashes", "--only-binary=:all:", "requirements/lab.txt"} <= set(packages)
    assert {"--no-build-isolation", "--no-deps", "-e"} <= set(itself)
    assert installer("lab") == (0, [])


def test_the_test_lock_counts_for_the_lab_but_not_the_other_way_round(installer):
    assert installer("lab")[1] != []
    assert installer("test")[1] != []
    assert installer("lab") == installer("test") == (0, [])


@pytest.mark.parametrize("path", ["requirements/lab.txt", "pyproject.toml"])
def test_a_changed_lock_installs_again(installer, path):
    installer("lab")
    with (installer.root / path).open("a", encoding="utf-8") as file:
        file.write("\n")
    status, calls = installer("lab")
    assert status == 0 and len(calls) == 2  # no new .venv
    assert installer("lab") == (0, [])


def test_a_new_version_installs_again_but_another_line_does_not(installer):
    installer("lab")
    init = installer.root / "tinynn" / "__init__.py"
    init.write_text(init.read_text("utf-8") + "\n# more\n", "utf-8")
    assert installer("lab") == (0, [])
    init.write_text(init.read_text("utf-8").replace(tinynn.__version__, "99.0"), "utf-8")
    assert installer("lab")[1] != []


def test_a_failed_installation_is_taken_up_again(installer, capsys):
    installer.pip_status = 3
    status, calls = installer("lab")
    assert status == 3 and len(calls) == 2 and "takes it up again" in capsys.readouterr().err
    installer.pip_status = 0
    assert installer("lab")[0] == 0
    assert installer("lab") == (0, [])


@pytest.mark.parametrize("version", [(3, 10), (3, 15), (2, 7)])
def test_an_unfit_python_is_refused_in_one_line(version):
    problem = load_installer(ROOT).trouble(version)
    assert "expected 3.11 to 3.14" in problem and "PYTHON=" in problem and "\n" not in problem


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_missing_venv_or_pip_is_one_line_with_the_package(monkeypatch, missing):
    module, find_spec = load_installer(ROOT), importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name)
    )
    problem = module.trouble((3, 13))
    assert missing in problem and "sudo apt install python3.13-venv" in problem and "\n" not in problem


def test_python_versions_agree_everywhere():
    module = load_installer(ROOT)
    oldest, newest = ("{}.{}".format(*version) for version in (module.OLDEST, module.NEWEST))
    accepted = SpecifierSet(PROJECT["requires-python"])
    assert [minor for minor in range(30) if f"3.{minor}" in accepted] == list(range(11, 15))
    assert (oldest, newest) == ("3.11", "3.14")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in (ROOT / "Makefile").read_text("utf-8")


# make and CI -----------------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


@needs_make
@pytest.mark.parametrize("chosen", [[], ["PYTHON=/no/such/python"]])
def test_without_a_fitting_python_make_says_what_to_install(tmp_path, chosen):
    project, tools = tmp_path / "a copy", tmp_path / "tools"
    project.mkdir()
    tools.mkdir()
    shutil.copy(ROOT / "Makefile", project)
    for tool in ("make", "sh"):
        (tools / tool).symlink_to(shutil.which(tool))
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", "utf-8")  # a Python that is too old
    old.chmod(0o755)
    command = [shutil.which("make"), "install-lab", *chosen]
    done = subprocess.run(command, cwd=project, env={"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode != 0
    assert "no Python 3.11 to 3.14 found" in done.stderr and "python3-venv" in done.stderr


@needs_make
def test_make_lists_its_targets():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    listed = set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.M))
    assert {"lab", "test", "test-long", "lint", "types", "docs", "bench", "lock", "clean"} <= listed


@pytest.mark.parametrize("failing", ["test", "test-long", None])
def test_ci_fails_when_a_part_fails_and_runs_both(tmp_path, failing):
    if shutil.which("bash") is None:
        pytest.skip("no bash on this machine")
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    fake = tmp_path / "bin" / "make"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\nfor last; do :; done; echo "$last" >> "{tmp_path}/made"; test "$last" != "{failing}"\n',
        "utf-8",
    )
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode == 0) is (failing is None), done.stderr
    made = (tmp_path / "made").read_text("utf-8").split()
    assert made == (["test"] if failing == "test" else ["test", "test-long"])


# What is shipped, and how notebooks are compared -----------------------------------------------------


def test_the_wheel_holds_the_package_its_data_and_its_licences(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob(f"tinynn-{tinynn.__version__}-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = (
        path for path in (ROOT / "tinynn").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    wanted = {path.relative_to(ROOT).as_posix() for path in shipped if path.suffix not in (".nbi", ".nbc")}
    assert wanted <= names
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-text"}
    assert {name.split("/")[0] for name in names} == {"tinynn", f"tinynn-{tinynn.__version__}.dist-info"}


def test_nbval_sees_one_changed_digit(tmp_path):
    for name, saved in (
        ("right", "loss 0.125 <o at 0x7f0000000001>"),
        ("wrong", "loss 0.126 <o at 0x7f0000000001>"),
    ):
        cell = nbformat.v4.new_code_cell("print('loss 0.125 <o at 0x7f0000000002>')", execution_count=1)
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=saved + "\n")]
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", "--nbval"]
    command += ["--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests" / "nbval_sanitize.cfg")]
    done = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "wrong.ipynb" in done.stdout.split("FAILED")[-1]


# Whole installations ---------------------------------------------------------------------------------


@pytest.fixture
def fresh_clone(tmp_path) -> Path:
    clone = tmp_path / "a fresh clone"
    shutil.copytree(ROOT, clone, ignore=LEAVE_OUT)
    return clone


@needs_make
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_make_lab_installs_then_starts_again_offline(fresh_clone, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"HOME": str(tmp_path), "JUPYTER_TOKEN": "token", "PIP_NO_CACHE_DIR": "1"}
    first = seconds_until_it_serves(fresh_clone, environment, tmp_path)
    environment |= {
        "PIP_NO_INDEX": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    second = seconds_until_it_serves(fresh_clone, environment, tmp_path)
    print(f"make lab: {first:.0f} s the first time, {second:.1f} s the second")
    assert second < 10
    assert (fresh_clone / "work").is_dir()


def seconds_until_it_serves(clone: Path, environment: dict[str, str], folder: Path) -> float:
    from conftest import Lab, free_port, wait_until_it_answers

    port, log = free_port(), folder / "make.log"
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            ["make", "lab", f"ARGS=--no-browser --no-warm --port {port}"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    lab = Lab(f"http://localhost:{port}", "token", process, log)
    try:
        wait_until_it_answers(lab, seconds=600)
        taken = time.monotonic() - start
        lab.post("/api/shutdown")
        return taken
    finally:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_pip_alone_installs_the_lab(fresh_clone, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [str(python), "-m", "pip", "install", "-q", "--no-compile", "-e", ".[lab]"]
    subprocess.run(install, cwd=fresh_clone, check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    doctor = [str(python), "-m", "tinynn", "doctor"]
    done = subprocess.run(doctor, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    listing = [str(python), "-m", "pip", "list", "--format", "json"]
    listed = json.loads(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    assert {entry["name"]: entry["version"] for entry in listed}["tinynn"] == tinynn.__version__
