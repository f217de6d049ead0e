"""16.5: how often a number of A is loaded from global memory, with tiles of 16: predicted, then counted."""

from __future__ import annotations

import numpy as np

from ....gpu import blocks
from ...engine.kinds import PredictExplain
from ...together import loads_of, tiled_with

TILE, COLUMNS = 16, 64


def loads_of_a_number() -> float:
    """Counted by the interpreter: a (16, 16) times b (16, 64), 64 columns like the task's."""
    a, b = np.ones((TILE, TILE), np.float32), np.ones((TILE, COLUMNS), np.float32)
    c = np.zeros((TILE, COLUMNS), np.float32)
    grid = (blocks(COLUMNS, TILE), 1)
    return loads_of("a", tiled_with(TILE), grid, (TILE, TILE), a, b, c) / a.size


loaded = PredictExplain(
    "16.5",
    outcome=loads_of_a_number,
    unit="loads",
    close=0,
    options=(
        "kept_in_shared_memory",
        "once_a_block_of_columns",
        "once_a_thread_of_the_tile",
        "once_a_column",
    ),
    truth="once_a_block_of_columns",
    level=2,
    minutes=3,
)
