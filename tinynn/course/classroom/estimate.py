"""How long a chapter takes, estimated from what it holds; each rate stands here with its reason."""

from __future__ import annotations

import math

from .contents import Amount, Chapter

WORDS_A_MINUTE = 180
"""Adults read English non-fiction at about 238 words a minute (Brysbaert 2019); here a quarter slower."""
FORMULA_SECONDS = 4
"""On average: most are a symbol in a sentence, a few stand by themselves and take half a minute."""
LINE_SECONDS = 2
"""A line of code that is read once. The lines that every chapter begins with are not counted."""
CELL_SECONDS = 10
"""To run a cell and look at what it shows, which in half of them is a number or a mark."""
PREDICTION_SECONDS = 30
WIDGET_SECONDS = 90
"""To read the question above, move the controls over their range, and read the picture."""
OPENING_MINUTES = 1.5
"""Three short questions on earlier chapters, with what is said about a wrong answer; 00 has none."""


def minutes(amount: Amount) -> float:
    """The estimate for `amount`, without the waiting."""
    seconds = (
        60 * (amount.words - amount.words_of_tasks) / WORDS_A_MINUTE
        + FORMULA_SECONDS * amount.formulas
        + LINE_SECONDS * (amount.lines - amount.lines_of_tasks)
        + CELL_SECONDS * amount.cells
        + PREDICTION_SECONDS * amount.predictions
        + WIDGET_SECONDS * amount.widgets
        + 60 * OPENING_MINUTES * amount.openings
    )
    return seconds / 60 + amount.exercise_minutes


def whole(chapter: Chapter, waiting: float = 0.0) -> int:
    """Minutes for the chapter without what is beyond the hour, `waiting` seconds of run time included."""
    return math.ceil(minutes(chapter.inside) + waiting / 60)


HOW = f"""\
The estimate adds: {WORDS_A_MINUTE} words a minute; {FORMULA_SECONDS} seconds for a formula, {LINE_SECONDS}
for a line of code, {CELL_SECONDS} for running a cell and looking at it, {PREDICTION_SECONDS} for a
prediction, {WIDGET_SECONDS} for a widget; {OPENING_MINUTES} minutes for the opening questions;
the minutes declared with each exercise, which stand for its task and its cell too; and the run
time, spent waiting.
It leaves out what
is marked *beyond the hour* and the speaker notes. These rates are assumptions (their reasons:
`tinynn/course/classroom/estimate.py`), and no student has been timed yet."""
