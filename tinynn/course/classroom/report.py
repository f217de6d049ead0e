"""What grading writes: a CSV for the LMS, Gradescope's results.json, and a page to read."""

from __future__ import annotations

import csv
import html
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...atomic import write
from ..engine.exercise import catalogue
from .isolation import SAID

SIGNS = {"right": "✓", "look": "✗", "open": "○", "missing": "–"}
WORDS = {"right": "right", "look": "wrong", "open": "not tried", "missing": "not in the notebook"}


class Mark(NamedTuple):
    """One exercise of one student.

    `kind` is a key of `WORDS`; `diagnosis` and `names` are the verdict's: what was recognised, and how;
    `notes` are for the teacher alone.
    """

    id: str
    kind: str
    headline: str = ""
    diagnosis: str = ""
    names: tuple[str, ...] = ()
    why: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return int(self.kind == "right")


class Graded(NamedTuple):
    """One submission: its marks, or the problem that left it without any."""

    student: str
    file: str
    marks: tuple[Mark, ...]
    problem: str = ""
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)


def write_all(out: Path, graded: Sequence[Graded], level: str, release: str) -> None:
    """Every file, each whole or not at all."""
    write(out / "grades.csv", grades_csv(graded).encode("utf-8-sig"))  # the mark by which Excel knows UTF-8
    for one in graded:
        text = json.dumps(gradescope(one), indent=1, ensure_ascii=False)
        write(out / "gradescope" / _file_name(one.student) / "results.json", text.encode("utf-8"))
    write(out / "report.html", page(graded, level, release).encode("utf-8"))


def grades_csv(graded: Sequence[Graded]) -> str:
    """A line a student: points in all, points an exercise, and what was wrong as a whole."""
    ids = [mark.id for mark in graded[0].marks] if graded else []
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(["student", "points", "out of", *ids, "problem", "notes", "file"])
    for one in graded:
        notes = "; ".join(f"{m.id} {note}" for m in one.marks for note in m.notes)
        row = [
            one.student,
            one.points,
            len(ids),
            *(m.points for m in one.marks),
            one.problem,
            notes,
            one.file,
        ]
        table.writerow([_harmless(cell) for cell in row])
    return lines.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet runs a cell that begins with one of these signs: a name must not become a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell


def _file_name(student: str) -> str:
    return "".join(c if c.isalnum() or c in "-_. " else "_" for c in student).strip(". ") or "_"


def gradescope(one: Graded) -> dict:
    """The results.json that Gradescope reads: its Autograder Specifications, Output Format."""
    tests = [
        {
            "name": f"{mark.id} {_title(mark.id)}".strip(),
            "number": mark.id,
            "score": mark.points,
            "max_score": 1,
            "status": "passed" if mark.points else "failed",
            "output": "\n".join(filter(None, [mark.headline or WORDS[mark.kind], mark.why])),
            "visibility": "visible",
        }
        for mark in one.marks
    ]
    return {
        "score": one.points, "execution_time": round(one.seconds), "output": one.problem,
        "visibility": "visible", "tests": tests,
    }  # fmt: skip


def _title(id: str) -> str:
    exercise = catalogue().get(id)
    return exercise.title if exercise else ""


# -- the summary ---------------------------------------------------------------------------------------


class Misconception(NamedTuple):
    """A mistake, and in how many answers it was recognised."""

    id: str
    name: str
    answers: int
    means: str


def misconceptions(graded: Sequence[Graded]) -> list[Misconception]:
    """The mistakes that dominate, the most frequent first."""
    named = [m for one in graded for m in one.marks if m.diagnosis not in ("exception", "limit", "nothing")]
    counts = Counter((m.id, name) for m in named for name in m.names)
    told = {(m.id, name): m.why.split(". ")[0] for m in reversed(named) for name in m.names}
    return [Misconception(*key, n, _means(*key) or told[key]) for key, n in counts.most_common()]


def _means(id: str, name: str) -> str:
    """The bank's words for a mistake, "" for one that is recognised by its signature alone."""
    exercise = catalogue().get(id)
    words = exercise.words.get("mistakes", {}).get(name, {}) if exercise else {}
    return words.get("means", "")


def in_short(graded: Sequence[Graded]) -> str:
    """What the terminal says at the end."""
    lines = []
    for mark in graded[0].marks if graded else ():
        kinds = Counter(m.kind for one in graded for m in one.marks if m.id == mark.id)
        said = ", ".join(f"{n} {WORDS[kind]}" for kind, n in kinds.most_common())
        lines.append(f"{mark.id}  {_title(mark.id)}: {said}")
    found = misconceptions(graded)[:8]
    lines += ["", "Most frequent mistakes:"] if found else []
    lines += [f"{m.answers:4}  {m.id}  {m.means}" for m in found]
    return "\n".join(lines)


# -- the page --------------------------------------------------------------------------------------------

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color-scheme: light dark; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid #8888; padding: .2rem .6rem; text-align: left; vertical-align: top; }
th { font-weight: 600; }
.wall { border-left: .3rem solid #7a7a7a; padding: .4rem 1rem; }
.none { border-color: #d55e00; font-weight: 600; }
pre { white-space: pre-wrap; margin: .2rem 0; font-size: .9rem; }
"""


def page(graded: Sequence[Graded], level: str, release: str) -> str:
    """One page: how it was run, a table of all, what most got wrong, and each student."""
    ids = [mark.id for mark in graded[0].marks] if graded else []
    parts = [
        f'<p class="wall {level}">Isolation. {html.escape(SAID[level])}</p>',
        f"<p>{len(graded)} submissions, {len(ids)} exercises, tinynn {html.escape(release)}.</p>",
        "<h2>What most got wrong</h2>", _misconceptions(graded),
        "<h2>All students</h2>", _overview(graded, ids),
        "<h2>Each student</h2>", *map(_student, graded),
    ]  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Grades</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>Grades</h1>{''.join(parts)}</body></html>\n"
    )


def _misconceptions(graded: Sequence[Graded]) -> str:
    found = misconceptions(graded)
    if not found:
        return "<p>No mistake was recognised by name.</p>"
    rows = [(m.answers, f"{m.id} {_title(m.id)}", m.means) for m in found]
    return _table(("answers", "exercise", "mistake"), rows)


def _overview(graded: Sequence[Graded], ids: list[str]) -> str:
    rows = [
        (one.student, f"{one.points} of {len(ids)}", *(SIGNS[m.kind] for m in one.marks), one.problem)
        for one in graded
    ]
    legend = ", ".join(f"{SIGNS[k]} {w}" for k, w in WORDS.items())
    return _table(("student", "points", *ids, "problem"), rows) + f"<p>{legend}</p>"


def _student(one: Graded) -> str:
    rows = [(f"{m.id} {_title(m.id)}", f"{SIGNS[m.kind]} {WORDS[m.kind]}", _said(m), "; ".join(m.notes))
            for m in one.marks]  # fmt: skip
    problem = f"<p>{html.escape(one.problem)}</p>" if one.problem else ""
    head = f"<summary>{html.escape(one.student)}: {one.points} of {len(one.marks)}</summary>"
    columns = ("exercise", "verdict", "diagnosis", "for the teacher")
    return f"<details>{head}{problem}{_table(columns, rows)}</details>"


def _said(mark: Mark) -> str:
    return "\n".join(filter(None, [mark.headline, mark.why]))


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in columns)
    body = "".join(
        f'<tr><th scope="row">{html.escape(str(row[0]))}</th>'
        + "".join(f"<td><pre>{html.escape(str(cell))}</pre></td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
