"""04.1: an order in which every input stands before its user."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

order = Fill("04.1", "topological_order(node, inputs)", returns="order", level=2, minutes=10)


@order.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case("y", {"y": ["a", "b"], "a": ["x"], "b": ["x"], "x": []}, note="a diamond: x is used twice")
    skip = {"y": ["x", "b"], "x": [], "a": ["x"], "b": ["a"]}
    yield case("y", skip, note="x is used at once, and by way of a and b")
    late = {"y": ["b", "x"], "b": ["a"], "a": ["x"], "x": []}
    yield case("y", late, note="the same, with the inputs of y the other way round")
    cut = {"y": ["h", "a"], "a": ["b"], "b": ["h"], "h": ["x"], "x": []}
    yield case("y", cut, note="a short cut to h, which has an input itself")
    yield case("square", {"square": ["x", "x"], "x": []}, note="both inputs are the same")
    used = {"loss": ["d"], "plot": ["d", "x"], "x": [], "d": ["h", "t"], "t": [], "h": ["x", "w"], "w": []}
    yield case("loss", used, note="`plot` is not needed for `loss`")
    apart = {"p": [], "q": ["p"], "x": [], "w": [], "y": ["x", "w"], "z": ["y"]}
    yield case("y", apart, note="`p` and `q` stand in front and belong to another graph")
    yield case("x", {"x": []}, tags="one", note="a leaf alone")
    wide = {"y": ["p", "q", "r"], "q": ["r", "s"], "p": ["q", "s"], "s": ["x"], "r": ["s", "x"], "x": []}
    yield case("y", wide, note="many ways from x to y")
    chain = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(5000)}
    yield case("n4999", chain, tags="large", note="a chain of 5000")


@order.drawn
def _(rng: np.random.Generator) -> Case:
    inputs = draw.graph(rng)
    node = list(inputs)[-1] if rng.random() < 0.7 else draw.one_of(rng, *inputs)
    return case(node, draw.in_any_order(rng, inputs))


@order.accept
def _(got: Any, wanted: Any, args: tuple) -> bool:
    """Every name once, and every input before its user: there are many such orders."""
    _, inputs = args
    if not isinstance(got, (list, tuple)) or not all(isinstance(name, str) for name in got):
        return False
    place = {name: i for i, name in enumerate(got)}
    return sorted(got) == sorted(wanted) and all(place[i] < place[name] for name in got for i in inputs[name])


@order.reference
def _(node, inputs):
    return topological_order(node, inputs)


@order.worked
def topological_order(node, inputs):
    order, seen, stack = [], set(), [(node, False)]
    while stack:
        name, inputs_are_done = stack.pop()
        if inputs_are_done:
            order.append(name)
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))  # comes up again after all of its inputs
            stack.extend((i, False) for i in inputs[name])
    return order


@order.right
def counting_users(node, inputs):
    """Users first, by counting those that are still missing; then turned round."""
    users, found = {node: 0}, [node]
    for name in found:  # which grows meanwhile
        for i in inputs[name]:
            if i not in users:
                users[i] = 0
                found.append(i)
            users[i] += 1
    ready, out = [node], []
    while ready:
        name = ready.pop()
        out.append(name)
        for i in inputs[name]:
            users[i] -= 1
            if users[i] == 0:
                ready.append(i)
    return out[::-1]


@order.right
def by_graphlib(node, inputs):
    needed, waiting = {}, [node]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = inputs[name]
            waiting += inputs[name]
    return list(graphlib.TopologicalSorter(needed).static_order())


@order.right
def by_generators(node, inputs):
    """Depth first, with an iterator for each node on the way instead of a call."""
    out, seen, path = [], {node}, [(node, iter(inputs[node]))]
    while path:
        name, rest = path[-1]
        following = next((i for i in rest if i not in seen), None)
        if following is None:
            out.append(path.pop()[0])
        else:
            seen.add(following)
            path.append((following, iter(inputs[following])))
    return out


@order.mistake
def recursive(node, inputs):
    out, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for i in inputs[name]:
            visit(i)
        out.append(name)

    visit(node)
    return out


@order.mistake
def shared_twice(node, inputs):
    out = []

    def visit(name):
        for i in inputs[name]:
            visit(i)
        out.append(name)

    visit(node)
    return out


@order.mistake
def users_first(node, inputs):
    return topological_order(node, inputs)[::-1]


@order.mistake
def before_its_inputs(node, inputs):
    out, seen, stack = [], set(), [node]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            out.append(name)
            stack.extend(reversed(inputs[name]))
    return out


@order.mistake
def before_its_inputs_turned_round(node, inputs):
    return before_its_inputs(node, inputs)[::-1]


@order.mistake
def breadth_first(node, inputs):
    found, seen = [node], {node}
    for name in found:
        new = [i for i in dict.fromkeys(inputs[name]) if i not in seen]
        seen.update(new)
        found.extend(new)
    return found[::-1]


@order.mistake
def last_one_missing(node, inputs):
    return topological_order(node, inputs)[:-1]


@order.mistake
def leaves_missing(node, inputs):
    return [name for name in topological_order(node, inputs) if inputs[name]]


@order.mistake
def as_they_come(node, inputs):
    return list(inputs)


@order.mistake
def as_they_come_turned_round(node, inputs):
    return list(inputs)[::-1]


@order.mistake
def inputs_of_the_node_only(node, inputs):
    return [*inputs[node], node]


@order.mistake
def one_input_followed(node, inputs):
    out = [node]
    while inputs[out[-1]]:
        out.append(inputs[out[-1]][0])
    return out[::-1]


@order.mistake
def nearest_first(node, inputs):
    return breadth_first(node, inputs)[::-1]


@order.mistake
def unneeded_names_too(node, inputs):
    everything = topological_order("", {**inputs, "": list(inputs)})
    return everything[:-1]


@order.mistake
def seen_when_put_on_the_stack(node, inputs):
    out, seen, stack = [], {node}, [(node, False)]
    while stack:
        name, inputs_are_done = stack.pop()
        if inputs_are_done:
            out.append(name)
            continue
        stack.append((name, True))
        for i in inputs[name]:
            if i not in seen:
                seen.add(i)
                stack.append((i, False))
    return out


@order.mistake
def by_the_alphabet(node, inputs):
    return sorted(topological_order(node, inputs))


@order.two("users_first", "recursive")
def _(node, inputs):
    return recursive(node, inputs)[::-1]


@order.two("leaves_missing", "recursive")
def _(node, inputs):
    return [name for name in recursive(node, inputs) if inputs[name]]


@order.two("last_one_missing", "recursive")
def _(node, inputs):
    return recursive(node, inputs)[:-1]
