"""What is remembered of a student, whatever happens to the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.course.engine import record as module
from tinynn.course.engine.filelock import locked
from tinynn.course.engine.record import ATTEMPTS, NAME, Record, place, record, seed_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "work" / NAME


@pytest.fixture
def kept(path):
    return Record(path)


def test_what_is_told_is_there_for_the_next_kernel(kept, path):
    kept.attempt("03.1", "look", ("dw_transposed",), "def f(): return 1")
    kept.attempt("03.1", "right", (), "def f(): return 2")
    kept.took_hint("03.1", 2)
    kept.saw_solution("03.2")
    seed = kept.seed()
    later = Record(path)
    assert [a["verdict"] for a in later.attempts("03.1")] == ["look", "right"]
    assert later.solved("03.1") and not later.solved("03.2")
    assert later.hints("03.1") == 2 and later.hints("03.2") == 0
    assert "03.2" in later.read()["shown"]
    assert later.seed() == seed > 0
    assert later.met() == {("03.1", "dw_transposed"): 1}
    assert later.notes == [] and json.loads(path.read_text("utf-8"))["version"] == 1


def test_the_answer_itself_is_not_kept(kept, path):
    kept.attempt("03.1", "look", (), "def secret(): ...")
    assert "secret" not in path.read_text("utf-8")


def test_the_same_attempt_again_counts_once_and_old_ones_go(kept):
    for _ in range(3):
        kept.attempt("03.1", "look", (), "a")
    assert len(kept.attempts("03.1")) == 1
    for n in range(ATTEMPTS + 5):
        kept.attempt("03.1", "look", (), str(n))
    assert len(kept.attempts("03.1")) == ATTEMPTS
    kept.attempt("03.1", "right", (), "right")
    for n in range(ATTEMPTS + 5):
        kept.attempt("03.1", "look", (), str(n))
    assert kept.solved("03.1"), "an exercise stays solved"


def test_hints_are_never_taken_back(kept):
    kept.took_hint("03.1", 3)
    kept.took_hint("03.1", 1)
    assert kept.hints("03.1") == 3


def test_two_kernels_lose_nothing_of_each_other(path):
    one, two = Record(path), Record(path)
    one.attempt("03.1", "right", (), "x")
    two.attempt("03.2", "look", ("m",), "y")
    one.took_hint("03.3", 1)
    for kept in (one, two, Record(path)):
        assert kept.solved("03.1") and kept.attempts("03.2") and kept.hints("03.3") == 1


WRITER = """
import sys
from pathlib import Path
from tinynn.course.engine.record import Record
kept = Record(Path(sys.argv[1]))
for n in range(20):
    kept.attempt(f"{sys.argv[2]}.{n}", "right", (), str(n))
