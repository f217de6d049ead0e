"""09.2: a step of an LSTM, backward."""

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

back = Fill(
    "09.2",
    "lstm_step_backward(dh, dc, i, f, g, o, c, c_new)",
    returns="da dc_old",
    level=3,
    minutes=11,
    chained=True,
)


def _consistent(dh: Any, dc: Any, scores: Any, c: Any) -> list[np.ndarray]:
    """The arguments of a step that has been made: gates of (N, 4H) scores, and the cell that came of them."""
    i, f, g, o = np.split(scores, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    return [dh, dc, i, f, g, o, c, f * c + i * g]


@back.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, k: int, dtype: Any = np.float64) -> list[np.ndarray]:
        dh, dc, c = (rng.normal(size=(n, k)).astype(dtype) for _ in range(3))
        return _consistent(dh, dc, rng.normal(size=(n, 4 * k)).astype(dtype), c)

    yield case(*[a.round(1) for a in draw(1, 2)], note="1 row, 2 units")
    yield case(*draw(3, 2), note="3 rows, 2 units")
    yield case(*draw(4, 4), tags="square", note="4 rows, 4 units")
    dh, dc, *gates = draw(3, 2)
    yield case(dh, 0 * dc, *gates, note="the last step: nothing comes back along c")
    yield case(0 * dh, dc, *gates, note="nothing is shown of this step, and later ones need its cell")
    yield case(np.ones_like(dh), np.ones_like(dc), *gates, tags="ones", note="upstream gradients of ones")
    yield case(*draw(1, 1), tags="one", note="a batch of one, a single unit")
    yield case(*draw(3, 2, np.float32), tags="float32", note="float32")


@back.drawn
def _(rng: np.random.Generator) -> Case:
    n, k = draw.sizes(rng, 2)
    dh, dc, c, scores = draw.arrays(
        rng, (n, k), (n, k), (n, k), (n, 4 * k), kinds="usual usual whole below above sparse"
    )
    made = _consistent(dh, dc, draw.one_of(rng, 1, 1, 3) * scores, draw.one_of(rng, 1, 1, 0, 3) * c)
    return case(*[draw.laid(rng, a) for a in made])


back.reference(loop.lstm_step_backward)


@back.worked
def lstm_step_backward(dh, dc, i, f, g, o, c, c_new):
    t = np.tanh(c_new)
    dc = dc + dh * o * (1 - t**2)  # from later steps along the conveyor, and from what is shown now
    di, df, dg = dc * g, dc * c, dc * i  # c_new = f c + i g
    do = dh * t  # h_new = o t
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=1)
    return da, dc * f


@back.right
def into_one_array(dh, dc, i, f, g, o, c, c_new):
    n, k = dh.shape
    da = np.empty((n, 4, k), dh.dtype)
    total = dh * o / np.cosh(np.clip(c_new, -300, 300)) ** 2 + dc
    da[:, 0] = total * g * (i - i * i)
    da[:, 1] = total * c * (f - f * f)
    da[:, 2] = total * i * (1 - g) * (1 + g)
    da[:, 3] = dh * np.tanh(c_new) * (o - o * o)
    return da.reshape(n, 4 * k), f * total


@back.right
def two_ways_apart(dh, dc, i, f, g, o, c, c_new):
    """The gradients of each way into the cell, added at the end."""
    t = np.tanh(c_new)
    slopes = [g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)]
    shown, later = ([d * s for s in slopes] for d in (dh * o * (1 - t * t), dc))
    da = [a + b for a, b in zip(shown, later)] + [dh * t * o * (1 - o)]
    return np.hstack(da), dh * o * (1 - t * t) * f + dc * f


# -- mistakes --------------------------------------------------------------------------------------------


def _total(dh, dc, o, c_new):
    return dc + dh * o * (1 - np.tanh(c_new) ** 2)


def _blocks(dh: Any, total: Any, i: Any, f: Any, g: Any, o: Any, c: Any, c_new: Any) -> list[Any]:
    return [
        total * g * i * (1 - i),
        total * c * f * (1 - f),
        total * i * (1 - g * g),
        dh * np.tanh(c_new) * o * (1 - o),
    ]


def _put(blocks: list[Any], order: tuple[int, ...] = (0, 1, 2, 3)) -> Any:
    return np.concatenate([blocks[j] for j in order], axis=1)


def _with(total: Any, dh: Any, i: Any, f: Any, g: Any, o: Any, c: Any, c_new: Any) -> tuple[Any, Any]:
    """Everything right but what arrives at the cell."""
    return _put(_blocks(dh, total, i, f, g, o, c, c_new)), total * f


@back.mistake
def dc_from_later_dropped(dh, dc, i, f, g, o, c, c_new):
    return _with(_total(dh, 0 * dc, o, c_new), dh, i, f, g, o, c, c_new)


@back.mistake
def dh_into_c_dropped(dh, dc, i, f, g, o, c, c_new):
    return _with(dc + 0 * dh, dh, i, f, g, o, c, c_new)


@back.mistake
def old_dc_handed_on(dh, dc, i, f, g, o, c, c_new):
    return _with(_total(dh, dc, o, c_new), dh, i, f, g, o, c, c_new)[0], dc * f


@back.mistake
def tanh_slope_missing(dh, dc, i, f, g, o, c, c_new):
    return _with(dc + dh * o, dh, i, f, g, o, c, c_new)


