"""The slider over a warp's steps in JupyterLab, driven in headless Chromium by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_browser import Chapter, playwright, tab

expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]

CELLS = [
    "import numpy as np\nfrom tinynn.course.lens import look, warp_stepper\nfrom tinynn.gpu import cuda",
    "@cuda.jit\ndef every_eighth(x, y):\n    i = cuda.grid(1)\n    y[i] = x[8 * i]",
    "report = look(every_eighth, 1, 64, np.zeros(512, np.float32), np.zeros(64, np.float32))\nreport",
    "warp_stepper(report)",
]


def notebook() -> str:
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "outputs": [], "execution_count": None,
         "source": source}
        for n, source in enumerate(CELLS)
    ]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def chapter(chromium: str, start_lab: Callable, tmp_path: Path) -> Iterator[Chapter]:
    lab = start_lab("00")
    (tmp_path / "my work" / "lens.ipynb").write_text(notebook(), encoding="utf-8")
    with tab(chromium, height=1000) as page:
        yield Chapter(page, f"{lab.url}/lab/tree/lens.ipynb?token={lab.token}")


def test_the_table_and_the_sliders_of_a_kernel_written_in_a_cell(chapter: Chapter, tmp_path: Path) -> None:
    chapter.command("notebook:run-all-cells")
    index = len(CELLS) - 1
    chapter.wait_for_text(index, "Step 1 of 2 of warp 0 of block 0")
    chapter.wait_idle()
    chapter.healthy()
    table = chapter.page.locator("table", has_text="y[i] = x[8 * i]")
    expect(table).to_contain_text("✗ strided")

    chapter.select("warp_stepper(report)")
    sliders = chapter.page.get_by_role("slider")
    expect(sliders).to_have_count(2)
    cell = chapter.page.locator(".jp-CodeCell", has=sliders.first)
    picture, words = cell.locator(".jp-OutputArea img"), cell.locator("details")
    expect(picture).to_be_visible()
    before = picture.screenshot()
    sliders.first.focus()
    chapter.page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("Step 2 of 2 of warp 0 of block 0. Warp 0 of block 0 writes")
    assert picture.screenshot() != before
    sliders.last.focus()
    chapter.page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("Step 2 of 2 of warp 1 of block 0.")
    chapter.page.screenshot(path=tmp_path / "page.png")
    chapter.healthy()
