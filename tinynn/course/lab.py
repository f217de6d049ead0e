"""``python -m tinynn lab``: JupyterLab on the student's copies, kernels compiling in the background."""

from __future__ import annotations

import argparse
import atexit
import importlib.util
import os
import subprocess
import sys
from collections.abc import MutableMapping
from pathlib import Path

from ..errors import DeviceError
from . import places, work

SETTINGS = Path(__file__).resolve().parent / "jupyter"
"""A Jupyter configuration folder: JupyterLab's news prompt and update check start switched off."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("chapter", nargs="?", default="00", help="the chapter to open: 03 (default 00)")
    parser.add_argument("--work", help="the folder of your copies (work/)")
    parser.add_argument("--port", type=int, help="the port to serve on (8888, or the next free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument("--no-warm", action="store_true", help="do not compile kernels in the background")


def run(args: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise DeviceError(
            "lab", f"no JupyterLab beside {sys.executable}", "jupyterlab", 'python -m pip install -e ".[lab]"'
        )
    chapters, copies = work.project_folder("lab") / "chapters", work.work_folder(args.work)
    for laid in work.lay(chapters, copies):
        if laid.outcome != "kept":
            print(laid)
    page = open_at(chapters, copies, args.chapter)
    prepare_jupyter(copies)
    if not args.no_warm:
        start_warming()
    print(f"tinynn: JupyterLab starts in {copies}; Ctrl-C twice ends it.", flush=True)
    serve(arguments(copies, page, args.port, not args.no_browser))
    return 0


def open_at(chapters: Path, copies: Path, wanted: str) -> str:
    """The page to open: the copy of chapter `wanted`, or the file list while there is no chapter at all."""
    if not work.chapters_in(chapters):
        copies.mkdir(parents=True, exist_ok=True)
        return "/lab"
    return f"/lab/tree/{work.find_chapter(copies, wanted).name}"


def prepare_jupyter(copies: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Course settings that leave the user's own Jupyter settings as they are.

    A configuration folder in front of the user's, a workspace of the course's own (the user's may hold tabs
    of another folder), kernels of this environment before a ``python3`` installed for the user, and its
    ``python`` before any other in JupyterLab's terminals and after ``!`` in a cell.
    """
    paths = [str(SETTINGS), *filter(None, [environment.get("JUPYTER_CONFIG_PATH")])]
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    environment["JUPYTER_PREFER_ENV_PATH"] = "1"
    programs = [str(Path(sys.executable).parent), *filter(None, [environment.get("PATH")])]
    environment["PATH"] = os.pathsep.join(programs)
    environment.setdefault("JUPYTERLAB_WORKSPACES_DIR", str(places.private_folder() / "workspaces"))
    environment["TINYNN_WORK"] = str(copies)  # for `!python -m tinynn reset 03` inside a notebook


def arguments(copies: Path, page: str, port: int | None, browser: bool) -> list[str]:
    """JupyterLab's command line."""
    line = [
        f"--ServerApp.root_dir={copies}",
        f"--LabApp.default_url={page}",
        # No news, no update check, no list of extensions from the package index, no search for language
        # servers (which starts npm where there is one): nothing asks the network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LanguageServerManager.autodetect=False",
        "--Application.log_level=WARN",
    ]
    if port is not None:
        line.append(f"--ServerApp.port={port}")
    if not browser:
        line.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")
    return line


def serve(line: list[str]) -> None:
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(line)


def start_warming() -> subprocess.Popen | None:
    """Compile the kernels in a process of low priority that ends with this one."""
    if importlib.util.find_spec("numba") is None:
        print("tinynn: Numba is not installed (there is none for Intel Macs); the NumPy functions run.")
        return None
    command = [sys.executable, "-m", "tinynn", "warm", "--background"]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    atexit.register(child.terminate)
    return child
