"""05.5: which mistake does Adam hide?"""

from __future__ import annotations

from ...engine.kinds import PredictExplain
from ..ch03.network import network
from .training import by_adam


def percent_with_the_mistake() -> float:
    """The spirals' accuracy by Adam where every gradient is 300 times too large."""
    return 100 * by_adam(network.mistakes["not_a_mean"].function)[1]


def percent_without() -> float:
    """The same with the right gradients: shown beside the question."""
    assert network.worked_answer is not None
    return 100 * by_adam(network.worked_answer)[1]


hidden = PredictExplain(
    "05.5",
    outcome=percent_with_the_mistake,
    unit="percent",
    close=5,
    options=("cancels", "correction", "momentum", "small_rate"),
    truth="cancels",
    level=2,
    minutes=5,
)
