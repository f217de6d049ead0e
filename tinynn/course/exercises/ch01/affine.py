"""01.1: an affine layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

layer = Fill("01.1", "affine(x, w, b)", returns="y", level=1, minutes=6, dtype_matters=False)


@layer.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, i: int, o: int, dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=s).astype(dtype) for s in ((n, i), (o, i), (o,))]

    yield case(*draw(2, 4, 3), note="2 examples, 4 inputs, 3 outputs")
    yield case(*draw(3, 3, 3), tags="square", note="everything 3 by 3")
    yield case(*draw(2, 3, 3), tags="square", note="as many inputs as outputs")
    yield case(*draw(3, 2, 3), tags="square", note="as many examples as outputs")
    yield case(*draw(1, 2, 3), tags="one", note="one example")
    yield case(*draw(5, 4, 2, np.float32), tags="float32", note="float32")


@layer.drawn
def _(rng: np.random.Generator) -> Case:
    n, i, o = draw.sizes(rng, 3)
    return case(*draw.arrays(rng, (n, i), (o, i), (o,)))


@layer.reference
def _(x, w, b):
    return ops.linear.pairs["numpy"].forward(x, w, b)[0]


@layer.worked
def affine(x, w, b):
    y = x @ w.T  # (N, I) @ (I, O) -> (N, O)
    return y + b  # (N, O) + (O,): the same b in every row


@layer.right
def by_einsum(x, w, b):
    return np.einsum("ni,oi->no", x, w) + b


@layer.right
def neuron_by_neuron(x, w, b):
    y = np.empty((len(x), len(w)), x.dtype)
    for n, row in enumerate(x):
        for o, weights in enumerate(w):
            y[n, o] = (row * weights).sum() + b[o]
    return y


@layer.right
def with_a_column_of_ones(x, w, b):
    ones = np.ones((len(x), 1), x.dtype)
    return np.hstack([x, ones]) @ np.hstack([w, b[:, None]]).T


@layer.mistake
def w_not_transposed(x, w, b):
    return x @ w + b


@layer.mistake
def formula_as_written(x, w, b):
    return w @ x + b


@layer.mistake
def examples_as_columns(x, w, b):
    return w @ x.T + b[:, None]


@layer.mistake
def w_times_x_transposed(x, w, b):
    return w @ x.T + b


@layer.mistake
def no_bias(x, w, b):
    return x @ w.T


@layer.mistake
def bias_per_row(x, w, b):
    return x @ w.T + b[:, None]


@layer.mistake
def bias_inside_the_product(x, w, b):
    return x @ (w.T + b)


@layer.mistake
def one_bias_for_all(x, w, b):
    return x @ w.T + b.sum()


@layer.mistake
def multiplied_element_by_element(x, w, b):
    return x * w + b


@layer.mistake
def first_example_only(x, w, b):
    for row in x:
        return w @ row + b


@layer.mistake
def already_bent(x, w, b):
    return np.maximum(x @ w.T + b, 0)


@layer.mistake
def reshaped_instead_of_transposed(x, w, b):
    return x @ w.reshape(w.shape[::-1]) + b


@layer.mistake
def bias_of_the_first_neuron(x, w, b):
    return x @ w.T + b[0]


@layer.mistake
def squashed(x, w, b):
    return 1 / (1 + np.exp(-(x @ w.T + b)))


@layer.mistake
def outputs_added_up(x, w, b):
    return (x @ w.T + b).sum(axis=1)


@layer.mistake
def multiplied_by_b(x, w, b):
    return (x @ w.T) * b


@layer.mistake
def bias_subtracted(x, w, b):
    return x @ w.T - b


@layer.mistake
def bias_with_every_input(x, w, b):
    return sum(np.outer(x[:, i], w[:, i]) + b for i in range(x.shape[1]))


@layer.mistake
def last_example_only(x, w, b):
    for row in x:
        y = w @ row + b
    return y


@layer.two("w_not_transposed", "no_bias")
def _(x, w, b):
    return x @ w


@layer.two("w_not_transposed", "bias_per_row")
def _(x, w, b):
    return x @ w + b[:, None]


@layer.two("no_bias", "already_bent")
def _(x, w, b):
    return np.maximum(x @ w.T, 0)


@layer.two("first_example_only", "no_bias")
def _(x, w, b):
    for row in x:
        return w @ row


@layer.swaps
def _(function):
    def forward(x, w, b=None):
        bias = np.zeros(len(w), w.dtype) if b is None else b
        y = function(x.reshape(-1, x.shape[-1]), w, bias)
        return y.reshape(*x.shape[:-1], -1), (x, w, b is not None)

    return ops.linear.using(forward, ops.linear.pairs["numpy"].backward)
