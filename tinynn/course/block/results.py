"""What is compared by training: norms by batch size, ways by rate, positions by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..engine.exercise import Fill, find
from . import reader, stack

Found = dict[str, dict[str, list[float]]]
TRAINING, ALL = 1200, 1797  # digits to learn from; the others are held out
DEPTH, DEEP = 6, 16

Tick = Callable[[], object]


def nothing() -> None:
    """For who shows no progress."""


def norms_by_batch(
    sizes: Sequence[int] = (32, 2), seeds: int = 1, steps: int = 100, tick: Tick = nothing
) -> Found:
    """Share of held-out digits right after training a pre-norm stack, for each norm and each batch size."""
    x, y = stack.standardised(ALL)

    def one(norm: str, size: int, seed: int) -> float:
        model = stack.build("pre-norm", DEPTH, norm, seed)
        stack.train(model, x[:TRAINING], y[:TRAINING], steps, 0.001, size, seed)
        tick()
        return stack.share_right(model, x[TRAINING:], y[TRAINING:])

    return {
        norm: {f"batches of {size}": [one(norm, size, seed) for seed in range(seeds)] for size in sizes}
        for norm in stack.NORMS
    }


def rates_by_way(
    ways: Sequence[str] = stack.WAYS,
    rates: Sequence[float] = (0.001, 0.03),
    seeds: int = 1,
    steps: int = 100,
    tick: Tick = nothing,
) -> Found:
    """Share of held-out digits right behind 16 layers, for each way and each learning rate of Adam."""
    x, y = stack.standardised(ALL)

    def one(way: str, rate: float, seed: int) -> float:
        model = stack.build(way, DEEP, seed=seed)
        stack.train(model, x[:TRAINING], y[:TRAINING], steps, rate, seed=seed)
        tick()
        return stack.share_right(model, x[TRAINING:], y[TRAINING:])

    return {
        way: {f"rate {rate:g}": [one(way, rate, seed) for seed in range(seeds)] for rate in rates}
        for way in ways
    }


def positions_by_task(
    positions: Sequence[str] = reader.POSITIONS, seeds: int = 1, steps: int = 160, tick: Tick = nothing
) -> Found:
    """Share of letters right on both tasks, at the length that was trained and at twice that length."""
    found: Found = {kind: {} for kind in positions}
    for task in reader.TASKS:
        for kind in positions:
            shares = []
            for seed in range(seeds):
                model = reader.build(kind, seed)
                reader.train(model, task, steps, seed=seed)
                shares.append([reader.share_right(model, task, t) for t in (reader.LENGTH, reader.LONGER)])
                tick()
            for length, by_seed in zip((reader.LENGTH, reader.LONGER), zip(*shares)):
                found[kind][f"{task},\nlength {length}"] = list(by_seed)
    return found


def ways_back(steps: int = 60, rate: float = 0.003) -> dict[str, dict[str, list[float]]]:
    """Losses of a pre-norm stack with a right way back through its norms, and with two mistakes of 12.2."""
    declared, (x, y) = find("12.2"), stack.standardised(TRAINING)
    assert isinstance(declared, Fill) and declared.swap is not None and declared.worked_answer is not None
    functions = {
        "right": declared.worked_answer,
        "two parts forgotten": declared.mistakes["mean_and_variance_forgotten"].function,
        "a plus": declared.mistakes["added_through_the_variance"].function,
    }
    found = {}
    for name, function in functions.items():
        with declared.swap(function):
            found[name] = {"training": stack.train(stack.build("pre-norm", DEEP), x, y, steps, rate)}
    return found
