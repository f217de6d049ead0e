"""Labelling by hand: images one by one, ten buttons, and how well two sets of labels agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plots import SCREEN_DPI, Picture, draw_images, image_grid
from ..plots.images import grid_in_words
from ..views import with_view

OPEN = -1
WORDS = ((0.0, "slight"), (0.2, "fair"), (0.4, "moderate"), (0.6, "substantial"), (0.8, "almost perfect"))


def in_words(kappa: float) -> str:
    """What J. R. Landis and G. G. Koch (1977) call an agreement of this size."""
    if kappa < 0:
        return "poor"
    return [word for least, word in WORDS if kappa >= least][-1]


def nearest_vote(x: np.ndarray, y: np.ndarray, rows: np.ndarray, k: int = 3) -> np.ndarray:
    """The label that most of the k nearest other rows have, for each of `rows`: what stands in for a hand."""
    apart = ((x[rows, None] - x[None]) ** 2).sum(axis=2)  # (rows, N)
    apart[np.arange(len(rows)), rows] = np.inf
    nearest = y[np.argsort(apart, axis=1, kind="stable")[:, :k]]  # (rows, k)
    return np.array([np.bincount(labels, minlength=10).argmax() for labels in nearest])


class ByHand:
    """Images to be labelled, one after the other; the last line of a cell shows them.

    Parameters
    ----------
    images : (n, 8, 8)
    stand_in : int (n,)
        Labels that count as long as none was given by hand.

    Attributes
    ----------
    given : int (n,)
        The labels given by hand, -1 where there is none yet.
    """

    def __init__(self, images: Any, stand_in: Any) -> None:
        self.images, self._stand_in = np.asarray(images), np.asarray(stand_in)
        self.given = np.full(len(self.images), OPEN)
        self._panel: _Panel | None = None

    @property
    def labels(self) -> np.ndarray:
        """The labels by hand, the stand-in's where there is none."""
        return np.where(self.given == OPEN, self._stand_in, self.given)

    @property
    def done(self) -> int:
        """How many have been labelled by hand."""
        return int((self.given != OPEN).sum())

    def press(self, digit: int) -> None:
        """Label the image that is shown, and show the next."""
        if self.done < len(self.given):
            self.given[self.done] = digit
        self._show()

    def back(self) -> None:
        """Take the latest label back."""
        if self.done:
            self.given[self.done - 1] = OPEN
        self._show()

    def whose(self) -> str:
        """Whose labels they are, as a sentence."""
        n, done = len(self.given), self.done
        if done == n:
            return f"All {n} labels are yours."
        return f"{done} of {n} labels are yours. For the rest the 3 images most alike vote."

    # -- showing -----------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """All images, with the labels given by hand."""
        labels = ["?" if label == OPEN else str(label) for label in self.given]
        return image_grid(self.images, labels, columns=15)

    def current(self) -> Picture:
        """The image whose turn it is, and the ones just labelled."""
        at = min(self.done, len(self.images) - 1)
        picture = Picture(2.2, 2.2)
        draw_images(picture.add_subplot(), self.images[at : at + 1], columns=1)
        picture.alt = grid_in_words(self.images[at : at + 1], None, None, "")
        return picture

    def status(self) -> str:
        last = f" The last one: {self.given[self.done - 1]}." if self.done else ""
        n = len(self.images)
        if self.done == n:
            return f"All {n} labelled.{last} Run the next cells."
        return f"Image {self.done + 1} of {n}: which digit is it?{last}"

    def _show(self) -> None:
        if self._panel is not None:
            self._panel.show()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._panel = _Panel(self)
        data, about = self.picture().bundle()
        display(with_view(data, self._panel.box), metadata=about, raw=True)


class _Panel:
    """The image, ten buttons and one to go back; all of them are reached by Tab and pressed by Space."""

    def __init__(self, by_hand: ByHand) -> None:
        import ipywidgets as widgets

        self.by_hand = by_hand
        self.image = widgets.Image(format="png")
        self.status = widgets.Label()
        narrow: dict[str, Any] = {"layout": {"width": "3em"}}
        digits = [widgets.Button(description=str(d), tooltip=f"It is a {d}", **narrow) for d in range(10)]
        for digit, button in enumerate(digits):
            button.on_click(lambda _, digit=digit: by_hand.press(digit))
        back = widgets.Button(description="Back", tooltip="Take the last label back", layout={"width": "5em"})
        back.on_click(lambda _: by_hand.back())
        row = widgets.HBox([*digits, back], layout={"flex_flow": "row wrap"})
        self.box = widgets.VBox([self.status, self.image, row])
        self.show()

    def show(self) -> None:
        picture = self.by_hand.current()
        self.image.value = picture.png(SCREEN_DPI)
        self.image.width = str(round(picture.get_size_inches()[0] * SCREEN_DPI))
        self.status.value = self.by_hand.status()
