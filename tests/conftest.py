"""What every test shares: no trace in the home folder, PyTorch and Chromium where they are, a running lab."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tinynn.random import get_state, manual_seed, set_state

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["TINYNN_RECORD"] = "off"  # no test writes into what a student has done
settings.register_profile("tinynn", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tinynn")

HAS_TORCH = importlib.util.find_spec("torch") is not None
HAS_CUDA = importlib.util.find_spec("numba_cuda") is not None


def pytest_configure(config: pytest.Config) -> None:
    # Read by now. A pytest that a test starts would take the same --basetemp, and empty it under our feet.
    os.environ.pop("PYTEST_ADDOPTS", None)
    if os.environ.get("TINYNN_NEEDS_TORCH") and not HAS_TORCH:
        raise pytest.UsageError("these tests need PyTorch: python -m pip install torch==2.13.0")
    if os.environ.get("TINYNN_NEEDS_CUDA") and not HAS_CUDA:
        raise pytest.UsageError('these tests need numba-cuda: python -m pip install "numba-cuda[cu13]"')


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("torch") and not HAS_TORCH:
        pytest.skip("PyTorch is not installed; make test-long installs it")
    if item.get_closest_marker("cuda") and not HAS_CUDA:
        pytest.skip("numba-cuda is not installed; make cuda installs it")


@pytest.fixture(scope="session", autouse=True)
def folders_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Jupyter, IPython and Matplotlib keep their files below the tests' temporary folder."""
    home = tmp_path_factory.mktemp("home")
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        os.environ.setdefault(name, str(home / name.lower()))


@pytest.fixture
def seeded() -> Iterator[None]:
    """The same weights at every run; what the generators were before, afterwards."""
    before = get_state()
    manual_seed(0)
    yield
    set_state(before)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to drive."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on this machine; on Debian: sudo apt install chromium")
    return found


class Page:
    """Stands for a notebook page: what was displayed in a place, newest last."""

    def __init__(self) -> None:
        self.places: list[list[dict]] = []

    def display(self, data: dict, **options: Any) -> Place:
        self.places.append([data])
        return Place(self.places[-1])


class Place:
    def __init__(self, contents: list[dict]) -> None:
        self.contents = contents

    def update(self, data: dict, **options: Any) -> None:
        self.contents.append(data)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    monkeypatch.setattr("IPython.display.display", page.display)
    return page


@dataclass
class Lab:
    """A running ``python -m tinynn lab``."""

    url: str
    token: str
    process: subprocess.Popen
    log: Path

    def get(self, path: str) -> Any:
        return json.loads(self.ask("GET", path))

    def post(self, path: str) -> None:
        self.ask("POST", path)

    def ask(self, method: str, path: str) -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


@pytest.fixture
def start_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Start a lab on copies in a folder whose name holds a space: ``start_lab("03", HOME=...)``."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **environment: stack.enter_context(_lab(tmp_path, options, environment))


@contextlib.contextmanager
def _lab(folder: Path, options: tuple[str, ...], environment: dict[str, str]) -> Iterator[Lab]:
    port, token, log = free_port(), "token-of-a-test", folder / "lab.log"
    config = folder / "jupyter config"
    config.mkdir()
    # How a test reaches JupyterLab's objects from the page.
    (config / "jupyter_lab_config.json").write_text('{"LabApp": {"expose_app_in_browser": true}}', "utf-8")
    command = [sys.executable, "-m", "tinynn", "lab", "--no-browser", "--no-warm", "--port", str(port)]
    command += ["--work", str(folder / "my work"), *options]
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={
                **os.environ,
                "JUPYTER_TOKEN": token,
                "JUPYTER_CONFIG_DIR": str(config),
                "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),  # no tabs of another lab
                **environment,
            },
        )
    lab = Lab(f"http://localhost:{port}", token, process, log)
    try:
        wait_until_it_answers(lab, seconds=90)
        yield lab
    finally:
        process.terminate()
        process.wait(30)


def wait_until_it_answers(lab: Lab, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if lab.process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            lab.get("/api/status")
            return
        time.sleep(0.1)
    pytest.fail(f"the lab did not answer:\n{lab.log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
