"""07.2: at how many places does a filter fit? The settings differ from student to student."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kinds import Variant

APART = [
    (stride, padding, dilation)
    for stride in range(3, 6)
    for padding in range(1, 4)
    for dilation in range(2, 5)
    if len({stride, padding, 2 * padding, dilation - 1}) == 4 and stride != dilation
]
"""Settings with which the mistakes below give different numbers."""


def _draw(rng: np.random.Generator) -> dict[str, Any]:
    stride, padding, dilation = APART[rng.integers(len(APART))]
    return {"stride": stride, "padding": padding, "dilation": dilation}


places = Variant(
    "07.2", "rows_out(n, kernel)", returns="rows", level=1, minutes=4, draw=_draw, dtype_matters=False
)


@places.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    kernel = next(k for k in range(3, 12) if _reach(k) > 2 * places.k["padding"])
    least = _reach(kernel) - 2 * places.k["padding"]
    yield case(least, kernel, note="the smallest image that the filter fits into")
    yield case(least + 1, kernel, note="one row more")
    yield case(least + places.k["stride"], kernel, note="a stride more")
    yield case(28, 5, note="28 rows, as those of MNIST, and a filter of 5")
    yield case(29, 5, note="29 rows")
    yield case(224, 4, note="224 rows, as a photograph for a large network")
    yield case(9, 1, note="a filter of one row")
    yield case(1, 7, note="a single row, and a filter of 7: does it fit?")


@places.drawn
def _(rng: np.random.Generator) -> Case:
    n = int(rng.integers(1, 45)) if rng.random() < 0.9 else draw.one_of(rng, 100, 512, 1025)
    return case(n, int(rng.integers(1, 8)))


def _reach(kernel: int) -> int:
    """From the first row that a filter touches to the last."""
    return places.k["dilation"] * (kernel - 1) + 1


@places.reference
def _(n, kernel):
    return _count(n, _reach(kernel))


def _count(n, reach, both=2, more=1):
    """How many places, with holes for what goes wrong."""
    k = places.k
    room = n + both * k["padding"] - reach
    return room // k["stride"] + more if room >= 0 else 0


@places.worked
def rows_out(n, kernel):
    reach = places.k["dilation"] * (kernel - 1) + 1  # from the first row touched to the last
    room = n + 2 * places.k["padding"] - reach  # how far the filter can move down
    if room < 0:
        return 0
    return room // places.k["stride"] + 1


@places.right
def counted(n, kernel):
    k = places.k
    behind = n + 2 * k["padding"] - k["dilation"] * (kernel - 1)  # tops from 0 to before it
    return len(range(0, behind, k["stride"]))


@places.right
def never_below_zero(n, kernel):
    k, s = places.k, places.k["stride"]
    return max(0, (n + 2 * k["padding"] - _reach(kernel) + s) // s)


# -- mistakes ----------------------------------------------------------------------------------------------


@places.mistake
def one_missing(n, kernel):
    return _count(n, _reach(kernel), more=0)


@places.mistake
def padding_on_one_side(n, kernel):
    return _count(n, _reach(kernel), both=1)


@places.mistake
def no_padding(n, kernel):
    return _count(n, _reach(kernel), both=0)


@places.mistake
def dilation_ignored(n, kernel):
    return _count(n, kernel)


@places.mistake
def reach_too_long(n, kernel):
    return _count(n, places.k["dilation"] * kernel)


@places.mistake
def reach_too_short(n, kernel):
    return _count(n, _reach(kernel) - 1)


@places.mistake
def rounded_up(n, kernel):
    room = n + 2 * places.k["padding"] - _reach(kernel)
    return -(-room // places.k["stride"]) + 1 if room >= 0 else 0


@places.mistake
def not_a_whole_number(n, kernel):
    room = n + 2 * places.k["padding"] - _reach(kernel)
    return room / places.k["stride"] + 1 if room >= 0 else 0


@places.mistake
def stride_ignored(n, kernel):
    return max(0, n + 2 * places.k["padding"] - _reach(kernel) + 1)


@places.mistake
def below_zero(n, kernel):
    return (n + 2 * places.k["padding"] - _reach(kernel)) // places.k["stride"] + 1


@places.mistake
def one_at_least(n, kernel):
    return max(1, _count(n, _reach(kernel)))


@places.mistake
def stride_and_dilation_swapped(n, kernel):
    k = places.k
    room = n + 2 * k["padding"] - (k["stride"] * (kernel - 1) + 1)
    return room // k["dilation"] + 1 if room >= 0 else 0


@places.mistake
def image_divided_first(n, kernel):
    k = places.k
    return max(0, n // k["stride"] + 2 * k["padding"] - _reach(kernel) + 1)


@places.two("one_missing", "dilation_ignored")
def _(n, kernel):
    return _count(n, kernel, more=0)


@places.two("one_missing", "padding_on_one_side")
def _(n, kernel):
    return _count(n, _reach(kernel), both=1, more=0)


@places.two("padding_on_one_side", "dilation_ignored")
def _(n, kernel):
    return _count(n, kernel, both=1)
