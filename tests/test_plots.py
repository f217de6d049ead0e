"""The course's pictures: each one drawn, with its words, readable on light and on dark pages."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from tinynn.course import plots

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((14, 8, 8)), np.arange(14) % 10
PREDICTED = np.where(np.arange(14) == 3, 8, LABELS)
LOSSES = 2.3 * np.exp(-np.arange(60) / 20)
W = RNG.normal(size=(8, 8))

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
@pytest.mark.parametrize("name", ["BLUE", "RED", "GREEN", "GREY"])
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
