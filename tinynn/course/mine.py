"""A student's function inside the library: `use_mine` puts it there once its check has passed."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ..errors import ArgumentError
from .engine.exercise import Exercise, Fill, find
from .engine.record import record
from .engine.texts import phrases
from .engine.verdict import marked

_passed: dict[str, Callable] = {}  # by exercise: the latest function of this session that is right
_running: dict[str, Mine] = {}


class Mine:
    """A badge, and the way out: `stop`, or the end of a ``with`` block.

    Attributes
    ----------
    calls : int
        How often the library has called the student's function.
    running : bool
    """

    def __init__(self, exercise: Exercise, missing: str = "") -> None:
        self.exercise, self.missing = exercise, missing
        self.calls = 0
        self._swap: AbstractContextManager | None = None

    @property
    def running(self) -> bool:
        return self._swap is not None

    def start(self, function: Callable) -> None:
        """Put `function` in the library's place; one that is there already makes way."""
        assert isinstance(self.exercise, Fill) and self.exercise.swap is not None
        self.stop()
        function = self.exercise.ready(function)

        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return function(*args, **kwargs)

        self._swap = self.exercise.swap(counted)
        self._swap.__enter__()
        _running[self.exercise.id] = self

    def stop(self) -> None:
        """The library's own function runs again."""
        if self._swap is not None:
            self._swap.__exit__(None, None, None)
            self._swap = None
        if _running.get(self.exercise.id) is self:
            del _running[self.exercise.id]

    def __enter__(self) -> Mine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- showing -----------------------------------------------------------------------------------

    def _words(self) -> tuple[str, str, str]:
        """Mark, headline, text."""
        say = phrases("check")["mine"]
        if self.missing:
            return "○", say["off"], self.missing
        calls = say["call"] if self.calls == 1 else say["calls"].format(n=self.calls)
        name = self.exercise.name  # type: ignore[attr-defined]
        headline = say["runs" if self.running else "stopped"].format(name=name, calls=calls)
        return "●" if self.running else "○", headline, say["stop"].format(id=self.exercise.id) * self.running

    def __repr__(self) -> str:
        mark, headline, text = self._words()
        return f"{mark} {headline}. {text}".rstrip()

    def _repr_html_(self) -> str:
        mark, headline, text = self._words()
        colour = "var(--jp-success-color1, #2e7d32)" if self.running else "var(--jp-ui-font-color3, #757575)"
        style = (
            f"display: inline-block; border: 1px solid {colour}; border-radius: 1em; padding: 0.1em 0.9em; "
            "margin: 0.3em 0.6em 0.3em 0"
        )
        badge = f'<span style="{style}"><span aria-hidden="true">{mark}</span> {marked(headline)}</span>'
        return f"<div>{badge}<small>{marked(text)}</small></div>"


class Badges(list):
    """All badges, one below the other."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or phrases("check")["mine"]["none"]

    def _repr_html_(self) -> str:
        none = f"<small>{html.escape(phrases('check')['mine']['none'])}</small>"
        return "".join(m._repr_html_() for m in self) or none


def use_mine(id: str) -> Mine:
    """Let the function that passed ``check(id, ...)`` run inside the library, until `Mine.stop`.

    Without such a function the library's own goes on, and the badge says what is missing. As a context
    manager, ``with use_mine("03.1"):``, it stops at the end of the block.
    """
    exercise = find(id, "use_mine")
    missing = _missing(exercise)
    if missing:
        return Mine(exercise, missing)
    badge = _running.get(exercise.id) or Mine(exercise)
    if not badge.running:
        badge.start(_passed[exercise.id])
    return badge


def passed(id: str) -> Callable | None:
    """The function of this session that passed ``check(id, ...)``, the latest; None if there is none."""
    return _passed.get(find(id).id)


def yours(id: str) -> Callable:
    """The function that passed ``check(id, ...)``, to be called by hand; until then the library's own.

    Which of the two it is, is printed.
    """
    exercise = find(id, "yours")
    say = phrases("check")["mine"]
    if not isinstance(exercise, Fill) or exercise.true is None:
        got = f"{exercise.id} {exercise.title}"
        raise ArgumentError("yours", got, "an exercise that asks for a function")
    function = passed(id)
    print(say["yours" if function else "library"].format(name=exercise.name, id=exercise.id))
    return exercise.ready(function) if function else exercise.true


def _missing(exercise: Exercise) -> str:
    """Why nothing can be put in the library's place; "" if something can."""
    say = phrases("check")["mine"]
    if not isinstance(exercise, Fill) or exercise.swap is None:
        return say["no_place"].format(id=exercise.id, title=exercise.title)
    if exercise.id in _passed:
        return ""
    return say["passed_before" if record().solved(exercise.id) else "not_passed"].format(id=exercise.id)


def badge() -> Badges:
    """What of yours runs inside the library now, and how often it was called."""
    return Badges(_running.values())


def checked(exercise: Exercise, function: Callable, kind: str) -> list[str]:
    """Take note of a checked function: a right one replaces the version that runs. What to say about it."""
    say = phrases("check")["check"]
    running = _running.get(exercise.id)
    if kind != "right":
        return [say["still"]] if running and kind == "look" else []
    again = _passed.get(exercise.id) is function
    _passed[exercise.id] = function
    if running is None or again:
        return []
    running.start(function)
    return [say["replaced"]]
