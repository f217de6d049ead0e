"""07.6: every image's pixels change places, always in the same way. What becomes of a convolution?"""

from __future__ import annotations

from ...convolution import percent_right
from ...engine.kinds import PredictExplain

shuffle = PredictExplain(
    "07.6",
    outcome=lambda: percent_right("convolutional", shuffle=True),
    unit="percent",
    close=5,
    options=("harder_images", "neighbours", "fewer_weights", "test_shuffled_otherwise"),
    truth="neighbours",
    level=2,
    minutes=4,
)
