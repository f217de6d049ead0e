"""A warp's step in global memory: its threads at the left, at the right the sectors that move."""

from __future__ import annotations

from itertools import groupby

from ...gpu.lens import Step
from ...gpu.lens.steps import SECTOR, WARP
from ...gpu.lens.words import counted, percent
from .style import GREY, Picture
from .warp_parts import DASHES, WAITS, Ends, Names, Point, Sheet, crowd, in_a_row, lanes_at

HATCH = "/////"  # bytes that nobody wants
LANE = (0.42, 0.168)  # inches of a thread's box
LEFT, GAP, ROW, HIGHEST = 0.3, 2.5, 3.6, 0.36  # where threads begin, room for lines, a sector's size
START = LEFT + LANE[0] + GAP


def draw_sectors(step: Step, source: str, names: Names) -> Picture:
    """A row for each sector of 32 bytes: wanted cells with the lane's number, the others hatched."""
    height, count = WARP * LANE[1] + 0.45, len(step.sectors)
    sheet = Sheet(step, source, names, 9, height)
    pitch = min(HIGHEST, WARP * LANE[1] / count)
    top = (WARP * LANE[1] - pitch * count) / 2
    tops = {sector: top + pitch * n for n, sector in enumerate(step.sectors)}
    sheet.title(LEFT, -0.16, sheet.who())
    memory = f"{step.array} in global memory: {counted(count, 'sector')} of {SECTOR} bytes"
    sheet.title(START, top - 0.16, memory)
    for lane in range(WARP):
        sheet.thread(lane, (LEFT, lane * LANE[1] + 0.01), (LANE[0], LANE[1] - 0.02))
    for sector, y in tops.items():
        _draw_row(sheet, cells_of(step, sector), y + 0.07 * pitch, 0.86 * pitch)
    _draw_lines(sheet, tops, pitch)
    _draw_legend(sheet, height - 0.2)
    return sheet.picture


def cells_of(step: Step, sector: int) -> list[int]:
    """Elements that begin in a sector."""
    first = sector * SECTOR // step.itemsize
    return list(range(first, first + SECTOR // step.itemsize))


def _draw_row(sheet: Sheet, cells: list[int], y: float, high: float) -> None:
    """The cells of a sector; at the right how many bytes of it are used, and which elements it holds."""
    wide, letters = ROW / len(cells), min(8.5, 46 * high)
    whose = [lanes_at(sheet.step, cell) for cell in cells]
    for wanted, run in groupby(range(len(cells)), key=lambda n: bool(whose[n])):
        places = list(run)
        if not wanted:  # one hatched box for neighbours: many are slow to draw
            size = (wide * len(places), high)
            sheet.box((START + wide * places[0], y), size, GREY, hatch=HATCH, linewidth=0, alpha=0.45)
        for n in places if wanted else []:
            _draw_cell(sheet, whose[n], (START + n * wide, y), (wide, high), letters)
    frame = [((START + n * wide, y), (START + n * wide, y + high)) for n in range(len(cells) + 1)]
    frame += [((START, edge), (START + ROW, edge)) for edge in (y, y + high)]
    sheet.lines(frame, GREY, linewidths=0.5, alpha=1)
    used = sheet.step.itemsize * sum(map(bool, whose))
    text = f"{used} of {SECTOR} B   {sheet.names.range(cells)}"
    sheet.text(START + ROW + 0.1, y + high / 2, text, letters, ha="left")


def _draw_cell(sheet: Sheet, lanes: list[int], corner: Point, size: Point, letters: float) -> None:
    """An element that somebody wants: whose it is; orange where atomics wait for each other."""
    waits = sheet.step.kind == "atomic" and len(lanes) > 1
    colour, text = (WAITS, f"×{len(lanes)}") if waits else (sheet.colour, crowd(lanes))
    sheet.cell(corner, size, colour, text, letters)


def _draw_lines(sheet: Sheet, tops: dict[int, float], pitch: float) -> None:
    """From each thread to the row of its sector."""
    step = sheet.step
    good: list[Ends] = []
    bad: list[Ends] = []
    for lane, cell in zip(step.lanes, step.cells):
        end = (START - 0.04, tops[cell * step.itemsize // SECTOR] + pitch / 2)
        waits = step.kind == "atomic" and step.cells.count(cell) > 1
        (bad if waits else good).append(((LEFT + LANE[0] + 0.03, (lane + 0.5) * LANE[1]), end))
    sheet.lines(good, sheet.colour)
    sheet.lines(bad, WAITS, DASHES)


def _draw_legend(sheet: Sheet, y: float) -> None:
    step = sheet.step
    waste, moves = step.moved - step.used, "written" if step.kind == "store" else "moved"
    if step.ways > 1:
        text = f"orange, dashed: threads at one element, ×{step.ways} is {step.ways} turns"
        sheet.text(START, y - 0.22, text, 8.5, ha="left")
    if not waste:
        return sheet.text(START, y, f"Every byte that is {moves} is wanted.", 8.5, ha="left")
    sheet.box((START, y - 0.07), (0.3, 0.14), GREY, hatch=HATCH, linewidth=0.5, alpha=0.45)
    text = f"hatched: {moves} for nobody, {waste:,} of {step.moved:,} bytes ({percent(waste / step.moved)})"
    sheet.text(START + 0.38, y, text, 8.5, ha="left")


def sectors_in_words(step: Step, names: Names) -> str:
    """The first sectors and who wants what of them."""
    rows = [_row_in_words(step, cells_of(step, sector), names) for sector in step.sectors[:4]]
    rest = len(step.sectors) - len(rows)
    return f"Sectors: {'; '.join(rows)}{f'; and {rest} more' if rest else ''}."


def _row_in_words(step: Step, cells: list[int], names: Names) -> str:
    wanted = len(set(cells) & set(step.cells))
    part = "" if wanted == len(cells) else f"{wanted} of "
    lanes = [lane for lane, c in zip(step.lanes, step.cells) if c in cells]
    who = f"{len(lanes)} lanes"
    if len(lanes) == 1 or in_a_row(lanes):
        who = f"lane {lanes[0]}" if len(lanes) == 1 else f"lanes {lanes[0]} to {lanes[-1]}"
    return f"{part}{names.range(cells)} by {who}"
