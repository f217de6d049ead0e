"""Threads and BLAS: how many threads the compiled kernels use, and which BLAS does the products.

Two pools of threads that are busy at once fight: Numba's threads, each starting BLAS's, made a training
step ten times slower, and so did a product by NumPy's threads just before a kernel by Numba's. So while
compiled kernels run, every BLAS works in one thread, and the kernels call it from many.

NumPy's BLAS is usually loaded before anyone can configure it. SciPy brings a library of its own; the
kernels use that one, and it is configured here before it loads.

    set_num_threads(4)      restore_blas()      blas_info()
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import numpy as np

from .backends import say_once
from .errors import ArgumentError, DeviceError

__all__ = ["blas_info", "get_num_threads", "lock", "restore_blas", "set_num_threads", "threading_layer"]

lock = threading.RLock()
"""Held by whoever is inside compiled code: two threads in parallel Numba code at once abort the process
with the workqueue layer, which is what macOS and Windows get from pip."""

LAUNCH = {"omp": 10_000, "tbb": 20_000, "workqueue": 60_000}
"""Nanoseconds of work that pay for waking one more thread, by threading layer.

Measured on two cores: an empty launch takes 1.3 microseconds with omp while its threads still spin and 37
once they sleep, and 60 to 85 with workqueue. That of tbb is an estimate.
"""

SPIN = {"GOMP_SPINCOUNT": "10000"}
"""How long a thread of GNU OpenMP waits for the next launch before it sleeps: about half a millisecond.

Its own default is thirty times longer: beside one other busy process each launch then took 8 milliseconds,
a whole time slice. Measured on two cores, an MLP training step at batch 256 in milliseconds, quiet / beside
a busy process: 0.87 / 4.0 with 10,000, 0.89 / 2.8 with 5000, 0.93 / 1.8 with 1000. But with less than 10,000
both threads often shared one core for dozens of steps after a pause, at 1.9.
"""

team: tuple[int, int] = (1, LAUNCH["workqueue"])
"""(threads, nanoseconds of work that pay for one more): the first argument of every kernel."""

AVX512_CORES = {"SkylakeX", "Cooperlake", "SapphireRapids"}
"""OpenBLAS's kernels that use AVX-512."""

_wanted: int | None = None  # what the user asked for, before or after Numba is there
_numpy_threads: dict[str, int] = {}  # library file to the threads it had before we changed it
_notes: list[str] = []


# -- threads of the kernels ---------------------------------------------------------------------------


def most_threads() -> int:
    """The largest number of threads: NUMBA_NUM_THREADS if set, else the cores this process may use."""
    if "numba" in sys.modules:
        return importlib.import_module("numba").config.NUMBA_NUM_THREADS
    setting = os.environ.get("NUMBA_NUM_THREADS", "")
    if setting.isdigit() and int(setting):
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """Threads that compiled kernels may use. Equals torch.get_num_threads."""
    return most_threads() if _wanted is None else _wanted


def set_num_threads(n: int) -> None:
    """Let compiled kernels use `n` threads, in the whole process. Equals torch.set_num_threads.

    Raises
    ------
    ArgumentError
        For less than 1, or more than the threads that Numba started with.
    """
    global _wanted
    most = most_threads()
    whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
    if not whole or not 1 <= n <= most:
        more = whole and n > most
        hint = f"NUMBA_NUM_THREADS={n} in the environment before Python starts" if more else f"{most}"
        raise ArgumentError("set_num_threads", repr(n), f"a number of threads from 1 to {most}", hint)
    _wanted = int(n)
    _assemble()


def threading_layer() -> str | None:
    """What runs the threads ("omp", "tbb", "workqueue"); None before the first parallel kernel is there."""
    if "numba" not in sys.modules:
        return None
    try:
        return importlib.import_module("numba").threading_layer()
    except ValueError:  # Numba's answer while no threads have started
        return None


def _assemble() -> None:
    """Tell the kernels: from the next call on."""
    global team
    if layer := threading_layer():
        team = (get_num_threads(), LAUNCH.get(layer, LAUNCH["workqueue"]))


def start(launch: Callable[[], Any]) -> Any:
    """Call `launch`, which starts Numba's threads, in the right environment; return what it returns."""
    settings = (
        {} if "OMP_WAIT_POLICY" in os.environ else {k: v for k, v in SPIN.items() if k not in os.environ}
    )
    with _environment(settings):
        launched = launch()
    _assemble()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_alone)
    return launched


