"""What is known about an answer: its outcomes beside the right ones, case by case and part by part."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from .call import Call, Outcome, run_each, unchanged
from .compare import FLOAT32, Tolerance, agree, leak, numeric
from .exercise import Case, Fill

NOTHING = object()
"""Stands where a part is missing: None is a value that a function may return."""


class Seen(NamedTuple):
    """One case: what the answer did, and what is right."""

    case: Case
    outcome: Outcome
    wanted: Outcome
    tolerance: Tolerance
    arguments: dict[str, Any]


class Pair(NamedTuple):
    """One part of the result of one case."""

    seen: Seen
    got: Any
    wanted: Any
    same: Callable[[Any, Any, Seen], bool]

    def accepts(self, value: Any) -> bool:
        """Whether `value` would be right here."""
        return self.same(value, self.wanted, self.seen)

    @property
    def right(self) -> bool:
        return self.accepts(self.got)


@dataclass(frozen=True)
class Part:
    """One of the things that are returned, over all cases that gave a value."""

    name: str
    index: int
    pairs: tuple[Pair, ...]
    evidence: Evidence

    @property
    def right(self) -> bool:
        return all(pair.right for pair in self.pairs)

    def of(self, outcomes: list[Outcome]) -> list[Any]:
        """This part of other outcomes, for the cases of `pairs`; NOTHING where they have none."""
        by_case = {id(seen): o for seen, o in zip(self.evidence.seen, outcomes)}
        return [self.evidence.part_of(by_case[id(pair.seen)], self.index) for pair in self.pairs]

    def with_values(self, values: list[Any]) -> Part:
        """The same part, had the answer given `values`."""
        pairs = tuple(pair._replace(got=value) for pair, value in zip(self.pairs, values))
        return Part(self.name, self.index, pairs, self.evidence)


class Evidence:
    """An answer's outcomes, laid beside those of the reference."""

    def __init__(self, exercise: Fill, outcomes: list[Outcome]) -> None:
        self.exercise = exercise
        together = zip(exercise.all_inputs, outcomes, exercise.wanted)
        self.seen = [Seen(c, o, w, tolerance_of(exercise, c), self.named(c)) for c, o, w in together]
        self.probed = list(
            zip(exercise.probes, outcomes[len(self.seen) :], exercise.wanted[len(self.seen) :])
        )

    @cached_property
    def failing(self) -> list[Seen]:
        return [seen for seen in self.seen if not self.passes(seen)]

    @property
    def values(self) -> list[Seen]:
        """The cases in which answer and reference gave a value."""
        return [seen for seen in self.seen if seen.outcome.end == seen.wanted.end == "value"]

    @property
    def arguments(self) -> list[str]:
        """The names of the function's arguments."""
        inside = self.exercise.signature.split("(", 1)[1].rsplit(")", 1)[0]
        return re.findall(r"(?:^|,)\s*\*{0,2}(\w+)", inside)

    def passes(self, seen: Seen) -> bool:
        """Right value, right dtype, no argument changed or given back, and drawn by the seed."""
        sound = self.agrees(seen) and not self.leaks(seen) and not self.changes(seen)
        return sound and not self.lies_in(seen) and id(seen) not in self.unseeded

    def agrees(self, seen: Seen) -> bool:
        """Right value, or the exception that is asked for."""
        got, wanted = seen.outcome, seen.wanted
        if got.end != wanted.end:
            return False
        if wanted.end == "raised":
            return (
                got.problem is not None
                and wanted.problem is not None
                and got.problem.kind == wanted.problem.kind
            )
        return self.same(got.value, wanted.value, seen)

    def same(self, got: Any, wanted: Any, seen: Seen) -> bool:
        if self.exercise.same is not None:
            return accepted(self.exercise.same, got, wanted, seen.case.args)
        return agree(got, wanted, seen.tolerance)

    def leaks(self, seen: Seen) -> str | None:
        """The dtype that came where float32 is due."""
        matters = self.exercise.dtype_matters and seen.outcome.end == "value"
        return leak(seen.outcome.value, seen.wanted.value) if matters else None

    def changes(self, seen: Seen) -> list[str]:
        """Names of the arguments that the answer changed and the reference did not."""
        extra = sorted(set(seen.outcome.changed) - set(seen.wanted.changed))
        return [self.argument(i) for i in extra]

    def lies_in(self, seen: Seen) -> list[str]:
        """Names of the arguments in whose memory the result lies, where new arrays are due."""
        return [self.argument(i) for i in seen.outcome.shares] if self.exercise.new else []

    @cached_property
    def unseeded(self) -> dict[int, str]:
        """The cases that do not follow their seed, by `id`: "seed_ignored" or "seed_unused"."""
        least, found = self.exercise.seeded, {}
        drawn = [s for s in self.values if least and _count(s.outcome.value) >= least]
        for one, other in combinations(drawn, 2):
            mine, yours = dict(one.arguments), dict(other.arguments)
            same_seed = mine.pop("seed", None) == yours.pop("seed", None)
            if unchanged(mine, yours) and agree(one.outcome.value, other.outcome.value) != same_seed:
                found[id(other)] = "seed_unused" if same_seed else "seed_ignored"
        return found

    def argument(self, i: int) -> str:
        return self.arguments[i] if i < len(self.arguments) else f"argument {i}"

    def named(self, case: Case) -> dict[str, Any]:
        """The arguments of a case by their names."""
        return {self.argument(i): a for i, a in enumerate(case.args)} | case.kwargs

    # -- parts -------------------------------------------------------------------------------------------

    @property
    def many(self) -> bool:
        return len(self.exercise.returns) > 1

    def part_of(self, outcome: Outcome, index: int) -> Any:
        """One part of what was returned, NOTHING where the parts are not there."""
        if outcome.end != "value":
            return NOTHING
        if not self.many:
            return outcome.value
        whole = type(outcome.value) in (tuple, list) and len(outcome.value) == len(self.exercise.returns)
        return outcome.value[index] if whole else NOTHING

    @cached_property
    def parts(self) -> list[Part]:
        """Every part over all cases that gave a value; empty where the number of parts is not right."""
        parts = [self._part(i, name) for i, name in enumerate(self.exercise.returns)]
        missing = any(pair.got is NOTHING or pair.wanted is NOTHING for part in parts for pair in part.pairs)
        return [] if missing or not self.values else parts

    def _part(self, i: int, name: str) -> Part:
        same = _by_numbers if self.many else self.same
        pairs = (Pair(s, self.part_of(s.outcome, i), self.part_of(s.wanted, i), same) for s in self.values)
        return Part(name, i, tuple(pairs), self)

    # -- what other implementations would have done ------------------------------------------------------

    def reference_on(
        self, change: Callable[[tuple], tuple | None], first: int | None = None
    ) -> list[Outcome]:
        """What the reference gives on changed arguments, in all cases or the first few.

        The end is "skipped" where `change` gives None.
        """
        assert self.exercise.true is not None
        outcomes = []
        for seen in self.seen[:first]:
            args = change(seen.case.args)
            asked = [] if args is None else [Call(args, seen.case.kwargs)]
            outcomes += run_each(self.exercise.true, asked) or [Outcome("skipped")]
        return outcomes


