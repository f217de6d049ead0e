"""15.4: how often each class occurs: many threads, few counters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....gpu import blocks, cuda, launch, zeros
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

histogram = KernelFill("15.4", "tally(labels, counts)", returns="counts", level=2, minutes=5)


@histogram.launched
def _(kernel, labels, classes, grid, block):
    counts = zeros((classes,), like=labels, dtype=np.int32)
    launch(kernel, grid, block, labels, counts)
    return counts


def labels_of(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


@histogram.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(labels_of(1, 0, 1, 1, 2), 3, grid=2, block=4, note="5 labels, 3 classes, 8 threads")
    yield case(labels_of(0, 1, 2, 3), 4, grid=1, block=4, note="each class once")
    yield case(labels_of(2, 2, 2, 2, 2, 2), 4, grid=2, block=4, note="one class alone, of 4")
    yield case(labels_of(0, 1, 2, 0, 1), 3, grid=5, block=1, note="blocks of one thread")
    yield case(labels_of(1), 2, grid=1, block=8, tags="one", note="one label")
    yield case(labels_of(0), 2, grid=1, block=1, tags="one", note="one label, one thread")
    yield case(rng.integers(0, 5, 40).astype(np.int32), 5, grid=3, block=16, note="40 labels, 48 threads")


@histogram.drawn
def _(rng: np.random.Generator) -> Case:
    n, classes, block = draw.size(rng, most=50), int(rng.integers(1, 8)), draw.one_of(rng, 1, 4, 8, 32)
    grid = blocks(n, block) + int(rng.integers(0, 2))
    return case(rng.integers(0, classes, n).astype(np.int32), classes, grid=grid, block=block)


@histogram.reference
def _(labels, classes, **launch):
    return np.bincount(labels, minlength=classes).astype(np.int32)


@histogram.worked
def tally(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        cuda.atomic.add(counts, labels[i], 1)  # read, add and write, with nobody in between


@histogram.right
def one_thread_for_each_class(labels, counts):
    k = cuda.grid(1)
    while k < counts.size:
        for i in range(labels.size):
            if labels[i] == k:
                counts[k] += 1
        k += cuda.gridsize(1)


@histogram.right
def with_a_stride(labels, counts):
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        cuda.atomic.add(counts, labels[i], 1)


@histogram.right
def one_thread_alone(labels, counts):
    if cuda.grid(1) == 0:
        for i in range(labels.size):
            counts[labels[i]] += 1


@histogram.mistake
def races(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        counts[labels[i]] += 1


@histogram.mistake
def no_guard(labels, counts):
    i = cuda.grid(1)
    cuda.atomic.add(counts, labels[i], 1)


@histogram.mistake
def one_too_many(labels, counts):
    i = cuda.grid(1)
    if i <= labels.size:
        cuda.atomic.add(counts, labels[i], 1)


@histogram.mistake
def counts_its_own_number(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        cuda.atomic.add(counts, i, 1)


@histogram.mistake
def guard_of_the_counters(labels, counts):
    i = cuda.grid(1)
    if i < counts.size:
        cuda.atomic.add(counts, labels[i], 1)


@histogram.mistake
def adds_the_label(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        cuda.atomic.add(counts, labels[i], labels[i])


@histogram.mistake
def old_value_written_back(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        counts[labels[i]] = cuda.atomic.add(counts, labels[i], 1)


@histogram.mistake
def atomic_max(labels, counts):
    i = cuda.grid(1)
    if i < labels.size:
        cuda.atomic.max(counts, labels[i], 1)


@histogram.mistake
def every_block_from_the_start(labels, counts):
    i = cuda.threadIdx.x
    if i < labels.size:
        cuda.atomic.add(counts, labels[i], 1)


@histogram.mistake
def every_thread_counts_all(labels, counts):
    for i in range(labels.size):
        cuda.atomic.add(counts, labels[i], 1)


@histogram.two("races", "no_guard")
def _(labels, counts):
    i = cuda.grid(1)
    counts[labels[i]] += 1
