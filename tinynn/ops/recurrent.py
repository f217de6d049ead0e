"""Recurrent layers: one step for every element of a sequence, and a state handed from step to step.

Here is what `rnn`, `gru` and `lstm` share, and `rnn` itself. An op runs one layer over a whole sequence in
one direction. Layers on top of each other and the second direction are made of several such ops (`nn.LSTM`
does it): dropout comes between layers and a concatenation between directions, so nothing could be shared
across them, and the formula stays one step long.

Every op takes x (T, N, D) and states (N, H), and gives y (T, N, H), the state after each step, and the state
after the last step. Sequences of different lengths are padded at the end to the same T and come with their
`lengths`: beyond its length a sequence has output 0 and keeps its state, so that the last state is that of
its own last step. With `reverse` the steps run from T - 1 to 0, and each sequence begins at its own end.
That is what PyTorch's packed sequences give. What the padding holds is never read.

Backward goes through the steps the other way round ("back-propagation through time"): what arrives at the
state of step t is the gradient of its output and what step t + 1 sends back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, RangeError, ShapeError
from ..gpu.arrays import beside, is_on_gpu
from .elementwise import Needs
from .op import Out, Spec, describe
from .specs import require_choice, require_flag, require_float, require_same_dtype

Lengths = Any  # a list or array of N integers, or None: all sequences are T long

# -- the rule of all three --------------------------------------------------------------------------


def recurrent_spec(
    name: str, gates: int, states: dict, inputs: tuple, lengths: Lengths, reverse: bool
) -> Spec:
    """Check the inputs of a recurrent op; `gates` is how many rows of H its weights stack."""
    x, weight_ih, weight_hh, bias_ih, bias_hh = inputs
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    dtype = require_float(name, require_same_dtype(name, x=x, **states, **weights))
    if len(x.shape) != 3 or x.shape[0] == 0:
        hint = "x[:, None] for one sequence (T, D)" if len(x.shape) == 2 else None
        raise ShapeError(name, f"x {x.shape}", "x (T, N, D) with at least one step T", hint)
    hidden = _hidden_size(name, gates, x, weight_ih, weight_hh)
    _check_biases(name, gates * hidden, bias_ih, bias_hh)
    steps, batch, features = x.shape
    for label, state in states.items():
        if state.shape != (batch, hidden):
            got = f"{label} {state.shape} for x {x.shape} and weight_hh {weight_hh.shape}"
            swapped = state.shape == (steps, hidden)
            raise ShapeError(name, got, f"{label} (N, H) = {(batch, hidden)}", _TURN if swapped else None)
    require_flag(name, "reverse", reverse, "reverse=True")
    check_lengths(name, lengths, steps, batch)
    products = 2 * gates * hidden * (features + hidden)
    state = Out((batch, hidden), dtype)
    flops = steps * batch * (products + 12 * gates * hidden)
    return Spec((Out((steps, batch, hidden), dtype), *[state for _ in states]), flops)


_TURN = "x.transpose(0, 1), if x is (N, T, D)"


def _hidden_size(name: str, gates: int, x: Any, weight_ih: Any, weight_hh: Any) -> int:
    rows = f"{gates} H" if gates > 1 else "H"
    got = f"weight_ih {weight_ih.shape} and weight_hh {weight_hh.shape}"
    if len(weight_ih.shape) != 2 or len(weight_hh.shape) != 2 or 0 in weight_hh.shape:
        raise ShapeError(name, got, f"weight_ih ({rows}, D) and weight_hh ({rows}, H)")
    hidden = weight_hh.shape[1]
    if weight_hh.shape[0] != gates * hidden or weight_ih.shape[0] != gates * hidden:
        raise ShapeError(name, got, f"{gates * hidden} rows in both, {rows} with H = {hidden}")
    if x.shape[2] != weight_ih.shape[1]:
        layer = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[name]
        got = f"x {x.shape} and weight_ih {weight_ih.shape}"
        raise ShapeError(name, got, f"x (T, N, {weight_ih.shape[1]})", f"nn.{layer}({x.shape[2]}, {hidden})")
    return hidden


def _check_biases(name: str, rows: int, bias_ih: Any, bias_hh: Any) -> None:
    if (bias_ih is None) != (bias_hh is None):
        raise ShapeError(
            name, "one bias", "bias_ih and bias_hh, or neither", "bias_hh=np.zeros_like(bias_ih)"
        )
    for label, bias in (("bias_ih", bias_ih), ("bias_hh", bias_hh)):
        if bias is not None and bias.shape != (rows,):
            raise ShapeError(name, f"{label} {bias.shape}", f"{label} ({rows},)")


def check_lengths(name: str, lengths: Lengths, steps: int, batch: int) -> None:
    """Refuse lengths that are not N whole numbers from 1 to T."""
    if lengths is None:
        return
    array = lengths if is_on_gpu(lengths) else np.asarray(lengths)
    if array.dtype.kind not in "iu":
        hint = "np.asarray(lengths, np.int64)"
        raise DtypeError(name, f"lengths as {describe(lengths)}", "whole numbers", hint)
    if array.shape != (batch,):
        got = f"lengths {array.shape} for N = {batch} sequences of T = {steps} steps"
        raise ShapeError(name, got, f"lengths ({batch},)", _TURN if array.shape == (steps,) else None)
    if is_on_gpu(array):  # a look would wait for it
        return
    if batch and not 1 <= array.min() <= array.max() <= steps:
        wrong = array.min() if array.min() < 1 else array.max()
        hint = f"np.clip(lengths, 1, {steps})"
        raise RangeError(name, f"length {wrong}", f"lengths from 1 to T = {steps}", hint)


# -- what the formulas share ------------------------------------------------------------------------


def order(steps: int, reverse: bool) -> range:
    """The steps in the order in which the state goes through them."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def empty_steps(x: np.ndarray) -> list[Any]:
    """A place for what backward will need of each step."""
    return [None] * len(x)


