"""Chapter 05: networks to start well, batches, a ravine to cross; exercises: `exercises.ch05`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import functional as F
from .. import nn, optim, tensor
from ..data import digits
from ..tensor import Tensor
from .engine.verdict import Verdict
from .plots import GREY, RUNS, Picture, contour_paths, style
from .prediction import Prediction, predict_first

DEEP = (64, *[64] * 8, 10)  # nine layers

Draw = Callable[[int, int, int], Any]


def batch(n: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """The first n digits: (n, 64) and (n,)."""
    data = digits()
    return data.x[:n].reshape(n, 64), data.y[:n]


# -- initialisation --------------------------------------------------------------------------------------


def network(sizes: tuple[int, ...], draw: Draw | None = None) -> nn.Sequential:
    """Linear layers with ReLU between them.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, hidden units, outputs.
    draw : callable, optional
        ``draw(fan_in, fan_out, seed)`` gives each layer's weights, and biases start at 0. Without it layers
        start as `nn.Linear` does.
    """
    layers: list[nn.Module] = []
    for seed, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
        layer = nn.Linear(fan_in, fan_out)
        if draw is not None:
            layer.weight.data[...] = draw(fan_in, fan_out, seed)
            nn.init.zeros_(layer.bias)  # type: ignore[type-var]
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def he_weights(fan_in: int, fan_out: int, seed: int) -> np.ndarray:
    """The library's own answer to exercise 05.3."""
    return nn.init.kaiming_normal_(Tensor(np.empty((fan_out, fan_in))), generator=seed).data


def values_by_layer(std: float, depth: int = 10, width: int = 256) -> list[np.ndarray]:
    """What each of `depth` layers puts out, (width, width); `std` is the weights' standard deviation."""
    rng = np.random.default_rng(0)
    x, found = rng.normal(size=(width, width)), []
    for _ in range(depth):
        w = rng.normal(0, std, size=(width, width))
        x = np.maximum(x @ w.T, 0)
        found.append(x)
    return found


# -- batches ---------------------------------------------------------------------------------------------


def degrees_off(model: nn.Module, x: np.ndarray, y: np.ndarray, size: int, draws: int = 20) -> float:
    """The angle between the gradient of all examples and that of `size` of them, over several draws."""
    rng, whole = np.random.default_rng(0), _gradient(model, x, y)
    cosines = []
    for _ in range(draws):
        rows = rng.choice(len(x), size, replace=False)
        g = _gradient(model, x[rows], y[rows])
        cosines.append(g @ whole / np.linalg.norm(g) / np.linalg.norm(whole))
    return float(np.degrees(np.arccos(min(1.0, np.mean(cosines)))))


def _gradient(model: nn.Module, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """All gradients in one row."""
    model.zero_grad()
    F.cross_entropy(model(tensor(x)), y).backward()
    return np.concatenate([p.grad.data.ravel() for p in model.parameters()])  # type: ignore[union-attr]


def batch_table(rows: dict[int, tuple[int, float, float]], prediction: Prediction) -> Verdict:
    """Batch size, steps, degrees off and loss; hidden until the prediction is made."""
    if prediction.guess is None:
        return predict_first()
    said = [
        f"Batches of {size}: {steps} steps, each about {off:.0f} degrees off, loss {loss:.2f} at the end."
        for size, (steps, loss, off) in rows.items()
    ]
    return Verdict("said", " ".join(said), "Three epochs of 1500 digits")


# -- the ravine ------------------------------------------------------------------------------------------


class Ravine:
    """A valley 100 times as steep across as along, turned by an angle.

    Parameters
    ----------
    degrees : float
        0: the valley lies along the first parameter.
    """

    def __init__(self, degrees: float = 0, steep: float = 100) -> None:
        t = np.deg2rad(degrees)
        turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        self.curvature = turn @ np.diag([1.0, steep]) @ turn.T
        self.begin = turn @ np.array([-4.0, 1.0])

    def __call__(self, a: Any, b: Any) -> Any:
        """The height: half of p times curvature times p."""
        (aa, ab), (_, bb) = self.curvature
        return 0.5 * (aa * a * a + 2 * ab * a * b + bb * b * b)

    def gradient(self, p: np.ndarray) -> np.ndarray:
        return self.curvature @ p


def path(ravine: Ravine, make: Callable[[list], optim.Optimizer], steps: int = 300) -> np.ndarray:
    """The places (steps + 1, 2) that an optimiser goes through."""
    p = nn.Parameter(ravine.begin.copy())
    optimiser, places = make([p]), [p.data.copy()]
    for _ in range(steps):
        p.grad = Tensor(ravine.gradient(p.data))
        optimiser.step()
        places.append(p.data.copy())
    return np.array(places)


def arrival(ravine: Ravine, places: np.ndarray, height: float = 0.01) -> int | None:
    """After how many steps a path stays below `height`; None if it does not get there."""
    above = np.flatnonzero(ravine(*places.T) > height)
    if not len(above):
        return 0
    return int(above[-1]) + 1 if above[-1] + 1 < len(places) else None


def crossing(ravine: Ravine, makers: dict[str, Callable[[list], optim.Optimizer]], title: str) -> Picture:
    """The ways of several optimisers, and below them the steps that each needs."""
    ways = {name: path(ravine, make) for name, make in makers.items()}
    places = np.concatenate(list(ways.values()))
    low, high = np.round(places.min(axis=0) - 0.3, 1), np.round(places.max(axis=0) + 0.3, 1)
    picture = contour_paths(ravine, ways, (low[0], high[0]), (low[1], high[1]), title)
    steps = ", ".join(f"{name} {arrival(ravine, way)}" for name, way in ways.items())
    picture.axes[0].set_xlabel(f"steps to the floor: {steps}")
    picture.alt += f" Steps to the floor: {steps}."
    return picture


# -- schedules -------------------------------------------------------------------------------------------


def noisy_bowl(rates: Sequence[float]) -> list[float]:
    """The loss before and after each step in a bowl whose gradients carry noise, as those of batches do."""
    rng, p = np.random.default_rng(0), np.ones(200)
    found = [float(np.mean(p * p) / 2)]
    for lr in rates:
        p = p - lr * (p + rng.normal(size=200))  # p is the gradient, and the noise is as large as it
        found.append(float(np.mean(p * p) / 2))
    return found


def schedule_picture(rates: dict[str, Sequence[float]]) -> Picture:
    """Learning rates by step, and beside them the losses that they lead to in the `noisy_bowl`."""
    picture = Picture(9, 3)
    left, right = picture.subplots(1, 2)
    found = {name: noisy_bowl(y) for name, y in rates.items()}
    style(left, "Learning rate", "step", "rate")
    style(right, "Loss", "step", "loss").set_yscale("log")
    for ax, curves in ((left, rates), (right, found)):
        for (name, y), colour, pattern in zip(curves.items(), RUNS, ("-", "--")):
            ax.plot(np.arange(len(y)), y, pattern, color=colour, linewidth=2, label=name)
    left.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0))
    picture.alt = "Learning rates, and the losses that they lead to where gradients carry noise. " + " ".join(
        f"{name}: rate {y[0]:.3g} at first, {max(y):.3g} at most, {y[-1]:.3g} at the end; "
        f"loss {found[name][-1]:.2g} at the end."
        for name, y in rates.items()
    )
    return picture
