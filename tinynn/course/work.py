"""The student's copies of the chapters, in ``work/``: laid once, never overwritten, set aside on request."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..errors import ArgumentError, FileError, StateError
from .places import writable

FIRST_CELL = """\
try:
    import tinynn
except ImportError as problem:
    import sys

    raise SystemExit(
        f"This notebook runs on {sys.executable}, which cannot import tinynn ({problem}).\\n"
        "JupyterLab: menu Kernel > Change Kernel > Python 3 (ipykernel), in the window that `make lab` or\\n"
        "`python -m tinynn lab` opened. VS Code: Select Kernel > Python Environments > .venv of this project."
    ) from None
"""
"""How every chapter's first code cell begins; what the chapter imports follows it."""

RECORD = ".laid.json"
"""In work/: for each copy, the digest of the chapter it was laid from."""
BASE = ".laid"
"""In work/: the chapters as they were laid, by which an update tells the student's lines from its own."""


class Laid(NamedTuple):
    """What happened to one chapter: ``new``, ``kept``, ``updated`` or ``outdated``."""

    name: str
    outcome: str

    def __str__(self) -> str:
        stem = Path(self.name).stem
        return {
            "new": f"{self.name}: laid",
            "kept": f"{self.name}: yours, kept",
            "updated": f"{self.name}: a newer version laid (yours was untouched)",
            "outdated": f"{self.name}: yours is kept; the newer version under your answers: "
            f"python -m tinynn update {stem}",
        }[self.outcome]


def begins_with_first_cell(source: str) -> bool:
    """Whether a cell's source starts with `FIRST_CELL`, line for line."""
    return (source + "\n").startswith(FIRST_CELL)


def project_folder(where: str = "tinynn") -> Path:
    """The checkout: the folder that holds this package and the chapters."""
    folder = Path(__file__).resolve().parent.parent.parent
    if (folder / "pyproject.toml").is_file() and (folder / "chapters").is_dir():
        return folder
    raise StateError(
        where,
        f"the package in {folder}, without chapters beside it",
        "a checkout of the course, installed in place",
        'python -m pip install -e ".[lab]" in the folder that holds chapters/',
    )


def work_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """`given`, or the folder in the variable TINYNN_WORK, or work/ in the checkout."""
    chosen = given or os.environ.get("TINYNN_WORK")
    return Path(chosen).expanduser().resolve() if chosen else project_folder() / "work"


def chapters_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9]*.ipynb"))


def find_chapter(folder: Path, wanted: str) -> Path:
    """The chapter named `wanted`: ``3``, ``03``, ``06a``, ``03_backward`` or ``03_backward.ipynb``."""
    chapters = chapters_in(folder)
    name = re.sub(r"^(\d)(?!\d)", r"0\1", Path(wanted).name.removesuffix(".ipynb"))
    found = [path for path in chapters if name in (path.stem, path.stem.split("_")[0])]
    if found:
        return found[0]
    numbers = [path.stem.split("_")[0] for path in chapters]
    raise ArgumentError(
        "chapter", repr(wanted), f"one of {', '.join(numbers) or 'none yet'}", numbers[0] if numbers else None
    )


def lay(chapters: Path, work: Path) -> list[Laid]:
    """Copy each chapter that has no copy yet; a copy with a stroke of work in it is never written over."""
    if not writable(work):
        raise _not_writable(work)
    record = _read_record(work)
    done = [Laid(chapter.name, _lay_one(chapter, work, record)) for chapter in chapters_in(chapters)]
    _write_record(work, record)
    return done


def reset(chapter: Path, work: Path, now: datetime | None = None) -> Path | None:
    """Set the copy of `chapter` aside under a date-stamped name and lay a fresh one; return the old path."""
    old = aside(work / chapter.name, now)
    record = _read_record(work)
    _copy(chapter, work, record)
    _write_record(work, record)
    return old


