"""`present()`: the page for a room. Large type, code folded, larger figures; widgets go on working.

An output carries the style sheet and a mark that it asks for, so only this notebook changes, cells that
JupyterLab makes late too, and without the output the page is as it was. JupyterLab takes style sheets out
of a notebook that is not trusted: such a page opens as usual, and the cell, run again, brings it back.

For a handout with dead widgets there are slides: menu File, Save and Export Notebook As, Reveal.js Slides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

STYLE = Path(__file__).with_suffix(".css")
ON = "Large type for a room; <b>present(False)</b> brings the page back. Ctrl B hides the list of files."
FOLDED = "Code is folded: click on <b>show code</b>, or select the cell and press Enter; Esc folds it again."
OFF = "The page as it was. Is type still large: right-click the output of present(), Clear Cell Output."

_shown: Any = None  # the output that holds the style: one for each kernel


def present(on: bool = True, code: bool = False) -> None:
    """Change the page for presenting, or bring it back.

    Parameters
    ----------
    on : bool
    code : bool
        Whether code stays unfolded, for a part where it is written before the room.
    """
    global _shown
    from IPython.display import display

    if _shown is not None:
        _shown.update(_message(""), raw=True)  # one mark in the page, so that it can be taken away
    _shown = display(_page(code) if on else _message(OFF), raw=True, display_id=True)


def _page(code: bool) -> dict[str, str]:
    """The style sheet, the mark it asks for, and a sentence."""
    marks = "tinynn-present" if code else "tinynn-present tinynn-fold"
    style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
    message = _message(ON if code else f"{ON} {FOLDED}", marks)
    return message | {"text/html": style + message["text/html"]}


def _message(text: str, marks: str = "") -> dict[str, str]:
    plain = text.replace("<b>", "").replace("</b>", "")
    return {"text/html": f'<small class="{marks}">{text}</small>', "text/plain": plain}
