"""Chapter 12: a deep stack on digits, a small reader for tasks of order, and their pictures."""

from .cubes import three_slices
from .pictures import by_seed, net_shapes, pipe, waves
from .reader import POSITIONS, TASKS
from .results import norms_by_batch, positions_by_task, rates_by_way, ways_back
from .stack import NORMS, WAYS, standardised
from .turning import rotary_picture, score

__all__ = [
    "NORMS", "POSITIONS", "TASKS", "WAYS", "by_seed", "net_shapes", "norms_by_batch", "pipe",
    "positions_by_task", "rates_by_way", "rotary_picture", "score", "standardised", "three_slices",
    "waves", "ways_back",
]  # fmt: skip
