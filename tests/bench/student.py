"""What one student takes of a shared machine: ``python -m tests.bench.student [CHAPTER]``.

A server is started, a chapter runs from top to bottom as *Run All Cells* does, and every process is asked for
its memory and processor time: JupyterLab's server, the notebook's kernel, and the process that runs the
answers. Memory is what would be free if the process ended (USS), at the end of the chapter.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

PROJECT = Path(__file__).resolve().parent.parent.parent


def used(process: psutil.Process) -> tuple[float, float]:
    """Memory in MB and processor seconds of one process, without its children."""
    times = process.cpu_times()
    return process.memory_full_info().uss / 2**20, times.user + times.system


def server() -> tuple[float, float]:
    """Of a JupyterLab that has answered once and waits."""
    with tempfile.TemporaryDirectory() as work:
        port = 18_890
        command = [sys.executable, "-m", "tinynn", "lab", "--no-browser", "--no-warm", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--work", work], env={**os.environ, "JUPYTER_TOKEN": "t"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(f"http://localhost:{port}/api?token=t")
            time.sleep(2)
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            every = [used(p) for p in family]
            return sum(m for m, _ in every), sum(s for _, s in every)
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url).read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the server did not answer within a minute")


def chapter(path: Path) -> dict[str, tuple[float, float]]:
    """Of the kernel and of the exercises' worker, after a chapter has run."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as work:
        os.environ["TINYNN_WORK"] = work
        client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": work}})
        with client.setup_kernel():
            for i, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    client.execute_cell(cell, i)
            time.sleep(1)
            pid = client.km.provisioner.process.pid
            kernel = psutil.Process(pid)
            children = kernel.children(recursive=True)
            workers = [used(p) for p in children]
            answers = (sum(m for m, _ in workers), sum(s for _, s in workers))
            return {"kernel": used(kernel), "answers": answers}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "00"
    path = next((PROJECT / "chapters").glob(f"{name}*.ipynb"))
    found = {"server": server(), **chapter(path)}
    found["together"] = tuple(map(sum, zip(*found.values())))  # type: ignore[assignment]
    about = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    print(f"{datetime.date.today()}, {path.stem}, {about}, {psutil.cpu_count()} processors\n")
    print(f"{'':10} {'memory':>10} {'processor':>12}")
    for what, (memory, seconds) in found.items():
        print(f"{what:10} {memory:7.0f} MB {seconds:10.1f} s")


if __name__ == "__main__":
    main()
