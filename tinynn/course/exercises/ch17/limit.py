"""17.3: which limit holds? Half the shared memory, and what becomes of the occupancy."""

from __future__ import annotations

from ....gpu.resources import Occupancy, Resources, estimate
from ...engine.kinds import PredictExplain

REGISTERS, SHARED, THREADS, ARCHITECTURE = 128, 45056, 128, "sm_90"
"""Of the library's `attend` with tiles of 64 x 64, as benchmarks/gpu/resources.md has it."""


def occupancy(registers: int, shared: int, threads: int, architecture: str = ARCHITECTURE) -> Occupancy:
    """An estimate out of four numbers; the kernel itself need not be there."""
    found = Resources(registers, shared, local=0, spills=0, float64=0, ptx="")
    return estimate(found, threads, 0, architecture)


limit = PredictExplain(
    "17.3",
    outcome=lambda: 100 * occupancy(REGISTERS, SHARED // 2, THREADS).share,
    unit="percent",
    close=0.5,
    options=("twice_the_blocks", "registers_hold", "warps_hold", "fewer_threads"),
    truth="registers_hold",
    level=2,
    minutes=4,
)