def alive(x: np.ndarray, lengths: Lengths) -> np.ndarray:
    """Which sequences are still running at each step, (T, N, 1); (T, 1, 1) if all are, always."""
    if lengths is None:
        return np.ones_like(x, bool, shape=(len(x), 1, 1))
    return (np.arange(len(x), like=x)[:, None] < beside(lengths, x))[:, :, None]


def without_padding(x: np.ndarray, lengths: Lengths) -> np.ndarray:
    """x with zeros where sequences have ended, whatever was there (it may be NaN)."""
    return x if lengths is None else closed(x, lengths)[0]


def closed(x: np.ndarray, lengths: Lengths) -> tuple[np.ndarray, np.ndarray]:
    """x without what stands in its padding, and who is `alive`."""
    running = alive(x, lengths)
    return (x if lengths is None else np.where(running, x, x.dtype.type(0))), running


def affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """x W^T + b."""
    return x @ weight.T if bias is None else x @ weight.T + bias


def or_zeros(gradient: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    """A gradient, or zeros for an output that nobody used."""
    return np.zeros_like(like) if gradient is None else gradient


# -- rnn --------------------------------------------------------------------------------------------


def rnn_spec(
    x: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Lengths = None, reverse: bool = False, nonlinearity: str = "tanh",
) -> Spec:  # fmt: skip
    require_choice("rnn", "nonlinearity", nonlinearity, ("tanh", "relu"))
    inputs = (x, weight_ih, weight_hh, bias_ih, bias_hh)
    return recurrent_spec("rnn", 1, {"h0": h0}, inputs, lengths, reverse)


def rnn_forward(
    x: np.ndarray,
    h0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None = None,
    bias_hh: np.ndarray | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple:
    """The plain recurrent layer (Elman's): the new state is a layer over the input and the old state.

        h_t = tanh(x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh)          or relu in place of tanh

    x is (T, N, D), h0 (N, H), weight_ih (H, D), weight_hh (H, H), the biases (H,). Returns y (T, N, H), all
    states, and h_n (N, H), the last. Cache: the states before and after each step, twice the bytes of y.
    Equals torch.nn.RNN with one layer and direction.
    Source: Elman, Finding structure in time, 1990.
    """
    x, running = closed(x, lengths)
    y = np.empty((*x.shape[:2], len(weight_hh)), x.dtype, like=x)
    h, steps = h0, empty_steps(x)
    for t in order(len(x), reverse):
        a = affine(x[t], weight_ih, bias_ih) + affine(h, weight_hh, bias_hh)  # (N, H)
        new = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
        steps[t] = (h, new)
        y[t] = np.where(running[t], new, 0)
        h = np.where(running[t], new, h)
    weights = (weight_ih, weight_hh, bias_ih is not None)
    return (y, h), (x, steps, weights, running, reverse, nonlinearity)


def rnn_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    """da_t = dh_t (1 - h_t^2), where dh_t = dy_t + da_(t+1) W_hh; for relu, dh_t where h_t > 0.

    Then dx_t = da_t W_ih, and the weights, which every step used, collect from every step:
    dW_ih = sum da_t^T x_t, dW_hh = sum da_t^T h_(t-1), db = sum da_t.
    """
    x, steps, (weight_ih, weight_hh, has_bias), running, reverse, nonlinearity = cache
    dy, dh = dout
    dh = or_zeros(dh, steps[0][0])
    dx, dw_ih, dw_hh = np.zeros_like(x), np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    db = np.zeros_like(weight_hh[:, 0])
    for t in order(len(x), not reverse):
        h, new = steps[t]
        dh_t = dh if dy is None else dh + dy[t]
        da = dh_t * (1 - new * new) if nonlinearity == "tanh" else np.where(new > 0, dh_t, 0)
        da = np.where(running[t], da, 0)  # (N, H)
        dh = np.where(running[t], da @ weight_hh, dh)
        if needs[0]:
            dx[t] = da @ weight_ih
        dw_ih += da.T @ x[t]
        dw_hh += da.T @ h
        db += da.sum(axis=0)
    return (dx, dh, dw_ih, dw_hh, db, db) if has_bias else (dx, dh, dw_ih, dw_hh)
