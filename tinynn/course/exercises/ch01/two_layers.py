"""01.7: how much two affine layers hold with nothing between them."""

from __future__ import annotations

from ...engine.kinds import PredictExplain

INPUTS, OUTPUTS = 64, 10


def numbers_of_one_layer() -> float:
    """What both layers multiply out to: a weight for each input of each output, and the biases."""
    return INPUTS * OUTPUTS + OUTPUTS


two_layers = PredictExplain(
    "01.7",
    outcome=numbers_of_one_layer,
    unit="numbers",
    close=0.5,
    options=("all_of_them", "folded_into_one", "biases_cancel", "bent_anyway", "widest_decides"),
    truth="folded_into_one",
    level=2,
    minutes=4,
)
