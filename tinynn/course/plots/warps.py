"""A warp at work in memory: its threads on one side, the cells that they touch on the other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from ...errors import ArgumentError
from ...gpu.lens import Step
from ...gpu.lens.steps import BANKS, GOOD, SECTOR, WARP, WORD
from ...gpu.lens.words import counted, percent, place, sentence
from .style import GREY, RED, RUNS, Picture

Place = tuple[float, float]
HATCH = "/////"  # bytes that nobody wants
HEAD, EDGE = 0.98, 0.12  # inches above the drawing, for judgement, source line and names; at the left


def warp_step(step: Step, source: str = "") -> Picture:
    """One load, store or atomic of a warp: which thread touches which cell, and what memory makes of it.

    Global memory is drawn as the sectors of 32 bytes that move, a row each: cells that some thread wants
    carry its number, cells that move for nothing are hatched. Shared memory is drawn as 32 banks side by
    side: a bank that is asked for several words is orange, and its turns stand below it.

    Parameters
    ----------
    step : Step
        In global or shared memory; of `tinynn.gpu.lens`.
    source : str
        The line of code, to stand above the drawing.
    """
    if step.space not in ("global", "shared"):
        got = f"a step in {step.space} memory"
        raise ArgumentError("warp_step", got, "one in global or shared memory")
    picture = _draw_global(step, source) if step.space == "global" else _draw_shared(step, source)
    picture.alt = step_in_words(step, source)
    return picture


def step_in_words(step: Step, source: str = "") -> str:
    """What the warp does, what it costs, and who touches what."""
    text = f"{sentence(step)} {_judged(step)}"
    code = f" Line {step.line}: {source}." if source else ""
    idle = WARP - len(step.lanes)
    who = f" {counted(idle, 'thread')} of the warp sit this step out." if idle else ""
    drawn = _sectors_in_words(step) if step.space == "global" else _banks_in_words(step)
    return f"{text}{code}{who} {drawn}"


JUDGED = {
    "coalesced": "Coalesced: no fewer sectors could hold these bytes.",
    "broadcast": "Broadcast: one cell serves all.",
    "single": "A single thread: one sector at least has to move.",
    "misaligned": "Misaligned: neighbours, but they begin in the middle of a sector.",
    "strided": "Strided: the cells lie apart, and what is between them moves too.",
    "scattered": "Scattered: the cells lie here and there.",
    "free": "Free of conflicts.",
    "conflict": "Bank conflict.",
    "serial": "Serial: they wait for each other.",
    "apart": "No two threads want the same element.",
}


def _judged(step: Step) -> str:
    return JUDGED[step.judgement]


def _sectors_in_words(step: Step) -> str:
    """The first sectors, cell by cell."""
    rows = [_row_in_words(step, sector) for sector in step.sectors[:4]]
    rest = len(step.sectors) - len(rows)
    more = f"; and {rest} more" if rest else ""
    return f"Sectors: {'; '.join(rows)}{more}."


def _row_in_words(step: Step, sector: int) -> str:
    cells = _cells(step, sector)
    wanted = [c for c in cells if c in step.cells]
    lanes = sorted(lane for lane, c in zip(step.lanes, step.cells) if c in cells)
    part = "" if len(wanted) == len(cells) else f"{len(wanted)} of "
    return f"{part}{_range(step.array, cells)} by {_crowd_in_words(lanes)}"


def _crowd_in_words(lanes: Sequence[int]) -> str:
    if len(lanes) == 1:
        return f"thread {lanes[0]}"
    if list(lanes) == list(range(lanes[0], lanes[-1] + 1)):
        return f"threads {lanes[0]} to {lanes[-1]}"
    return f"{len(lanes)} threads"


def _banks_in_words(step: Step) -> str:
    banks = step.banks()
    busy = {
        n: [b for b in banks if len(banks[b]) == n] for n in sorted(map(len, banks.values()), reverse=True)
    }
    told = [f"{counted(len(which), 'bank')} asked for {counted(n, 'word')}" for n, which in busy.items()]
    return f"Of {BANKS} banks: {', '.join(told)}."


# -- what both share ---------------------------------------------------------------------------------------


def _canvas(width: float, height: float, step: Step, source: str) -> tuple[Picture, Axes]:
    """Axes in inches from the top left, the drawing below the sentence, the judgement and the source line."""
    said = textwrap.wrap(sentence(step), int(width / 0.101))
    above = HEAD + 0.19 * len(said)
    picture = Picture(width, height + above, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, -above))
    ax.set_axis_off()
    for n, text in enumerate(said):
        _text(ax, EDGE, 0.2 - above + 0.19 * n, text, 10.5, ha="left", weight="bold")
    _text(ax, EDGE, 0.4 - HEAD, f"{_mark(step)} {_judged(step)}", 10, ha="left")
    turn = f"   turn {', '.join(map(str, step.turns))}" if step.turns else ""
    code = f"line {step.line}{turn}   {textwrap.shorten(source, 90)}"
    _text(ax, EDGE, 0.63 - HEAD, _dollars(code), 9.5, ha="left", family="monospace")
    return picture, ax


def _mark(step: Step) -> str:
    return "✓" if step.judgement in GOOD else "✗"


def _dollars(text: str) -> str:
    return text.replace("$", r"\$")


def _text(ax: Axes, x: float, y: float, text: str, size: float = 8, colour: str = GREY, **how: Any) -> None:
    how = {"ha": "center", "va": "center_baseline", **how}
    ax.text(x, y, text, fontsize=size, color=colour, **how)


def _colour(step: Step) -> str:
    return RUNS[step.warp % len(RUNS)]


def _box(ax: Axes, corner: Place, size: Place, colour: str, **how: Any) -> None:
    how = {"fill": False, "linewidth": 0.8, **how}
    ax.add_patch(Rectangle(corner, *size, edgecolor=colour, **how))


def _tint(ax: Axes, corner: Place, size: Place, colour: str) -> None:
    ax.add_patch(Rectangle(corner, *size, facecolor=colour, alpha=0.22, linewidth=0))


def _thread(ax: Axes, step: Step, lane: int, corner: Place, size: Place) -> None:
    """A thread with its number; one that sits out is dashed and empty."""
    if lane in step.lanes:
        _tint(ax, corner, size, _colour(step))
        _box(ax, corner, size, _colour(step))
        _text(ax, corner[0] + size[0] / 2, corner[1] + size[1] / 2, str(lane), 7.5)
    else:
        _box(ax, corner, size, GREY, linestyle=(0, (2, 2)), linewidth=0.6)


def _lines(ax: Axes, ends: Iterable[tuple[Place, Place]], colour: str, pattern: Any = "-") -> None:
    ax.add_collection(
        LineCollection(list(ends), colors=colour, linewidths=0.9, linestyles=pattern, alpha=0.75)
    )


def _lanes_at(step: Step, cell: int) -> list[int]:
    return [lane for lane, c in zip(step.lanes, step.cells) if c == cell]


def _crowd(lanes: Sequence[int]) -> str:
    """Thread numbers for a cell: 7, 0–31, or how many."""
    if len(lanes) == 1:
        return str(lanes[0])
    if list(lanes) == list(range(lanes[0], lanes[-1] + 1)):
        return f"{lanes[0]}–{lanes[-1]}"
    return f"×{len(lanes)}"


def _range(name: str, cells: Sequence[int]) -> str:
    return f"{name}[{cells[0]}]" if len(cells) == 1 else f"{name}[{cells[0]}…{cells[-1]}]"


# -- global memory -----------------------------------------------------------------------------------------

LANE = (0.42, 0.168)  # inches of a thread's box
LEFT, GAP, ROW, HIGHEST = 0.3, 2.5, 3.6, 0.36  # where threads begin, room for lines, a sector's size
START = LEFT + LANE[0] + GAP


def _draw_global(step: Step, source: str) -> Picture:
    height = WARP * LANE[1] + 0.45
    picture, ax = _canvas(9, height, step, source)
    pitch = min(HIGHEST, WARP * LANE[1] / len(step.sectors))
    top = (WARP * LANE[1] - pitch * len(step.sectors)) / 2
    tops = {sector: top + pitch * n for n, sector in enumerate(step.sectors)}
    _text(ax, LEFT, -0.15, f"warp {step.warp}, block {place(step.block)}", 9, ha="left", weight="bold")
    name = f"{step.array} in global memory: {counted(len(step.sectors), 'sector')} of {SECTOR} bytes"
    _text(ax, START, top - 0.15, name, 9, ha="left", weight="bold")
    for lane in range(WARP):
        _thread(ax, step, lane, (LEFT, lane * LANE[1] + 0.01), (LANE[0], LANE[1] - 0.02))
    for sector, y in tops.items():
        _sector(ax, step, sector, y, pitch)
    _arrows(ax, step, tops, pitch)
    _legend(ax, step, height - 0.2)
    return picture


def _cells(step: Step, sector: int) -> list[int]:
    """Elements that begin in a sector; of one larger than a sector, the one it is a part of."""
    first = sector * SECTOR // step.itemsize
    return list(range(first, first + max(1, SECTOR // step.itemsize)))


def _sector(ax: Axes, step: Step, sector: int, top: float, pitch: float) -> None:
    """A row of cells; at the right which elements they are and how many bytes of them are used."""
    cells, y, high = _cells(step, sector), top + 0.07 * pitch, 0.86 * pitch
    wide, letters = ROW / len(cells), min(8.5, 46 * high)
    whose = [_lanes_at(step, cell) for cell in cells]
    for wanted, run in groupby(range(len(cells)), key=lambda n: bool(whose[n])):
        places = list(run)
        if not wanted:  # one hatched box for neighbours: many are slow to draw
            size = (wide * len(places), high)
            _box(ax, (START + wide * places[0], y), size, GREY, hatch=HATCH, linewidth=0, alpha=0.45)
        for n in places if wanted else []:
            _cell(ax, step, whose[n], (START + n * wide, y), (wide, high), letters)
    frame = [((START + n * wide, y), (START + n * wide, y + high)) for n in range(len(cells) + 1)]
    frame += [((START, edge), (START + ROW, edge)) for edge in (y, y + high)]
    ax.add_collection(LineCollection(frame, colors=GREY, linewidths=0.5))
    used = step.itemsize * sum(map(bool, whose))
    text = f"{used} of {SECTOR} B   {_range(step.array, cells)}{_waiting(step, cells)}"
    _text(ax, START + ROW + 0.1, y + high / 2, text, letters, ha="left")


def _waiting(step: Step, cells: list[int]) -> str:
    if step.kind != "atomic":
        return ""
    most = max(len(_lanes_at(step, cell)) for cell in cells)
    return f"   {most} turns" if most > 1 else ""


def _cell(ax: Axes, step: Step, lanes: list[int], corner: Place, size: Place, letters: float) -> None:
    """One element that somebody wants: whose it is; orange where atomics wait for each other."""
    waits = step.kind == "atomic" and len(lanes) > 1
    colour, text = (RED, f"×{len(lanes)}") if waits else (_colour(step), _crowd(lanes))
    _tint(ax, corner, size, colour)
    _box(ax, corner, size, colour, linewidth=1.1)
    narrow = max(1.0, 0.075 * len(text) * letters / 8.5 / size[0])
    _text(ax, corner[0] + size[0] / 2, corner[1] + size[1] / 2, text, letters / narrow, weight="bold")


def _arrows(ax: Axes, step: Step, tops: dict[int, float], pitch: float) -> None:
    """A line from each thread to the row of its sector."""
    start, good, bad = LEFT + LANE[0] + 0.03, [], []
    for lane, cell in zip(step.lanes, step.cells):
        y = tops[cell * step.itemsize // SECTOR] + pitch / 2
        waits = step.kind == "atomic" and step.cells.count(cell) > 1
        (bad if waits else good).append(((start, (lane + 0.5) * LANE[1]), (START - 0.04, y)))
    _lines(ax, good, _colour(step))
    _lines(ax, bad, RED, (0, (4, 2)))


def _legend(ax: Axes, step: Step, y: float) -> None:
    waste, moves = step.moved - step.used, "written" if step.kind == "store" else "moved"
    if not waste:
        return _text(ax, START, y, f"Every byte that is {moves} is wanted.", 8.5, ha="left")
    _box(ax, (START, y - 0.07), (0.3, 0.14), GREY, hatch=HATCH, linewidth=0.5, alpha=0.45)
    text = f"hatched: {moves} for nobody, {waste:,} of {step.moved:,} bytes ({percent(waste / step.moved)})"
    _text(ax, START + 0.38, y, text, 8.5, ha="left")


# -- shared memory -----------------------------------------------------------------------------------------

BANK, FALL = 0.265, 1.25  # inches: a bank's width, the room in which the lines run
MARGIN, TALLEST, DEEPEST = 0.95, 0.24, 4.6


def _draw_shared(step: Step, source: str) -> Picture:
    words = {word for cell in step.cells for word in step._words(cell)}
    rows = sorted({word // BANKS for word in words})
    pitch = min(TALLEST, DEEPEST / len(rows))
    head = LANE[1] + FALL  # where the banks begin
    bottom = head + 0.24 + pitch * len(rows)
    picture, ax = _canvas(MARGIN + BANKS * BANK + 0.2, bottom + 0.55, step, source)
    _text(ax, MARGIN, -0.17, f"warp {step.warp}, block {place(step.block)}", 9, ha="left", weight="bold")
    for lane in range(WARP):
        _thread(ax, step, lane, (MARGIN + lane * BANK + 0.01, 0), (BANK - 0.02, LANE[1]))
    busy = {bank: len(asked) for bank, asked in step.banks().items()}
    _banks(ax, step, busy, rows, head, pitch)
    _words(ax, step, busy, {row: head + 0.24 + pitch * n for n, row in enumerate(rows)}, pitch)
    _falls(ax, step, head)
    _turns(ax, step, bottom)
    return picture


def _banks(ax: Axes, step: Step, busy: dict[int, int], rows: list[int], head: float, pitch: float) -> None:
    """Numbers of the banks, the grid of words below them, and which elements stand in a row."""
    _text(ax, MARGIN - 0.08, head + 0.12, "bank", 8, ha="right", weight="bold")
    for bank in range(BANKS):
        clash = busy.get(bank, 0) > 1
        weight = "bold" if clash else "normal"
        _text(
            ax,
            MARGIN + (bank + 0.5) * BANK,
            head + 0.12,
            str(bank),
            7.5,
            RED if clash else GREY,
            weight=weight,
        )
    low, high = head + 0.24, head + 0.24 + pitch * len(rows)
    grid = [((MARGIN + b * BANK, low), (MARGIN + b * BANK, high)) for b in range(BANKS + 1)]
    grid += [
        ((MARGIN, low + pitch * n), (MARGIN + BANKS * BANK, low + pitch * n)) for n in range(len(rows) + 1)
    ]
    ax.add_collection(LineCollection(grid, colors=GREY, linewidths=0.5, alpha=0.4))
    each = BANKS * WORD // step.itemsize
    for n, row in enumerate(rows):
        elements = range(row * each, (row + 1) * each)
        _text(
            ax,
            MARGIN - 0.08,
            low + pitch * (n + 0.5),
            _range(step.array, elements),
            min(7.5, 36 * pitch),
            ha="right",
        )


def _words(ax: Axes, step: Step, busy: dict[int, int], tops: dict[int, float], pitch: float) -> None:
    """The words that are asked for, with the threads that ask; crossed in a bank that is asked for several."""
    for word in sorted({w for cell in step.cells for w in step._words(cell)}):
        row, bank = divmod(word, BANKS)
        lanes = [lane for lane, cell in zip(step.lanes, step.cells) if word in step._words(cell)]
        corner, size = (MARGIN + bank * BANK, tops[row]), (BANK, pitch)
        clash = busy[bank] > 1
        colour = RED if clash else _colour(step)
        _tint(ax, corner, size, colour)
        _box(ax, corner, size, colour, linewidth=1.0)
        text = _crowd(lanes)
        letters = min(7.5, 40 * pitch) - 1.5 * (len(text) > 2)
        _text(
            ax,
            corner[0] + BANK / 2,
            corner[1] + pitch / 2,
            text,
            letters,
            weight="bold" if clash else "normal",
        )


def _falls(ax: Axes, step: Step, head: float) -> None:
    """A line from each thread to its bank, orange and dashed into a bank that is asked for several words."""
    for phase, pattern in zip(step.phases, ("-", "-.", ":", "-.")):
        busy = step.banks(phase)
        good, bad = [], []
        for p in phase:
            words = step._words(step.cells[p])
            end = MARGIN + (sum(w % BANKS for w in words) / len(words) + 0.5) * BANK
            line = ((MARGIN + (step.lanes[p] + 0.5) * BANK, LANE[1] + 0.02), (end, head + 0.02))
            (bad if any(len(busy[w % BANKS]) > 1 for w in words) else good).append(line)
        _lines(ax, good, _colour(step), pattern)
        _lines(ax, bad, RED, (0, (4, 2)))


def _turns(ax: Axes, step: Step, bottom: float) -> None:
    """Below each bank that is asked for several words, how many turns it takes; and what that means."""
    busy: dict[int, int] = {}
    for phase in step.phases:
        for bank, asked in step.banks(phase).items():
            busy[bank] = max(busy.get(bank, 0), len(asked))
    for bank, n in busy.items():
        if n > 1:
            _text(ax, MARGIN + (bank + 0.5) * BANK, bottom + 0.11, f"{n}×", 7.5, RED, weight="bold")
    waits = (
        "Orange, dashed, with its turns below: a bank that is asked for several words gives them one by one."
    )
    text = waits if step.extra else "No bank is asked for more than one word at a time."
    _text(ax, MARGIN, bottom + 0.36, text, 8.5, ha="left")
