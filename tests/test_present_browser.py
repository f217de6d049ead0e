"""`present` in JupyterLab, on a projector's 1280 x 720 pixels, driven in headless Chromium."""
# ruff: noqa: F811 - the fixture comes with the import

from __future__ import annotations

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make install-test"
)
from test_browser import NOTEBOOK, Chapter, chapter, steps_of  # noqa: E402, F401

expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]


RUN = """
import time
from tinynn.course.live import Live
from tinynn.course.plots import loss_curve

def training():
    for step in range(580):
        time.sleep(0.005)
        yield 580 - step

Live(training(), total=580, picture=loss_curve)
"""


def type_size(chapter: Chapter) -> str:
    look = f"() => getComputedStyle({NOTEBOOK}.node).getPropertyValue('--jp-content-font-size1')"
    return chapter.page.evaluate(look).strip()


def run_above(chapter: Chapter, source: str) -> None:
    """Put `source` into a new first cell and run it."""
    chapter.page.evaluate(f"() => {{ {NOTEBOOK}.activeCellIndex = 0; }}")
    chapter.command("notebook:insert-cell-above")
    chapter.page.wait_for_function(f"() => {NOTEBOOK}.activeCell?.model.sharedModel.getSource() === ''")
    chapter.write(0, source)
    chapter.command("notebook:run-cell")


def test_a_room_sees_large_type_folded_code_and_widgets_that_work(chapter: Chapter) -> None:
    page = chapter.page
    page.set_viewport_size({"width": 1280, "height": 720})
    usual = type_size(chapter)
    run_above(chapter, "from tinynn.course.present import present\npresent()")
    chapter.wait_for_text(0, "tinynn-present")
    assert float(type_size(chapter)[:-2]) > 1.4 * float(usual[:-2])

    # Code is folded to a line; a click opens it for typing, Escape folds it, Enter opens it.
    index = chapter.select("def training(")
    cell = page.locator(".jp-CodeCell").filter(has_text="def training(")
    editor = cell.locator(".jp-InputArea-editor")
    folded = editor.bounding_box()["height"]
    assert folded < 40
    page.evaluate(f"i => {{ {NOTEBOOK}.activeCellIndex = i - 1; }}", index)
    editor.click()
    page.wait_for_function(f"() => {NOTEBOOK}.mode === 'edit'")
    page.keyboard.press("Control+Home")
    page.keyboard.type("# typed\n")
    assert chapter.source(index).startswith("# typed\n")
    assert editor.bounding_box()["height"] > 5 * folded
    page.keyboard.press("Escape")
    page.wait_for_function(f"() => {NOTEBOOK}.mode === 'command'")
    assert editor.bounding_box()["height"] == folded
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => {NOTEBOOK}.mode === 'edit'")
    assert editor.bounding_box()["height"] > 5 * folded
    page.keyboard.press("Escape")

    # The widget far below works, at its new size, with the marked output out of sight.
    chapter.write(chapter.select('check("00.3"'), RUN)
    chapter.command("notebook:run-cell")
    status = page.locator(".widget-label", has_text="Step")
    expect(status).to_have_text("Step 0 of 580: press Train", timeout=60_000)
    picture = page.locator(".widget-image").first
    assert picture.bounding_box()["width"] > 6 * 84  # pixels on the usual page
    page.get_by_role("button", name="Train").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Train")).to_be_visible()
    assert 0 < steps_of(status) < 580
    assert type_size(chapter) != usual

    # And back: from another cell, while the first one still holds its output.
    run_above(chapter, "present(False)")
    chapter.wait_for_text(0, "as it was")
    page.wait_for_function("() => !document.querySelector('.tinynn-present')")
    assert type_size(chapter) == usual
    chapter.healthy()
