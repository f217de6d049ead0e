"""The project of Part I: its worked answer passes, and wrong tapes are told by name."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tinynn.course.engine import runner
from tinynn.course.engine.exercise import find
from tinynn.course.exercises import ch06p as project
from tinynn.course.exercises.ch06p import answer, wrong
from tinynn.course.work import begins_with_first_cell, chapters_in, find_chapter

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
TAPE = ("06p.1", "06p.2", "06p.3")


def verdict(id, function):
    exercise = find(id)
    return exercise.judge(function, runner.run([function], exercise.calls(function)).outcomes)


@pytest.mark.parametrize("id", TAPE)
def test_the_worked_tape_passes(id):
    assert verdict(id, answer.gradients).kind == "right"


@pytest.mark.parametrize(
    "name, id",
    [("overwritten", "06p.1"), ("kept", "06p.1"), ("order", "06p.1"), ("cleared", "06p.1"),
     ("no_upstream", "06p.1"), ("not_summed", "06p.2"), ("softmax_upstream", "06p.3")],
)  # fmt: skip
def test_a_wrong_tape_is_told_by_its_name(name, id):
    said = verdict(id, wrong.WRONG[name])
    assert said.kind == "look" and said.names == (name,), said


def test_a_recursive_order_is_named():
    def gradients(build, *arrays):
        return gradients(build, *arrays)

    assert verdict("06p.1", gradients).names == ("recursive",)


@pytest.mark.parametrize(
    "id, name, sizes", [("06p.4", "spirals", (2, 32, 3)), ("06p.5", "digits", (64, 32, 10))]
)
def test_the_worked_tape_trains(id, name, sizes):
    x, y, new = project.given(name)
    judge = lambda value: find(id).judge(value, [])
    assert judge(answer.trained(x, y, new, sizes, steps=300)).kind == "right"
    assert judge(np.zeros(len(new))).names == ("one_class",)
    assert judge(np.zeros((len(new), 3))).names == ("scores",)
    assert judge("no").names == ("no_classes",)


def test_the_notebook_lies_after_chapter_06_and_asks_every_milestone():
    path = find_chapter(FOLDER, "06p")
    names = [p.stem[:3] for p in chapters_in(FOLDER)]
    assert names.index("06p") == names.index("06_") + 1 and find_chapter(FOLDER, "06").stem.startswith("06_")
    cells = nbformat.read(path, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    assert begins_with_first_cell(code[0])
    assert re.findall(r'^check\("(06p\.\d)', "\n".join(code), re.MULTILINE) == [
        f"06p.{i}" for i in range(1, 6)
    ]
