"""14.2: the same line in two nests of loops. By what factor do their times differ?"""

from __future__ import annotations

from ...engine.kinds import PredictExplain


def times_as_long() -> float:
    """How many times as long i, j, k takes as i, k, j: measured on this machine, once in a process."""
    from ...fast import orders  # the last step of the staircase: it draws

    return orders().ratio("i, j, k", "i, k, j")


loops = PredictExplain(
    "14.2",
    outcome=times_as_long,
    unit="times",
    close=5,
    options=("fewer_products", "neighbours", "stays_in_a_register", "threads"),
    truth="neighbours",
    level=2,
    minutes=5,
)
