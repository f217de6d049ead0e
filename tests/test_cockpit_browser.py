"""The cockpit in JupyterLab, driven in headless Chromium by keyboard: frames, delays, rewind, fork."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from test_browser import NOTEBOOK, Chapter, playwright, tab

expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

BOOK = Path(__file__).parent / "notebooks" / "cockpit.ipynb"
WATCH = """() => {
    window.frames_ = []; window.said_ = []; window.long_ = [];
    for (const image of document.querySelectorAll('.widget-image'))
        image.addEventListener('load', () => window.frames_.push([performance.now(), image.title]));
    const labels = [...document.querySelectorAll('.widget-label')];
    const status = labels.find(e => e.textContent.startsWith('Run A:'));
    new MutationObserver(() => window.said_.push([performance.now(), status.textContent]))
        .observe(status, {childList: true, subtree: true, characterData: true});
    new PerformanceObserver(list => list.getEntries().forEach(e => window.long_.push(e.duration)))
        .observe({entryTypes: ['longtask']});
}"""


class Driver:
    """The cockpit on a page, by keyboard."""

    def __init__(self, chapter: Chapter) -> None:
        self.chapter, self.page = chapter, chapter.page
        self.page.on("response", lambda r: r.status >= 400 and chapter.errors.append(f"{r.status} {r.url}"))
        self.status = self.page.locator(".widget-label", has_text=re.compile("^Run [A-D]:"))
        self.news = self.page.locator("[role=alert]")

    def open(self) -> None:
        self.page.evaluate(f"() => {{ for (const c of {NOTEBOOK}.widgets) c.model.outputs?.clear(); }}")
        self.chapter.select("pit = cockpit(")
        self.chapter.command("notebook:run-all-above")
        self.chapter.command("notebook:run-cell")
        self.button("Play").wait_for(timeout=60_000)
        self.chapter.wait_idle()
        self.status.wait_for()
        self.page.locator(".widget-image").last.scroll_into_view_if_needed()
        self.page.evaluate(WATCH)

    def button(self, text: str) -> Any:
        return self.page.locator("button.jupyter-button", has_text=re.compile(rf"^\s*{text}\s*$"))

    def press(self, text: str) -> None:
        self.button(text).focus()
        self.page.keyboard.press("Enter")

    def type(self, label: str, value: str) -> None:
        self.page.get_by_label(label).fill(value)
        self.page.keyboard.press("Enter")

    def at(self) -> int:
        return int(self.status.inner_text().split("step ")[1].split()[0])

    def until(self, step: int) -> None:
        self.page.wait_for_function(
            "n => window.said_.some(s => Number(s[1].split('step ')[1].split(' ')[0]) >= n)", arg=step,
            timeout=60_000,
        )  # fmt: skip

    def frames_a_second(self, seconds: float) -> float:
        """How often the picture of the loss changes on the page."""
        self.page.evaluate("() => { window.frames_.length = 0; }")
        time.sleep(seconds)
        times = [t for t, name in self.page.evaluate("() => window.frames_") if name.startswith("Loss")]
        return (len(times) - 1) / (times[-1] - times[0]) * 1000

    def delay(self, rate: str) -> float:
        """Milliseconds from a key to the first status that tells of a step made with the new setting."""
        self.page.get_by_label("Learning rate").fill(rate)
        self.page.evaluate("() => { window.said_.length = 0; window.pressed_ = performance.now(); }")
        self.page.keyboard.press("Enter")
        found = "window.said_.find(s => s[1].includes(`lr ${rate},`))"
        self.page.wait_for_function(f"rate => {found}", arg=rate, timeout=10_000)
        return self.page.evaluate(f"rate => {found}[0] - window.pressed_", rate)

    def ask(self, expression: str) -> str:
        """What a cell of its own says about the cockpit."""
        index = self.chapter.select("pit.run_to_end()")
        self.chapter.write(index, f"print('pit.run_to_end() later:', {expression})")
        before = len(self.chapter.outputs(index))
        self.chapter.command("notebook:run-cell")
        self.chapter.wait_for_text(index, "later:")
        self.chapter.wait_idle()
        assert before <= 1
        return self.chapter.outputs(index)[0]["text"].partition("later: ")[2].strip()


@pytest.fixture
def driver(chromium: str, start_lab: Callable, tmp_path: Path) -> Iterator[Driver]:
    lab = start_lab("00")
    shutil.copy(BOOK, tmp_path / "my work" / BOOK.name)
    with tab(chromium, height=800) as page:
        yield Driver(Chapter(page, f"{lab.url}/lab/tree/{BOOK.name}?token={lab.token}"))


def test_it_trains_is_paused_changed_rewound_and_forked(
    driver: Driver, record_property: Callable[[str, Any], None], tmp_path: Path
) -> None:
    driver.open()
    picture = driver.page.locator(".widget-image").first
    untrained = picture.screenshot()
    driver.press("Play")
    expect(driver.button("Pause")).to_be_visible()
    frames = driver.frames_a_second(3)
    delays = [driver.delay(rate) for rate in ("0.07", "0.05", "0.07", "0.05")]
    long = driver.page.evaluate("() => window.long_")
    waits = ", ".join(f"{d:.0f}" for d in delays)
    said = f"{frames:.1f} frames a second; delays {waits} ms; long tasks in the browser {long}"
    print(said)
    record_property("the cockpit in the browser", said)
    # Bounds for a machine that does other things too; alone it makes 17 to 18 frames and 90 to 150 ms.
    assert frames > 4 and median(delays) < 1000

    driver.press("Pause")
    expect(driver.news).to_contain_text("Paused")
    stood = driver.at()
    assert 20 < stood < 520 and picture.screenshot() != untrained
    time.sleep(0.3)
    assert driver.at() == stood

    driver.type("Learning rate", "0.2")
    expect(driver.news).to_contain_text("Set: lr 0.2, from the next step on")
    before = picture.screenshot()
    driver.press("Step")
    expect(driver.status).to_contain_text(f"step {stood + 1} of")
    expect(driver.status).to_contain_text("lr 0.2,")
    expect(driver.page.get_by_role("img", name=f"lr 0.2 at step {stood}")).to_be_visible()
    assert picture.screenshot() != before

    driver.type("Rewind to step", "20")
    expect(driver.status).to_contain_text("step 20 of")
    driver.press("Fork")
    expect(driver.news).to_contain_text("Run B begins here")
    driver.type("Learning rate", "0.01")
    driver.press("Play")
    driver.until(40)
    driver.press("Pause")
    expect(driver.page.get_by_role("img", name="Run B: training loss")).to_be_visible()
    forked = driver.at()
    driver.page.screenshot(path=tmp_path / "forked.png")
    lengths = driver.ask("[len(r.records) for r in pit.runs], pit.run.records[-1].settings.lr")
    assert lengths == f"{[stood + 1, forked]} 0.01"
    driver.press("A")
    expect(driver.status).to_contain_text(f"Run A: step {stood + 1} of")
    driver.chapter.healthy()


def test_a_rate_too_high_is_explained_and_training_goes_on(driver: Driver) -> None:
    driver.open()
    driver.press("SGD")
    driver.type("Learning rate", "1e12")
    driver.press("Play")
    expect(driver.news).to_contain_text("NaN or infinite, first in linear forward", timeout=30_000)
    expect(driver.news.get_by_role("row")).to_have_count(4)
    driver.type("Learning rate", "0.05")
    driver.press("Step")
    expect(driver.news).to_contain_text("One step")
    driver.chapter.healthy()


def test_controls_and_pictures_fit_on_a_laptops_screen(driver: Driver) -> None:
    driver.open()
    driver.page.evaluate("() => document.querySelector('.jupyter-button').scrollIntoView({block: 'start'})")
    boxes = [driver.button("Play").bounding_box(), driver.page.locator(".widget-image").last.bounding_box()]
    top, bottom = boxes[0]["y"], boxes[1]["y"] + boxes[1]["height"]
    notebook = driver.page.locator(".jp-WindowedPanel-outer:visible").bounding_box()
    print(f"{bottom - top:.0f} of {notebook['height']:.0f} pixels high")
    assert bottom - top < notebook["height"]
    assert all(box["x"] + box["width"] <= notebook["x"] + notebook["width"] for box in boxes)
    names = driver.page.locator(".widget-image").evaluate_all("images => images.map(i => i.title)")
    assert len(names) == 5 and all(names)
