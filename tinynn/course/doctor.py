"""``python -m tinynn doctor``: what is installed, what is missing, and what to do about each.

Only the standard library is imported at the top, so that ``python tinynn/course/doctor.py`` still speaks
where ``import tinynn`` fails.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parent.parent.parent
INSTALL = 'python -m pip install -e ".[lab]"'
GPU_INSTALL = 'python -m pip install -e ".[cuda]" (".[cuda12]" for a driver older than 580)'
INTEL_MAC = sys.platform == "darwin" and platform.machine() == "x86_64"

# The oldest versions that pyproject.toml accepts; a test keeps the two in step.
CORE = {"numpy": "2.2", "safetensors": "0.5", "threadpoolctl": "3.5", "tqdm": "4.66", "greenlet": "3.1"}
FAST = {"numba": "0.65", "scipy": "1.16"}
LAB = {
    "cloudpickle": "3.1",
    "jupyterlab": "4.4",
    "ipykernel": "7",
    "ipywidgets": "8.1",
    "matplotlib": "3.10",
    "psutil": "6",
}

GPU = {"numba-cuda": "numba_cuda", "CuPy": "cupy"}  # name to module, both needed

# OpenBLAS's kernels that use AVX-512.
AVX512_CORES = {"SkylakeX", "Cooperlake", "SapphireRapids"}


class Line(NamedTuple):
    """One finding: `status` is ok, warn or fail; `remedy` is what to do unless all is well."""

    status: str
    what: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.status:4}  {self.what}: {self.found}"
        return f"{text}\n        do: {self.remedy}" if self.remedy else text


def examine() -> Iterator[Line]:
    """Every finding in the order in which to repair them."""
    yield python_line()
    yield environment_line()
    yield from package_lines()
    yield import_line()
    yield from compute_lines(probe())
    yield gpu_line()
    yield from folder_lines()
    yield from jupyter_lines()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(args: argparse.Namespace | None = None) -> int:
    count = dict.fromkeys(("ok", "warn", "fail"), 0)
    for line in examine():
        print(line, flush=True)
        count[line.status] += 1
    print(", ".join(f"{number} {status}" for status, number in count.items()))
    return 1 if count["fail"] else 0


# Python and packages ---------------------------------------------------------------------------------


def python_line() -> Line:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 14):
        return Line("ok", "Python", found)
    return Line("fail", "Python", found, "make lab PYTHON=python3.13 (any of 3.11 to 3.14)")


def environment_line(prefix: str = sys.prefix, project: Path = PROJECT) -> Line:
    """Whether this is the Python that `make lab` installed into: the wrong kernel is the usual trouble."""
    venv = project / ".venv"
    if not venv.is_dir():
        return Line("ok", "environment", prefix)
    if Path(prefix).resolve() == venv.resolve():
        return Line("ok", "environment", f"{prefix}, the one that make lab installed")
    ours = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    remedy = f"run {ours}; in a notebook: Kernel > Change Kernel, or VS Code's Select Kernel > .venv"
    return Line("warn", "environment", f"{prefix}, while make lab installed into {venv}", remedy)


def package_lines() -> Iterator[Line]:
    for table, severity in ((CORE, "fail"), (FAST, "warn"), (LAB, "fail")):
        for name, oldest in table.items():
            yield package_line(name, oldest, severity)


def package_line(name: str, oldest: str, severity: str) -> Line:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if name in FAST and INTEL_MAC:
            return Line("ok", name, "not there, as on every Intel Mac (no wheel): the NumPy functions run")
        lost = ", so the slower NumPy functions run" if name in FAST else ""
        return Line(severity, name, f"not installed{lost}", INSTALL)
    if _numbers(version) < _numbers(oldest):
        return Line(severity, name, f"{version}, older than {oldest}", INSTALL)
    return Line("ok", name, version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def import_line() -> Line:
    code = "import tinynn; print(tinynn.__version__, tinynn.__file__)"
    status, out, problem = _python(code, seconds=60)
    if status == 0:
        version, _, file = out.strip().partition(" ")
        return Line("ok", "import tinynn", f"{version} from {Path(file).parent}")
    return Line("fail", "import tinynn", (problem.strip().splitlines() or ["no answer"])[-1], INSTALL)


def _python(code: str, seconds: float) -> tuple[int, str, str]:
    """Run `code` in a process of its own, so that what it loads or breaks stays there.

    Not in this folder, from which the package would be imported without being installed.
    """
    how: dict[str, Any] = {
        "capture_output": True,
        "encoding": "utf-8",
        "errors": "replace",
        "timeout": seconds,
    }
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run([sys.executable, "-c", code], cwd=tempfile.gettempdir(), env=environment, **how)
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {seconds:.0f} s"
    return done.returncode, done.stdout, done.stderr


# Threads and BLAS ------------------------------------------------------------------------------------

PROBE = """
import json, warnings
warnings.simplefilter("ignore")
import numpy
import tinynn
from tinynn import threads
found = {"numba": None, "blas": []}
try:
    import numba
    @numba.njit(parallel=True)
    def sum_of(n):
        total = 0
        for i in numba.prange(n):
            total += i
        return total
    sum_of(100)
    found["numba"] = [threads.threading_layer(), threads.get_num_threads()]
    threads.load_blas()
except Exception as problem:
    found["numba_problem"] = f"{type(problem).__name__}: {problem}"
ones = tinynn.Tensor(numpy.ones((64, 64), numpy.float32))
try:
    assert (tinynn.functional.matmul(ones, ones).numpy() == 64).all(), "64 ones do not add up to 64"
except Exception as problem:
    found["product"] = f"{type(problem).__name__}: {problem}"
