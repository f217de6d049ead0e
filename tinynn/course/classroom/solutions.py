"""``python -m tinynn solutions DIR``: the chapters with every exercise solved, for instructors."""

from __future__ import annotations

import argparse
import ast
import copy
from pathlib import Path
from typing import Any

from ...errors import FileError
from ..engine.exercise import Exercise, catalogue, find
from ..engine.kinds import Choice, PredictExplain
from ..work import chapters_in, find_chapter, project_folder
from .cells import checks, parsed, read, write


def solved(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy whose exercise cells hold the worked answers, the explanation below each, and no outputs.

    Predictions are made too, so that a copy runs from top to bottom and shows every result.
    """
    result = copy.deepcopy(notebook)
    result["cells"] = [new for cell in result["cells"] for new in _solved_cell(cell)]
    return result


def _solved_cell(cell: dict[str, Any]) -> list[dict[str, Any]]:
    if cell["cell_type"] != "code":
        if cell["metadata"].get("slideshow", {}).get("slide_type") == "notes":
            cell["source"] = cell["source"].replace("<details>", "<details open>", 1)
        return [cell]
    cell |= {"outputs": [], "execution_count": None}
    cell["source"] = _predicted(cell["source"])
    found = checks(cell["source"])
    if not found or found[0][1] not in catalogue():
        return [cell]
    statement, id, _ = found[0]
    exercise = find(id)
    if not getattr(exercise, "within", ""):  # else the answer stands in another exercise's cell already
        cell["source"] = _answered(exercise, ast.get_source_segment(cell["source"], statement) or "")
    return [cell, *_explained(cell, exercise)]


def _answered(exercise: Exercise, check: str) -> str:
    """The source of a cell that hands the worked answer to `check`."""
    if isinstance(exercise, PredictExplain):
        return f'check("{exercise.id}", ({exercise.outcome:.3g}, "{exercise.letter(exercise.truth)}"))'
    if isinstance(exercise, Choice):
        return f'check("{exercise.id}", "{exercise.letter(exercise.truth)}")'
    answer = exercise.solution().rstrip()
    if _is_expression(answer):
        return f'check("{exercise.id}", {answer})'
    return f"{answer}\n\n\n{check}"


def _is_expression(code: str) -> bool:
    """Whether it is a value, and no definition or assignment."""
    tree = parsed(code)
    return tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)


def _predicted(source: str) -> str:
    """``predict(question, unit=...)`` with a guess, the first of the options where there are some."""
    tree = parsed(source)
    calls = [n for n in ast.walk(tree or ast.Module([], [])) if isinstance(n, ast.Call)]
    for call in sorted(calls, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        if getattr(call.func, "id", "") == "predict" and "guess" not in {k.arg for k in call.keywords}:
            segment = ast.get_source_segment(source, call) or ""
            source = source.replace(segment, f"{segment[:-1].rstrip().rstrip(',')}, guess={_guess(call)})", 1)
    return source


def _guess(call: ast.Call) -> str:
    """A prediction for somebody who only wants to see the result."""
    options = next(
        (k.value for k in call.keywords if k.arg == "options"), call.args[1] if call.args[1:] else None
    )
    return ast.unparse(options.elts[0]) if isinstance(options, (ast.List, ast.Tuple)) else "10"


def _explained(cell: dict[str, Any], exercise: Exercise) -> list[dict[str, Any]]:
    """What an instructor wants to read beside the answer: why it is so, and what students write instead."""
    mistakes = exercise.words.get("mistakes", {})
    lines = [f"**Solution {exercise.id}.** {exercise.words.get('explanation', '').strip()}"]
    if mistakes:
        lines.append("Known mistakes:\n\n" + "\n".join(f"* {m['means'].strip()}" for m in mistakes.values()))
    note = {"cell_type": "markdown", "id": f"{cell.get('id', exercise.id)}-solution"[:64], "metadata": {}}
    return [{**note, "source": "\n\n".join(lines)}] if lines[0].endswith(".") or mistakes else []


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
