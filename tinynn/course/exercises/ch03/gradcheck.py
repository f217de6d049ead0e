"""03.4: is a gradient right? Central differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

error = Fill(
    "03.4", "gradient_error(f, grad, x, eps)", returns="error", level=2, minutes=10, dtype_matters=False
)


@error.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    # The functions are made in here, so that they travel to the process that runs the answer by value.
    def cubes(x):
        return float(np.sum(x**3))

    def steep(x):
        return float(np.sum(np.exp(3 * x)))

    def product(x):
        return float(np.sum(x[:, 0] * x[:, 1] ** 2 * x[:, 2]))

    def first_squared(x):
        return float(x[0] ** 2)

    x = np.array([1.0, -2.0])
    yield case(cubes, np.array([3.0, 9.0]), x, 1e-3, note="f = sum of x**3; the second gradient should be 12")
    x = rng.normal(size=(2, 3)).round(1)
    yield case(steep, 3 * np.exp(3 * x), x, 1e-3, note="f = sum of exp(3 x), and its right gradient")
    x = np.array([[3.0, 0.01], [-20.0, 2.0]])
    grad = 3 * x**2 + np.array([[0.0, -0.0002], [0.5, 0.0]])
    yield case(cubes, grad, x, 1e-3, note="f = sum of x**3; two of four are off, the smaller one by more")
    x = rng.normal(size=(2, 3))
    a, b, c = x.T
    grad = np.stack([b**2 * c, 2 * a * b * c, a * b**2], axis=1)
    yield case(product, grad, x, 1e-3, note="f = sum of a b**2 c over the rows (a, b, c), and its gradient")
    x = rng.normal(size=(3, 2))
    x32 = x.astype(np.float32)
    grad32 = 3 * np.exp(3 * x32.astype(np.float64))
    yield case(steep, grad32, x32, 1e-5, note="x in float32, with a right gradient")
    grad = np.array([3.0, -12.0, 6.75])
    yield case(cubes, grad, np.array([1.0, 2.0, 1.5]), 1e-3, note="f = sum of x**3; one sign is wrong")
    x = np.array([1.5, 2.0, 3.0])
    yield case(first_squared, np.array([3.0, 0.0, 0.0]), x, 1e-3, note="most gradients are 0, and right")
    note = "one gradient is 0, and said to be 0.000000003"
    yield case(first_squared, np.array([3.0, 3e-9, 0.0]), x, 1e-3, note=note)
    x = rng.normal(size=(2, 3)).round(2).T  # a transposed array, whose rows do not follow each other
    yield case(cubes, 3 * x**2 * (1 + 0.1 * (x > 0)), x, 1e-3, note="f = sum of x**3, x a transposed array")
    x = rng.normal(size=(3, 3))
    grad = 3 * x**2 * np.array([[1.0, 1.0, 1.1], [1.0, 1.6, 1.0], [0.9, 1.2, 1.0]])
    yield case(cubes, grad, x, 1e-3, tags="square", note="f = sum of x**3; four of nine are off")


@error.drawn
def _(rng: np.random.Generator) -> Case:
    x = draw.laid(rng, rng.normal(size=draw.shape(rng, least=1, most=3)).astype(draw.dtype(rng)))
    x = x.ravel()[:20] if x.size > 20 else x  # two calls of f for each element
    height = draw.one_of(rng, 1.0, 1.0, 1.0, 1e-9)  # below 1e-8 the error is no longer relative

    def uneven(x):
        return float(height * (np.sum(x**3 * np.arange(1, x.size + 1).reshape(x.shape)) + np.sum(x) ** 2))

    wide = x.astype(np.float64)
    grad = height * (3 * wide**2 * np.arange(1, x.size + 1).reshape(x.shape) + 2 * wide.sum())
    off = 10.0 ** rng.uniform(-4, 0.5, size=x.shape) * rng.choice([-1, 1], size=x.shape)
    few = rng.random(x.shape) < draw.one_of(rng, 0.1, 0.5, 1.0)
    return case(uneven, grad * (1 + off * few), x, draw.one_of(rng, 0.1, 1e-2, 1e-3, 1e-4))


@error.accept
def _(got: Any, wanted: Any, args: tuple) -> bool:
    """A right gradient gives rounding noise, which is no two times the same."""
    number = type(got) in (int, float) or isinstance(got, np.ndarray) and got.shape == ()
    return number and bool(np.isclose(float(got), float(wanted), rtol=1e-4, atol=2e-7))


@error.worked
def gradient_error(f, grad, x, eps):
    x = x.astype(np.float64)  # a copy, in float64
    worst = 0.0
    for i in np.ndindex(x.shape):  # every element: (0, 0), (0, 1), ...
        kept = x[i]
        x[i] = kept + eps
        up = f(x)
        x[i] = kept - eps
        down = f(x)
        x[i] = kept  # as it was, before the next one moves
        numeric = (up - down) / (2 * eps)
        off = abs(grad[i] - numeric) / max(1e-8, abs(grad[i]) + abs(numeric))
        worst = max(worst, off)
    return worst


@error.reference
def _(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).max())


@error.right
def moved_copies(f, grad, x, eps):
    numeric = []
    for k in range(x.size):
        up, down = x.flatten().astype(float), x.flatten().astype(float)
        up[k] += eps
        down[k] -= eps
        numeric.append((f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / eps / 2)
    a, n = grad.flatten(), np.array(numeric)
    return np.max(np.abs(a - n) / np.maximum(np.abs(a) + np.abs(n), 1e-8))


@error.right
def unit_directions(f, grad, x, eps):
    worst, size = 0.0, x.size
    for i, direction in enumerate(np.eye(size)):
        step = eps * direction.reshape(x.shape)
        n = (f(np.float64(x) + step) - f(np.float64(x) - step)) / (2 * eps)
        a = grad.reshape(-1)[i]
        off = abs(a - n) / (abs(a) + abs(n) if abs(a) + abs(n) > 1e-8 else 1e-8)
        worst = off if off > worst else worst
    return worst


def _relative(a, n):
    return np.abs(a - n) / np.maximum(1e-8, np.abs(a) + np.abs(n))


def _slopes(f, x, eps, slope=lambda up, here, down, eps: (up - down) / (2 * eps), dtype=np.float64):
    """The slope in each element's direction, from the values of `f` above, here and below."""
    x = x.astype(dtype)
    n = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i], down[i] = x[i] + eps, x[i] - eps
        n[i] = slope(f(up), f(x), f(down), eps)
    return n


