"""05.1: a step with momentum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

momentum = Fill(
    "05.1", "momentum_step(p, g, v, lr, beta)", returns="p v", level=1, minutes=5, chained=True, new=True
)


@momentum.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shape: int, dtype: Any = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=shape).astype(dtype) for _ in range(3)]

    yield case(
        np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.array([2.0, -1.0]), 0.1, 0.9, note="two numbers"
    )
    yield case(*draw(2, 3), 0.05, 0.8, note="2 rows of 3")
    p, g, v = draw(4)
    yield case(p, g, 0 * v, 0.1, 0.9, note="the first step: v is 0")
    yield case(*draw(3), 0.2, 0.0, note="beta = 0: plain gradient descent")
    yield case(*draw(1), 0.3, 0.5, tags="one", note="a single number")
    yield case(*draw(), 0.1, 0.9, tags="one", note="a parameter of shape ()")
    p, g, v = draw(5)
    yield case(p, 1000 * g, v, 0.01, 0.9, tags="large", note="gradients in the thousands")
    yield case(*draw(2, 4, dtype=np.float32), 0.1, 0.9, tags="float32", note="float32")


@momentum.drawn
def _(rng: np.random.Generator) -> Case:
    p, g, v = draw.arrays(rng, *[draw.shape(rng, least=1)] * 3)
    lr = draw.one_of(rng, 0.0, 0.01, 0.1, 1.0, 3, float(10.0 ** rng.uniform(-4, 1)))
    return case(p, g, v, lr, draw.one_of(rng, 0.0, 0, 0.5, 0.9, 0.99, 1.0, float(rng.random())))


@momentum.reference
def _(p, g, v, lr, beta):
    p, v = p.copy(), v.copy()
    ops.sgd_update.pairs["numpy"].forward(p, g, v, lr=lr, momentum=beta)
    return p, v


@momentum.worked
def momentum_step(p, g, v, lr, beta):
    v = beta * v + g  # what is left of the old direction, and the new gradient
    p = p - lr * v
    return p, v


@momentum.right
def on_copies(p, g, v, lr, beta):
    p, v = p.copy(), v.copy()
    v *= beta
    v += g
    p -= lr * v
    return p, v


@momentum.right
def as_two_steps(p, g, v, lr, beta):
    """What is left of the last step, then the step of plain descent."""
    coasted = p - (lr * beta) * v
    return coasted - lr * g, np.add(g, np.multiply(beta, v))


@momentum.mistake
def uphill(p, g, v, lr, beta):
    v = beta * v + g
    return p + lr * v, v


@momentum.mistake
def averaged(p, g, v, lr, beta):
    v = beta * v + (1 - beta) * g
    return p - lr * v, v


@momentum.mistake
def rate_inside_v(p, g, v, lr, beta):
    v = beta * v + lr * g
    return p - v, v


@momentum.mistake
def rate_inside_v_with_minus(p, g, v, lr, beta):
    v = beta * v - lr * g
    return p + v, v


@momentum.mistake
def rate_twice(p, g, v, lr, beta):
    v = beta * v + lr * g
    return p - lr * v, v


@momentum.mistake
def old_v(p, g, v, lr, beta):
    return p - lr * v, beta * v + g


@momentum.mistake
def v_unused(p, g, v, lr, beta):
    return p - lr * g, beta * v + g


@momentum.mistake
def v_not_kept(p, g, v, lr, beta):
    return p - lr * (beta * v + g), v.copy()


@momentum.mistake
def beta_on_the_gradient(p, g, v, lr, beta):
    v = v + beta * g
    return p - lr * v, v


@momentum.mistake
def beta_on_both(p, g, v, lr, beta):
    v = beta * (v + g)
    return p - lr * v, v


@momentum.mistake
def one_minus_beta(p, g, v, lr, beta):
    v = (1 - beta) * v + beta * g
    return p - lr * v, v


@momentum.mistake
def looks_ahead(p, g, v, lr, beta):
    v = beta * v + g
    return p - lr * (g + beta * v), v


@momentum.mistake
def never_slows(p, g, v, lr, beta):
    v = v + g
    return p - lr * v, v


@momentum.mistake
def returned_swapped(p, g, v, lr, beta):
    v = beta * v + g
    return v, p - lr * v


@momentum.mistake
def rate_missing(p, g, v, lr, beta):
    v = beta * v + g
    return p - v, v


@momentum.mistake
def minus_inside_v(p, g, v, lr, beta):
    v = beta * v - g
    return p + lr * v, v


@momentum.mistake
def minus_twice(p, g, v, lr, beta):
    v = beta * v - g
    return p - lr * v, v


@momentum.mistake
def beta_in_the_step(p, g, v, lr, beta):
    v = beta * v + g
    return p - lr * beta * v, v


@momentum.two("averaged", "uphill")
def _(p, g, v, lr, beta):
    v = beta * v + (1 - beta) * g
    return p + lr * v, v


@momentum.two("averaged", "old_v")
def _(p, g, v, lr, beta):
    return p - lr * v, beta * v + (1 - beta) * g


@momentum.two("averaged", "rate_inside_v")
def _(p, g, v, lr, beta):
    v = beta * v + (1 - beta) * lr * g
    return p - v, v


@momentum.two("uphill", "old_v")
def _(p, g, v, lr, beta):
    return p + lr * v, beta * v + g


@momentum.swaps
def _(function):
    """With momentum and without nesterov the student's step; the rest is not what it was written for."""
    given = ops.sgd_update.pairs["numpy"].forward

    def forward(p, g, m=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        if m is None or nesterov:
            arrays = (p, g) if m is None else (p, g, m)
            return given(*arrays, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
        if weight_decay:
            g = g + weight_decay * p
        p[...], m[...] = function(p.copy(), g, m.copy(), lr, momentum)
        return p, None

    return ops.sgd_update.using(forward)
