"""The bug hospital: a network that trains badly, and four mistakes of which one is its illness.

    patient = hospital(seed=3)      # the last line of a cell shows the curves and the candidates
    patient.answer("b")

The curves are those that were measured with the exercises' named mistakes (`tinynn.course.effects`).
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from .effects.drawing import Line, panels
from .effects.lessons import lesson, panel_in_words, percent
from .effects.picture import symptom
from .effects.store import RIGHT, Effect, effects_of, network_of, read
from .effects.verdicts import difference, verdict
from .engine.exercise import find
from .engine.kinds import LETTERS, choice
from .engine.texts import phrases
from .engine.verdict import Drawn, Table, Text, Verdict, marked

__all__ = ["Patient", "diagnose", "hospital", "symptom"]

CANDIDATES = 4
SICK = {"worse", "slower", "diverged"}


class Illness(NamedTuple):
    """A named mistake of an exercise."""

    id: str
    mistake: str

    def effects(self) -> dict[str, Effect]:
        """By optimiser."""
        return {name: named[self.mistake] for name, named in effects_of(self.id).items()}

    def words(self) -> dict[str, str]:
        return find(self.id).mistakes[self.mistake].words_in(find(self.id))  # type: ignore[attr-defined]

    def says(self) -> str:
        """What is wrong, without what comes of it: the first sentence, and whose it is."""
        first = re.split(r"(?<=[.?])\s+", self.words().get("means", ""))[0]
        return f"`{find(self.id).name}`: {first}"


# -- which cases there are ---------------------------------------------------------------------------------


@cache
def illnesses() -> tuple[Illness, ...]:
    """The mistakes that can be seen in a curve, and whose words do not tell the curve."""
    known = [Illness(id, m) for id in read()["exercises"] for m in _names(id)]
    return tuple(i for i in known if _shows(i) and not _tells(i.says()))


def _names(id: str) -> list[str]:
    named = next(iter(effects_of(id).values()), {})
    return [name for name in named if name != RIGHT and name in find(id).mistakes]  # type: ignore[attr-defined]


def _shows(illness: Illness) -> bool:
    runs = effects_of(illness.id)
    found = {verdict(effect, runs[name][RIGHT]) for name, effect in illness.effects().items()}
    return bool(found & SICK) and not found & {"stops"}


def _tells(text: str) -> bool:
    return any(word in text.lower() for word in phrases("effects")["hospital"]["tells"])


def rivals(illness: Illness) -> list[Illness]:
    """Those that could be mistaken for it: the same chapter, network and optimisers, but other curves."""
    return [other for other in illnesses() if _comparable(illness, other) and distinct(illness, other)]


def _comparable(a: Illness, b: Illness) -> bool:
    same_place = a.id.split(".")[0] == b.id.split(".")[0] and network_of(a.id) == network_of(b.id)
    return a != b and same_place and a.effects().keys() == b.effects().keys()


def distinct(a: Illness, b: Illness) -> bool:
    """Whether the curves tell the two apart, under at least one optimiser."""
    return any(difference(effect, b.effects()[name]) for name, effect in a.effects().items())


def offered(illness: Illness) -> list[Illness]:
    """The illness and three others, no two of which look alike; the same each time."""
    rng = np.random.default_rng(zlib.crc32(".".join(illness).encode()))
    chosen, others = [illness], rivals(illness)
    for i in rng.permutation(len(others)):
        if len(chosen) < CANDIDATES and all(distinct(others[i], c) for c in chosen):
            chosen.append(others[i])
    return [chosen[i] for i in rng.permutation(len(chosen))]


@cache
def cases(chapter: str | None = None) -> tuple[Illness, ...]:
    """The illnesses of a chapter, or of all, that can be offered among four; their order is mixed."""
    found = [i for i in illnesses() if chapter in (None, i.id.split(".")[0])]
    full = [i for i in found if len(offered(i)) == CANDIDATES]
    return tuple(full[i] for i in np.random.default_rng(0).permutation(len(full)))


# -- a patient ---------------------------------------------------------------------------------------------

_last: list[Patient] = []


def hospital(chapter: Any = None, seed: int = 0) -> Patient:
    """A network with one of the mistakes of `chapter`, or of any: which one is it?

    Parameters
    ----------
    chapter : int or str, optional
        Only the mistakes of this chapter's exercises.
    seed : int
        Each seed is another patient, until all have been seen.
    """
    number = None if chapter is None else str(chapter).strip().zfill(2)
    found = cases(number)
    if not found:
        there = sorted({illness.id.split(".")[0] for illness in cases()})
        raise ArgumentError("hospital", f"chapter={chapter!r}", f"one of {', '.join(there)}", "hospital()")
    illness = found[int(seed) % len(found)]
    _last[:] = [Patient(illness, offered(illness))]
    return _last[0]


def diagnose(letter: Any = None) -> Verdict:
    """Say what the last patient has: ``diagnose("b")``."""
    return _last[0].answer(letter) if _last else Verdict("open", phrases("effects")["hospital"]["nobody"])


class Patient:
    """A case of the bug hospital; the last line of a cell shows it.

    Attributes
    ----------
    candidates : list of Illness
        One of them is the patient's.
    """

    def __init__(self, illness: Illness, candidates: list[Illness]) -> None:
        self._illness, self.candidates = illness, candidates
        self._say = phrases("effects")["hospital"]

    def picture(self) -> Any:
        """The patient's curves beside those of a healthy network."""
        return symptom(*self._illness)

    def table(self) -> Table:
        """The numbers at the ends of the curves."""
        columns = ("", self._say["healthy"], self._say["patient"])
        return Table(columns, tuple(row for name in effects_of(self._illness.id) for row in self._rows(name)))

    def _rows(self, optimizer: str) -> list[tuple[str, str, str]]:
        named = effects_of(self._illness.id)[optimizer]
        both = named[RIGHT], named[self._illness.mistake]
        name = phrases("effects")["optimisers"][optimizer]["name"]
        first, end = (f"{name}: {self._say[key]}" for key in ("first_loss", "in_the_end"))
        return [(first, *map(_first_loss, both)), (end, *map(_in_the_end, both))]  # type: ignore[list-item]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Letters and statements."""
        return [(letter, candidate.says()) for letter, candidate in zip(LETTERS, self.candidates)]

    def answer(self, letter: Any = None) -> Verdict:
        """What speaks for this candidate, or against it."""
        if letter is None or letter is ...:
            return Verdict("open")
        chosen = dict(zip(LETTERS, self.candidates)).get(choice(letter))
        if chosen is None:
            letters = ", ".join(f'"{known}"' for known, _ in self.choices)
            shown = f"{letter!r}"[:40].strip("'\"")
            return Verdict("look", self._say["unknown"].format(answer=shown, letters=letters))
        return self._fits() if chosen == self._illness else self._against(chosen)

    def _fits(self) -> Verdict:
        words = self._illness.words()
        blocks = lesson(*self._illness)
        return Verdict("right", words.get("means", ""), blocks=blocks)

    def _against(self, chosen: Illness) -> Verdict:
        """Where the chosen one's curves are not the patient's, and both of them drawn."""
        mine, other = self._illness.effects(), chosen.effects()
        told = list(filter(None, (_difference(name, other[name], mine[name]) for name in mine)))
        blocks = (Text(" ".join(told), self._say["differs"]), self._curves(chosen))
        return Verdict("look", self._say["not_it"], blocks=blocks)

    def _curves(self, chosen: Illness) -> Drawn:
        labels = phrases("effects")["lesson"]["labels"]
        drawn, words = {}, []
        for name, named in effects_of(self._illness.id).items():
            mine, other = named[self._illness.mistake], chosen.effects()[name]
            drawn[name] = [
                Line(labels["right"], named[RIGHT], "right"),
                Line(labels["patient"], mine, "wrong"),
                Line(labels["chosen"], other, "chosen"),
            ]
            words.append(panel_in_words(chosen.id, name, (other, named[RIGHT]), "chosen"))
            words.append(self._say["alt"]["patient"].format(end=_in_the_end(mine)))
        return panels(self._illness.id, drawn, " ".join(words))

    # -- showing -------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        options = "\n".join(f"    {letter}) {says}" for letter, says in self.choices)
        parts = (self._say["question"], self._network(), str(self.table()), options, self._say["how"])
        return "\n".join(parts)

    def _network(self) -> str:
        words = phrases("effects")["networks"][network_of(self._illness.id)]
        return f"{self._say['network']}: {words['about']}."

    def _repr_html_(self) -> str:
        options = "".join(
            f"<div><strong>{letter}</strong>&ensp;{marked(says)}</div>" for letter, says in self.choices
        )
        return (
            f"<p><strong>{marked(self._say['question'])}</strong><br><small>{marked(self._network())}</small></p>"
            f'{self.table().html()}<div style="margin: 0.6em 0">{options}</div>'
            f"<p>{marked(self._say['how'])}</p>"
        )

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        display(self.picture())
        display(HTML(self._repr_html_()))


def _first_loss(effect: Effect) -> str:
    return f"{effect.start:.3g}".replace("nan", "NaN")


def _in_the_end(effect: Effect) -> str:
    say = phrases("effects")["hospital"]
    if effect.ends != "trained":
        return say["broke_off"].format(step=effect.step)
    return f"{percent(effect.median)}%"


def _difference(optimizer: str, chosen: Effect, patient: Effect) -> str:
    """How two runs differ; "" where they do not."""
    seen, say = difference(chosen, patient), phrases("effects")
    if not seen:
        return ""
    told = _in_the_end if seen == "end" else _first_loss
    name = say["optimisers"][optimizer]["name"]
    return say["hospital"][f"at_the_{seen}"].format(opt=name, chosen=told(chosen), patient=told(patient))