def aside(copy: Path, now: datetime | None = None) -> Path | None:
    """Give a copy a date-stamped name; return it, or None where there is no copy."""
    if not copy.exists():
        return None
    old = _free_name(copy, now or datetime.now())
    copy.rename(old)
    return old


def is_outdated(chapter: Path, work: Path) -> bool:
    """Whether the student works on a copy of an older release of `chapter`."""
    copy, record = work / chapter.name, _read_record(work)
    return (
        copy.exists()
        and record.get(chapter.name) != _digest(chapter)
        and _digest(copy) not in (_digest(chapter), record.get(chapter.name))
    )


def base_of(name: str, work: Path) -> Path | None:
    """The chapter as it was when the student's copy was laid, if it was kept."""
    base = work / BASE / name
    return base if base.is_file() and _digest(base) == _read_record(work).get(name) else None


def adopt(chapter: Path, work: Path) -> None:
    """Note that the copy of `chapter`, whatever the student has in it, now stands on this release."""
    record = _read_record(work)
    _keep_base(chapter, work, record)
    _write_record(work, record)


def _lay_one(chapter: Path, work: Path, record: dict[str, str]) -> str:
    copy = work / chapter.name
    if not copy.exists():
        _copy(chapter, work, record)
        return "new"
    if _digest(copy) == _digest(chapter):
        record[chapter.name] = _digest(chapter)
    if record.get(chapter.name) == _digest(chapter):
        return "kept"
    if _digest(copy) == record.get(chapter.name):
        _copy(chapter, work, record)
        return "updated"
    return "outdated"


def _copy(chapter: Path, work: Path, record: dict[str, str]) -> None:
    """Copy under another name and rename: whoever is interrupted finds a whole copy or none."""
    partial = work / f".{chapter.name}.partial"
    try:
        work.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chapter, partial)
        os.replace(partial, work / chapter.name)
    except OSError as problem:
        raise _not_writable(work) from problem
    _keep_base(chapter, work, record)


def _keep_base(chapter: Path, work: Path, record: dict[str, str]) -> None:
    """Keep the chapter as it is laid; without room for it the course goes on, and an update asks more."""
    with suppress(OSError):
        (work / BASE).mkdir(exist_ok=True)
        shutil.copyfile(chapter, work / BASE / chapter.name)
    record[chapter.name] = _digest(chapter)


def _free_name(copy: Path, now: datetime) -> Path:
    stamp = now.strftime("%Y-%m-%d-%H%M")
    for suffix in ("", *(f"-{count}" for count in range(2, 1000))):
        name = copy.with_name(f"{copy.stem}.{stamp}{suffix}.ipynb")
        if not name.exists():
            return name
    raise StateError("reset", f"a thousand copies of {copy.name} of {stamp}", "a free name")


def _digest(path: Path) -> str:
    """A hash of what stands in the cells: running a notebook changes its outputs and its metadata."""
    content = path.read_bytes()
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
        content = json.dumps(cells).encode()
    except (ValueError, KeyError, TypeError):  # damaged: every byte of it counts
        pass
    return hashlib.sha256(content).hexdigest()


def _read_record(work: Path) -> dict[str, str]:
    try:
        return json.loads((work / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # lost or damaged: copies that differ then count as the student's
        return {}


def _write_record(work: Path, record: dict[str, str]) -> None:
    partial = work / (RECORD + ".partial")
    text = json.dumps(record, indent=1)
    if work.is_dir() and record and record != _read_record(work):
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, work / RECORD)
        except OSError as problem:
            raise _not_writable(work) from problem


def _not_writable(work: Path) -> FileError:
    return FileError("work", f"{work}, not writable", "a folder for your copies", "--work FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("chapter", help="its number or name: 03")
    parser.add_argument("--work", help="the folder of your copies (work/)")


def run(args: argparse.Namespace) -> int:
    chapter = find_chapter(project_folder("reset") / "chapters", args.chapter)
    aside = reset(chapter, work_folder(args.work))
    print(f"{chapter.name}: a fresh copy is laid.")
    if aside:
        print(f"Your old copy is {aside.name}, beside it.")
    return 0
