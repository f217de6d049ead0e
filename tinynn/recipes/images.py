"""Recipes for images, and for points in the plane: examples (N, ...) with a class each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import nn
from ..data import Batches, Compose, Dataset, Rotate, Shift, Split, train_val_test_split
from ..train import evaluate
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ImageRecipe(Recipe):
    """Classes of images. `shift` pixels and `rotate` degrees are how far training images are moved."""

    data: Callable[[], Dataset]
    network: Callable[[], nn.Module]
    label_smoothing: float = 0.0
    shift: int = 0
    rotate: float = 0.0
    held_out: float = 0.25
    grey_levels: int | None = None  # white in images given as whole numbers
    deal: int = 0  # the seed of the split

    def split(self) -> Split:
        """A tenth to watch, `held_out` to test on, the rest to train on; the same for every seed."""
        x, y = self.data()
        return train_val_test_split(x, y, val=0.1, test=self.held_out, seed=self.deal)

    def model(self) -> nn.Module:
        return self.network()

    def loss(self) -> nn.CrossEntropyLoss:
        return nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)

    def batches(self, part: Dataset, batch_size: int) -> Batches:
        moves = [Shift(self.shift)] * (self.shift > 0) + [Rotate(self.rotate)] * (self.rotate > 0)
        return Batches(*part, batch_size=batch_size, transform=Compose(*moves) if moves else None)

    def watched(self, part: Dataset) -> Dataset:
        return part

    def measure(self, model: nn.Module, part: Dataset) -> float:
        accuracy = evaluate(model, part, self.loss()).accuracy
        assert accuracy is not None
        return accuracy


def mlp(*sizes: int, dropout: float = 0.0) -> nn.Sequential:
    """Flatten, then Linear, ReLU and Dropout for each hidden size, then Linear."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width_in, width_out in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(width_in, width_out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))
