"""02.2: a gradient by trying."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...given import steep, sum_of_squares, waves

numerical = Fill(
    "02.2", "numerical_gradient(f, x, eps)", returns="dx", level=2, minutes=8, dtype_matters=False
)


@numerical.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(sum_of_squares, np.array([1.5, -0.5]), 0.1, note="f adds up the squares of two numbers")
    yield case(waves, rng.normal(size=(2, 3)), 1e-3, note="a matrix, f made of sines")
    yield case(waves, rng.normal(size=4), 0.5, note="a long step, which shows the formula used")
    yield case(steep, rng.normal(size=(3, 3)), 1e-2, tags="square", note="a square matrix")
    yield case(steep, rng.normal(size=(2, 1, 3)), 1e-3, note="three axes")
    yield case(waves, np.array([0.7]), 1e-2, tags="one", note="one number")
    yield case(steep, rng.normal(size=(2, 2)), 1e-5, tags="small", note="a very short step")
    transposed = rng.normal(size=(3, 2)).T
    yield case(waves, transposed, 1e-3, tags="strided", note="a transposed matrix")


@numerical.drawn
def _(rng: np.random.Generator) -> Case:
    shape = draw.shape(rng, least=1, most=3)
    x = rng.normal(size=shape) if rng.random() < 0.8 else np.zeros(shape)
    x = x.ravel()[:12] if x.size > 12 else x  # two calls of f for each element
    f = draw.one_of(rng, sum_of_squares, waves, steep)
    return case(f, draw.laid(rng, x), draw.one_of(rng, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-5))


@numerical.reference
def _(f, x, eps):
    return _central(f, x, eps)


@numerical.worked
def numerical_gradient(f, x, eps):
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape):  # every index, whatever the number of axes
        kept = x[i]
        x[i] = kept + eps
        above = f(x)
        x[i] = kept - eps
        below = f(x)
        x[i] = kept  # put back before the next one moves
        dx[i] = (above - below) / (2 * eps)
    return dx


@numerical.right
def one_row_of_steps(f, x, eps):
    steps = eps * np.eye(x.size).reshape(x.size, *x.shape)  # (x.size, *x.shape): one step each
    return np.array([(f(x + s) - f(x - s)) / (2 * eps) for s in steps]).reshape(x.shape)


@numerical.right
def average_of_both_sides(f, x, eps):
    dx, here = np.empty(x.size), f(x)
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = eps
        step = step.reshape(x.shape)
        dx[k] = ((f(x + step) - here) / eps + (here - f(x - step)) / eps) / 2
    return dx.reshape(x.shape)


def _central(f, x, eps, divisor=2.0, at=None):
    """Central differences; right where the divisor is 2 and `at` is every index."""
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape) if at is None else at:
        above, below = x.copy(), x.copy()
        above[i] += eps
        below[i] -= eps
        dx[i] = (f(above) - f(below)) / (divisor * eps)
    return dx


def _forward(f, x, eps, divisor=1.0):
    """One-sided differences."""
    dx = np.empty_like(x)
    for i in np.ndindex(x.shape):
        above = x.copy()
        above[i] += eps
        dx[i] = (f(above) - f(x)) / (divisor * eps)
    return dx


def _in_place(f, x, eps, back):
    """Central differences in `x` itself, where each element goes `back` steps up at the end; right with 1."""
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += eps
        above = f(x)
        x[i] -= 2 * eps
        dx[i] = (above - f(x)) / (2 * eps)
        x[i] += back * eps
    return dx


@numerical.mistake
def one_sided(f, x, eps):
    return _forward(f, x, eps)


@numerical.mistake
def one_sided_from_below(f, x, eps):
    return _forward(f, x, -eps)


@numerical.mistake
def back_only_to_the_start(f, x, eps):
    return _forward(f, x, eps, divisor=2.0)


@numerical.mistake
def divided_by_eps(f, x, eps):
    return _central(f, x, eps, divisor=1.0)


@numerical.mistake
def not_divided(f, x, eps):
    return _central(f, x, eps) * (2 * eps)


@numerical.mistake
def bracket_missing(f, x, eps):
    return _central(f, x, eps) * (eps * eps)


@numerical.mistake
def below_minus_above(f, x, eps):
    return -_central(f, x, eps)


@numerical.mistake
def eps_of_its_own(f, x, eps):
    return _central(f, x, 1e-5)


@numerical.mistake
def in_float32(f, x, eps):
    return _central(f, x.astype(np.float32), np.float32(eps))


@numerical.mistake
def all_moved_at_once(f, x, eps):
    return (f(x + eps) - f(x - eps)) / (2 * eps)


@numerical.mistake
def total_in_every_place(f, x, eps):
    return np.full_like(x, (f(x + eps) - f(x - eps)) / (2 * eps))


@numerical.mistake
def nothing_moved(f, x, eps):
    return np.zeros_like(x)


@numerical.mistake
def not_put_back(f, x, eps):
    return _in_place(f, x, eps, back=0)


@numerical.mistake
def put_back_but_for_rounding(f, x, eps):
    return _in_place(f, x, eps, back=1)


@numerical.mistake
def row_by_row(f, x, eps):
    return _central(f, x, eps, at=range(len(x)))


@numerical.mistake
def flat_index_on_rows(f, x, eps):
    return _central(f, x, eps, at=range(x.size))


@numerical.mistake
def two_axes_expected(f, x, eps):
    return _central(f, x, eps, at=np.ndindex(x.shape[0], x.shape[1]))


@numerical.mistake
def moved_in_a_copy(f, x, eps):
    dx, flat = np.zeros(x.size), x.ravel()
    for k in range(x.size):
        kept = flat[k]
        flat[k] = kept + eps
        above = f(x)
        flat[k] = kept - eps
        below = f(x)
        flat[k] = kept
        dx[k] = (above - below) / (2 * eps)
    return dx.reshape(x.shape)


@numerical.mistake
def left_flat(f, x, eps):
    return _central(f, x, eps).ravel()


@numerical.mistake
def first_element_only(f, x, eps):
    return _central(f, x, eps, at=[(0,) * x.ndim])


@numerical.mistake
def half_a_step_each_way(f, x, eps):
    return _central(f, x, eps / 2)


@numerical.mistake
def put_back_too_far(f, x, eps):
    return _in_place(f, x, eps, back=2)


@numerical.mistake
def second_difference(f, x, eps):
    return (_forward(f, x, eps) - _forward(f, x, -eps)) / eps


@numerical.mistake
def step_as_a_share_of_x(f, x, eps):
    dx = np.empty_like(x)
    for i in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[i] *= 1 + eps
        below[i] *= 1 - eps
        dx[i] = (f(above) - f(below)) / (2 * eps)
    return dx


@numerical.mistake
def given_to_f_flat(f, x, eps):
    return _central(lambda flat: f(flat.ravel()), x, eps)


@numerical.mistake
def steps_pile_up(f, x, eps):
    dx, step = np.zeros_like(x), np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step[i] = eps
        dx[i] = (f(x + step) - f(x - step)) / (2 * eps)
    return dx


@numerical.mistake
def element_replaced(f, x, eps):
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[i], below[i] = eps, -eps
        dx[i] = (f(above) - f(below)) / (2 * eps)
    return dx


@numerical.two("one_sided", "not_put_back")
def _(f, x, eps):
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        here = f(x)
        x[i] += eps
        dx[i] = (f(x) - here) / eps
    return dx


@numerical.two("divided_by_eps", "not_put_back")
def _(f, x, eps):
    return 2 * not_put_back(f, x, eps)


@numerical.two("divided_by_eps", "row_by_row")
def _(f, x, eps):
    return 2 * row_by_row(f, x, eps)


@numerical.two("one_sided", "row_by_row")
def _(f, x, eps):
    dx = np.zeros_like(x)
    for i in range(len(x)):
        above = x.copy()
        above[i] += eps
        dx[i] = (f(above) - f(x)) / eps
    return dx


@numerical.two("one_sided", "all_moved_at_once")
def _(f, x, eps):
    return (f(x + eps) - f(x)) / eps
