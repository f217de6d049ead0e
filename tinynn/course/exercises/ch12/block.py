"""12.6: a pre-norm block, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

assembled = Fill(
    "12.6",
    "pre_norm_block(x, mix, w_out, w_gate, w_up, w_down, eps)",
    returns="y",
    level=2,
    minutes=8,
    tolerance=1e-6,
    dtype_matters=False,
)


def _inputs(rng: np.random.Generator, t: int, d: int, hidden: int, scale: float = 1.0) -> list[np.ndarray]:
    """x (T, D), shares of attention (T, T), and four weights of the size that layers have."""
    e = np.exp(2 * rng.normal(size=(t, t)))
    shapes = (d, d), (hidden, d), (hidden, d), (d, hidden)
    weights = [rng.normal(size=s) / np.sqrt(s[1]) for s in shapes]
    return [scale * rng.normal(0.5, 1, size=(t, d)), e / e.sum(axis=1, keepdims=True), *weights]


@assembled.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(*_inputs(rng, 2, 3, 4), 1e-5, note="2 tokens of 3 numbers, 4 hidden")
    yield case(*_inputs(rng, 3, 3, 3), 1e-5, tags="square", note="everything 3 by 3")
    yield case(*_inputs(rng, 4, 2, 5), 0.5, note="4 tokens of 2 numbers, with an eps of 0.5")
    yield case(*_inputs(rng, 1, 4, 6), 1e-5, tags="one", note="one token")
    yield case(*_inputs(rng, 3, 4, 2, 20.0), 1e-5, tags="large", note="a stream of about 20")
    yield case(*[a.astype(np.float32) for a in _inputs(rng, 3, 4, 6)], 1e-5, tags="float32", note="float32")


@assembled.drawn
def _(rng: np.random.Generator) -> Case:
    t, d, hidden = draw.sizes(rng, 3, most=12)
    kind = draw.dtype(rng)
    given = _inputs(rng, t, d, hidden, draw.one_of(rng, 1.0, 1.0, 0.1, 30.0))
    return case(*(draw.laid(rng, a.astype(kind)) for a in given), draw.one_of(rng, 1e-5, 1e-2, 0.5))


def _rms(x: Any, eps: float) -> Any:
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def _silu(z: Any) -> Any:
    return z / (1 + np.exp(-z))


def _swiglu(n: Any, gate: Any, up: Any, down: Any) -> Any:
    return (_silu(n @ gate.T) * (n @ up.T)) @ down.T


def _block(*given: Any, norm: Callable = _rms, mlp: Callable = _swiglu) -> Any:
    x, mix, out, gate, up, down, eps = given
    x = x + mix @ norm(x, eps) @ out.T
    return x + mlp(norm(x, eps), gate, up, down)


@assembled.reference
def _(x, mix, w_out, w_gate, w_up, w_down, eps):
    return _block(x, mix, w_out, w_gate, w_up, w_down, eps)


@assembled.worked
def pre_norm_block(x, mix, w_out, w_gate, w_up, w_down, eps):
    def norm(v):
        return v / np.sqrt((v * v).mean(axis=-1, keepdims=True) + eps)

    x = x + mix @ norm(x) @ w_out.T  # (T, T) @ (T, D) @ (D, D) -> (T, D), written to the stream
    n = norm(x)  # the stream as it is now
    g = n @ w_gate.T  # (T, H)
    hidden = g / (1 + np.exp(-g)) * (n @ w_up.T)  # silu(gate) times up
    return x + hidden @ w_down.T  # (T, H) @ (H, D) -> (T, D)


@assembled.right
def token_by_token(x, mix, w_out, w_gate, w_up, w_down, eps):
    normed = np.stack([row / np.sqrt(np.mean(row**2) + eps) for row in x])
    rows = []
    for i in range(len(x)):
        row = x[i] + w_out @ (normed.T @ mix[i])
        n = row * (np.mean(row**2) + eps) ** -0.5
        g = w_gate @ n
        rows.append(row + w_down @ (g * (1 / (1 + np.exp(-g))) * (w_up @ n)))
    return np.array(rows)


@assembled.right
def by_einsum(x, mix, w_out, w_gate, w_up, w_down, eps):
    rms = lambda v: np.sqrt(np.einsum("td,td->t", v, v)[:, None] / v.shape[1] + eps)
    stream = x + np.einsum("ts,sd,ed->te", mix, x / rms(x), w_out)
    n = stream / rms(stream)
    gate, up = np.einsum("td,hd->th", n, w_gate), np.einsum("td,hd->th", n, w_up)
    return stream + np.einsum("th,dh->td", gate * (0.5 + 0.5 * np.tanh(gate / 2)) * up, w_down)


@assembled.mistake
def norm_behind_the_sum(x, mix, out, gate, up, down, eps):
    x = _rms(x + mix @ x @ out.T, eps)
    return _rms(x + _swiglu(x, gate, up, down), eps)


@assembled.mistake
def normalised_stream_kept(x, mix, out, gate, up, down, eps):
    n = _rms(x, eps)
    x = n + mix @ n @ out.T
    n = _rms(x, eps)
    return n + _swiglu(n, gate, up, down)


@assembled.mistake
def branch_normalised(x, mix, out, gate, up, down, eps):
    x = x + _rms(mix @ x @ out.T, eps)
    return x + _rms(_swiglu(x, gate, up, down), eps)


@assembled.mistake
def no_norm(*given):
    return _block(*given, norm=lambda x, eps: x)


@assembled.mistake
def second_norm_forgotten(x, mix, out, gate, up, down, eps):
    x = x + mix @ _rms(x, eps) @ out.T
    return x + _swiglu(x, gate, up, down)


@assembled.mistake
def first_norm_forgotten(x, mix, out, gate, up, down, eps):
    x = x + mix @ x @ out.T
    return x + _swiglu(_rms(x, eps), gate, up, down)


@assembled.mistake
def both_read_the_first_x(x, mix, out, gate, up, down, eps):
    n = _rms(x, eps)
    return x + mix @ n @ out.T + _swiglu(n, gate, up, down)


@assembled.mistake
def added_to_the_first_x(x, mix, out, gate, up, down, eps):
    stream = x + mix @ _rms(x, eps) @ out.T
    return x + _swiglu(_rms(stream, eps), gate, up, down)


@assembled.mistake
def no_residual(x, mix, out, gate, up, down, eps):
    x = mix @ _rms(x, eps) @ out.T
    return _swiglu(_rms(x, eps), gate, up, down)


@assembled.mistake
def last_residual_forgotten(x, mix, out, gate, up, down, eps):
    x = x + mix @ _rms(x, eps) @ out.T
    return _swiglu(_rms(x, eps), gate, up, down)


@assembled.mistake
def first_residual_forgotten(x, mix, out, gate, up, down, eps):
    x = mix @ _rms(x, eps) @ out.T
    return x + _swiglu(_rms(x, eps), gate, up, down)


@assembled.mistake
def norm_at_the_end_too(*given):
    return _rms(_block(*given), given[-1])


@assembled.mistake
def mean_taken_away(*given):
    return _block(
        *given, norm=lambda x, eps: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
    )


@assembled.mistake
def norm_over_the_tokens(*given):
    return _block(*given, norm=lambda x, eps: x / np.sqrt((x * x).mean(axis=0, keepdims=True) + eps))


@assembled.mistake
def silu_on_the_other_branch(*given):
    return _block(*given, mlp=lambda n, gate, up, down: (n @ gate.T * _silu(n @ up.T)) @ down.T)


@assembled.mistake
def sigmoid_for_silu(*given):
    return _block(*given, mlp=lambda n, gate, up, down: (n @ up.T / (1 + np.exp(-(n @ gate.T)))) @ down.T)


@assembled.mistake
def relu_for_silu(*given):
    return _block(*given, mlp=lambda n, gate, up, down: (np.maximum(n @ gate.T, 0) * (n @ up.T)) @ down.T)


@assembled.mistake
def gate_added(*given):
    return _block(*given, mlp=lambda n, gate, up, down: (_silu(n @ gate.T) + n @ up.T) @ down.T)


@assembled.mistake
def no_gate(*given):
    return _block(*given, mlp=lambda n, gate, up, down: _silu(n @ up.T) @ down.T)


@assembled.mistake
def mixed_by_the_columns(x, mix, *given):
    return _block(x, mix.T, *given)


@assembled.mistake
def w_out_not_turned(x, mix, w_out, *given):
    return _block(x, mix, w_out.T, *given)


@assembled.two("second_norm_forgotten", "sigmoid_for_silu")
def _(x, mix, out, gate, up, down, eps):
    x = x + mix @ _rms(x, eps) @ out.T
    return x + ((x @ up.T) / (1 + np.exp(-(x @ gate.T)))) @ down.T


@assembled.two("mixed_by_the_columns", "silu_on_the_other_branch")
def _(x, mix, *given):
    return assembled.mistakes["silu_on_the_other_branch"].function(x, mix.T, *given)
