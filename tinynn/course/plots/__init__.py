"""The course's pictures. Each function returns a `Picture`: a Figure that also says in words what it shows.

Backgrounds are transparent and greys are in the middle, so that one picture reads on a light and on a dark
page. Colours are from M. Okabe and K. Ito, Color Universal Design (2008); a sign, a mark or a line's pattern
always says the same as the colour. Each ``draw_x(ax, ...)`` draws on axes that are there already.
"""

from .curves import curve_in_words, draw_loss, loss_curve, running_mean, runs
from .images import draw_images, grid_in_words, image_grid
from .side_by_side import examples_needed, learning
from .style import BLUE, DPI, GREEN, GREY, INK, RED, SCREEN_DPI, Picture, in_words, style
from .weights import draw_weights, weights, weights_in_words

__all__ = [
    "BLUE", "DPI", "GREEN", "GREY", "INK", "RED", "SCREEN_DPI", "Picture", "curve_in_words", "draw_images",
    "draw_loss", "draw_weights", "examples_needed", "grid_in_words", "image_grid", "in_words", "learning",
    "loss_curve", "running_mean", "runs", "style", "weights", "weights_in_words",
]  # fmt: skip
