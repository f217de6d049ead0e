"""For instructors: where answers are found, what runs of a notebook, the walls, the report."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from submissions import book, cell

from tinynn.__main__ import main
from tinynn.course.classroom import cells, isolation, report, slices, solutions
from tinynn.course.classroom.marks import equals_worked, libraries
from tinynn.course.engine.exercise import find
from tinynn.errors import ArgumentError, FileError


def notebook(*sources: str) -> dict:
    return json.loads(book(*sources))


# -- where the answers are ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('check("03.1", f)', {"03.1": "f"}),
        ("check('3.1', f)", {"03.1": "f"}),
        ('v = check("03.1", lambda x: x)', {"03.1": "lambda x: x"}),
        ('course.check("03.1", f)', {"03.1": "f"}),
        ('%%time\ncheck("03.1", f)', {}),
        ('%matplotlib inline\ncheck("03.1", f)', {"03.1": "f"}),
        ('# check("03.1", f)', {}),
        ('def f(x):\n    """Is it?\n    """\n    return x\n\n\ncheck("03.1", f)', {"03.1": "f"}),
        ('for i in range(3):\n    %time i\nf?\ncheck("03.1", f)', {"03.1": "f"}),
        ('def g():\n    check("03.1", f)', {}),
        ('check("03.1")', {}),
        ("check(name, f)", {}),
    ],
)
def test_an_answer_is_what_a_cell_hands_to_check(source, expected):
    assert {id: a.expression for id, a in cells.answers(notebook(source)).items()} == expected


def test_the_last_of_two_answers_counts():
    assert cells.answers(notebook('check("03.1", f)', 'check("03.1", g)'))["03.1"].expression == "g"


def test_a_cell_that_is_no_python_is_named_with_its_line():
    said = cells.broken(notebook('def f(:\n    pass\n\n\ncheck("3.1", f)'))
    assert said["03.1"].startswith("line 1")


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"[1]", b'{"cells": 3}', b'{"cells": [3]}', b"[" * 100_000]
)
def test_what_is_no_notebook_is_a_clear_error(data, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(data)
    with pytest.raises(FileError, match="a Jupyter notebook"):
        cells.read(path)


def test_a_seed_is_read_from_the_outputs():
    page = notebook("task('05.4')")
    page["cells"][0]["outputs"] = [{"output_type": "stream", "text": "Yours is variant 4711."}]
    assert cells.seed(page) == 4711
    assert cells.seed(notebook("variant = 3")) is None


# -- what runs -----------------------------------------------------------------------------------------


def needed(*sources: str, expression: str = "f", at: int | None = None) -> str:
    every = slices.statements(notebook(*sources))
    return slices.needed(every, expression, len(sources) - 1 if at is None else at)


def test_an_answer_takes_its_imports_and_its_helpers_and_no_training():
    found = needed(
        "import numpy as np\nimport tinynn",
        "model = train_for_an_hour()",
        "def helper(x):\n    return np.exp(x)",
        'def f(x):\n    return helper(x)\n\n\ncheck("03.1", f)',
    )
    assert (
        found == "import numpy as np\ndef helper(x):\n    return np.exp(x)\ndef f(x):\n    return helper(x)"
    )


def test_the_names_of_a_function_s_own_variables_bring_nothing_along():
    assert "slow" not in needed("x = slow()", "y = slow()", "def f(x):\n    y = 2 * x\n    return y")


def test_what_is_changed_in_place_comes_with_its_changes():
    found = needed(
        "items = []", "items.append(3)\nother.append(4)", "table = {}\ntable['a'] = items", "f = table"
    )
    assert "items.append(3)" in found and "table['a'] = items" in found and "other" not in found


def test_a_later_cell_counts_only_where_no_earlier_one_defines_the_name():
    assert "helper = 2" in needed("def f(x):\n    return helper", "helper = 2", at=0)
    assert "helper = 2" not in needed("helper = 1\ndef f(x):\n    return helper", "helper = 2", at=0)


def test_the_last_definition_above_wins():
    found = needed("def f(x):\n    return 1", "def f(x):\n    return 2")
    namespace: dict = {}
    exec(found, namespace)
    assert namespace["f"](0) == 2


@pytest.mark.parametrize(
    "source", ["%time f = 3", "!rm -rf /", "f?", "print('x')", "1 + 1", 'check("03.1", f)']
)
def test_what_only_shows_does_not_run(source):
    assert needed(source, "f = 1", at=1) == "f = 1"


def test_cells_that_are_no_python_are_left_out():
    assert needed("def (", "f = 1") == "f = 1"


def test_class_bodies_loops_and_star_imports():
    found = needed("k = 3", "class A:\n    size = k\n\n    def g(self):\n        return k", "f = A")
    assert found.startswith("k = 3\nclass A")
    assert "for i in range(3)" in needed("f = 0\nfor i in range(3):\n    f += i", "x = 1")


# -- walls ------------------------------------------------------------------------------------------------

PROBE = """
import os, socket, sys
def tried(action):
    try:
        action()
        return "done"
    except OSError:
        return "refused"
