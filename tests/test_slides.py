"""Slides: one page a chapter that asks no network, every slide in sight, walked by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinynn.course.classroom import slides, solutions
from tinynn.course.classroom.cells import read
from tinynn.course.classroom.formula_svg import formula
from tinynn.course.work import chapters_in, project_folder

CHAPTERS = chapters_in(project_folder() / "chapters")
SEEN = """() => {
  const now = document.querySelector("section section.now"), tall = now.querySelector(".tall");
  const box = (tall || now.querySelector(".fit")).getBoundingClientRect();
  return { bottom: box.bottom, right: box.right,
           wide: (tall || now).scrollWidth > (tall || now).clientWidth + 1,
           tall: !!tall, place: document.getElementById("place").textContent };
}"""


def test_a_page_names_no_address_to_load_and_describes_its_pictures():
    page = slides.deck(CHAPTERS[3])
    assert not re.search(r"""(src|href)=["'](https?:)?//|@import|url\(|<script src|<link""", page)
    pictures = re.findall(r"<img [^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]{10,}', picture) for picture in pictures)
    assert "No description has been provided" not in page
    assert 'aria-label="\\frac{dL}{dw}' in page and "$$" not in re.sub(
        r"<script.*?</script>", "", page, flags=re.S
    )


def test_every_kind_of_word_in_code_has_its_colour():
    page = slides.deck(CHAPTERS[3])
    used = set(re.findall(r"color: var\((--jp-mirror-editor-[a-z]+-color)\)", page))
    assert len(used) > 5 and all(f"{name}: " in page for name in used)


def test_a_formula_that_cannot_be_drawn_is_readable():
    assert "<path" in formula("x^2") and formula(r"\nosuch{x}") == r"<code>\nosuch{x}</code>"


def test_solved_copies_show_the_speaker_notes():
    notes = [
        cell["source"]
        for cell in solutions.solved(read(CHAPTERS[3]))["cells"]
        if cell["metadata"].get("slideshow", {}).get("slide_type") == "notes"
    ]
    assert len(notes) >= 3 and all("<details open>" in source for source in notes)


def walk(path: Path, chromium: str, folder: Path) -> None:
    """From the first slide to the last by the arrow key, the network cut off."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make install-test")
    deck = folder / f"{path.stem}.html"
    deck.write_text(slides.deck(path), encoding="utf-8")
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, offline=True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda problem: pytest.fail(str(problem)))
        page.goto(deck.as_uri())
        count = page.locator("section section").count()
        for number in range(1, count + 1):
            seen = page.evaluate(SEEN)
            assert seen["place"] == f"{number} of {count}"
            assert seen["bottom"] <= 722 and seen["right"] <= 1282 and not seen["wide"], (path.stem, seen)
            assert not seen["tall"], f"{path.stem}: slide {number} scrolls; make two cells of its longest"
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Home")
        page.keyboard.press("n")
        assert page.locator("#notes").is_visible()
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        browser.close()


@pytest.mark.browser
def test_a_deck_is_walked_to_its_end_offline(chromium, tmp_path):
    walk(CHAPTERS[3], chromium, tmp_path)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_deck_is_walked_to_its_end_offline(path, chromium, tmp_path):
    walk(path, chromium, tmp_path)
