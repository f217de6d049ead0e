"""Normalisation: take away the mean, divide by the spread, then scale and shift.

layer_norm takes mean and variance over the last axes of each example, batch_norm over the batch (and
the image) for each channel. The backward is one derivation on other axes: `normalise_backward`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from .elementwise import unbroadcast
from .op import Out, Spec
from .specs import require_float, require_number, require_same_dtype, size

Axes = tuple[int, ...]


def normalise(x: np.ndarray, axes: Axes, eps: float) -> tuple:
    """(x_hat, 1 / sqrt(var + eps), mean, var) over `axes`, sizes of 1 kept."""
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    var = (centred * centred).mean(axis=axes, keepdims=True)
    rstd = 1 / np.sqrt(var + eps)
    return centred * rstd, rstd, mean, var


def normalise_backward(dx_hat: np.ndarray, x_hat: np.ndarray, rstd: np.ndarray, axes: Axes) -> np.ndarray:
    """dx = (dx_hat - mean(dx_hat) - x_hat mean(dx_hat x_hat)) / sqrt(var + eps)."""
    mean = dx_hat.mean(axis=axes, keepdims=True)
    correlation = (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return (dx_hat - mean - x_hat * correlation) * rstd


def _check_eps(name: str, eps: float) -> None:
    require_number(name, "eps", eps)
    if eps < 0:
        raise ArgumentError(name, f"eps={eps}", "0 or more", "eps=1e-5")


# -- layer_norm and rms_norm: weight and bias have the shape of the axes they normalise ------------


def _last_axes_spec(name: str, x: Any, shape: tuple[int, ...] | None, params: tuple, eps: float) -> Spec:
    dtype = require_float(name, require_same_dtype(name, x=x, weight=params[0], bias=params[1]))
    _check_eps(name, eps)
    if shape is None:
        shape = x.shape[-1:] if params[0] is None else params[0].shape
    for label, p in zip(("weight", "bias"), params, strict=True):
        if p is not None and p.shape != shape:
            raise ShapeError(name, f"{label} {p.shape}", f"the normalized shape {shape}")
    if not shape or x.shape[-len(shape) :] != shape or size(shape) == 0:
        got, expected = f"x {x.shape} and normalized shape {shape}", f"x (..., {', '.join(map(str, shape))})"
        hint = f"normalized_shape={x.shape[-1:]}" if x.shape[-1:] > (0,) else None
        raise ShapeError(name, got, f"{expected}, not empty" if size(shape) == 0 else expected, hint)
    return Spec(Out(x.shape, dtype), 8 * size(x.shape))


def _last_axes(x: np.ndarray, weight: np.ndarray | None, shape: tuple[int, ...] | None) -> Axes:
    n = len(shape) if shape is not None else weight.ndim if weight is not None else 1
    return tuple(range(-n, 0))


def layer_norm_spec(
    x: Any, weight: Any = None, bias: Any = None, *, shape: Any = None, eps: float = 1e-5
) -> Spec:
    return _last_axes_spec("layer_norm", x, shape, (weight, bias), eps)


def layer_norm_forward(
    x: np.ndarray,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
    eps: float = 1e-5,
) -> tuple:
    """y = weight (x - mean) / sqrt(var + eps) + bias, over the last axes: x (..., D), weight and bias (D,).

    Cache: x_hat, the normalised x, as many bytes as x. Equals torch.nn.functional.layer_norm.
    Source: Ba, Kiros and Hinton, Layer normalization, 2016.
    """
    axes = _last_axes(x, weight, shape)
    x_hat, rstd, _, _ = normalise(x, axes, eps)
    y = x_hat if weight is None else x_hat * weight
    return (y if bias is None else y + bias), (x_hat, rstd, weight, bias is not None, axes)


def layer_norm_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = `normalise_backward` of dx_hat = weight dy; dweight = sum dy x_hat and dbias = sum dy."""
    x_hat, rstd, weight, has_bias, axes = cache
    if weight is None:
        return (normalise_backward(dy, x_hat, rstd, axes),)
    dx = normalise_backward(dy * weight, x_hat, rstd, axes)
    dw = unbroadcast(dy * x_hat, weight.shape)
    return (dx, dw, unbroadcast(dy, weight.shape)) if has_bias else (dx, dw)


def rms_norm_spec(x: Any, weight: Any = None, *, shape: Any = None, eps: float = 1e-5) -> Spec:
    return _last_axes_spec("rms_norm", x, shape, (weight, None), eps)


def rms_norm_forward(
    x: np.ndarray, weight: np.ndarray | None = None, shape: tuple[int, ...] | None = None, eps: float = 1e-5
) -> tuple:
    """y = weight x / sqrt(mean(x^2) + eps), over the last axes; no mean is taken away.

    Cache: x_hat, the normalised x, as many bytes as x. Equals torch.nn.functional.rms_norm.
    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.
    """
    axes = _last_axes(x, weight, shape)
    rstd = 1 / np.sqrt((x * x).mean(axis=axes, keepdims=True) + eps)
    x_hat = x * rstd
    return (x_hat if weight is None else x_hat * weight), (x_hat, rstd, weight, axes)


