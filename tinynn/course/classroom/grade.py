"""``python -m tinynn grade FOLDER``: every notebook in a folder, graded behind a wall.

Each submission gets a process of its own (`isolation`), which runs the answers on inputs that it is sent.
What comes back is compared here, by the declarations that `check` uses too. A submission that breaks, loops
or attacks costs its own points and nothing else.
"""

from __future__ import annotations

import argparse
import ast
import linecache
import os
import shutil
import sys
import tempfile
import threading
import time
import types
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ... import __version__
from ...errors import FileError, TinynnError
from ..engine import travel, untouched
from ..engine.call import Call, Outcome
from ..engine.exercise import Exercise, catalogue, find
from ..engine.kinds import Variant
from ..engine.process import NotStarted, Worker
from ..engine.verdict import Verdict, Verdicts
from ..engine.watch import Limits
from . import cells, isolation, slices
from .bank import load as load_bank
from .marks import marks
from .report import Graded, Mark, in_short, write_all

PER_SUBMISSION = 120.0  # seconds


class Settings(NamedTuple):
    """How to grade: the exercises, the wall, the limits, and folders that no submission may see."""

    ids: tuple[str, ...]
    level: str
    limits: Limits
    hidden: tuple[Path, ...]


def submissions(folder: Path) -> list[tuple[str, Path]]:
    """Students and their notebooks: ``ada.ipynb``, ``ada/03_backward.ipynb``; no hidden ones."""
    if not folder.is_dir():
        raise FileError("grade", f"{folder}, no folder", "a folder of notebooks", "grade submissions/")
    found = sorted(p for p in folder.rglob("*.ipynb") if not any(part.startswith(".") for part in p.parts))
    return [(str(p.relative_to(folder).with_suffix("")), p) for p in found]


def exercises_in(paths: Sequence[Path]) -> tuple[str, ...]:
    """The exercises that at least one submission hands to `check`, in the order of the course."""
    seen: set[str] = set()
    for path in paths:
        with suppress(FileError):
            notebook = cells.read(path)
            seen |= cells.answers(notebook).keys() | cells.broken(notebook).keys()
    return tuple(id for id in catalogue() if id in seen)


def grade(student: str, path: Path, settings: Settings) -> Graded:
    """The marks of one submission; whatever it is, this returns."""
    began = time.monotonic()
    try:
        notebook = cells.read(path)
        found = tuple(_marks(notebook, path, settings))
        return Graded(student, path.name, found, "", time.monotonic() - began)
    except Exception as problem:  # ours too: one submission must not stop the others
        missing = tuple(Mark(id, "missing") for id in settings.ids)
        ours = "" if isinstance(problem, (TinynnError, NotStarted)) else f"{type(problem).__name__}: "
        return Graded(student, path.name, missing, f"{ours}{problem}", time.monotonic() - began)


def _marks(notebook: dict[str, Any], path: Path, settings: Settings) -> Iterator[Mark]:
    given, no_python = cells.answers(notebook), cells.broken(notebook)
    every, until = slices.statements(notebook), time.monotonic() + PER_SUBMISSION
    seed = cells.seed(notebook)
    with Room(path, settings) as room:
        for id in settings.ids:
            if id in no_python and id not in given:
                yield Mark(id, "look", f"The cell is no Python: {no_python[id]}")
            elif id not in given:
                yield Mark(id, "missing")
            elif time.monotonic() > until:
                yield Mark(id, "look", f"Not run: the others took {PER_SUBMISSION:.0f} seconds.")
            else:
                source = slices.needed(every, given[id].expression, given[id].cell)
                yield _mark(find(id), source, given[id].expression, room, seed)


_one_variant_at_a_time = threading.Lock()


def _mark(exercise: Exercise, source: str, expression: str, room: Room, seed: int | None) -> Mark:
    if not isinstance(exercise, Variant):
        return _marked(exercise, source, expression, room)
    with _one_variant_at_a_time:  # a variant holds the constants of one student
        return _marked(exercise.for_seed(seed or 0), source, expression, room)


def _marked(exercise: Exercise, source: str, expression: str, room: Room) -> Mark:
    began = time.monotonic()
    verdict = _verdict(exercise, source, expression, room)
    kind = verdict.kind if verdict.kind in ("right", "open") else "look"
    headline = "" if kind == "right" else str(verdict).split("\n")[0]
    seconds = time.monotonic() - began
    said = verdict.diagnosis, verdict.names, verdict.why
    return Mark(exercise.id, kind, headline, *said, marks(source, exercise), seconds)


def _verdict(exercise: Exercise, source: str, expression: str, room: Room) -> Verdict:
    if not exercise.wants_function:
        outcome = room.ask([source, expression, "value"], [Call(())])[0]
        if outcome.end != "value":
            return Verdict("look", _why(outcome), "The answer could not be read")
        return _one(exercise.judge(outcome.value, []) if outcome.value is not None else Verdict("open"))
    answer = stand_in(source, expression)
    if answer is not _unwritten and (untouched.untouched(answer) or untouched.gap(answer)):
        return Verdict("open")  # as `check` says it in the notebook
    outcomes = room.ask([source, expression, "function"], exercise.calls(answer), exercise.faces)
    return _one(exercise.judge(answer, outcomes))


def stand_in(source: str, name: str) -> Callable:
    """A function to read, not to run: the judge sees whether the student's was begun.

    It is compiled and never called; its globals are empty. The one that runs is in the submission's process.
    """
    written = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name]
    if not written:
        return _unwritten
    text = ast.unparse(ast.FunctionDef(**{**vars(written[-1]), "decorator_list": []}))
    file = f"<submission {zlib.crc32(text.encode())}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    code = next(c for c in compile(text, file, "exec").co_consts if isinstance(c, types.CodeType))
    return types.FunctionType(code, {}, name)