found["avx512"], found["blas"] = threads.has_avx512(), threads.blas_info()
print(json.dumps(found))
"""


def probe() -> dict[str, Any]:
    """Load what a training step loads, in another process, and report what it found."""
    status, out, problem = _python(PROBE, seconds=120)
    try:
        return json.loads(out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"problem": (problem.strip().splitlines() or [f"exit status {status}"])[-1]}


def compute_lines(found: dict[str, Any]) -> Iterator[Line]:
    if "problem" in found:
        yield Line("fail", "threads and BLAS", found["problem"], INSTALL)
        return
    if "product" in found:
        yield Line("fail", "matrix product", found["product"], f"{INSTALL}, or report it")
    cores = f"{usable_cores()} of {os.cpu_count()} cores usable"
    if found["numba"]:
        layer, threads = found["numba"]
        yield Line("ok", "threads", f"{cores}, {threads} for Numba, layer {layer}")
    elif not found["numba_problem"].startswith("ModuleNotFoundError"):
        yield Line(
            "fail", "threads", f"{cores}; {found['numba_problem']}", "set NUMBA_THREADING_LAYER=workqueue"
        )
    else:
        yield Line("ok", "threads", f"{cores}, no Numba")
    for library in found["blas"]:
        yield blas_line(library, found["avx512"])


def blas_line(library: dict[str, Any], avx512: bool) -> Line:
    """One BLAS library, as a training step finds it: whose, which kernels, how many threads."""
    owner = {"numpy": "NumPy", "scipy": "SciPy", "both": "NumPy and SciPy"}[library["library"]]
    core, threads = library["core"] or "unknown", library["threads"]
    what = f"BLAS of {owner}"
    found = f"{library['name']} {library['version']}, core {core}, {threads} thread" + "s" * (threads != 1)
    if core in AVX512_CORES or not avx512 or library["name"] != "openblas":
        return Line("ok", what, found)
    if os.environ.get("OPENBLAS_CORETYPE"):
        return Line("ok", what, f"{found}, as OPENBLAS_CORETYPE asks (the CPU has AVX-512)")
    if owner == "NumPy" and importlib.util.find_spec("scipy"):
        return Line("ok", what, f"{found} (the CPU has AVX-512; the default backend uses SciPy's library)")
    remedy = "set OPENBLAS_CORETYPE=SkylakeX before Python starts"
    return Line("warn", what, f"{found}, though the CPU has AVX-512", remedy)


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# GPU -------------------------------------------------------------------------------------------------


def gpu_line() -> Line:
    """The GPU in words; having none is no fault."""
    count = gpu_count()
    lacking = [name for name, package in GPU.items() if importlib.util.find_spec(package) is None]
    if not count:
        reason = "no NVIDIA driver" if count is None else "an NVIDIA driver, but no GPU"
        text = f'{reason}: everything runs on the CPU, CUDA kernels in the interpreter (backend "simt")'
        return Line("ok", "GPU", text)
    if lacking:
        text = f"{count} with driver, not used: {' and '.join(lacking)} not installed"
        return Line("warn", "GPU", text, GPU_INSTALL)
    versions = [f"{name} {importlib.metadata.version(_package_of(package))}" for name, package in GPU.items()]
    return Line("ok", "GPU", f'{count} with driver, {", ".join(versions)}: tensor.to("cuda")')


def gpu_count() -> int | None:
    """The number of CUDA devices; None without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return None
    return count.value


def _package_of(module: str) -> str:
    """The installed package that a module is of: cupy is cupy-cuda13x."""
    return importlib.metadata.packages_distributions().get(module, [module])[0]


# Folders and Jupyter ---------------------------------------------------------------------------------


def folder_lines() -> Iterator[Line]:
    places = _places()
    places.prepare_environment()
    if places.MOVED:
        found = (
            f"the usual folders are read-only; {', '.join(places.MOVED)} point into {places.private_folder()}"
        )
        yield Line("ok", "caches", found)
    else:
        yield Line("ok", "caches", "writable")
    work = Path(os.environ.get("TINYNN_WORK") or PROJECT / "work")
    if places.writable(work):
        yield Line("ok", "your copies", str(work))
    else:
        yield Line("fail", "your copies", f"{work} is not writable", "python -m tinynn lab --work FOLDER")


def _places() -> Any:
    if __package__:
        from . import places

        return places
    return importlib.import_module("places")  # run as a file: its own folder is on the path


def jupyter_lines() -> Iterator[Line]:
    if importlib.util.find_spec("jupyter_client") is None:
        return  # the packages' lines have said so
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # as `lab` does
    yield kernel_line()
    extension = Path(sys.prefix) / "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager"
    if extension.is_dir():
        yield Line("ok", "widgets", "JupyterLab's widget manager is there")
    else:
        remedy = "python -m pip install --force-reinstall jupyterlab_widgets"
        yield Line("fail", "widgets", f"{extension} is missing", remedy)


def kernel_line() -> Line:
    """Which Python the notebooks' ordinary kernel, python3, runs."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = f"{Path(sys.executable).name} -m ipykernel install --sys-prefix"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Line("fail", "kernel python3", "not installed", remedy)
    # Jupyter reads a bare name as "the Python that runs Jupyter".
    python = sys.executable if command in ("python", "python3", Path(sys.executable).name) else command
    if os.path.normcase(python) == os.path.normcase(sys.executable):
        return Line("ok", "kernel python3", f"runs {python}")
    return Line("fail", "kernel python3", f"runs {python}, not {sys.executable}", remedy)


if __name__ == "__main__":
    sys.exit(run())
