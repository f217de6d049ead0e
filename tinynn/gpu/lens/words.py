"""Steps and reports in words: one sentence for a step, a table and a few sentences for a run."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .steps import WARP, Step

if TYPE_CHECKING:
    from .report import Line, Report, Row

VERBS = {"load": "reads", "store": "writes", "atomic": "changes"}
HEAD = ("line", "source", "access", "lanes", "used of moved, or turns", "judgement")
LONGEST = 40  # characters of a source line in the table


def counted(n: int, thing: str) -> str:
    """1 sector, 2 sectors, 1,024 bytes."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """A share with three digits; 100% only if nothing is missing."""
    return f"{share:.2%}" if 0.9995 <= share < 1 else f"{100 * share:.3g}%"


# -- a step ------------------------------------------------------------------------------------------------


def sentence(step: Step) -> str:
    """What a warp does in this step and what it costs."""
    if step.space == "local":
        lanes = counted(len(step.lanes), "thread")
        return f"{_who(step)} {VERBS[step.kind]} {step.array}: {lanes}, each its own memory."
    return _shared(step) if step.space == "shared" else _global(step)


JUDGED = {
    "coalesced": "Coalesced: no fewer sectors could hold these bytes.",
    "broadcast": "Broadcast: one cell serves several threads at once.",
    "single": "A single thread: one sector at least has to move.",
    "misaligned": "Misaligned: neighbours, but they begin in the middle of a sector.",
    "strided": "Strided: the cells lie apart, and what is between them moves too.",
    "scattered": "Scattered: the cells lie here and there.",
    "free": "Free of conflicts.",
    "conflict": "Bank conflict: one bank holds several of the words.",
    "serial": "Serial: threads wait for each other.",
    "private": "Private: memory of each thread alone.",
}


def judged(step: Step) -> str:
    """The step's judgement as a sentence."""
    return JUDGED[step.judgement]


def _who(step: Step) -> str:
    return f"Warp {step.warp} of block {place(step.block)}"


def place(block: Sequence[int]) -> str:
    """A block's place: 3; (3, 1) where there are rows."""
    while len(block) > 1 and block[-1] == 0:
        block = block[:-1]
    return str(block[0]) if len(block) == 1 else str(tuple(block))


def _elements(step: Step) -> str:
    """16 lanes write 16 elements: said shorter where each lane has its own."""
    return f"{counted(len(step.distinct), 'element')} of {step.array}"


def _global(step: Step) -> str:
    way = {"load": "from", "store": "into", "atomic": "in"}[step.kind]
    sectors = counted(len(step.sectors), "sector")
    few = len(step.distinct) < len(step.lanes)
    for_all = f" for {counted(len(step.lanes), 'thread')}" if few else ""
    text = f"{_who(step)} {VERBS[step.kind]} {_elements(step)}{for_all} {way} {sectors}: "
    text += f"{step.used:,} of {step.moved:,} bytes used."
    if step.ways > 1:
        text += f" {step.ways} threads want the same element: {step.ways} turns, one after the other."
    return text


def _shared(step: Step) -> str:
    banks = step.banks()
    text = f"{_who(step)} {VERBS[step.kind]} {_elements(step)} in {counted(len(banks), 'bank')}: "
    part = {8: "half", 16: "quarter"}.get(step.itemsize)
    halves = f" for each {part} of the warp" if part else ""
    if step.ways == 1:
        return f"{text}one turn{halves}."
    busy = max(banks, key=lambda b: len(banks[b]))
    asked = f"asked {step.ways} times" if step.kind == "atomic" else f"asked for {step.ways} words"
    return f"{text}bank {busy} is {asked}{halves}: {step.trips} turns, one after another."


# -- a run -------------------------------------------------------------------------------------------------


