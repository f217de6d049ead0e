"""A newer release under a student's notebook: every answer stays, and what the release changed is there."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tinynn.__main__ import main
from tinynn.course import work as copies
from tinynn.course.classroom.cells import answers, read
from tinynn.course.classroom.update import merge, update


def code(id: str, source: str) -> dict:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def text(id: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source}


def book(*cells: dict) -> dict:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


STUB = 'def f(x):\n    return None\n\n\ncheck("03.1", f)'
ANSWER = 'def f(x):\n    return 2 * x\n\n\ncheck("03.1", f)'
BASE = book(text("a", "# Title"), code("b", "import numpy as np"), code("c", STUB), code("d", "run(f)"))


def sources(merged) -> list[str]:
    return lines(merged.notebook)


def lines(notebook: dict) -> list[str]:
    return [cell["source"] for cell in notebook["cells"]]


def changed(notebook: dict, **cells: str) -> dict:
    result = copy.deepcopy(notebook)
    for cell in result["cells"]:
        cell["source"] = cells.get(cell["id"], cell["source"])
    return result


def test_an_answer_stays_and_the_rest_is_the_newer_release():
    newer = changed(BASE, a="# A better title", c=STUB.replace("None", "None  # your lines"), d="run(f, 2)")
    merged = merge(newer, changed(BASE, c=ANSWER), BASE)
    assert sources(merged) == ["# A better title", "import numpy as np", ANSWER, "run(f, 2)"]
    assert merged.kept == ["03.1"]
    assert merged.changed == ["# A better title", "run(f, 2)"]


def test_an_untouched_stub_becomes_the_newer_stub():
    newer = changed(BASE, c=STUB.replace("(x)", "(x, w)"))
    merged = merge(newer, BASE, BASE)
    assert sources(merged)[2] == newer["cells"][2]["source"]
    assert merged.kept == []


def test_an_answer_is_found_by_its_exercise_wherever_the_release_moved_it():
    newer = book(text("a", "# Title"), code("z", STUB), code("b", "import numpy as np"))
    merged = merge(newer, changed(BASE, c=ANSWER), BASE)
    assert sources(merged) == ["# Title", ANSWER, "import numpy as np"]
    assert answers(merged.notebook)["03.1"].cell == 1


def test_what_both_changed_is_the_release_s_with_the_student_s_below_as_text():
    merged = merge(changed(BASE, d="run(f, 2)"), changed(BASE, d="run(f, lr=3)"), BASE)
    assert sources(merged)[3] == "run(f, 2)"
    assert "```python\nrun(f, lr=3)\n```" in sources(merged)[4]
    assert merged.notebook["cells"][4]["cell_type"] == "markdown"
    assert merged.both == ["run(f, 2)"]


def test_what_only_the_student_changed_stays():
    assert sources(merge(BASE, changed(BASE, d="run(f, lr=3)"), BASE))[3] == "run(f, lr=3)"


def test_cells_of_the_student_s_own_stay_behind_the_cell_they_followed():
    mine = copy.deepcopy(BASE)
    mine["cells"].insert(0, text("mine-0", "My notes"))
    mine["cells"].insert(3, code("mine-1", "x = 1"))
    newer = copy.deepcopy(BASE)
    newer["cells"].insert(1, text("new", "A new paragraph"))
    found = sources(merge(newer, mine, BASE))
    assert found == ["My notes", "# Title", "A new paragraph", "import numpy as np", "x = 1", STUB, "run(f)"]


def test_a_cell_that_the_student_deleted_comes_back_only_if_it_changed():
    mine = book(*[cell for cell in BASE["cells"] if cell["id"] != "d"])
    assert "run(f)" not in sources(merge(BASE, mine, BASE))
    assert "run(f, 2)" in sources(merge(changed(BASE, d="run(f, 2)"), mine, BASE))


def test_a_cell_that_the_release_dropped_goes_unless_the_student_wrote_in_it():
    newer = book(*BASE["cells"][:3])
    assert sources(merge(newer, BASE, BASE)) == [cell["source"] for cell in newer["cells"]]
    assert "run(f, lr=3)" in sources(merge(newer, changed(BASE, d="run(f, lr=3)"), BASE))[-1]


def test_without_the_old_release_nothing_of_the_student_s_is_lost():
    mine = changed(BASE, c=ANSWER, d="run(f, lr=3)")
    found = "\n".join(sources(merge(changed(BASE, d="run(f, 2)"), mine, None)))
    assert ANSWER in found and "run(f, lr=3)" in found and "run(f, 2)" in found


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    chapters, own = tmp_path / "chapters", tmp_path / "my work"
    chapters.mkdir()
    (chapters / "03_backward.ipynb").write_text(json.dumps(BASE), encoding="utf-8")
    copies.lay(chapters, own)
    return chapters / "03_backward.ipynb", own


def test_update_sets_the_old_copy_aside_and_is_done_once(folders):
    chapter, own = folders
    (own / chapter.name).write_text(json.dumps(changed(BASE, c=ANSWER)), encoding="utf-8")
    chapter.write_text(json.dumps(changed(BASE, a="# Newer")), encoding="utf-8")
    assert copies.is_outdated(chapter, own)
    merged, old = update(chapter, own)
    assert merged.kept == ["03.1"]
    assert old is not None and answers(read(old))["03.1"].source == ANSWER
    assert lines(read(own / chapter.name))[:3] == [
        "# Newer",
        "import numpy as np",
        ANSWER,
    ]
    assert not copies.is_outdated(chapter, own)
    assert copies.lay(chapter.parent, own)[0].outcome == "kept"


def test_a_second_update_starts_from_the_first(folders):
    chapter, own = folders
    (own / chapter.name).write_text(json.dumps(changed(BASE, c=ANSWER)), encoding="utf-8")
    for title in ("# Second", "# Third"):
        chapter.write_text(json.dumps(changed(BASE, a=title)), encoding="utf-8")
        update(chapter, own)
    assert lines(read(own / chapter.name)) == [
        "# Third",
        "import numpy as np",
        ANSWER,
        "run(f)",
    ]


def test_the_command_changes_nothing_on_a_dry_run(tmp_path, capsys, monkeypatch):
    assert main(["update", "--dry-run", "--work", str(tmp_path)]) == 0
    assert "0 of" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
