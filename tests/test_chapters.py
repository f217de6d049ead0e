"""What every chapter must be, untouched and solved, and that nbval would see a wrong digit."""

from __future__ import annotations

import configparser
import copy
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tinynn.course.classroom.cells import answers
from tinynn.course.classroom.cells import read as read_plain
from tinynn.course.classroom.contents import is_note
from tinynn.course.classroom.solutions import solved
from tinynn.course.engine.exercise import catalogue
from tinynn.course.work import begins_with_first_cell

nbformat = pytest.importorskip("nbformat")

PROJECT = Path(__file__).resolve().parent.parent
SANITIZE = PROJECT / "tests" / "nbval_sanitize.cfg"
CHAPTERS = sorted((PROJECT / "chapters").glob("[0-9][0-9]_*.ipynb"))
NUMPY_ONLY = {"00", "01", "02", "03"}

MACHINE_PATH = re.compile(r"/(?:home|root|tmp|work|Users|usr|opt|var|mnt)/\w|[A-Z]:\\\\?\w|site-packages")
FORBIDDEN = re.compile(
    r"\b(simply|just|obviously|of course|clearly|trivial\w*|let's|let us|dive|awesome|amazing|great|exciting|"
    r"congratulations|well done|good job|magic\w*|please|basically|in a nutshell|delve|leverage|unlock)\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\U0001f300-\U0001faff\U00002600-\U000026ff\U0000fe0f]")
