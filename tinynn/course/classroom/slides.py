"""``python -m tinynn slides [DIR]``: the chapters as slides, one file each, that open without a network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..work import chapters_in, find_chapter, project_folder

TEMPLATES = Path(__file__).parent  # deck/ lies here, built upon nbconvert's own reveal template
LARGER = 1.4  # a picture on a slide against the same in a notebook's column: saved pictures have the pixels


def deck(path: Path) -> str:
    """The page that presents the notebook in `path`, with the outputs that were saved in it."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _describe(output)
    exporter = _exporter()
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    return html


def _exporter() -> Any:
    """nbconvert's exporter of slides with our page; formulas become pictures while the text is read."""
    from nbconvert.exporters.slides import SlidesExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    from .formula_svg import formula

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return formula(body, block=True)

        def inline_math(self, body: str) -> str:
            return formula(body)

    def markdown(source: str) -> str:
        return MarkdownWithMath(renderer=Renderer(escape=False, exclude_anchor_links=True)).render(source)

    class Deck(SlidesExporter):
        def default_filters(self) -> Any:
            yield from super().default_filters()
            yield "markdown2html", markdown

    return Deck(extra_template_basedirs=[str(TEMPLATES)], template_name="deck")


def _describe(output: Any) -> None:
    """A picture with its words becomes HTML: nbconvert's own template drops the text alternative."""
    from html import escape

    about = output.get("metadata", {}).get("image/png", {})
    if "image/png" in output.get("data", {}) and "alt" in about:
        sides = {side: round(LARGER * about[side]) for side in ("width", "height") if side in about}
        size = "".join(f' {side}="{pixels}"' for side, pixels in sides.items())
        data = "".join(output.data["image/png"].split())
        picture = f'<img src="data:image/png;base64,{data}" alt="{escape(about["alt"])}"{size}>'
        output.data = {"text/html": picture}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", help="where to write the pages (docs/slides)")
    parser.add_argument("chapters", nargs="*", help="numbers or names: 03 (all)")


def run(args: argparse.Namespace) -> int:
    from ...atomic import write

    project = project_folder("slides")
    out = Path(args.folder) if args.folder else project / "docs" / "slides"
    source = project / "chapters"
    wanted = [find_chapter(source, name) for name in args.chapters] or chapters_in(source)
    for path in wanted:
        print(write(out / f"{path.stem}.html", deck(path).encode("utf-8")))
    print("Open them in a browser. Arrow keys turn the page, o lists the slides, n shows the speaker notes.")
    return 0
