"""The project of Part III: a ladder of kernels, each scored as a share of the ceiling."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from ...engine.kinds import Judged
from . import judged

IN_LOOPS = ("python", "compiled")
IN_THREADS = (*IN_LOOPS, "watched")


class Rung(Judged):
    """A step of the project. `parts` names what its worked answer is made of, in `answer`."""

    parts: tuple[str, ...] = ()
    further = ""

    def solution(self) -> str:
        from . import answer  # it imports Numba, which no check needs

        sources = [_source(getattr(answer, name)) for name in self.parts]
        return "\n\n\n".join([*sources, *filter(None, [self.further])])


def _source(part: Any) -> str:
    """The lines of a function or of a kernel, with its decorator."""
    bare = getattr(part, "py_func", getattr(part, "function", part))
    return textwrap.dedent(inspect.getsource(bare)).rstrip()


def _rung(id: str, signature: str, calls: Callable, judge: Callable, minutes: int, *parts: str) -> Rung:
    level = {"17p.1": 1, "17p.5": 3, "17p.6": 3}.get(id, 2)
    one = Rung(id, signature=signature, calls=calls, judge=judge, level=level, minutes=minutes)
    one.parts = parts
    return one


def _on_cpu(id: str, faces: tuple[str, ...], minutes: int, *parts: str) -> None:
    one = _rung(id, "your_function(x)", judged.cpu_calls(faces), judged.judge_cpu(faces), minutes, *parts)
    one.faces = faces


def _in_cuda(id: str, about: Callable | None, minutes: int, *parts: str) -> None:
    calls, judge = judged.cuda_calls(about is not None), judged.judge_cuda(about)
    _rung(id, "your_plan(rows, columns)", calls, judge, minutes, *parts)


_rung("17p.1", "your_function(rows, columns)", judged.least_calls, judged.judge_least, 15, "logsumexp_least")
_on_cpu("17p.2", IN_LOOPS, 30, "logsumexp_numpy", "logsumexp_loops")
_on_cpu("17p.3", IN_THREADS, 25, "logsumexp_threads")
_in_cuda("17p.4", None, 30, "thread_for_row", "logsumexp_naive")
_in_cuda("17p.5", judged.coalesced, 40, "warp_for_row", "logsumexp_coalesced")
_in_cuda("17p.6", judged.once, 50, "row_read_once", "logsumexp_once")
_rung("17p.7", "", lambda answer: [], judged.judge_report, 30, "written").further = "report = written()"
