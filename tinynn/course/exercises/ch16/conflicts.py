"""16.6: a column of a tile whose rows are 40 numbers long: bank conflicts, predicted, then counted."""

from __future__ import annotations

from ...engine.kinds import PredictExplain
from ...together import column_of_a_tile

WIDTH = 40


def turns() -> float:
    """Counted by the lens."""
    return column_of_a_tile(WIDTH).ways


padded = PredictExplain(
    "16.6",
    outcome=turns,
    unit="turns",
    close=0,
    options=("no_multiple_of_32", "every_fourth_bank", "all_in_one_bank", "one_turn_for_each_row"),
    truth="every_fourth_bank",
    level=3,
    minutes=5,
)
