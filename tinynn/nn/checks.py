"""What constructors and calls ask of their arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError
from ..tensor import Tensor


def whole(where: str, name: str, value: Any, low: int = 1) -> int:
    """`value` as an int of at least `low`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DtypeError(where, f"{name}={value!r}"[:80], "an integer", f"{name}={max(low, 1)}")
    if value < low:
        raise ArgumentError(
            where, f"{name}={value}", f"an integer of at least {low}", f"{name}={max(low, 1)}"
        )
    return int(value)


def number(where: str, name: str, value: Any, low: float = 0, high: float = math.inf, *, hint: str) -> float:
    """`value` as a float from `low` up to but not including `high`; NaN is none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise DtypeError(where, f"{name}={value!r}"[:80], "a number", hint)
    if not low <= value < high:
        wanted = (
            f"a finite number of at least {low:g}" if high == math.inf else f"{low:g} <= {name} < {high:g}"
        )
        raise ArgumentError(where, f"{name}={value}", wanted, hint)
    return float(value)


def fitting_call(where: str, function: Callable, args: tuple, kwargs: dict) -> None:
    """Explain arguments that do not fit the signature of `function`."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as problem:
        count = len(args) + len(kwargs)
        got = f"{count} argument{'s' * (count != 1)} ({problem})"
        raise DtypeError(where, got, f"a call that fits forward{signature}") from None


def floating_dtype(where: str, target: Any) -> np.dtype:
    """The floating dtype that `target` names."""
    try:
        dtype = Tensor(np.zeros((), np.int8)).to(target).dtype
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind != "f":
        raise DtypeError(where, repr(target), "a floating dtype or a device", "model.to(np.float64)")
    return dtype
