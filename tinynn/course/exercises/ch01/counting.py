"""01.5: parameters counted."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

count = Fill(
    "01.5",
    "count_parameters(sizes)",
    returns="count",
    level=1,
    minutes=5,
    dtype_matters=False,
    tolerance=1e-15,  # a whole number is exact
)


@count.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case([3, 2], note="one layer: 3 inputs, 2 outputs")
    yield case([4, 3, 2], note="two layers: 4 inputs, 3 hidden, 2 outputs")
    yield case([64, 32, 10], note="digits of 8 by 8 pixels, 32 hidden, 10 classes")
    yield case([2, 7, 5, 3], note="three layers")
    yield case([3, 5, 5, 2], note="a width that comes twice")
    yield case([3, 3, 3], tags="square", note="all widths equal")
    yield case([1, 1], note="one input, one output")
    yield case([5], note="5 inputs and no layer")


@count.drawn
def _(rng: np.random.Generator) -> Case:
    if rng.random() < 0.1:  # beyond 32 bits, and beyond any memory
        return case([draw.one_of(rng, 1_000_000, 2_000_003) for _ in range(3)])
    most = draw.one_of(rng, 3, 20, 300)
    return case([int(n) for n in rng.integers(1, most, size=draw.size(rng, most=12), endpoint=True)])


@count.reference
def _(sizes):
    return sum(i * o + o for i, o in zip(sizes[:-1], sizes[1:]))


@count.worked
def count_parameters(sizes):
    total = 0
    for i, o in zip(sizes[:-1], sizes[1:]):  # every layer: its inputs, its outputs
        total += o * i + o  # w is (O, I), b is (O,)
    return total


@count.right
def by_dot(sizes):
    wide = np.array(sizes)
    return int((wide[:-1] + 1) @ wide[1:])


@count.right
def shapes_measured(sizes):
    layers = [(np.broadcast_to(0, (o, i)), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]
    return sum(w.size + b.size for w, b in layers)


@count.right
def from_the_end(sizes):
    return 0 if len(sizes) < 2 else from_the_end(sizes[:-1]) + sizes[-1] * (sizes[-2] + 1)


@count.mistake
def no_bias(sizes):
    return sum(i * o for i, o in zip(sizes, sizes[1:]))


@count.mistake
def biases_only(sizes):
    return sum(sizes[1:])


@count.mistake
def neurons_counted(sizes):
    return sum(sizes)


@count.mistake
def product_of_all(sizes):
    return prod(sizes)


@count.mistake
def bias_for_each_input(sizes):
    return sum(i * o + i for i, o in zip(sizes, sizes[1:]))


@count.mistake
def one_bias_a_layer(sizes):
    return sum(i * o + 1 for i, o in zip(sizes, sizes[1:]))


@count.mistake
def input_layer_biased(sizes):
    return sum(i * o for i, o in zip(sizes, sizes[1:])) + sum(sizes)


@count.mistake
def bias_for_each_weight(sizes):
    return 2 * sum(i * o for i, o in zip(sizes, sizes[1:]))


@count.mistake
def biases_only_where_hidden(sizes):
    return sum(i * o for i, o in zip(sizes, sizes[1:])) + sum(sizes[1:-1])


@count.mistake
def first_layer_only(sizes):
    for i, o in zip(sizes, sizes[1:]):
        return i * o + o


@count.mistake
def last_layer_only(sizes):
    total = 0
    for i, o in zip(sizes, sizes[1:]):
        total = i * o + o
    return total


@count.mistake
def last_layer_left_out(sizes):
    return sum(i * o + o for i, o in zip(sizes[:-2], sizes[1:-1]))


@count.mistake
def last_joined_to_first(sizes):
    return sum(sizes[k - 1] * sizes[k] + sizes[k] for k in range(len(sizes)))


@count.mistake
def past_the_end(sizes):
    total = 0
    for k in range(len(sizes)):
        total += sizes[k] * sizes[k + 1] + sizes[k + 1]
    return total


@count.mistake
def every_pair_of_layers(sizes):
    return sum(sizes[j] * o for k, o in enumerate(sizes) for j in range(k)) + sum(sizes[1:])


@count.mistake
def biased_on_both_sides(sizes):
    return sum(i * o + i + o for i, o in zip(sizes, sizes[1:]))


@count.mistake
def one_more_on_both_sides(sizes):
    return sum((i + 1) * (o + 1) for i, o in zip(sizes, sizes[1:]))


@count.mistake
def sizes_added_within_a_layer(sizes):
    return sum(i + o for i, o in zip(sizes, sizes[1:]))


@count.mistake
def one_neuron_a_layer(sizes):
    return sum(i + 1 for i in sizes[:-1])


@count.mistake
def first_layer_left_out(sizes):
    return sum(i * o + o for i, o in zip(sizes[1:], sizes[2:]))


@count.mistake
def one_layer_expected(sizes):
    return sizes[0] * sizes[1] + sizes[1]


@count.mistake
def product_of_all_and_biases(sizes):
    return prod(sizes) + sum(sizes[1:])


@count.mistake
def biases_at_the_output_only(sizes):
    return sum(i * o for i, o in zip(sizes, sizes[1:])) + sizes[-1]


@count.mistake
def one_count_a_layer(sizes):
    return [i * o + o for i, o in zip(sizes, sizes[1:])]


@count.two("no_bias", "last_layer_only")
def _(sizes):
    return sizes[-1] * sizes[-2] if len(sizes) > 1 else 0


@count.two("no_bias", "last_layer_left_out")
def _(sizes):
    return sum(i * o for i, o in zip(sizes[:-2], sizes[1:-1]))


@count.two("no_bias", "last_joined_to_first")
def _(sizes):
    return sum(sizes[k - 1] * sizes[k] for k in range(len(sizes)))


@count.two("bias_for_each_input", "last_layer_only")
def _(sizes):
    return sizes[-2] * sizes[-1] + sizes[-2] if len(sizes) > 1 else 0
