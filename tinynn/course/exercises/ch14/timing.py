"""14.6: six calls of a compiled function. Why does the fourth take so long?"""

from __future__ import annotations

from ...engine.kinds import NameTheBug


def symptom() -> str:
    """The calls, with the times that they take here and now."""
    from ...fast import calls_told  # the last step of the staircase: it draws

    return calls_told()


timing = NameTheBug(
    "14.6",
    options=("division", "cold_cache", "compiled_again", "garbage"),
    truth="compiled_again",
    symptom=symptom,
    level=2,
    minutes=4,
)
