"""Ops as functions of Tensors, with PyTorch's names and argument order. Most are one line.

Functions of one tensor are methods too: ``exp(x)`` is ``x.exp()``, ``sum(x, dim=0)`` is ``x.sum(dim=0)``.
Axes are called `dim` here, as in PyTorch, and `axis` in the ops, as in NumPy.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ops
from .errors import ArgumentError, DtypeError, ShapeError, StateError
from .gpu.arrays import is_on_gpu
from .ops.dropout import check_probability
from .ops.op import describe
from .ops.specs import normalise_axis, require_choice, require_flag, size
from .random import as_generator
from .tensor import Tensor, apply, plain_array, plain_index

Dim = int | Sequence[int] | None


def _axes(where: str, dim: Dim) -> int | tuple[int, ...] | None:
    """Plain integers, since an op remembers what it has checked, and there 1.0 passes for 1."""
    if dim is None:
        return None
    return tuple(_integer(where, d) for d in dim) if isinstance(dim, (tuple, list)) else _integer(where, dim)


def _integer(where: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(where, describe(value), "an integer") from None


def _sizes(where: str, sizes: tuple) -> tuple[int, ...]:
    """Accept f(x, 2, 3) and f(x, (2, 3))."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(_integer(where, n) for n in sizes)


def _reduced(where: str, dim: Dim, keepdim: bool) -> dict[str, Any]:
    require_flag(where, "keepdim", keepdim, "dim=(0, 1) for several axes")
    return {"axis": _axes(where, dim), "keepdims": keepdim}


def _several(where: str, tensors: Any) -> Sequence[Any]:
    if not isinstance(tensors, (tuple, list)):
        raise DtypeError(where, describe(tensors), "a list of tensors", f"{where}([x, y])")
    return tensors


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def _number(value: Any) -> Any:
    """A NumPy number as a Python number, which never widens float32 to float64."""
    return value.item() if isinstance(value, np.generic) else value


# -- element by element ----------------------------------------------------------------------------


def add(x: Any, y: Any) -> Tensor:
    """x + y, broadcast. Equals torch.add."""
    return apply(ops.add, x, y)


def sub(x: Any, y: Any) -> Tensor:
    """x - y, broadcast. Equals torch.sub."""
    return apply(ops.sub, x, y)


def mul(x: Any, y: Any) -> Tensor:
    """x y, broadcast. Equals torch.mul."""
    return apply(ops.mul, x, y)


def div(x: Any, y: Any) -> Tensor:
    """x / y, broadcast. Equals torch.div."""
    return apply(ops.div, x, y)


def pow(x: Any, y: Any) -> Tensor:
    """x to the power y, broadcast. Equals torch.pow."""
    return apply(ops.pow, x, y)


def neg(x: Any) -> Tensor:
    """-x. Equals torch.neg."""
    return apply(ops.neg, x)


def exp(x: Any) -> Tensor:
    """e to the power x. Equals torch.exp."""
    return apply(ops.exp, x)


def log(x: Any) -> Tensor:
    """Natural logarithm; -inf at 0, NaN below. Equals torch.log."""
    return apply(ops.log, x)


def sqrt(x: Any) -> Tensor:
    """Square root; its slope at 0 is infinite. Equals torch.sqrt."""
    return apply(ops.sqrt, x)


def abs(x: Any) -> Tensor:
    """|x|, with slope 0 at 0. Equals torch.abs."""
    return apply(ops.abs, x)


def clip(x: Any, low: float | None = None, high: float | None = None) -> Tensor:
    """min(max(x, low), high); the gradient passes where nothing was cut. Equals torch.clip."""
    return apply(ops.clip, x, low=_number(low), high=_number(high))


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of the two, broadcast; ties share the gradient. Equals torch.maximum."""
    return apply(ops.maximum, x, y)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where `condition` holds, y elsewhere, broadcast. Equals torch.where."""
    return apply(ops.where, condition, x, y)


def cast(x: Any, dtype: Any) -> Tensor:
    """The same numbers in another dtype; the gradient comes back in the old one. Equals torch.Tensor.to."""
    return _tensor(x).to(dtype)


