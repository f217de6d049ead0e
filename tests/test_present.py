"""The page for a room: what `present` displays."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tinynn.course import present as module
from tinynn.course.present import present

CSS = module.STYLE.read_text(encoding="utf-8")


class Page:
    """The outputs of a notebook, as `IPython.display.display` would make them."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, str]] = []

    def display(self, data: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        self.outputs.append(data)
        return Handle(self.outputs, len(self.outputs) - 1)

    @property
    def marks(self) -> int:
        return sum('class="tinynn-present' in output["text/html"] for output in self.outputs)


class Handle:
    def __init__(self, outputs: list, index: int) -> None:
        self.outputs, self.index = outputs, index

    def update(self, data: dict[str, str], raw: bool) -> None:
        assert raw
        self.outputs[self.index] = data


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    monkeypatch.setattr("IPython.display.display", page.display)
    monkeypatch.setattr(module, "_shown", None)
    return page


def test_a_page_has_one_mark_while_somebody_presents_and_none_after(page: Page) -> None:
    for on, marks in [(True, 1), (True, 1), (False, 0), (False, 0), (True, 1)]:
        present(on)
        assert page.marks == marks


def test_code_stays_open_where_it_is_asked_for(page: Page) -> None:
    present(code=True)
    assert "tinynn-present" in page.outputs[-1]["text/html"]
    assert 'class="tinynn-present"' in page.outputs[-1]["text/html"]
    assert "folded" not in page.outputs[-1]["text/plain"]
    present()
    assert 'class="tinynn-present tinynn-fold"' in page.outputs[-1]["text/html"]
    assert "folded" in page.outputs[-1]["text/plain"] and "<" not in page.outputs[-1]["text/plain"]


def test_every_rule_asks_for_the_mark_and_for_a_notebook() -> None:
    rules = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    selectors = [s.strip() for block in re.findall(r"([^{}]+)\{", rules) for s in block.split(",\n")]
    assert len(selectors) > 5
    for selector in selectors:
        assert re.match(r"\.jp-Notebook:has\(\.tinynn-(present|fold)\)", selector)


def test_the_style_sheet_fits_into_an_output() -> None:
    assert "</" not in CSS and "http" not in CSS and "@import" not in CSS
