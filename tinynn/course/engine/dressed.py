"""Signatures of what comes back in the wrong shape or as the wrong kind of object."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from operator import itemgetter
from typing import Any

import numpy as np

from .call import Odd
from .compare import numeric
from .evidence import Part
from .found import Found, arrays, done, undone
from .texts import phrases

# -- the right numbers as another kind of object ---------------------------------------------------------


def empty_part(part: Part) -> Found | None:
    """None or ... where a part is due."""
    blank = all(p.got is None or isinstance(p.got, Odd) and p.got.kind == "ellipsis" for p in part.pairs)
    return Found("empty_part") if blank else None


def other_object(part: Part) -> Found | None:
    """A Tensor, a list, a generator, a text, a function where an array is due."""
    odd = [p.got for p in part.pairs if not numeric(p.got)]
    if not odd or not all(numeric(p.wanted) for p in part.pairs):
        return None
    if any(numeric(p.got) and np.ndim(p.wanted) for p in part.pairs):  # of shape (), a number will do
        return None
    kind = odd[0].kind if isinstance(odd[0], Odd) else type(odd[0]).__name__
    kind = "method" if "method" in kind else kind
    fill = {"kind": kind, "due": _due(part)}
    if isinstance(odd[0], tuple):
        return _tuple(part)
    if undone(part, _unpacked, least=1) and kind in ("Tensor", "list"):
        return Found(kind + "_right", fill)
    if kind == "list" and not any(np.ndim(p.wanted) for p in part.pairs):
        return Found("list_for_number")
    known = ("Tensor", "list", "generator", "function", "method", "str", "dict", "int")
    return Found(kind if kind in known else "object", fill)


def _due(part: Part) -> str:
    """ "a number" or "an array", in the course's words."""
    say = phrases("engine")["shown"]
    return say["an_array"] if any(np.ndim(p.wanted) for p in part.pairs) else say["a_number"]


def _unpacked(value: Any) -> Any:
    if isinstance(value, Odd) or numeric(value):
        return value.value if isinstance(value, Odd) else value
    return np.asarray(value) if isinstance(value, list) else None


def _tuple(part: Part) -> Found:
    """Too many things for a part: a stray comma, or the answer together with something else."""
    lengths = {len(p.got) for p in part.pairs if isinstance(p.got, tuple)}
    if all(isinstance(p.got, tuple) and all(map(_one_number, p.got)) for p in part.pairs) and lengths != {1}:
        return Found("tuple_of_numbers", {"due": _due(part)})
    if lengths == {1}:
        right = undone(part, itemgetter(0), least=1)
        return Found("one_tuple") if right else Found("one_tuple_wrong", {"due": _due(part)})
    first = next((i for i in range(min(lengths)) if undone(part, itemgetter(i), least=1)), None)
    if first is None:
        return Found("tuple", {"count": str(min(lengths))})
    return Found("tuple_right", {"count": str(min(lengths)), "position": str(first + 1)})


def _one_number(value: Any) -> bool:
    return numeric(value) and np.ndim(value) == 0


def array_for_number(part: Part) -> Found | None:
    """An array of one element for a number."""
    if not arrays(part) or any(np.ndim(p.wanted) or np.size(p.got) != 1 for p in part.pairs):
        return None
    shape = str(np.shape(part.pairs[0].got))
    return Found("array_for_number", {"shape": shape}) if undone(part, _only_element, least=1) else None


def _only_element(value: Any) -> Any:
    return np.ravel(value)[0].item()


# -- the right numbers in another shape ------------------------------------------------------------------


def transposed(part: Part) -> Found | None:
    if not arrays(part) or not undone(part, np.transpose):
        return None
    return Found("transposed" if max(np.ndim(p.got) for p in part.pairs) == 2 else "axes_reversed")


def axes_swapped(part: Part) -> Found | None:
    """The axes in another order, for three axes and more."""
    if not arrays(part) or {np.ndim(p.got) for p in part.pairs} - {3, 4}:
        return None
    for axes in permutations(range(np.ndim(part.pairs[0].got))):
        if undone(part, partial(np.transpose, axes=axes)):
            return Found("axes_swapped", {"axes": str(tuple(int(i) for i in np.argsort(axes)))})
    return None


def axis_kept(part: Part) -> Found | None:
    """An axis of length 1 too many."""
    if not _ranks(part, 1):
        return None
    for axis in _places(part, "got"):
        if undone(part, partial(np.squeeze, axis=axis), least=1):
            return Found("axis_kept", _shapes(part) | {"axis": str(axis)})
    return None


