"""Pooling layers: one number for each window of an image or a signal."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..tensor import Tensor
from .conv import sizes
from .module import Module


class _Pool(Module):
    """What the layers share: a window and its stride. Sizes stay as they were given, as in PyTorch."""

    axes = 2

    def __init__(self, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool) -> None:
        super().__init__()
        where = type(self).__name__
        sizes(where, "kernel_size", kernel_size, 1, self.axes)
        sizes(where, "padding", padding, 0, self.axes)
        if stride is not None:
            sizes(where, "stride", stride, 1, self.axes)
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        sizes(type(self).__name__, "dilation", dilation, 1, self.axes)
        self.dilation = dilation

    def _settings(self) -> tuple:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def _settings(self) -> tuple:
        return self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad


class MaxPool2d(_MaxPool):
    """The largest number in each window: (N, C, H, W) -> (N, C, H', W'). Equals torch.nn.MaxPool2d.

    Parameters
    ----------
    kernel_size : int or (rows, columns)
    stride : int or pair, optional
        The size of the window if not given, so that windows touch and do not overlap.
    padding : int or pair
        At most half of the window; what is added never wins.
    dilation : int or pair
    ceil_mode : bool
        Whether a last window may hang over the edge.
    """

    def forward(self, x: Any) -> Tensor:
        return F.max_pool2d(x, *self._settings())


class MaxPool1d(_MaxPool):
    """The largest number in each window of a signal: (N, C, T) -> (N, C, T'). Equals torch.nn.MaxPool1d."""

    axes = 1

    def forward(self, x: Any) -> Tensor:
        return F.max_pool1d(x, *self._settings())


class AvgPool2d(_AvgPool):
    """The mean of each window: (N, C, H, W) -> (N, C, H', W'). Equals torch.nn.AvgPool2d.

    Parameters as for `MaxPool2d`; with `count_include_pad` padding counts as zeros, without it the mean is
    over the real pixels.
    """

    def forward(self, x: Any) -> Tensor:
        return F.avg_pool2d(x, *self._settings())


class AvgPool1d(_AvgPool):
    """The mean of each window of a signal: (N, C, T) -> (N, C, T'). Equals torch.nn.AvgPool1d."""

    axes = 1

    def forward(self, x: Any) -> Tensor:
        return F.avg_pool1d(x, *self._settings())


class AdaptiveAvgPool2d(Module):
    """The means of `output_size` windows that cover the image evenly; 1 is the mean of all of it.

    (N, C, H, W) -> (N, C, *output_size). Equals torch.nn.AdaptiveAvgPool2d.
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        sizes("AdaptiveAvgPool2d", "output_size", output_size, 1, 2)
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return F.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