def table(report: Report) -> str:
    """The rows under their names, and the sums below."""
    lines = [HEAD, *[row for row, _ in rows(report)]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    padded = [_padded(line, widths) for line in lines]
    return "\n".join([title(report), *padded, *sums(report)])


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, *others = cells
    return "  ".join([number.rjust(widths[0]), *map(str.ljust, others, widths[1:])]).rstrip()


def title(report: Report) -> str:
    blocks = counted(_product(report.grid), "block")
    threads = counted(_product(report.block), "thread")
    each = " each" if _product(report.grid) > 1 else ""
    return f"{report.kernel}: {blocks} of {threads}, {counted(report.warps, 'warp')}{each}"


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for n in sizes:
        total *= n
    return total


def rows(report: Report) -> list[tuple[tuple[str, ...], bool]]:
    """The cells of each row, and whether there is nothing left to win. A line's source stands once."""
    found: list[tuple[tuple[str, ...], bool]] = []
    for line in report.lines.values():
        told = [(_of_row(a), a.good) for a in line.rows]
        if line.forks:
            told.insert(0, (_forks(line), False))
        elif line.split and not line.rows and line.flops:
            told.append((("arithmetic", f"{WARP * line.share:.3g}", "", "divergent"), False))
        for n, (cells, good) in enumerate(told):
            named = ("", "") if n else (str(line.number), short(line.text))
            found.append(((*named, *cells), good))
    return found


def short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _of_row(row: Row) -> tuple[str, str, str, str]:
    where = "" if row.space == "global" else f", {row.space}"
    return f"{row.kind} {row.array}{where}", f"{row.lanes:.3g}", _use(row), row.judgement


def _use(row: Row) -> str:
    if row.space == "local":
        return ""
    if row.space == "shared":
        extra = f", {row.conflicts:,} extra" if row.conflicts else ""
        return counted(row.ways, "turn") + extra
    serial = f", {counted(row.ways, 'turn')}" if row.kind == "atomic" and row.ways > 1 else ""
    return f"{row.used:,} of {row.moved:,} B, {percent(row.efficiency)}{serial}"


def _forks(line: Line) -> tuple[str, str, str, str]:
    return "test", f"{WARP * line.share:.3g}", f"both ways {line.forks} of {line.tests} times", "divergent"


def sums(report: Report) -> list[str]:
    """The whole kernel, in a few sentences."""
    spaces = Counter(s.space for s in report.steps)
    told = []
    if spaces["global"]:
        told.append(
            f"Global memory: {report.used:,} of {report.moved:,} bytes moved are used "
            f"({percent(report.efficiency)}), in {counted(report.sectors, 'sector')} of 32 bytes."
        )
    if report.serial:
        told.append(f"Atomics: {counted(report.serial, 'turn')} of waiting at one address.")
    if spaces["shared"]:
        extra = f"{counted(report.conflicts, 'extra turn')} of banks" if report.conflicts else "no conflicts"
        told.append(f"Shared memory: {extra} in {counted(spaces['shared'], 'step')}.")
    rate = f", {report.intensity:.2g} for each byte moved" if report.moved and report.flops else ""
    told.append(f"Arithmetic: {counted(report.flops, 'operation')} on floats{rate}.")
    return [*told, *_divergence(report), *_worst(report), *_unknown(report)]


def _divergence(report: Report) -> list[str]:
    forked = [line for line in report.lines.values() if line.forks]
    if not forked:
        return ["Divergence: none; every test sent all threads of a warp the same way."]
    where = ", ".join(str(line.number) for line in forked)
    tests = sum(line.tests for line in report.lines.values())
    return [f"Divergence: {report.forks:,} of {tests:,} tests sent a warp both ways (line {where})."]


def _worst(report: Report) -> list[str]:
    worst = report.worst
    if worst is None:
        return []
    return [f"Look first at line {worst.line}, {worst.kind} {worst.array}: {worst.judgement}."]


def _unknown(report: Report) -> list[str]:
    names = ", ".join(report.opaque)
    return [f"Without source, so arithmetic and tests inside are not counted: {names}."] if names else []


# -- for a notebook ----------------------------------------------------------------------------------------

_LINE = "var(--jp-border-color1, #9e9e9e)"
_CELL = f"text-align: left; padding: 0.15em 0.7em; border: 1px solid {_LINE}; background: transparent"
_GOOD, _LOOK = "var(--jp-success-color1, #2e7d32)", "var(--jp-warn-color1, #c65102)"


def page(report: Report) -> str:
    """The table and the sums as HTML; ✓ and ✗ say the same as the colours."""
    heads = "".join(f'<th scope="col" style="{_CELL}">{html.escape(h)}</th>' for h in HEAD)
    body = "".join(_row(cells, good) for cells, good in rows(report))
    caption = f'<caption style="text-align: left; color: inherit">{html.escape(title(report))}</caption>'
    style = "border-collapse: collapse; margin: 0.4em 0; color: inherit"
    below = "".join(f'<p style="margin: 0.2em 0">{html.escape(text)}</p>' for text in sums(report))
    return (
        f'<div style="overflow-x: auto"><table style="{style}">{caption}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{below}"
    )


def _row(cells: Sequence[str], good: bool) -> str:
    number, source, *others, judgement = cells
    mark, colour = ("✓", _GOOD) if good else ("✗", _LOOK)
    code = f"<code>{html.escape(source)}</code>" if source else ""
    told = f'<span style="color: {colour}">{mark}</span> {html.escape(judgement)}'
    middle = [html.escape(cell) for cell in others]
    first = f'<th scope="row" style="{_CELL}">{html.escape(number)}</th>'
    rest = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in (code, *middle, told))
    return f"<tr>{first}{rest}</tr>"
