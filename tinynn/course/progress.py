"""The course's map: chapters, exercises, minutes, what is done, which mistakes were met."""

from __future__ import annotations

import html
import json
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from .engine.exercise import Exercise, catalogue
from .engine.kinds import in_words
from .engine.record import Record, record
from .engine.texts import phrases
from .engine.verdict import marked

LINE = "var(--jp-border-color2, #9e9e9e)"
COLOURS = {"done": "var(--jp-success-color1, #2e7d32)", "tried": "var(--jp-warn-color1, #c65102)"}


class Row(NamedTuple):
    """An exercise on the map; `state` is done, tried or open, `words` says so."""

    id: str
    title: str
    minutes: int
    state: str
    words: str
    mistakes: tuple[str, ...]


class Map:
    """All exercises and how far each is. `progress` gives it."""

    def __init__(self, rows: list[Row], kept: str) -> None:
        self.rows, self.kept = rows, kept

    @property
    def done(self) -> int:
        return sum(row.state == "done" for row in self.rows)

    def chapters(self) -> list[tuple[str, list[Row]]]:
        return [(c, list(rows)) for c, rows in groupby(self.rows, key=lambda row: row.id.split(".")[0])]

    def _sums(self, rows: list[Row]) -> dict[str, int]:
        finished = [row for row in rows if row.state == "done"]
        minutes, total = (sum(row.minutes for row in some) for some in (finished, rows))
        return {"done": len(finished), "all": len(rows), "minutes": minutes, "total": total}

    def _heading(self, chapter: str, rows: list[Row]) -> str:
        return phrases("check")["progress"]["chapter"].format(chapter=title(chapter), **self._sums(rows))

    def _whole(self) -> str:
        return phrases("check")["progress"]["whole"].format(**self._sums(self.rows))

    def __repr__(self) -> str:
        lines = [phrases("check")["progress"]["heading"], ""]
        for chapter, rows in self.chapters():
            lines.append(self._heading(chapter, rows))
            lines += [f"    {_line(row)}" for row in rows]
        return "\n".join([*lines, "", self._whole(), self.kept])

    def _repr_html_(self) -> str:
        say = phrases("check")["progress"]
        head = "".join(f'<th scope="col" style="{_cell()}">{html.escape(c)}</th>' for c in say["columns"])
        body = "".join(self._group(chapter, rows) for chapter, rows in self.chapters())
        style = "border-collapse: collapse; margin: 0.4em 0; color: inherit; background: transparent"
        return (
            f'<table style="{style}"><caption style="text-align: left; padding: 0.3em 0">'
            f"<strong>{html.escape(say['heading'])}.</strong> {html.escape(self._whole())}</caption>"
            f"<thead><tr>{head}</tr></thead>{body}</table><small>{html.escape(self.kept)}</small>"
        )

    def _group(self, chapter: str, rows: list[Row]) -> str:
        words = html.escape(self._heading(chapter, rows))
        heading = f'<th scope="rowgroup" colspan="4" style="{_cell()}">{words}</th>'
        return f"<tbody><tr>{heading}</tr>{''.join(map(_row, rows))}</tbody>"


def _line(row: Row) -> str:
    met = f"  {', '.join(row.mistakes)}" if row.mistakes else ""
    return f"{row.words:<22} {row.id} {row.title} ({row.minutes} min){met}"


def _row(row: Row) -> str:
    name = f'<th scope="row" style="{_cell()}; font-weight: normal">{row.id} {marked(row.title)}</th>'
    state = f'<span style="color: {COLOURS.get(row.state, "inherit")}">{html.escape(row.words)}</span>'
    cells = (str(row.minutes), state, html.escape(", ".join(row.mistakes)))
    return f"<tr>{name}{''.join(f'<td style={_quoted(_cell())}>{c}</td>' for c in cells)}</tr>"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _cell() -> str:
    frame = f"padding: 0.2em 1em 0.2em 0.4em; border-bottom: 1px solid {LINE}"
    return f"text-align: left; {frame}; background: transparent"


def progress() -> Map:
    """The map of the course, with what is done in this folder of copies."""
    known, say = record(), phrases("check")["progress"]
    met = known.met()
    rows = [_about(exercise, known, met) for exercise in catalogue().values()]
    kept = say["kept"].format(path=known.path) if known.path else say["not_kept"]
    return Map(rows, " ".join([kept, *known.notes]))


def _about(exercise: Exercise, known: Record, met: dict[tuple[str, str], int]) -> Row:
    state = "done" if known.solved(exercise.id) else "tried" if known.attempts(exercise.id) else "open"
    mistakes = tuple(in_words(name) for id, name in met if id == exercise.id)
    return Row(exercise.id, exercise.title, exercise.minutes, state, _state(exercise, known, state), mistakes)


def _state(exercise: Exercise, known: Record, state: str) -> str:
    say, tries, hints = (
        phrases("check")["progress"],
        len(known.attempts(exercise.id)),
        known.hints(exercise.id),
    )
    first = say["tried_once"] if state == "tried" and tries == 1 else say[state].format(n=tries)
    taken = say["hints"].format(n=hints, of=len(exercise.hints)) if hints else ""
    shown = say["shown"] if exercise.id in known.read()["shown"] else ""
    return ", ".join(filter(None, [first, taken, shown]))


@cache
def title(chapter: str) -> str:
    """Number and name of a chapter, as its notebook's first line says; the number where there is none."""
    folder = Path(__file__).resolve().parent.parent.parent / "chapters"
    for path in sorted(folder.glob(f"{chapter}_*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        return first.splitlines()[0].lstrip("# ")
    return phrases("check")["progress"]["chapters"].get(chapter, chapter)
