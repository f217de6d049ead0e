"""09.5: what a forget gate that starts half open does over twenty steps."""

from __future__ import annotations

from ...engine.kinds import PredictExplain
from ...recall import share_right, trained

LENGTH, STEPS, RATE = 20, 200, 0.02


def percent(keep: float) -> float:
    """New sequences right by an LSTM whose forget gate starts at sigmoid(`keep`)."""
    return 100 * share_right(trained("LSTM", LENGTH, keep, steps=STEPS, lr=RATE), LENGTH)


half_open = PredictExplain(
    "09.5",
    outcome=lambda: percent(0),
    unit="percent",
    close=10,
    options=("shrinks", "symbols", "input", "rate"),
    truth="shrinks",
    level=2,
    minutes=5,
)
