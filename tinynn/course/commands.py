"""The commands of ``python -m tinynn`` that are a few lines each: warm, bench, docs, version."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys

from ..errors import DeviceError, FileError
from .work import project_folder


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command without options."""


def run_version(args: argparse.Namespace) -> int:
    from .. import __version__

    print(__version__)
    return 0


def add_warm_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--background", action="store_true", help="run at low priority, beside your own work")


def run_warm(args: argparse.Namespace) -> int:
    if importlib.util.find_spec("numba") is None:
        print("Numba is not installed: the NumPy functions run, and there is nothing to compile.")
        return 0
    from ..warm import main

    return main(["--background"] if args.background else [])


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="what `python -m tests.bench` takes")


def run_bench(args: argparse.Namespace) -> int:
    project = project_folder("bench")
    return subprocess.run([sys.executable, "-m", "tests.bench", *args.rest], cwd=project).returncode


def add_docs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default=None, help="the folder to write (docs/api)")


def documented() -> list[str]:
    """Every module to read about by name: pdoc alone goes no further than `__all__`."""
    package = importlib.import_module(__package__.split(".")[0])
    found = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    kept = [n for n in found if not n.endswith(("_numba", "__main__")) and "._" not in n]
    return [package.__name__, *kept]


def run_docs(args: argparse.Namespace) -> int:
    if importlib.util.find_spec("pdoc") is None:
        raise DeviceError(
            "docs", "no pdoc", "pdoc, which writes the pages", 'python -m pip install -e ".[test]"'
        )
    out = args.out or str(project_folder("docs") / "docs" / "api")
    # A process of its own: pdoc imports every module of the package.
    # It warns of modules that `__all__` leads to as well, and of a NamedTuple's types, shown as text.
    quiet = ["-W", "ignore::UserWarning:pdoc.extract", "-W", "ignore::UserWarning:pdoc.doc_types"]
    command = [sys.executable, *quiet, "-m", "pdoc", "--docformat", "numpy", "--output-directory", out]
    command += documented()
    status = subprocess.run(command).returncode
    if status:
        raise FileError(
            "docs", f"exit status {status} from pdoc", "pages in " + out, "read what it says above"
        )
    print(f"API reference: {os.path.join(out, 'tinynn.html')}")
    return 0
