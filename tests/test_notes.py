"""Speaker notes: in every part the time it takes, what the room gets wrong, and what to ask it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tinynn.course.classroom.cells import read
from tinynn.course.classroom.contents import chapter, is_note

CHAPTERS = sorted((Path(__file__).resolve().parent.parent / "chapters").glob("[0-9][0-9]*_*.ipynb"))
LINES = ("Time:", "Likely wrong:", "Ask:")
TIME = re.compile(r"^Time: (\d+) minutes?\b(.*)$", re.MULTILINE)
LONG_ENOUGH = 20  # characters behind "Likely wrong:" and "Ask:"

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def parts(notebook: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """From each cell that opens a slide of its own to the next: its first line, and the notes in it."""
    title, notes = "", []
    for cell in notebook["cells"]:
        if cell["metadata"].get("slideshow", {}).get("slide_type") == "slide":
            if title:
                yield title, notes
            title, notes = cell["source"].splitlines()[0], []
        elif is_note(cell):
            notes.append(cell["source"])
    yield title, notes


def lacking(notes: list[str]) -> list[str]:
    """What of the three lines a part's notes lack; they stand in one note, each once."""
    best = max(notes, key=lambda note: sum(len(said(note, line)) == 1 for line in LINES), default="")
    missing = [line for line in LINES if len(said(best, line)) != 1]
    missing += [] if TIME.search(best) else ["Time: N minutes"]
    short = [line for line in LINES[1:] if line not in missing and len(said(best, line)[0]) < LONG_ENOUGH]
    return missing + [f"{line} says nothing" for line in short]


def said(note: str, line: str) -> list[str]:
    return re.findall(rf"^{line} (.+)$", note, re.MULTILINE)


@every_chapter
def test_every_part_has_its_time_its_wrong_answers_and_its_question(path: Path):
    without = {title: lacking(notes) for title, notes in parts(read(path)) if lacking(notes)}
    assert without == {}


@every_chapter
def test_the_times_add_up_to_the_time_of_the_chapter(path: Path):
    """A part that is beyond the hour says so in its line and is not counted; a project has no such time."""
    declared = chapter(path).minutes
    if declared is None:
        pytest.skip("hours, as long as the student likes")
    lines = [found for _, notes in parts(read(path)) for note in notes for found in TIME.findall(note)]
    assert sum(int(minutes) for minutes, rest in lines if "beyond the hour" not in rest) == declared


# -- the rule itself -------------------------------------------------------------------------------------

GOOD = "Time: 5 minutes.\n\nLikely wrong: the transpose, x.T @ dy.\n\nAsk: which axis is in dy and not in dw?"


def cell(source: str, kind: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {"slideshow": {"slide_type": kind}}}


def test_a_part_with_all_three_lines_lacks_nothing():
    assert lacking(["Without lines.", GOOD]) == []


@pytest.mark.parametrize("line", LINES)
def test_a_part_without_one_of_the_lines_is_found(line: str):
    assert line in lacking([GOOD.replace(line, "Said:")])


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [("5 minutes", "some minutes", "Time: N minutes"), ("the transpose, x.T @ dy", "all", "says nothing")],
)
def test_an_empty_line_is_found(old: str, new: str, lacks: str):
    assert lacks in " ".join(lacking([GOOD.replace(old, new)]))


def test_lines_in_two_notes_are_not_one_note():
    assert lacking(GOOD.split("\n\n")) != []


def test_a_note_belongs_to_the_slide_before_it():
    cells = [cell("# One", "slide"), cell(GOOD, "notes"), cell("more", "subslide"), cell("## Two", "slide")]
    assert list(parts({"cells": cells})) == [("# One", [GOOD]), ("## Two", [])]
