"""Five questions on what the course builds on, each wrong answer with its own reminder."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...engine.call import Call, Outcome
from ...engine.kinds import Judged, shortly
from ...engine.texts import phrases
from ...engine.verdict import Verdict, Verdicts


class Question(NamedTuple):
    """The right answer, and the wrong ones that tell something, by the name of their words in 00.toml."""

    name: str
    right: Any
    mistakes: dict[str, Any]

    @property
    def words(self) -> dict[str, str]:
        return phrases("00")["00.3"]["questions"][self.name]

    def judge(self, answer: Any) -> Verdict:
        say, words = phrases("00")["00.3"]["says"], self.words
        if answer is None or answer is ...:
            return Verdict("open", headline=say["open"].format(title=words["title"]))
        if same(answer, self.right):
            return Verdict("right", headline=say["right"].format(title=words["title"]))
        headline = say["look"].format(title=words["title"])
        for name, wrong in self.mistakes.items():
            if same(answer, wrong):
                text = f"{words[name]} {words['refresher']}"
                return Verdict("look", text, headline, names=(f"{self.name}_{name}",))
        text = say["text"].format(answer=shortly(answer)) + " " if isinstance(answer, str) else ""
        return Verdict("look", text + words["refresher"], headline)


def same(answer: Any, wanted: Any) -> bool:
    """Whether two numbers or rows of numbers are equal; a list, a tuple and an array count as the same."""
    try:
        a, b = np.asarray(answer, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError):
        return False
    return not isinstance(answer, str) and a.shape == b.shape and np.allclose(a, b)


QUESTIONS = (
    Question("slicing", [20, 30, 40], {
        "end_in": [20, 30, 40, 50], "from_1": [10, 20, 30], "from_1_end_in": [10, 20, 30, 40],
        "no_start": [30, 40], "to_the_end": [20, 30, 40, 50, 60],
    }),
    Question("shapes", (5, 3), {
        "kept_inner": (8, 8), "turned": (3, 5), "side_by_side": (5, 8, 8, 3), "kept_one": (5, 8, 3),
        "of_a": (5, 8), "size": 15,
    }),
    Question("derivative", 7, {
        "value": 10, "square_alone": 4, "x_for_2x": 5, "linear_alone": 3, "doubled_twice": 8,
    }),
    Question("dot_product", 1, {
        "not_added": [4, 0, -3], "sign": 7, "sums_first": 18, "all_added": 9, "dropped": 3,
    }),
    Question("loop", 6, {
        "to_4": 10, "last_i": 3, "rounds": 4, "before": 0, "values_of_i": [0, 1, 2, 3],
    }),
)  # fmt: skip


def _calls(answer: Any) -> list[Call]:
    return []


def _judge(answers: Any, outcomes: list[Outcome]) -> Verdict | Verdicts:
    say = phrases("00")["00.3"]["says"]
    if not isinstance(answers, (list, tuple)) or len(answers) != len(QUESTIONS):
        return Verdict("look", say["no_list"].format(n=len(QUESTIONS)))
    verdicts = Verdicts(q.judge(a) for q, a in zip(QUESTIONS, answers, strict=True))
    right, tried = (sum(v.kind in kinds for v in verdicts) for kinds in ({"right"}, {"right", "look"}))
    if tried == len(QUESTIONS):
        verdicts.append(Verdict("said", say["built_on"], say["count"].format(n=right, of=tried)))
    return verdicts


exercise = Judged("00.3", calls=_calls, judge=_judge, level=1, minutes=8)
exercise.worked([q.right for q in QUESTIONS])
