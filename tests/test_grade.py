"""A folder of submissions, some of them hostile: right grades, and everything else is as it was."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import submissions
from submissions import FIRST, IDS, book, cell

from tinynn.__main__ import main
from tinynn.course.classroom import grade, isolation
from tinynn.course.engine.exercise import Fill, catalogue, find
from tinynn.course.engine.kinds import Checker, Variant
from tinynn.course.engine.watch import Limits

PROJECT = Path(__file__).resolve().parent.parent


def settings(folder: Path, level: str = "auto", seconds: float = 1.5) -> grade.Settings:
    limits = Limits(seconds, 4 * seconds, 600 << 20, compiling=20.0)
    return grade.Settings(IDS, isolation.chosen(level), limits, (folder,))


def state_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def packages_state() -> dict[str, tuple[int, int]]:
    files = list((PROJECT / "tinynn").rglob("*.py"))
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in files}


def compare(graded: list, expected: dict[str, submissions.Expected]) -> list[str]:
    """What is not as it should be."""
    wrong = []
    for one in graded:
        wanted = expected[one.student]
        for mark in one.marks:
            if mark.kind != wanted.kinds[mark.id]:
                wrong.append(
                    f"{one.student}, {mark.id}: {mark.kind}, not {wanted.kinds[mark.id]}: {mark.headline}"
                )
            name = wanted.names.get(mark.id)
            if name and name not in mark.names:
                wrong.append(f"{one.student}, {mark.id}: {mark.names}, not {name}")
        if wanted.problem not in one.problem:
            wrong.append(f"{one.student}: {one.problem!r}")
    return wrong


def graders_children() -> list:
    return [
        p for p in psutil.Process().children(recursive=True) if "time.sleep(600)" in " ".join(p.cmdline())
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_submissions(tmp_path):
    folder = tmp_path / "handed in"
    expected = submissions.make(folder, 200)
    before, package = state_of(folder), packages_state()
    graded = grade.grade_all(grade.submissions(folder), settings(folder, seconds=3.0), jobs=2)
    assert compare(graded, expected) == []
    assert len(graded) == 200
    assert state_of(folder) == before and packages_state() == package
    assert graders_children() == []
    assert not list(Path(tempfile.gettempdir()).glob("tinynn-grade-*"))


WALLED = (
    "endless",
    "forks",
    "deletes",
    "prints",
    "patches",
    "exits",
    "memory",
    "reads the answers",
    "writes frames",
)


@pytest.mark.parametrize("level", ["bubblewrap", "unshare"])
def test_hostile_work_costs_its_own_points_only(level, tmp_path):
    if not isolation.works(level):
        pytest.skip(f"{level} does not work on this machine")
    folder = tmp_path / "handed in"
    folder.mkdir()
    names = WALLED if level == "bubblewrap" else ("forks", "deletes", "reads the answers")
    expected = {f"hostile, {name}": submissions.HOSTILE[name][1] for name in names}
    for name in names:
        (folder / f"hostile, {name}.ipynb").write_text(submissions.HOSTILE[name][0], "utf-8")
    before, package = state_of(folder), packages_state()
    graded = grade.grade_all(grade.submissions(folder), settings(folder, level), jobs=2)
    assert compare(graded, expected) == []
    assert state_of(folder) == before and packages_state() == package
    assert graders_children() == []


def test_without_a_wall_loops_crashes_and_processes_are_still_ended(tmp_path):
    folder = tmp_path / "handed in"
    folder.mkdir()
    names = ("endless", "forks", "exits", "no python", "wrong import")
    for name in names:
        (folder / f"{name}.ipynb").write_text(submissions.HOSTILE[name][0], "utf-8")
    graded = grade.grade_all(grade.submissions(folder), settings(folder, "none"), jobs=2)
    assert compare(graded, {name: submissions.HOSTILE[name][1] for name in names}) == []
    assert graders_children() == []


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Ada's right answers in a folder of her own, with a helper file; an untouched chapter; no notebook."""
    folder = tmp_path / "handed in"
    (folder / "Ada").mkdir(parents=True)
    (folder / "Ada" / "helper.py").write_text("def times(a, b):\n    return a @ b\n", "utf-8")
    own = "from helper import times\n\n\ndef linear_backward(dy, x, w):\n"
    own += "    return times(dy, w), times(dy.T, x), dy.sum(0)"
    page = book(FIRST, cell("03.1", own), *map(cell, IDS[1:]))
    (folder / "Ada" / "03 backward.ipynb").write_text(page, "utf-8")
    (folder / "Bob.ipynb").write_text(book(FIRST, *map(submissions.stub, IDS)), "utf-8")
    (folder / "Eve.ipynb").write_bytes(b"\x00")
    return folder