def _alone() -> None:
    """In a forked child: the parent's threads are not there, and GNU OpenMP ends whoever asks for them."""
    global lock, team
    lock, team = threading.RLock(), (1, team[1])


# -- BLAS -----------------------------------------------------------------------------------------------


def load_blas() -> None:
    """Load SciPy's BLAS for this CPU and in one thread, and put NumPy's on one thread.

    The environment variables are set for the length of the import only, so that child processes find
    what the user set. TINYNN_KEEP_BLAS=1 leaves NumPy's BLAS as it is.
    """
    before = "scipy.linalg" in sys.modules
    with _environment(_settings()):
        importlib.import_module("scipy.linalg.cython_blas")
    for library in _libraries():
        owner = _owner(library.filepath)
        if owner == "scipy":
            library.set_num_threads(1)
            _note_core(library, before)
        elif library.num_threads > 1 and not os.environ.get("TINYNN_KEEP_BLAS"):
            _numpy_threads[library.filepath] = library.num_threads
            library.set_num_threads(1)
    if _numpy_threads:
        most = max(_numpy_threads.values())
        say_once(
            "blas",
            f"NumPy's BLAS now works in 1 thread instead of {most}, so that its threads and those of the "
            "compiled kernels do not fight. tinynn.threads.restore_blas() undoes it.",
        )


def restore_blas() -> list[dict[str, Any]]:
    """Give NumPy's BLAS back the threads it had, for programs that mostly multiply NumPy arrays.

    SciPy's stays on one thread: the kernels call it from several. Returns `blas_info`.
    """
    for library in _libraries():
        if library.filepath in _numpy_threads:
            library.set_num_threads(_numpy_threads.pop(library.filepath))
    return blas_info()


def blas_info() -> list[dict[str, Any]]:
    """What each loaded BLAS is: its owner ("numpy", "scipy" or "both"), version, core, threads, and a note.

    Apple's Accelerate, which NumPy and SciPy use on new Macs, cannot be asked and is not listed.
    """
    return [
        {
            "library": _owner(library.filepath),
            "name": library.internal_api,
            "version": library.version,
            "core": getattr(library, "architecture", None),
            "threads": library.num_threads,
            "note": " ".join(_notes) if _owner(library.filepath) != "numpy" else "",
        }
        for library in _libraries()
    ]


def _settings() -> dict[str, str]:
    """Environment variables for the import of SciPy's BLAS; what the user has set stays."""
    settings = {"OPENBLAS_NUM_THREADS": "1"}
    if has_avx512() and not os.environ.get("OPENBLAS_CORETYPE"):
        settings["OPENBLAS_CORETYPE"] = "SkylakeX"
    return settings


def has_avx512() -> bool:
    """Whether the CPU has the AVX-512 instructions that OpenBLAS's SkylakeX kernels use."""
    features = getattr(getattr(np, "_core", None), "_multiarray_umath", None)
    return bool(getattr(features, "__cpu_features__", {}).get("AVX512_SKX"))


def _note_core(library: Any, scipy_came_first: bool) -> None:
    if scipy_came_first:
        _notes.append(
            "SciPy was imported before tinynn's kernels, so its core type could not be chosen here."
        )
    core = getattr(library, "architecture", None)
    chosen = os.environ.get("OPENBLAS_CORETYPE")
    if core and core not in AVX512_CORES and has_avx512() and not chosen:
        remedy = "set OPENBLAS_CORETYPE=SkylakeX before Python starts."
        _notes.append(f"The CPU has AVX-512, which {core} does not use: {remedy}")
        say_once("core", f"SciPy's BLAS takes this CPU for a {core}, at half its speed: {remedy}")


def _libraries() -> list[Any]:
    """The BLAS libraries of NumPy and SciPy in this process; those of other packages are left alone."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        raise DeviceError(
            "blas_info", "no threadpoolctl", "it installed", "pip install threadpoolctl"
        ) from None
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in libraries if _owner(library.filepath) != "other"]


def _owner(path: str) -> str:
    """Whose library this is: wheels keep it in numpy.libs or scipy.libs; conda has one for both."""
    folders = PurePath(path).parts[:-1]
    for name in ("numpy", "scipy"):
        if any(part.lower() in (name, f"{name}.libs") for part in folders):
            return name
    return "other" if "site-packages" in folders or "dist-packages" in folders else "both"


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
