"""A process with the GPU, that answers one request at a time: ``{"do": "compare", "name": "relu"}``.

``--fake`` puts the tests' strict array in CuPy's place and interprets the kernels, at tiny sizes: for the
tests of the run itself, where there is no GPU. What it times means nothing and is never kept.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any

from .timing import Device, Work


class Fake(Device):
    """No GPU: the clock of the host, and sizes of a few elements."""

    real = False
    rounds = 1

    def __init__(self) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        return {"name": "no GPU: interpreted", "cache": 0, "memory": 0}

    def synchronize(self) -> None: ...

    def seconds(self, work: Work, times: int) -> float:
        start = time.perf_counter()
        for _ in range(min(times, 2)):
            work()
        return (time.perf_counter() - start) * times / min(times, 2)

    def free(self) -> None: ...

    def peak(self, work: Work) -> int:
        work()
        return 1

    @property
    def size(self) -> float:
        return 1e-7

    def torch(self) -> Any:
        return None


def answer(device: Device, request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked. Modules load when they are first needed: the first request tells what is missing."""
    do, name = request["do"], request["name"]
    if do == "check":
        from .doctor import examine

        return examine(device)
    if do == "compare":
        from . import compare

        return compare.op(device, name)
    if do == "train":
        from . import compare

        return compare.training(device, name)
    if do == "kernel":
        from . import contests

        return contests.run(device, name)
    if do in ("step", "memory"):
        from . import steps

        return steps.run(device, name) if do == "step" else steps.memory(device)
    from . import timing

    return {"ceilings": timing.ceilings, "overhead": timing.overhead}[do](device)


def serve(device: Device, lines: Any, answers: Any) -> int:
    """Answer line by line. After an error that broke the GPU's context, end: a fresh process will go on."""
    for line in lines:
        try:
            found = answer(device, json.loads(line))
        except BaseException as error:
            traceback.print_exc()
            text = " ".join(f"{type(error).__name__}: {error}".split())[:600]
            found = {"status": "failed", "why": f"{text} ({_place(error)})"}
        broken = _broken(device)
        if broken and found["status"] != "failed":
            found = {"status": "failed", "why": f"the GPU reports {broken}"}
        print(json.dumps(found | {"ends": bool(broken)}), file=answers, flush=True)
        if broken:
            return 3
    return 0


def _place(error: BaseException) -> str:
    """The line of this project where it happened."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "tinynn" in f.filename or "tests" in f.filename
    ]
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "nowhere of ours"


def _broken(device: Device) -> str | None:
    """What the GPU says after the work so far; also frees memory. None if all is well."""
    if "cupy" not in sys.modules and device.real:
        return None
    try:
        device.synchronize()
        device.free()
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return None


def main() -> int:
    answers = os.fdopen(
        os.dup(1), "w"
    )  # nothing that a library prints, in Python or C, may pass for an answer
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    os.environ.setdefault("TINYNN_QUIET", "1")
    if "--fake" not in sys.argv:
        return serve(Device(), sys.stdin, answers)
    from tests.strict import standing_in
    from tinynn.gpu import simt

    with standing_in(), simt.settings(checks=False):  # what checks find, other tests look for
        return serve(Fake(), sys.stdin, answers)


if __name__ == "__main__":
    sys.exit(main())