def rms_norm_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = (dx_hat - x_hat mean(dx_hat x_hat)) / sqrt(mean(x^2) + eps), with dx_hat = weight dy.

    dweight = sum dy x_hat.
    """
    x_hat, rstd, weight, axes = cache
    dx_hat = dy if weight is None else dy * weight
    dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True)) * rstd
    return (dx,) if weight is None else (dx, unbroadcast(dy * x_hat, weight.shape))


# -- batch_norm: weight, bias, mean and variance of each channel -----------------------------------


def batch_norm_spec(x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Spec:
    dtype = require_float("batch_norm", require_same_dtype("batch_norm", x=x, weight=weight, bias=bias))
    _check_eps("batch_norm", eps)
    if len(x.shape) < 2:
        raise ShapeError("batch_norm", f"x {x.shape}", "(N, C) or (N, C, ...)", "x[None] for one example")
    channels = x.shape[1:2]
    for label, p in (("weight", weight), ("bias", bias)):
        if p is not None and p.shape != channels:
            raise ShapeError("batch_norm", f"x {x.shape} and {label} {p.shape}", f"{label} {channels}")
    if size(x.shape) // max(channels[0], 1) < 2:
        got = f"x {x.shape}: fewer than two values for each channel, which have no spread"
        hint = "model.eval(), or drop_last=True in Batches"
        raise ShapeError("batch_norm", got, "at least two examples in training", hint)
    statistics = Out(channels, dtype)
    return Spec((Out(x.shape, dtype), statistics, statistics), 8 * size(x.shape))


def per_channel(v: np.ndarray, ndim: int) -> np.ndarray:
    """Line up a vector (C,) with axis 1 of an array of `ndim` dimensions."""
    return v.reshape(1, -1, *(1,) * (ndim - 2))


def batch_norm_forward(
    x: np.ndarray, weight: np.ndarray | None = None, bias: np.ndarray | None = None, eps: float = 1e-5
) -> tuple:
    """y = weight (x - mean) / sqrt(var + eps) + bias, normalising each channel over the batch.

    x is (N, C), (N, C, T) or (N, C, H, W), the others (C,). Returns (y, mean, var): the last two serve the
    running statistics. Equals torch.nn.functional.batch_norm in training.
    Cache: x_hat, the normalised x, as many bytes as x.
    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """
    axes = (0, *range(2, x.ndim))
    x_hat, rstd, mean, var = normalise(x, axes, eps)
    y = x_hat if weight is None else x_hat * per_channel(weight, x.ndim)
    y = y if bias is None else y + per_channel(bias, x.ndim)
    return (y, mean.ravel(), var.ravel()), (x_hat, rstd, weight, bias is not None, axes)


def batch_norm_backward(dout: tuple, cache: tuple) -> tuple:
    """As `layer_norm_backward`, over the batch. Gradients flow through y only, not through mean and var."""
    dy = dout[0]
    x_hat, rstd, weight, has_bias, axes = cache
    if weight is None:
        return (normalise_backward(dy, x_hat, rstd, axes),)
    dx = normalise_backward(dy * per_channel(weight, dy.ndim), x_hat, rstd, axes)
    dw = (dy * x_hat).sum(axis=axes)
    return (dx, dw, dy.sum(axis=axes)) if has_bias else (dx, dw)


# -- group_norm: channels in groups, each normalised by itself in each example ---------------------


def group_norm_spec(x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5) -> Spec:
    dtype = require_float("group_norm", require_same_dtype("group_norm", x=x, weight=weight, bias=bias))
    _check_eps("group_norm", eps)
    if len(x.shape) < 2:
        raise ShapeError("group_norm", f"x {x.shape}", "(N, C) or (N, C, ...)", "x[None] for one example")
    channels = x.shape[1]
    if isinstance(groups, bool) or not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ArgumentError("group_norm", f"groups={groups!r}", "an integer of at least 1", "num_groups=1")
    if channels % groups or size(x.shape[1:]) == 0:
        got = f"x {x.shape}, {channels} channels in {groups} groups"
        raise ShapeError(
            "group_norm",
            got,
            "groups of equally many channels, not empty",
            f"num_groups={_largest(channels, groups)}",
        )
    for label, p in (("weight", weight), ("bias", bias)):
        if p is not None and p.shape != (channels,):
            raise ShapeError("group_norm", f"x {x.shape} and {label} {p.shape}", f"{label} ({channels},)")
    return Spec(Out(x.shape, dtype), 8 * size(x.shape))


def _largest(channels: int, groups: int) -> int:
    """The largest number of at most `groups` that divides `channels`."""
    return next(n for n in range(min(groups, max(channels, 1)), 0, -1) if channels % n == 0)


def group_norm_forward(
    x: np.ndarray,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    groups: int = 1,
    eps: float = 1e-5,
) -> tuple:
    """y = weight (x - mean) / sqrt(var + eps) + bias: x (N, C, ...), weight and bias (C,).

    Mean and variance are of C / groups neighbouring channels of one example.
    Cache: x_hat, the normalised x, as many bytes as x. Equals torch.nn.functional.group_norm.
    Source: Wu and He, Group normalization, 2018.
    """
    grouped = x.reshape(x.shape[0], groups, x.shape[1] // groups, size(x.shape[2:]))
    x_hat, rstd, _, _ = normalise(grouped, (2, 3), eps)
    y = x_hat = x_hat.reshape(x.shape)
    y = y if weight is None else y * per_channel(weight, x.ndim)
    return (y if bias is None else y + per_channel(bias, x.ndim)), (
        x_hat,
        rstd,
        weight,
        bias is not None,
        groups,
    )


def group_norm_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = `normalise_backward` of dx_hat = weight dy by group; dweight = sum dy x_hat, dbias = sum dy."""
    x_hat, rstd, weight, has_bias, groups = cache
    n, c = dy.shape[:2]
    dx_hat = dy if weight is None else dy * per_channel(weight, dy.ndim)
    grouped = (n, groups, c // groups, size(dy.shape[2:]))
    dx = normalise_backward(dx_hat.reshape(grouped), x_hat.reshape(grouped), rstd, (2, 3)).reshape(dy.shape)
    if weight is None:
        return (dx,)
    axes = (0, *range(2, dy.ndim))
    dw = (dy * x_hat).sum(axis=axes)
    return (dx, dw, dy.sum(axis=axes)) if has_bias else (dx, dw)
