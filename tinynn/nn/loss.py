"""Losses as modules: ``loss = nn.CrossEntropyLoss()(logits, targets)``. Options go by keyword."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..ops.specs import require_reduction
from ..tensor import Tensor
from .checks import number
from .module import Module


class _Loss(Module):
    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        require_reduction(type(self).__name__, reduction)
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """-log softmax(logits)[target], averaged. Equals torch.nn.CrossEntropyLoss without class weights.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    ignore_index : int
        Targets equal to it count neither in the sum nor in the mean.
    label_smoothing : float, 0 to below 1
        Share of the target spread evenly over the classes.
    """

    def __init__(
        self, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction=reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = number(
            "CrossEntropyLoss", "label_smoothing", label_smoothing, 0, 1, hint="label_smoothing=0.1"
        )

    def forward(self, logits: Any, targets: Any) -> Tensor:
        """logits (N, K, ...) and class indices (N, ...) -> a number, or (N, ...) with reduction "none"."""
        return F.cross_entropy(logits, targets, self.reduction, self.ignore_index, self.label_smoothing)


class NLLLoss(_Loss):
    """-log_p[target], averaged: cross-entropy for a net that ends in LogSoftmax. Equals torch.nn.NLLLoss."""

    def __init__(self, *, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, log_p: Any, targets: Any) -> Tensor:
        return F.nll_loss(log_p, targets, self.reduction, self.ignore_index)


class BCEWithLogitsLoss(_Loss):
    """Cross-entropy of a yes-or-no question, from logits. Equals torch.nn.BCEWithLogitsLoss."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, target, self.reduction)


class MSELoss(_Loss):
    """(x - target)^2, averaged. Equals torch.nn.MSELoss."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return F.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """|x - target|, averaged. Equals torch.nn.L1Loss."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return F.l1_loss(x, target, self.reduction)


class HuberLoss(_Loss):
    """Squared near zero, straight beyond `delta`. Equals torch.nn.HuberLoss."""

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = number("HuberLoss", "delta", delta, 1e-30, hint="delta=1.0")

    def forward(self, x: Any, target: Any) -> Tensor:
        return F.huber_loss(x, target, self.reduction, self.delta)
