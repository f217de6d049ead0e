"""Which factor, difference or neighbour: signatures of numbers that are a multiple of what is due."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .compare import Tolerance, agree, numeric
from .evidence import Pair, Part
from .found import ENOUGH, Found, arrays, weight

CONSTANTS = {
    "2": 2.0, "1/2": 0.5, "3": 3.0, "1/3": 1 / 3, "4": 4.0, "1/4": 0.25, "3/2": 1.5, "2/3": 2 / 3, "10": 10.0,
    "1/10": 0.1, "100": 100.0, "1/100": 0.01, "1000": 1000.0, "1/1000": 0.001, "sqrt(2)": math.sqrt(2),
    "1/sqrt(2)": math.sqrt(0.5), "sqrt(3)": math.sqrt(3), "1/sqrt(3)": math.sqrt(1 / 3), "pi": math.pi,
    "sqrt(6)": math.sqrt(6), "1/sqrt(6)": math.sqrt(1 / 6), "2 pi": 2 * math.pi, "1/pi": 1 / math.pi,
    "ln 2": math.log(2), "1/ln 2": 1 / math.log(2), "ln 10": math.log(10), "1/ln 10": 1 / math.log(10),
}  # fmt: skip

FORMS: dict[str, Callable[[float], float]] = {
    "{}": lambda v: v,
    "1/{}": lambda v: 1 / v,
    "sqrt({})": math.sqrt,
    "1/sqrt({})": lambda v: 1 / math.sqrt(v),
    "{}**2": lambda v: v * v,
    "1/{}**2": lambda v: 1 / (v * v),
    "2/{}": lambda v: 2 / v,
    "2*{}": lambda v: 2 * v,
    "{}/2": lambda v: v / 2,
    "1/(2*{})": lambda v: 0.5 / v,
    "({0} - 1)/{0}": lambda v: (v - 1) / v,
    "{0}/({0} - 1)": lambda v: v / (v - 1),
    "({0} + 1)/{0}": lambda v: (v + 1) / v,
    "{0}/({0} + 1)": lambda v: v / (v + 1),
    "(1 - {})": lambda v: 1 - v,
    "1/(1 - {})": lambda v: 1 / (1 - v),
    "(1 + {})": lambda v: 1 + v,
    "{0}/(1 - {0})": lambda v: v / (1 - v),
    "(1 - {0})/{0}": lambda v: (1 - v) / v,
}


NEAR_1 = 1e-3
"""A number that is right but for so little is not multiplied by anything."""


class Explained(NamedTuple):
    """What a number is in every case: ``1/x.shape[0]``, and all the other names it goes by."""

    text: str
    others: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        also = " or ".join(f"`{name}`" for name in self.others[:2])
        return f"`{self.text}`" + (f" (on these inputs the same as {also})" if also else "")


# -- signatures ------------------------------------------------------------------------------------------


def factor(part: Part) -> Found | None:
    """One factor in each case; by what it is made of where that can be told."""
    ratios = _multiples(part, lambda pair: pair.wanted)
    if ratios is None or sum(abs(r - 1) > NEAR_1 for r in ratios.values) < min(2, len(ratios.values)):
        return None
    if _close_all(ratios.values, [-1.0] * len(ratios.values)):
        return Found("sign")
    why = explain(ratios)
    if why is not None:
        return Found(_kind_of_factor(why.text), {"factor": why.words})
    shown = list(dict.fromkeys(f"{r:.4g}" for r in ratios.values))
    if len(shown) == 1:
        return Found("factor", {"factor": f"`{shown[0]}`"})
    enough = ratios.elements >= ENOUGH * len(ratios.pairs)
    return Found("factor_by_input", {"factors": ", ".join(shown)}) if enough else None


def _kind_of_factor(text: str) -> str:
    """Division by a size is a mean, as a rule, and a missing one a sum."""
    if "shape[" in text or ".size" in text:
        plain = text.lstrip("-").replace("1/", "", 1)
        if not any(sign in plain for sign in "(*/-+"):
            return "mean_for_sum" if "1/" in text else "sum_for_mean"
    return "factor"


def more_of_argument(part: Part) -> Found | None:
    """Too much or too little of an argument: ``w + lr * g`` for ``w - lr * g``, a decay forgotten."""
    if not _comparable(part):
        return None
    gaps = part.with_values([_minus(p.got, p.wanted) for p in part.pairs])
    for name in part.evidence.arguments:
        ratios = _multiples(gaps, partial(_argument, name=name))
        why = explain(ratios) if ratios else None
        if why is not None:
            less = why.text.startswith("-")
            amount = why._replace(text=why.text.removeprefix("-"))
            times = "" if amount.text == "1" else f"{amount.words} times "
            return Found(
                "less_of_argument" if less else "more_of_argument", {"argument": name, "times": times}
            )
    return None


def offset(part: Part) -> Found | None:
    """The same number added everywhere."""
    if not _comparable(part) or not any(np.size(p.wanted) > 1 for p in part.pairs) and len(part.pairs) < 3:
        return None
    gaps = part.with_values([_minus(p.got, p.wanted) for p in part.pairs])
    ratios = _multiples(gaps, lambda pair: np.ones(np.shape(pair.wanted)))
    if ratios is None or ratios.elements < ENOUGH:
        return None
    why = explain(ratios)
    if why is not None:
        return Found("offset", {"offset": why.words})
    same = len({f"{r:.6g}" for r in ratios.values}) == 1
    return Found("offset", {"offset": f"`{ratios.values[0]:.4g}`"}) if same else None


def times_argument(part: Part) -> Found | None:
    """An argument that is not multiplied by, or once too often."""
    if not _comparable(part):
        return None
    for name in part.evidence.arguments:
        values = [_argument(p, name) for p in part.pairs]
        if any(v is None or np.shape(v) != np.shape(p.wanted) for v, p in zip(values, part.pairs)):
            continue
        with np.errstate(all="ignore"):
            if _right(part.with_values([np.multiply(p.got, v) for p, v in zip(part.pairs, values)]), part):
                return Found("factor_missing", {"argument": name})
            more = [np.multiply(p.wanted, v) for p, v in zip(part.pairs, values)]
        if all(agree(p.got, m, p.seen.tolerance) for p, m in zip(part.pairs, more)) and _enough(part):
            return Found("factor_too_many", {"argument": name})
    return None


def by_row(part: Part) -> Found | None:
    """Each row or column off by a factor, or by a difference, of its own."""
    if not _comparable(part):
        return None
    wide = [p for p in part.pairs if np.ndim(p.wanted) == 2 and min(np.shape(p.wanted)) >= 2]
    if not wide or any(p.right for p in wide):
        return None
    for axis, line in ((1, "row"), (0, "column")):
        if sum(np.size(p.wanted) * (1 - 1 / np.shape(p.wanted)[axis]) for p in wide) < 3 * ENOUGH:
            continue
        if all(_constant(_over(p), p, axis) for p in wide):
            return Found("factor_by_line", {"line": line})
        if all(_constant(_minus(p.got, p.wanted), p, axis) for p in wide):
            return Found("offset_by_line", {"line": line})
    return None


FACTORS = (factor, times_argument, more_of_argument, offset, by_row)


# -- ratios, and what they are ---------------------------------------------------------------------------


class Ratios(NamedTuple):
    """A number for each case that tells one."""

    values: list[float]
    pairs: list[Pair]
    elements: int


def explain(ratios: Ratios) -> Explained | None:
    """A constant that people write, or a form of a size or number among the arguments."""
    names = list(dict.fromkeys(_explanations(ratios)))
    return Explained(names[0], tuple(names[1:3])) if names else None


def _explanations(ratios: Ratios) -> Iterator[str]:
    """Constants first, sizes second; a constant is doubted only where a bare size never differs from it."""
    n = len(ratios.values)
    for sign in ("", "-"):
        flip = -1.0 if sign else 1.0
        for name, value in {"1": 1.0, **CONSTANTS}.items():
            if _close_all(ratios.values, [flip * value] * n):
                yield sign + name
    columns = _sizes(ratios)
    constant = len({f"{v:.6g}" for v in ratios.values}) == 1
    for form, f in list(FORMS.items())[: 2 if constant else None]:
        for name, column in columns.items():
            made = [_made(f, v) for v in column]
            for sign, flip in (("", 1.0), ("-", -1.0)):
                if None not in made and _close_all(ratios.values, [flip * m for m in made]):  # type: ignore[operator]
                    yield sign + form.format(name)


def _made(f: Callable[[float], float], value: float) -> float | None:
    try:
        return f(value)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


def _sizes(ratios: Ratios) -> dict[str, list[float]]:
    """Sizes of the arguments' axes and numbers among the arguments, for each case; equal columns once."""
    columns: dict[str, list[float]] = {}
    rows = [dict(_numbers_of(pair.seen.arguments)) for pair in ratios.pairs]
    for name in rows[0]:
        column = [row[name] for row in rows if name in row]
        if len(column) == len(rows) and column not in columns.values():
            columns[name] = column
    return columns


