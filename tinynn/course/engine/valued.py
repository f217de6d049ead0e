"""Signatures of numbers that are moved, cut, rounded, or taken from other arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from .call import Outcome
from .compare import Tolerance, agree, near, numeric
from .evidence import NOTHING, Part
from .found import ENOUGH, Found, arrays, done, undone, weight

FIRST = 4
"""Cases in which a likeness is looked for before all are asked."""

UPSTREAM = re.compile(r"d(y|out|z|l|p|h|a|s|x)?$|d?(grad|upstream|dout|gy|g)(_out(put)?)?$")
"""Names of the gradient that comes from above: the first argument called so is it."""


# -- moved -----------------------------------------------------------------------------------------------


def turned_round(part: Part) -> Found | None:
    """The elements from last to first."""
    if all(isinstance(p.got, (list, tuple)) for p in part.pairs):
        return Found("reversed") if undone(part, lambda v: v[::-1]) else None
    for axis in _axes(part):
        if undone(part, partial(np.flip, axis=axis)):
            return Found("reversed_axis", {"axis": str(axis)}) if _rank(part) > 1 else Found("reversed")
    return None


def rolled(part: Part) -> Found | None:
    """The elements moved by one place, the last becoming the first or the other way round."""
    for axis in _axes(part):
        for by, name in ((-1, "rolled_on"), (1, "rolled_back")):
            if undone(part, partial(np.roll, shift=by, axis=axis)):
                return Found(name, {"axis": str(axis)})
    return None


def shifted(part: Part) -> Found | None:
    """The elements one place too far or too early, something else standing at the end."""
    for axis in _axes(part):
        for name, mine, due in (("shifted_on", 1, -1), ("shifted_back", -1, 1)):
            if _moved(part, axis, mine, due):
                return Found(name, {"axis": str(axis)})
    return None


def _moved(part: Part, axis: int, mine: int, due: int) -> bool:
    """Whether the answer without its first (or last) element is what is due without its last (or first)."""
    telling = 0
    for p in part.pairs:
        if np.shape(p.got) != np.shape(p.wanted) or np.ndim(p.got) <= axis:
            return False
        a, b = (_without(np.asarray(v), axis, end) for v, end in ((p.got, mine), (p.wanted, due)))
        if not agree(a, b, p.seen.tolerance):
            return False
        telling += 0 if p.right else len(np.unique(a))
    return telling >= 2 * ENOUGH


def _without(a: np.ndarray, axis: int, end: int) -> np.ndarray:
    keep = slice(1, None) if end == 1 else slice(None, -1)
    return a[(slice(None),) * axis + (keep,)]


def _axes(part: Part) -> range:
    return range(_rank(part)) if arrays(part) else range(0)


def _rank(part: Part) -> int:
    return max((np.ndim(p.got) for p in part.pairs if numeric(p.got)), default=0)


# -- another function of the right number ----------------------------------------------------------------

MADE: dict[str, Callable[[Any], Any]] = {
    "absolute": np.abs,
    "negative_lost": lambda v: np.maximum(v, 0),
    "squared": np.square,
    "rooted": lambda v: np.sqrt(np.abs(v)),
    "inverted": lambda v: 1 / np.asarray(v, float),
    "exponential": np.exp,
    "logarithm": lambda v: np.log(np.asarray(v, float)),
    "complement": lambda v: 1 - np.asarray(v, float),
    "clipped": lambda v: np.clip(v, 0, 1),
    "clipped_one": lambda v: np.clip(v, -1, 1),
    "signs": np.sign,
    "whole": np.trunc,
    "floor": np.floor,
    "softened": lambda v: 1 / (1 + np.exp(-np.asarray(v, float))),
    "bounded": np.tanh,
    "cumulated": lambda v: np.cumsum(v, axis=-1),
}


def made(part: Part) -> Found | None:
    """A known function of the right numbers."""
    if not arrays(part):
        return None
    if len(np.unique(np.concatenate([np.ravel(p.got) for p in part.pairs]))) < ENOUGH:
        return None  # zeros and ones are made of anything
    return next((Found(name) for name, do in MADE.items() if done(part, do)), None)


def not_finite(part: Part) -> Found | None:
    """Infinite or nan where a number is due, everything else right."""
    if not arrays(part) or any(np.shape(p.got) != np.shape(p.wanted) for p in part.pairs):
        return None
    wrong = [p for p in part.pairs if not p.right]
    if not all(_lost(p.got, p.wanted, p.seen.tolerance) for p in wrong):
        return None
    failing = part.evidence.failing
    if all("large" in seen.case.tags for seen in failing) and len(failing) < len(part.evidence.seen):
        return Found("wrong_only_large")
    kinds = {"nan" if np.isnan(np.asarray(p.got, float)).any() else "infinity" for p in wrong}
    return Found("not_finite", {"kinds": ", ".join(sorted(kinds))})


def _lost(got: Any, wanted: Any, tolerance: Tolerance) -> bool:
    """Whether what is wrong is just what is not finite and should be."""
    a, b = np.asarray(got, float), np.asarray(wanted, float)
    lost = ~np.isfinite(a) & np.isfinite(b)
    return bool(lost.any() and near(np.where(lost, b, a), b, tolerance).all())


def negated(part: Part) -> Found | None:
    """True for False."""
    flags = arrays(part) and all(np.asarray(p.wanted).dtype.kind == "b" for p in part.pairs)
    return Found("negated") if flags and undone(part, lambda v: np.logical_not(v), least=6) else None


def rounded(part: Part) -> Found | None:
    """Right to some digits."""
    if not arrays(part) or all(np.asarray(p.wanted).dtype.kind in "biu" for p in part.pairs):
        return None
    if len(np.unique(np.concatenate([np.ravel(p.got) for p in part.pairs]))) < ENOUGH:
        return None
    for digits in range(7):
        if done(part, partial(np.round, decimals=digits)):
            return Found("rounded", {"digits": str(digits)}) if digits else Found("rounded_whole")
    return None


def nearly(part: Part) -> Found | None:
    """Right to within a thousandth everywhere: an eps, or an approximation, is not the one asked for."""
    if not arrays(part) or any(
        np.shape(p.got) != np.shape(p.wanted) or not np.size(p.got) for p in part.pairs
    ):
        return None
    apart = max(_relative(p.got, p.wanted) for p in part.pairs)
    enough = sum(weight(p.got, p.wanted) for p in part.pairs if not p.right) >= 2 * ENOUGH
    return Found("nearly", {"apart": f"{apart:.1g}"}) if apart < 1e-3 and enough else None


def _relative(got: Any, wanted: Any) -> float:
    a, b = np.asarray(got, float), np.asarray(wanted, float)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.inf
    return float(np.abs(a - b).max() / (np.abs(b).max() or 1))


# -- the same whatever comes in --------------------------------------------------------------------------


def zeros(part: Part) -> Found | None:
    """The same number everywhere, on every input."""
    if not arrays(part) or sum(np.size(p.got) for p in part.pairs) < 2 * ENOUGH:
        return None
    values = np.concatenate([np.ravel(p.got) for p in part.pairs])
    varied = len(np.unique(np.concatenate([np.ravel(p.wanted) for p in part.pairs]))) > 2
    same = varied and bool(np.isfinite(values).all() and (values == values[0]).all())
    return Found("all_the_same", {"value": f"{values[0] + 0.0:.4g}"}) if same else None


def fixed(part: Part) -> Found | None:
    """The same answer on different inputs."""
    own = [p for p in part.pairs if not p.seen.case.tags & {"again", "strided"}]
    varied = any(not agree(p.wanted, own[0].wanted) for p in own[1:])
    same = len(own) >= 3 and varied and all(agree(p.got, own[0].got) for p in own[1:])
    return Found("fixed") if same and numeric(own[0].got) else None


def echo(part: Part) -> Found | None:
    """An argument, as it came."""
    for name in part.evidence.arguments:
        values = [p.seen.arguments.get(name, NOTHING) for p in part.pairs]
        same = all(v is not NOTHING and agree(p.got, v, p.seen.tolerance) for p, v in zip(part.pairs, values))
        if same and sum(0 if p.right else weight(p.got, p.wanted) for p in part.pairs) >= ENOUGH:
            return Found("echo", {"argument": name})
    return None


# -- what the reference gives on other arguments ---------------------------------------------------------


def no_upstream(part: Part) -> Found | None:
    """As if the upstream gradient were all ones."""
    i = upstream(part)
    if i is None or not _of_the_kind(part):
        return None
    ones = partial(_changed, i=i, change=np.ones_like)
    return Found("no_upstream", _argument(part, i)) if _by_reference(part, ones) else None


def exchanged(part: Part) -> Found | None:
    """Two arguments taken for one another."""
    if not _of_the_kind(part):
        return None
    for i, j in combinations(range(min(len(part.evidence.arguments), 5)), 2):
        if _by_reference(part, partial(_swapped, i=i, j=j)):
            names = [part.evidence.argument(k) for k in (i, j)]
            return Found("exchanged", {"first": names[0], "second": names[1]})
    return None


def other_axis(part: Part) -> Found | None:
    """Right on transposed arguments, transposed back: rows were taken for columns."""
    if part.right or not _of_the_kind(part):
        return None
    given = part.evidence.reference_on(_transposed_all)
    return Found("other_axis") if _like(part, given, np.transpose) else None


def ignored(part: Part) -> Found | None:
    """An argument that makes no difference to the answer in any case in which it is altered, and should."""
    silent: dict[int, list[bool]] = {}
    for case, *outcomes in part.evidence.probed:
        i, k = map(int, case.note.split())
        before = part.evidence.seen[k]
        values = [part.evidence.part_of(o, part.index) for o in (before.outcome, before.wanted, *outcomes)]
        if all(map(numeric, values)):
            silent.setdefault(i, []).append(_makes_no_difference(*values))
    return next((Found("ignored", _argument(part, i)) for i, said in silent.items() if all(said)), None)


def _makes_no_difference(mine: Any, due: Any, got: Any, other: Any) -> bool:
    """Whether the answer stays where the right one changes. One that is 0 everywhere may be cut off."""
    enough = min(ENOUGH, np.size(due))
    told = np.unique(np.asarray(mine)[np.nonzero(mine)] if np.ndim(mine) else mine).size >= enough
    return told and agree(got, mine) and not agree(other, due) and weight(other, due) >= enough


def upstream(part: Part) -> int | None:
    """The place of the gradient from above among the arguments."""
    names = part.evidence.arguments
    places = (i for i, name in enumerate(names) if UPSTREAM.match(name))
    return next((i for i in places if numeric(part.evidence.seen[0].case.args[i])), None) if names else None


def _argument(part: Part, i: int) -> dict[str, str]:
    return {"argument": part.evidence.argument(i)}


def _of_the_kind(part: Part) -> bool:
    """Whether it may be what the reference gives, on whatever arguments: asking that takes time."""
    return not part.evidence.exercise.seeded and all(numeric(p.got) == numeric(p.wanted) for p in part.pairs)


def _by_reference(part: Part, change: Callable[[tuple], tuple | None]) -> bool:
    """Whether the answer is what the reference gives on changed arguments; mostly the first few say no."""
    first = part.evidence.reference_on(change, FIRST)
    values = [part.evidence.part_of(o, part.index) for o in first]
    mine = [part.evidence.part_of(s.outcome, part.index) for s in part.evidence.seen[:FIRST]]
    pairs = zip(mine, values, part.evidence.seen)
    if not all(m is NOTHING or v is not NOTHING and agree(m, v, s.tolerance) for m, v, s in pairs):
        return False
    return _like(part, part.evidence.reference_on(change), lambda value: value)


def _like(part: Part, given: list[Outcome], turn: Callable[[Any], Any]) -> bool:
    """Whether the answer is what `given` holds, in every case that it holds; and that says something."""
    telling = cases = 0
    for pair, value in zip(part.pairs, part.of(given)):
        if value is NOTHING:
            return False
        turned = turn(value) if isinstance(value, np.ndarray) and value.ndim > 1 else value
        if not agree(pair.got, turned, pair.seen.tolerance):
            return False
        telling += 0 if pair.right else weight(pair.got, pair.wanted)
        cases += not pair.right
    return telling >= ENOUGH and cases >= 2


def _changed(args: tuple, i: int, change: Callable[[Any], Any]) -> tuple:
    return (*args[:i], change(args[i]), *args[i + 1 :])


def _swapped(args: tuple, i: int, j: int) -> tuple | None:
    if max(i, j) >= len(args):
        return None
    swapped = list(args)
    swapped[i], swapped[j] = args[j], args[i]
    return tuple(swapped)


def _transposed_all(args: tuple) -> tuple:
    return tuple(a.T if isinstance(a, np.ndarray) and a.ndim == 2 else a for a in args)


MOVED = (turned_round, rolled, shifted)
VALUES = (
    not_finite, negated, zeros, fixed, echo, no_upstream, exchanged, other_axis, made, rounded, ignored,
    nearly,
)  # fmt: skip
