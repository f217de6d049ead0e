"""``python -m tinynn solutions DIR``: the chapters with every exercise solved, for instructors."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any

from ...errors import FileError
from ..engine.exercise import Exercise, catalogue, find
from ..work import chapters_in, find_chapter, project_folder
from .cells import checks, read, write


def solved(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy whose exercise cells hold the worked answers, the explanation below each, and no outputs."""
    result = copy.deepcopy(notebook)
    result["cells"] = [new for cell in result["cells"] for new in _solved_cell(cell)]
    return result


def _solved_cell(cell: dict[str, Any]) -> list[dict[str, Any]]:
    if cell["cell_type"] != "code":
        return [cell]
    cell |= {"outputs": [], "execution_count": None}
    found = checks(cell["source"])
    if not found or found[0][1] not in catalogue():
        return [cell]
    statement, id, _ = found[0]
    exercise = find(id)
    lines = cell["source"].split("\n")
    kept = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
    gap = "\n\n\n" if exercise.solution().lstrip().startswith(("def ", "class ")) else "\n\n"
    cell["source"] = exercise.solution().rstrip() + gap + kept
    return [cell, *_explained(cell, exercise)]


def _explained(cell: dict[str, Any], exercise: Exercise) -> list[dict[str, Any]]:
    """What an instructor wants to read beside the answer: why it is so, and what students write instead."""
    mistakes = exercise.words.get("mistakes", {})
    lines = [f"**Solution {exercise.id}.** {exercise.words.get('explanation', '').strip()}"]
    if mistakes:
        lines.append("Known mistakes:\n\n" + "\n".join(f"* {m['means'].strip()}" for m in mistakes.values()))
    note = {"cell_type": "markdown", "id": f"{cell.get('id', exercise.id)}-solution"[:64], "metadata": {}}
    return [{**note, "source": "\n\n".join(lines)}] if lines[0].endswith(".") or mistakes else []


def unsolved(notebook: dict[str, Any]) -> list[str]:
    """Ids that a notebook checks and no declaration knows."""
    return [
        id
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for _, id, _ in checks(cell["source"])
        if id not in catalogue()
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", help="where to write the solved copies")
    parser.add_argument("chapters", nargs="*", help="numbers or names: 03 (all)")


def run(args: argparse.Namespace) -> int:
    source, out = project_folder("solutions") / "chapters", Path(args.folder)
    if out.resolve() == source.resolve():
        raise FileError("solutions", f"{out}, which holds the chapters themselves", "another folder")
    wanted = [find_chapter(source, name) for name in args.chapters] or chapters_in(source)
    for path in wanted:
        write(out / path.name, solved(read(path)))
        print(f"{out / path.name}")
    print(f"{len(wanted)} solved. Keep them from your students: the answers stand in plain text.")
    return 0