def _numbers_of(arguments: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and value.ndim:
            yield from ((f"{name}.shape[{i}]", float(size)) for i, size in enumerate(value.shape))
            yield f"{name}.shape[-1]", float(value.shape[-1])
            yield f"{name}.size", float(value.size)
        elif numeric(value) and not isinstance(value, bool):
            yield name, float(value)
        elif isinstance(value, (list, tuple, str, dict)):
            yield f"len({name})", float(len(value))


def _multiples(part: Part, base: Callable[[Pair], Any]) -> Ratios | None:
    """The factor by which the answer is a multiple of ``base(pair)``, case by case; None where it is not."""
    if not _comparable(part):
        return None
    values, pairs, elements = [], [], 0
    for pair in part.pairs:
        below = base(pair)
        if below is None or np.shape(below) != np.shape(pair.got):
            return None
        ratio = _multiple(pair.got, below, pair.seen.tolerance)
        if ratio is None:
            return None
        if not math.isnan(ratio):
            values.append(ratio)
            pairs.append(pair)
            elements += weight(pair.got, np.zeros(np.shape(pair.got)))
    return Ratios(values, pairs, elements) if elements >= ENOUGH else None


def _multiple(got: Any, below: Any, tolerance: Tolerance) -> float | None:
    """``got / below`` where that is one number; NaN where both are zero or empty, None where it is none."""
    a, b = np.asarray(got, float), np.asarray(below, float)
    finite = np.isfinite(b)
    if not finite.any() or not np.abs(b[finite]).max() > tolerance.floor:
        lost = agree(a, b, tolerance._replace(floor=10 * tolerance.floor))  # too small to tell a factor
        return math.nan if lost else None
    largest = np.unravel_index(np.argmax(np.where(finite, np.abs(b), -1)), b.shape) if b.ndim else ()
    ratio = float(a[largest] / b[largest])
    with np.errstate(all="ignore"):
        same = math.isfinite(ratio) and ratio and agree(a, ratio * b, tolerance)
    return ratio if same else None


def _close_all(a: list[float], b: list[float]) -> bool:
    """Ratios come from divided roundings, in float32 too."""
    return bool(a) and bool(np.allclose(a, b, rtol=1e-5, atol=0))


def _comparable(part: Part) -> bool:
    return arrays(part) and all(
        np.shape(p.got) == np.shape(p.wanted) and np.asarray(p.wanted).dtype.kind in "fiu" for p in part.pairs
    )


def _minus(got: Any, wanted: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(got, float) - np.asarray(wanted, float)


def _argument(pair: Pair, name: str) -> Any:
    value = pair.seen.arguments.get(name)
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" else None


def _right(changed: Part, part: Part) -> bool:
    return changed.right and _enough(part)


def _enough(part: Part) -> bool:
    return sum(0 if p.right else weight(p.got, p.wanted) for p in part.pairs) >= ENOUGH


def _over(pair: Pair) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(pair.got, float) / np.asarray(pair.wanted, float)


def _constant(lines: np.ndarray, pair: Pair, axis: int) -> bool:
    """Whether every line along `axis` holds one number, and the lines differ."""
    if not np.isfinite(lines).all():
        return False
    spread = np.ptp(lines, axis=axis).max()
    return bool(
        spread <= 10 * pair.seen.tolerance.relative * np.abs(lines).max()
        and np.ptp(lines) > 1e-3 * np.abs(lines).max()
    )
