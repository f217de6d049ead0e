"""Chapter 00 in JupyterLab, driven in headless Chromium: widgets and pictures, which nbval does not see."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make install-test"
)
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

QUIET = [
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
# A data-status of "idle" is on the page before the kernel is connected, so the connection itself is asked.
IDLE = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


class Chapter:
    """A page with JupyterLab open on chapter 00 and its kernel waiting."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.errors = page, []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.opened = time.monotonic()
        page.goto(url)
        self.wait_idle()

    def wait_idle(self) -> None:
        self.page.wait_for_function(IDLE, timeout=120_000)

    def command(self, name: str) -> None:
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    def select(self, text: str) -> int:
        """Make the first code cell whose source holds `text` the active one and scroll to it."""
        index = self.page.evaluate(
            f"""text => {{
                const book = {NOTEBOOK};
                const i = book.widgets.findIndex(
                    c => c.model.type === 'code' && c.model.sharedModel.getSource().includes(text));
                book.activeCellIndex = i;
                book.scrollToItem(i, 'start');
                return i;
            }}""",
            text,
        )
        assert index >= 0, f"no code cell with {text!r}"
        return index

    def outputs(self, index: int | None = None) -> list[dict[str, Any]]:
        """The outputs of one cell, or of all."""
        found = self.page.evaluate(f"() => {NOTEBOOK}.widgets.map(c => c.model.outputs?.toJSON() ?? [])")
        return found[index] if index is not None else [output for cell in found for output in cell]

    def wait_for_text(self, index: int, text: str) -> None:
        self.page.wait_for_function(
            f"([i, text]) => JSON.stringify({NOTEBOOK}.widgets[i].model.outputs.toJSON()).includes(text)",
            arg=[index, text],
            timeout=120_000,
        )

    def source(self, index: int) -> str:
        return self.page.evaluate(f"i => {NOTEBOOK}.widgets[i].model.sharedModel.getSource()", index)

    def write(self, index: int, source: str) -> None:
        self.page.evaluate(
            f"([i, text]) => {{ {NOTEBOOK}.widgets[i].model.sharedModel.setSource(text); }}", [index, source]
        )

    def healthy(self) -> None:
        """No error output, nothing on stderr, nothing in the browser's console, nobody asks about news."""
        bad = [o for o in self.outputs() if o["output_type"] == "error" or o.get("name") == "stderr"]
        assert bad == []
        assert self.errors == []
        assert self.page.get_by_text("Would you like to").count() == 0


