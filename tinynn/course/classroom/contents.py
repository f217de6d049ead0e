"""What a chapter holds, counted: words, code, exercises, widgets, predictions, in the hour and beyond it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engine.exercise import catalogue
from ..work import FIRST_CELL
from .cells import checks, read

CODE_OR_FORMULA = re.compile(r"```.*?```|\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]*`", re.DOTALL)
FENCED = re.compile(r"```.*?```", re.DOTALL)
WORD = re.compile(r"[^\W\d_][\w'’-]*")
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
WIDGET = re.compile(r"\b(?:sliders?|stepper|cockpit|Live|ByHand)\(")
PREDICTION = re.compile(r"\bpredict\(")
OPENING = re.compile(r"^opening\(", re.MULTILINE)
BEYOND = re.compile(r"beyond the hour", re.IGNORECASE)


@dataclass
class Amount:
    """What there is to read, run, guess, move and write."""

    words: int = 0
    words_of_tasks: int = 0
    formulas: int = 0
    cells: int = 0
    lines: int = 0
    lines_of_tasks: int = 0
    widgets: int = 0
    predictions: int = 0
    openings: int = 0
    exercises: list[str] = field(default_factory=list)

    @property
    def exercise_minutes(self) -> int:
        """As declared with each exercise; one without a declaration yet counts nothing."""
        return sum(catalogue()[id].minutes for id in self.exercises if id in catalogue())


@dataclass
class Chapter:
    """A chapter's opening lines, and its amounts inside the hour and beyond it."""

    path: Path
    title: str
    question: str
    assumed: str
    minutes: int | None
    inside: Amount
    beyond: Amount
    digest: str

    @property
    def number(self) -> str:
        return self.path.stem.split("_")[0]

    @property
    def is_project(self) -> bool:
        """A part's project (``06p``): hours of work, outside the hour of a chapter."""
        return self.number.endswith("p")

    @property
    def needs(self) -> list[str]:
        """The chapters that *Assumed* names, without the part that says of which nothing is needed."""
        named = ";".join(part for part in self.assumed.split(";") if "nothing of" not in part)
        return re.findall(r"\b(\d\d[ab]?)\b", named)


def chapter(path: Path) -> Chapter:
    """Read one notebook; what is not written yet is empty or None.

    Raises
    ------
    FileError
        What is no notebook.
    """
    notebook = read(path)
    opening = notebook["cells"][0]["source"] if notebook["cells"] else ""
    time = re.search(r"(\d+) minutes", opening_row(opening, "Time"))
    inside, beyond = Amount(), Amount()
    for cell, is_beyond, task in placed(notebook):
        count(cell, beyond if is_beyond else inside, task)
    return Chapter(
        path, _first(r"^# (?:\d\d[a-z]? )?(.+)$", opening), _first(r"^\*\*(.+\?)\*\*$", opening),
        opening_row(opening, "Assumed"), int(time.group(1)) if time else None,
        inside, beyond, digest(notebook),
    )  # fmt: skip


def opening_row(opening: str, label: str) -> str:
    """The text beside ``**label**`` in the table that opens a chapter."""
    return _first(rf"^\| \*\*{label}\*\* \| (.+?) \|$", opening)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def digest(notebook: dict[str, Any]) -> str:
    """Changes with the code, and only with it: a measured run belongs to it."""
    code = "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def is_note(cell: dict[str, Any]) -> bool:
    """Speaker notes are folded away, and no reader of the chapter needs them."""
    return cell.get("metadata", {}).get("slideshow", {}).get("slide_type") == "notes"


def placed(notebook: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool, bool]]:
    """Each cell that is read, whether it is beyond the hour, and whether it belongs to an exercise.

    A part whose heading says so is beyond up to the next heading of its level. An exercise that says so below
    its heading is beyond up to the cell that checks it: what follows belongs to the part again. A text cell
    that holds a part's heading and an exercise's is handed out in two pieces.
    """
    part = exercise = task = False
    for cell in notebook["cells"]:
        for piece in [] if is_note(cell) else pieces(cell):
            source = piece["source"] if piece["cell_type"] == "markdown" else ""
            for heading in re.findall(r"^#{1,3} .+$", source, re.MULTILINE):
                exercise, task = False, heading.startswith("### Exercise")
                part = part if heading.startswith("###") else bool(BEYOND.search(heading))
            if task and source:
                exercise |= bool(re.search(r"^\*[^*]*beyond the hour[^*]*\*", source, re.MULTILINE))
            yield piece, part or exercise, task
            if piece["cell_type"] == "code" and checks(piece["source"]):
                exercise = task = False


def pieces(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """A text cell cut before each exercise's heading; any other cell whole."""
    if cell["cell_type"] != "markdown":
        return [cell]
    return [
        cell | {"source": s} for s in re.split(r"^(?=### Exercise)", cell["source"], flags=re.MULTILINE) if s
    ]


def count(cell: dict[str, Any], amount: Amount, task: bool) -> None:
    """Add a cell. What belongs to an exercise (`task`) is counted apart: its minutes stand for it."""
    source = cell["source"]
    if cell["cell_type"] == "markdown":
        amount.words += words(source)
        amount.words_of_tasks += words(source) if task else 0
        amount.formulas += 0 if task else len(FORMULA.findall(FENCED.sub("", source)))
    elif cell["cell_type"] == "code":
        lines = sum(1 for line in source.removeprefix(FIRST_CELL.rstrip()).splitlines() if line.strip())
        amount.lines += lines
        amount.lines_of_tasks += lines if task else 0
        amount.cells += not task
        amount.widgets += len(WIDGET.findall(source))
        amount.predictions += len(PREDICTION.findall(source))
        amount.openings += len(OPENING.findall(source))
        amount.exercises += [id for _, id, _ in checks(source) if id not in amount.exercises]


def words(text: str) -> int:
    """The words of a text cell, without code, formulas and the addresses of links."""
    text = re.sub(r"<[^>]+>|\]\([^)]*\)", " ", CODE_OR_FORMULA.sub(" ", text))
    return len(WORD.findall(text))
