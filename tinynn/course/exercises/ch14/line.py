"""14.5: on which cache line? The array differs from student to student."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine.exercise import Case, case
from ...engine.kinds import Variant

LINE = 64  # bytes


def _draw(rng: np.random.Generator) -> dict[str, Any]:
    bytes_each = int(rng.choice([2, 4, 8]))
    return {
        "rows": int(rng.integers(5, 20)),
        "columns": int(rng.integers(21, 60)),
        "each": bytes_each,
        "start": LINE * int(rng.integers(20, 90)) + 8 * int(rng.integers(1, 8)),
    }


line = Variant("14.5", "line_of(i, j)", returns="line", level=2, minutes=5, draw=_draw, dtype_matters=False)


@line.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    rows, columns = line.k["rows"], line.k["columns"]
    yield case(0, 0, note="the first element")
    yield case(0, columns - 1, note="the last of the first row")
    yield case(1, 0, note="the first of the second row")
    yield case(2, 5, note="row 2, column 5")
    yield case(3, 20, note="row 3, column 20")
    yield case(rows - 1, columns - 1, note="the last element")


@line.drawn
def _(rng: np.random.Generator) -> Case:
    return case(int(rng.integers(line.k["rows"])), int(rng.integers(line.k["columns"])))


def place(i: int, j: int) -> int:
    """The byte where an element begins."""
    return line.k["start"] + (i * line.k["columns"] + j) * line.k["each"]


@line.reference
def _(i, j):
    return place(i, j) // LINE


@line.worked
def line_of(i, j):
    element = i * line.k["columns"] + j  # whole rows lie before it, then j of its own
    byte = line.k["start"] + element * line.k["each"]
    return byte // 64


@line.right
def row_by_row(i, j):
    row = line.k["start"] + i * line.k["columns"] * line.k["each"]
    return int((row + j * line.k["each"]) / 64)


@line.right
def shifted(i, j):
    return (line.k["start"] + (i * line.k["columns"] + j) * line.k["each"]) >> 6


# -- mistakes ------------------------------------------------------------------------------------------------


@line.mistake
def column_by_column(i, j):
    return (line.k["start"] + (j * line.k["rows"] + i) * line.k["each"]) // LINE


@line.mistake
def rows_for_columns(i, j):
    return (line.k["start"] + (i * line.k["rows"] + j) * line.k["each"]) // LINE


@line.mistake
def elements_for_bytes(i, j):
    return (line.k["start"] + i * line.k["columns"] + j) // LINE


@line.mistake
def start_forgotten(i, j):
    return (i * line.k["columns"] + j) * line.k["each"] // LINE


@line.mistake
def start_rounded_first(i, j):
    return line.k["start"] // LINE + (i * line.k["columns"] + j) * line.k["each"] // LINE


@line.mistake
def start_in_elements(i, j):
    return (line.k["start"] + i * line.k["columns"] + j) * line.k["each"] // LINE


@line.mistake
def not_rounded(i, j):
    return place(i, j) / LINE


@line.mistake
def rounded_to_the_nearest(i, j):
    return round(place(i, j) / LINE)


@line.mistake
def counted_from_1(i, j):
    return place(i, j) // LINE + 1


@line.mistake
def remainder(i, j):
    return place(i, j) % LINE


@line.mistake
def column_ignored(i, j):
    return place(i, 0) // LINE


@line.mistake
def the_byte_itself(i, j):
    return place(i, j)
