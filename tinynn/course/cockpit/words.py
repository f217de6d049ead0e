"""What the cockpit says: where a run stands, what went wrong and what to do, the keys."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ..plots import in_words

if TYPE_CHECKING:
    from .run import Trainer, Trouble

KEYS = (
    "Tab moves between the controls. Enter or Space presses a button. In a field, type a number and press "
    "Enter, or use the up and down arrows; the arrow keys also move a slider."
)
COLUMNS = ("What went in", "smallest", "largest", "furthest from 0")
TEXT = "line-height:1.4;color:var(--jp-content-font-color1)"
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
CELL = 'style="text-align:left;padding:0 0.8em 0 0"'


def status(trainer: Trainer) -> str:
    """Where the run stands, and what its last step was made with."""
    place = f"Run {trainer.run.name}: step {trainer.at} of {trainer.total}"
    if not trainer.at:
        return place
    last = trainer.run.records[trainer.at - 1]
    used = f"{last.settings.optimizer}, lr {last.settings.lr:g}, batch {last.settings.batch_size}"
    return f"{place}, loss {last.loss:.3g}; made with {used}"


def what_happened(trouble: Trouble) -> tuple[str, str]:
    """A sentence on what went wrong, and what to do."""
    return (
        f"Step {trouble.step} made a number that is NaN or infinite, first in {trouble.op}.",
        f"Training went back to step {trouble.back}, before the loss grew. "
        "Lower the learning rate, then train on.",
    )


def trouble_as_text(trouble: Trouble) -> str:
    lines = [" ".join(what_happened(trouble))]
    for i in trouble.inputs:
        far = ", ".join(f"{v:.3g}" for v in i.largest)
        lines.append(f"  {i.name} {i.shape}: from {i.low:.3g} to {i.high:.3g}, furthest from 0: {far}")
    return "\n".join(lines if trouble.inputs else [*lines, trouble.error.origin.details])


def trouble_as_html(trouble: Trouble) -> str:
    """The same with a table; an alert, which screen readers read out."""
    said, do = map(html.escape, what_happened(trouble))
    head = "".join(f'<th scope="col" {CELL}>{title}</th>' for title in COLUMNS)
    rows = []
    for i in trouble.inputs:
        cells = (f"{i.low:.3g}", f"{i.high:.3g}", ", ".join(f"{v:.3g}" for v in i.largest))
        name = f'<th scope="row" {CELL}>{html.escape(i.name)} {i.shape}</th>'
        rows.append(f"<tr>{name}{''.join(f'<td {CELL}>{cell}</td>' for cell in cells)}</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    more = table if rows else f"<div>{html.escape(trouble.error.origin.details)}</div>"
    frame = f"{TEXT};border-left:4px solid #d55e00;padding-left:0.6em"
    return f'<div role="alert" style="{frame}"><b>{said}</b> {do}{more}</div>'


def sentence_as_html(text: str, more: str = "") -> str:
    """A sentence to be seen and read out, and more that is only read out."""
    heard = f'<span style="{UNSEEN}">{html.escape(more)}</span>' if more else ""
    return f'<div role="alert" style="{TEXT}">{html.escape(text)}.{heard}</div>'


def below_the_pictures(text: str) -> dict[str, str]:
    """The pictures in words, and the keys, each a line that unfolds."""
    keys = f"<details><summary><small>Keys</small></summary><small>{KEYS}</small></details>"
    return {"text/html": in_words(text) + keys, "text/plain": text}
