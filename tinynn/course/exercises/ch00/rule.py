"""A rule that tells a 3 from an 8, scored on real digits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...engine.call import Call, Odd, Outcome
from ...engine.kinds import Judged, stopped
from ...engine.texts import phrases
from ...engine.verdict import Verdict
from ...start import GOAL, seen_and_new, threes_and_eights

Labelled = tuple[np.ndarray, np.ndarray]


@cache
def _digits() -> tuple[Labelled, Labelled]:
    """The 3s and 8s to look at, and others: a rule that knows labels by heart is found out on these."""
    seen, new = seen_and_new()
    return threes_and_eights(seen), threes_and_eights(new)


def _calls(answer: Any) -> list[Call]:
    (seen, _), (new, _) = _digits()
    return [Call((image,)) for image in (*seen, *new)]


def _judge(answer: Any, outcomes: list[Outcome]) -> Verdict:
    (seen, is_eight), (_, new_is_eight) = _digits()
    problem = next((o for o in outcomes if o.end != "value"), None)
    if problem is not None and problem is outcomes[0]:
        return stopped(problem)
    if any(0 in o.changed for o in outcomes):
        return _look("changes_image")
    said = [_answer(o.value) for o in outcomes if o.end == "value"]
    odd = next((value for value in said if not _is_yes_or_no(value)), True)
    if not _is_yes_or_no(odd):
        return _no_yes_or_no(odd, len(seen))
    if problem is not None:
        return stopped(problem)
    here = np.array(said[: len(seen)], dtype=bool)
    others = np.array(said[len(seen) :], dtype=bool)
    return _looks_up(here == is_eight, others == new_is_eight) or _about(here, is_eight)


def _answer(value: Any) -> Any:
    """What a Tensor or an array of one element holds."""
    value = value.value if isinstance(value, Odd) and value.value is not None else value
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _is_yes_or_no(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and value in (0, 1)


def _no_yes_or_no(value: Any, images: int) -> Verdict:
    """Nothing, many answers for one image, a number, a text."""
    if value is None:
        return _look("none")
    if isinstance(value, (np.ndarray, list, tuple)):
        held = value if isinstance(value, np.ndarray) else np.empty(len(value))  # lists may be ragged
        name = "too_many_labels" if held.shape[:1] == (images,) else "too_many"
        return _look(name, n=held.size, shape=held.shape)
    shown = (
        f"{value:.2f}" if isinstance(value, float) else value.text if isinstance(value, Odd) else repr(value)
    )
    return _look("no_answer", value=shown)


def _looks_up(here: np.ndarray, others: np.ndarray) -> Verdict | None:
    """Much better on digits whose labels are known than on others."""
    if here.mean() - others.mean() < 0.2:
        return None
    return _look("looks_up", _result(here.mean()), others=f"{100 * others.mean():.0f}")


def _about(said: np.ndarray, is_eight: np.ndarray) -> Verdict:
    share = np.mean(said == is_eight)
    if said.all() or not said.any():
        return _look("always", _result(share), digit=8 if said[0] else 3)
    if share < 0.4:
        return _look("turned_round", _result(share))
    eights, threes = int((is_eight & ~said).sum()), int((said & ~is_eight).sum())
    misses = _say()["misses"].format(
        eights=eights, threes=threes, all_eights=is_eight.sum(), all_threes=(~is_eight).sum()
    )
    if 100 * share >= GOAL:
        return Verdict("right", f"{misses} {_say()['reached'].format(goal=GOAL)}", _result(share))
    parts = [misses, _lopsided(eights, threes), _say()["aim"].format(goal=GOAL)]
    return Verdict("said", " ".join(filter(None, parts)), _result(share))


def _lopsided(eights: int, threes: int) -> str:
    if abs(eights - threes) <= (eights + threes) / 3:
        return ""
    return _say()["too_seldom" if eights > threes else "too_often"]


def _result(share: float) -> str:
    return _say()["result"].format(percent=f"{100 * share:.0f}")


def _say() -> dict[str, str]:
    return phrases("00")["00.1"]["says"]


def _look(name: str, headline: str = "", **about: Any) -> Verdict:
    return Verdict("look", _say()[name].format(**about), headline, names=(name,))


exercise = Judged("00.1", signature="rule(image)", calls=_calls, judge=_judge, level=1, minutes=8)


@exercise.worked
def rule(image):
    ink = image[2:6, 1:3].sum()  # the left edge: an 8 is closed there, a 3 is open
    return ink > 1.5
