"""Losses: how wrong, as one number (reduction "mean" or "sum") or one for each example ("none").

In the equations dloss is the upstream gradient of each single loss: dout, or dout / n for the mean of n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, RangeError, ShapeError
from .activation import sigmoid
from .elementwise import Needs
from .op import Spec
from .softmax import log_softmax_forward
from .specs import (
    loss_out,
    require_float,
    require_int,
    require_number,
    require_reduction,
    require_same_dtype,
    size,
)

# -- nll_loss and cross_entropy: class indices, classes on axis 1 (or 0 for one example) -----------


def _class_axis(log_p: Any) -> int:
    return 1 if len(log_p.shape) > 1 else 0


def _class_loss_spec(name: str, flops: int) -> Callable[..., Spec]:
    def spec(
        x: Any,
        targets: Any,
        *,
        reduction: str = "mean",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> Spec:
        require_reduction(name, reduction)
        dtype = require_float(name, x.dtype, "input")
        if not x.shape:
            raise ShapeError(name, "input ()", "(N, K), or (K,) for one example")
        axis = _class_axis(x)
        wanted = x.shape[:axis] + x.shape[axis + 1 :]
        if targets.shape != wanted:
            got, expected = f"input {x.shape} and targets {targets.shape}", f"targets {wanted}, class indices"
            raise ShapeError(name, got, expected, _targets_hint(x, targets, axis, wanted))
        require_int(name, "targets", targets)
        if size(x.shape) == 0:
            raise ShapeError(name, f"input {x.shape}, no examples or no classes", "at least one of each")
        require_number(name, "ignore_index", ignore_index)
        require_number(name, "label_smoothing", label_smoothing)
        if not 0 <= label_smoothing <= 1:
            got = f"label_smoothing={label_smoothing}"
            raise ArgumentError(name, got, "a share from 0 to 1", "label_smoothing=0.1")
        return Spec(loss_out(wanted, dtype, reduction), flops * size(x.shape))

    return spec


def _targets_hint(x: Any, targets: Any, axis: int, wanted: tuple[int, ...]) -> str | None:
    if targets.shape == x.shape:
        return f"targets.argmax({axis}), if they are one-hot"
    return f"targets.reshape({wanted})" if size(targets.shape) == size(wanted) else None


def _check_targets(name: str) -> Callable[..., None]:
    def check(x: Any, targets: Any, ignore_index: int = -100, reduction: str = "mean", **_: Any) -> None:
        n_classes = x.shape[_class_axis(x)]
        low, high = targets.min(), targets.max()
        if low >= 0 and high < n_classes and not low <= ignore_index <= high:
            return
        kept = targets[targets != ignore_index]
        if kept.size == 0 and reduction == "mean":
            got = f"only targets equal to ignore_index={ignore_index}"
            raise ArgumentError(name, got, "at least one that counts", "reduction='sum'")
        wrong = kept[(kept < 0) | (kept >= n_classes)]
        if wrong.size:
            hint = "targets - 1" if kept.min() == 1 and kept.max() == n_classes else None
            got, expected = f"label {wrong[0]} for {n_classes} classes", f"labels from 0 to {n_classes - 1}"
            raise RangeError(name, got, expected, hint)

    return check


nll_loss_spec = _class_loss_spec("nll_loss", flops=1)
nll_loss_check = _check_targets("nll_loss")


def nll_loss_forward(
    log_p: np.ndarray,
    targets: np.ndarray,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> tuple:
    """loss_n = -log_p[n, target_n], for log_p (N, K) or (N, K, ...) and targets (N,) or (N, ...).

    With label smoothing s the target is 1 - s on the class plus s / K on all (Szegedy, Vanhoucke, Ioffe,
    Shlens and Wojna, Rethinking the Inception architecture, 2016). Targets of `ignore_index` do not count.
    Cache: a copy of the targets, and 1 byte for each. Equals torch.nn.functional.nll_loss, without smoothing.
    """
    axis = _class_axis(log_p)
    kept = targets != ignore_index
    chosen = np.expand_dims(np.where(kept, targets, 0), axis)
    losses = -np.take_along_axis(log_p, chosen, axis).squeeze(axis)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * log_p.mean(axis=axis)
    losses = np.where(kept, losses, losses.dtype.type(0))
    n = kept.sum(dtype=log_p.dtype) if reduction == "mean" else 1
    out = losses if reduction == "none" else losses.sum() / n
    return out, (log_p.shape, log_p.dtype, chosen, kept, n, label_smoothing)


def nll_loss_backward(dout: np.ndarray, cache: tuple) -> tuple:
    """dlog_p = -q dloss, for q the (smoothed) target; the targets have no gradient."""
    shape, dtype, chosen, kept, n, smoothing = cache
    axis = 1 if len(shape) > 1 else 0
    weight = np.expand_dims(kept * (dout / n), axis).astype(dtype)
    dlog_p = np.broadcast_to(-smoothing / shape[axis] * weight, shape).copy()
    picked = np.take_along_axis(dlog_p, chosen, axis) - (1 - smoothing) * weight
    np.put_along_axis(dlog_p, chosen, picked, axis)
    return dlog_p, None


cross_entropy_spec = _class_loss_spec("cross_entropy", flops=16)
cross_entropy_check = _check_targets("cross_entropy")


def cross_entropy_forward(
    logits: np.ndarray,
    targets: np.ndarray,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> tuple:
    """loss_n = -log softmax(logits_n)[target_n]; shapes and options as `nll_loss_forward`.

    Cache: log_p, as many bytes as logits, and that of nll_loss. Equals torch.nn.functional.cross_entropy.
    """
    log_p, _ = log_softmax_forward(logits, _class_axis(logits))
    out, nll_cache = nll_loss_forward(log_p, targets, reduction, ignore_index, label_smoothing)
    return out, (log_p, nll_cache)


def cross_entropy_backward(dout: np.ndarray, cache: tuple) -> tuple:
    """dlogits = (p - q) dloss, for q the (smoothed) target: what is believed less what is true."""
    log_p, nll_cache = cache
    q, _ = nll_loss_backward(dout, nll_cache)  # -q dout
    return np.exp(log_p) * -q.sum(axis=_class_axis(log_p), keepdims=True) + q, None


def cross_entropy_composition(F: Any, logits: Any, targets: Any, **params: Any) -> Any:
    return F.nll_loss(F.log_softmax(logits, _class_axis(logits)), targets, **params)


# -- losses of two arrays of one shape: mse, l1, huber, binary cross-entropy -----------------------


def _pair_loss_spec(name: str, flops: int) -> Callable[..., Spec]:
    def spec(x: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Spec:
        require_reduction(name, reduction)
        dtype = require_float(name, require_same_dtype(name, input=x, target=target), "input")
        if x.shape != target.shape:
            hint = f"target.reshape({x.shape})" if size(x.shape) == size(target.shape) else None
            got = f"input {x.shape} and target {target.shape}"
            raise ShapeError(name, got, "the same shape, without broadcasting", hint)
        if size(x.shape) == 0 and reduction == "mean":
            raise ShapeError(name, f"input {x.shape}, nothing to average", "at least one element")
        require_number(name, "delta", delta)
        if not delta > 0:
            raise ArgumentError(name, f"delta={delta}", "a positive number", "delta=1.0")
        return Spec(loss_out(x.shape, dtype, reduction), flops * size(x.shape))

    return spec


def _reduce(losses: np.ndarray, reduction: str) -> np.ndarray:
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def _share(dout: np.ndarray, like: np.ndarray, reduction: str) -> np.ndarray:
    """The upstream gradient of each single loss."""
    return dout / like.size if reduction == "mean" else dout


mse_loss_spec = _pair_loss_spec("mse_loss", flops=3)


def mse_loss_forward(x: np.ndarray, target: np.ndarray, reduction: str = "mean") -> tuple:
    """loss = d^2, with d = x - target. Cache: d, as many bytes as x. Equals torch.nn.functional.mse_loss."""
    d = x - target
    return _reduce(d * d, reduction), (d, reduction)


def mse_loss_backward(dout: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = 2 d dloss and dtarget = -dx."""
    d, reduction = cache
    dx = 2 * d * _share(dout, d, reduction)
    return dx, -dx if needs[1] else None


