"""A warp's step in shared memory: its threads at the top, below them the 32 banks."""

from __future__ import annotations

from ...gpu.lens import Step
from ...gpu.lens.steps import BANKS, WARP, WORD
from ...gpu.lens.words import counted
from .style import GREY, Picture
from .warp_parts import DASHES, WAITS, Ends, Names, Sheet, crowd

BANK, LANE, FALL = 0.265, 0.19, 1.25  # inches: a bank's width, a thread's height, room for the lines
LEFT, TALLEST, DEEPEST = 1.0, 0.24, 4.6  # where bank 0 begins; a row's height, and that of all rows
HEAD = LANE + FALL  # where the banks' numbers stand
TOP = HEAD + 0.24  # and their words
PHASES = ("-", "-.", ":", (0, (6, 1)))


def draw_banks(step: Step, source: str, names: Names) -> Picture:
    """A column for each bank, a row for each 32 words that hold one that is asked for."""
    rows = sorted({word // BANKS for cell in step.cells for word in step.words(cell)})
    pitch = min(TALLEST, DEEPEST / len(rows))
    bottom = TOP + pitch * len(rows)
    sheet = Sheet(step, source, names, LEFT + BANKS * BANK + 0.2, bottom + 0.55)
    sheet.title(LEFT, -0.16, sheet.who())
    for lane in range(WARP):
        sheet.thread(lane, (LEFT + lane * BANK + 0.01, 0), (BANK - 0.02, LANE))
    _draw_grid(sheet, rows, pitch)
    _draw_words(sheet, {row: TOP + pitch * n for n, row in enumerate(rows)}, pitch)
    _draw_lines(sheet)
    _draw_turns(sheet, bottom)
    return sheet.picture


def turns_of(step: Step) -> dict[int, int]:
    """By bank: the words that it gives one after another, in the slowest part of the warp."""
    found: dict[int, int] = {}
    for phase in step.phases:
        for bank, asked in step.banks(phase).items():
            found[bank] = max(found.get(bank, 0), len(asked))
    return found


def _draw_grid(sheet: Sheet, rows: list[int], pitch: float) -> None:
    """The banks' numbers, the grid of words, and which elements stand in a row."""
    turns, right, bottom = turns_of(sheet.step), LEFT + BANKS * BANK, TOP + pitch * len(rows)
    sheet.text(LEFT - 0.08, HEAD + 0.12, "bank", 8, ha="right", weight="bold")
    for bank in range(BANKS):
        how = (WAITS, "bold") if turns.get(bank, 0) > 1 else (GREY, "normal")
        sheet.text(LEFT + (bank + 0.5) * BANK, HEAD + 0.12, str(bank), 7.5, how[0], weight=how[1])
    grid = [((LEFT + b * BANK, TOP), (LEFT + b * BANK, bottom)) for b in range(BANKS + 1)]
    grid += [((LEFT, TOP + pitch * n), (right, TOP + pitch * n)) for n in range(len(rows) + 1)]
    sheet.lines(grid, GREY, linewidths=0.5, alpha=0.4)
    each, every = BANKS * WORD // sheet.step.itemsize, -(-len(rows) // 24)  # labels keep a size to be read
    for n, row in list(enumerate(rows))[::every]:
        text = sheet.names.range(range(row * each, (row + 1) * each))
        sheet.text(LEFT - 0.08, TOP + pitch * (n + 0.5), text, 6.8, ha="right")


def _draw_words(sheet: Sheet, tops: dict[int, float], pitch: float) -> None:
    """The words that are asked for, each with the threads that ask."""
    step, turns = sheet.step, turns_of(sheet.step)
    for word in sorted({w for cell in step.cells for w in step.words(cell)}):
        row, bank = divmod(word, BANKS)
        lanes = [lane for lane, cell in zip(step.lanes, step.cells) if word in step.words(cell)]
        colour = WAITS if turns[bank] > 1 else sheet.colour
        sheet.cell((LEFT + bank * BANK, tops[row]), (BANK, pitch), colour, crowd(lanes), min(7.5, 50 * pitch))


def _draw_lines(sheet: Sheet) -> None:
    """From each thread to its bank, orange and dashed into one that gives several words one by one."""
    step = sheet.step
    for phase, pattern in zip(step.phases, PHASES):
        asked = step.banks(phase)
        good: list[Ends] = []
        bad: list[Ends] = []
        for at in phase:
            banks = [word % BANKS for word in step.words(step.cells[at])]
            end = (LEFT + (sum(banks) / len(banks) + 0.5) * BANK, HEAD + 0.02)
            waits = any(len(asked[bank]) > 1 for bank in banks)
            (bad if waits else good).append(((LEFT + (step.lanes[at] + 0.5) * BANK, LANE + 0.02), end))
        sheet.lines(good, sheet.colour, pattern)
        sheet.lines(bad, WAITS, DASHES)


def _draw_turns(sheet: Sheet, bottom: float) -> None:
    """Below each busy bank the turns that it takes; and what that means."""
    for bank, turns in turns_of(sheet.step).items():
        if turns > 1:
            sheet.text(LEFT + (bank + 0.5) * BANK, bottom + 0.11, f"×{turns}", 7.5, WAITS, weight="bold")
    what = "for several words gives them one after another"
    if sheet.step.kind == "atomic":
        what = "several times serves one after another"
    text = f"Orange, dashed, with its turns below: a bank that is asked {what}."
    text = text if sheet.step.extra else "No bank is asked for more than one word at a time."
    sheet.text(LEFT, bottom + 0.36, text, 8.5, ha="left")


def banks_in_words(step: Step) -> str:
    """How many banks take how many turns."""
    turns = list(turns_of(step).values())
    told = [
        f"{counted(turns.count(n), 'bank')} with {counted(n, 'turn')}"
        for n in sorted(set(turns), reverse=True)
    ]
    return f"Of {BANKS} banks: {', '.join(told)}."
