"""The course's pictures: each one drawn, with its words, readable on light and on dark pages."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

import tinynn
from tinynn import nn, tensor
from tinynn.course import plots
from tinynn.course.plots.layout import layout
from tinynn.errors import DtypeError, ShapeError, StateError, TinynnError

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((14, 8, 8)), np.arange(14) % 10
PREDICTED = np.where(np.arange(14) == 3, 8, LABELS)
LOSSES = 2.3 * np.exp(-np.arange(60) / 20)
W = RNG.normal(size=(8, 8))
W /= W.std()

POINTS = RNG.normal(size=(60, 2))
SIDES = (POINTS[:, 0] > 0).astype(int)
LAYERS = {"first": RNG.normal(size=(8, 5)), "relu": np.maximum(RNG.normal(size=(8, 5)), 0)}
RUN = {"training": LOSSES, "validation": ([20, 40, 60], [2.0, 1.0, 1.5])}
ATTENTION = np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None]


def three_ways(p):
    """Scores of three classes: left, right, above."""
    return np.stack([-p[:, 0], p[:, 0], 2 * p[:, 1]], axis=1)


def bowl(a, b):
    return a**2 + 4 * b**2


def downhill(steps, lr=0.1):
    path = [np.array([2.0, 1.0])]
    for _ in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            path.append(path[-1] - lr * np.array([2, 8]) * path[-1])
    return np.array(path)


def scalars():
    a, b, c = (tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    return (a * b + c).relu(), {"a": a, "b": b, "c": c}


def network():
    tinynn.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    return nn.CrossEntropyLoss()(model(tensor(np.ones((5, 4), np.float32))), np.zeros(5, int)), model


def chain(length):
    x = y = tensor(1.0, requires_grad=True)
    for _ in range(length):
        y = y + x
    return y


PICTURES = {
    "grid": (lambda: plots.image_grid(IMAGES), ["14 images of 8 x 8 pixels"]),
    "grid, empty": (lambda: plots.image_grid(IMAGES[:0], LABELS[:0], PREDICTED[:0]), ["0 images", "0 wrong"]),
    "grid, labels": (lambda: plots.image_grid(IMAGES[:2], LABELS[:2], title="T"), ["T. 2 images", "0, 1"]),
    "grid, predicted": (
        lambda: plots.image_grid(IMAGES, LABELS, PREDICTED),
        ["13 right, 1 wrong", "8 instead of 3"],
    ),
    "loss": (lambda: plots.loss_curve(LOSSES), ["60 training steps", "2.30 at the first"]),
    "loss, none yet": (lambda: plots.loss_curve([]), ["nothing is trained yet"]),
    "loss, not finite": (lambda: plots.loss_curve([1.0, np.nan, np.inf]), ["3 training steps"]),
    "learning": (
        lambda: plots.learning(LOSSES, 100, IMAGES, LABELS, PREDICTED, 0.93),
        ["60 training steps", "1 wrong", "93%"],
    ),
    "runs": (
        lambda: plots.runs({"a": [0.1, 0.9], "b": [0.1, 0.2]}, "T", "percent", 0.1),
        ["a 10% to 90%", "b 10% to 20%"],
    ),
    "weights": (lambda: plots.weights(W, up="8", down="3"), ["64 weights", "for 8", "for 3"]),
    "weights, all zero": (lambda: plots.weights(np.zeros((8, 8))), ["64 weights"]),
    "examples": (
        lambda: plots.examples_needed([2, 4, 8], [[0.5, 0.6], [0.7, 0.8]], 0.65, W, "8", "3"),
        ["55 after 2, 75 after 4", "your rule 65"],
    ),
    "surface, margin": (
        lambda: plots.decision_surface(lambda p: 5 * p[:, 0], POINTS, SIDES, "T"),
        ["T. The plane", "60 of them lie where their class is", "circles", "triangles"],
    ),
    "surface, upside down": (
        lambda: plots.decision_surface(lambda p: -5 * p[:, 0], POINTS, SIDES),
        ["0 of them lie where their class is"],
    ),
    "surface, three classes": (
        lambda: plots.decision_surface(three_ways, POINTS, SIDES, names=["ants", "bees", "cats"]),
        ["class ants takes", "class cats takes"],
    ),
    "surface, tensors and NaN": (
        lambda: plots.decision_surface(lambda p: tensor(np.full(len(p), np.nan)), POINTS, SIDES),
        ["on 100% the scores are not finite"],
    ),
    "surface, no points": (
        lambda: plots.decision_surface(lambda p: p[:, 0], np.zeros((0, 2)), []),
        ["class 0 takes 50%, class 1 takes 50%", "There are no points"],
    ),
    "surface, one place": (
        lambda: plots.decision_surface(lambda p: p[:, :1], [[1, 1], [1, 1]], [0, 1]),
        ["2 points", "1 of them lie"],
    ),
    "histograms": (
        lambda: plots.layer_histograms(LAYERS, saturated=(-1, 1)),
        ["2 layers", f"relu: 40 values from 0 to {LAYERS['relu'].max():.3g}", "saturated"],
    ),
    "histograms of gradients": (
        lambda: plots.layer_histograms({"w": [1.0, 0, 0, 0]}, gradient=True),
        ["gradients in 1 layer", "75% zeros"],
    ),
    "histograms, broken": (
        lambda: plots.layer_histograms({"a": [np.nan, np.inf, 1.0], "b": [], "c": [np.nan]}),
        ["a: 1 value from", "2 NaN or infinite", "b: 0 values, empty", "c: 0 values, 1 NaN"],
    ),
    "histograms, none": (lambda: plots.layer_histograms({}), ["No layers"]),
    "depth": (
        lambda: plots.activations_by_depth({"steady": [W, -W], "vanishing": [W, W / 100, 0 * W, np.nan * W]}),
        ["steady: 2 layers, 1 in layer 1, 1 in layer 2", "0.01 in layer 2, none in layer 3, 4"],
    ),
    "depth, nothing": (
        lambda: plots.activations_by_depth({"a": [[]], "b": []}), ["a: 1 layer, none in layer 1"]),
    "losses": (
        lambda: plots.losses({"A": RUN, "B": {"training": (np.arange(30, 60), LOSSES[30:])}},
                             marks={"A": [(30, "lr 0.01")]}),
        ["Run A: training loss 2.3 at step 1", "lowest 1 at step 40", "lr 0.01 at step 30",
         "0.513 at step 30"],
    ),
    "losses, none": (lambda: plots.losses({}), ["no run has begun"]),
    "losses, no step yet": (lambda: plots.losses({"A": {"training": []}}), ["without a finite value"]),
    "losses, NaN, logarithmic": (
        lambda: plots.losses({"A": {"training": [2.0, 1.0, np.nan, np.inf]}}, log=True),
        ["1 at step 2", "2 values NaN or infinite from step 3"],
    ),
    "worst": (
        lambda: plots.worst_mistakes(IMAGES, LABELS, PREDICTED, np.full(14, 0.9)),
        ["1 wrong", "8 instead of 3, 90% sure"],
    ),
    "worst, surest first": (
        lambda: plots.worst_mistakes(
            5 * IMAGES[:, None] - 2, LABELS, LABELS + 1, np.arange(14) / 14, most=2),
        ["14 wrong", "the 2 that", "4 instead of 3, 93% sure, 3 instead of 2, 86% sure"],
    ),
    "worst, none": (
        lambda: plots.worst_mistakes(IMAGES, LABELS, LABELS, np.ones(14)), ["None of the images"]),
    "norms": (
        lambda: plots.layer_norms({"a": 1.0, "b": 0.001, "c": 0.0, "d": np.nan}),
        ["a 1, b 0.001, c 0, d NaN", "1e+03 times the smallest"],
    ),
    "norms, none": (lambda: plots.layer_norms({}), ["0 layers"]),
    "confusion": (
        lambda: plots.confusion_matrix([0, 1, 2, 2, 2], [0, 1, 1, 1, 2], ["ant", "bee", "cat"]),
        ["3 of 5 right", "cat 1 of 3", "bee instead of cat, 2 times"],
    ),
    "confusion, none": (lambda: plots.confusion_matrix([], []), ["No examples"]),
    "attention": (
        lambda: plots.attention_map(ATTENTION, list("abcd"), title="T"),
        ["4 tokens to 4, 1 head", "a to a 1, b to a 0.5", "nothing looks ahead"],
    ),
    "attention, heads": (
        lambda: plots.attention_map(np.full((5, 2, 12), 1 / 12)), ["2 tokens to 12, 5 heads", "Head 4"]),
    "paths": (
        lambda: plots.contour_paths(bowl, {"SGD": downhill(9), "wild": downhill(9999, 0.3)},
                                    (-3, 3), (-2, 2)),
        ["near (−0.038, −0.0253)", "in 9 steps to (0.268, 5.12e−07), height 0.0721", "steps NaN or infinite"],
    ),
    "paths, a function of numbers": (
        lambda: plots.contour_paths(lambda a, b: 1.0 if a > b else float("nan"), {}, (0, 1), (0, 1)),
        ["lowest of them 1 near"],
    ),
    "filters": (
        lambda: plots.filters(np.arange(-16, 16).reshape(2, 16), (4, 4)),
        ["2 units as images of 4 x 4", "from −16 to 15, 47% positive", "largest in unit 0, 8.5"],
    ),
    "filters, NaN": (
        lambda: plots.filters(np.full((3, 1, 2, 2), np.nan)), ["none of them is a finite number"]),
    "graph": (
        lambda: plots.graph(*scalars(), values=True, gradients=True),
        ["3 ops, 3 leaves", "v1 = mul(a, b) = 6, v2 = add(v1, c) = 2", "a 3, b 2"],
    ),
    "graph of a network": (
        lambda: plots.graph(*network()), ["v1 (5, 3) = linear(x1, 0.weight, 0.bias)", "L = cross_entropy("]),
    "graph of a network, values": (
        lambda: plots.graph(*network(), values=True, gradients=True),
        ["2.bias [", "v1 = linear", "(5, 3), "],
    ),
    "graph, long": (
        lambda: plots.graph(chain(90), values=True), ["90 ops", "only the last 58 ops are drawn"]),
}  # fmt: skip


@pytest.mark.parametrize("draw, words", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_drawn_and_says_what_it_shows(draw, words):
    picture = draw()
    assert isinstance(picture, plots.Picture)
    assert picture.png().startswith(b"\x89PNG")
    for part in words:
        assert part in picture.alt
    data, about = picture.bundle()
    assert about["image/png"]["alt"] == data["text/plain"] == picture.alt


def test_the_words_change_with_the_picture():
    better = plots.learning(LOSSES[:50], 100, IMAGES, LABELS, LABELS, 1.0)
    assert "50 training steps" in better.alt and "0 wrong" in better.alt


def test_the_saved_image_is_see_through():
    from io import BytesIO

    import matplotlib.image

    pixels = matplotlib.image.imread(BytesIO(plots.loss_curve(LOSSES).png()))
    assert pixels.shape[2] == 4 and pixels[0, 0, 3] == 0


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, as in the Web Content Accessibility Guidelines (W3C, 2018)."""
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
@pytest.mark.parametrize("name", ["BLUE", "RED", "GREEN", "PURPLE", "AMBER", "SKY", "GREY"])
def test_every_colour_reads_on_light_and_dark_pages(name, page):
    low, high = sorted([luminance(getattr(plots, name)), luminance(page)])
    assert (high + 0.05) / (low + 0.05) >= (4 if name == "GREY" else 3)