print("own", tried(lambda: open("x", "w").close()))
print("hidden", os.path.exists(os.path.join(sys.argv[1], "secret")))
print("beside", tried(lambda: open(os.path.join(sys.argv[2], "x"), "w").close()))
print("package", tried(lambda: open(os.path.join(sys.argv[3], "x.py"), "w").close()))
print("answers", os.listdir(os.path.join(sys.argv[3], "course", "exercises")))
print("network", tried(lambda: socket.create_connection(("192.0.2.1", 9), 0.5)))
"""


@pytest.mark.parametrize("level", ["bubblewrap", "unshare"])
def test_a_wall_holds(level, tmp_path):
    if not isolation.works(level):
        pytest.skip(f"{level} does not work on this machine")
    own, hidden, beside = (tmp_path / name for name in ("own", "hidden", "beside"))
    for folder in (own, hidden, beside):
        folder.mkdir()
    (hidden / "secret").write_text("x", "utf-8")
    package = str(Path(cells.__file__).parents[2])
    command = [sys.executable, "-c", PROBE, str(hidden), str(beside), package]
    done = subprocess.run(isolation.walled(level, command, own, (hidden,)), capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "own done", "hidden False", "beside refused", "package refused", "answers []", "network refused",
    ], done.stderr  # fmt: skip


def test_level_none_runs_the_command_as_it_is(tmp_path):
    assert isolation.walled("none", ["python", "x.py"], tmp_path, ()) == ["python", "x.py"]
    assert "trust" in isolation.SAID["none"]


def test_auto_takes_the_strongest_and_a_wall_that_does_not_work_is_an_error(monkeypatch):
    monkeypatch.setattr(isolation, "works", lambda level: level == "none")
    assert isolation.chosen("auto") == "none"
    with pytest.raises(ArgumentError, match="does not work"):
        isolation.chosen("bubblewrap")
    with pytest.raises(ArgumentError, match="'fence'"):
        isolation.chosen("fence")


# -- notes for the teacher -------------------------------------------------------------------------------


def test_borrowed_code_is_noted():
    assert libraries("import numpy as np\nfrom tinynn import ops\nimport torch.nn") == [
        "tinynn.ops",
        "torch.nn",
    ]
    assert libraries("from tinynn.course.check import check\nimport math") == []


def test_the_worked_answer_is_recognised_under_other_names_and_another_answer_is_not():
    exercise = find("03.1")
    worked = exercise.solution()
    for old, new in (("dx", "a"), ("dw", "b"), ("dy", "c"), ("linear_backward", "g")):
        worked = worked.replace(old, new)
    assert equals_worked(worked, exercise)
    assert not equals_worked("def g(dy, x, w):\n    return dy @ w, (x.T @ dy).T, dy.sum(0)", exercise)


# -- solved copies -----------------------------------------------------------------------------------------


def test_solved_copies_hold_the_worked_answer_and_the_check():
    page = notebook(cell("03.1", "def linear_backward(dy, x, w):\n    return None"), "x = 1")
    solved = solutions.solved(page)
    assert [c["cell_type"] for c in solved["cells"]] == ["code", "markdown", "code"]
    assert solved["cells"][0]["source"] == cell("03.1")
    assert "Known mistakes" in solved["cells"][1]["source"]
    assert page["cells"][0]["source"] != solved["cells"][0]["source"]


def test_solutions_refuses_to_write_over_the_chapters(capsys):
    assert main(["solutions", str(Path(cells.__file__).parents[3] / "chapters")]) == 1
    assert "another folder" in capsys.readouterr().err


# -- the report ----------------------------------------------------------------------------------------------

MARKS = (
    report.Mark(
        "03.1", "look", "Look.", "mistake", ("dw_transposed",), "`dw` is the transpose", ("uses torch",)
    ),
    report.Mark("03.2", "right"),
)
GRADED = [
    report.Graded("=cmd|' /C calc'!A0", "a.ipynb", MARKS),
    report.Graded("Ada <b>", "b.ipynb", (MARKS[1]._replace(id="03.1"), MARKS[1])),
]


def test_the_csv_has_a_line_a_student_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(report.grades_csv(GRADED))))
    assert [row["points"] for row in rows] == ["1", "2"]
    assert [row["03.1"] for row in rows] == ["0", "1"]
    assert rows[0]["student"].startswith("'=")
    assert "03.1 uses torch" in rows[0]["notes"]


def test_gradescope_s_form():
    said = report.gradescope(GRADED[0])
    assert said["score"] == sum(t["score"] for t in said["tests"]) == 1
    assert {t["max_score"] for t in said["tests"]} == {1}
    assert "transpose" in said["tests"][0]["output"]
    assert "torch" not in json.dumps(said), "what is for the teacher is not shown to the student"


def test_the_page_is_headed_by_the_wall_and_escapes_names():
    page = report.page(GRADED, "none", "1.0")
    assert page.index("Run only work that you trust") < page.index("<table")
    assert "<b>" not in page and "Ada &lt;b&gt;" in page
    assert report.misconceptions(GRADED)[0][:3] == ("03.1", "dw_transposed", 1)
