"""08.2: back-propagation through time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ....ops.recurrent import rnn_backward as library
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .step import refuse_options
from .training import recalls

through_time = Fill(
    "08.2",
    "rnn_backward(dy, x, h, w_ih, w_hh)",
    returns="dx dh0 dw_ih dw_hh db",
    level=3,
    minutes=12,
    dtype_matters=False,
    chained=True,
)


def states(x: np.ndarray, h0: np.ndarray, w_ih: np.ndarray, w_hh: np.ndarray, b: np.ndarray) -> np.ndarray:
    """h0 and the state after each step, (T + 1, N, H)."""
    h = [h0]
    for x_t in x:
        h.append(np.tanh(x_t @ w_ih.T + h[-1] @ w_hh.T + b))
    return np.stack(h)


@through_time.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(t: int, n: int, d: int, h: int, dtype: type = np.float64) -> list[np.ndarray]:
        shapes = ((t, n, h), (t, n, d), (n, h), (h, d), (h, h), (h,))
        made: list[np.ndarray] = [rng.normal(size=s).astype(dtype) for s in shapes]
        dy, x, h0, w_ih, w_hh, b = made
        return [dy, x, states(x, 0.5 * h0, w_ih, w_hh, b), w_ih, w_hh]

    yield case(*draw(1, 2, 2, 3), note="one step, 2 sequences, 2 inputs, 3 units")
    yield case(*draw(2, 1, 1, 2), note="two steps of one sequence")
    yield case(*draw(4, 2, 3, 2), note="4 steps, 2 sequences, 3 inputs, 2 units")
    yield case(*draw(3, 3, 3, 3), tags="square", note="everything 3 long")
    dy, *rest = draw(3, 2, 1, 2)
    yield case(np.ones_like(dy), *rest, tags="ones", note="gradients of ones")
    dy, *rest = draw(5, 2, 2, 3)
    dy[:-1] = 0
    yield case(dy, *rest, note="5 steps, and only the last has a loss")
    yield case(*draw(3, 2, 2, 4, np.float32), tags="float32", note="float32")


@through_time.drawn
def _(rng: np.random.Generator) -> Case:
    (t, n, d, h), longest = draw.sizes(rng, 4, most=12), draw.one_of(rng, 1, 2, 12)
    t = min(t, longest)
    dy, x, h0, w_ih, w_hh, b = draw.arrays(
        rng, (t, n, h), (t, n, d), (n, h), (h, d), (h, h), (h,), kinds="usual whole sparse"
    )
    w_hh = w_hh / h**0.5
    return case(dy, x, states(x, np.tanh(h0), w_ih / d**0.5, w_hh, b), w_ih / d**0.5, w_hh)


@through_time.reference
def _(dy, x, h, w_ih, w_hh):
    pairs = [(before, after) for before, after in zip(h, h[1:])]
    running = np.ones((len(x), 1, 1), bool)
    cache = (x, pairs, (w_ih, w_hh, True), running, False, "tanh")
    dx, dh0, dw_ih, dw_hh, db, _ = library((dy, None), cache)
    return dx, dh0, dw_ih, dw_hh, db


@through_time.worked
def rnn_backward(dy, x, h, w_ih, w_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h[0])
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(w_hh[0])
    for t in reversed(range(len(x))):
        da = (dy[t] + dh) * (1 - h[t + 1] ** 2)  # (N, H): from outside and from the future, through tanh
        dx[t] = da @ w_ih  # (N, D)
        dw_ih += da.T @ x[t]  # every step used the same weights
        dw_hh += da.T @ h[t]
        db += da.sum(axis=0)
        dh = da @ w_hh  # (N, H), for the state before
    return dx, dh, dw_ih, dw_hh, db


@through_time.right
def first_every_da(dy, x, h, w_ih, w_hh):
    """First all da, then every sum over steps and sequences in one product."""
    da, dh = np.empty_like(dy), np.zeros_like(dy[0])
    for t in range(len(x) - 1, -1, -1):
        da[t] = (dh + dy[t]) * (1 - h[t + 1] * h[t + 1])
        dh = da[t] @ w_hh
    rows = da.reshape(-1, da.shape[-1])
    dw_ih = rows.T @ x.reshape(-1, x.shape[-1])
    return da @ w_ih, dh, dw_ih, rows.T @ h[:-1].reshape(rows.shape), rows.sum(axis=0)


@through_time.right
def by_a_call_for_each_step(dy, x, h, w_ih, w_hh):
    def back(t, dh, grads):
        if t < 0:
            return [], dh, grads
        da = (dy[t] + dh) * (1 - h[t + 1] ** 2)
        grads = [g + new for g, new in zip(grads, (da.T @ x[t], da.T @ h[t], da.sum(0)))]
        dx, dh0, grads = back(t - 1, da @ w_hh, grads)
        return [*dx, da @ w_ih], dh0, grads

    dx, dh0, grads = back(len(x) - 1, 0 * h[0], [0 * w_ih, 0 * w_hh, 0 * w_hh[0]])
    return np.stack(dx), dh0, *grads


# -- mistakes: each changes one part of `_back` ------------------------------------------------------------


def _slope(h: np.ndarray, t: int) -> np.ndarray:
    return 1 - h[t + 1] ** 2


def _into_tanh(dy: np.ndarray, dh: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return (dy + dh) * slope


def _to_the_past(da: np.ndarray, w_hh: np.ndarray, arrived: np.ndarray) -> np.ndarray:
    return da @ w_hh


def _shares(da: np.ndarray, x: np.ndarray, h: np.ndarray, t: int) -> tuple:
    return da.T @ x[t], da.T @ h[t], da.sum(0)


def _back(
    given: tuple, slope: Callable = _slope, into: Callable = _into_tanh, past: Callable = _to_the_past,
    shares: Callable = _shares, collect: Callable = np.add, order: Callable = reversed,
    last: Callable = lambda dh, da: dh,
) -> tuple:  # fmt: skip
    dy, x, h, w_ih, w_hh = given
    dx, dh, da = np.zeros_like(x), np.zeros_like(h[0]), np.zeros_like(h[0])
    grads: list[Any] = [0 * w_ih, 0 * w_hh, 0 * w_hh[0]]
    for t in order(range(len(x))):
        da = into(dy[t], dh, slope(h, t))
        dx[t] = da @ w_ih
        grads = [collect(g, new) for g, new in zip(grads, shares(da, x, h, t))]
        dh = past(da, w_hh, dy[t] + dh)
    return dx, last(dh, da), *grads


@through_time.mistake
def future_dropped(*given):
    return _back(given, into=lambda dy, dh, slope: dy * slope)


@through_time.mistake
def overwritten(*given):
    return _back(given, collect=lambda old, new: new)


@through_time.mistake
def slope_forgotten(*given):
    return _back(given, slope=lambda h, t: np.ones_like(h[t]))


@through_time.mistake
def slope_of_the_state_before(*given):
    return _back(given, slope=lambda h, t: 1 - h[t] ** 2)


@through_time.mistake
def tanh_a_second_time(*given):
    return _back(given, slope=lambda h, t: 1 - np.tanh(h[t + 1]) ** 2)


@through_time.mistake
def state_not_squared(*given):
    return _back(given, slope=lambda h, t: 1 - h[t + 1])


@through_time.mistake
def w_hh_transposed_on_the_way_back(*given):
    return _back(given, past=lambda da, w_hh, arrived: da @ w_hh.T)


@through_time.mistake
def without_w_hh(*given):
    return _back(given, past=lambda da, w_hh, arrived: da)


@through_time.mistake
def past_without_the_slope(*given):
    return _back(given, past=lambda da, w_hh, arrived: arrived @ w_hh)


@through_time.mistake
def dy_past_the_slope(*given):
    return _back(given, into=lambda dy, dh, slope: dy + dh * slope)


@through_time.mistake
def future_past_the_slope(*given):
    return _back(given, into=lambda dy, dh, slope: dy * slope + dh)


@through_time.mistake
def dw_hh_with_the_new_state(*given):
    return _back(given, shares=lambda da, x, h, t: (da.T @ x[t], da.T @ h[t + 1], da.sum(0)))


@through_time.mistake
def dw_hh_transposed(*given):
    return _back(given, shares=lambda da, x, h, t: (da.T @ x[t], h[t].T @ da, da.sum(0)))


@through_time.mistake
def from_the_first_step_on(*given):
    return _back(given, order=iter)


@through_time.mistake
def dh0_before_w_hh(*given):
    return _back(given, last=lambda dh, da: da)


@through_time.mistake
def dh0_is_zero(*given):
    return _back(given, last=lambda dh, da: 0 * dh)


@through_time.mistake
def db_over_the_units(*given):
    return _back(given, shares=lambda da, x, h, t: (da.T @ x[t], da.T @ h[t], da.sum(1)))


@through_time.mistake
def mean_over_the_steps(*given):
    dx, dh0, *grads = _back(given)
    return dx, dh0, *[g / len(dx) for g in grads]


@through_time.mistake
def only_the_last_loss(dy, *given):
    at_the_end = np.zeros_like(dy)
    at_the_end[-1] = dy[-1]
    return _back((at_the_end, *given))


@through_time.two("future_dropped", "overwritten")
def _(*given):
    return _back(given, into=lambda dy, dh, slope: dy * slope, collect=lambda old, new: new)


@through_time.two("overwritten", "slope_forgotten")
def _(*given):
    return _back(given, slope=lambda h, t: np.ones_like(h[t]), collect=lambda old, new: new)


@through_time.two("dw_hh_with_the_new_state", "overwritten")
def _(*given):
    shares = lambda da, x, h, t: (da.T @ x[t], da.T @ h[t + 1], da.sum(0))
    return _back(given, shares=shares, collect=lambda old, new: new)


@through_time.swaps
def _(function):
    def forward(x, h0, w_ih, w_hh, *biases, **options):
        refuse_options(options)
        (y, last), _ = ops.rnn.pairs["numpy"].forward(x, h0, w_ih, w_hh, *biases)
        return (y, last), (x, np.concatenate([h0[None], y]), w_ih, w_hh, bool(biases))

    def backward(dout, cache):
        x, h, w_ih, w_hh, biased = cache
        dy, d_last = dout
        dy = np.zeros_like(h[1:]) if dy is None else np.array(dy)
        if d_last is not None:
            dy[-1] += d_last  # the last state is the last output too
        dx, dh0, dw_ih, dw_hh, db = (np.asarray(g, x.dtype) for g in function(dy, x, h, w_ih, w_hh))
        return (dx, dh0, dw_ih, dw_hh, db, db) if biased else (dx, dh0, dw_ih, dw_hh)

    return ops.rnn.using(forward, backward)


@through_time.trains
def _(function, optimizer, seed):
    return recalls(through_time, function, optimizer, seed)
