"""09.1: a step of an LSTM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ....ops.activation import sigmoid
from ...effects.moments import Moment
from ...effects.recalled import with_lstm
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from . import loop

lstm = Fill("09.1", "lstm_step(x, h, c, w, u, b)", returns="h_new c_new", level=2, minutes=8, chained=True)


@lstm.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, d: int, k: int, dtype: Any = np.float64) -> list[np.ndarray]:
        shapes: list[tuple[int, ...]] = [(n, d), (n, k), (n, k), (4 * k, d), (4 * k, k), (4 * k,)]
        return [rng.normal(size=s).astype(dtype) for s in shapes]

    yield case(*[a.round(1) for a in draw(2, 1, 2)], note="2 rows, 1 input, 2 units")
    yield case(*draw(3, 2, 4), note="3 rows, 2 inputs, 4 units")
    yield case(*draw(4, 4, 4), tags="square", note="4 rows, 4 inputs, 4 units")
    x, h, c, w, u, b = draw(3, 2, 3)
    yield case(x, 0 * h, 0 * c, w, u, b, note="the first step: h and c are 0")
    yield case(x, h, 3 * c, w, u, b, note="a cell beyond 1")
    yield case(1000 * x, h, c, w, u, b, tags="large", note="inputs, and so scores, in the thousands")
    yield case(*draw(1, 3, 1), tags="one", note="a batch of one, a single unit")
    yield case(*draw(4, 2, 3, np.float32), tags="float32", note="float32")


@lstm.drawn
def _(rng: np.random.Generator) -> Case:
    n, d, k = draw.sizes(rng, 3, most=12)
    shapes: list[tuple[int, ...]] = [(n, d), (n, k), (n, k), (4 * k, d), (4 * k, k), (4 * k,)]
    x, h, c, w, u, b = draw.arrays(rng, *shapes, kinds="usual usual whole below above sparse")
    return case(draw.one_of(rng, 1, 1, 0, 100) * x, np.tanh(h), draw.one_of(rng, 1, 1, 0, 5) * c, w, u, b)


lstm.reference(loop.lstm_step)


@lstm.worked
def lstm_step(x, h, c, w, u, b):
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    scores = x @ w.T + h @ u.T + b  # (N, 4H)
    i, f, g, o = np.split(scores, 4, axis=1)  # (N, H) each
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c_new = f * c + i * g  # what stays of the old, and what enters
    h_new = o * np.tanh(c_new)  # what is shown
    return h_new, c_new


@lstm.right
def gate_by_gate(x, h, c, w, u, b):
    k = h.shape[1]
    a = [
        x @ w[j * k : (j + 1) * k].T + h @ u[j * k : (j + 1) * k].T + b[j * k : (j + 1) * k] for j in range(4)
    ]
    c = c / (1 + np.exp(-a[1])) + np.tanh(a[2]) / (1 + np.exp(-a[0]))
    return np.tanh(c) / (1 + np.exp(-a[3])), c


@lstm.right
def one_product_of_both(x, h, c, w, u, b):
    a = np.concatenate([x, h], axis=1) @ np.concatenate([w, u], axis=1).T + b
    a = a.reshape(len(x), 4, -1)
    i, f, o = (sigmoid(a[:, j]) for j in (0, 1, 3))
    c = f * c + i * np.tanh(a[:, 2])
    return o * np.tanh(c), c


# -- mistakes: each changes one part of `_cell` ----------------------------------------------------------


def _scores(x, h, w, u, b):
    return x @ w.T + h @ u.T + b


def _four(scores: Any, order: str = "ifgo", **by: Callable) -> Any:
    """i, f, g, o, of blocks that lie in `order`; `by` names other functions than the gates' own."""
    blocks = dict(zip(order, np.split(scores, 4, axis=1)))
    usual: dict[str, Any] = {"i": sigmoid, "f": sigmoid, "g": np.tanh, "o": sigmoid, **by}
    return tuple(usual[name](blocks[name]) for name in "ifgo")


def _shown(*gates_and_cell: Any) -> tuple[Any, Any]:
    i, f, g, o, c = gates_and_cell
    c = f * c + i * g
    return o * np.tanh(c), c


def _cell(given: tuple, **how: Any) -> tuple:
    x, h, c, w, u, b = given
    return _shown(*_four(_scores(x, h, w, u, b), **how), c)