def _unwritten(*args: Any) -> None:
    """In the place of an answer that no ``def`` makes."""


def _one(verdict: Any) -> Verdict:
    """One verdict out of several: right if all are."""
    if not isinstance(verdict, Verdicts):
        return verdict
    said = [v for v in verdict if v.kind != "said"]
    kind = next((k for k in ("look", "open") if any(v.kind == k for v in said)), "right")
    return Verdict(kind, "\n".join(v.headline for v in said if v.kind != "right"))


def _why(outcome: Outcome) -> str:
    return (
        f"{outcome.problem.kind}: {outcome.problem.message}" if outcome.problem else f"Stopped: {outcome.end}"
    )


class Room:
    """A folder with a copy of the submission's own files, and the process that runs in it while it lives."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        self.worker: Worker | None = None

    def __enter__(self) -> Room:
        self.folder = Path(tempfile.mkdtemp(prefix="tinynn-grade-")).resolve()
        _copy_beside(self.path, self.folder, self.settings.hidden)
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, names: list[str], calls: list[Call], faces: Sequence[str] = ()) -> list[Outcome]:
        """Outcomes of the calls; after one that ran over, the process is another one."""
        if self.worker is None:
            self.worker = self._started()
        request = travel.request(names, calls, self.settings.limits.seconds, faces)
        answer = self.worker.ask(request, len(calls), self.settings.limits)
        if answer.fate == "cannot":
            return [Outcome("raised", problem=_told(answer.note))] * len(calls)
        if answer.fate or self.worker.fresh_wanted:
            self._end()
        return answer.outcomes

    def _started(self) -> Worker:
        command = [sys.executable, "-P", "-m", "tinynn.course.classroom.child", str(self.folder)]
        walled = isolation.walled(self.settings.level, command, self.folder, self.settings.hidden)
        worker = Worker(walled, environment=_environment(self.folder), folder=self.folder)
        worker.ready()
        return worker

    def _end(self) -> None:
        if self.worker is not None:
            self.worker.kill()
            self.worker = None


def _told(note: str) -> Any:
    """What went wrong before the answer could be called, as an exception of the student's."""
    from ..engine.call import Problem

    kind, _, message = note.partition(": ")
    return Problem(kind, message)


def _environment(folder: Path) -> dict[str, str]:
    """What the process needs of the grader's environment, and a home in its own folder."""
    kept = {k: os.environ[k] for k in ("PATH", "LANG", "SYSTEMROOT", "NUMBA_CACHE_DIR") if k in os.environ}
    one = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    homes = dict.fromkeys(
        ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "IPYTHONDIR"), str(folder)
    )
    return {**kept, **one, **homes, "TINYNN_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def _copy_beside(path: Path, folder: Path, hidden: tuple[Path, ...]) -> None:
    """The files that were handed in with a notebook: those of its own folder, if it has one to itself."""
    if path.parent.resolve() in hidden or len(list(path.parent.glob("*.ipynb"))) > 3:
        return
    for file in path.parent.iterdir():
        if file.is_file() and not file.is_symlink() and file.stat().st_size < cells.LARGEST:
            shutil.copy(file, folder / file.name)


# -- the command -----------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", help="notebooks: student.ipynb, or student/chapter.ipynb")
    parser.add_argument("--out", help="where to write (FOLDER-grades, beside FOLDER)")
    parser.add_argument(
        "--bank", action="append", default=[], help="a file of your own exercises and mistakes"
    )
    parser.add_argument("--exercises", nargs="*", help="ids to grade (all that are found)")
    parser.add_argument("--jobs", type=int, default=2, help="submissions at a time (2)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for one call of an answer (5)")
    parser.add_argument("--memory", type=float, default=1.0, help="GB for an answer (1)")
    parser.add_argument("--isolation", default="auto", help=f"auto, {', '.join(isolation.LEVELS)}")


def run(args: argparse.Namespace) -> int:
    folder = Path(args.folder).resolve()
    for file in args.bank:
        load_bank(Path(file))
    found = submissions(folder)
    out = Path(args.out).resolve() if args.out else folder.with_name(folder.name + "-grades")
    ids = tuple(find(id, "grade").id for id in args.exercises or ()) or exercises_in([p for _, p in found])
    limits = Limits(args.seconds, 4 * args.seconds, int(args.memory * 2**30), compiling=30.0)
    level = isolation.chosen(args.isolation)
    print(f"Isolation. {isolation.SAID[level]}\n{len(found)} submissions, {len(ids)} exercises.", flush=True)
    graded = grade_all(found, Settings(ids, level, limits, (folder, out)), args.jobs)
    write_all(out, graded, level, __version__)
    print(
        f"\n{in_short(graded)}\n\nWritten: {out / 'grades.csv'}, {out / 'report.html'}, {out / 'gradescope'}"
    )
    return 0 if len(graded) == len(found) else 130


def grade_all(found: Sequence[tuple[str, Path]], settings: Settings, jobs: int) -> list[Graded]:
    """Every submission, `jobs` at a time, with a progress bar; Ctrl-C ends it with what is graded so far."""
    from tqdm import tqdm

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [pool.submit(grade, student, path, settings) for student, path in found]
        try:
            for _ in tqdm(as_completed(futures), total=len(futures), unit="notebook", dynamic_ncols=True):
                pass
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
    return [future.result() for future in futures if _has_result(future)]


def _has_result(future: Future) -> bool:
    return future.done() and not future.cancelled()
