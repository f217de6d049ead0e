"""Wrong answers that nobody banked, written from the tasks' texts alone: all rejected, none wrongly named."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests import diagnoses
from tests.diagnoses import Judged, answers, judged
from tinynn.course.engine.texts import phrases

FILES = sorted(Path(__file__).with_name("unbanked").glob("*.py"))

NOT = {
    "first_a e01_3_c": {"wrong_only_large"},  # cut off above 10: finite
    "first_b e03_5_b": {"wrong_only_large"},  # 1e-12 in the logarithm: finite
    "first_b e04_4_b": {"wrong_only_large"},  # the branch for large numbers forgets a factor
    "first_a e02_5_d": {"factor"},  # stops too early: 1.000001 times what is due
    "first_b e04_3_a": {"wrong_only_one"},  # two axes of 1, not a single row
    "first_b e05_6_b": {"random", "state"},  # one seed, one result: x and y are dealt differently
    "third_b e04_3_d": {"reshaped"},  # equal sizes taken for equal shapes
}
"""What an answer was taken for once, and is not."""


UNSEEN: dict[str, str] = {}
"""What the checks let pass, and why."""


@pytest.fixture(scope="module")
def trials() -> dict[str, Judged]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {f"{file.stem} {one.name}": one for file in FILES for one in judged(answers(str(file)))}


def test_every_answer_is_rejected_and_none_stops_the_engine(trials: dict[str, Judged]) -> None:
    assert len(trials) >= 324
    bad = {name: one.crash for name, one in trials.items() if one.result in ("accepted", "crashed")}
    assert bad.keys() == UNSEEN.keys(), bad


def test_an_answer_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(dy, x):
        while True:
            pass

    monkeypatch.setattr(diagnoses, "SECONDS", 0.2)
    (one,) = judged({"03.2": [(endless, "a loop without end")]})
    assert one.result == "crashed" and "TooLong: 0.2 seconds" in one.crash


@pytest.mark.parametrize("name", NOT)
def test_what_was_wrongly_named_is_not_named_so_again(trials: dict[str, Judged], name: str) -> None:
    said = trials[name].said
    assert said is not None and not NOT[name] & set(said.names), said
    assert not [n for n in NOT[name] if phrases("engine")["signatures"][n]["means"] in said.why], said


def test_of_overflow_it_is_spoken_only_where_infinity_or_nan_came_back(trials: dict[str, Judged]) -> None:
    for name, one in trials.items():
        if one.said is not None and "`exp` overflows" in one.said.why:
            assert any(sign in str(one.said) for sign in ("nan", "inf")), name
