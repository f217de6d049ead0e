"""02.5: a descent loop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...given import (
    gradient_of_half_squares,
    gradient_of_ravine,
    gradient_of_squares,
    gradient_of_two_valleys,
    gradient_of_valley,
)

walk = Fill("02.5", "descend(gradient, x, lr, steps)", returns="x", level=1, minutes=7)


@walk.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(gradient_of_squares, np.array([1.0, -2.0]), 0.1, 2, note="the gradient is 2 * x, 2 steps")
    yield case(
        gradient_of_two_valleys, rng.normal(size=3), 0.2, 5, note="the gradient is x ** 3 - x, 5 steps"
    )
    yield case(gradient_of_ravine, rng.normal(size=(2, 3)), 0.05, 7, note="a matrix, 7 steps")
    yield case(gradient_of_two_valleys, rng.normal(size=2), 0.3, 1, note="one step")
    yield case(gradient_of_ravine, rng.normal(size=3), 0.1, 0, note="no step at all")
    yield case(gradient_of_ravine, rng.normal(size=4), 0.9, 6, note="a rate that is too high")
    yield case(gradient_of_valley, rng.normal(size=3), 0.1, 3, note="each slope depends on all numbers")
    yield case(gradient_of_squares, rng.normal(size=2), 1e-6, 30, tags="small", note="30 very small steps")
    yield case(gradient_of_half_squares, rng.normal(size=2), 1e-2, 300, note="300 steps")
    x32 = rng.normal(size=3).astype(np.float32)
    yield case(gradient_of_squares, x32, 0.1, 4, tags="float32", note="float32")


@walk.drawn
def _(rng: np.random.Generator) -> Case:
    gradients = (gradient_of_squares, gradient_of_half_squares, gradient_of_two_valleys, gradient_of_valley)
    gradient = draw.one_of(rng, *gradients, gradient_of_ravine)
    (x,) = draw.arrays(rng, draw.shape(rng, least=1, most=3), kinds="usual whole below above tiny")
    x = np.clip(x, -2, 2)
    lr = draw.one_of(rng, 0.0, 1e-6, 1e-3, 0.01, 0.1, 0.5, 1.0) / (1 if x.size == 1 else x.size)
    steps = draw.one_of(rng, 0, 1, 2, 3, 10, 100) if rng.random() < 0.9 else int(rng.integers(1000, 3000))
    return case(gradient, x, lr, steps)


@walk.reference
def _(gradient, x, lr, steps):
    for _ in range(steps):
        x = x - lr * gradient(x)
    return x


@walk.worked
def descend(gradient, x, lr, steps):
    for _ in range(steps):
        x = x - lr * gradient(x)  # a new array each time: the start stays as it was
    return x


@walk.right
def on_a_copy(gradient, x, lr, steps):
    here = x.copy()
    while steps > 0:
        here -= lr * gradient(here)
        steps -= 1
    return here


@walk.right
def last_of_the_path(gradient, x, lr, steps):
    path = [x]
    for k in range(steps):
        path.append(path[k] - gradient(path[k]) * lr)
    return path[-1]


@walk.mistake
def one_step_too_few(gradient, x, lr, steps):
    for _ in range(1, steps):
        x = x - lr * gradient(x)
    return x


@walk.mistake
def one_step_too_many(gradient, x, lr, steps):
    for _ in range(steps + 1):
        x = x - lr * gradient(x)
    return x


@walk.mistake
def uphill(gradient, x, lr, steps):
    for _ in range(steps):
        x = x + lr * gradient(x)
    return x


@walk.mistake
def gradient_taken_once(gradient, x, lr, steps):
    g = gradient(x)
    for _ in range(steps):
        x = x - lr * g
    return x


@walk.mistake
def always_from_the_start(gradient, x, lr, steps):
    new = x
    for _ in range(steps):
        new = x - lr * gradient(x)
    return new


@walk.mistake
def start_and_new_mixed(gradient, x, lr, steps):
    new = x
    for _ in range(steps):
        new = x - lr * gradient(new)
    return new


@walk.mistake
def returned_in_the_loop(gradient, x, lr, steps):
    for _ in range(steps):
        x = x - lr * gradient(x)
        return x


@walk.mistake
def start_overwritten(gradient, x, lr, steps):
    for _ in range(steps):
        x -= lr * gradient(x)
    return x


@walk.mistake
def path_returned(gradient, x, lr, steps):
    path = [x]
    for _ in range(steps):
        path.append(path[-1] - lr * gradient(path[-1]))
    return path


def _at_rates(gradient, x, rates):
    """One step at each of `rates`."""
    for rate in rates:
        x = x - rate * gradient(x)
    return x


@walk.mistake
def rate_forgotten(gradient, x, lr, steps):
    return _at_rates(gradient, x, [1] * steps)


@walk.mistake
def divided_by_the_rate(gradient, x, lr, steps):
    return _at_rates(gradient, x, [1 / lr] * steps)


@walk.mistake
def rate_compounded(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr**k for k in range(1, steps + 1)])


@walk.mistake
def rate_shrinks(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr / k for k in range(1, steps + 1)])


@walk.mistake
def rate_shared_among_steps(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr / steps] * steps if steps else [])


@walk.mistake
def sign_of_the_gradient(gradient, x, lr, steps):
    for _ in range(steps):
        x = x - lr * np.sign(gradient(x))
    return x


@walk.mistake
def length_taken_out(gradient, x, lr, steps):
    for _ in range(steps):
        g = gradient(x)
        x = x - lr * g / np.linalg.norm(g)
    return x


@walk.mistake
def x_left_out(gradient, x, lr, steps):
    for _ in range(steps):
        x = -lr * gradient(x)
    return x


@walk.mistake
def gradient_returned(gradient, x, lr, steps):
    for _ in range(steps):
        x = x - lr * gradient(x)
    return gradient(x)


@walk.mistake
def multiplied_instead(gradient, x, lr, steps):
    for _ in range(steps):
        x = x * (1 - lr * gradient(x))
    return x


@walk.mistake
def divided_by_the_size(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr / x.size] * steps)


@walk.mistake
def steps_grow(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr * k for k in range(1, steps + 1)])


@walk.mistake
def steps_grow_from_0(gradient, x, lr, steps):
    return _at_rates(gradient, x, [lr * k for k in range(steps)])


@walk.mistake
def all_gradients_added(gradient, x, lr, steps):
    total = np.zeros_like(x)
    for _ in range(steps):
        total += gradient(x)
        x = x - lr * total
    return x


@walk.mistake
def path_as_an_array(gradient, x, lr, steps):
    return np.array(path_returned(gradient, x, lr, steps))


@walk.mistake
def result_only_in_the_loop(gradient, x, lr, steps):
    for _ in range(steps):
        new = x - lr * gradient(x)
    return new


@walk.two("uphill", "gradient_taken_once")
def _(gradient, x, lr, steps):
    g = gradient(x)
    for _ in range(steps):
        x = x + lr * g
    return x


@walk.two("uphill", "one_step_too_few")
def _(gradient, x, lr, steps):
    for _ in range(1, steps):
        x = x + lr * gradient(x)
    return x


@walk.two("uphill", "one_step_too_many")
def _(gradient, x, lr, steps):
    for _ in range(steps + 1):
        x = x + lr * gradient(x)
    return x


@walk.two("start_overwritten", "one_step_too_many")
def _(gradient, x, lr, steps):
    for _ in range(steps + 1):
        x -= lr * gradient(x)
    return x


@walk.two("start_overwritten", "one_step_too_few")
def _(gradient, x, lr, steps):
    for _ in range(1, steps):
        x -= lr * gradient(x)
    return x


@walk.two("start_overwritten", "uphill")
def _(gradient, x, lr, steps):
    for _ in range(steps):
        x += lr * gradient(x)
    return x


@walk.swaps
def _(function):
    """One step at a time, in the place of plain stochastic gradient descent."""

    def forward(p, g, m=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        direction = np.zeros_like(p)  # what the library would subtract at a rate of 1, negative
        ops.sgd_update.pairs["numpy"].forward(
            direction, g + weight_decay * p, m, lr=1.0, momentum=momentum, nesterov=nesterov
        )
        p[...] = function(lambda x: -direction, p.copy(), lr, 1)
        return p, None

    return ops.sgd_update.using(forward)