assert kept.notes == [], kept.notes
"""


def test_processes_that_write_at_the_same_time_lose_nothing(path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"0{n}"]) for n in range(3)]
    assert [w.wait(60) for w in writers] == [0, 0, 0]
    assert len(Record(path).read()["solved"]) == 60


def test_a_lock_goes_with_the_process_that_held_it(path):
    path.parent.mkdir()
    lock = path.with_name(f".{path.name}.lock")
    code = (
        "import os, sys; from pathlib import Path; from tinynn.course.engine.filelock import locked\n"
        "with locked(Path(sys.argv[1])): os._exit(3)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(lock)]).returncode == 3
    with locked(lock):
        pass


def test_while_another_holds_the_lock_it_waits_and_then_goes_on_in_memory(kept, path, monkeypatch):
    monkeypatch.setattr("tinynn.course.engine.filelock.PATIENCE", 0.05)
    path.parent.mkdir()
    with locked(path.with_name(f".{path.name}.lock")):
        kept.attempt("03.1", "right", (), "x")
    assert kept.solved("03.1") and len(kept.notes) == 1 and not path.exists()


DAMAGED = {
    "half": '{"version": 1, "attem',
    "empty": "",
    "a list": "[]",
    "another version": '{"version": "one"}',
    "version 0": '{"version": 0}',
    "no parts": '{"version": 1}',
    "bytes": b"\xff\xfe\x00",
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_set_aside_and_not_lost(path, content):
    content = content if isinstance(content, bytes) else content.encode()
    path.parent.mkdir()
    path.write_bytes(content)
    kept = Record(path)
    assert kept.attempts("03.1") == []
    kept.attempt("03.1", "right", (), "x")
    (aside,) = path.parent.glob("progress.damaged-*.json")
    assert aside.read_bytes() == content
    assert len(kept.notes) == 1 and aside.name in kept.notes[0]
    assert Record(path).solved("03.1")


def test_a_file_damaged_under_way_costs_nothing_that_this_kernel_knows(kept, path):
    kept.attempt("03.1", "right", (), "x")
    path.write_text("{", "utf-8")
    kept.attempt("03.2", "right", (), "y")
    assert Record(path).solved("03.1") and Record(path).solved("03.2")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("03.1"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["version", "attempts", "hints", "solved", "shown", "openings", "seed",
                                       "03.1", "at", "names", "verdict", "code"]), inner, max_size=6),
    max_leaves=12,
))  # fmt: skip
def test_no_content_makes_it_stumble(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / NAME
    full = {"version": 1, "attempts": {}, "hints": {}, "solved": {}, "shown": {}, "openings": {}}
    path.write_text(json.dumps({**full, **content} if isinstance(content, dict) else content), "utf-8")
    kept = Record(path)
    kept.attempt("03.1", "look", ("m",), "x")
    kept.took_hint("03.1", 1)
    assert kept.seed() >= 0 and kept.hints("03.1") >= 1
    assert kept.attempts("03.1")[-1]["names"] == ["m"] and ("03.1", "m") in kept.met()
    assert all(isinstance(key, str) for key in kept.opened("03", ["a"]))


def test_a_file_that_is_being_replaced_is_read_a_moment_later(kept, path, monkeypatch):
    kept.attempt("03.1", "right", (), "x")
    refusals, read_bytes = [1, 1], Path.read_bytes

    def refused(self):
        if refusals:
            refusals.pop()
            raise PermissionError(13, "used by another process")
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", refused)
    later = Record(path)
    assert later.solved("03.1") and later.notes == [] and not refusals


def test_a_newer_version_is_left_alone_and_said(path):
    path.parent.mkdir()
    path.write_text('{"version": 2, "more": 1}', "utf-8")
    kept = Record(path)
    kept.attempt("03.1", "right", (), "x")
    assert kept.solved("03.1") and "newer version" in kept.notes[0] and len(kept.notes) == 1
    assert path.read_text("utf-8") == '{"version": 2, "more": 1}'


def test_a_place_that_cannot_be_written_to_is_said_once(tmp_path):
    (tmp_path / "work").write_text("a file where the folder should be", "utf-8")
    kept = Record(tmp_path / "work" / NAME)
    kept.attempt("03.1", "right", (), "x")
    kept.took_hint("03.1", 1)
    assert kept.solved("03.1") and kept.hints("03.1") == 1
    assert len(kept.notes) == 1 and "cannot be kept" in kept.notes[0]


def test_a_full_disk_keeps_the_old_file_and_the_new_attempt_in_memory(kept, path, monkeypatch):
    kept.attempt("03.1", "right", (), "x")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tinynn.atomic._write_through", full)
    kept.attempt("03.2", "look", (), "y")
    kept.attempt("03.2", "look", (), "z")
    assert path.read_bytes() == before
    assert kept.solved("03.1") and len(kept.attempts("03.2")) == 2 and len(kept.notes) == 1


# -- where it is kept ----------------------------------------------------------------------------------


def test_the_file_is_named_or_in_the_folder_of_copies_or_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYNN_RECORD", str(tmp_path / "mine.json"))
    assert place() == tmp_path / "mine.json"
    monkeypatch.setenv("TINYNN_RECORD", "off")
    assert place() is None
    monkeypatch.delenv("TINYNN_RECORD")
    monkeypatch.setenv("TINYNN_WORK", str(tmp_path))
    assert place() == tmp_path / NAME
    monkeypatch.delenv("TINYNN_WORK")
    monkeypatch.chdir(tmp_path)
    assert place() is None
    (tmp_path / ".laid.json").write_text("{}", "utf-8")
    assert place() == Path(os.getcwd()) / NAME


def test_without_a_place_it_is_remembered_while_the_kernel_lives_and_everybody_has_the_same_seed():
    kept = Record(None)
    kept.attempt("03.1", "right", (), "x")
    assert kept.solved("03.1") and kept.seed() == 0 and kept.notes == []


def test_these_tests_are_kept_from_a_students_record():
    assert record().path is None


def test_a_name_gives_a_seed_and_spaces_and_case_do_not_matter():
    assert seed_of("Ada Lovelace") == seed_of(" ada  lovelace") != seed_of("Alan Turing")
    assert 0 < seed_of("") < 1_000_000


def test_the_questions_a_chapter_opened_with_stay(kept):
    assert kept.opened("04", ["a", "b"]) == ["a", "b"] == kept.opened("04", ["c"])


def test_it_never_grows_beyond_what_it_reads(kept, path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)
    kept.attempt("03.1", "right", (), "x")
    assert Record(path).attempts("03.1") == [] and list(path.parent.glob("*damaged*"))
