"""An exercise's task and its worked answer as Markdown, whose code JupyterLab colours in its own theme."""

from __future__ import annotations

from typing import Any

from .engine.exercise import Exercise
from .engine.kinds import Choice, NameTheBug, PredictExplain, Variant
from .engine.texts import phrases


class Worked:
    """The worked answer of an exercise, and why it is right."""

    def __init__(self, exercise: Exercise) -> None:
        say = phrases("check")["solution"]
        self.heading = say["heading"].format(id=exercise.id, title=exercise.title)
        self.code = _solution(exercise)
        self.is_code = not isinstance(exercise, Choice) and bool(self.code)
        self.missing = "" if self.code else say["none"]
        self.explanation = exercise.words.get("explanation", "").strip()
        self.advice = say["hint"] if self.is_code else ""

    def __repr__(self) -> str:
        return "\n\n".join(filter(None, [self.heading, self.code, self.missing, self.explanation]))

    def _repr_markdown_(self) -> str:
        code = f"```python\n{self.code}\n```" if self.is_code else self.code
        parts = [f"**{self.heading}**", code, self.missing, self.explanation]
        return "\n\n".join(filter(None, [*parts, self.advice and f"*{self.advice}*"]))


def constants(exercise: Exercise) -> list[str]:
    """The constants of this student's variant, and its number, from which a teacher draws the same ones."""
    if not isinstance(exercise, Variant):
        return []
    drawn = ", ".join(f"{name} {value}" for name, value in exercise.k.items())
    return [phrases("check")["task"]["constants"].format(constants=drawn, seed=exercise.student)]


def _solution(exercise: Exercise) -> str:
    try:
        return exercise.solution()
    except AssertionError:  # none was declared
        return ""


class Task:
    """What an exercise asks: its words, its symptom, its options."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.symptom: Any = exercise.symptom() if isinstance(exercise, NameTheBug) else ""

    @property
    def facts(self) -> str:
        say, e = phrases("check")["task"], self.exercise
        kind, level = say["kinds"].get(e.kind, e.kind), say["levels"][e.level - 1]
        return say["facts"].format(kind=kind, level=level, minutes=e.minutes)

    def _above(self) -> list[str]:
        text = self.exercise.words.get("task", "").strip()
        return [f"**{self.exercise.id} {self.exercise.title}** ({self.facts})", text]

    def _below(self) -> list[str]:
        say, e = phrases("check")["task"], self.exercise
        if isinstance(e, Choice):
            how = say["predict"] if isinstance(e, PredictExplain) else say["choose"]
            options = "\n".join(f"* **{letter}**: {text}" for letter, text in e.choices)
            return [options, how.format(id=e.id, unit=getattr(e, "unit", ""))]
        named = e.name in e.words.get("task", "")  # the task says it already
        return ["" if named else say["write"].format(signature=e.signature), *constants(e)]

    def __repr__(self) -> str:
        seen = getattr(self.symptom, "alt", self.symptom)
        return "\n\n".join(filter(None, [*self._above(), str(seen), *self._below()])).replace("**", "")

    def _ipython_display_(self) -> None:
        """The picture of a symptom stands between the task and the options."""
        from IPython.display import Markdown, display

        if not self.symptom or isinstance(self.symptom, str):
            symptom = f"```text\n{self.symptom}\n```" if self.symptom else ""  # a table keeps its columns
            shown = "\n\n".join(filter(None, [*self._above(), symptom, *self._below()]))
            display({"text/markdown": shown, "text/plain": repr(self)}, raw=True)
            return
        display(Markdown("\n\n".join(filter(None, self._above()))))
        display(self.symptom)
        display(Markdown("\n\n".join(filter(None, self._below()))))