def test_running_mean_is_the_mean_of_the_last_few():
    y = RNG.random(40)
    slow = [y[max(0, i - 24) : i + 1].mean() for i in range(40)]
    np.testing.assert_allclose(plots.running_mean(y), slow)


def test_words_are_escaped():
    assert "<b>" not in plots.in_words("<b>x")


def test_pictures_do_without_pyplot():
    code = "import tinynn.course.plots, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# -- what cannot be drawn ----------------------------------------------------------------------------------

REFUSED = {
    "points of three numbers": (
        lambda: plots.decision_surface(len, np.ones((4, 3)), SIDES[:4]), ShapeError, r"Try: x\[:, :2\]"),
    "labels of another length": (
        lambda: plots.decision_surface(len, POINTS, [0, 1]), ShapeError, "one label for each"),
    "labels below 0": (lambda: plots.decision_surface(len, POINTS[:1], [-1]), ShapeError, "counted from 0"),
    "labels with a fraction": (
        lambda: plots.decision_surface(len, POINTS[:1], [0.5]), DtypeError, "whole numbers"),
    "scores of one point": (
        lambda: plots.decision_surface(lambda p: p[0], POINTS, SIDES), ShapeError, "a row for each point"),
    "steps and values": (
        lambda: plots.losses({"A": {"training": ([1, 2], [3.0])}}), ShapeError, "of one length"),
    "words for a loss": (lambda: plots.losses({"A": {"training": ["high"]}}), DtypeError, "numbers"),
    "images in colour": (
        lambda: plots.worst_mistakes(np.ones((2, 3, 4, 4)), [0, 1], [1, 0], [1, 1]), ShapeError, "(N, H, W)"),
    "attention of a batch": (lambda: plots.attention_map(np.ones((2, 3, 4, 4))), ShapeError, "of a batch"),
    "too few tokens": (lambda: plots.attention_map(np.ones((3, 3)), ["a"]), TinynnError, "1 of them"),
    "a path of three numbers": (
        lambda: plots.contour_paths(bowl, {"SGD": np.ones((4, 3))}, (0, 1), (0, 1)), ShapeError,
        "two parameters",
    ),
    "kernels of many channels": (
        lambda: plots.filters(np.ones((4, 3, 5, 5))), ShapeError, r"weights\[:, 0\]"),
    "a graph of no tensor": (lambda: plots.graph(1.0), DtypeError, "a tensor"),
    "a graph of a leaf": (lambda: plots.graph(tensor(1.0)), StateError, "without history"),
    "gradients of many numbers": (
        lambda: plots.graph(tensor([1.0, 2.0], requires_grad=True) * 2, gradients=True), ShapeError,
        "a single number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("draw, error, words", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_refused_with_what_would_do(draw, error, words):
    with pytest.raises(error, match=words):
        draw()


# -- what is drawn -----------------------------------------------------------------------------------------


def axes():
    return plots.Picture(4, 3).add_subplot()


def test_the_plane_is_coloured_by_the_class_that_wins_and_more_where_it_is_surer():
    ax = axes()
    plots.draw_surface(ax, lambda p: 4 * p[:, 0], POINTS, SIDES)
    image = np.asarray(ax.images[0].get_array())  # (rows, columns, 4), the lowest row first
    left, right = image[:, :20], image[:, -20:]
    assert left[..., 2].mean() > left[..., 0].mean() and right[..., 0].mean() > right[..., 2].mean()
    middle = image.shape[1] * -ax.get_xlim()[0] / np.ptp(ax.get_xlim())
    assert image[0, 0, 3] > image[0, int(middle) - 3, 3]
    assert {line.get_marker() for line in ax.lines} == {"o", "^"}


def test_each_class_has_its_own_marker_and_hatching():
    from tinynn.course.plots.surface import _stripes

    assert len(set(plots.CLASS_MARKERS)) == 10 and plots.MARKER_NAMES.keys() == set(plots.CLASS_MARKERS)
    patterns = {_stripes(np.full((24, 24), k)).tobytes() for k in range(len(plots.CLASSES))}
    assert len(patterns) == len(plots.CLASSES)


def test_a_negative_weight_is_striped_and_a_positive_one_is_not():
    ax = axes()
    plots.draw_filters(ax, np.array([[[1.0, -1.0]]]))
    alpha = np.asarray(ax.images[0].get_array())[:6, :, 3]
    assert len(np.unique(alpha[:, :6])) == 1 and len(np.unique(alpha[:, 6:12])) == 2


def test_training_is_solid_and_validation_dashed_in_the_colour_of_the_run():
    ax = axes()
    plots.draw_losses(ax, {"A": RUN, "B": RUN})
    dashed = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert [line.get_color() for line in dashed] == list(plots.RUNS[:2])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["A", "B", "training", "validation"]


def test_zeros_are_left_out_of_a_layers_shape():
    few, many = axes(), axes()
    values = np.linspace(0.1, 1, 50)
    plots.draw_histograms(few, {"a": values})
    plots.draw_histograms(many, {"a": np.concatenate([values, np.zeros(1000)]), "b": [0.1, 1]})
    tops = [np.median(ax.patches[0].get_data().values) for ax in (few, many)]
    assert max(tops) < -0.3  # 1000 zeros would press all other bars flat


def test_a_graph_leaves_gradients_and_tape_as_they_are():
    loss, names = scalars()
    plots.graph(loss, names, gradients=True)
    assert names["a"].grad is None
    loss.backward()
    assert names["a"].grad.item() == 3


# -- where the boxes of a graph go -------------------------------------------------------------------------


@st.composite
def graphs(draw):
    """Sizes of boxes, and edges that lead from earlier boxes to later ones; every box has one."""
    count = draw(st.integers(2, 14))
    sizes = [(draw(st.floats(0.3, 3)), draw(st.floats(0.3, 3))) for _ in range(count)]
    edges = [(draw(st.integers(0, i - 1)), i) for i in range(1, count)]
    more = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=10))
    return sizes, edges + [(a, b) for a, b in more if a < b]


