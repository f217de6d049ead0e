"""A race in numbers and in words: the table, who is fastest where and by what factor, who is out and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from .clock import Contender, Timing

if TYPE_CHECKING:
    from .result import Race

UNITS = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))


def seconds(value: float) -> str:
    """A time in the unit that fits: 3.1 µs."""
    factor, unit = _unit(value)
    return f"{short(value / factor)} {unit}"


def _unit(value: float) -> tuple[float, str]:
    return next(((f, u) for f, u in UNITS if value < 999.5 * f), UNITS[-1])


def short(value: float) -> str:
    """Two digits, and what stands before the decimal point: 0.031, 3.0, 31, 314."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"


def rate(value: float, unit: str) -> str:
    return f"{short(value / 1e9)} G{unit}/s"


# -- the table -----------------------------------------------------------------------------------------


def table(race: Race) -> str:
    """Rows of sizes, a column for each contender: the middle of all rounds, and the middle half."""
    columns: list[tuple[str, Sequence[Timing]]] = [(c.name, c.timings) for c in race.contenders]
    columns += [(m.device, m.timings) for m in race.gpu]
    rows = [("n", *(name for name, _ in columns))]
    for n in race.sizes:
        rows.append((f"{n:,}", *(_cell(timings, n) for _, timings in columns)))
    widths = [len(max(column, key=len)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)


def _cell(timings: Iterable[Timing], n: int) -> str:
    found = next((t for t in timings if t.n == n), None)
    if found is None:
        return "-"
    factor, unit = _unit(found.median)
    middle, low, high = (short(value / factor) for value in (found.median, found.low, found.high))
    return f"{middle} {unit} ({low} to {high})"


# -- sentences -----------------------------------------------------------------------------------------


def remarks(race: Race) -> list[str]:
    """What the numbers do not say by themselves, a line each."""
    lines = [out(c) for c in race.contenders if c.wrong]
    lines += [slow for c in race.contenders if (slow := first_call(c))]
    lines += [f"{m.name}, earlier and on another machine." for m in race.gpu]
    return [*lines, *race.notes, *disturbed(race), roofs(race)]


def disturbed(race: Race) -> list[str]:
    """A line if something else was at work: the middle half of some times spans more than a factor of 2."""
    wide = [f"{c.name} at {t.n:,}" for c in race.contenders for t in c.timings if t.high > 2 * t.low]
    said = f"Something else kept the machine busy, as the spread shows ({', '.join(wide[:3])}"
    return [f"{said}{', ...' if len(wide) > 3 else ''}). Race again when it is idle."] if wide else []


def out(contender: Contender) -> str:
    since = " from there on" if contender.timings else ""
    return f"{contender.name} {contender.ended}: not timed{since}."


def first_call(contender: Contender) -> str:
    """Loading and compiling, where the first call was so much longer that it shows."""
    if contender.first is None or not contender.timings:
        return ""
    after = contender.timings[0].median
    if contender.first < max(0.01, 10 * after):
        return ""
    return f"{contender.name}: first call {seconds(contender.first)}, then {seconds(after)}."


def roofs(race: Race) -> str:
    """The roofline's numbers."""
    each = [
        f"{rate(roof.flops, 'FLOP')} and {rate(roof.bytes, 'B')} in {threads(roof.threads)}"
        for roof in race.roofline.roofs
    ]
    note = race.roofline.note
    return f"This machine, measured now: {'; '.join(each)}.{f' {note}' if note else ''}"


def threads(n: int) -> str:
    return f"{n} thread{'s' * (n > 1)}"


def standing(race: Race) -> str:
    """Who is fastest at which sizes, and by what factor."""
    leaders = [(n, _leader(race.contenders, n)) for n in race.sizes]
    told = []
    for name, group in groupby(((n, name) for n, name in leaders if name), key=lambda pair: pair[1]):
        sizes = [n for n, _ in group]
        told.append(f"{_fastest(name)} {_span(sizes)} ({_factors(race.contenders, sizes[-1])})")
    return "; ".join(told) + "." if told else "Nothing was timed."


def _fastest(name: str) -> str:
    return f"{name} too close to tell" if " and " in name else f"{name} fastest"


def _leader(contenders: Sequence[Contender], n: int) -> str:
    """The fastest at size `n`; two names where the middle halves of the two fastest overlap."""
    ranked = _ranked(contenders, n)
    if not ranked:
        return ""
    level = [name for name, t in ranked[:2] if t.low <= ranked[0][1].high]
    return " and ".join(sorted(level))


def _ranked(contenders: Sequence[Contender], n: int) -> list[tuple[str, Timing]]:
    found = [(c.name, t) for c in contenders if (t := c.at(n))]
    return sorted(found, key=lambda pair: pair[1].median)


def _span(sizes: Sequence[int]) -> str:
    return f"from n = {sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"at n = {sizes[0]:,}"


def _factors(contenders: Sequence[Contender], n: int) -> str:
    (_, best), *others = _ranked(contenders, n)
    told = [f"{name} takes {short(t.median / best.median)} times as long" for name, t in others]
    return f"at {n:,} {', '.join(told)}" if told else f"at {n:,} nobody else is left"