@contextlib.contextmanager
def tab(chromium: str, height: int) -> Iterator[Any]:
    """A page of a browser of its own, 1280 pixels wide."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[*QUIET, *["--no-sandbox"] * root])
        with contextlib.closing(browser):
            yield browser.new_page(viewport={"width": 1280, "height": height})


@pytest.fixture
def chapter(chromium: str, start_lab: Callable) -> Iterator[Chapter]:
    lab = start_lab("00")
    with tab(chromium, height=1000) as page:
        yield Chapter(page, f"{lab.url}/lab/tree/00_start.ipynb?token={lab.token}")


def test_all_cells_run_and_the_slider_moves_by_keyboard(
    chapter: Chapter, record_property: Callable[[str, Any], None]
) -> None:
    trained, last = chapter.select("run.run_to_end()"), chapter.select('check("00.3"')
    chapter.page.evaluate(f"() => {{ for (const c of {NOTEBOOK}.widgets) c.model.outputs?.clear(); }}")
    chapter.command("notebook:run-all-cells")
    chapter.wait_for_text(trained, "580 of 580 steps trained")
    seconds = time.monotonic() - chapter.opened
    record_property("seconds from opening to the first trained network", round(seconds, 1))
    print(f"seconds from opening to the first trained network: {seconds:.1f}")
    assert seconds < 90
    chapter.wait_for_text(last, "5 Loop: not tried yet")
    chapter.wait_idle()
    chapter.healthy()

    chapter.select('slider("examples learned from"')
    handle = chapter.page.get_by_role("slider").first
    cell = chapter.page.locator(".jp-CodeCell", has=handle)
    picture, words = cell.locator(".jp-OutputArea img"), cell.locator("details")
    expect(picture).to_be_visible()
    before = picture.screenshot()
    handle.focus()
    for _ in range(4):
        chapter.page.keyboard.press("ArrowRight")
    expect(chapter.page.locator(".widget-readout").first).to_have_text("32")
    expect(words).to_contain_text("after 32;")
    assert picture.screenshot() != before
    chapter.healthy()


def test_the_run_starts_pauses_and_steps_by_its_buttons(chapter: Chapter) -> None:
    cell = chapter.select("run = Live(")
    chapter.command("notebook:run-all-above")
    chapter.command("notebook:run-cell")
    page = chapter.page
    train, status = page.get_by_role("button", name="Train"), page.locator(".widget-label", has_text="Step")
    expect(status).to_have_text("Step 0 of 580: press Train", timeout=60_000)
    picture = page.locator(".widget-image").first
    before = picture.screenshot()

    train.focus()
    page.keyboard.press("Enter")
    pause = page.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    expect(status).not_to_have_text("Step 0 of 580: press Train")
    pause.focus()
    page.keyboard.press("Enter")  # it arrives while the network trains: the kernel is not blocked
    expect(train).to_be_visible()
    done = steps_of(status)
    assert 0 < done < 580
    assert picture.screenshot() != before

    page.get_by_role("button", name="One step").click()
    expect(status).to_contain_text(f"Step {done + 1} of 580")
    train.click()
    chapter.wait_for_text(cell, "Loss over 580 training steps")
    # A finished run leaves a picture that needs no kernel, and no dead buttons.
    assert all(
        "application/vnd.jupyter.widget-view+json" not in o.get("data", {}) for o in chapter.outputs(cell)
    )
    chapter.healthy()


def steps_of(status: Any) -> int:
    return int(status.inner_text().split()[1])


def test_a_student_answers_wrongly_and_is_told_what_the_answer_suggests(chapter: Chapter) -> None:
    chapter.select("def rule(image)")
    chapter.command("notebook:run-all-above")
    rule = chapter.select("def rule(image)")
    chapter.write(rule, chapter.source(rule).replace("ink > 20", "ink > 99"))
    chapter.command("notebook:run-cell")
    chapter.wait_for_text(rule, "It says 3 to every image")
    chapter.write(rule, chapter.source(rule).replace("    ink =", "    while True:\n        pass\n    ink ="))
    chapter.command("notebook:run-cell")
    chapter.wait_for_text(rule, "It was still running at the time limit")
    test = chapter.select('check("00.3"')
    chapter.write(test, chapter.source(test).replace("slicing = None", "slicing = [20, 30, 40, 50]"))
    chapter.command("notebook:run-cell")
    chapter.wait_for_text(test, "You counted the end in.")
    chapter.healthy()


def test_a_prediction_is_locked_in_by_keyboard_and_then_the_result_shows(chapter: Chapter) -> None:
    asked = chapter.select("untrained = predict(")
    chapter.command("notebook:run-all-above")
    chapter.command("notebook:run-cell")
    field = chapter.page.get_by_role("textbox", name="your prediction (percent)")
    expect(field).to_be_visible(timeout=60_000)
    result = chapter.select("untrained.show(")
    chapter.command("notebook:run-cell")
    chapter.wait_for_text(result, "Predict first")
    chapter.page.evaluate(f"i => {NOTEBOOK}.scrollToItem(i, 'start')", asked)
    field.focus()
    chapter.page.keyboard.type("90")
    chapter.page.keyboard.press("Tab")
    chapter.page.keyboard.press("Enter")
    chapter.wait_for_text(asked, "Locked in: 90 percent")
    chapter.wait_for_text(result, "You predicted 90 percent.")
    chapter.healthy()


def test_an_option_is_chosen_and_locked_in_by_keyboard(chapter: Chapter) -> None:
    index = chapter.select('# hint("00.1")')
    chapter.write(
        index, 'from tinynn.course.check import predict\npredict("Which one?", ["the first", "the second"])'
    )
    chapter.command("notebook:run-cell")
    second = chapter.page.get_by_role("button", name="the second")
    expect(second).to_be_visible(timeout=60_000)
    chapter.page.get_by_role("button", name="the first").focus()
    chapter.page.keyboard.press("Tab")
    chapter.page.keyboard.press("Enter")
    expect(chapter.page.get_by_text("Chosen: the second.")).to_be_visible()
    chapter.page.keyboard.press("Tab")
    chapter.page.keyboard.press("Enter")
    chapter.wait_for_text(index, "Locked in: the second.")
    chapter.healthy()


WRONG = """from tinynn.course.check import check
def linear_backward(dy, x, w):
return dy @ w, x.T @ dy, dy.sum(axis=0)
"""


def test_a_typed_mistake_is_named_on_the_page(chapter: Chapter, tmp_path: Path) -> None:
    """Typed key by key, as a student does; the verdict is looked for in the page itself."""
    page = chapter.page
    index = chapter.select('# hint("00.1")')
    chapter.write(index, "")
    page.locator(".jp-CodeCell.jp-mod-active .cm-content").click()
    page.keyboard.type(WRONG)
    page.keyboard.press("Backspace")  # the editor indents the line after the return by itself
    page.keyboard.type('\ncheck("3.1", linear_backward)')
    page.keyboard.press("Shift+Enter")
    said = page.locator(".jp-OutputArea-output", has_text="is the transpose of what it should be").first
    expect(said).to_be_visible(timeout=60_000)
    expect(said).to_contain_text("Look again")
    table = said.get_by_role("table").first
    expect(table.get_by_role("columnheader", name="expected")).to_be_visible()
    expect(table.get_by_role("columnheader", name="received")).to_be_visible()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(
            f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})"
        )
        page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{theme}'")
        said.screenshot(path=tmp_path / f"{theme}.png")
        assert contrast(said) > 4.5, theme
    chapter.healthy()


def contrast(element: Any) -> float:
    """Of the text of an output against the page behind it: WCAG asks for 4.5."""
    text, page = element.evaluate(
        """e => [getComputedStyle(e).color,
                 getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor]
            .map(c => c.match(/[0-9.]+/g).slice(0, 3).map(Number))"""
    )
    light, dark = sorted((luminance(text), luminance(page)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    parts = [c / 255 / 12.92 if c <= 10.31 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
