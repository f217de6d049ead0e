"""Where a notebook's answers are: the code cells that call ``check("03.1", ...)``.

An exercise is found by its id, which never changes, and not by the place or the number of its cell: students
add cells, move them and delete them, and hand in notebooks of older releases.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import FileError
from ..engine.exercise import whole_id

LARGEST = 50_000_000  # bytes of a notebook: real ones stay below one million
MAGIC = re.compile(r"^([ \t]*)([%!?].*|.*\?[ \t]*)$", re.MULTILINE)  # IPython understands it, Python does not
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)


class Answer(NamedTuple):
    """An exercise's cell: which one, and the expression that is handed to `check`."""

    id: str
    cell: int
    expression: str
    source: str


def read(path: Path) -> dict[str, Any]:
    """The notebook in `path` as plain data, its cells' sources as single strings.

    Raises
    ------
    FileError
        What is no notebook, of whatever kind.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise FileError("notebook", f"{path.name}, {path.stat().st_size:,} bytes", f"at most {LARGEST:,}")
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
            cell["cell_type"] = str(cell["cell_type"])
        return notebook
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        if isinstance(problem, FileError):
            raise
        raise FileError(
            "notebook", f"{path.name} ({type(problem).__name__})", "a Jupyter notebook, format 4",
            "saved by JupyterLab under .ipynb",
        ) from problem  # fmt: skip


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Save, whole or not at all."""
    from ...atomic import write as write_bytes

    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    write_bytes(path, (text + "\n").encode("utf-8"))


def python_lines(source: str) -> str:
    """A cell's source; where it is no Python as it is, IPython's own lines become comments."""
    if source.lstrip().startswith("%%"):
        return ""
    if not MAGIC.search(source) or _parses(source):  # a docstring's line may end with a question mark
        return source
    return MAGIC.sub(r"\1pass  # \2", source)


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a cell, None where it is no Python."""
    try:
        return ast.parse(python_lines(source))
    except NO_PYTHON:
        return None


def _parses(source: str) -> bool:
    try:
        return bool(ast.parse(source))
    except NO_PYTHON:
        return False


def checks(source: str) -> list[tuple[ast.stmt, str, ast.expr]]:
    """The calls ``check("ID", answer)`` at the top level of a cell: statement, id, answer."""
    tree = parsed(source)
    return [found for statement in (tree.body if tree else []) if (found := _check_in(statement))]


def _check_in(statement: ast.stmt) -> tuple[ast.stmt, str, ast.expr] | None:
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.Call) or not isinstance(statement, (ast.Expr, ast.Assign)):
        return None
    name = getattr(value.func, "id", getattr(value.func, "attr", None))
    if name != "check" or len(value.args) < 2 or not isinstance(value.args[0], ast.Constant):
        return None
    return statement, whole_id(value.args[0].value), value.args[1]


def answers(notebook: dict[str, Any]) -> dict[str, Answer]:
    """Every exercise that the notebook hands to `check`; of one that is handed over twice, the last."""
    found = {}
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            for _, id, expression in checks(cell["source"]):
                found[id] = Answer(id, i, ast.unparse(expression), cell["source"])
    return found


def broken(notebook: dict[str, Any]) -> dict[str, str]:
    """Exercises whose cell is no Python, and why: ``{"03.1": "line 3: '(' was never closed"}``."""
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and parsed(cell["source"]) is None:
            for id in re.findall(r"""\bcheck\(\s*["']([\w.]+)["']""", cell["source"]):
                found[whole_id(id)] = _syntax_problem(cell["source"])
    return found


def _syntax_problem(source: str) -> str:
    try:
        ast.parse(python_lines(source))
    except SyntaxError as problem:
        return f"line {problem.lineno}: {problem.msg}"
    except NO_PYTHON as problem:
        return type(problem).__name__
    return ""


SEED = re.compile(r"\bvariant (\d{1,9})\b")


def seed(notebook: dict[str, Any]) -> int | None:
    """The student's number, shown in the notebook's outputs: what the constants of variants come from."""
    for cell in notebook["cells"]:
        found = SEED.search(json.dumps(cell.get("outputs", [])))
        if found:
            return int(found.group(1))
    return None
