"""Chapter 01's data, its broken function and its own pictures; its exercises are in `exercises/ch01`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, optim, tensor
from ..data import rings
from .descend import descend
from .plots import BLUE, GREEN, GREY, INK, RED, Picture, draw_surface, style, surface_in_words
from .plots.given import number
from .start import seen_and_new, threes_and_eights

BOXES = {"upper left": (slice(2, 4), slice(1, 3)), "lower left": (slice(4, 6), slice(1, 3))}
COLOURS = dict(zip(BOXES, (GREEN, RED)))
NAMES = ["3", "8"]
STARTS = 5  # random starts of a small network: many of them get stuck

# -- data ------------------------------------------------------------------------------------------------


def inks(images: np.ndarray) -> np.ndarray:
    """The mean ink in the two boxes, (N, 2), of images (N, 8, 8)."""
    return np.stack([images[:, rows, columns].mean(axis=(1, 2)) for rows, columns in BOXES.values()], axis=1)


def two_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Of the 3s and 8s to look at: the ink in two boxes (N, 2), and 0 for a 3 or 1 for an 8 (N,)."""
    images, is_eight = threes_and_eights(seen_and_new()[0])
    return inks(images).astype(float), is_eight.astype(int)


def two_rings() -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) on two rings, and the ring of each (N,): 0 the inner, 1 the outer one."""
    points, ring = rings(240, noise=0.09, seed=0)
    return points, ring


# -- a neuron --------------------------------------------------------------------------------------------


def boxes(images: Sequence[np.ndarray], labels: Sequence[int]) -> Picture:
    """Digits with the two boxes framed, and the ink in each."""
    picture, values = Picture(9, 2.5), inks(np.asarray(images))
    for ax, image, label, ink in zip(picture.subplots(1, len(images)), images, labels, values, strict=True):
        ax.imshow(image, cmap=INK, vmin=0, vmax=1)
        _frame_boxes(ax)
        ax.set_title(
            f"{'an' if label else 'a'} {NAMES[label]}", loc="left", fontsize=11, fontweight="bold", color=GREY
        )
        ax.set_xlabel(f"$x_1$ = {ink[0]:.2f}\n$x_2$ = {ink[1]:.2f}", fontsize=10, color=GREY)
    each = [
        f"{'an' if label else 'a'} {NAMES[label]} with {a:.2f} and {b:.2f}"
        for label, (a, b) in zip(labels, values)
    ]
    picture.alt = (
        f"{len(images)} digits with two boxes, the upper one in rows 2 and 3, the lower one in rows 4 and 5, "
        f"both in columns 1 and 2. The mean ink in the two, x1 and x2: {'; '.join(each)}."
    )
    return picture


def _frame_boxes(ax: Any) -> None:
    from matplotlib.patches import Rectangle

    for i, (name, (rows, columns)) in enumerate(BOXES.items()):
        corner = (columns.start - 0.5, rows.start - 0.5)
        size = columns.stop - columns.start, rows.stop - rows.start
        pattern = "-" if i == 0 else "--"
        ax.add_patch(
            Rectangle(corner, *size, fill=False, edgecolor=COLOURS[name], linewidth=2.4, linestyle=pattern)
        )
        ax.text(-0.7, rows.start + 0.5, f"$x_{i + 1}$", ha="right", va="center", color=COLOURS[name])
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color(GREY)


def one_neuron(x: Sequence[float], w: Sequence[float], b: float) -> Picture:
    """A neuron as a drawing: inputs, a weight on each line, the sum with the bias, the score."""
    picture = Picture(7, 2.3)
    ax = picture.add_subplot()
    ax.set(xlim=(0, 10), ylim=(0, 3))
    ax.set_axis_off()
    y = float(np.dot(x, w) + b)
    _circle(ax, (5.4, 1.5), "add up")
    for i, (height, value, weight) in enumerate(zip((2.5, 1.5), x, w)):
        _circle(ax, (1.2, height), f"$x_{i + 1}$ = {number(value)}", BLUE)
        _arrow(ax, (1.9, height), (4.75, 1.5 + 0.3 * (0.5 - i)), f"times $w_{i + 1}$ = {number(weight)}")
    _circle(ax, (1.2, 0.4), "1", GREY)
    _arrow(ax, (1.9, 0.4), (4.75, 1.2), f"times b = {number(b)}")
    _arrow(ax, (6.1, 1.5), (8.0, 1.5), "")
    _circle(ax, (8.7, 1.5), f"y = {number(y)}", RED)
    terms = " + ".join(f"{number(a)} times {number(c)}" for a, c in zip(x, w))
    picture.alt = (
        "A neuron: two inputs, each times its weight, and a bias, added up: "
        f"{terms} + {number(b)} makes {number(y)}."
    )
    return picture


def _circle(ax: Any, at: tuple[float, float], text: str, colour: str = GREY) -> None:
    box = {"boxstyle": "round,pad=0.4", "facecolor": "none", "edgecolor": colour, "linewidth": 1.6}
    ax.text(*at, text, ha="center", va="center", color=GREY, fontsize=10, bbox=box)


def _arrow(ax: Any, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.12)
    slope = np.degrees(np.arctan2(end[1] - start[1], end[0] - start[0]))
    ax.text(*middle, text, ha="center", va="bottom", color=GREY, fontsize=9, rotation=slope,
            rotation_mode="anchor", transform_rotates_text=True)  # fmt: skip


def border(x: np.ndarray, y: np.ndarray, w1: float, w2: float, b: float) -> Picture:
    """What a neuron of two inputs says about every place, and how many of the digits it gets right."""

    def score(points: np.ndarray) -> np.ndarray:
        return points @ np.array([w1, w2]) + b  # (M, 2) @ (2,) + a number -> (M,)

    right = np.mean((score(x) > 0) == y)
    title = f"y = {number(w1)} x1 + {number(w2)} x2 + {number(b)}: {right:.1%} right".replace("+ −", "− ")
    picture = Picture(5.6, 4.6)
    ax = picture.add_subplot()
    draw_surface(ax, score, x, y, title, NAMES)
    ax.set_xlabel("$x_1$, ink in the upper box")
    ax.set_ylabel("$x_2$, ink in the lower box")
    picture.alt = surface_in_words(score, x, y, title, NAMES)
    return picture


# -- broken on purpose -----------------------------------------------------------------------------------


def share_of_right_answers(y, labels):
    """The share of scores y (N, 1) on the right side of 0; labels (N,) are 0 or 1."""
    said = y > 0
    return np.mean(said == labels)


SPELLINGS: Mapping[str, Callable] = {
    "x @ w.T + b": lambda x, w, b: x @ w.T + b,
    "x @ w + b": lambda x, w, b: x @ w + b,
    "w @ x + b": lambda x, w, b: w @ x + b,
    "w @ x.T + b": lambda x, w, b: w @ x.T + b,
    "x @ w.T + b[:, None]": lambda x, w, b: x @ w.T + b[:, None],
}


def spelt(examples: int, inputs: int, outputs: int) -> dict[str, str]:
    """What NumPy makes of each spelling of a layer with these sizes."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(examples, inputs)), rng.normal(size=(outputs, inputs))
    b = rng.normal(size=outputs)
    return {text: _outcome(spelling, x, w, b) for text, spelling in SPELLINGS.items()}