@lstm.mistake
def order_i_f_o_g(*given):
    return _cell(given, order="ifog")


@lstm.mistake
def order_f_i_g_o(*given):
    return _cell(given, order="figo")


@lstm.mistake
def order_i_g_f_o(*given):
    return _cell(given, order="igfo")


@lstm.mistake
def order_o_first(*given):
    return _cell(given, order="oifg")


@lstm.mistake
def every_fourth_column(*given):
    x, h, c, w, u, b = given
    a = _scores(x, h, w, u, b)
    return _shown(sigmoid(a[:, 0::4]), sigmoid(a[:, 1::4]), np.tanh(a[:, 2::4]), sigmoid(a[:, 3::4]), c)


@lstm.mistake
def sigmoid_on_g(*given):
    return _cell(given, g=sigmoid)


@lstm.mistake
def tanh_on_o(*given):
    return _cell(given, o=np.tanh)


@lstm.mistake
def tanh_on_i(*given):
    return _cell(given, i=np.tanh)


@lstm.mistake
def tanh_on_f(*given):
    return _cell(given, f=np.tanh)


@lstm.mistake
def tanh_on_all(*given):
    return _cell(given, i=np.tanh, f=np.tanh, o=np.tanh)


@lstm.mistake
def gates_not_squashed(*given):
    same = np.copy
    return _cell(given, i=same, f=same, o=same)


@lstm.mistake
def sigmoid_overflows(*given):
    def fraction(a):
        e = np.exp(a)
        return e / (1 + e)

    return _cell(given, i=fraction, f=fraction, o=fraction)


@lstm.mistake
def c_shown_without_tanh(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    c = f * c + i * g
    return o * c, c


@lstm.mistake
def old_c_shown(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    return o * np.tanh(c), f * c + i * g


@lstm.mistake
def c_squashed(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    c = np.tanh(f * c + i * g)
    return o * c, c


@lstm.mistake
def o_missing(x, h, c, w, u, b):
    i, f, g, _ = _four(_scores(x, h, w, u, b))
    c = f * c + i * g
    return np.tanh(c), c


@lstm.mistake
def o_inside_the_tanh(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    c = f * c + i * g
    return np.tanh(o * c), c


@lstm.mistake
def old_c_dropped(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, h, w, u, b)), 0 * c)


@lstm.mistake
def nothing_forgotten(x, h, c, w, u, b):
    i, _, g, o = _four(_scores(x, h, w, u, b))
    return _shown(i, np.ones_like(i), g, o, c)


@lstm.mistake
def f_turned_round(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    return _shown(i, 1 - f, g, o, c)


@lstm.mistake
def i_from_f(x, h, c, w, u, b):
    _, f, g, o = _four(_scores(x, h, w, u, b))
    return _shown(1 - f, f, g, o, c)


@lstm.mistake
def i_missing(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b))
    return _shown(np.ones_like(i), f, g, o, c)


@lstm.mistake
def h_on_the_conveyor(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, h, w, u, b)), h)


@lstm.mistake
def h_not_asked(x, h, c, w, u, b):
    return _shown(*_four(x @ w.T + b), c)


@lstm.mistake
def c_asked_for_h(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, c, w, u, b)), c)


@lstm.mistake
def bias_forgotten(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, h, w, u, 0 * b)), c)


@lstm.mistake
def bias_twice(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, h, w, u, b + b)), c)


@lstm.mistake
def c_first(*given):
    h, c = _cell(given)
    return c, h


@lstm.two("sigmoid_on_g", "c_shown_without_tanh")
def _(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b), g=sigmoid)
    c = f * c + i * g
    return o * c, c


@lstm.two("order_i_f_o_g", "bias_forgotten")
def _(x, h, c, w, u, b):
    return _shown(*_four(_scores(x, h, w, u, 0 * b), "ifog"), c)


@lstm.two("order_i_f_o_g", "c_shown_without_tanh")
def _(x, h, c, w, u, b):
    i, f, g, o = _four(_scores(x, h, w, u, b), "ifog")
    c = f * c + i * g
    return o * c, c


@lstm.swaps
def _(function: Callable) -> AbstractContextManager:
    return loop.half("forward", function)


@lstm.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    return with_lstm(lambda: loop.half("forward", function), optimizer, seed)
