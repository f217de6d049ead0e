"""05.4: warm-up, then a cosine. The constants differ from student to student."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kinds import Variant


def _draw(rng: np.random.Generator) -> dict[str, Any]:
    warmup = int(rng.integers(3, 8))
    top = int(rng.integers(2, 9))
    return {
        "warmup": warmup,
        "total": warmup + int(rng.integers(11, 30)),
        "peak": top / 10,
        "low": int(rng.integers(1, 4)) * top / 1000,
    }


schedule = Variant("05.4", "rate(t)", returns="lr", level=2, minutes=8, draw=_draw, dtype_matters=False)


@schedule.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    warmup, total = schedule.k["warmup"], schedule.k["total"]
    yield case(0, note="the first step")
    yield case(1, note="the second step")
    yield case(warmup - 1, note="the last step of the warm-up")
    yield case(warmup, note="the first step after the warm-up")
    yield case(warmup + 3, note="early on the way down")
    yield case((warmup + total) // 2, note="about half-way down")
    yield case(total - 1, note="the last step on the way down")
    yield case(total, note="the end")
    yield case(total + 5, note="after the end")


@schedule.drawn
def _(rng: np.random.Generator) -> Case:
    far = draw.one_of(rng, 100, 1000, 10**6)
    return case(int(rng.integers(schedule.k["total"] + 3)) if rng.random() < 0.9 else far)


@schedule.reference
def _(t):
    k = schedule.k
    if t < k["warmup"]:
        return k["peak"] * (t + 1) / k["warmup"]
    return _fall(min((t - k["warmup"]) / (k["total"] - k["warmup"]), 1))


def _fall(share):
    """From the peak at 0 to the lowest rate at 1, along half a cosine."""
    peak, low = schedule.k["peak"], schedule.k["low"]
    return low + (peak - low) * (1 + math.cos(math.pi * share)) / 2


@schedule.worked
def rate(t):
    warmup, total = schedule.k["warmup"], schedule.k["total"]
    peak, low = schedule.k["peak"], schedule.k["low"]
    if t < warmup:
        return peak * (t + 1) / warmup  # the first step is not lost: it gets peak / warmup
    share = min((t - warmup) / (total - warmup), 1)  # 0 where the fall begins, 1 where it ends
    return low + (peak - low) * 0.5 * (1 + np.cos(np.pi * share))  # cos goes from 1 to -1


@schedule.right
def in_three_parts(t):
    warmup, total, peak, low = (schedule.k[name] for name in ("warmup", "total", "peak", "low"))
    if t >= total:
        return low
    if t < warmup:
        return (t + 1) * (peak / warmup)
    middle, reach = (peak + low) / 2, (peak - low) / 2
    return middle + reach * math.cos((t - warmup) * math.pi / (total - warmup))


@schedule.right
def by_a_square(t):
    """Half of 1 + cos(a) is the square of cos(a / 2)."""
    k = schedule.k
    rising = k["peak"] * min(t + 1, k["warmup"]) / k["warmup"]
    share = np.clip((t - k["warmup"]) / (k["total"] - k["warmup"]), 0, 1)
    return rising if t < k["warmup"] else k["low"] + (k["peak"] - k["low"]) * np.cos(share * np.pi / 2) ** 2


def _share(t):
    return min((t - schedule.k["warmup"]) / (schedule.k["total"] - schedule.k["warmup"]), 1)


def _then(t, fall):
    """A right warm-up, and then `fall`."""
    k = schedule.k
    return k["peak"] * (t + 1) / k["warmup"] if t < k["warmup"] else fall(k["peak"], k["low"])


@schedule.mistake
def starts_at_zero(t):
    return schedule.k["peak"] * t / schedule.k["warmup"] if t < schedule.k["warmup"] else _fall(_share(t))


@schedule.mistake
def warms_up_too_long(t):
    k = schedule.k
    return k["peak"] * (t + 1) / k["warmup"] if t <= k["warmup"] else _fall(_share(t))


@schedule.mistake
def rises_from_the_lowest(t):
    k = schedule.k
    if t < k["warmup"]:
        return k["low"] + (k["peak"] - k["low"]) * (t + 1) / k["warmup"]
    return _fall(_share(t))


@schedule.mistake
def no_warmup(t):
    return _fall(max(0.0, _share(t)))


@schedule.mistake
def cosine_from_step_0(t):
    return _then(t, lambda peak, low: _fall(min(t / schedule.k["total"], 1)))


@schedule.mistake
def length_of_all_steps(t):
    return _then(t, lambda peak, low: _fall(min((t - schedule.k["warmup"]) / schedule.k["total"], 1)))


@schedule.mistake
def half_missing(t):
    return _then(t, lambda peak, low: low + (peak - low) * (1 + math.cos(math.pi * _share(t))))


@schedule.mistake
def one_missing(t):
    return _then(t, lambda peak, low: low + (peak - low) * math.cos(math.pi * _share(t)))


@schedule.mistake
def whole_cosine(t):
    return _then(t, lambda peak, low: _fall(2 * _share(t)))


@schedule.mistake
def quarter_cosine(t):
    return _then(t, lambda peak, low: low + (peak - low) * math.cos(math.pi / 2 * _share(t)))


@schedule.mistake
def rises_after_the_end(t):
    k = schedule.k
    return _then(t, lambda peak, low: _fall((t - k["warmup"]) / (k["total"] - k["warmup"])))


@schedule.mistake
def falls_to_zero(t):
    return _then(t, lambda peak, low: peak * (1 + math.cos(math.pi * _share(t))) / 2)


@schedule.mistake
def lowest_on_top(t):
    return _then(t, lambda peak, low: low + peak * (1 + math.cos(math.pi * _share(t))) / 2)


@schedule.mistake
def cut_at_the_lowest(t):
    return _then(t, lambda peak, low: max(low, peak * (1 + math.cos(math.pi * _share(t))) / 2))


@schedule.mistake
def rises_along_the_cosine(t):
    return _then(t, lambda peak, low: low + (peak - low) * (1 - math.cos(math.pi * _share(t))) / 2)


@schedule.mistake
def straight_down(t):
    return _then(t, lambda peak, low: peak + (low - peak) * _share(t))


@schedule.mistake
def in_degrees(t):
    return _then(t, lambda peak, low: low + (peak - low) * (1 + math.cos(180 * _share(t))) / 2)


@schedule.mistake
def fall_one_step_ahead(t):
    k = schedule.k
    return _then(t, lambda peak, low: _fall(min((t + 1 - k["warmup"]) / (k["total"] - k["warmup"]), 1)))


@schedule.mistake
def fall_one_step_short(t):
    k = schedule.k
    return _then(t, lambda peak, low: _fall(min((t - k["warmup"]) / (k["total"] - k["warmup"] - 1), 1)))


@schedule.mistake
def warmup_one_step_longer(t):
    k = schedule.k
    return k["peak"] * (t + 1) / (k["warmup"] + 1) if t < k["warmup"] else _fall(_share(t))


@schedule.mistake
def pi_missing(t):
    return _then(t, lambda peak, low: low + (peak - low) * (1 + math.cos(_share(t))) / 2)


@schedule.mistake
def sine(t):
    return _then(t, lambda peak, low: low + (peak - low) * (1 + math.sin(math.pi * _share(t))) / 2)


@schedule.mistake
def zero_after_the_end(t):
    return _then(t, lambda peak, low: _fall(_share(t)) if t < schedule.k["total"] else 0.0)


@schedule.two("starts_at_zero", "rises_from_the_lowest")
def _(t):
    k = schedule.k
    return k["low"] + (k["peak"] - k["low"]) * t / k["warmup"] if t < k["warmup"] else _fall(_share(t))


@schedule.two("starts_at_zero", "falls_to_zero")
def _(t):
    k = schedule.k
    return k["peak"] * t / k["warmup"] if t < k["warmup"] else falls_to_zero(t)


@schedule.two("starts_at_zero", "rises_after_the_end")
def _(t):
    k = schedule.k
    return k["peak"] * t / k["warmup"] if t < k["warmup"] else rises_after_the_end(t)


@schedule.two("starts_at_zero", "cosine_from_step_0")
def _(t):
    k = schedule.k
    return k["peak"] * t / k["warmup"] if t < k["warmup"] else cosine_from_step_0(t)


@schedule.two("starts_at_zero", "lowest_on_top")
def _(t):
    k = schedule.k
    return k["peak"] * t / k["warmup"] if t < k["warmup"] else lowest_on_top(t)


@schedule.two("falls_to_zero", "rises_after_the_end")
def _(t):
    k = schedule.k
    share = (t - k["warmup"]) / (k["total"] - k["warmup"])
    return _then(t, lambda peak, low: peak * (1 + math.cos(math.pi * share)) / 2)
