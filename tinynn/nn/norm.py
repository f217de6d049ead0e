"""Normalisation layers: mean and spread taken away, then a learned scale and shift."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ShapeError
from ..gpu.arrays import to_host
from ..tensor import Tensor
from .checks import number, whole
from .module import Module
from .parameter import Parameter, as_tensor


def _ones(*shape: int) -> Parameter:
    return Parameter(np.ones(shape, np.float32))


def _zeros(*shape: int) -> Parameter:
    return Parameter(np.zeros(shape, np.float32))


class _LastAxes(Module):
    """What LayerNorm and RMSNorm share: a weight of the shape that is normalised."""

    eps: float | None

    def __init__(self, normalized_shape: Any, elementwise_affine: bool) -> None:
        super().__init__()
        where = type(self).__name__
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        self.normalized_shape = tuple(whole(where, "normalized_shape", n) for n in sizes)
        if not self.normalized_shape:
            raise ShapeError(where, "normalized_shape ()", "at least one size", "normalized_shape=128")
        self.weight = _ones(*self.normalized_shape) if elementwise_affine else None

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class LayerNorm(_LastAxes):
    """Mean 0 and variance 1 over the last axes, then weight and bias. Equals torch.nn.LayerNorm.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        Sizes of the axes that are normalised, the last ones.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether there are a weight (ones at first) and a bias (zeros), both of `normalized_shape`.
    bias : bool

    Notes
    -----
    Source: Ba, Kiros and Hinton, Layer normalization, 2016.
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__(normalized_shape, elementwise_affine)
        self.eps: float = number("LayerNorm", "eps", eps, hint="eps=1e-5")
        self.bias = _zeros(*self.normalized_shape) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        return F.layer_norm(as_tensor(x), self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(_LastAxes):
    """x over its root mean square along the last axes, times weight. Equals torch.nn.RMSNorm.

    Parameters
    ----------
    normalized_shape : int or tuple of int
    eps : float, optional
        Added to the mean square; by default the machine epsilon of x's dtype.
    elementwise_affine : bool

    Notes
    -----
    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.
    """

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        super().__init__(normalized_shape, elementwise_affine)
        self.eps = None if eps is None else number("RMSNorm", "eps", eps, hint="eps=1e-5")

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        eps = self.eps if self.eps is not None else _machine_epsilon(x.dtype)
        return F.rms_norm(x, self.normalized_shape, self.weight, eps)


def _machine_epsilon(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


class BatchNorm1d(Module):
    """Mean 0 and variance 1 for each channel, then weight and bias. Equals torch.nn.BatchNorm1d.

    In training with the statistics of the batch, in evaluation with running averages of them.

    Parameters
    ----------
    num_features : int
        C of an input (N, C) or (N, C, T).
    eps : float
        Added to the variance.
    momentum : float, 0 to 1, or None
        Share of the batch in a running average; None averages over all batches so far.
    affine : bool
        Whether there are a weight (ones at first) and a bias (zeros), both (C,).
    track_running_stats : bool
        False uses the batch's statistics in evaluation too.

    Attributes
    ----------
    running_mean, running_var : ndarray, (C,), or None
    num_batches_tracked : ndarray of int64, (), or None

    Notes
    -----
    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """

    shapes = {2: "(N, C)", 3: "(N, C, T)"}

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        self.num_features = whole(where, "num_features", num_features)
        self.eps = number(where, "eps", eps, hint="eps=1e-5")
        self.momentum = momentum
        if momentum is not None:
            self.momentum = number(where, "momentum", momentum, 0, np.nextafter(1, 2), hint="momentum=0.1")
        self.weight = _ones(num_features) if affine else None
        self.bias = _zeros(num_features) if affine else None
        track = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, np.float32) if track else None)
        self.register_buffer("running_var", np.ones(num_features, np.float32) if track else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if track else None)

    running_mean: np.ndarray | None
    running_var: np.ndarray | None
    num_batches_tracked: np.ndarray | None

    def _fit(self, x: Tensor) -> None:
        where = type(self).__name__
        if x.ndim not in self.shapes:
            hint = "nn.BatchNorm2d" if x.ndim == 4 else "nn.BatchNorm1d" if x.ndim == 2 else "x[None]"
            raise ShapeError(where, f"x {x.shape}", f"x {' or '.join(self.shapes.values())}", hint)
        if x.shape[1] != self.num_features:
            hint = f"nn.{where}({x.shape[1]})"
            raise ShapeError(
                where, f"x {x.shape}, {x.shape[1]} channels", f"{self.num_features} channels", hint
            )

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        self._fit(x)
        use_batch = self.training or self.running_mean is None
        y = F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, use_batch, self._share(), self.eps
        )
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
        return y

    def _share(self) -> float:
        """How much of the running averages this batch makes up."""
        if self.momentum is not None:
            return self.momentum
        if self.num_batches_tracked is None:
            return 0.0
        return 1 / (int(to_host(self.num_batches_tracked)) + 1)

    def extra_repr(self) -> str:
        settings = f"eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}"
        return f"{self.num_features}, {settings}, track_running_stats={self.running_mean is not None}"


class BatchNorm2d(BatchNorm1d):
    """Mean 0 and variance 1 for each channel of images (N, C, H, W). Equals torch.nn.BatchNorm2d."""

    shapes = {4: "(N, C, H, W)"}


class GroupNorm(Module):
    """Mean 0 and variance 1 for each group of channels of an example, then weight and bias.

    Equals torch.nn.GroupNorm.

    Parameters
    ----------
    num_groups : int
        Divides num_channels. 1 normalises an example as a whole, num_channels each channel by itself.
    num_channels : int
        C of an input (N, C, ...).
    eps : float
        Added to the variance.
    affine : bool
        Whether there are a weight (ones at first) and a bias (zeros), both (C,).

    Notes
    -----
    Source: Wu and He, Group normalization, 2018.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.num_groups = whole("GroupNorm", "num_groups", num_groups)
        self.num_channels = whole("GroupNorm", "num_channels", num_channels)
        if self.num_channels % self.num_groups:
            got = f"{num_channels} channels in {num_groups} groups"
            fitting = max(n for n in range(1, min(num_groups, num_channels) + 1) if num_channels % n == 0)
            hint = f"num_groups={fitting}"
            raise ShapeError("GroupNorm", got, "groups of equally many channels", hint)
        self.eps = number("GroupNorm", "eps", eps, hint="eps=1e-5")
        self.weight = _ones(num_channels) if affine else None
        self.bias = _zeros(num_channels) if affine else None

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            expected = f"(N, {self.num_channels}, ...)"
            hint = f"nn.GroupNorm(1, {x.shape[1]})" if x.ndim > 1 and x.shape[1] else None
            raise ShapeError("GroupNorm", f"x {x.shape}", expected, hint)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = self.weight is not None
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={affine}"
