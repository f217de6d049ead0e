"""The map, the glossary and the table of the chapters: in step with the notebooks, and within an hour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinynn.course.classroom import chapters as command
from tinynn.course.classroom import contents, estimate, glossary
from tinynn.errors import FileError

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
CHAPTERS = [c for c in command.read_all(FOLDER) if not c.is_project]
AGAIN = "run `make table`"


def notebook(*cells: str) -> dict:
    """Cells of text, or of code where they begin with ``>``."""
    return {"cells": [made(source) for source in cells]}


def made(source: str) -> dict:
    kind = "code" if source.startswith(">") else "markdown"
    return {"cell_type": kind, "source": source.removeprefix(">"), "metadata": {}}


def names(*cells: str) -> list[str]:
    return [term.name for term in glossary.terms(notebook(*cells), "01_x")]


# -- the pages as they stand ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "GLOSSARY.md"])
def test_the_page_is_in_step_with_the_notebooks(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == command.pages(FOLDER)[FOLDER / name], AGAIN


def test_no_term_is_defined_in_two_chapters_without_a_reason():
    repeated = glossary.repeated(command.terms(FOLDER))
    assert set(repeated) == set(glossary.REPEATED), f"defined in: {repeated}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.number)
def test_no_chapter_is_beyond_60_minutes(chapter):
    waiting = command.waiting(chapter, command.load_times(FOLDER)) or 0.0
    assert estimate.whole(chapter, waiting) <= 60
    assert chapter.minutes is not None and chapter.minutes <= 60


def test_the_drawing_shows_what_the_chapters_assume():
    lines = {
        "01": "00",
        "02": "01",
        "03": "02",
        "04": "03",
        "05": "02",
        "06": "05",
        "07": "03 05",
        "08": "03 05",
    }
    lines |= {"09": "08", "10": "09", "11": "10", "12": "11", "13": "12", "14": "03", "15": "03"}
    lines |= {"16": "15", "17": "16"}  # as those of the drawing lead down

    def before(number: str) -> set[str]:
        return {n for up in lines.get(number, "").split() for n in {up} | before(up)}

    for chapter in CHAPTERS:
        assert set(chapter.needs) <= before(chapter.number), chapter.assumed


# -- terms ---------------------------------------------------------------------------------------------


def test_a_term_is_bold_in_a_sentence_and_stands_once():
    assert names("A **neuron** is a sum. A **Relu** bends.", "The **neuron** again.") == ["neuron", "relu"]


@pytest.mark.parametrize(
    "text",
    ["**Predict:** how many?", "**What is it?**", "1. **Slicing.** What is `x`?",
     "| **Time** | 60 minutes |",
     "Press **Lock in** now.", "A **+** here.",
     "Here **every gradient is too large**.", "```\n**code** it\n```",
     "# 1 A **heading**"],
)  # fmt: skip
def test_what_is_no_term(text):
    assert names(text) == []


def test_speaker_notes_define_nothing():
    cell = made("A **term** for the room.")
    cell["metadata"] = {"slideshow": {"slide_type": "notes"}}
    assert glossary.terms({"cells": [cell]}, "01_x") == []


def test_a_sentence_is_whole_and_the_formula_it_leads_to_follows():
    text = "First. With `a. B` and $x. Y$ the **mean** is\nhalf the sum:\n\n$$m = s / 2$$\n\nNext."
    [term] = glossary.terms(notebook(text), "01_x")
    assert term.sentence == "With `a. B` and $x. Y$ the *mean* is half the sum: $m = s / 2$"


def test_one_term_in_two_chapters_is_found_whatever_its_form():
    one = glossary.terms(notebook("Its **weights** are numbers."), "00_x")
    two = glossary.terms(notebook("A **Weight** counts."), "01_y")
    assert glossary.repeated([*one, *two]) == {"weight": ["00", "01"]}


def test_the_glossary_is_alphabetical_and_links():
    found = glossary.terms(
        notebook("**To standardise** it. A **Bias** and **He initialisation** and **affine**."), "01_x"
    )
    lines = [line for line in glossary.page(found).splitlines() if line.startswith("* ")]
    assert [line.split("**")[1] for line in lines] == [
        "affine",
        "bias",
        "He initialisation",
        "to standardise",
    ]
    assert all("[01](01_x.ipynb)" in line for line in lines)


# -- counts --------------------------------------------------------------------------------------------

TEXTS = ("# 01 A title\n\n**Why?**\n\n| **Assumed** | 00 and 07; nothing of 05 is needed |\n"
         "| **Time** | 50 minutes; more |",
         ">a = 1\n\nslider('x', [1])\npredict('q')",
         "## 1 One\n\n### Exercise 01.1: one\n\n*Easy, 6 minutes.* Two words.",
         ">def f():\n    return None\n\n\ncheck('01.1', f)",
         "## Beyond the hour\n\n### Exercise 01.2\n\nThree more words.",
         ">check('01.2', g)", "## Summary\n\nOne `code word` $x y$ word.")  # fmt: skip


def made_chapter(folder: Path, *cells: str) -> contents.Chapter:
    path = folder / "01_x.ipynb"
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    return contents.chapter(path)


def test_what_is_beyond_the_hour_is_counted_apart(tmp_path):
    c = made_chapter(tmp_path, *TEXTS)
    assert (c.title, c.question, c.minutes, c.needs) == ("A title", "Why?", 50, ["00", "07"])
    assert (c.inside.exercises, c.beyond.exercises) == (["01.1"], ["01.2"])
    assert (c.inside.lines, c.inside.lines_of_tasks, c.beyond.lines) == (6, 3, 1)
    assert (c.inside.widgets, c.inside.predictions, c.inside.formulas) == (1, 1, 1)
    assert c.beyond.words == len("Beyond the hour Exercise Three more words".split())


def test_an_exercise_beyond_the_hour_inside_a_part_ends_with_its_check(tmp_path):
    c = made_chapter(tmp_path, "## 1 A\n\nOne.\n\n### Exercise 01.2\n\n*Hard, beyond the hour (9 minutes).*",
                     ">check('01.2', g)", "Four words follow it.")  # fmt: skip
    assert c.beyond.exercises == ["01.2"] and c.inside.words == len("A One Four words follow it".split())


def test_every_amount_makes_the_estimate_longer():
    for name in ("words", "formulas", "cells", "lines", "widgets", "predictions"):
        assert estimate.minutes(contents.Amount(**{name: 100})) > 0.5, name
    assert estimate.minutes(contents.Amount(exercises=["01.1"])) == 6


def test_waiting_counts(tmp_path):
    c = made_chapter(tmp_path, *TEXTS)
    assert estimate.whole(c, 120) == estimate.whole(c) + 2


def test_a_chapter_that_is_not_written_yet_has_a_row(tmp_path):
    made_chapter(tmp_path)
    assert "| 01 | 0 | 0 | 0 | 0 | - | - |" in command.table(command.read_all(tmp_path), {})


def test_a_run_time_is_marked_when_the_code_has_changed_since(tmp_path):
    c = made_chapter(tmp_path, *TEXTS)
    times = {"date": "2026-01-02", "machine": "M", "chapters": {"01": {"seconds": 7.4, "digest": c.digest}}}
    assert "| 7 |" in command.table([c], times) and "2026-01-02, M" in command.table([c], times)
    times["chapters"]["01"]["digest"] = "other"
    assert "| 7 * |" in command.table([c], times)


def test_a_page_without_its_markers_is_refused():
    assert (
        command.put("a <!-- m -->old<!-- end of m --> b", "m", "new")
        == "a <!-- m -->\nnew\n<!-- end of m --> b"
    )
    with pytest.raises(FileError, match="end of m"):
        command.put("a <!-- m --> b", "m", "new")