def _outcome(spelling: Callable, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> str:
    try:
        y = spelling(x, w, b)
    except ValueError:
        return "refused"
    right = x @ w.T + b
    same = np.isclose(y, right).sum() if y.shape == right.shape else 0
    return f"runs, {same} of {right.size} numbers right"


# -- bends -----------------------------------------------------------------------------------------------

CURVES: Mapping[str, tuple[Callable, Callable]] = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
    "leaky relu, a = 0.1": (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1)),
}


def activations() -> Picture:
    """The usual activations, each with its slope below it."""
    picture, x = Picture(9, 3.2), np.linspace(-4, 4, 401)
    for ax, (name, (curve, slope)) in zip(picture.subplots(1, len(CURVES), sharey=True), CURVES.items()):
        style(ax, name, "x")
        ax.plot(x, curve(x), color=BLUE, linewidth=2, label="y")
        steep = np.where(np.abs(x) < 1e-9, np.nan, slope(x)) if "relu" in name else slope(x)
        ax.plot(x, steep, "--", color=RED, linewidth=1.6, label="slope")
        ax.set(ylim=(-1.2, 2.2), xticks=[-4, 0, 4])
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="upper left")
    said = [
        f"{name}, y from {number(curve(-4.0))} to {number(curve(4.0))}, slope {number(slope(-4.0))}, "
        f"{number(slope(0.1))} and {number(slope(4.0))} at −4, 0.1 and 4"
        for name, (curve, slope) in CURVES.items()
    ]
    picture.alt = f"Activations from −4 to 4 and their slopes, dashed: {'; '.join(said)}."
    return picture


