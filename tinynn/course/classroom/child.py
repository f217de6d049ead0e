"""The process that runs a submission's answers: ``python -m tinynn.course.classroom.child FOLDER``.

It knows no right answer and gives no verdict. Each request brings the statements that one answer needs and
the expression that is handed in; they run in a namespace of their own, in `FOLDER`, and then the calls are
made. What goes back are outcomes as plain data: see `tinynn.course.engine.worker`.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from typing import Any

from ..engine import worker

FILE = "<your notebook>"


def resolver(folder: str) -> worker.Resolve:
    """How a request for ``[source, expression, "function" or "value"]`` becomes a function to call."""

    def resolve(request: dict) -> list[Callable]:
        source, expression, wanted = request["names"]
        os.chdir(folder)
        sys.path.insert(0, folder)
        linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(source, FILE, "exec"), namespace)
        answer = eval(compile(expression, FILE, "eval"), namespace)
        return [answer if wanted == "function" else lambda: answer]

    return resolve


def main() -> None:
    pipes = worker.take_pipes()
    try:
        worker.serve(pipes, resolver(sys.argv[1]))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
