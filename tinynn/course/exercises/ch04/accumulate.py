"""04.2: gradients along every path, added up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

accumulate = Fill("04.2", "backward(order, inputs, local)", returns="grads", level=2, minutes=8)


@accumulate.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    inputs = {"x": [], "a": ["x"], "y": ["a", "x"]}
    local = {"x": [], "a": [3.0], "y": [2.0, 5.0]}
    yield case(["x", "a", "y"], inputs, local, note="y uses x twice: at once, and by way of a")
    inputs = {"x": [], "y": ["x", "x"]}
    yield case(["x", "y"], inputs, {"x": [], "y": [3.0, 3.0]}, note="y = x * x at x = 3")
    inputs = {"x": [], "w": [], "a": ["x", "w"], "b": ["a"], "c": ["b"]}
    local = {"x": [], "w": [], "a": [-2.0, 0.5], "b": [4.0], "c": [-1.5]}
    yield case(["w", "x", "a", "b", "c"], inputs, local, note="a chain with two leaves")
    inputs = {"x": [], "a": ["x"], "b": ["x"], "c": ["a", "b"], "d": ["c"], "e": ["c"], "y": ["d", "e"]}
    local = {"x": [], "a": [2.0], "b": [-3.0], "c": [0.5, 4.0], "d": [1.5], "e": [-0.5], "y": [3.0, 2.0]}
    yield case(["x", "b", "a", "c", "d", "e", "y"], inputs, local, note="two diamonds, one after the other")
    ones = {name: [1.0] * len(names) for name, names in inputs.items()}
    yield case(["x", "a", "b", "c", "e", "d", "y"], inputs, ones, tags="ones", note="every slope 1")
    inputs = {"x": [], "y": ["x"], "spare": ["x"], "loss": ["y"]}
    local = {"x": [], "y": [2.0], "spare": [7.0], "loss": [5.0]}
    yield case(["x", "spare", "y", "loss"], inputs, local, note="`spare` is not used by the loss")
    inputs = {"x": [], "a": ["x"], "spare": ["x"], "y": ["a"]}
    local = {"x": [], "a": [2.0], "spare": [7.0], "y": [-3.0]}
    yield case(
        ["x", "a", "spare", "y"], inputs, local, note="`spare` stands in the middle, and y does not use it"
    )
    inputs = {"y": ["a", "x"], "x": [], "a": ["x", "x"]}
    local = {"y": [2.0, -1.0], "x": [], "a": [3.0, 0.5]}
    note = "a uses x twice, with two slopes; the dicts are in no order"
    yield case(["x", "a", "y"], inputs, local, note=note)
    yield case(["x"], {"x": []}, {"x": []}, tags="one", note="a leaf alone")


@accumulate.drawn
def _(rng: np.random.Generator) -> Case:
    chain = {str(i): [str(i - 1)] if i else [] for i in range(100)}
    inputs = draw.graph(rng) if rng.random() < 0.9 else chain
    slope = draw.one_of(rng, lambda: float(rng.normal()), lambda: float(rng.integers(-2, 3)), lambda: 1.0)
    slope = (lambda: float(rng.choice([-1.0, 1.0, 0.5, 2.0]))) if inputs is chain else slope
    local = {name: [slope() for _ in names] for name, names in inputs.items()}
    return case(list(inputs), draw.in_any_order(rng, inputs), draw.in_any_order(rng, local))


@accumulate.reference
def _(order, inputs, local):
    """d order[-1] / d name, as a sum over all paths: the columns of (1 - A)^-1."""
    place = {name: i for i, name in enumerate(order)}
    slopes = np.zeros((len(order), len(order)))  # [user, input]
    for name in order:
        for i, slope in zip(inputs[name], local[name]):
            slopes[place[name], place[i]] += slope
    paths = np.linalg.solve((np.eye(len(order)) - slopes).T, np.eye(len(order))[-1])
    return {name: float(total) for name, total in zip(order, paths)}


@accumulate.worked
def backward(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0  # the output's slope by itself
    for name in reversed(order):  # when its turn comes, all that flows into a name has arrived
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name]
    return grads


@accumulate.right
def asking_the_users(order, inputs, local):
    grads = {order[-1]: 1.0}
    for name in order[-2::-1]:
        grads[name] = sum(
            slope * grads[user]
            for user in order[order.index(name) + 1 :]
            for i, slope in zip(inputs[user], local[user])
            if i == name
        )
    return grads


@accumulate.right
def path_by_path(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)

    def arrive(name, gradient):
        grads[name] += gradient
        for i, slope in zip(inputs[name], local[name]):
            arrive(i, gradient * slope)

    arrive(order[-1], 1.0)
    return grads


def _flow(order, inputs, local, add=lambda now, slope, arriving: now + slope * arriving, start=0.0, end=1.0):
    grads = dict.fromkeys(order, start)
    grads[order[-1]] = end
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] = add(grads[i], slope, grads[name])
    return grads


@accumulate.mistake
def last_path_only(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: slope * arriving)


@accumulate.mistake
def inputs_first(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in order:
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name]
    return grads


@accumulate.mistake
def upstream_ignored(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: now + slope)


@accumulate.mistake
def paths_multiplied(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: now * slope * arriving, start=1.0)


@accumulate.mistake
def starts_at_one(order, inputs, local):
    return _flow(order, inputs, local, start=1.0)


@accumulate.mistake
def output_at_zero(order, inputs, local):
    return _flow(order, inputs, local, end=0.0)


@accumulate.mistake
def slope_added(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: now + slope + arriving)


@accumulate.mistake
def upstream_alone(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: now + arriving)


@accumulate.mistake
def same_input_once(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in reversed(order):
        for i, slope in dict(zip(inputs[name], local[name])).items():
            grads[i] += slope * grads[name]
    return grads


@accumulate.mistake
def handed_on_too_early(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0

    def hand_on(name):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name]
            hand_on(i)

    hand_on(order[-1])
    return grads


@accumulate.mistake
def paths_averaged(order, inputs, local):
    uses = {name: sum(names.count(name) for names in inputs.values()) for name in order}
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name] / uses[i]
    return grads


@accumulate.mistake
def leaves_alone(order, inputs, local):
    return {name: g for name, g in _flow(order, inputs, local).items() if not inputs[name]}


@accumulate.mistake
def unused_missing(order, inputs, local):
    grads = {order[-1]: 1.0}
    for name in reversed(order):
        if name in grads:
            for i, slope in zip(inputs[name], local[name]):
                grads[i] = grads.get(i, 0.0) + slope * grads[name]
    return grads


@accumulate.mistake
def first_slope_for_all(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in reversed(order):
        for i in inputs[name]:
            grads[i] += local[name][0] * grads[name]
    return grads


@accumulate.mistake
def output_missing(order, inputs, local):
    return {name: g for name, g in _flow(order, inputs, local).items() if name != order[-1]}


@accumulate.mistake
def one_at_the_first_name(order, inputs, local):
    grads = _flow(order, inputs, local, end=0.0)
    grads[order[0]] = 1.0
    return grads


@accumulate.two("last_path_only", "upstream_ignored")
def _(order, inputs, local):
    return _flow(order, inputs, local, lambda now, slope, arriving: slope)


@accumulate.two("last_path_only", "leaves_alone")
def _(order, inputs, local):
    grads = last_path_only(order, inputs, local)
    return {name: g for name, g in grads.items() if not inputs[name]}


@accumulate.two("last_path_only", "unused_missing")
def _(order, inputs, local):
    grads = {order[-1]: 1.0}
    for name in reversed(order):
        if name in grads:
            for i, slope in zip(inputs[name], local[name]):
                grads[i] = slope * grads[name]
    return grads
