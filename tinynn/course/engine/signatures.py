"""Signatures: what can be said of a wrong answer without knowing it beforehand, each tried on all cases.

A signature is a statement about numbers that holds in every case or is not made. Its name is the key of its
words in ``exercises/en/engine.toml``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .call import Odd
from .compare import agree, numeric
from .dressed import SHAPES
from .evidence import Evidence, Part, Seen
from .factors import FACTORS, by_row, factor, more_of_argument, offset, times_argument
from .found import Found, Signature
from .valued import MOVED, VALUES, nearly, no_upstream, not_finite

ALL: tuple[Signature, ...] = (
    *SHAPES, not_finite, factor, no_upstream, times_argument, *MOVED, more_of_argument, offset,
    *(s for s in VALUES if s not in (no_upstream, nearly, not_finite)), by_row, nearly,
)  # fmt: skip
"""From the most specific to the least."""

assert {*SHAPES, *FACTORS, *MOVED, *VALUES} == set(ALL)


def signature(part: Part) -> Found | None:
    """The first signature that holds for a part that is wrong."""
    return next(filter(None, (s(part) for s in ALL)), None) if not part.right and part.pairs else None


# -- of the answer as a whole ----------------------------------------------------------------------------


def unlike_itself(evidence: Evidence) -> Found | None:
    """Another answer to the same question: the first case is asked again, and once more at the end."""
    first, again = evidence.seen[0], unlike_first(evidence)
    if again is None:
        return None
    if evidence.passes(first):
        return None if evidence.passes(again) else Found("state")
    several_are_right = evidence.exercise.same is not None
    return None if several_are_right else Found("random")


def unlike_first(evidence: Evidence) -> Seen | None:
    """The first case asked again, where something else came."""
    first = evidence.seen[0]
    if first.outcome.end != "value" or odd(first.outcome.value):
        return None  # odd values are told by their repr, which may hold an address
    again = (s for s in evidence.seen if "again" in s.case.tags and s.outcome.end == "value")
    other = (s for s in again if not agree(s.outcome.value, first.outcome.value, first.tolerance))
    return next((s for s in other if not odd(s.outcome.value)), None)


def odd(value: Any) -> bool:
    """Whether something that is no plain data is in it."""
    return isinstance(value, Odd) or isinstance(value, (tuple, list)) and any(map(odd, value))


WRONG_ONLY = ("strided", "float32", "empty", "one", "large", "small")
RIGHT_ONLY = ("ones", "square")  # a single row, or a large number, is right by chance too often


def only(evidence: Evidence) -> Found | None:
    """Wrong on one special kind of input only, or right only where ones or equal sizes hide a mistake."""
    wrong = evidence.failing
    right = [seen for seen in evidence.seen if not any(seen is w for w in wrong)]
    for tag in WRONG_ONLY:
        if len(right) >= 2 and _exactly(tag, wrong, right) and not _otherwise_special(tag, wrong, right):
            name = _as_received(tag, wrong)
            return Found(name) if name else None
    telling = len(wrong) >= 2 and max((_size(v) for s in right for v in _values(s)), default=0) >= 4
    return next((Found(f"right_only_{t}") for t in RIGHT_ONLY if telling and _exactly(t, right, wrong)), None)


def _exactly(tag: str, those: list[Seen], others: list[Seen]) -> bool:
    """Whether all of `those` have the tag, and none of the others.

    A drawn input may be right by chance, where there is little to be wrong about: a minority of the drawn.
    """
    plain = [s for s in those if "drawn" in s.case.tags and tag not in s.case.tags]
    lucky = plain if tag in RIGHT_ONLY else []
    chance = len(lucky) < sum("drawn" in s.case.tags for s in others)
    told = [s for s in those if not any(s is one for one in lucky)]
    return (
        bool(told)
        and (chance or not lucky)
        and all(tag in s.case.tags for s in told)
        and not any(tag in s.case.tags for s in others)
    )


def _otherwise_special(tag: str, wrong: list[Seen], right: list[Seen]) -> bool:
    """Whether the cases that are wrong have something else that no right one has: then that may be it."""
    own = {t for s in wrong for t in s.case.tags} - {tag} - {t for s in right for t in s.case.tags}
    ranks = {_ranks(s) for s in wrong} - {_ranks(s) for s in right}
    return bool(own or ranks) or tag == "one" and any(map(_has_a_single_row, right))


def _ranks(seen: Seen) -> tuple[int, ...]:
    """How many axes each argument has; -1 for what is no array."""
    return tuple(a.ndim if isinstance(a, np.ndarray) else -1 for a in seen.case.args)


def _has_a_single_row(seen: Seen) -> bool:
    return any(isinstance(a, np.ndarray) and a.shape[:1] == (1,) for a in seen.case.args)


def _as_received(tag: str, wrong: list[Seen]) -> str:
    """Of overflow it is spoken only where its traces are seen: infinity, nan, an exception about it."""
    if tag != "large" or any(map(_overflowed, wrong)):
        return f"wrong_only_{tag}"
    return "finite_large" if all(seen.outcome.end == "value" for seen in wrong) else ""


def _overflowed(seen: Seen) -> bool:
    problem = seen.outcome.problem
    if problem is not None:
        return problem.kind in ("OverflowError", "FloatingPointError")
    due = [v for v in _values(seen) if numeric(v)]
    got = [v for v in _parts(seen.outcome.value) if numeric(v)]
    return all(np.isfinite(v).all() for v in due) and not all(np.isfinite(v).all() for v in got)


def _values(seen: Seen) -> list[Any]:
    """The parts of what is right in one case."""
    return _parts(seen.wanted.value)


def _parts(value: Any) -> list[Any]:
    return [*value] if isinstance(value, (tuple, list)) else [value]


def _size(value: Any) -> int:
    return int(np.size(value)) if numeric(value) else 1


# -- of what comes back as a whole -----------------------------------------------------------------------


def structure(evidence: Evidence) -> Found | None:
    """None for a result; other parts than are due, or the right parts in another order."""
    if not evidence.values:
        return None
    if all(seen.outcome.value is None for seen in evidence.values):
        return Found("prints" if any(s.outcome.printed.strip() for s in evidence.values) else "returns_none")
    if evidence.many:
        return _permuted(evidence) if evidence.parts else _other_parts(evidence)
    return None


def _permuted(evidence: Evidence) -> Found | None:
    """The parts in another order."""
    if all(part.right for part in evidence.parts):
        return None
    columns = [[pair.got for pair in part.pairs] for part in evidence.parts]
    order = [next((p for p in evidence.parts if p.with_values(c).right), None) for c in columns]
    names = [part.name for part in order if part is not None]
    if sorted(names) != sorted(evidence.exercise.returns):
        return None
    return Found("permuted", {"order": ", ".join(names), "due": ", ".join(evidence.exercise.returns)})


def _other_parts(evidence: Evidence) -> Found:
    """A single array, or another number of things, for the parts that are due."""
    due = ", ".join(f"`{name}`" for name in evidence.exercise.returns)
    fill = {"due": due, "number": str(len(evidence.exercise.returns))}
    values = [seen.outcome.value for seen in evidence.values]
    if not all(isinstance(v, (tuple, list)) for v in values):
        if any(isinstance(v, Odd) and v.kind == "generator" for v in values):
            return Found("generator")
        right = _which(evidence, values)
        return Found("one_part_right", fill | {"right": right}) if right else Found("no_parts", fill)
    lengths = sorted({len(v) for v in values})
    if len(lengths) > 1:  # a list of pieces, as many as the input has: one thing
        return Found("no_parts", fill)
    columns = [[v[i] for v in values] for i in range(lengths[0])]
    right = ", ".join(f"`{name}`" for name in filter(None, (_which(evidence, c) for c in columns)))
    fill |= {"count": str(lengths[0]), "right": right}
    return Found("other_parts_right" if right else "other_parts", fill)


def _which(evidence: Evidence, values: list) -> str:
    """The part that `values` are, in every case; "" if none."""
    for i, name in enumerate(evidence.exercise.returns):
        if all(agree(v, s.wanted.value[i], s.tolerance) for v, s in zip(values, evidence.values)):
            return name
    return ""
