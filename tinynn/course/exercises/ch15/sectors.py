"""15.6: what a column costs: predicted first, then counted by the lens."""

from __future__ import annotations

from functools import cache

import numpy as np

from ....gpu import Kernel, cuda
from ....gpu.lens import Report, look
from ...engine.kinds import PredictExplain

SIDE = 32


@cuda.jit
def along_a_row(a, y):
    j = cuda.grid(1)
    y[j] = a[3, j]


@cuda.jit
def down_a_column(a, y):
    i = cuda.grid(1)
    y[i] = a[i, 3]


@cache
def seen(kernel: Kernel) -> Report:
    """One warp at work on a matrix (32, 32) of float32."""
    a = np.arange(SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    return look(kernel, 1, SIDE, a, np.zeros(SIDE, np.float32))


def sectors_of_the_column() -> float:
    return seen(down_a_column).array("a").sectors


column = PredictExplain(
    "15.6",
    outcome=sectors_of_the_column,
    unit="sectors",
    close=0,
    options=("each_its_own", "no_order", "one_after_the_other", "whole_rows"),
    truth="each_its_own",
    level=2,
    minutes=4,
)
