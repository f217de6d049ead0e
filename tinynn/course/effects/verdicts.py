"""What may be claimed of a mistake's runs beside the right answer's: no more than the seeds bear out."""

from __future__ import annotations

import math

from .store import Effect

POINTS = 3.0  # percentage points between the medians; below that, nothing is claimed
TIMES = 1.5  # times as many steps, for "later"

CLEAR = 12.0  # points between two runs that a reader of curves tells apart without a ruler
SOONER = 3  # times as early, for two runs that both diverge
OTHER = 0.2  # of a first loss, for one that is another


def verdict(wrong: Effect, right: Effect) -> str:
    """ "stops", "diverged", "unmet", "number_only", "worse", "better", "slower", "faster" or "same".

    Worse and better: every seed of the one is below every seed of the other, and the medians are `POINTS`
    apart. Slower and faster: every seed of the one needed `TIMES` as many steps as any of the other.
    """
    if wrong.ends != "trained":
        return wrong.ends
    if wrong.alike == "all":
        return "unmet"
    if wrong.alike == "weights" and wrong.first != right.first:
        return "number_only"
    if _below(wrong, right):
        return "worse"
    if _below(right, wrong):
        return "better"
    if _later(wrong, right):
        return "slower"
    return "faster" if _later(right, wrong) else "same"


def _below(a: Effect, b: Effect, points: float = POINTS) -> bool:
    return max(a.final) < min(b.final) and b.median - a.median >= points


def _later(a: Effect, b: Effect) -> bool:
    return min(a.reached) >= TIMES * max(b.reached)


def difference(a: Effect, b: Effect) -> str:
    """How somebody who sees both runs tells them apart: by the "end", by the "start", or not at all: ""."""
    if a.ends != b.ends or _below(a, b, CLEAR) or _below(b, a, CLEAR):
        return "end"
    if a.ends == "diverged" and max(a.step, b.step) >= SOONER * min(a.step, b.step):
        return "end"
    return "start" if _other(a.start, b.start) else ""


def _other(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) != math.isnan(b)
    return abs(a - b) > OTHER * max(abs(a), abs(b))
