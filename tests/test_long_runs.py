"""Results of long runs: kept whole, saying where they come from, there for every chapter that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinynn.__main__ import main
from tinynn.course.long_runs import kept
from tinynn.course.long_runs.command import chapters, measure
from tinynn.errors import FileError

CHAPTERS = sorted((Path(__file__).resolve().parent.parent / "chapters").glob("[0-9][0-9]*.ipynb"))


def test_what_a_run_brings_is_kept_and_says_where_it_comes_from(tmp_path):
    measure("42", lambda: {"accuracy": 0.98765, "curve": [1.0, 0.5], "names": "<Ada>"}, tmp_path)
    results = kept("42", tmp_path)
    assert results["accuracy"] == 0.98765 and results["curve"] == [1.0, 0.5]
    assert re.search(r"tinynn long 42, 0 seconds, \d{4}-\d\d-\d\d, \w+", repr(results))
    assert "accuracy: 0.9877" in repr(results) and "&lt;Ada&gt;" in results._repr_html_()


def test_a_run_that_brings_no_number_keeps_nothing(tmp_path):
    with pytest.raises(ValueError):
        measure("42", lambda: {"loss": float("nan")}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_kept_names_the_command(tmp_path):
    with pytest.raises(FileError, match=r"python -m tinynn long 42 --save"):
        kept("42", tmp_path)


def test_an_unknown_chapter_is_a_sentence(capsys):
    assert main(["long", "42"]) == 1
    assert "got chapter '42'" in capsys.readouterr().err


@pytest.mark.parametrize("chapter", chapters())
def test_every_long_run_has_its_results(chapter):
    assert len(kept(chapter)) >= 2


def test_chapters_show_what_is_there():
    shown = set()
    for path in CHAPTERS:
        shown |= set(re.findall(r'kept\(\\"(\w+)\\"\)', path.read_text("utf-8")))
    assert shown <= set(chapters())
