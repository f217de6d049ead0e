"""Make .venv from a hashed lock: ``python3 requirements/install.py lab`` (or ``test``).

Standard library only, since it runs before anything is installed. A stamp in .venv remembers what was
installed, so the second call costs nothing and asks no network.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST, NEWEST = (3, 11), (3, 14)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", choices=["lab", "test"])
    parser.add_argument(
        "--exact", action="store_true", help="remake .venv if its Python differs from this one"
    )
    args = parser.parse_args(argv)
    problem = trouble(sys.version_info[:2])
    if problem:
        print(problem, file=sys.stderr)
        return 1
    if usable(VENV, exact=args.exact):
        if read_stamp(VENV).get(args.lock) == digest(args.lock):
            return 0
    else:
        print(f"tinynn: making .venv with Python {sys.version.split()[0]}", flush=True)
        # The base interpreter, since this file may be run by the very .venv that is to be remade.
        maker = getattr(sys, "_base_executable", None) or sys.executable
        if subprocess.run([maker, "-m", "venv", "--clear", str(VENV)]).returncode:
            return 1
    return install(args.lock)


def trouble(version: tuple[int, ...]) -> str | None:
    """Why this Python cannot make the environment, and what to do, in one line; None if it can."""
    name = ".".join(map(str, version))
    if not OLDEST <= version <= NEWEST:
        return (
            f"tinynn: got Python {name} ({sys.executable}); expected 3.11 to 3.14. "
            "Try: make lab PYTHON=/path/to/python3.13"
        )
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            return (
                f"tinynn: Python {name} ({sys.executable}) has no {module}, which makes environments and "
                f"brings pip. Try: sudo apt install python{name}-venv"
            )
    return None


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def usable(venv: Path, exact: bool) -> bool:
    """Whether `venv` runs, has pip, and (with `exact`) is of the version that runs this file."""
    probe = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python_of(venv), "-c", probe], capture_output=True, text=True)
    except OSError:
        return False
    version = tuple(map(int, done.stdout.split("."))) if done.returncode == 0 else (0, 0)
    return version == sys.version_info[:2] if exact else OLDEST <= version <= NEWEST


def install(lock: str) -> int:
    # PIP_USER=1 in somebody's environment would refuse to work inside a venv.
    environment = {**os.environ, "PIP_USER": "0"}
    pip = [str(python_of(VENV)), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # -q hides the lines "Requirement already satisfied", one a package, of an update.
    quiet = ["-q"] if read_stamp(VENV) else []
    print(f"tinynn: installing requirements/{lock}.txt into .venv (minutes the first time)", flush=True)
    write_stamp(VENV, {})
    for arguments in (
        # --no-compile: Python compiles what it imports; compiling all would add 140 MB on disk.
        [*quiet, "--no-compile", "--only-binary=:all:", "--require-hashes", "-r", f"requirements/{lock}.txt"],
        ["-q", "--no-build-isolation", "--no-deps", "-e", "."],
    ):
        status = subprocess.run([*pip, *arguments], env=environment, cwd=ROOT).returncode
        if status:
            print("tinynn: the installation stopped; the same command takes it up again.", file=sys.stderr)
            return status
    # The test lock holds every line of the lab lock, so it counts for both.
    write_stamp(VENV, {name: digest(name) for name in ("lab", lock)})
    return 0


def digest(lock: str) -> str:
    """What an installation depends on: the lock, pyproject.toml, the version, where the checkout lies."""
    version = [
        line
        for line in (ROOT / "tinynn" / "__init__.py").read_text(encoding="utf-8").splitlines()
        if line.startswith("__version__")
    ]
    parts = [
        (ROOT / "requirements" / f"{lock}.txt").read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        "\n".join([*version, str(ROOT)]).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp(venv: Path) -> dict[str, str]:
    try:
        return json.loads((venv / "tinynn-stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, stamp: dict[str, str]) -> None:
    (venv / "tinynn-stamp.json").write_text(json.dumps(stamp), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
