"""17.5: how many blocks run at once on your share of a GPU, which differs from student to student."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....gpu.resources import LIMITS
from ...engine.exercise import Case, case
from ...engine.kinds import Variant
from .limit import occupancy


def _draw(rng: np.random.Generator) -> dict[str, Any]:
    architecture = str(rng.choice(["sm_80", "sm_90"]))
    return {
        "multiprocessors": int(rng.integers(6, 60)),
        "architecture": architecture,
        "memory": LIMITS[architecture].shared,
    }


at_once = Variant("17.5", "blocks_at_once(registers, shared, threads)", returns="blocks", level=2, minutes=8,
                  draw=_draw, dtype_matters=False)  # fmt: skip

KERNELS = (
    (32, 0, 256), (32, 0, 32), (64, 0, 256), (80, 0, 32), (40, 12800, 128), (32, 40960, 128), (24, 0, 33),
    (16, 0, 160), (104, 0, 1024), (104, 0, 32), (96, 25600, 100), (16, 1024, 1), (40, 51200, 64),
    (168, 36864, 128),
)  # fmt: skip


@at_once.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    for registers, shared, threads in KERNELS:
        note = f"{registers} registers a thread, {shared} bytes a block, {threads} threads a block"
        yield case(registers, shared, threads, note=note)


@at_once.drawn
def _(rng: np.random.Generator) -> Case:
    most = 256 if rng.random() < 0.7 else 1024
    shared = 128 * int(rng.integers(0, 380)) * int(rng.random() < 0.6)
    return case(8 * int(rng.integers(2, 32)), shared, int(rng.integers(1, most + 1)))


@at_once.reference
def _(registers, shared, threads):
    each = occupancy(registers, shared, threads, at_once.k["architecture"]).blocks
    return each * at_once.k["multiprocessors"]


@at_once.worked
def blocks_at_once(registers, shared, threads):
    warps = -(-threads // 32)  # rounded up
    in_a_part = 16384 // (32 * registers)  # warps whose registers fit
    each = min(
        32,
        64 // warps,
        4 * in_a_part // warps,
        at_once.k["memory"] // (shared + 1024),
    )
    return each * at_once.k["multiprocessors"]


@at_once.right
def by_trying(registers, shared, threads):
    warps, n = int(np.ceil(threads / 32)), 0
    while (
        n < 32
        and (n + 1) * warps <= 4 * int(16384 / (32 * registers))
        and (n + 1) * warps <= 64
        and (n + 1) * (shared + 1024) <= at_once.k["memory"]
    ):
        n += 1
    return n * at_once.k["multiprocessors"]


@at_once.right
def the_smallest_of_an_array(registers, shared, threads):
    warps = np.ceil(threads / 32)
    lying = 4 * np.floor(16384 / (registers * 32))
    each = np.floor(np.min([32, 64 / warps, lying / warps, at_once.k["memory"] / (1024 + shared)]))
    return int(each) * at_once.k["multiprocessors"]


# -- mistakes ------------------------------------------------------------------------------------------------


def room(registers, shared, threads, *, warps=None, held=None, memory=None, blocks=32, most=64):
    """The blocks of all multiprocessors, with one limit or another taken for something else."""
    warps = -(-threads // 32) if warps is None else warps
    held = 4 * (16384 // (32 * registers)) if held is None else held
    memory = at_once.k["memory"] // (shared + 1024) if memory is None else memory
    return min(blocks, most // warps, held // warps, memory) * at_once.k["multiprocessors"]


@at_once.mistake
def warps_rounded_down(registers, shared, threads):
    return room(registers, shared, threads, warps=max(threads // 32, 1))


@at_once.mistake
def parts_ignored(registers, shared, threads):
    return room(registers, shared, threads, held=65536 // (32 * registers))


@at_once.mistake
def registers_forgotten(registers, shared, threads):
    return room(registers, shared, threads, held=64)


@at_once.mistake
def shared_forgotten(registers, shared, threads):
    return room(registers, shared, threads, memory=32)


@at_once.mistake
def reserve_forgotten(registers, shared, threads):
    return room(registers, shared, threads, memory=at_once.k["memory"] // shared if shared else 32)


@at_once.mistake
def shared_of_each_thread(registers, shared, threads):
    return room(registers, shared, threads, memory=at_once.k["memory"] // (threads * shared + 1024))


@at_once.mistake
def blocks_forgotten(registers, shared, threads):
    return room(registers, shared, threads, blocks=64)


@at_once.mistake
def warps_forgotten(registers, shared, threads):
    return room(registers, shared, threads, most=9999)


@at_once.mistake
def one_part_alone(registers, shared, threads):
    return room(registers, shared, threads, held=16384 // (32 * registers))


@at_once.mistake
def largest_of_the_limits(registers, shared, threads):
    warps = -(-threads // 32)
    held, memory = 4 * (16384 // (32 * registers)) // warps, at_once.k["memory"] // (shared + 1024)
    return max(32, 64 // warps, held, memory) * at_once.k["multiprocessors"]


@at_once.mistake
def one_multiprocessor(registers, shared, threads):
    return room(registers, shared, threads) // at_once.k["multiprocessors"]


@at_once.mistake
def warps_returned(registers, shared, threads):
    return room(registers, shared, threads) * -(-threads // 32)


@at_once.mistake
def at_least_one(registers, shared, threads):
    each = room(registers, shared, threads) // at_once.k["multiprocessors"]
    return max(1, each) * at_once.k["multiprocessors"]
