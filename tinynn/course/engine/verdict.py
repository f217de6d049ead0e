"""What is said about an answer: in a glance first, then what was seen, what it means, what to look at.

A verdict is text (`str`), and the same content as HTML for JupyterLab: headings and tables with scope for
a screen reader, JupyterLab's own colours with fallbacks, no meaning by colour alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

MARKS = {
    "right": ("✓", "Right", "var(--jp-success-color1, #2e7d32)"),
    "look": ("✗", "Look again", "var(--jp-warn-color1, #c65102)"),
    "open": ("○", "Not tried yet", "var(--jp-ui-font-color3, #757575)"),
    "said": ("→", "Result", "var(--jp-brand-color1, #1a7fc4)"),
}

_LINE = "var(--jp-border-color1, #9e9e9e)"
_MONO = "font-family: var(--jp-code-font-family, monospace); white-space: pre; "
_CELL = f"{_MONO}text-align: left; padding: 0.15em 0.8em; border: 1px solid {_LINE}; background: transparent"

_CAPTION = "text-align: left; padding: 0.2em 0; font-size: inherit; color: inherit"


class Text(NamedTuple):
    """A paragraph, with an optional heading. Code stands between backticks."""

    text: str
    heading: str = ""

    def __str__(self) -> str:
        return f"{self.heading}: {self.text}" if self.heading else self.text

    def html(self) -> str:
        return _heading(self.heading) + f'<p style="margin: 0.3em 0">{marked(self.text)}</p>'


class Code(NamedTuple):
    """Lines of code or of numbers, kept as they stand."""

    text: str
    heading: str = ""

    def __str__(self) -> str:
        return _titled(self.heading, _indented(self.text.splitlines()))

    def html(self) -> str:
        style = f"{_MONO}margin: 0.3em 0 0.3em 1em; background: transparent; overflow-x: auto"
        return f'{_heading(self.heading)}<pre style="{style}">{html.escape(self.text)}</pre>'


class Table(NamedTuple):
    """Rows under column names; the first cell of a row names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    heading: str = ""

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines)]
        padded = ("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines)
        return _titled(self.heading, _indented(padded))

    def html(self) -> str:
        head = "".join(f'<th scope="col" style="{_CELL}">{html.escape(c)}</th>' for c in self.columns)
        body = "".join(f"<tr>{_row(row)}</tr>" for row in self.rows)
        caption = f'<caption style="{_CAPTION}">{marked(self.heading)}</caption>'
        style = "border-collapse: collapse; margin: 0.4em 0; color: inherit"
        return (
            f'<div style="overflow-x: auto"><table style="{style}">{caption if self.heading else ""}'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


class Drawn(NamedTuple):
    """A picture as ready HTML, and the words that stand for it in text."""

    markup: str
    alt: str
    heading: str = ""

    def __str__(self) -> str:
        return _titled(self.heading, self.alt)

    def html(self) -> str:
        return _heading(self.heading) + self.markup


Block = Text | Code | Table | Drawn


@dataclass(frozen=True)
class Verdict:
    """What is said about an answer: a mark, a headline, a few sentences, and blocks below them.

    Attributes
    ----------
    kind : str
        One of `MARKS`: "right", "look", "open" or "said".
    text, headline : str
        `code` stands between backticks.
    blocks : tuple of Text, Code, Table or Drawn
        The smallest failing input, the diagnosis, what to look at.
    diagnosis : str
        How the mistake was found: "mistake", "two", "parts", "composed", "signature", "only", "exception",
        "limit" or "nothing"; empty for answers that are right or not tried.
    names : tuple of str
        The named mistakes and the signatures that were recognised.
    why : str
        The diagnosis alone, as text.
    """

    kind: str
    text: str = ""
    headline: str = ""
    blocks: tuple[Block, ...] = ()
    diagnosis: str = ""
    names: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        mark, usual, _ = MARKS[self.kind]
        first = f"{mark} {_ended(self.headline or usual)} {self.text}".rstrip()
        return "\n".join([first, *map(str, self.blocks)])

    __repr__ = __str__

    def and_also(self, *blocks: Block) -> Verdict:
        """The same verdict with more below it."""
        return replace(self, blocks=(*self.blocks, *blocks))

    def _repr_html_(self) -> str:
        mark, usual, colour = MARKS[self.kind]
        text = marked(self.text).replace("\n", "<br>")
        return (
            f'<div style="border-left: 4px solid {colour}; padding: 0.1em 0.9em; margin: 0.4em 0">'
            f"<strong>{mark} {marked(_ended(self.headline or usual))}</strong> {text}"
            f"{''.join(block.html() for block in self.blocks)}</div>"
        )


class Verdicts(list):
    """Several verdicts, shown one below the other."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        return "".join(v._repr_html_() for v in self)


def marked(text: str) -> str:
    """`text` as HTML: escaped, and `code` between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _ended(headline: str) -> str:
    return headline if headline.endswith((".", ":", "?")) else f"{headline}."


def _heading(text: str) -> str:
    style = "margin: 0.6em 0 0.1em; font-weight: bold"
    return f'<div role="heading" aria-level="4" style="{style}">{marked(text)}</div>' if text else ""


def _row(cells: tuple[str, ...]) -> str:
    name, *rest = (html.escape(cell) for cell in cells)
    return f'<th scope="row" style="{_CELL}">{name}</th>' + "".join(
        f'<td style="{_CELL}">{cell}</td>' for cell in rest
    )


def _titled(heading: str, below: str) -> str:
    return f"{heading}:\n{below}" if heading else below


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
