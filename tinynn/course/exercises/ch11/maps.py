"""11.5: maps of weights. Which mistake made the second one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...engine.kinds import NameTheBug
from .masked import closed, masked, scaled, softmax

if TYPE_CHECKING:
    from ...plots import Picture

TOKENS = ["the", "dog", "saw", "a", "cat"]


def inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries, keys and values of five tokens."""
    q, k, v = np.random.default_rng(5).normal(size=(3, len(TOKENS), 4))
    return q, k, v


def right() -> np.ndarray:
    """The weights as they should be, without a look ahead."""
    return masked.true(*inputs(), np.tri(len(TOKENS), dtype=bool))[1]  # type: ignore[misc]


def wrong(name: str) -> np.ndarray:
    """The weights with one of the mistakes among the options."""
    q, k, v = inputs()
    causal = np.tri(len(TOKENS), dtype=bool)
    if name == "diagonal_masked":
        return masked.true(q, k, v, np.tri(len(TOKENS), k=-1, dtype=bool))[1]  # type: ignore[misc]
    if name == "softmax_over_queries":
        return softmax(closed(scaled(q, k), causal), axis=-2)
    if name == "looks_ahead":
        return masked.true(q, k, v, causal.T)[1]  # type: ignore[misc]
    return masked.mistakes[name].function(q, k, v, causal)[1]


def symptom() -> Picture:
    from ...attention_pictures import two_maps  # pictures are loaded by whoever looks at one

    return two_maps(right(), wrong(bug.truth), TOKENS)


bug = NameTheBug(
    "11.5",
    options=(
        "diagonal_masked",
        "mask_after_softmax",
        "no_scale",
        "softmax_over_queries",
        "looks_ahead",
    ),
    truth="softmax_over_queries",
    symptom=symptom,
    level=2,
    minutes=4,
)
