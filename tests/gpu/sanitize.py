"""compute-sanitizer over small launches of every op with kernels: memory that is not there, races.

``python -m tests.gpu.sanitize`` is what the tool watches; `run` starts it. CuPy's pool is left out there, so
that each array is memory of its own and an index beyond it is seen.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import time
from typing import Any

from .pool import PROJECT

TOOLS = ("memcheck", "racecheck")
PLACES = ("/usr/local/cuda*/bin", "/usr/local/cuda*/compute-sanitizer", "/opt/nvidia/*/bin")
FOUND, REFUSED = 86, ("not supported", "Unable to", "insufficient permissions", "error 999")


def tool() -> str | None:
    """The path of compute-sanitizer."""
    home = os.environ.get("CUDA_HOME", "")
    folders = [os.path.join(home, "bin")] if home else []
    for pattern in PLACES:
        folders += sorted(glob.glob(pattern), reverse=True)
    return shutil.which("compute-sanitizer") or next(
        filter(None, (shutil.which("compute-sanitizer", path=folder) for folder in folders)), None
    )


def run(seconds: float, command: list[str] | None = None) -> dict[str, Any]:
    """Both tools in turn, in the time there is."""
    path = tool() if command is None else "here"
    if path is None:
        return {"status": "absent", "why": "compute-sanitizer is not on this machine"}
    start, said = time.monotonic(), {}
    for name in TOOLS:
        left = seconds - (time.monotonic() - start)
        said[name] = _one(path, name, left / (2 if name == TOOLS[0] else 1), command)
    worst = next(
        (s for s in ("failed", "not reached", "absent") if s in [v["status"] for v in said.values()]), "ok"
    )
    why = "; ".join(f"{name}: {v['why']}" for name, v in said.items() if v.get("why"))
    return {"status": worst, "tools": said} | ({"why": why} if why else {})


def _one(path: str, name: str, seconds: float, command: list[str] | None) -> dict[str, Any]:
    watched = [sys.executable, "-m", "tests.gpu.sanitize", str(max(5, int(seconds * 0.6)))]
    full = command or [path, "--tool", name, "--error-exitcode", str(FOUND), "--print-limit", "5", *watched]
    try:
        done = subprocess.run(
            full, cwd=PROJECT, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return {"status": "not reached", "why": f"no end within {seconds:.0f} s"}
    except OSError as error:
        return {"status": "failed", "why": str(error)}
    text = done.stdout + done.stderr
    ran = [line for line in text.splitlines() if line.startswith("watched:")]
    if done.returncode == 0 and ran:
        return {"status": "ok", "ops": ran[-1].removeprefix("watched:").split()}
    reports = [line.lstrip("= ").strip() for line in text.splitlines() if line.startswith("=========")]
    words = " / ".join(filter(None, reports))[:600] or text.strip()[-300:]
    if done.returncode != FOUND and not ran and any(word in text for word in REFUSED):
        return {"status": "absent", "why": f"the tool refuses this machine: {words[:200]}"}
    return {"status": "failed", "why": f"exit status {done.returncode}: {words}"}


def main() -> int:
    """Launch as much as fits into the seconds given: the op's first cases, forward and backward."""
    from tests.cases import CASES
    from tinynn import ops
    from tinynn.gpu import door, synchronize, to_device

    from .real import ready

    end = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 60)
    door.cupy().cuda.set_allocator(None)
    done = []
    for name, op in ops.catalogue.items():
        if "cuda" not in op.kernels or time.monotonic() > end:
            continue
        for case in [c for c in CASES if c.op == name and all(a.size for a in c.arrays())][:2]:
            ready(op, op.pair("cuda"), [to_device(a) for a in case.arrays("float32")], case.params)
        synchronize()
        done.append(name)
    print("watched:", *done, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
