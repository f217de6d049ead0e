"""08.1: a step of a recurrent net."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .training import recalls

step = Fill("08.1", "rnn_step(x, h, w_ih, w_hh, b)", returns="h", level=1, minutes=5, dtype_matters=False)


@step.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, d: int, h: int, dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=s).astype(dtype) for s in ((n, d), (n, h), (h, d), (h, h), (h,))]

    yield case(*[a.round(1) for a in draw(2, 3, 2)], note="2 sequences, 3 inputs, 2 units")
    yield case(*draw(3, 3, 3), tags="square", note="everything 3 by 3")
    x, h, *weights = draw(2, 1, 4)
    yield case(x, 0 * h, *weights, note="the first step: h is 0")
    yield case(*draw(1, 2, 1), tags="one", note="a single unit")
    yield case(*draw(4, 2, 5, np.float32), tags="float32", note="float32")


@step.drawn
def _(rng: np.random.Generator) -> Case:
    n, d, h = draw.sizes(rng, 3)
    x, state, w_ih, w_hh, b = draw.arrays(
        rng, (n, d), (n, h), (h, d), (h, h), (h,), kinds="usual whole below above sparse"
    )
    return case(x, np.tanh(state), w_ih, w_hh / max(1, h) ** 0.5, b)


@step.reference
def _(x, h, w_ih, w_hh, b):
    (_, new), _ = ops.rnn.pairs["numpy"].forward(x[None], h, w_ih, w_hh, b, 0 * b)
    return new


@step.worked
def rnn_step(x, h, w_ih, w_hh, b):
    a = x @ w_ih.T + h @ w_hh.T + b  # (N, D) @ (D, H) and (N, H) @ (H, H) -> (N, H)
    return np.tanh(a)


@step.right
def side_by_side(x, h, w_ih, w_hh, b):
    """One layer over the input and the state, written as one."""
    both = np.concatenate([x, h], axis=1)  # (N, D + H)
    weight = np.concatenate([w_ih, w_hh], axis=1)  # (H, D + H)
    return np.tanh(both @ weight.T + b)


@step.right
def row_by_row(x, h, w_ih, w_hh, b):
    return np.stack([np.tanh(w_ih @ p + w_hh @ q + b) for p, q in zip(x, h)])


@step.mistake
def w_hh_transposed(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + h @ w_hh + b)


@step.mistake
def no_tanh(x, h, w_ih, w_hh, b):
    return x @ w_ih.T + h @ w_hh.T + b


@step.mistake
def state_not_used(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + b)


@step.mistake
def no_bias(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + h @ w_hh.T)


@step.mistake
def bias_twice(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + b + h @ w_hh.T + b)


@step.mistake
def tanh_of_each(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + b) + np.tanh(h @ w_hh.T)


@step.mistake
def input_past_the_tanh(x, h, w_ih, w_hh, b):
    return x @ w_ih.T + np.tanh(h @ w_hh.T + b)


@step.mistake
def state_past_the_tanh(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + b) + h @ w_hh.T


@step.mistake
def old_state_added(x, h, w_ih, w_hh, b):
    return h + np.tanh(x @ w_ih.T + h @ w_hh.T + b)


@step.mistake
def state_without_weights(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + h + b)


@step.mistake
def relu(x, h, w_ih, w_hh, b):
    return np.maximum(x @ w_ih.T + h @ w_hh.T + b, 0)


@step.mistake
def sigmoid(x, h, w_ih, w_hh, b):
    return 1 / (1 + np.exp(-(x @ w_ih.T + h @ w_hh.T + b)))


@step.mistake
def multiplied(x, h, w_ih, w_hh, b):
    return np.tanh((x @ w_ih.T) * (h @ w_hh.T) + b)


@step.two("w_hh_transposed", "no_tanh")
def _(x, h, w_ih, w_hh, b):
    return x @ w_ih.T + h @ w_hh + b


@step.two("w_hh_transposed", "no_bias")
def _(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + h @ w_hh)


def refuse_options(options):
    """A student's function knows tanh, one direction and sequences of one length."""
    tanh, others = options.get("nonlinearity", "tanh") == "tanh", {**options, "nonlinearity": None}
    if not tanh or any(value is not None and value is not False for value in others.values()):
        raise ArgumentError("your rnn", f"{options}", "tanh, forward, no lengths", "mine.stop()")


def one_bias(h, biases):
    """The library keeps two biases, as PyTorch does; only their sum matters."""
    return sum(biases) if biases else np.zeros_like(h[0])


@step.swaps
def _(function):
    """The student's step, called for every step of the library's `rnn`; the way back is the library's."""

    def forward(x, h0, w_ih, w_hh, *biases, **options):
        refuse_options(options)
        b, h, states = one_bias(h0, biases), h0, []
        for x_t in x:  # (N, D)
            new = np.asarray(function(x_t, h, w_ih, w_hh, b), x.dtype)
            states.append((h, new))
            h = new
        running = np.ones((len(x), 1, 1), bool)
        cache = (x, states, (w_ih, w_hh, bool(biases)), running, False, "tanh")
        return (np.stack([new for _, new in states]), h), cache

    return ops.rnn.using(forward, ops.rnn.pairs["numpy"].backward)


@step.trains
def _(function, optimizer, seed):
    return recalls(step, function, optimizer, seed)
