"""What every picture of the course shares: the figure that has words, colours and their meaning, the axes."""

from __future__ import annotations

import html
import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, RED, GREEN, GREY = "#1a7fc4", "#d55e00", "#009e73", "#7a7a7a"
PURPLE, AMBER, SKY = "#b8609a", "#a97800", "#3a8fb0"  # darker than in the book: they read on white too

# What a colour means, in every chapter. Each meaning has a second sign beside the colour, named at the right.
VALUE, GRADIENT = BLUE, RED  # forward, backward: a solid frame, a dashed frame; "grad" before the number
POSITIVE, NEGATIVE = BLUE, RED  # + and − in the square
RIGHT, WRONG = BLUE, RED  # ✓ and ✗, a frame around the wrong one
TRAINING, VALIDATION = "-", "--"  # of one run: the same colour, a solid and a dashed line
RUNS = (BLUE, RED, GREEN, PURPLE, AMBER, SKY)  # one each; the name stands at the line's end
RUN_MARKERS = ("o", "s", "^", "D", "v", "P")
PATTERNS = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2)))  # where lines are told apart by them
CLASSES = (BLUE, RED, GREEN, PURPLE, AMBER, SKY)  # each class of data with a marker and a hatching
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "<", ">")
MARKER_NAMES = {
    "o": "circles", "^": "triangles", "s": "squares", "D": "diamonds", "v": "triangles upside down",
    "P": "thick plus signs", "X": "thick crosses", "*": "stars", "<": "triangles to the left",
    ">": "triangles to the right",
}  # fmt: skip
INK = "gray_r"  # dark ink on white paper
DPI = 150
SCREEN_DPI = 84  # a picture 9 inches wide is 756 pixels wide on the page


class Picture(Figure):
    """A Figure with a text alternative, drawn without pyplot so that nothing global remembers it.

    In a notebook it becomes a PNG whose metadata carry `alt`, followed by the same words in a line that
    unfolds, since neither JupyterLab nor nbconvert passes alt text on to its images.
    """

    alt: str = ""

    def __init__(self, width: float, height: float, arrange: bool = True) -> None:
        layout: Any = "constrained" if arrange else None
        super().__init__(figsize=(width, height), dpi=DPI, layout=layout, facecolor="none")

    def png(self, dpi: float = DPI) -> bytes:
        """The picture as the bytes of a PNG file."""
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=dpi, metadata={"Software": None})
        return data.getvalue()

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a notebook stores, by type: the image and its words; and the metadata with the alt text."""
        width, height = (round(inches * SCREEN_DPI) for inches in self.get_size_inches())
        about = {"image/png": {"alt": self.alt, "width": width, "height": height}}
        return {"image/png": self.png(), "text/plain": self.alt}, about

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data, about = self.bundle()
        display(data, metadata=about, raw=True)
        display({"text/html": in_words(self.alt), "text/plain": self.alt}, raw=True)


def in_words(text: str) -> str:
    """A line that unfolds to `text`; by keyboard too."""
    summary = "<summary><small>Picture in words</small></summary>"
    return f"<details>{summary}<small>{html.escape(text)}</small></details>"


def style(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """The course's axes: two thin spines, a faint grid, a title at the left."""
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(which="both", colors=GREY, labelsize=9)
    ax.grid(color=GREY, alpha=0.2, linewidth=0.6)
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_xlabel(xlabel, fontsize=10, color=GREY)
    ax.set_ylabel(ylabel, fontsize=10, color=GREY)
    return ax


def write(ax: Axes, text: str, at: Any, offset: tuple[int, int], colour: str, **how: Any) -> None:
    """Write `text` a few points away from a place in the plot."""
    ax.annotate(
        text, at, xytext=offset, textcoords="offset points",
        color=colour, fontsize=10, fontweight="bold", **how,
    )  # fmt: skip
