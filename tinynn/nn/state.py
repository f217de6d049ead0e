"""The state of a module: every parameter and buffer under its key, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import DtypeError, KeysError
from ..gpu.arrays import beside
from ..tensor import Tensor, plain_array
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module

Slot = tuple["Module", str]  # who has it, and under which attribute


class LoadResult(NamedTuple):
    """Keys that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def slots(module: Module, prefix: str = "") -> Iterator[tuple[str, Slot]]:
    """(key, slot) of all that is saved; what two layers share comes under both keys."""
    for name in module.own(Parameter):
        yield prefix + name, (module, name)
    for name, persistent in vars(module).get("_buffers", {}).items():
        if persistent and vars(module).get(name) is not None:
            yield prefix + name, (module, name)
    for name, child in module.own_modules().items():
        yield from slots(child, f"{prefix}{name}.")


def read(slot: Slot) -> np.ndarray:
    return _plain(getattr(*slot))


def write(slot: Slot, array: np.ndarray, dtype: np.dtype) -> None:
    """Give a parameter or buffer new contents, in memory of its own, where the old ones lie."""
    owner, name = slot
    new = beside(array, read(slot)).astype(dtype, order="C")
    old = getattr(owner, name)
    if isinstance(old, Parameter):
        old.data = new
    else:
        setattr(owner, name, new)


def load(module: Module, state: Mapping[str, Any], strict: bool) -> LoadResult:
    """Check all of `state`, then copy all of it; see `Module.load_state_dict`."""
    where = f"{type(module).__name__}.load_state_dict"
    if not isinstance(state, Mapping):
        raise DtypeError(where, f"a {type(state).__name__}", "a dict of name to array", "model.state_dict()")
    own = dict(slots(module))
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    arrays = {key: _array(state[key]) for key in own if key in state}
    misshapen = [_misfit(key, array, read(own[key])) for key, array in arrays.items()]
    _refuse(where, len(own), missing * strict, unexpected * strict, [text for text in misshapen if text])
    for key, array in arrays.items():
        write(own[key], array, read(own[key]).dtype)
    return LoadResult(missing, unexpected)


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _array(value: Any) -> np.ndarray:
    try:
        return plain_array(value)
    except ValueError:  # rows of different lengths: dtype object, which fits nowhere
        return np.asarray(value, dtype=object)


def _misfit(key: str, array: np.ndarray, own: np.ndarray) -> str | None:
    if array.dtype.kind not in "fiub":
        return f"{key} of dtype {array.dtype}, here {own.dtype}"
    return None if array.shape == own.shape else f"{key} {array.shape}, here {own.shape}"


def _refuse(where: str, count: int, missing: list, unexpected: list, misshapen: list) -> None:
    named = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    got = "; ".join(f"{what} {', '.join(map(str, keys))}" for what, keys in named.items() if keys)
    if got:
        hint = None if misshapen else "strict=False, to load the keys that both have"
        raise KeysError(where, got, f"the {count} keys of this model, each with its shape", hint)
