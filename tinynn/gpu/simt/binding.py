"""Binds a kernel's names for the interpreter: to a GPU's `math`, and device functions to plain ones.

Python's math raises where a GPU gives NaN or infinity (sqrt of -1, exp of 1000), and gives float64 for
float32. Here each function keeps float32, as Numba's does, and never raises.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, SimpleNamespace
from typing import Any

from numpy import float32

from ..kernel import Kernel
from .undefined import Undefined


def bound(function: Any, made: dict[CodeType, FunctionType]) -> FunctionType:
    """A copy of the function whose names mean what they mean on a GPU; so are those that it calls."""
    if function.__code__ in made and not function.__closure__:  # it calls itself
        return made[function.__code__]

    def known(value: Any) -> Any:
        if isinstance(value, Kernel) and value.device:
            return bound(value.function, made)
        return MEANS.get(value, value) if isinstance(value, BuiltinFunctionType) or value is math else value

    names: dict[str, Any] = {"__name__": function.__module__, "__builtins__": builtins}
    cells = tuple([CellType(known(c.cell_contents)) for c in function.__closure__ or ()])
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells or None)
    copy.__kwdefaults__ = function.__kwdefaults__
    made[function.__code__] = copy
    for name in names_of(function.__code__):
        if name in function.__globals__:
            names[name] = known(function.__globals__[name])
        elif name in PLAIN:
            names[name] = PLAIN[name]
    return copy


def names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_of(inner)


def gently(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of math that keeps float32 and gives NaN or infinity where Python raises."""

    def gentle(*args: Any) -> Any:
        try:
            value = function(*args)
        except OverflowError:
            value = math.inf if args[0] > 0 or function is math.cosh else -math.inf
        except ValueError:
            value = -math.inf if args[0] == 0 and function in LOGARITHMS else math.nan
        except TypeError:
            if Undefined in map(type, args):
                return next(a for a in args if type(a) is Undefined)
            raise
        return float32(value) if float32 in map(type, args) and isinstance(value, float) else value

    gentle.__name__ = function.__name__
    return gentle


LOGARITHMS = (math.log, math.log2, math.log10)


def greatest(first: Any, *others: Any) -> Any:
    """The greatest; NaN only if all are, as CUDA's fmax."""
    for other in others or ():
        if other > first or first != first:
            first = other
    return first if others else max(first)


def least(first: Any, *others: Any) -> Any:
    """The least; NaN only if all are, as CUDA's fmin."""
    for other in others or ():
        if other < first or first != first:
            first = other
    return first if others else min(first)


GENTLE = SimpleNamespace(
    **{k: gently(v) if callable(v) else v for k, v in vars(math).items() if not k.startswith("_")}
)
PLAIN = {"max": greatest, "min": least}
MEANS: dict[Any, Any] = {math: GENTLE, max: greatest, min: least}
MEANS |= {v: getattr(GENTLE, k) for k, v in vars(math).items() if callable(v) and hasattr(GENTLE, k)}
