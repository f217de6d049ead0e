"""One call of a student's function, in the present process: what came of it, as plain data.

Nothing that the function does by ordinary means gets out: it works on copies, its prints are caught, its
exceptions are told with its own lines. What it takes a process to survive (endless loops, crashes) is
the business of `tinynn.course.engine.runner`.
"""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .call import Call, Odd, Outcome, Problem, basic, copied, plain, shared, unchanged
from .prints import captured
from .traced import lines_of

MOST_NUMBERS = 10_000_000
"""Array elements in one result: some 80 MB. The exercises' results have hundreds."""

MOST_ITEMS = 200_000
"""Things in the lists and dicts of one result, ten characters of a string counted as one."""

DEPTH = 6
"""Lists within lists that `plain` follows."""

Catches = tuple[type[BaseException], ...]
CATCHES: Catches = (Exception, SystemExit, GeneratorExit)
"""In the notebook's process a KeyboardInterrupt is the student pressing stop, and goes on."""


def perform(
    functions: Sequence[Callable], calls: Sequence[Call], catches: Catches = CATCHES
) -> list[Outcome]:
    """Outcomes of the calls, one after the other, without any limit of time."""
    return [perform_one(functions[call.function], call, catches) for call in calls]


def perform_one(function: Callable, call: Call, catches: Catches = CATCHES) -> Outcome:
    """What comes of one call.

    A call that does not fit the function's parameters is not made: `Problem.kind` is then
    "WrongParameters", so that a TypeError inside the function is not mistaken for it.
    """
    args, kwargs = copied(call.args), copied(dict(call.kwargs))
    if call.through is None and (misfit := _misfit(function, call)):
        return Outcome("raised", problem=misfit)
    start = time.perf_counter()
    with captured() as printed:
        end, value, problem, shares = _called(call.of(function), args, kwargs, catches, _home(function))
    seconds = time.perf_counter() - start
    changed = tuple(i for i, (a, b) in enumerate(zip(args, call.args)) if not _same(a, b))
    return Outcome(end, value, problem, changed, printed.text(), seconds, shares)


def _called(
    function: Callable, args: tuple, kwargs: dict, catches: Catches, home: str
) -> tuple[str, Any, Problem | None, tuple[int, ...]]:
    try:
        # The references run without NumPy's warnings too; a verdict says it if a number overflowed.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = function(*args, **kwargs)
            return "value", made_plain(value), None, shared(value, args)
    except catches as problem:
        return "raised", None, problem_of(problem, home), ()


def _misfit(function: Callable, call: Call) -> Problem | None:
    """Whether the parameters do not take the arguments."""
    try:
        signature = inspect.signature(function)
    except Exception:  # built-in functions have none; what is no function at all will say so
        return None
    try:
        signature.bind(*call.args, **call.kwargs)
    except TypeError:
        return Problem("WrongParameters", f"{_head(function, signature)} is called with {_given(call)}")
    return None


def _head(function: Callable, signature: inspect.Signature) -> str:
    """As the student wrote it, without annotations and long values."""
    plain_ones = (bool, int, float, type(None), type(inspect.Parameter.empty))
    short = lambda p: p.default if type(p.default) in plain_ones else ...
    names = [p.replace(annotation=p.empty, default=short(p)) for p in signature.parameters.values()]
    bare = signature.replace(parameters=names, return_annotation=signature.empty)
    return f"`{getattr(function, '__name__', 'function')}{bare}`"[:300]


def _given(call: Call) -> str:
    n = len(call.args)
    values = [f"{n} value{'' if n == 1 else 's'}"]
    return " and ".join(values + [f"`{name}=`" for name in call.kwargs])


def _home(function: Callable) -> str:
    """The file that the function was written in."""
    try:
        return inspect.unwrap(function).__code__.co_filename  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return ""


def problem_of(problem: BaseException, home: str = "") -> Problem:
    """An exception as plain data: a public class, a bounded message, the student's own lines."""
    kind = next(c.__name__ for c in type(problem).__mro__ if not c.__name__.startswith("_"))
    try:
        message = str(problem)
    except BaseException:
        message = ""
    mark = getattr(problem, "mark", "")
    return Problem(kind, message[:2000], lines_of(problem, home), mark if type(mark) is str else "")


def _same(a: Any, b: Any) -> bool:
    try:
        return unchanged(a, b)
    except Exception:  # an argument that can no longer be compared was changed
        return False


# -- the result ---------------------------------------------------------------------------------------------


def made_plain(value: Any) -> Any:
    """`call.plain`, for values that may be too large, or whose own methods raise."""
    try:
        too_much = _too_much(value)
        return Odd(type(value).__name__, too_much) if too_much else plain(value, DEPTH)
    except Exception as problem:  # an attribute or an array of the student's own
        return Odd(type(value).__name__, f"cannot be looked at: {type(problem).__name__}")


def _too_much(value: Any) -> str:
    """Why a value is too large to be sent, or ""."""
    todo, numbers, items = [(value, 0)], 0, 0
    while todo:
        v, depth = todo.pop()
        v = basic(v)
        numbers += _numbers_in(v)
        items += _items_in(v)
        if numbers > MOST_NUMBERS:
            return f"more than {MOST_NUMBERS:,} numbers"
        if items > MOST_ITEMS:
            return f"more than {MOST_ITEMS:,} things in lists"
        if type(v) in (list, tuple, dict) and depth < DEPTH:
            todo += [(w, depth + 1) for w in (v.values() if type(v) is dict else v)]
    return ""


def _numbers_in(value: Any) -> int:
    array = value if isinstance(value, np.ndarray) else getattr(value, "data", None)
    return array.size if isinstance(array, np.ndarray) else 0


def _items_in(value: Any) -> int:
    if type(value) in (list, tuple, dict):
        return 1 + len(value)
    if type(value) is str:
        return 1 + len(value) // 10
    return 1 + value.bit_length() // 80 if type(value) is int else 1
