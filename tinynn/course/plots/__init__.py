"""The course's pictures. Each function returns a `Picture`: a Figure that also says in words what it shows.

Backgrounds are transparent and greys are in the middle, so that one picture reads on a light and on a dark
page. Colours are from M. Okabe and K. Ito, Color Universal Design (2008); a sign, a mark or a line's pattern
always says the same as the colour. Each ``draw_x(ax, ...)`` draws on axes that are there already.
"""

from .blocks import broadcasting, broadcasting_in_words, matrix_product, product_in_words
from .curves import curve_in_words, draw_loss, loss_curve, running_mean, runs
from .depth import activations_by_depth, depth_in_words, draw_depth
from .gates import by_length, conveyor, gates_over_time, held, survival, valves
from .graph import graph, graph_in_words
from .images import draw_images, draw_worst, grid_in_words, image_grid, worst_in_words, worst_mistakes
from .layers import (
    draw_histograms,
    draw_norms,
    histograms_in_words,
    layer_histograms,
    layer_norms,
    norms_in_words,
)  # fmt: skip
from .matrices import (
    attention_in_words,
    attention_map,
    confusion_in_words,
    confusion_matrix,
    draw_attention,
    draw_confusion,
)
from .paths import contour_paths, draw_paths, paths_in_words
from .recurrence import forecasts, gradients_back, unrolled
from .side_by_side import examples_needed, learning
from .style import (
    AMBER,
    BLUE,
    CLASS_MARKERS,
    CLASSES,
    DPI,
    GRADIENT,
    GREEN,
    GREY,
    INK,
    MARKER_NAMES,
    NEGATIVE,
    POSITIVE,
    PURPLE,
    RED,
    RIGHT,
    RUN_MARKERS,
    RUNS,
    SCREEN_DPI,
    SKY,
    TRAINING,
    VALIDATION,
    VALUE,
    WRONG,
    Picture,
    in_words,
    style,
)  # fmt: skip
from .surface import decision_surface, draw_surface, surface_in_words
from .threads import launch_in_words, launch_over, launch_over_matrix, matrix_in_words
from .tiles import tile_walk, walk_in_words
from .training import draw_losses, losses, losses_in_words
from .tree import tree, tree_in_words
from .warps import step_in_words, warp_step
from .weights import draw_filters, draw_weights, filters, filters_in_words, weights, weights_in_words

__all__ = [
    "AMBER", "BLUE", "CLASSES", "CLASS_MARKERS", "DPI", "GRADIENT", "GREEN", "GREY", "INK", "MARKER_NAMES",
    "NEGATIVE", "POSITIVE", "PURPLE", "Picture", "RED", "RIGHT", "RUNS", "RUN_MARKERS", "SCREEN_DPI", "SKY",
    "TRAINING", "VALIDATION", "VALUE", "WRONG", "activations_by_depth", "attention_in_words", "attention_map",
    "broadcasting", "broadcasting_in_words", "by_length", "confusion_in_words", "confusion_matrix",
    "contour_paths", "conveyor", "curve_in_words", "decision_surface", "depth_in_words", "draw_attention",
    "draw_confusion", "draw_depth", "draw_filters", "draw_histograms", "draw_images", "draw_loss",
    "draw_losses", "draw_norms", "draw_paths", "draw_surface", "draw_weights", "draw_worst",
    "examples_needed", "filters", "filters_in_words", "forecasts", "gates_over_time", "gradients_back",
    "graph", "graph_in_words", "grid_in_words", "held", "histograms_in_words", "image_grid", "in_words",
    "launch_in_words", "launch_over", "launch_over_matrix", "layer_histograms", "layer_norms", "learning",
    "loss_curve", "losses", "losses_in_words", "matrix_in_words", "matrix_product", "norms_in_words",
    "paths_in_words", "product_in_words", "running_mean", "runs", "step_in_words", "style",
    "surface_in_words", "survival", "tile_walk", "tree", "tree_in_words", "unrolled", "valves",
    "walk_in_words", "warp_step", "weights", "weights_in_words", "worst_in_words", "worst_mistakes",
]  # fmt: skip
