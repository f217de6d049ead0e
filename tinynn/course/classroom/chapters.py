"""``python -m tinynn chapters``: the course in numbers, and its map and glossary in ``chapters/``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import FileError
from ..work import chapters_in, project_folder
from . import glossary
from .cells import read
from .contents import Amount, Chapter, chapter
from .estimate import HOW, whole

TIMES = "run_times.json"
"""In chapters/: what the last ``--run`` measured, its date and its machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", action="store_true", help="run every chapter and keep how long it took")
    parser.add_argument("--write", action="store_true", help="write map, table and glossary into chapters/")


def run(args: argparse.Namespace) -> int:
    folder = project_folder("chapters") / "chapters"
    if args.run:
        from .stopwatch import measure

        save_times(folder, measure(chapters_in(folder)))
    chapters, times = read_all(folder), load_times(folder)
    print(table(chapters, times))
    for key, where in glossary.repeated(terms(folder)).items():
        reason = glossary.REPEATED.get(key, "no reason is given: one of the two should go")
        print(f"defined twice: {key} ({', '.join(where)}): {reason}")
    if args.write:
        for path, text in pages(folder).items():
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"written: {path}")
    return 0


def read_all(folder: Path) -> list[Chapter]:
    return [chapter(path) for path in chapters_in(folder)]


def terms(folder: Path) -> list[glossary.Term]:
    """The terms of all chapters; a project defines none."""
    return [
        term
        for found in read_all(folder)
        if not found.is_project
        for term in glossary.terms(read(found.path), found.path.stem)
    ]


def pages(folder: Path) -> dict[Path, str]:
    """The two pages as they should stand now."""
    readme, chapters = folder / "README.md", read_all(folder)
    text = readme.read_text(encoding="utf-8")
    text = put(text, "map", course_map(chapters))
    text = put(text, "table", table(chapters, load_times(folder)) + "\n\n" + HOW)
    return {readme: text, folder / "GLOSSARY.md": glossary.page(terms(folder))}


def put(text: str, name: str, content: str) -> str:
    """`text` with `content` between ``<!-- NAME -->`` and ``<!-- end of NAME -->``."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if begin not in text or end not in text.split(begin)[1]:
        raise FileError("chapters", f"README.md without {begin} and {end}", "both, in this order", begin)
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"


# -- the map and the table ---------------------------------------------------------------------------


def course_map(chapters: Iterable[Chapter]) -> str:
    """Each chapter with its question, what it assumes, its exercises and its minutes."""
    head = "| | question | assumes | exercises | minutes |\n|---|---|---|---|---|\n"
    return head + "\n".join(map(_map_row, chapters))


def _map_row(c: Chapter) -> str:
    more = f" and {len(c.beyond.exercises)} more" if c.beyond.exercises else ""
    name = f"[{c.number} {c.title.removeprefix(c.number).strip()}]({c.path.name})"
    minutes = "3 to 5 hours" if c.is_project else str(c.minutes or "not said yet")
    return _row(name, c.question, c.assumed, f"{len(c.inside.exercises)}{more}", minutes)


def table(chapters: Iterable[Chapter], times: dict[str, Any]) -> str:
    """What each chapter holds, how long it should take, and below it where the run times come from."""
    head = [
        "| | words | with beyond | code lines | exercises | run (s) | declared (min) | estimate (min) |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    return "\n".join([*head, *(_table_row(c, times) for c in chapters), "", _about(times)])


def _table_row(c: Chapter, times: dict[str, Any]) -> str:
    seconds = waiting(c, times)
    old = "" if times.get("chapters", {}).get(c.number, {}).get("digest") == c.digest else " *"
    return _row(
        c.number, c.inside.words, c.inside.words + c.beyond.words, c.inside.lines + c.beyond.lines,
        _exercises(c.inside, c.beyond), "-" if seconds is None else f"{seconds:.0f}{old}",
        "hours" if c.is_project else c.minutes or "-", "-" if c.is_project else whole(c, seconds or 0.0),
    )  # fmt: skip


def _exercises(inside: Amount, beyond: Amount) -> str:
    return (
        f"{len(inside.exercises)} + {len(beyond.exercises)}"
        if beyond.exercises
        else str(len(inside.exercises))
    )


def _about(times: dict[str, Any]) -> str:
    words = (
        "Words without code; exercises in the hour + beyond it; code lines with what is beyond, "
        "without those that every chapter begins with."
    )
    if not times:
        return f"{words}\nNo run time has been measured: `python -m tinynn chapters --run --write` does it."
    return (
        f"{words}\nRun times: one run each on {times['date']}, {times['machine']}. "
        "A star: the code has changed since, or was not run yet."
    )


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


# -- measured run times ------------------------------------------------------------------------------


def waiting(c: Chapter, times: dict[str, Any]) -> float | None:
    """Seconds that the chapter took when it was last measured, None where it never was."""
    found = times.get("chapters", {}).get(c.number)
    return float(found["seconds"]) if found else None


def load_times(folder: Path) -> dict[str, Any]:
    path = folder / TIMES
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def save_times(folder: Path, times: dict[str, Any]) -> None:
    text = json.dumps(times, indent=1, sort_keys=True)
    (folder / TIMES).write_text(text + "\n", encoding="utf-8", newline="\n")
