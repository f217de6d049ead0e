"""05.2: a step of Adam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

adam = Fill(
    "05.2",
    "adam_step(p, g, m, v, t, lr, beta1, beta2, eps)",
    returns="p m v",
    level=2,
    minutes=10,
    chained=True,
)


@adam.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shape: int, dtype: Any = np.float64) -> list[np.ndarray]:
        p, g, m, v = (rng.normal(size=shape).astype(dtype) for _ in range(4))
        return [p, g, m, v * v]

    p, g = np.array([1.0, -2.0]), np.array([0.5, -3.0])
    yield case(p, g, 0 * p, 0 * p, 1, 0.1, 0.9, 0.99, 1e-8, note="the first step: m and v are 0")
    yield case(*draw(2, 3), 3, 0.05, 0.8, 0.9, 1e-6, note="step 3, 2 rows of 3")
    yield case(*draw(4), 20, 0.1, 0.9, 0.99, 0.01, note="step 20, with an eps of 0.01")
    p, g, m, v = draw(3)
    small = [1e-5 * g, 1e-5 * m, 1e-10 * v]
    yield case(p, *small, 2, 0.1, 0.9, 0.999, 1e-8, tags="small", note="gradients of about 0.00001")
    p, g, m, v = draw(3)
    g[1] = m[1] = v[1] = 0
    yield case(p, g, m, v, 2, 0.1, 0.7, 0.95, 1e-8, note="one gradient has always been 0")
    yield case(*draw(1), 2, 0.3, 0.5, 0.75, 1e-3, tags="one", note="a single number")
    yield case(*draw(3), 150, 0.1, 0.9, 0.999, 1e-8, note="step 150, with a beta2 of 0.999")
    yield case(*draw(3, 2, dtype=np.float32), 2, 0.5, 0.9, 0.99, 1e-3, tags="float32", note="float32")


@adam.drawn
def _(rng: np.random.Generator) -> Case:
    p, g, m, v = draw.arrays(rng, *[draw.shape(rng, least=1)] * 4, kinds="usual below above")
    scale = p.dtype.type(draw.one_of(rng, 1, 1, 1e-4, 1e-8, 1e3))
    g, m, v = scale * g, scale * m, (scale * v) ** 2
    t = draw.one_of(rng, 1, 1, 2, 3, 10, 100, 1000, int(rng.integers(1, 3000)))
    if t == 1 and rng.random() < 0.5:
        m, v = 0 * m, 0 * v
    beta1, beta2 = draw.one_of(rng, 0.9, 0.0, 0.5, 0.99), draw.one_of(rng, 0.999, 0.9, 0.1, 0.99, 0.5)
    eps = draw.one_of(rng, 1e-8, 1e-8, 1e-3, 0.0, 1.0)
    return case(p, g, m, v, t, draw.one_of(rng, 0.1, 1e-3, 1.0, 0.0, 10.0), beta1, beta2, eps)


@adam.reference
def _(p, g, m, v, t, lr, beta1, beta2, eps):
    p, m, v = p.copy(), m.copy(), v.copy()
    ops.adam_update.pairs["numpy"].forward(p, g, m, v, lr=lr, t=t, beta1=beta1, beta2=beta2, eps=eps)
    return p, m, v


@adam.worked
def adam_step(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g  # running average of the gradient
    v = beta2 * v + (1 - beta2) * g**2  # and of its square
    m_hat = m / (1 - beta1**t)  # both began at 0: without this the first averages are too small
    v_hat = v / (1 - beta2**t)
    p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
    return p, m, v


@adam.right
def with_one_rate(p, g, m, v, t, lr, beta1, beta2, eps):
    """Both corrections moved into the rate, as the paper suggests; eps moves with them."""
    m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
    root = (1 - beta2**t) ** 0.5
    return p - lr * root / (1 - beta1**t) * m / (np.sqrt(v) + eps * root), m, v


@adam.right
def element_by_element(p, g, m, v, t, lr, beta1, beta2, eps):
    p, m, v = np.array(p), np.array(m), np.array(v)
    for i in np.ndindex(p.shape):
        m[i] = m[i] * beta1 + g[i] * (1 - beta1)
        v[i] = v[i] * beta2 + g[i] * g[i] * (1 - beta2)
        p[i] -= lr * (m[i] / (1 - beta1**t)) / ((v[i] / (1 - beta2**t)) ** 0.5 + eps)
    return p, m, v


# -- mistakes: each changes one part of `_step` --------------------------------------------------------------


def _corrected(m: Any, v: Any, t: int, beta1: float, beta2: float) -> Any:
    return m / (1 - beta1**t), v / (1 - beta2**t)


def _divided(m_hat, v_hat, eps):
    return m_hat / (np.sqrt(v_hat) + eps)


def _direction(m, v, t, beta1, beta2, eps):
    return _divided(m / (1 - beta1**t), v / (1 - beta2**t), eps)


def _step(given: tuple, correct: Callable = _corrected, divide: Callable = _divided) -> tuple:
    p, g, m, v, t, lr, beta1, beta2, eps = given
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return p - lr * divide(*correct(m, v, t, beta1, beta2), eps), m, v


@adam.mistake
def no_bias_correction(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m, v))


@adam.mistake
def v_not_corrected(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1**t), v))


@adam.mistake
def m_not_corrected(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m, v / (1 - beta2**t)))


@adam.mistake
def t_counted_from_0(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: _corrected(m, v, t + 1, beta1, beta2))


@adam.mistake
def one_step_behind(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: _corrected(m, v, t - 1, beta1, beta2))


@adam.mistake
def beta_times_t(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1 * t), v / (1 - beta2 * t)))


@adam.mistake
def correction_without_t(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: _corrected(m, v, 1, beta1, beta2))


@adam.mistake
def correction_multiplied(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m * (1 - beta1**t), v * (1 - beta2**t)))


@adam.mistake
def eps_inside_the_root(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: m_hat / np.sqrt(v_hat + eps))


@adam.mistake
def eps_missing(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: m_hat / np.sqrt(v_hat))


@adam.mistake
def root_missing(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: m_hat / (v_hat + eps))


@adam.mistake
def uphill(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: -m_hat / (np.sqrt(v_hat) + eps))


@adam.mistake
def v_not_squared(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.mistake
def v_of_m(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * m**2
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.mistake
def corrected_ones_kept(p, g, m, v, t, lr, beta1, beta2, eps):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g * g) / (1 - beta2**t)
    return p - lr * m / (np.sqrt(v) + eps), m, v


@adam.mistake
def betas_swapped(p, g, m, v, t, lr, beta1, beta2, eps):
    return _step((p, g, m, v, t, lr, beta2, beta1, eps))


@adam.mistake
def sums_for_averages(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + g, beta2 * v + g * g
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.mistake
def shares_swapped(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = (1 - beta1) * m + beta1 * g, (1 - beta2) * v + beta2 * g * g
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.mistake
def old_averages(p, g, m, v, t, lr, beta1, beta2, eps):
    p = p - lr * _direction(m, v, t, beta1, beta2, eps)
    return p, beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g


@adam.mistake
def m_unused(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return p - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@adam.mistake
def eps_behind_the_fraction(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: m_hat / np.sqrt(v_hat) + eps)


@adam.mistake
def rate_missing(p, g, m, v, t, lr, beta1, beta2, eps):
    return _step((p, g, m, v, t, 1.0, beta1, beta2, eps))


@adam.mistake
def beta1_for_both(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: _corrected(m, v, t, beta1, beta1))


@adam.mistake
def power_of_the_difference(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1) ** t, v / (1 - beta2) ** t))


@adam.mistake
def power_alone(*given):
    return _step(given, correct=lambda m, v, t, beta1, beta2: (m / beta1**t, v / beta2**t))


@adam.mistake
def root_before_the_correction(*given):
    return _step(
        given,
        correct=lambda m, v, t, beta1, beta2: (m / (1 - beta1**t), np.sqrt(v) / (1 - beta2**t)),
        divide=lambda m_hat, root, eps: m_hat / (root + eps),
    )


@adam.mistake
def share_squared_too(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + ((1 - beta2) * g) ** 2
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.mistake
def size_for_square(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * np.abs(g)
    return p - lr * _direction(m, v, t, beta1, beta2, eps), m, v


@adam.two("no_bias_correction", "eps_inside_the_root")
def _(*given):
    return _step(given, lambda m, v, *rest: (m, v), lambda m_hat, v_hat, eps: m_hat / np.sqrt(v_hat + eps))


@adam.two("no_bias_correction", "root_missing")
def _(*given):
    return _step(given, lambda m, v, *rest: (m, v), lambda m_hat, v_hat, eps: m_hat / (v_hat + eps))


@adam.two("no_bias_correction", "sums_for_averages")
def _(p, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + g, beta2 * v + g * g
    return p - lr * m / (np.sqrt(v) + eps), m, v


@adam.two("t_counted_from_0", "eps_inside_the_root")
def _(p, g, m, v, t, *rest):
    inside = adam.mistakes["eps_inside_the_root"].function
    return inside(p, g, m, v, t + 1, *rest)


@adam.two("eps_inside_the_root", "uphill")
def _(*given):
    return _step(given, divide=lambda m_hat, v_hat, eps: -m_hat / np.sqrt(v_hat + eps))


@adam.swaps
def _(function):
    def forward(p, g, m, v, *, lr, t, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
        if weight_decay:
            g = g + weight_decay * p
        p[...], m[...], v[...] = function(p.copy(), g, m.copy(), v.copy(), t, lr, beta1, beta2, eps)
        return p, None

    return ops.adam_update.using(forward)