@given(graphs())
def test_boxes_do_not_overlap_and_edges_lead_on(graph):
    sizes, edges = graph
    placed = layout(sizes, edges, gap=0.4, between=0.2)
    for i, ((x, y), (width, height)) in enumerate(zip(placed.place, sizes)):
        assert -1e-9 <= y - height / 2 and y + height / 2 <= placed.breadth + 1e-9
        for (u, v), (wide, high) in zip(placed.place[:i], sizes[:i]):
            assert abs(x - u) >= (width + wide) / 2 - 1e-9 or abs(y - v) >= (height + high) / 2 + 0.2 - 1e-9
    for (a, b), route in zip(edges, placed.routes):
        assert route[0] == placed.place[a] and route[-1] == placed.place[b]
        assert all(later[0] > sooner[0] for sooner, later in zip(route, route[1:]))


def test_a_chain_is_straight_and_its_leaves_stand_before_what_they_feed():
    #   0 1 2 -> 3 -> 4; 5 6 and 4 -> 7
    edges = [(0, 3), (1, 3), (2, 3), (3, 4), (5, 7), (6, 7), (4, 7)]
    placed = layout([(1, 0.5)] * 8, edges, 0.5, 0.2).place
    assert placed[3][1] == pytest.approx(placed[4][1], abs=0.1)
    assert placed[4][1] == pytest.approx(placed[7][1], abs=0.1)
    assert placed[5][0] == placed[6][0] == placed[4][0] < placed[7][0]


def test_a_crossing_that_need_not_be_is_taken_out():
    place = layout([(1, 1)] * 4, [(0, 3), (1, 2)], 1, 1).place
    assert (place[0][1] - place[1][1]) * (place[3][1] - place[2][1]) > 0


def test_an_edge_past_other_boxes_goes_around_them():
    edges = [(0, 1), (1, 2), (2, 3), (0, 3)]
    placed = layout([(1, 1)] * 4, edges, 0.5, 0.2)
    _, *past, _ = placed.routes[3]
    assert [x for x, _ in past] == [placed.place[1][0], placed.place[2][0]]
    assert all(abs(y - placed.place[box][1]) >= 0.5 for (_, y), box in zip(past, (1, 2)))