def _by_numbers(got: Any, wanted: Any, seen: Seen) -> bool:
    return agree(got, wanted, seen.tolerance)


def _count(value: Any) -> int:
    """How many numbers are in a result."""
    if isinstance(value, (tuple, list)):
        return sum(map(_count, value))
    return int(np.size(value)) if numeric(value) else 0


def tolerance_of(exercise: Fill, case: Case) -> Tolerance:
    """What counts as rounding in one case."""
    largest = min(1.0, max((_largest(a) for a in (*case.args, *case.kwargs.values())), default=0.0) or 1.0)
    if "float32" in case.tags:
        return Tolerance(max(FLOAT32.relative, exercise.tolerance), FLOAT32.floor * largest)
    return Tolerance(exercise.tolerance, 1e-14 * largest)


def _largest(value: Any) -> float:
    if type(value) in (tuple, list):
        return max(map(_largest, value), default=0.0)
    if not numeric(value) or np.size(value) == 0:
        return 0.0
    a = np.abs(np.asarray(value, float))
    return float(a[np.isfinite(a)].max(initial=0.0))


def accepted(same: Callable[[Any, Any, tuple], bool], got: Any, wanted: Any, args: tuple) -> bool:
    """A declaration's own comparison; whatever it cannot read is not right."""
    try:
        return bool(same(got, wanted, args))
    except Exception:
        return False