@back.mistake
def tanh_slope_without_tanh(dh, dc, i, f, g, o, c, c_new):
    return _with(dc + dh * o * (1 - c_new**2), dh, i, f, g, o, c, c_new)


@back.mistake
def tanh_slope_at_the_old_c(dh, dc, i, f, g, o, c, c_new):
    return _with(dc + dh * o * (1 - np.tanh(c) ** 2), dh, i, f, g, o, c, c_new)


@back.mistake
def o_missing_into_c(dh, dc, i, f, g, o, c, c_new):
    return _with(dc + dh * (1 - np.tanh(c_new) ** 2), dh, i, f, g, o, c, c_new)


@back.mistake
def later_dc_through_o(dh, dc, i, f, g, o, c, c_new):
    return _with((dc + dh) * o * (1 - np.tanh(c_new) ** 2), dh, i, f, g, o, c, c_new)


@back.mistake
def order_i_f_o_g(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    return _put(_blocks(dh, total, i, f, g, o, c, c_new), (0, 1, 3, 2)), total * f


@back.mistake
def order_f_i_g_o(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    return _put(_blocks(dh, total, i, f, g, o, c, c_new), (1, 0, 2, 3)), total * f


def _slopes(dh, dc, i, f, g, o, c, c_new, slopes):
    total = _total(dh, dc, o, c_new)
    into = (total * g, total * c, total * i, dh * np.tanh(c_new))
    return _put([d * s for d, s in zip(into, slopes)]), total * f


@back.mistake
def slopes_missing(dh, dc, i, f, g, o, c, c_new):
    return _slopes(dh, dc, i, f, g, o, c, c_new, (1, 1, 1, 1))


@back.mistake
def sigmoid_slope_on_g(dh, dc, i, f, g, o, c, c_new):
    return _slopes(dh, dc, i, f, g, o, c, c_new, (i * (1 - i), f * (1 - f), g * (1 - g), o * (1 - o)))


@back.mistake
def tanh_slope_on_all(dh, dc, i, f, g, o, c, c_new):
    return _slopes(dh, dc, i, f, g, o, c, c_new, (1 - i * i, 1 - f * f, 1 - g * g, 1 - o * o))


@back.mistake
def tanh_slope_on_o(dh, dc, i, f, g, o, c, c_new):
    return _slopes(dh, dc, i, f, g, o, c, c_new, (i * (1 - i), f * (1 - f), 1 - g * g, 1 - o * o))


@back.mistake
def slope_of_a_slope(dh, dc, i, f, g, o, c, c_new):
    si, sf, so = (sigmoid(a) * (1 - sigmoid(a)) for a in (i, f, o))
    return _slopes(dh, dc, i, f, g, o, c, c_new, (si, sf, 1 - np.tanh(g) ** 2, so))


@back.mistake
def new_c_for_the_old(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    blocks = _blocks(dh, total, i, f, g, o, c, c_new)
    blocks[1] = total * c_new * f * (1 - f)
    return _put(blocks), total * f


@back.mistake
def i_and_g_swapped(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    blocks = _blocks(dh, total, i, f, g, o, c, c_new)
    blocks[0], blocks[2] = total * i * i * (1 - i), total * g * (1 - g * g)
    return _put(blocks), total * f


@back.mistake
def do_without_tanh(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    blocks = _blocks(dh, total, i, f, g, o, c, c_new)
    blocks[3] = dh * c_new * o * (1 - o)
    return _put(blocks), total * f


@back.mistake
def do_from_dc(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    blocks = _blocks(dh, total, i, f, g, o, c, c_new)
    blocks[3] = total * np.tanh(c_new) * o * (1 - o)
    return _put(blocks), total * f


@back.mistake
def f_missing_on_the_conveyor(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    return _put(_blocks(dh, total, i, f, g, o, c, c_new)), total


@back.mistake
def i_on_the_conveyor(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    return _put(_blocks(dh, total, i, f, g, o, c, c_new)), total * i


@back.mistake
def dc_first(dh, dc, i, f, g, o, c, c_new):
    da, dc_old = _with(_total(dh, dc, o, c_new), dh, i, f, g, o, c, c_new)
    return dc_old, da


@back.mistake
def blocks_side_by_side(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, dc, o, c_new)
    blocks = np.stack(_blocks(dh, total, i, f, g, o, c, c_new), axis=2)  # (N, H, 4)
    return blocks.reshape(len(dh), -1), total * f


@back.two("dc_from_later_dropped", "order_i_f_o_g")
def _(dh, dc, i, f, g, o, c, c_new):
    total = _total(dh, 0 * dc, o, c_new)
    return _put(_blocks(dh, total, i, f, g, o, c, c_new), (0, 1, 3, 2)), total * f


@back.two("tanh_slope_missing", "slopes_missing")
def _(dh, dc, i, f, g, o, c, c_new):
    total = dc + dh * o
    return _put([total * g, total * c, total * i, dh * np.tanh(c_new)]), total * f


@back.two("dc_from_later_dropped", "sigmoid_slope_on_g")
def _(dh, dc, i, f, g, o, c, c_new):
    return sigmoid_slope_on_g(dh, 0 * dc, i, f, g, o, c, c_new)


@back.swaps
def _(function: Callable) -> AbstractContextManager:
    return loop.half("backward", function)


@back.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    return with_lstm(lambda: loop.half("backward", function), optimizer, seed)