def network(hidden: int, bent: bool, seed: int) -> nn.Sequential:
    """Two affine layers, with a relu between them if `bent`; one layer if `hidden` is 0."""
    manual_seed(seed)
    if not hidden:
        return nn.Sequential(nn.Linear(2, 2))
    bend = [nn.ReLU()] if bent else []
    return nn.Sequential(nn.Linear(2, hidden), *bend, nn.Linear(hidden, 2))


def trained(hidden: int, bent: bool = True, starts: int = STARTS, steps: int = 200) -> nn.Sequential:
    """The best of several networks that were trained on the rings from different random starts."""
    x, labels = two_rings()
    best, lowest = network(hidden, bent, 0), np.inf
    for seed in range(starts):
        model = network(hidden, bent, seed)
        optimiser = optim.Adam(model.parameters(), lr=0.05)
        for _ in range(steps):
            loss = F.cross_entropy(model(tensor(x)), labels)
            value = descend(loss, optimiser)
        if value < lowest:
            best, lowest = model, value
    return best


def right_of(model: nn.Sequential) -> float:
    """The share of the points on the rings that a network puts on the right ring."""
    x, labels = two_rings()
    return float(np.mean(model(tensor(x)).data.argmax(axis=1) == labels))


def ring_points() -> Picture:
    """The points alone, an own mark for each ring."""
    x, labels = two_rings()
    picture, colours = Picture(4, 3.6), (BLUE, RED)
    ax = style(picture.add_subplot(), "", "$x_1$", "$x_2$")
    for ring, (name, mark) in enumerate((("inner", "o"), ("outer", "^"))):
        ax.plot(*x[labels == ring].T, mark, color=colours[ring], markersize=5, label=name)
    ax.set_aspect("equal")
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, 1.12))
    sizes = [np.linalg.norm(x[labels == ring], axis=1).mean() for ring in (0, 1)]
    picture.alt = (
        f"{len(x)} points on two rings around the origin: the inner one, circles, about {sizes[0]:.1f} away; "
        f"the outer one, triangles, about {sizes[1]:.1f}."
    )
    return picture


def fences(models: Mapping[str, nn.Sequential], lines: bool = False) -> Picture:
    """The rings and what each network says about the plane; with `lines`, where its hidden neurons bend."""
    x, labels = two_rings()
    picture, said = Picture(4.6 * len(models), 4.3), []
    for ax, (name, model) in zip(picture.subplots(1, len(models), squeeze=False)[0], models.items()):
        title = f"{name}: {right_of(model):.0%} right"
        score = _scores(model)
        draw_surface(ax, score, x, labels, title, ["inner", "outer"])
        if lines:
            _draw_bends(ax, model[0])
        said.append(surface_in_words(score, x, labels, title, ["inner", "outer"]))
    picture.alt = " ".join(said) + (" Dashed lines show where each hidden neuron bends." if lines else "")
    return picture


def _scores(model: nn.Sequential) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: model(tensor(points)).data


def _draw_bends(ax: Any, layer: Any) -> None:
    """For each neuron of the layer the line on which its score is 0."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    across, up = np.linspace(left, right, 80), np.linspace(low, high, 80)
    grid = np.stack(np.meshgrid(across, up), axis=-1)  # (80, 80, 2)
    for w, b in zip(layer.weight.data, layer.bias.data):
        ax.contour(across, up, grid @ w + b, [0], colors=GREY, linestyles="--", linewidths=1)
