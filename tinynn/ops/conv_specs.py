"""What convolutions accept, and the words that explain what they do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from .op import Out, Spec, describe
from .specs import require_float, require_same_dtype, size

Pair = tuple[int, int]
LAYOUT = {1: "(N, C, T)", 2: "(N, C, H, W)"}
ONE = {1: "x[None] for one signal", 2: "x[None] for one image"}
NAMES = {1: ("length",), 2: ("height", "width")}


def pair(value: Any) -> Pair:
    """An int for both axes, or the two of a pair."""
    return (value[0], value[1]) if isinstance(value, tuple) else (value, value)


def whole_numbers(where: str, name: str, value: Any, low: int, axes: int = 2) -> tuple[int, ...]:
    """`value` as one int for each axis, each at least `low`."""
    values = value if isinstance(value, tuple) else (value,) * axes
    hint = f"{name}={max(low, 1) if name != 'padding' else 1}"
    if any(isinstance(v, bool) or not isinstance(v, (int, np.integer)) for v in values):
        expected = "an integer" if axes == 1 else "an integer, or a pair of them (rows, columns)"
        raise DtypeError(where, f"{name} as {describe(value)}", expected, hint)
    if len(values) != axes:
        got, expected = f"{name}={value} with {len(values)} numbers", f"{axes}, for {LAYOUT[axes]}"
        raise ArgumentError(where, got, expected, hint)
    if any(v < low for v in values):
        raise ArgumentError(where, f"{name}={value}", f"{low} or more", hint)
    return tuple(int(v) for v in values)


def same_padding(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple:
    """Zeros before, and before and after together, that make as many places as pixels."""
    total = tuple(d * (k - 1) for k, d in zip(kernel, dilation))
    return tuple(t // 2 for t in total), total


def require_image(where: str, x: Any, axes: int = 2) -> None:
    if len(x.shape) != axes + 2:
        got = f"x {x.shape} with {len(x.shape)} dimension{'s' * (len(x.shape) != 1)}"
        hint = ONE[axes] if len(x.shape) == axes + 1 else None
        raise ShapeError(where, got, LAYOUT[axes], hint)


def _require_weight(where: str, weight: Any, axes: int, first: str, second: str) -> None:
    layout = f"({first}, {second}, {', '.join(('KH', 'KW')[:axes] if axes == 2 else 'K')})"
    if len(weight.shape) != axes + 2:
        raise ShapeError(where, f"weight {weight.shape}", f"weight {layout}")
    if 0 in weight.shape[1:]:
        raise ShapeError(where, f"weight {weight.shape}", f"weight {layout} without a size of 0")


def _require_bias(where: str, bias: Any, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise ShapeError(where, f"bias {bias.shape} for {channels} output channels", f"bias ({channels},)")


def _require_groups(where: str, groups: Any, channels: int, what: str) -> None:
    whole_numbers(where, "groups", groups, 1, 1)
    if channels % groups:
        got, expected = f"groups={groups} for {channels} {what}", f"groups that divide {channels}"
        raise ArgumentError(where, got, expected, "groups=1")


def _channels_hint(x: Any, wanted: int, axes: int) -> str | None:
    """Channels last, where they come first here."""
    if x.shape[-1] != wanted:
        return None
    return "x.transpose(0, 2, 1)" if axes == 1 else "x.permute(0, 3, 1, 2), as the channels come first"


def _conv_spec(where: str, axes: int, x: Any, weight: Any, bias: Any, params: tuple) -> Spec:
    stride, padding, dilation, groups = params
    dtype = require_float(where, require_same_dtype(where, x=x, weight=weight, bias=bias))
    require_image(where, x, axes)
    _require_weight(where, weight, axes, "O", "C / groups")
    _require_groups(where, groups, weight.shape[0], "output channels")
    _require_bias(where, bias, weight.shape[0])
    _require_channels(where, x, weight, groups, axes)
    s, d = (
        whole_numbers(where, name, value, 1, axes)
        for name, value in (("stride", stride), ("dilation", dilation))
    )
    total = _total_padding(where, padding, weight.shape[2:], s, d, axes)
    places = _places(where, x.shape[2:], weight.shape[2:], s, d, total, axes)
    shape = (x.shape[0], weight.shape[0], *places)
    return Spec(Out(shape, dtype), (2 * size(weight.shape[1:]) + (bias is not None)) * size(shape))


def _require_channels(where: str, x: Any, weight: Any, groups: int, axes: int) -> None:
    wanted = weight.shape[1] * groups
    if x.shape[1] == wanted:
        return
    got = f"x {x.shape}, {x.shape[1]} channels, and weight {weight.shape}"
    got += f" with groups={groups}" if groups > 1 else ""
    hint = _channels_hint(x, wanted, axes)
    if hint is None and x.shape[1] and x.shape[1] % weight.shape[1] == 0 and groups == 1:
        several = x.shape[1] // weight.shape[1]
        hint = f"groups={several}" if weight.shape[0] % several == 0 else None
    if hint is None:
        hint = f"nn.Conv{axes}d({x.shape[1]}, {weight.shape[0]}, {weight.shape[2]})"
    raise ShapeError(where, got, f"x with {wanted} channels, {LAYOUT[axes].replace('C', str(wanted))}", hint)


def _total_padding(
    where: str, padding: Any, kernel: tuple, stride: tuple, dilation: tuple, axes: int
) -> tuple:
    """Zeros on both sides together, for each axis."""
    if not isinstance(padding, str):
        return tuple(2 * p for p in whole_numbers(where, "padding", padding, 0, axes))
    if padding not in ("same", "valid"):
        raise ArgumentError(where, f"padding={padding!r}", "an integer, 'same' or 'valid'", "padding='same'")
    if padding == "same" and max(stride) > 1:
        got, hint = (
            f"padding='same' with stride={max(stride)}",
            f"padding={dilation[0] * (kernel[0] - 1) // 2}",
        )
        raise ArgumentError(where, got, "stride 1, as places are to be as many as pixels", hint)
    return same_padding(kernel, dilation)[1] if padding == "same" else (0,) * axes


def _places(
    where: str, image: tuple, kernel: tuple, stride: tuple, dilation: tuple, total: tuple, axes: int
) -> tuple:
    for name, n, k, d, t in zip(NAMES[axes], image, kernel, dilation, total):
        reach = d * (k - 1) + 1
        if reach > n + t:
            got = (
                f"{name} {n}"
                + (f" with padding {n + t}" if t else "")
                + f" and a kernel that reaches over {reach}"
            )
            hint = f"padding={-(-(reach - n) // 2)}, or a smaller kernel"
            raise ShapeError(where, got, "an image at least as large as the kernel", hint)
    return tuple(
        (n + t - d * (k - 1) - 1) // s + 1 for n, k, s, d, t in zip(image, kernel, stride, dilation, total)
    )


def conv2d_spec(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Spec:
    return _conv_spec("conv2d", 2, x, weight, bias, (stride, padding, dilation, groups))


def conv1d_spec(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Spec:
    return _conv_spec("conv1d", 1, x, weight, bias, (stride, padding, dilation, groups))


def conv_transpose2d_spec(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Spec:
    where = "conv_transpose2d"
    dtype = require_float(where, require_same_dtype(where, x=x, weight=weight, bias=bias))
    require_image(where, x)
    _require_weight(where, weight, 2, "C", "O / groups")
    _require_groups(where, groups, weight.shape[0], "input channels")
    if x.shape[1] != weight.shape[0]:
        hint = _channels_hint(x, weight.shape[0], 2)
        hint = hint or f"nn.ConvTranspose2d({x.shape[1]}, {weight.shape[1] * groups}, {weight.shape[2]})"
        got = f"x {x.shape}, {x.shape[1]} channels, and weight {weight.shape}"
        raise ShapeError(where, got, f"x with {weight.shape[0]} channels, (N, {weight.shape[0]}, H, W)", hint)
    channels = weight.shape[1] * groups
    _require_bias(where, bias, channels)
    s, d = (whole_numbers(where, n, v, 1) for n, v in (("stride", stride), ("dilation", dilation)))
    p, o = (
        whole_numbers(where, n, v, 0) for n, v in (("padding", padding), ("output_padding", output_padding))
    )
    _require_output_padding(where, output_padding, o, s, d)
    sizes = zip(x.shape[2:], s, p, d, weight.shape[2:], o)
    places = tuple((n - 1) * r - 2 * b + e * (k - 1) + a + 1 for n, r, b, e, k, a in sizes)
    if min(places) < 1 or 0 in x.shape[2:]:
        got = f"x {x.shape}, weight {weight.shape} and padding={padding}, which leave an image {places}"
        raise ShapeError(where, got, "at least one pixel", "padding=0")
    flops = 2 * size(weight.shape[1:]) * size(x.shape) + (bias is not None) * x.shape[0] * channels * size(
        places
    )
    return Spec(Out((x.shape[0], channels, *places), dtype), flops)


def _require_output_padding(where: str, given: Any, o: tuple, stride: tuple, dilation: tuple) -> None:
    if any(a >= max(s, d) for a, s, d in zip(o, stride, dilation)):
        got, expected = f"output_padding={given}", "less than stride or dilation"
        raise ArgumentError(where, got, expected, "output_padding=0")
