"""Part III needs only chapter 03: each of its chapters opens for somebody who has done nothing else.

A chapter joins by its file's name, 14 to 17; the project of the part (17p) needs them, and is none.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinynn.course import opening as questions
from tinynn.course.classroom.cells import read
from tinynn.course.engine.exercise import catalogue
from tinynn.course.engine.record import Record

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
CHAPTERS = sorted(p for p in FOLDER.glob("1[4-7]*_*.ipynb") if p.name[2] != "p")
ID = re.compile(r"\b(\d\d[a-z]?)\.\d+\b")

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code(path: Path) -> list[str]:
    return ["".join(c["source"]) for c in read(path)["cells"] if c["cell_type"] == "code"]


def may_be_named(chapter: str, own: str) -> bool:
    return chapter[:2] <= "03" or chapter == own


def test_there_is_one():
    assert CHAPTERS


@every_chapter
def test_it_says_that_it_assumes_chapter_03(path: Path):
    first = "".join(read(path)["cells"][0]["source"])
    assumed = re.search(r"\*\*Assumed\*\* \| (.*) \|", first).group(1)
    assert "03" in assumed
    needed, *_ = re.split(r"nothing of|;", assumed)
    assert not [n for n in re.findall(r"\b\d\d\b", needed) if "03" < n < "14"]


@every_chapter
def test_its_code_names_no_exercise_of_another_chapter(path: Path):
    own = path.stem.split("_")[0]
    texts = [t for source in code(path) for t in re.findall(r'"(\d\d[a-z]?\.\d+)"', source)]
    assert texts
    assert not [t for t in texts if not may_be_named(ID.match(t).group(1), own)]


@every_chapter
def test_its_code_shows_no_long_run_of_another_chapter(path: Path):
    own = path.stem.split("_")[0]
    assert not [n for s in code(path) for n in re.findall(r'kept\("(\w+)"', s) if n != own]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Record:
    record = Record(None)
    monkeypatch.setattr(questions, "record", lambda: record)
    return record


@every_chapter
def test_its_questions_are_on_what_it_assumes(path: Path, fresh: Record):
    asked = questions.opening(path.stem.split("_")[0], None, None, None)
    assert len(asked.questions) == 3
    assert all(q.key[:2] <= "03" or q.key[:2] >= "14" for q in asked.questions)


def test_who_has_worked_on_a_chapter_between_is_asked_about_it_too(fresh: Record):
    fresh.attempt("05.1", "look", ("uphill",))
    assert any(q.key.startswith("05") for q in questions.opening("14", None, None, None).questions)


def test_part_two_is_asked_about_all_that_came_before(fresh: Record):
    asked = questions.opening("07", None, None, None)
    assert {q.key[:2] for q in asked.questions} == {"06", "05", "04"} & {i[:2] for i in catalogue()}


@pytest.mark.slow
@every_chapter
def test_it_runs_alone_in_an_empty_folder(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No record, no other chapter beside it, nothing in the folder."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("TINYNN_RECORD", str(tmp_path / "record.json"))
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in cells)
