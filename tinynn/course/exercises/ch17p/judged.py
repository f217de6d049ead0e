"""What a milestone asks of a rung, and what is said about it. Times decide nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ....backends import has_numba
from ....gpu.poison import unwritten
from ...engine.call import Call, Outcome
from ...engine.checker import stopped
from ...engine.compare import numeric
from ...engine.compiled import compiled_told, watched_told
from ...engine.texts import phrases
from ...engine.verdict import Code, Verdict
from ...ladder.counted import NO_PLAN, Ran, Traffic
from ...ladder.tasks import TASKS, Task, at_work, inputs, task_of, to_count
from .wrong import WRONG, bytes_of

USED = 0.75
"""Share of the bytes moved that a coalesced kernel uses."""
CONFLICTS = 0.1
"""Of all turns at the banks, those beyond the first of a step, at most."""
ASKED = [(64, 128), (1, 1), (7, 5), (1000, 3)]
"""Rows and columns for which the least traffic is asked."""
WORDS = 100
RUNGS = 4
"""Rungs whose figures a report quotes, at the fewest."""
BY_CLOCK, BY_COUNT = 2.0, 1.0
"""A quoted time may be off by this factor, a quoted count by so many percentage points."""
QUOTED = re.compile(r"\[\s*([^\[\]:]+?)\s*:\s*([0-9]+(?:[.,][0-9]+)?)\s*%\s*\]")


def say(name: str, /, **about: Any) -> str:
    return phrases("17p")["says"][name].format(**about)


def look(name: str, /, **about: Any) -> Verdict:
    return Verdict("look", say(name, **about), diagnosis="mistake", names=(name,))


def without_task(answer: Any) -> Verdict | None:
    """What is said of a function whose name tells no operation."""
    return None if task_of(_bare(answer)) else look("no_task", names=", ".join(f"`{n}`" for n in TASKS))


def _bare(answer: Any) -> Any:
    return getattr(answer, "py_func", answer)


def _task(answer: Any) -> Task:
    return task_of(_bare(answer)) or TASKS["logsumexp"]


# -- the least traffic -------------------------------------------------------------------------------------


def least_calls(answer: Any) -> list[Call]:
    return [Call(shape) for shape in ASKED]


def judge_least(answer: Any, outcomes: list[Outcome]) -> Verdict:
    if said := without_task(answer) or _unfinished(outcomes):
        return said
    task, got = _task(answer), [o.value for o in outcomes]
    if not all(numeric(value) and np.ndim(value) == 0 for value in got):
        return look("no_number")
    if np.array_equal(got, [task.least(*shape) for shape in ASKED]):
        return Verdict("right", say("least_right"))
    for name, wrong in bytes_of(task.name):
        if np.array_equal(got, [wrong(*shape) for shape in ASKED]):
            return look(name)
    (rows, columns), first = ASKED[0], float(got[0])
    return look("other_least", rows=rows, columns=columns, got=f"{first:,.0f}")


# -- results -------------------------------------------------------------------------------------------------


def _unfinished(outcomes: list[Outcome]) -> Verdict | None:
    """What is said where a call did not come to its end; None where all did."""
    bad = next((o for o in outcomes if o.end != "value"), None)
    if bad is None:
        return None
    if bad.problem and bad.problem.kind == "NotImplementedError":
        return Verdict("open", say("unwritten"))
    if bad.problem and bad.problem.kind in ("KernelError", "WrongParameters"):
        name = bad.problem.mark.partition("@")[0].strip("- ").split(" ")[-1] or "kernel"
        headline = say("found" if bad.problem.kind == "KernelError" else "parameters")
        return Verdict("look", bad.problem.message, headline, (), "exception", (name,))
    return stopped(bad)


@cache
def _wrong_results(task: str) -> list[tuple[str, list[np.ndarray]]]:
    with np.errstate(all="ignore"):
        return [(name, [np.asarray(wrong(x)) for x in inputs()]) for name, wrong in WRONG[task]]


def _about_results(task: Task, outcomes: list[Outcome]) -> Verdict | None:
    """What is wrong with the results on all inputs; None where nothing is."""
    if said := _unfinished(outcomes):
        return said
    got = [o.value for o in outcomes]
    if any(isinstance(value, str) and value == NO_PLAN for value in got):
        return look("no_plan")
    if any(o.changed for o in outcomes):
        return look("changed")
    if all(task.right(value, x) for value, x in zip(got, inputs())):
        kinds = {value.dtype for value in got}
        return None if kinds == {np.dtype(np.float32)} else look("dtype", kind=sorted(map(str, kinds))[0])
    for name, wrong in _wrong_results(task.name):
        if all(_alike(value, w) for value, w in zip(got, wrong)):
            return look(name)
    return _first_difference(task, got)


def _alike(got: Any, wrong: np.ndarray) -> bool:
    if not isinstance(got, np.ndarray) or got.shape != wrong.shape:
        return False
    with np.errstate(over="ignore"):
        wrong = wrong.astype(np.float32)
    finite = np.abs(wrong[np.isfinite(wrong)]).max(initial=1.0)
    return bool(np.allclose(got, wrong, 1e-3, 1e-5 * finite, equal_nan=True))


def _first_difference(task: Task, got: list[Any]) -> Verdict:
    """The smallest input whose result is wrong."""
    value, x = next((v, x) for v, x in zip(got, inputs()) if not task.right(v, x))
    wanted = task.exact(x)
    if not isinstance(value, np.ndarray) or value.shape != wanted.shape:
        is_array = isinstance(value, np.ndarray)
        shape = f"an array of shape {value.shape}" if is_array else f"a {type(value).__name__}"
        return look("shape", rows=x.shape[0], columns=x.shape[1], got=shape, wanted=wanted.shape)
    at = np.unravel_index(np.argmax(np.nan_to_num(np.abs(value - wanted), nan=np.inf)), wanted.shape)
    where = "[" + ", ".join(map(str, map(int, at))) + "]"
    text = say(
        "other",
        rows=x.shape[0],
        columns=x.shape[1],
        at=where,
        got=f"{value[at]:.5g}",
        wanted=f"{wanted[at]:.5g}",
    )
    if unwritten(value).any():
        text += " " + phrases("kinds")["kernel"]["holes"]
    shown = (Code(np.array2string(x, precision=3), "x"),) if x.size <= 15 else ()
    return Verdict("look", text, "", shown, "signature", ("other",))  # fmt: skip


# -- on the CPU ----------------------------------------------------------------------------------------------


def cpu_calls(faces: tuple[str, ...]) -> Callable[[Any], list[Call]]:
    further = [Call((at_work(),), {}, number) for number in range(1, len(faces))]
    return lambda answer: [Call((x,)) for x in inputs()] + (further if has_numba() else [])


def judge_cpu(faces: tuple[str, ...]) -> Callable[[Any, list[Outcome]], Verdict]:
    def judge(answer: Any, outcomes: list[Outcome]) -> Verdict:
        task, count = _task(answer), len(inputs())
        if said := without_task(answer) or _about_results(task, outcomes[:count]):
            return said
        wanted = task.exact(at_work()).astype(np.float32)
        told = {"compiled": compiled_told, "watched": watched_told}
        for face, outcome in zip(faces[1:], outcomes[count:]):
            if said := told[face](outcome, wanted):
                return said
        if "watched" in faces and not _in_parallel(answer):
            return look("not_parallel")
        return Verdict("right", say("cpu_right", n=count))

    return judge


def _in_parallel(answer: Any) -> bool:
    """Whether Numba is asked for threads; so it is taken to be where nothing is compiled."""
    return bool(getattr(answer, "targetoptions", {"parallel": True}).get("parallel"))


# -- in CUDA -------------------------------------------------------------------------------------------------


def cuda_calls(counts: bool) -> Callable[[Any], list[Call]]:
    def calls(answer: Any) -> list[Call]:
        name = _task(answer).name
        asked = [Call((x,), through=Ran(name)) for x in inputs()]
        return [*asked, Call((to_count(),), through=Ran(name, counts=True))] if counts else asked

    return calls


def judge_cuda(about: Callable[[Task, Traffic], Verdict] | None) -> Callable[[Any, list[Outcome]], Verdict]:
    def judge(answer: Any, outcomes: list[Outcome]) -> Verdict:
        task, count = _task(answer), len(inputs())
        if said := without_task(answer) or _about_results(task, outcomes[:count]):
            return said
        if about is None:
            return Verdict("right", say("cuda_right", n=count))
        return _unfinished(outcomes[count:]) or about(task, Traffic(*outcomes[count].value))

    return judge


def coalesced(task: Task, t: Traffic) -> Verdict:
    """Whether what is moved is used."""
    if t.used_share >= USED:
        return Verdict("right", say("coalesced_right", used=t.used_share, share=t.share))
    text = say("apart", used=t.used_share, goal=USED)
    why = say("judged", word=t.judgement) if t.line else ""
    shown = (Code(t.line, say("dearest")),) if t.line else ()
    return Verdict("look", f"{text} {why}".rstrip(), "", shown, "signature", ("apart",))


def once(task: Task, t: Traffic) -> Verdict:
    """Whether little is moved beyond what must be, without waiting at the banks."""
    if t.share < task.once:
        times = t.moved / t.least
        name = "apart" if t.used_share < USED else "again"
        about = (
            {"used": t.used_share, "goal": USED} if name == "apart" else {"times": times, "goal": task.once}
        )
        shown = (Code(t.line, say("dearest")),) if t.line else ()
        return Verdict("look", say(name, share=t.share, **about), "", shown, "signature", (name,))
    if t.trips and t.conflicts / t.trips > CONFLICTS:
        return look("banks", conflicts=t.conflicts, trips=t.trips)
    return Verdict("right", say("once_right", share=t.share, conflicts=t.conflicts, barriers=t.barriers))


# -- the report ----------------------------------------------------------------------------------------------


def judge_report(answer: Any, outcomes: list[Outcome]) -> Verdict:
    """Whether the figures in a text are those that were measured; see `QUOTED`."""
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], str):
        return look("no_report")
    text, measured = answer
    if not isinstance(measured, dict) or not measured:
        return look("nothing_measured")
    quoted = [(name, float(number.replace(",", "."))) for name, number in QUOTED.findall(text)]
    words = len(QUOTED.sub(" ", text).split())
    if not quoted:
        return look("no_figures")
    for name, number in quoted:
        if name not in measured:
            return look("unknown_rung", name=name, known=", ".join(measured))
        if not _is_near(number, measured[name]):
            return look(
                f"off_{measured[name]['by']}", name=name, got=number, wanted=measured[name]["percent"]
            )
    if len({name for name, _ in quoted}) < RUNGS or {measured[n]["by"] for n, _ in quoted} != {
        "clock",
        "count",
    }:
        return look("too_few", n=RUNGS)
    if words < WORDS:
        return look("short", n=words, wanted=WORDS)
    return Verdict("right", say("report_right", n=len(quoted), words=words))


def _is_near(number: float, one: dict[str, Any]) -> bool:
    percent = float(one["percent"])
    if one["by"] == "count":
        return abs(number - percent) <= BY_COUNT
    low, high = sorted((number, percent))
    return high <= BY_CLOCK * low or high - low <= 0.1  # a hundredth of a percent is quoted as 0.0