l1_loss_spec = _pair_loss_spec("l1_loss", flops=3)


def l1_loss_forward(x: np.ndarray, target: np.ndarray, reduction: str = "mean") -> tuple:
    """loss = |d|, with d = x - target. Cache: d, as many bytes as x. Equals torch.nn.functional.l1_loss."""
    d = x - target
    return _reduce(np.abs(d), reduction), (d, reduction)


def l1_loss_backward(dout: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = sign(d) dloss and dtarget = -dx."""
    d, reduction = cache
    dx = np.sign(d) * _share(dout, d, reduction)
    return dx, -dx if needs[1] else None


huber_loss_spec = _pair_loss_spec("huber_loss", flops=6)


def huber_loss_forward(
    x: np.ndarray, target: np.ndarray, reduction: str = "mean", delta: float = 1.0
) -> tuple:
    """loss = d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, with d = x - target.

    Cache: d, as many bytes as x. Equals torch.nn.functional.huber_loss.
    Source: Huber, Robust estimation of a location parameter, 1964.
    """
    d = x - target
    losses = np.where(np.abs(d) <= delta, 0.5 * d * d, delta * (np.abs(d) - 0.5 * delta))
    return _reduce(losses, reduction), (d, reduction, delta)


def huber_loss_backward(dout: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = d dloss, with d cut at -delta and delta, and dtarget = -dx."""
    d, reduction, delta = cache
    dx = np.clip(d, -delta, delta) * _share(dout, d, reduction)
    return dx, -dx if needs[1] else None


binary_cross_entropy_with_logits_spec = _pair_loss_spec("binary_cross_entropy_with_logits", flops=25)


def binary_cross_entropy_with_logits_check(x: Any, target: Any, **_: Any) -> None:
    if target.size and not (target.min() >= 0 and target.max() <= 1):
        got = f"targets from {target.min()} to {target.max()}"
        signs = target.min() == -1 and target.max() <= 1
        hint = "(targets + 1) / 2 for targets of -1 and 1" if signs else None
        expected = "probabilities from 0 to 1, without NaN"
        raise RangeError("binary_cross_entropy_with_logits", got, expected, hint)


def binary_cross_entropy_with_logits_forward(
    x: np.ndarray, target: np.ndarray, reduction: str = "mean"
) -> tuple:
    """loss = -t ln s - (1 - t) ln(1 - s), with s = sigmoid(x) and t the target, a probability.

    Computed as max(x, 0) - x t + ln(1 + exp(-|x|)), which does not overflow. Cache: x and target.
    Equals torch.nn.functional.binary_cross_entropy_with_logits.
    """
    losses = np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))
    return _reduce(losses, reduction), (x, target, reduction)


def binary_cross_entropy_with_logits_backward(
    dout: np.ndarray, cache: tuple, needs: Needs = (True, True)
) -> tuple:
    """dx = (sigmoid(x) - target) dloss and dtarget = -x dloss."""
    x, target, reduction = cache
    share = _share(dout, x, reduction)
    return (sigmoid(x) - target) * share, -x * share if needs[1] else None
