"""Convolution layers. Initial values are PyTorch's defaults."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F
from ..errors import ArgumentError
from ..ops.conv_specs import whole_numbers
from ..tensor import Tensor
from . import init
from .checks import whole
from .module import Module
from .parameter import empty

Sizes = tuple[int, ...]


def sizes(where: str, name: str, value: Any, low: int, axes: int) -> Sizes:
    """`value` as one int for each axis of the image."""
    return whole_numbers(where, name, tuple(value) if isinstance(value, list) else value, low, axes)


class _Convolution(Module):
    """What the layers share: their settings, a weight and a bias."""

    axes = 2
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        where, n = type(self).__name__, self.axes
        self.in_channels = whole(where, "in_channels", in_channels)
        self.out_channels = whole(where, "out_channels", out_channels)
        self.groups = whole(where, "groups", groups)
        self.kernel_size = sizes(where, "kernel_size", kernel_size, 1, n)
        self.stride = sizes(where, "stride", stride, 1, n)
        self.dilation = sizes(where, "dilation", dilation, 1, n)
        self.padding = self._padding(padding)
        for channels, what in ((self.in_channels, "in_channels"), (self.out_channels, "out_channels")):
            if channels % groups:
                got = f"groups={groups} for {what}={channels}"
                raise ArgumentError(where, got, f"groups that divide {channels}", "groups=1")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = empty(first, second // groups, *self.kernel_size)
        self.bias = empty(out_channels) if bias else None
        self.reset_parameters()

    def _padding(self, padding: Any) -> Sizes | str:
        where = type(self).__name__
        if not isinstance(padding, str) or self.transposed:
            return sizes(where, "padding", padding, 0, self.axes)
        if padding not in ("same", "valid"):
            expected = "an integer, 'same' or 'valid'"
            raise ArgumentError(where, f"padding={padding!r}", expected, "padding='same'")
        if padding == "same" and max(self.stride) > 1:
            expected = "stride 1, as places are to be as many as pixels"
            raise ArgumentError(where, f"padding='same' with stride={self.stride}", expected, "stride=1")
        return padding

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        text += f", padding={self.padding!r}" if any(self.padding) else ""
        text += f", dilation={self.dilation}" if max(self.dilation) > 1 else ""
        text += f", groups={self.groups}" if self.groups > 1 else ""
        return text + (", bias=False" if self.bias is None else "")


class Conv2d(_Convolution):
    """Slides small weights over images: (N, in, H, W) -> (N, out, H', W'). Equals torch.nn.Conv2d.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (rows, columns)
    stride : int or pair
        How far it moves between two places.
    padding : int, pair, "same" or "valid"
        Zeros around the image. "same" keeps its height and width, "valid" adds none.
    dilation : int or pair
        Distance between the pixels that neighbouring taps of the kernel meet.
    groups : int
        The channels in so many parts that know nothing of each other; in_channels makes it depthwise.
    bias : bool

    Attributes
    ----------
    weight : Parameter, (out_channels, in_channels / groups, rows, columns)
        Drawn, like the bias, uniformly from -1/sqrt(fan_in) to 1/sqrt(fan_in), where fan_in counts the
        numbers that one output is made of.
    bias : Parameter, (out_channels,), or None

    Examples
    --------
    >>> Conv2d(1, 8, 3, padding=1)(np.zeros((5, 1, 28, 28), np.float32)).shape
    (5, 8, 28, 28)
    """

    def forward(self, x: Any) -> Tensor:
        settings = self.stride, self.padding, self.dilation, self.groups
        return F.conv2d(x, self.weight, self.bias, *settings)


class Conv1d(_Convolution):
    """Slides small weights over signals: (N, in, T) -> (N, out, T'). Equals torch.nn.Conv1d.

    Parameters and attributes as for `Conv2d`, with one number instead of a pair.
    """

    axes = 1

    def forward(self, x: Any) -> Tensor:
        settings = self.stride, self.padding, self.dilation, self.groups
        return F.conv1d(x, self.weight, self.bias, *settings)


class ConvTranspose2d(_Convolution):
    """Lays small weights around every pixel: with a stride the image grows. Equals torch.nn.ConvTranspose2d.

    H' = (H - 1) stride - 2 padding + dilation (rows - 1) + output_padding + 1. Parameters as for `Conv2d`,
    and `output_padding`: rows and columns added below and right.

    Attributes
    ----------
    weight : Parameter, (in_channels, out_channels / groups, rows, columns)
    bias : Parameter, (out_channels,), or None
    """

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        self.output_padding = sizes("ConvTranspose2d", "output_padding", output_padding, 0, 2)

    def forward(self, x: Any) -> Tensor:
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return F.conv_transpose2d(x, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        more = f", output_padding={self.output_padding}" if any(self.output_padding) else ""
        return super().extra_repr() + more
