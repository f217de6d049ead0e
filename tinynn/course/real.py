"""What chapter 17 counts and models: attention's operations and bytes, peaks of memory, occupancy, streams.

Pictures: `real_pictures`; exercises: `exercises.ch17`.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError, FileError
from ..gpu import cuda, float32
from ..wrappers import Meter
from .race.roof import Roof

# -- roofs -------------------------------------------------------------------------------------------------


class Card(NamedTuple):
    """A GPU by its vendor's figures: peaks, measured by nobody here."""

    name: str
    flops: float  # a second, float32 outside the units for matrices
    bytes: float  # a second, of its memory
    source: str

    @property
    def roof(self) -> Roof:
        return Roof(1, self.flops, self.bytes)

    @property
    def ridge(self) -> float:
        """Operations for a byte from which on arithmetic is the limit."""
        return self.flops / self.bytes


CARDS = (
    Card("A100 80GB SXM", 19.5e12, 2.039e12, "NVIDIA, A100 Tensor Core GPU, datasheet, 2021"),
    Card("H100 SXM", 67e12, 3.35e12, "NVIDIA, H100 Tensor Core GPU, datasheet, 2023"),
)


class Step(NamedTuple):
    """What a step of a computation costs: operations, and bytes that come and go."""

    name: str
    flops: float
    bytes: float

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / self.bytes

    def seconds(self, card: Card) -> float:
        """The least time by the vendor's two figures."""
        return max(self.flops / card.flops, self.bytes / card.bytes)


def steps_of(meter: Meter) -> list[Step]:
    """What a meter has counted, op by op."""
    return [Step(name, meter.flops[name], meter.bytes[name]) for name in meter.calls]


def tiled_step(t: int, width: int, queries: int) -> Step:
    """Tiled attention of one head, float32: q and y once, k and v once for every `queries` queries."""
    moved = 4 * width * (2 * t + 2 * t * math.ceil(t / queries))
    return Step("tiled", t * t * (4 * width + 15), moved)


# -- memory ------------------------------------------------------------------------------------------------


def peak(function: Callable[..., Any], *args: Any) -> int:
    """The most bytes of new arrays that a call holds at one time, NumPy's included."""
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        function(*args)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not running:
            tracemalloc.stop()


# -- a kernel with a mistake -------------------------------------------------------------------------------

TILE, E = 8, 4


@cuda.jit
def one_barrier(q, k, v, y, scale):
    """The chapter's `attend` without the barrier at the end of a tile."""
    ks, vs = cuda.shared.array((TILE, E), float32), cuda.shared.array((TILE, E), float32)
    out = cuda.local.array(E, float32)
    i, t, m, l = cuda.grid(1), cuda.threadIdx.x, float32(-1e30), float32(0)
    for e in range(E):
        out[e] = float32(0)
    for j0 in range(0, k.shape[0], TILE):
        if j0 + t < k.shape[0]:
            for e in range(E):
                ks[t, e], vs[t, e] = k[j0 + t, e], v[j0 + t, e]
        cuda.syncthreads()
        for j in range(min(TILE, k.shape[0] - j0)):
            s = float32(0)
            for e in range(E):
                s += scale * q[min(i, q.shape[0] - 1), e] * ks[j, e]
            higher = max(m, s)
            shrink, weight = math.exp(m - higher), math.exp(s - higher)
            m, l = higher, l * shrink + weight
            for e in range(E):
                out[e] = out[e] * shrink + weight * vs[j, e]
    if i < q.shape[0]:
        for e in range(E):
            y[i, e] = out[e] / l


# -- the report of the compiler ----------------------------------------------------------------------------

RESOURCES = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu" / "resources.md"


class Taken(NamedTuple):
    """What the compiler says a kernel takes, by architecture: sm_75, sm_80, sm_90."""

    kernel: str
    block: str
    registers: str
    shared: str
    spills: str
    occupancy: str


def taken(kernel: str, op: str, file: Path = RESOURCES) -> list[Taken]:
    """Rows of the kept report whose kernel begins so, for an op; raises where the report cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise FileError(
            "taken", f"{file.name} ({type(problem).__name__})", "the report of a checkout"
        ) from None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    found = [r for r in rows if len(r) == 10 and r[0].startswith(kernel) and r[1] == op]
    return [Taken(r[0], r[2], r[4], r[5], r[7], r[9]) for r in found]


# -- streams: a model --------------------------------------------------------------------------------------

ENGINES = ("copy in", "kernel", "copy out")


class Task(NamedTuple):
    """A piece's turn on one of the three engines."""

    piece: int
    stream: int
    engine: str
    start: float
    end: float


def schedule(
    pieces: int, streams: int, times: tuple[float, float, float] = (4, 4, 4), start: float = 0.1
) -> list[Task]:
    """Work in `pieces` equal pieces, dealt out to streams in turn: a model, with times that are given.

    Each engine does one task at a time, in the order of the pieces. The tasks of a stream follow each other.
    Every task takes its share of `times`, and `start` beside it.
    """
    if pieces < 1 or streams < 1:
        got = f"pieces={pieces}, streams={streams}"
        raise ArgumentError("schedule", got, "at least one of each", "schedule(4, 2)")
    engine_free, stream_free = dict.fromkeys(ENGINES, 0.0), dict.fromkeys(range(streams), 0.0)
    tasks: list[Task] = []
    for piece in range(pieces):
        stream = piece % streams
        for engine, whole in zip(ENGINES, times):
            begins = max(engine_free[engine], stream_free[stream])
            ends = begins + whole / pieces + start
            engine_free[engine] = stream_free[stream] = ends
            tasks.append(Task(piece, stream, engine, begins, ends))
    return tasks


def whole(tasks: list[Task]) -> float:
    """When the last task ends."""
    return max(task.end for task in tasks)