# -- activations -----------------------------------------------------------------------------------


def relu(x: Any) -> Tensor:
    """max(x, 0). Equals torch.nn.functional.relu."""
    return apply(ops.relu, x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x if x > 0 else negative_slope x. Equals torch.nn.functional.leaky_relu."""
    return apply(ops.leaky_relu, x, negative_slope=_number(negative_slope))


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)). Equals torch.sigmoid."""
    return apply(ops.sigmoid, x)


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent. Equals torch.tanh."""
    return apply(ops.tanh, x)


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal is below x. Equals torch.nn.functional.gelu.

    ``approximate="tanh"`` takes the tanh form, which is within 0.0005 of the exact one.
    """
    return apply(ops.gelu, x, approximate=approximate)


def silu(x: Any) -> Tensor:
    """x sigmoid(x). Equals torch.nn.functional.silu."""
    return apply(ops.silu, x)


def softplus(x: Any) -> Tensor:
    """ln(1 + exp(x)). Equals torch.nn.functional.softplus."""
    return apply(ops.softplus, x)


def softmax(x: Any, dim: int = -1) -> Tensor:
    """exp(x) over its sum along `dim`. Equals torch.softmax."""
    return apply(ops.softmax, x, axis=_axes("softmax", dim))


def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """log(softmax(x)), computed without overflow. Equals torch.log_softmax."""
    return apply(ops.log_softmax, x, axis=_axes("log_softmax", dim))


# -- products --------------------------------------------------------------------------------------


def matmul(x: Any, y: Any) -> Tensor:
    """x @ y on the last two axes, the others broadcast. Equals torch.matmul."""
    return apply(ops.matmul, x, y)


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """y = x W^T + b: x (..., in), weight (out, in), bias (out,). Equals torch.nn.functional.linear."""
    return apply(ops.linear, x, weight, *_given(bias))


def _given(*inputs: Any) -> tuple:
    """Optional inputs that are there, in order."""
    return tuple(x for x in inputs if x is not None)


# -- reductions ------------------------------------------------------------------------------------


def sum(x: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Sum over `dim`, or over everything. Equals torch.sum."""
    return apply(ops.sum, x, **_reduced("sum", dim, keepdim))


def mean(x: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Mean over `dim`, or over everything. Equals torch.mean."""
    return apply(ops.mean, x, **_reduced("mean", dim, keepdim))


def max(x: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Largest element along `dim`, or of all; ties share the gradient. Equals torch.amax."""
    return apply(ops.max, x, **_reduced("max", dim, keepdim))


def var(x: Any, dim: Dim = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Sum of (x - mean)^2 over n - correction. Equals torch.var."""
    return apply(ops.var, x, correction=_number(correction), **_reduced("var", dim, keepdim))


def argmax(x: Any, dim: int | None = None) -> np.ndarray:
    """Position of the largest element, as an array of integers: a position has no gradient."""
    array = plain_array(x)
    axis = None if dim is None else normalise_axis("argmax", dim, array.ndim)
    if (array.size if axis is None else array.shape[axis]) == 0:
        raise ShapeError("argmax", f"x {array.shape}, nothing to choose from", "at least one element")
    return plain_array(array.argmax(axis=axis))


# -- shapes ----------------------------------------------------------------------------------------


def reshape(x: Any, *shape: Any) -> Tensor:
    """The same elements in the same order, in another shape; one size may be -1. Equals torch.reshape."""
    return apply(ops.reshape, x, shape=_sizes("reshape", shape))


def flatten(x: Tensor, start_dim: int = 0) -> Tensor:
    """One axis in place of all from `start_dim` on. Equals torch.flatten."""
    x = _tensor(x)
    start = normalise_axis("flatten", start_dim, len(x.shape)) if x.shape else 0
    return reshape(x, *x.shape[:start], size(x.shape[start:]))


def permute(x: Any, *dims: Any) -> Tensor:
    """Axes in another order. Equals torch.permute."""
    return apply(ops.permute, x, axes=_sizes("permute", dims))


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes swapped. Equals torch.transpose."""
    x = _tensor(x)
    i, j = (normalise_axis("transpose", dim, x.ndim) for dim in (dim0, dim1))
    axes = list(range(x.ndim))
    axes[i], axes[j] = j, i
    return permute(x, axes)


def broadcast_to(x: Any, *shape: Any) -> Tensor:
    """Copies along axes of size 1, without the memory. Equals torch.broadcast_to."""
    return apply(ops.broadcast_to, x, shape=_sizes("broadcast_to", shape))


def concat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """One after the other along an axis that exists. Equals torch.cat."""
    return apply(ops.concat, *_several("concat", tensors), axis=_axes("concat", dim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """One after the other along a new axis. Equals torch.stack."""
    return apply(ops.stack, *_several("stack", tensors), axis=_axes("stack", dim))


def split(x: Any, sizes: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along an axis: of these sizes, or of one size each and a rest. Equals torch.split."""
    x, axis = _tensor(x), _axes("split", dim)
    if not isinstance(sizes, (tuple, list)):
        n, total = _integer("split", sizes), x.shape[normalise_axis("split", axis, x.ndim)]
        if n < 1:
            raise ArgumentError("split", f"size {n}", "a size of at least 1", "split(x, 1)")
        sizes = [min(n, total - start) for start in range(0, total, n)] or [0]
    return apply(ops.split, x, sizes=_sizes("split", tuple(sizes)), axis=axis)


def index(x: Any, index: Any) -> Tensor:
    """x[index]: numbers, slices, None, ..., arrays of integers or bools."""
    return apply(ops.index, x, index=plain_index(index))


def pad(x: Any, widths: Sequence[Sequence[int]], value: float = 0.0) -> Tensor:
    """Add `value` around x: one pair (before, after) for each axis, as numpy.pad."""
    try:
        pairs = tuple((operator.index(before), operator.index(after)) for before, after in widths)
    except (TypeError, ValueError):
        expected = "one pair of integers (before, after) for each axis"
        raise ArgumentError(
            "pad", f"widths {widths!r}"[:80], expected, "[(1, 1), (2, 2)] for a matrix"
        ) from None
    return apply(ops.pad, x, widths=pairs, value=value)


# -- losses ----------------------------------------------------------------------------------------


def cross_entropy(
    logits: Any, targets: Any, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
) -> Tensor:
    """-log softmax(logits)[target], averaged. Equals torch.nn.functional.cross_entropy.

    Parameters
    ----------
    logits : Tensor, (N, K) or (N, K, ...), float
    targets : integers, (N,) or (N, ...)
        Class indices; those equal to `ignore_index` count neither in the sum nor in the mean.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        Share of the target spread evenly over the classes.

    Raises
    ------
    ShapeError, DtypeError, RangeError
        For targets of another shape, one-hot or floating targets, labels outside 0 .. K - 1.
    """
    options = _class_options(reduction, ignore_index, label_smoothing)
    return apply(ops.cross_entropy, logits, targets, **options)


def _class_options(reduction: str, ignore_index: int, label_smoothing: float) -> dict[str, Any]:
    numbers = {"ignore_index": _number(ignore_index), "label_smoothing": _number(label_smoothing)}
    return {"reduction": reduction, **numbers}


def nll_loss(
    log_p: Any, targets: Any, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
) -> Tensor:
    """-log_p[target], averaged; see cross_entropy. Equals torch.nn.functional.nll_loss."""
    return apply(ops.nll_loss, log_p, targets, **_class_options(reduction, ignore_index, label_smoothing))


def binary_cross_entropy_with_logits(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """-t log s - (1 - t) log(1 - s) with s = sigmoid(x). Equals the torch function of this name."""
    return apply(ops.binary_cross_entropy_with_logits, x, target, reduction=reduction)


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(x - target)^2, averaged. Equals torch.nn.functional.mse_loss."""
    return apply(ops.mse_loss, x, target, reduction=reduction)


def l1_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|x - target|, averaged. Equals torch.nn.functional.l1_loss."""
    return apply(ops.l1_loss, x, target, reduction=reduction)


def huber_loss(x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Squared near zero, straight beyond `delta`. Equals torch.nn.functional.huber_loss."""
    return apply(ops.huber_loss, x, target, reduction=reduction, delta=_number(delta))


# -- normalisation ---------------------------------------------------------------------------------


def _scale_and_shift(weight: Any, bias: Any, shape: Sequence[int], x: Tensor) -> tuple:
    """A bias without a weight gets a weight of ones, since inputs of an op go by position."""
    if weight is None and bias is not None:
        weight = np.ones_like(x.data, shape=tuple(shape))
    return _given(weight, bias)


def layer_norm(
    x: Tensor, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over the last axes, then weight and bias. Equals the torch function."""
    x, shape = _tensor(x), _sizes("layer_norm", (normalized_shape,))
    scale = _scale_and_shift(weight, bias, shape, x)
    return apply(ops.layer_norm, x, *scale, shape=shape, eps=_number(eps))


def rms_norm(
    x: Tensor, normalized_shape: int | Sequence[int], weight: Any = None, eps: float = 1e-5
) -> Tensor:
    """x over its root mean square along the last axes, times weight. Equals torch.nn.functional.rms_norm,
    whose default eps is the dtype's machine epsilon."""
    shape = _sizes("rms_norm", (normalized_shape,))
    return apply(ops.rms_norm, x, *_given(weight), shape=shape, eps=_number(eps))


def batch_norm(
    x: Tensor,
    running_mean: np.ndarray | None,
    running_var: np.ndarray | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 for each channel. Equals torch.nn.functional.batch_norm.

    In training the batch's own statistics are used, and the running ones (plain arrays, changed in
    place) move towards them by `momentum`; the variance with n - 1, as in PyTorch. Otherwise the
    running statistics are used.
    """
    x = _tensor(x)
    require_flag("batch_norm", "training", training)
    running = [_running(x, array) for array in (running_mean, running_var) if array is not None]
    if not training:
        return _batch_norm_running(x, running, weight, bias, eps)
    scale = _scale_and_shift(weight, bias, x.shape[1:2], x)
    y, mean, variance = apply(ops.batch_norm, x, *scale, eps=_number(eps))
    if len(running) == 2:
        n = x.size // x.shape[1]
        for array, now in zip(running, (mean.data, variance.data * (n / (n - 1)))):
            ops.ema_update.forward(array, now.astype(array.dtype), momentum=momentum)
    return y


def _running(x: Tensor, array: Any) -> np.ndarray:
    """The plain array of a running statistic, which must fit the channels of x."""
    plain = array.data if isinstance(array, Tensor) else array
    if x.ndim < 2:
        raise ShapeError("batch_norm", f"x {x.shape}", "(N, C) or (N, C, ...)", "x[None] for one example")
    if not (isinstance(plain, np.ndarray) or is_on_gpu(plain)) or plain.shape != x.shape[1:2]:
        got = f"x {x.shape} and running statistics as {describe(plain)}"
        raise ShapeError("batch_norm", got, f"running statistics {x.shape[1:2]}")
    return plain


def _batch_norm_running(x: Tensor, running: list[np.ndarray], weight: Any, bias: Any, eps: float) -> Tensor:
    if len(running) < 2:
        got = "no running statistics outside training"
        raise StateError("batch_norm", got, "both of them", "training=True")
    mean, variance = running
    rstd = Tensor((1 / np.sqrt(variance + eps)).astype(x.dtype))
    scale = rstd if weight is None else mul(weight, rstd)  # (C,)
    shift = mul(scale, Tensor((-mean).astype(x.dtype)))
    shift = shift if bias is None else add(bias, shift)
    per_channel = (1, -1, *(1,) * (x.ndim - 2))
    return x * reshape(scale, per_channel) + reshape(shift, per_channel)


# -- images and signals ------------------------------------------------------------------------------


CONV = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
POOL = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}


def _spatial(where: str, defaults: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Sizes as plain ints, or pairs of them that differ, without those that are at their defaults.

    So a function of one's own in the place of `ops.conv2d` is called with the settings that the network
    uses, and needs no others.
    """
    plain = {name: _one_or_pair(where, name, value) for name, value in params.items()}
    left_out = {name for name, value in defaults.items() if value is plain.get(name)}  # 0 and False differ
    return {name: value for name, value in plain.items() if name not in left_out}


def _one_or_pair(where: str, name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if not isinstance(value, (tuple, list)):
        return _whole(where, name, value)
    values = tuple(_whole(where, name, v) for v in value)
    return values[0] if len(values) and len(set(values)) == 1 and len(values) <= 2 else values


def _whole(where: str, name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise DtypeError(where, f"{name} as {describe(value)}", "an integer, or a pair of them") from None


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide weight (O, C / groups, KH, KW) over images x (N, C, H, W), and add bias (O,).

    stride, padding and dilation are ints or pairs (rows, columns); padding may be "valid" or "same". The
    result is (N, O, places of rows, places of columns). Equals torch.nn.functional.conv2d.
    """
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return apply(ops.conv2d, x, weight, *_given(bias), **_spatial("conv2d", CONV, **settings))


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide weight (O, C / groups, K) over signals x (N, C, T). Equals torch.nn.functional.conv1d."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return apply(ops.conv1d, x, weight, *_given(bias), **_spatial("conv1d", CONV, **settings))


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Lay weight (C, O / groups, KH, KW), times each pixel of x (N, C, H, W), around where the pixel goes.

    With a stride the image grows. Equals torch.nn.functional.conv_transpose2d.
    """
    settings = {"stride": stride, "padding": padding, "output_padding": output_padding}
    settings |= {"dilation": dilation, "groups": groups}
    params = _spatial("conv_transpose2d", CONV, **settings)
    return apply(ops.conv_transpose2d, x, weight, *_given(bias), **params)


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest number in each window, the first of equal ones. Equals torch.nn.functional.max_pool2d."""
    settings = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    return apply(ops.max_pool2d, x, **_spatial("max_pool2d", POOL, **settings, ceil_mode=ceil_mode))


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window. Equals torch.nn.functional.avg_pool2d."""
    settings = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    settings |= {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return apply(ops.avg_pool2d, x, **_spatial("avg_pool2d", POOL, **settings))


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """The mean of each of `output_size` windows that cover the image evenly; 1 is the mean of all of it.

    Equals torch.nn.functional.adaptive_avg_pool2d.
    """
    return apply(ops.adaptive_avg_pool2d, x, **_spatial("adaptive_avg_pool2d", {}, output_size=output_size))


def max_pool1d(
    x: Any, kernel_size: int, stride: Any = None, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> Tensor:
    """max_pool2d of signals (N, C, T), as images with one row. Equals torch.nn.functional.max_pool1d."""
    rows = _rows("max_pool1d", kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    return _signal(max_pool2d(_image("max_pool1d", x), **rows, ceil_mode=ceil_mode))


def avg_pool1d(
    x: Any,
    kernel_size: int,
    stride: Any = None,
    padding: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """avg_pool2d of signals (N, C, T), as images with one row. Equals torch.nn.functional.avg_pool1d."""
    rows = _rows("avg_pool1d", kernel_size=kernel_size, stride=stride, padding=padding)
    flags = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return _signal(avg_pool2d(_image("avg_pool1d", x), **rows, **flags))


def _rows(where: str, **params: Any) -> dict[str, Any]:
    """Sizes along a signal as those of an image with one row."""
    found = {}
    for name, value in params.items():
        value = value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value
        across = 0 if name == "padding" else 1
        found[name] = None if value is None else (across, _whole(where, name, value))
    return found


def _image(where: str, x: Any) -> Tensor:
    x = _tensor(x)
    if x.ndim != 3:
        got = f"x {x.shape} with {x.ndim} dimension{'s' * (x.ndim != 1)}"
        raise ShapeError(where, got, "(N, C, T)", "x[None] for one signal" if x.ndim == 2 else None)
    return reshape(x, *x.shape[:2], 1, x.shape[2])


def _signal(x: Tensor) -> Tensor:
    return reshape(x, *x.shape[:2], x.shape[3])


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 for each group of channels of an example (N, C, ...).

    Equals torch.nn.functional.group_norm.
    """
    x = _tensor(x)
    scale = _scale_and_shift(weight, bias, x.shape[1:2], x)
    return apply(ops.group_norm, x, *scale, groups=_number(num_groups), eps=_number(eps))


# -- embedding and dropout -------------------------------------------------------------------------


def embedding(indices: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Rows of weight (V, D) by number: indices (...) -> (..., D). Equals torch.nn.functional.embedding.

    The row `padding_idx` gets no gradient.
    """
    if padding_idx is None:
        return apply(ops.embedding, indices, weight)
    return apply(ops.embedding, indices, weight, padding_idx=_integer("embedding", padding_idx))


def dropout(
    x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | int | None = None
) -> Tensor:
    """Set elements to 0 with probability p, scale the rest by 1 / (1 - p); x itself outside training.

    Which elements is drawn from `generator`, by default the package's own (`manual_seed`).
    Equals torch.nn.functional.dropout.
    """
    check_probability(p)
    if not training or p == 0:
        return x
    return apply(ops.dropout, x, p=_number(p), seed=int(as_generator(generator).integers(2**63)))


# -- recurrence: one layer and direction over a whole sequence ----------------------------------------
# PyTorch has these only as modules (torch.nn.RNN, GRU, LSTM); `nn` makes layers and directions out of them.


def rnn(
    x: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Any = None, reverse: bool = False, nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """h = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), step by step. Equals torch.nn.RNN of one layer.

    Parameters
    ----------
    x : Tensor, (T, N, D)
    h0 : Tensor, (N, H), or None for zeros
    weight_ih, weight_hh : Tensor, (H, D) and (H, H)
    bias_ih, bias_hh : Tensor, (H,), or both None
    lengths : N integers from 1 to T, optional
        Beyond its length a sequence has output 0 and keeps its state; what stands in x there is not read.
    reverse : bool
        Go from each sequence's last step to its first.
    nonlinearity : {"tanh", "relu"}

    Returns
    -------
    y : Tensor, (T, N, H), the state after each step
    h_n : Tensor, (N, H), the state after each sequence's last step
    """
    options = {**_recurrent_options("rnn", lengths, reverse), "nonlinearity": nonlinearity}
    h0 = _state(x, h0, weight_hh)
    return apply(ops.rnn, x, h0, weight_ih, weight_hh, *_given(bias_ih, bias_hh), **options)


def gru(
    x: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Any = None, reverse: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gated recurrent unit, weights (3H, D) and (3H, H) of r, z, n. Equals torch.nn.GRU of one layer.

    Parameters and results are those of `rnn`; the equations stand in `tinynn.ops.gru`.
    """
    options = _recurrent_options("gru", lengths, reverse)
    h0 = _state(x, h0, weight_hh)
    return apply(ops.gru, x, h0, weight_ih, weight_hh, *_given(bias_ih, bias_hh), **options)


def lstm(
    x: Any, h0: Any, c0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Any = None, reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Long short-term memory, weights (4H, D) and (4H, H) of i, f, g, o. Equals torch.nn.LSTM of one layer.

    Parameters and results are those of `rnn`, with a cell c0 (N, H) and c_n beside the state; the equations
    stand in `tinynn.ops.lstm`.
    """
    options = _recurrent_options("lstm", lengths, reverse)
    h0, c0 = _state(x, h0, weight_hh), _state(x, c0, weight_hh)
    return apply(ops.lstm, x, h0, c0, weight_ih, weight_hh, *_given(bias_ih, bias_hh), **options)


def _recurrent_options(where: str, lengths: Any, reverse: bool) -> dict[str, Any]:
    require_flag(where, "reverse", reverse, "reverse=True")
    options: dict[str, Any] = {"reverse": True} if reverse else {}
    return options if lengths is None else {**options, "lengths": plain_array(lengths)}


def _state(x: Any, given: Any, weight_hh: Any) -> Any:
    """A state that is given, or zeros (N, H)."""
    if given is not None:
        return given
    x, weight = _tensor(x), _tensor(weight_hh)
    return np.zeros((*x.shape[1:2], *weight.shape[1:2]), weight.dtype, like=weight.data)


def rnn_cell(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    nonlinearity: str = "tanh",
) -> Tensor:  # fmt: skip
    """One step of `rnn`: x (N, D), h (N, H) -> h (N, H). Equals torch.rnn_tanh_cell, torch.rnn_relu_cell."""
    require_choice("rnn_cell", "nonlinearity", nonlinearity, ("tanh", "relu"))
    a = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    return tanh(a) if nonlinearity == "tanh" else relu(a)


def gru_cell(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None
) -> Tensor:
    """One step of `gru`: x (N, D), h (N, H) -> h (N, H). Equals torch.gru_cell."""
    r_x, z_x, n_x = _blocks(linear(x, weight_ih, bias_ih), 3)
    r_h, z_h, n_h = _blocks(linear(h, weight_hh, bias_hh), 3)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    n = tanh(n_x + r * n_h)
    return n + z * (_tensor(h) - n)


def lstm_cell(
    x: Any, hx: tuple, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None
) -> tuple[Tensor, Tensor]:
    """One step of `lstm`: x (N, D), hx = (h, c), (N, H) each -> (h, c). Equals torch.lstm_cell."""
    h, c = hx
    i, f, g, o = _blocks(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh), 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _blocks(x: Tensor, count: int) -> list[Tensor]:
    """`count` equal parts along the last axis."""
    n = x.shape[-1] // count
    return [x[..., k * n : (k + 1) * n] for k in range(count)]


# -- attention -------------------------------------------------------------------------------------


def scaled_dot_product_attention(
    q: Any,
    k: Any,
    v: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    generator: np.random.Generator | int | None = None,
) -> Tensor:
    """softmax(scale q k^T + mask) v: q (N, H, T, E), k (N, H, S, E), v (N, H, S, Ev) -> (N, H, T, Ev).

    Parameters
    ----------
    attn_mask : bool or float, broadcastable to (N, H, T, S)
        True where a query may look (MultiheadAttention's masks say the contrary); floats are added to
        the scores. A query that may look at nothing gets 0.
    dropout_p : float
        Share of the weights that is dropped, in training and out of it: pass 0.0 in evaluation.
    is_causal : bool
        Query i looks at keys 0 .. i only.
    scale : float, by default 1 / sqrt(E)
    enable_gqa : bool
        k and v may have fewer heads than q, each for several of them.

    Equals torch.nn.functional.scaled_dot_product_attention, which refuses a mask with is_causal.
    """
    check_probability(dropout_p)
    for name, flag in (("is_causal", is_causal), ("enable_gqa", enable_gqa)):
        require_flag("scaled_dot_product_attention", name, flag, f"{name}=True")
    options: dict[str, Any] = {"is_causal": is_causal, "scale": _number(scale), "enable_gqa": enable_gqa}
    if dropout_p:
        options |= {"dropout_p": _number(dropout_p), "seed": int(as_generator(generator).integers(2**63))}
    return apply(ops.scaled_dot_product_attention, q, k, v, *_given(attn_mask), **options)


def rotary(x: Any, offset: int = 0, base: float = 10000.0) -> Tensor:
    """Turn queries or keys (..., T, E) by angles that grow with their position, offset + 0, 1, ..., T - 1.

    Elements e and e + E/2 are a pair, as in most released models. PyTorch has no function for it.
    """
    return apply(ops.rotary, x, offset=_number(offset), base=_number(base))


METHODS = (
    add, sub, mul, div, pow, neg, exp, log, sqrt, abs, clip, maximum,
    relu, leaky_relu, sigmoid, tanh, gelu, silu, softplus, softmax, log_softmax, matmul,
    sum, mean, max, var, argmax, reshape, flatten, permute, transpose, broadcast_to,
)  # fmt: skip
for _function in METHODS:
    setattr(Tensor, _function.__name__, _function)