WIDGET = "application/vnd.jupyter.widget-view+json"
TAGS = {"nbval-ignore-output"}

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path: Path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook, notes: bool = True) -> str:
    """The text cells, with the speaker notes or not, without code, formulas and titles of sources."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown" and (notes or not is_note(cell))]
    text = "\n".join(cell.source for cell in cells)
    return re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$|\*[^*\n]+\*, \d{4}", "", text, flags=re.DOTALL)


def outputs(notebook) -> list:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def text_of(output) -> str:
    data = output.get("data", {})
    return str(output.get("text", "")) + "".join(
        str(data[k]) for k in sorted(data) if not k.startswith("image")
    )


def test_there_are_chapters():
    assert [path.name[:2] for path in CHAPTERS][:1] == ["00"]


@every_chapter
def test_it_was_run_from_top_to_bottom_in_one_go(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code_cells(notebook)] == [
        *range(1, len(code_cells(notebook)) + 1)
    ]
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@every_chapter
def test_its_outputs_hold_no_error_no_stderr_and_no_trace_of_a_machine(path):
    notebook = read(path)
    for output in outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        assert WIDGET not in output.get("data", {}), "the id of a widget means nothing to the next kernel"
        assert not MACHINE_PATH.search(text_of(output)), text_of(output)
    assert not MACHINE_PATH.search("\n".join(cell.source for cell in notebook.cells))
    assert "widgets" not in notebook.metadata
    assert not any({"execution", "ExecuteTime"} & set(cell.metadata) for cell in notebook.cells)


@every_chapter
def test_its_size_and_its_cells_stay_small(path):
    assert path.stat().st_size < 1_000_000
    for cell in code_cells(read(path)):
        assert cell.source.count("\n") < 25, f"more than 25 lines:\n{cell.source}"


@every_chapter
def test_its_first_code_cell_explains_a_wrong_kernel_and_compiles_nothing_early(path):
    first = code_cells(read(path))[0].source
    assert begins_with_first_cell(first)
    if path.name[:2] in NUMPY_ONLY:
        assert 'tinynn.backend("numpy")' in first


@every_chapter
def test_what_nbval_ignores_is_asserted(path):
    cells = code_cells(read(path))
    for cell, following in zip(cells, [*cells[1:], None]):
        tags = set(cell.metadata.get("tags", []))
        assert tags <= TAGS
        asserted = cell.source + (following.source if following else "")
        assert not tags or re.search(r"^\s*assert\b.*[<>]", asserted, re.MULTILINE), cell.source


@every_chapter
def test_every_picture_has_a_text_alternative(path):
    pictures = [o for o in outputs(read(path)) if "image/png" in o.get("data", {})]
    assert pictures
    for output in pictures:
        assert len(output.metadata["image/png"]["alt"]) > 20
        assert not output.data["text/plain"].startswith("<")


@every_chapter
def test_its_words(path):
    text = prose(read(path))
    assert not FORBIDDEN.findall(text)
    assert "!" not in text
    assert not EMOJI.findall(text)
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert len(headings) == len(set(headings))


@every_chapter
def test_it_has_the_parts_of_a_chapter(path):
    notebook = read(path)
    opening, text = notebook.cells[0].source, prose(notebook)
    assert re.search(r"\?\*\*$", opening, re.MULTILINE), "opens with its question"
    for part in ("Afterwards you can", "Assumed", "Time"):
        assert f"**{part}**" in opening
    minutes = int(re.search(r"(\d+) minutes", opening).group(1))
    assert minutes <= 60
    declared = re.findall(r"\b(\d+) minutes[,.]", prose(notebook, notes=False))
    assert sum(map(int, declared)) <= minutes, "exercises fit into the time"
    for heading in ("Summary", "Here and in PyTorch", "Where the code lives", "Sources", "An open question"):
        assert f"\n## {heading}\n" in "\n" + text
    summary = re.search(r"## Summary\n+(.*?)\n##", text, re.DOTALL).group(1)
    assert re.findall(r"^\d", summary, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert text.count("**Predict:**") >= 2
    source = "\n".join(cell.source for cell in code_cells(notebook))
    assert source.count("predict(") >= 2


@every_chapter
def test_it_can_be_presented(path):
    kinds = [cell.metadata.slideshow.slide_type for cell in read(path).cells]
    assert set(kinds) <= {"slide", "subslide", "fragment", "notes", "skip", "-"}
    assert kinds[0] == "slide" and kinds.count("notes") >= 3


# -- solved ----------------------------------------------------------------------------------------------


SOLVED_EVERY_TIME = {
    "00",
    "01",
    "02",
    "03",
    "04",
}  # the others in the long run: a run each costs minutes in all


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.name[:2] in SOLVED_EVERY_TIME else pytest.mark.slow, id=path.stem)
        for path in CHAPTERS
    ],
)
def test_solved_it_runs_and_every_check_says_right(path):
    """As `python -m tinynn solutions` solves it, with every hint asked for."""
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.from_dict(solved(read_plain(path)))
    for cell in code_cells(notebook):
        cell.source = re.sub(r"^# (hint\()", r"\1", cell.source, flags=re.MULTILINE)
    if path.name[:2] in NUMPY_ONLY:
        source = "import sys\nassert 'numba' not in sys.modules"
        notebook.cells.append(nbformat.v4.new_code_cell(source, id="compiles-nothing"))
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    for cell in code_cells(notebook):
        said = "".join(map(text_of, cell.outputs))
        assert not re.search(r"look again|not tried yet|No prediction yet", said, re.IGNORECASE), said
        if re.search(r"^check\(", cell.source, re.MULTILINE):
            assert "✓" in said, cell.source
    assert all(output.get("name") != "stderr" for output in outputs(notebook))


@every_chapter
def test_every_exercise_of_the_chapter_is_in_it_and_no_other(path):
    asked = set(answers(read_plain(path)))
    declared = {id for id in catalogue() if id.split(".")[0] == path.stem.split("_")[0]}
    assert asked == declared


# -- nbval -------------------------------------------------------------------------------------------


def nbval(notebook, folder: Path) -> dict[str, bool]:
    """Run nbval as `make notebooks` does; which cells passed, by their place among the code cells."""
    path, report = folder / "chapter.ipynb", folder / "report.xml"
    nbformat.write(notebook, path)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        "-q",
    ]
    command += ["--nbval-sanitize-with", str(SANITIZE), "-m", "", f"--junitxml={report}", str(path)]
    subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=240)
    cases = ElementTree.parse(report).iter("testcase")
    return {case.get("name", ""): case.find("failure") is None for case in cases}


def test_nbval_sees_one_changed_digit_in_every_output_it_compares(tmp_path):
    notebook, expected = copy.deepcopy(read(CHAPTERS[0])), {}
    for i, cell in enumerate(code_cells(notebook)):
        compared = "nbval-ignore-output" not in cell.metadata.get("tags", [])
        changed = compared and any(change_a_digit(output) for output in cell.outputs)
        expected[f"Cell {i}"] = not changed
    assert sum(not passes for passes in expected.values()) >= 5
    assert nbval(notebook, tmp_path) == expected


def change_a_digit(output) -> bool:
    """Add 1 to the last digit of a saved text; whether there was one."""
    holder, key = (output, "text") if "text" in output else (output.get("data", {}), "text/plain")
    found = list(re.finditer(r"\d", holder.get(key, "")))
    if not found:
        return False
    at, text = found[-1].start(), holder[key]
    holder[key] = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
    return True


@pytest.mark.parametrize(
    "number", ["0", "97", "-3", "3.14", "1e-05", "0.10", "1797", "98.33%", "(64, 10)", "0x1f"]
)
def test_no_sanitize_rule_matches_a_bare_number(number):
    rules = configparser.RawConfigParser()
    rules.read(SANITIZE, encoding="utf-8")
    assert 0 < len(rules.sections()) <= 5
    for name in rules.sections():
        assert not re.search(rules[name]["regex"], number), name
