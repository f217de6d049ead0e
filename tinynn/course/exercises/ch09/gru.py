"""09.3: a step of a GRU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .... import ops
from ....ops.activation import sigmoid
from ...effects.moments import Moment
from ...effects.recalled import with_gru
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from . import loop

gru = Fill("09.3", "gru_step(x, h, w, u, b_x, b_h)", returns="h_new", level=2, minutes=7)


@gru.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, d: int, k: int, dtype: Any = np.float64) -> list[np.ndarray]:
        shapes: list[tuple[int, ...]] = [(n, d), (n, k), (3 * k, d), (3 * k, k), (3 * k,), (3 * k,)]
        return [rng.normal(size=s).astype(dtype) for s in shapes]

    yield case(*[a.round(1) for a in draw(2, 1, 2)], note="2 rows, 1 input, 2 units")
    yield case(*draw(3, 2, 4), note="3 rows, 2 inputs, 4 units")
    yield case(*draw(3, 3, 3), tags="square", note="3 rows, 3 inputs, 3 units")
    x, h, *rest = draw(3, 2, 3)
    yield case(x, 0 * h, *rest, note="the first step: h is 0")
    yield case(1000 * x, h, *rest, tags="large", note="inputs, and so scores, in the thousands")
    yield case(*draw(1, 3, 1), tags="one", note="a batch of one, a single unit")
    yield case(*draw(4, 2, 3, np.float32), tags="float32", note="float32")


@gru.drawn
def _(rng: np.random.Generator) -> Case:
    n, d, k = draw.sizes(rng, 3, most=12)
    shapes: list[tuple[int, ...]] = [(n, d), (n, k), (3 * k, d), (3 * k, k), (3 * k,), (3 * k,)]
    x, h, w, u, b_x, b_h = draw.arrays(rng, *shapes, kinds="usual usual whole below above sparse")
    return case(draw.one_of(rng, 1, 1, 0, 100) * x, draw.one_of(rng, 1, 1, 0) * np.tanh(h), w, u, b_x, b_h)


gru.reference(loop.gru_step)


@gru.worked
def gru_step(x, h, w, u, b_x, b_h):
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    r_x, z_x, n_x = np.split(x @ w.T + b_x, 3, axis=1)  # (N, H) each
    r_h, z_h, n_h = np.split(h @ u.T + b_h, 3, axis=1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    n = np.tanh(n_x + r * n_h)  # r acts on the state's part, its bias included
    return (1 - z) * n + z * h


@gru.right
def block_by_block(x, h, w, u, b_x, b_h):
    k = h.shape[1]
    r, z, n = (slice(j * k, (j + 1) * k) for j in range(3))
    reset = 1 / (1 + np.exp(-(x @ w[r].T + b_x[r] + h @ u[r].T + b_h[r])))
    update = 1 / (1 + np.exp(-(x @ w[z].T + b_x[z] + h @ u[z].T + b_h[z])))
    new = np.tanh(x @ w[n].T + b_x[n] + reset * (h @ u[n].T + b_h[n]))
    return new + update * (h - new)


@gru.right
def both_gates_at_once(x, h, w, u, b_x, b_h):
    a, s = x @ w.T + b_x, h @ u.T + b_h
    k = 2 * h.shape[1]
    r, z = np.hsplit(sigmoid(a[:, :k] + s[:, :k]), 2)
    n = np.tanh(a[:, k:] + s[:, k:] * r)
    return n - z * n + z * h


# -- mistakes --------------------------------------------------------------------------------------------


def _parts(x: Any, h: Any, *weights: Any, order: str = "rzn") -> tuple[dict[str, Any], dict[str, Any]]:
    """The three blocks of the input's scores and of the state's, by name."""
    w, u, b_x, b_h = weights
    a, s = x @ w.T + b_x, h @ u.T + b_h
    return dict(zip(order, np.split(a, 3, axis=1))), dict(zip(order, np.split(s, 3, axis=1)))


def _gates(a: dict[str, Any], s: dict[str, Any]) -> tuple[Any, Any]:
    return sigmoid(a["r"] + s["r"]), sigmoid(a["z"] + s["z"])


def _mixed(h: Any, a: dict[str, Any], s: dict[str, Any]) -> Any:
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(a["n"] + r * s["n"]) + z * h


@gru.mistake
def z_turned_round(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return z * np.tanh(a["n"] + r * s["n"]) + (1 - z) * h


@gru.mistake
def order_z_r_n(x, h, *weights):
    return _mixed(h, *_parts(x, h, *weights, order="zrn"))


@gru.mistake
def order_n_first(x, h, *weights):
    return _mixed(h, *_parts(x, h, *weights, order="nrz"))


@gru.mistake
def reset_before_the_product(x, h, w, u, b_x, b_h):
    a, s = _parts(x, h, w, u, b_x, b_h)
    r, z = _gates(a, s)
    k = h.shape[1]
    n = np.tanh(a["n"] + (r * h) @ u[2 * k :].T + b_h[2 * k :])
    return (1 - z) * n + z * h


@gru.mistake
def bias_not_reset(x, h, w, u, b_x, b_h):
    a, s = _parts(x, h, w, u, b_x, b_h)
    r, z = _gates(a, s)
    b = b_h[2 * h.shape[1] :]
    return (1 - z) * np.tanh(a["n"] + r * (s["n"] - b) + b) + z * h


@gru.mistake
def reset_on_the_input_too(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(r * (a["n"] + s["n"])) + z * h


@gru.mistake
def reset_on_the_input(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(r * a["n"] + s["n"]) + z * h


@gru.mistake
def reset_missing(x, h, *weights):
    a, s = _parts(x, h, *weights)
    _, z = _gates(a, s)
    return (1 - z) * np.tanh(a["n"] + s["n"]) + z * h


@gru.mistake
def reset_turned_round(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(a["n"] + (1 - r) * s["n"]) + z * h


@gru.mistake
def reset_on_the_kept_state(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(a["n"] + r * s["n"]) + z * r * h


@gru.mistake
def sigmoid_on_n(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * sigmoid(a["n"] + r * s["n"]) + z * h


@gru.mistake
def tanh_on_the_gates(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = np.tanh(a["r"] + s["r"]), np.tanh(a["z"] + s["z"])
    return (1 - z) * np.tanh(a["n"] + r * s["n"]) + z * h


@gru.mistake
def nothing_kept(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return (1 - z) * np.tanh(a["n"] + r * s["n"])


@gru.mistake
def new_not_weighted(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, z = _gates(a, s)
    return np.tanh(a["n"] + r * s["n"]) + z * h


@gru.mistake
def z_is_r(x, h, *weights):
    a, s = _parts(x, h, *weights)
    r, _ = _gates(a, s)
    return (1 - r) * np.tanh(a["n"] + r * s["n"]) + r * h


@gru.mistake
def b_h_forgotten(x, h, w, u, b_x, b_h):
    return _mixed(h, *_parts(x, h, w, u, b_x, 0 * b_h))


@gru.mistake
def b_x_forgotten(x, h, w, u, b_x, b_h):
    return _mixed(h, *_parts(x, h, w, u, 0 * b_x, b_h))


@gru.mistake
def biases_swapped(x, h, w, u, b_x, b_h):
    return _mixed(h, *_parts(x, h, w, u, b_h, b_x))


@gru.mistake
def squashed_again(x, h, *weights):
    return np.tanh(_mixed(h, *_parts(x, h, *weights)))


@gru.mistake
def every_third_column(x, h, w, u, b_x, b_h):
    a, s = x @ w.T + b_x, h @ u.T + b_h
    return _mixed(h, *({name: v[:, j::3] for j, name in enumerate("rzn")} for v in (a, s)))


@gru.two("z_turned_round", "reset_missing")
def _(x, h, *weights):
    a, s = _parts(x, h, *weights)
    _, z = _gates(a, s)
    return z * np.tanh(a["n"] + s["n"]) + (1 - z) * h


@gru.two("z_turned_round", "order_z_r_n")
def _(x, h, *weights):
    a, s = _parts(x, h, *weights, order="zrn")
    r, z = _gates(a, s)
    return z * np.tanh(a["n"] + r * s["n"]) + (1 - z) * h


@gru.two("z_turned_round", "reset_before_the_product")
def _(x, h, w, u, b_x, b_h):
    a, s = _parts(x, h, w, u, b_x, b_h)
    r, z = _gates(a, s)
    k = h.shape[1]
    return z * np.tanh(a["n"] + (r * h) @ u[2 * k :].T + b_h[2 * k :]) + (1 - z) * h


@gru.swaps
def _(function: Callable) -> AbstractContextManager:
    return ops.gru.using(loop.gru_forward(function), ops.gru.pairs["numpy"].backward)


@gru.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert gru.swap is not None
    return with_gru(lambda: gru.swap(function), optimizer, seed)  # type: ignore[misc]
