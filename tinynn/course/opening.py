"""The three questions a chapter opens with: on what was missed before, as far as the record knows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from .engine.exercise import Fill, catalogue, chapters
from .engine.kinds import LETTERS, choice, shortly
from .engine.record import Record, record
from .engine.texts import phrases
from .engine.verdict import Verdict, marked

COUNT = 3
PART_THREE, ASSUMED = "14", "03"
"""From chapter 14 on a path leads from 03: what lies between is asked about only where it was worked on."""
OPTIONS = 3


class Question(NamedTuple):
    """One question; `truth` is the place of the right option among `options`.

    `about` names mistakes, each as the exercise's id and the name.
    """

    key: str
    text: str
    options: tuple[str, ...]
    truth: int
    why: str
    about: frozenset[tuple[str, str]] = frozenset()

    def judge(self, i: int, answer: Any) -> Verdict:
        say = phrases("check")["opening"]
        if answer is None or answer is ...:
            return Verdict("open", headline=say["open"].format(i=i))
        letter = choice(answer)
        if len(letter) != 1 or letter not in LETTERS[: len(self.options)]:
            letters = ", ".join(f'"{c}"' for c in LETTERS[: len(self.options)])
            text = say["unknown"].format(answer=shortly(answer), letters=letters)
            return Verdict("look", text, say["look"].format(i=i))
        right = LETTERS.index(letter) == self.truth
        return Verdict("right" if right else "look", self.why, say["right" if right else "look"].format(i=i))


class Opening:
    """The questions, each with what is said about its answer. `opening` gives it."""

    def __init__(self, questions: list[Question], answers: tuple[Any, ...], missed: bool) -> None:
        self.questions, self.missed = questions, missed
        given = [*answers, *[None] * len(questions)]
        self.verdicts = [q.judge(i + 1, a) for i, (q, a) in enumerate(zip(questions, given))]

    def _heading(self) -> str:
        say = phrases("check")["opening"]
        if not self.questions:
            return say["none"]
        how = say["how"] if any(v.kind == "open" for v in self.verdicts) else ""
        return " ".join(filter(None, [f"{say['heading']}.", say["missed"] * self.missed, how]))

    def __repr__(self) -> str:
        lines = [self._heading()]
        for i, (question, verdict) in enumerate(zip(self.questions, self.verdicts)):
            lines += ["", f"{i + 1}. {question.text}"]
            lines += [f"   {letter}) {option}" for letter, option in zip(LETTERS, question.options)]
            lines += [f"   {verdict}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        asked = "".join(
            f'<li style="margin: 0.7em 0">{marked(q.text)}{_options(q)}{verdict._repr_html_()}</li>'
            for q, verdict in zip(self.questions, self.verdicts)
        )
        return f"<div>{marked(self._heading())}</div><ol>{asked}</ol>"


def _options(question: Question) -> str:
    options = "".join(f"<li>{marked(option)}</li>" for option in question.options)
    return f'<ol type="a" style="margin: 0.2em 0">{options}</ol>'


def opening(chapter: str, *answers: str | None) -> Opening:
    """Three questions on chapters before `chapter`, and what is right about the answers.

    ``opening("04", None, None, None)`` asks; letters in the place of `None` answer. Questions on mistakes
    that the record knows come first. They stay the same for a chapter once they were asked.
    """
    known = record()
    possible = {question.key: question for question in _before(chapter.zfill(2))}
    drawn = _missed(known, possible)
    keys = (drawn + [key for key in _spread(possible) if key not in drawn])[:COUNT]
    kept = [key for key in known.opened(chapter.zfill(2), keys) if key in possible]
    kept = (kept + [key for key in keys if key not in kept])[:COUNT]  # a newer release may have dropped one
    return Opening([possible[key] for key in kept], answers, any(_was_met(known, possible[k]) for k in kept))


def _missed(known: Record, possible: dict[str, Question]) -> list[str]:
    """Keys of the questions about mistakes that were made: the most frequent first, then the latest."""
    latest_first = list(reversed(known.met().items()))
    keys: list[str] = []
    for mistake, _ in sorted(latest_first, key=lambda item: -item[1]):
        keys += [key for key, question in possible.items() if mistake in question.about and key not in keys][
            :1
        ]
    return keys


def _was_met(known: Record, question: Question) -> bool:
    return bool(question.about & known.met().keys())


def _spread(possible: dict[str, Question]) -> list[str]:
    """Keys for whom nothing is known about: one of each chapter in turn, the nearest chapter first."""
    by_chapter: dict[str, list[str]] = {}
    for key in possible:
        by_chapter.setdefault(key[:2], []).append(key)
    turns = zip_longest(*(by_chapter[c] for c in sorted(by_chapter, reverse=True)))
    return [key for turn in turns for key in turn if key is not None]


def _before(chapter: str) -> Iterator[Question]:
    """Every question there is on the chapters before `chapter`: those written for it, then the mistakes."""
    earlier = [c for c in chapters() if c < chapter and (chapter < PART_THREE or _on_the_way(c))]
    for name in earlier:
        for i, written in enumerate(phrases(name).get("opening", [])):
            yield _written(f"{name}#{i}", name, written)
    for exercise in catalogue().values():
        if exercise.id.split(".")[0] in earlier and isinstance(exercise, Fill):
            yield from _about_mistakes(exercise)


def _on_the_way(chapter: str) -> bool:
    """Whether whoever is in Part III has been in this earlier chapter, as far as the record knows."""
    if chapter[:2] <= ASSUMED or chapter >= PART_THREE:
        return True
    return any(record().attempts(id) for id in catalogue() if id.split(".")[0] == chapter)


def _written(key: str, chapter: str, words: dict[str, Any]) -> Question:
    """Out of a chapter's ``[[opening]]``: `question`, `options` (the right one first), `why`, `about`."""
    ids = [exercise.id for exercise in catalogue().values() if exercise.id.startswith(f"{chapter}.")]
    about = frozenset((id, name) for id in ids for name in words.get("about", []))
    return _shuffled(key, words["question"], words["options"], words["why"], about)


def _about_mistakes(exercise: Fill) -> Iterator[Question]:
    """What somebody was told to look at: which mistake had they made? It gives no answer away."""
    said = {name: mistake.words_in(exercise) for name, mistake in exercise.mistakes.items()}
    said = {name: words for name, words in said.items() if words.get("means") and words.get("look")}
    names = list(said)
    for i, name in enumerate(names):
        others = [said[names[(i + step) % len(names)]]["means"] for step in range(1, OPTIONS)]
        if len(names) >= OPTIONS:
            text = phrases("check")["opening"]["means"].format(
                signature=exercise.signature, look=said[name]["look"]
            )
            options = [said[name]["means"], *others]
            key = f"{exercise.id}/{name}"
            yield _shuffled(key, text, options, said[name]["means"], frozenset([(exercise.id, name)]))


def _shuffled(
    key: str, text: str, options: list[str], why: str, about: frozenset[tuple[str, str]]
) -> Question:
    """The options in an order that depends on their words alone."""
    order = sorted(options, key=lambda option: zlib.crc32(f"{key}{option}".encode()))
    return Question(key, text, tuple(order), order.index(options[0]), why, about)
