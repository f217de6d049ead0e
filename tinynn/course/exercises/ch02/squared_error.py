"""02.1: the gradient of the mean squared error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

mse = Fill("02.1", "mse_gradient(y, t)", returns="dy", level=1, minutes=6, dtype_matters=False)


@mse.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shape: int, dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=shape).astype(dtype) for _ in range(2)]

    y, t = np.array([[3.0, 1.0, -2.0], [0.5, 4.0, 1.0]]), np.array([[1.0, 2.0, -1.5], [0.0, 1.0, 2.5]])
    yield case(y, t, note="2 examples, 3 outputs")
    yield case(*draw(5, 3), note="5 examples, 3 outputs")
    yield case(*draw(3, 3), tags="square", note="3 examples, 3 outputs")
    yield case(*draw(4), note="4 examples, one number each")
    y, t = draw(2, 3)
    t[0, 1] = y[0, 1]
    yield case(y, t, note="one output hits its target")
    yield case(*draw(3, 2, 4), note="three axes")
    yield case(*draw(1, 4), tags="one", note="one example, 4 outputs")
    yield case(*draw(4, 2, dtype=np.float32), tags="float32", note="float32")


@mse.drawn
def _(rng: np.random.Generator) -> Case:
    y, t = draw.arrays(rng, *[draw.shape(rng, least=1)] * 2)
    return case(y, np.where(rng.random(y.shape) < 0.1, y, t))


@mse.reference
def _(y, t):
    loss, cache = ops.mse_loss.pairs["numpy"].forward(y, t)
    return ops.mse_loss.pairs["numpy"].pull(np.ones_like(loss), cache, (True, False))[0]


@mse.worked
def mse_gradient(y, t):
    return 2 * (y - t) / y.size  # of the shape of y: one slope for each output


@mse.right
def element_by_element(y, t):
    dy = np.empty_like(y)
    for i in np.ndindex(y.shape):
        dy[i] = (y[i] - t[i]) * 2 / np.prod(y.shape)
    return dy


@mse.right
def by_the_chain_rule(y, t):
    d = y - t
    share = np.full_like(d, 1 / d.size)  # of the mean in each square
    return share * d + d * share  # the slope of d * d, by the product rule


@mse.mistake
def no_2(y, t):
    return (y - t) / y.size


@mse.mistake
def not_averaged(y, t):
    return 2 * (y - t)


@mse.mistake
def averaged_over_examples_only(y, t):
    return 2 * (y - t) / len(y)


@mse.mistake
def averaged_over_outputs_only(y, t):
    return 2 * (y - t) / y.shape[-1]


@mse.mistake
def target_minus_output(y, t):
    return 2 * (t - y) / y.size


@mse.mistake
def loss_returned(y, t):
    return ((y - t) ** 2).mean()


@mse.mistake
def squares_returned(y, t):
    return (y - t) ** 2 / y.size


@mse.mistake
def difference_still_squared(y, t):
    return 2 * (y - t) ** 2 / y.size


@mse.mistake
def gradient_averaged_to_a_number(y, t):
    return (2 * (y - t)).mean()


@mse.mistake
def gradient_averaged_over_examples(y, t):
    return (2 * (y - t)).mean(axis=0)


@mse.mistake
def sign_only(y, t):
    return np.sign(y - t) / y.size


@mse.mistake
def of_the_root(y, t):
    d = y - t
    return d / (y.size * np.sqrt((d * d).mean()))


@mse.mistake
def times_y(y, t):
    return 2 * (y - t) * y / y.size


@mse.mistake
def target_forgotten(y, t):
    return 2 * y / y.size


@mse.mistake
def bracket_missing(y, t):
    return (2 * y - t) / y.size


@mse.two("no_2", "averaged_over_examples_only")
def _(y, t):
    return (y - t) / len(y)


@mse.two("no_2", "not_averaged")
def _(y, t):
    return y - t


@mse.two("no_2", "target_minus_output")
def _(y, t):
    return (t - y) / y.size


@mse.two("target_minus_output", "not_averaged")
def _(y, t):
    return 2 * (t - y)


@mse.two("target_minus_output", "averaged_over_examples_only")
def _(y, t):
    return 2 * (t - y) / len(y)


@mse.two("squares_returned", "not_averaged")
def _(y, t):
    return (y - t) ** 2


@mse.swaps
def _(function):
    def forward(y, t, reduction="mean"):
        loss, _ = ops.mse_loss.pairs["numpy"].forward(y, t, reduction)
        return loss, (y, t, {"mean": 1, "sum": y.size, "none": y.size}[reduction])

    def backward(dloss, cache):
        y, t, factor = cache
        dy = function(y, t) * (factor * dloss)
        return dy, -dy

    return ops.mse_loss.using(forward, backward)