def test_the_command_writes_the_csv_gradescope_s_form_and_the_page(three, capsys):
    assert main(["grade", str(three)]) == 0
    said = capsys.readouterr().out
    assert "Isolation." in said.splitlines()[0] and "3 submissions, 3 exercises" in said
    out = three.with_name("handed in-grades")
    rows = {row["student"]: row for row in csv.DictReader((out / "grades.csv").open(encoding="utf-8-sig"))}
    assert [rows[s]["points"] for s in ("Ada/03 backward", "Bob", "Eve")] == ["3", "0", "0"]
    assert "notebook" in rows["Eve"]["problem"]
    results = json.loads((out / "gradescope" / "Bob" / "results.json").read_text("utf-8"))
    assert results["score"] == 0 and [t["number"] for t in results["tests"]] == list(IDS)
    assert isolation.SAID[isolation.best()] in (out / "report.html").read_text("utf-8")


def test_every_worked_answer_is_right_behind_the_wall(tmp_path):
    """The child finds no exercises there: whatever an input needs must come from elsewhere."""
    declared = {id: e for id, e in catalogue().items() if isinstance(e, (Fill, Checker))}
    for e in declared.values():
        if isinstance(e, Variant):
            e.for_seed(0)  # a notebook that shows no number of its student is graded so
    cells = [f'{e.solution()}\n\n\ncheck("{id}", {e.name})' for id, e in declared.items()]
    # What chapters with compiled functions and with kernels import at their beginning.
    imports = "import math\nfrom math import exp\nfrom numba import njit, prange\n"
    imports += "from tinynn.gpu import cuda, float32"
    (tmp_path / "all.ipynb").write_text(book(FIRST, imports, *cells), "utf-8")
    limits = Limits(10.0, 40.0, 1 << 30, compiling=30.0)
    rules = grade.Settings(tuple(declared), isolation.best(), limits, ())
    graded = grade.grade("all", tmp_path / "all.ipynb", rules)
    assert [(m.id, m.kind, m.headline) for m in graded.marks if m.kind != "right"] == []
    assert graded.problem == ""


BANK = """
from tinynn.course.engine.exercise import Fill, case, find

@find("03.1").mistake
def tripled(dy, x, w):
    return 3 * dy @ w, dy.T @ x, dy.sum(0)

E = Fill("90.1", "double(x)", returns="y", level=1, minutes=2)

@E.cases
def _(rng):
    yield case(rng.normal(size=3))
    yield case(rng.normal(size=(2, 4)))

@E.reference
def _(x):
    return 2 * x

@E.worked
def double(x):
    return 2 * x
"""


def test_a_teacher_s_bank_adds_exercises_and_mistakes(tmp_path):
    """In a process of its own: a bank stays with the process that loaded it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "mine.py").write_text(BANK, "utf-8")
    words = '["03.1".mistakes.tripled]\nmeans = "`dx` is three times too large."\nlook = "Why three?"\n'
    (tmp_path / "mine.toml").write_text(words, "utf-8")
    wrong = "def linear_backward(dy, x, w):\n    return (dy + dy + dy) @ w, dy.T @ x, dy.sum(axis=0)"
    page = book(FIRST, cell("03.1", wrong), 'def double(x):\n    return x + x\n\n\ncheck("90.1", double)')
    (tmp_path / "in" / "Ada.ipynb").write_text(page, "utf-8")
    command = [
        sys.executable,
        "-m",
        "tinynn",
        "grade",
        str(tmp_path / "in"),
        "--bank",
        str(tmp_path / "mine.py"),
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "90.1" in done.stdout and "three times too large" in done.stdout
    row = next(csv.DictReader((tmp_path / "in-grades" / "grades.csv").open(encoding="utf-8-sig")))
    assert (row["03.1"], row["90.1"]) == ("0", "1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere"], "no folder"),
        ([".", "--exercises", "77.1"], "an exercise"),
        ([".", "--isolation", "fence"], "fence"),
        ([".", "--bank", "nowhere.py"], "Python file of declarations"),
    ],
)
def test_wrong_options_are_a_sentence(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["grade", *options]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_functions_as_the_chapter_gives_them_are_not_tried():
    given = [
        "def f(x):\n    return None  # your line instead of this one",
        "def f(x):\n    y = ...\n    return y",
    ]
    for source in given:
        assert grade._verdict(find("03.2"), source, "f", None).kind == "open"  # type: ignore[arg-type]
