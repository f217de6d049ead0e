"""Chapter 07 at full length: the recipe's network of convolutions on real digits, beside layers without any.

1000 digits are held out, the same for all; none was chosen by. Those who are tested on shuffled pixels learn
without moved images, since moving means nothing there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...data import Dataset, mnist, train_val_test_split
from ...nn import Module
from ...recipes import RECIPES
from ...recipes.images import ImageRecipe
from ...recipes.recipe import Run
from ..convolution import moved, said, share_right, shuffled

MOVED = range(9)
SHUFFLED_EPOCHS = 8


def run() -> dict[str, Any]:
    """Figures by name: accuracy, the first layer's filters, what it is wrong about, shifts and shuffles."""
    cnn, mlp = (recipe(name) for name in ("mnist-cnn", "mnist-mlp"))
    test = cnn.split().test
    networks = {name: trained(which) for name, which in (("cnn", cnn), ("mlp", mlp))}
    results: dict[str, Any] = {f"{name}_right": right(network, test) for name, network in networks.items()}
    for name, network in networks.items():
        results[f"{name}_moved"] = [right(network, Dataset(moved(test.x, d), test.y)) for d in MOVED]
    for name, which in (("cnn", cnn), ("mlp", mlp)):
        results[f"{name}_plain"], results[f"{name}_shuffled"] = plain_and_shuffled(which)
    first = next(networks["cnn"].parameters())
    return (
        results | {"filters": np.round(first.data[:, 0].astype(float), 3).tolist()} | worst(networks["cnn"])
    )


def recipe(name: str, **other: Any) -> ImageRecipe:
    """The recipe, with the fifth held out that the digit CNN is tested on."""
    found = RECIPES[name]
    assert isinstance(found, ImageRecipe)
    return replace(found, held_out=0.2, deal=1, **other)


def trained(which: ImageRecipe, epochs: int | None = None) -> Module:
    """The recipe's network after its training, with seed 0."""
    run = Run(which, which.usual | {"epochs": epochs or which.epochs})
    run.train(None, progress=True)
    return run.parts["model"].eval()


def plain_and_shuffled(which: ImageRecipe) -> tuple[float, float]:
    """The share right of a network that learns images as they are, and of one that learns them shuffled."""
    found = []
    for change in (np.asarray, shuffled):
        digits = mnist()
        changed = change(digits.x), digits.y
        other = replace(which, data=partial(Dataset, *changed, digits.names), shift=0, rotate=0)
        found.append(right(trained(other, SHUFFLED_EPOCHS), other.split().test))
    return found[0], found[1]


def right(network: Module, part: Dataset) -> float:
    return share_right(network, part.x, part.y)


def worst(network: Module) -> dict[str, list]:
    """The held-out digits that it is wrong about, the surest first: number in `mnist()`, said, how sure."""
    x, y = mnist()
    numbers = train_val_test_split(np.arange(len(y)), y, val=0.1, test=0.2, seed=1).test.x
    named, sure = said(network, x[numbers])
    wrong = np.flatnonzero(named != y[numbers])
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    return {
        "wrong": numbers[wrong].tolist(),
        "wrong_said": named[wrong].tolist(),
        "wrong_sure": np.round(sure[wrong].astype(float), 3).tolist(),
    }