@error.mistake
def one_sided(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - here) / eps)
    return float(_relative(grad, n).max())


@error.mistake
def divided_by_eps(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - down) / eps)
    return float(_relative(grad, n).max())


@error.mistake
def times_eps(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - down) / 2 * eps)
    return float(_relative(grad, n).max())


@error.mistake
def not_divided(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: up - down)
    return float(_relative(grad, n).max())


@error.mistake
def absolute(f, grad, x, eps):
    return float(np.abs(grad - _slopes(f, x, eps)).max())


@error.mistake
def mean_not_max(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).mean())


@error.mistake
def first_only(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).flat[0])


@error.mistake
def no_abs(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float(((grad - n) / np.maximum(1e-8, np.abs(grad) + np.abs(n))).max())


@error.mistake
def over_the_gradient(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float((np.abs(grad - n) / np.maximum(1e-8, np.abs(grad))).max())


@error.mistake
def stays_in_float32(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps, dtype=x.dtype)).max())


@error.mistake
def zero_over_zero(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float((np.abs(grad - n) / (np.abs(grad) + np.abs(n))).max())


@error.mistake
def not_put_back(f, grad, x, eps):
    x, n = x.astype(np.float64), np.empty(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += eps
        up = f(x)
        x[i] -= 2 * eps
        n[i] = (up - f(x)) / (2 * eps)
    return float(_relative(grad, n).max())


@error.mistake
def all_at_once(f, grad, x, eps):
    x = x.astype(np.float64)
    return float(_relative(grad, (f(x + eps) - f(x - eps)) / (2 * eps)).max())


@error.mistake
def whole_rows(f, grad, x, eps):
    x, n = x.astype(np.float64), np.empty(x.shape)
    for i in range(len(x)):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        n[i] = (f(up) - f(down)) / (2 * eps)
    return float(_relative(grad, n).max())


@error.mistake
def sum_not_max(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).sum())


@error.mistake
def smallest(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).min())


@error.mistake
def last_only(f, grad, x, eps):
    return float(_relative(grad, _slopes(f, x, eps)).flat[-1])


@error.mistake
def over_the_larger(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float((np.abs(grad - n) / np.maximum(1e-8, np.maximum(np.abs(grad), np.abs(n)))).max())


@error.mistake
def over_the_slope(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float((np.abs(grad - n) / np.maximum(1e-8, np.abs(n))).max())


@error.mistake
def over_the_sum(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float((np.abs(grad - n) / np.maximum(1e-8, np.abs(grad + n))).max())


@error.mistake
def one_error_for_all(f, grad, x, eps):
    n = _slopes(f, x, eps)
    return float(np.linalg.norm(grad - n) / np.maximum(1e-8, np.linalg.norm(grad) + np.linalg.norm(n)))


@error.mistake
def down_less_up(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (down - up) / (2 * eps))
    return float(_relative(grad, n).max())


@error.mistake
def to_the_left_only(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (here - down) / eps)
    return float(_relative(grad, n).max())


@error.mistake
def yes_or_no(f, grad, x, eps):
    return bool(_relative(grad, _slopes(f, x, eps)).max() < 1e-5)


@error.two("one_sided", "absolute")
def _(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - here) / eps)
    return float(np.abs(grad - n).max())


@error.two("divided_by_eps", "absolute")
def _(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - down) / eps)
    return float(np.abs(grad - n).max())


@error.two("absolute", "mean_not_max")
def _(f, grad, x, eps):
    return float(np.abs(grad - _slopes(f, x, eps)).mean())


@error.two("one_sided", "mean_not_max")
def _(f, grad, x, eps):
    n = _slopes(f, x, eps, lambda up, here, down, eps: (up - here) / eps)
    return float(_relative(grad, n).mean())
