"""``python -m tinynn update``: a newer release under a student's notebooks; every answer stays."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any, NamedTuple

from .. import work as copies
from .cells import answers, checks, read, write

Cell = dict[str, Any]


class Merged(NamedTuple):
    """A notebook out of two, and what became of its cells: the first line of each."""

    notebook: dict[str, Any]
    new: list[str]
    changed: list[str]
    gone: list[str]
    kept: list[str]
    both: list[str]

    def __str__(self) -> str:
        lines = []
        for label, found in (
            ("new", self.new), ("changed", self.changed), ("gone", self.gone),
            ("your answer kept", self.kept), ("changed by both: yours stands below the new one", self.both),
        ):  # fmt: skip
            lines += [f"  {label}: {name}" for name in found]
        return "\n".join(lines) or "  nothing that you would see"


def merge(newer: dict[str, Any], mine: dict[str, Any], base: dict[str, Any] | None) -> Merged:
    """The cells of `newer`, with what the student wrote in `mine`.

    `base` is the release that `mine` was laid from. Without it nobody can tell an edited cell from an older
    release's: what differs is then kept below the new cell.

    * An exercise's cell keeps the student's source wherever it now stands, found by the exercise's id.
    * A cell that only the release changed is the new one; one that only the student changed, the student's.
    * Where both did, the new one stands, and the student's follows it as text.
    * Cells that the student added follow the cell they followed. Deleted ones stay away unless they changed.
    """
    merged = Merged({**newer, "cells": []}, [], [], [], [], [])
    old, own = _by_id(base or {"cells": []}), _by_id(mine)
    ids = _by_id(newer)
    after = _following(mine, set(ids) | set(old))
    merged.notebook["cells"] += after.get(None, [])
    for id, cell in ids.items():
        merged.notebook["cells"] += _merged_cell(cell, own.get(id), old.get(id), mine, base, merged)
        merged.notebook["cells"] += after.get(id, [])
    for id in [id for id in old if id not in ids]:
        moved = id in own and _answers_in(own[id], newer)
        _gone(None if moved else own.get(id), old[id], after.get(id, []), merged)
    return merged


def _by_id(notebook: dict[str, Any]) -> dict[str, Cell]:
    return {cell.get("id", f"cell {i}"): cell for i, cell in enumerate(notebook["cells"])}


def _answers_in(cell: Cell, newer: dict[str, Any]) -> bool:
    """Whether a cell answers an exercise that the newer chapter asks in a cell of another id."""
    asked = answers(newer)
    return cell["cell_type"] == "code" and any(id in asked for _, id, _ in checks(cell["source"]))


def _following(mine: dict[str, Any], known: set[str]) -> dict[str | None, list[Cell]]:
    """The student's own cells, under the id of the chapter's cell that they follow; None at the top."""
    found: dict[str | None, list[Cell]] = {}
    last = None
    for id, cell in _by_id(mine).items():
        if id in known:
            last = id
        else:
            found.setdefault(last, []).append(cell)
    return found


def _merged_cell(
    cell: Cell, mine: Cell | None, old: Cell | None, notebook: dict[str, Any], base: Any, merged: Merged
) -> list[Cell]:
    """What stands in the place of the newer chapter's `cell`; what became of it is noted in `merged`."""
    answered = _answered(cell, notebook, base)
    if answered is not None:
        merged.kept.extend(id for _, id, _ in checks(cell["source"]))
        return [_with_source(cell, answered)]
    if mine is None:
        deleted = old is not None and old["source"] == cell["source"]
        if not deleted:
            merged.new.append(_first_line(cell))
        return [] if deleted else [cell]
    if mine["source"] == cell["source"]:
        return [mine if mine["cell_type"] == cell["cell_type"] else cell]
    if old is not None and old["source"] == cell["source"]:
        return [mine]
    merged.changed.append(_first_line(cell))
    if old is not None and old["source"] == mine["source"]:
        return [cell]
    merged.both.append(_first_line(cell))
    return [cell, _as_text(mine)]


def _answered(cell: Cell, notebook: dict[str, Any], base: dict[str, Any] | None) -> Cell | None:
    """The student's cell with the answer to the exercise that `cell` asks, unless it is the stub still."""
    if cell["cell_type"] != "code":
        return None
    given, stubs = answers(notebook), answers(base) if base else {}
    for _, id, _ in checks(cell["source"]):
        if id in given and given[id].source != cell["source"]:
            if id not in stubs or stubs[id].source != given[id].source:
                return notebook["cells"][given[id].cell]
    return None


def _with_source(cell: Cell, mine: Cell) -> Cell:
    return {**cell, "source": mine["source"], "outputs": mine.get("outputs", []), "execution_count": None}


def _as_text(mine: Cell) -> Cell:
    """The student's version of a cell, to be read: run, it would undo what the new one does."""
    source = mine["source"]
    if mine["cell_type"] == "code":
        source = f"```python\n{source}\n```"
    note = f"*Your version of the cell above, from before the update:*\n\n{source}"
    return {"cell_type": "markdown", "id": f"{mine['id']}-yours"[:64], "metadata": {}, "source": note}


def _gone(mine: Cell | None, old: Cell, followers: list[Cell], merged: Merged) -> None:
    """A cell that the newer chapter no longer has; the student's changes and the cells after it are kept."""
    merged.gone.append(_first_line(old))
    if mine is not None and mine["source"] != old["source"]:
        merged.notebook["cells"].append(_as_text(mine))
    merged.notebook["cells"] += followers


def _first_line(cell: Cell) -> str:
    return next((line.strip() for line in cell["source"].split("\n") if line.strip()), "an empty cell")[:70]


def update(chapter: Path, work: Path) -> tuple[Merged, Path | None]:
    """Lay `chapter` under the copy in `work`; say what changed, and where the old copy was set aside."""
    copied, base = work / chapter.name, copies.base_of(chapter.name, work)
    merged = merge(read(chapter), copy.deepcopy(read(copied)), read(base) if base else None)
    old = copies.aside(copied)
    write(copied, merged.notebook)
    copies.adopt(chapter, work)
    return merged, old


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("chapters", nargs="*", help="numbers or names: 03 (all that a newer release changed)")
    parser.add_argument("--work", help="the folder of your copies (work/)")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def run(args: argparse.Namespace) -> int:
    source, work = copies.project_folder("update") / "chapters", copies.work_folder(args.work)
    wanted = [copies.find_chapter(source, name) for name in args.chapters] or copies.chapters_in(source)
    outdated = [path for path in wanted if copies.is_outdated(path, work)]
    for path in outdated:
        print(f"{path.name}:")
        if args.dry_run:
            base = copies.base_of(path.name, work)
            print(merge(read(path), read(work / path.name), read(base) if base else None))
            continue
        merged, old = update(path, work)
        print(f"{merged}\n  your copy of before: {old.name if old else 'none'}")
    if not args.dry_run:
        copies.lay(source, work)
    print(f"{len(outdated)} of {len(wanted)} chapters {'would change' if args.dry_run else 'updated'}.")
    return 0
