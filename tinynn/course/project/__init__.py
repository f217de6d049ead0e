"""What the project of Part I gives: data, and the library's tape to compare with.

It knows no answer: a grader's process, to which the folder of the exercises is hidden, imports it too. The
computations that its checks ask about are in `graphs` and `drawn`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...data import digits, spirals
from ..engine import runner
from ..engine.verdict import Verdict

DIGITS_SEED = 7
TAPE = ("06p.1", "06p.2", "06p.3")


def given(name: str) -> tuple[np.ndarray, ...]:
    """Training data and new inputs of "spirals" or "digits": x, y, new."""
    return {"spirals": spirals_in_two, "digits": digits_in_two}[name]()[:3]


def spirals_in_two() -> tuple[np.ndarray, ...]:
    """x (300, 2), y (300,), new (300, 2) and the classes of the new ones."""
    (x, y), (new, labels) = spirals(300, seed=0), spirals(300, seed=1)
    return x, y, new, labels


def digits_in_two() -> tuple[np.ndarray, ...]:
    """x (1400, 64), y (1400,), new (397, 64) and the classes of the new ones."""
    x, y = digits()
    order = np.random.default_rng(DIGITS_SEED).permutation(len(x))
    x, y = x.reshape(len(x), 64)[order], y[order]
    return x[:1400], y[:1400], x[1400:], y[1400:]


def compare(gradients: Callable, seed: int, count: int = 150) -> Verdict:
    """Whether ``gradients(build, *arrays)`` and tinynn's tape agree on random graphs of a seed of one's own.

    A third of the `count` graphs is drawn as in each of the first three milestones. Like `check`, it runs the
    function in a process of its own.
    """
    from ..exercises.ch06p import judged

    questions = [one for id in TAPE for one in judged.at_random(id, count // len(TAPE), seed)]
    ran = runner.run([gradients], judged.calls(questions))
    return judged.judge(questions, ran.outcomes, known=False)