def axis_dropped(part: Part) -> Found | None:
    """An axis of length 1 that is due and not there."""
    if not _ranks(part, -1):
        return None
    for axis in _places(part, "wanted"):
        if undone(part, partial(np.expand_dims, axis=axis), least=1):
            return Found("axis_dropped", _shapes(part) | {"axis": str(axis)})
    return None


def broadcast(part: Part) -> Found | None:
    """(N,) with (N, 1) made (N, N): the right numbers stand on the diagonal."""
    grown = arrays(part) and all(
        np.ndim(p.got) == 2 and np.shape(p.got)[0] == np.shape(p.got)[1] and np.size(p.wanted) == len(p.got)
        for p in part.pairs
    )
    return Found("broadcast", _shapes(part)) if grown and undone(part, np.diagonal) else None


def repeated(part: Part) -> Found | None:
    """The right numbers, repeated along an axis."""
    if not arrays(part) or any(np.size(p.got) <= np.size(p.wanted) for p in part.pairs[:1]):
        return None
    for axis in range(np.ndim(part.pairs[0].got)):
        for kept in (False, True):
            if undone(part, partial(_one_of_equal, axis=axis, kept=kept)):
                return Found("repeated", _shapes(part) | {"axis": str(axis)})
    return None


def _one_of_equal(a: Any, axis: int, kept: bool) -> Any:
    first = np.take(a, [0], axis=axis)
    if not np.array_equal(np.broadcast_to(first, np.shape(a)), a):
        return None
    return first if kept else np.squeeze(first, axis)


def not_summed(part: Part) -> Found | None:
    """An axis that should have been summed (or averaged) is still there."""
    if not arrays(part) or any(np.ndim(p.got) <= np.ndim(p.wanted) for p in part.pairs):
        return None
    for axis in range(np.ndim(part.pairs[0].got)):
        if undone(part, partial(np.sum, axis=axis)):
            return Found("not_summed", _shapes(part) | {"axis": str(axis)})
        if undone(part, partial(np.mean, axis=axis)):
            return Found("not_averaged", _shapes(part) | {"axis": str(axis)})
    for name, whole in (("not_summed_all", np.sum), ("not_averaged_all", np.mean)):
        if undone(part, partial(whole, axis=None)):
            return Found(name, _shapes(part))
    return None


def summed_too_far(part: Part) -> Found | None:
    """An axis is gone that should have stayed."""
    if not arrays(part) or any(np.size(p.got) > np.size(p.wanted) for p in part.pairs):
        return None
    for axis in range(np.ndim(part.pairs[0].wanted)):
        for kept in (False, True):
            for name, do in (("summed_too_far", np.sum), ("averaged_too_far", np.mean)):
                if done(part, partial(do, axis=axis, keepdims=kept)):
                    return Found(name, _shapes(part) | {"axis": str(axis)})
    for name, do in (("summed_all", np.sum), ("averaged_all", np.mean)):
        if done(part, partial(do, axis=None)):
            return Found(name, _shapes(part))
    return None


def reshaped(part: Part) -> Found | None:
    """The right numbers in the right order, in another shape."""
    if not arrays(part) or all(np.shape(p.got) == np.shape(p.wanted) for p in part.pairs):
        return None
    pairs = [p._replace(got=np.reshape(p.got, np.shape(p.wanted))) for p in part.pairs if _same_size(p)]
    same = len(pairs) == len(part.pairs) and all(p.right for p in pairs)
    return Found("reshaped", _shapes(part)) if same else None


def _places(part: Part, which: str) -> list[int]:
    """The axes that all results have, and the last, whose number may differ from case to case."""
    return [*range(min(np.ndim(getattr(pair, which)) for pair in part.pairs)), -1]


def _same_size(pair: Any) -> bool:
    return np.size(pair.got) == np.size(pair.wanted)


def _ranks(part: Part, more: int) -> bool:
    """Whether every result has `more` axes more than are due."""
    return arrays(part) and all(np.ndim(p.got) == np.ndim(p.wanted) + more for p in part.pairs)


def _shapes(part: Part) -> dict[str, str]:
    """The shapes of the first case, as placeholders."""
    first = next((p for p in part.pairs if not p.right), part.pairs[0])
    return {"shape": str(np.shape(first.got)), "due": str(np.shape(first.wanted))}


SHAPES = (
    empty_part, other_object, array_for_number, transposed, axes_swapped, axis_kept, axis_dropped, broadcast,
    repeated, not_summed, summed_too_far, reshaped,
)  # fmt: skip
