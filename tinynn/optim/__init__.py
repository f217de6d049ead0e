"""Optimisers: how parameters move once gradients are there.

    optimizer = Adam(model.parameters(), lr=1e-3)
    for x, y in batches:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

The arithmetic of a step is in `ops.update`, one op for each optimiser.
"""

from ..nn.utils import clip_grad_norm_
from .algorithms import SGD, Adam, AdamW, RMSprop
from .lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, OneCycleLR, StepLR, WarmupCosine
from .optimizer import Optimizer

__all__ = [
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "LRScheduler",
    "LinearLR",
    "OneCycleLR",
    "Optimizer",
    "RMSprop",
    "SGD",
    "StepLR",
    "WarmupCosine",
    "clip_grad_norm_",
]
