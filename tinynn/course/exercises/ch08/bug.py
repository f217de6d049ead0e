"""08.5: two lines that should not lie on each other. Which line of the way back is wrong?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.exercise import Fill
from ...engine.kinds import NameTheBug
from .backward import states, through_time

T, N, H = 20, 64, 12
LOUD, QUIET = 2.0, 0.1


def symptom() -> Any:
    """The gradients of a loud batch and a quiet one, by the right version and by the wrong one."""
    from ...plots.recurrence import gradients_back

    assert through_time.true is not None
    wrong = through_time.mistakes[bug.truth].function
    curves = {
        "loud, right": sizes(through_time.true, LOUD),
        "quiet, right": sizes(through_time.true, QUIET),
        "loud, somebody's": sizes(wrong, LOUD),
        "quiet, somebody's": sizes(wrong, QUIET),
    }
    return gradients_back(curves, "Gradient of the last state's loss, by the input of an earlier step")


def sizes(function: Any, loudness: float) -> np.ndarray:
    """The norm of dx for each step, the last one first: the loss looks at the last state alone."""
    rng = np.random.default_rng(0)
    w_hh = 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0]  # turns, and shortens to 0.9
    w_ih = np.linalg.qr(rng.normal(size=(H, H)))[0]  # turns: dx is as long as da
    x, dy = loudness * rng.normal(size=(T, N, H)), np.zeros((T, N, H))
    dy[-1] = rng.normal(size=(N, H))
    h = states(x, np.zeros((N, H)), w_ih, w_hh, np.zeros(H))
    dx = function(dy, x, h, w_ih, w_hh)[0]  # (T, N, H)
    return np.linalg.norm(dx.reshape(T, -1), axis=1)[::-1]


def fits(mistake: str, exercise: Fill = through_time) -> bool:
    """Whether a mistake shows the symptom: loud and quiet agree, and both fade."""
    loud, quiet = (sizes(exercise.mistakes[mistake].function, loudness) for loudness in (LOUD, QUIET))
    return bool(np.allclose(loud, quiet, rtol=0.05) and 0 < loud[-1] < loud[0] / 2)


bug = NameTheBug(
    "08.5",
    options=(
        "future_dropped",
        "w_hh_transposed_on_the_way_back",
        "slope_forgotten",
        "overwritten",
        "without_w_hh",
    ),
    truth="slope_forgotten",
    symptom=symptom,
    level=2,
    minutes=4,
)
