"""The project of Part I: an autograd of one's own that trains spirals and digits."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import numpy as np

from ...engine.kinds import Judged
from ...engine.verdict import Verdict
from ...project import TAPE, digits_in_two, spirals_in_two
from . import answer, judged
from .judged import look, say


def _predicted(labels: np.ndarray, goal: float, answer: Any) -> Verdict:
    try:
        got = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return look("no_classes", n=len(labels))
    if got.shape != labels.shape:
        return look("scores" if got.ndim == 2 else "no_classes", n=len(labels))
    share = float((got == labels).mean())
    if share >= goal:
        return Verdict("right", say("reached", share=share))
    return look("one_class" if len(np.unique(got)) == 1 else "below", share=share, goal=goal)


# -- declarations ----------------------------------------------------------------------------------------


class Milestone(Judged):
    """A step of the project.

    Attributes
    ----------
    code : str
        Its worked answer.
    within : str
        The exercise in whose cell that answer stands already: solved copies do not repeat it.
    """

    code = within = ""

    def solution(self) -> str:
        return self.code


def _by_gradients(id: str, level: int, minutes: int, *parts: Any) -> None:
    questions = lambda answer: judged.calls(judged.asked(id))
    judge = lambda answer, outcomes: judged.judge(judged.asked(id), outcomes)
    one = Milestone(
        id, signature="gradients(build, *arrays)", calls=questions, judge=judge, level=level, minutes=minutes
    )
    one.code = "\n\n\n".join(textwrap.dedent(inspect.getsource(part)).rstrip() for part in parts)
    one.within = "" if id == TAPE[0] else TAPE[0]


def _by_predictions(id: str, name: str, labels: np.ndarray, goal: float, sizes: tuple, minutes: int) -> None:
    judge = lambda answer, outcomes: _predicted(labels, goal, answer)
    one = Milestone(id, calls=lambda answer: [], judge=judge, level=3, minutes=minutes)
    call = (
        f'x, y, new = project.given("{name}")\npredictions, losses = trained(x, y, new, {sizes}, steps=300)'
    )
    one.code = f"{inspect.getsource(answer.trained)}\n\n{call}" if name == "spirals" else call


_tensor = answer.Tensor
_by_gradients("06p.1", 2, 60, _tensor, answer.gradients)
_by_gradients("06p.2", 2, 45, _tensor.__matmul__, _tensor.fit)
_by_gradients("06p.3", 3, 30, _tensor.relu, _tensor.exp, _tensor.log_softmax)
_by_predictions("06p.4", "spirals", spirals_in_two()[3], 0.9, (2, 32, 3), 45)
_by_predictions("06p.5", "digits", digits_in_two()[3], 0.93, (64, 32, 10), 20)
