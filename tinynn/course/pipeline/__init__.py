"""Chapter 06: a dirty table cleaned, labels given by hand, networks that learn too well, and a promise kept.

Its exercises are in `tinynn.course.exercises.ch06`.
"""

from ..sliders import sliders
from .cleaning import copies, filled, own_share, read_label, read_table
from .generated import printed
from .labelling import ByHand, in_words, nearest_vote
from .learning import curves, few_digits, hasty, right_answers, small_network, weight_sizes, winners
from .pictures import apart, bars, by_size, winners_picture
from .table import Truth, dirty_table, fresh

__all__ = [
    "ByHand", "Truth", "apart", "bars", "by_size", "copies", "curves", "dirty_table", "few_digits",
    "filled", "fresh", "hasty", "in_words", "nearest_vote", "own_share", "printed", "read_label",
    "read_table",
    "right_answers", "sliders", "small_network", "weight_sizes", "winners", "winners_picture",
]  # fmt: skip
