"""A table of digits as it comes out of three scanners and many hands, with its faults known.

The images are real. The faults are put in by a seeded function, so that what a cleaning finds can be scored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...data import Dataset, digits

KEPT, COPIES = 1200, 150  # images in the table, and rows that are there twice
WRONG, UNLABELLED, GAPS, TORN = 0.06, 15, 60, 10
SCANNERS = ("A", "B", "C")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NOTHING = ("", "NA", "?")

Row = dict[str, str]


class Truth(NamedTuple):
    """What is true of each row, for scoring.

    Attributes
    ----------
    digit : int (N,)
        The right class.
    image : float (N, 64)
        The image without gaps, 0 to 1.
    wrong_label, copy, gap, torn : bool (N,)
        Whether the row has this fault. Of two equal rows, the later one is the copy.
    """

    digit: np.ndarray
    image: np.ndarray
    wrong_label: np.ndarray
    copy: np.ndarray
    gap: np.ndarray
    torn: np.ndarray


def dirty_table(seed: int = 0) -> tuple[list[Row], Truth]:
    """Rows of text, as read from a file, and the truth about them."""
    rng = np.random.default_rng(seed)
    data, kept = digits().flat, _dealt()[0]
    source = rng.permutation(np.concatenate([kept, rng.choice(kept, COPIES, replace=False)]))
    n, digit = len(source), data.y[source]
    wrong = rng.random(n) < WRONG
    written = np.where(wrong, (digit + rng.integers(1, 10, n)) % 10, digit)
    unlabelled, gap, torn = _chosen(rng, n, UNLABELLED, GAPS, TORN)
    missing = _missing(rng, gap, torn)
    rows = []
    for i in range(n):
        label = _nothing(rng) if unlabelled[i] else _label(rng, int(written[i]))
        rows.append(_row(rng, i, label, data.x[source[i]], missing[i]))
    first = np.unique(source, return_index=True)[1]
    copy = ~np.isin(np.arange(n), first)
    return rows, Truth(digit, data.x[source], wrong & ~unlabelled, copy, gap, torn)


def fresh() -> Dataset:
    """The digits that are not in the table: what comes in after the network is delivered, (597, 64)."""
    data, later = digits().flat, _dealt()[1]
    return Dataset(data.x[later], data.y[later], data.names)


def _dealt() -> tuple[np.ndarray, np.ndarray]:
    """Which images go into the table, and which come later."""
    order = np.random.default_rng(6).permutation(len(digits()))
    return order[:KEPT], order[KEPT:]


def _chosen(rng: np.random.Generator, n: int, *counts: int) -> list[np.ndarray]:
    """Rows at random for each count, no row twice, as masks (n,)."""
    parts = np.split(rng.permutation(n), np.cumsum(counts))[:-1]
    return [np.isin(np.arange(n), part) for part in parts]


def _missing(rng: np.random.Generator, gap: np.ndarray, torn: np.ndarray) -> np.ndarray:
    """Which pixels are missing (n, 64): up to 3 in a row with a gap, all from somewhere on in a torn one."""
    missing = np.zeros((len(gap), 64), bool)
    for i in np.flatnonzero(gap):
        missing[i, rng.choice(64, rng.integers(1, 4), replace=False)] = True
    for i in np.flatnonzero(torn):
        missing[i, rng.integers(8, 30) :] = True
    return missing


# -- as text ---------------------------------------------------------------------------------------------


def _label(rng: np.random.Generator, digit: int) -> str:
    """A digit as different people write it into a table."""
    ways = (f"{digit}", f"{digit}", f"{digit}", f" {digit}", f"{digit}.0", NAMES[digit], NAMES[digit].title())
    return str(rng.choice(ways))


def _row(rng: np.random.Generator, i: int, label: str, image: np.ndarray, missing: np.ndarray) -> Row:
    scanner = str(rng.choice(SCANNERS))
    pixels = [_nothing(rng) if gone else _ink(float(v), scanner) for v, gone in zip(image, missing)]
    return {"row": str(i), "scanner": scanner, "label": label} | {f"p{j}": v for j, v in enumerate(pixels)}


def _nothing(rng: np.random.Generator) -> str:
    return str(rng.choice(NOTHING))


def _ink(value: float, scanner: str) -> str:
    """A counts to 16, B writes fractions, C writes percentages with a comma."""
    if scanner == "A":
        return f"{16 * value:.0f}"
    return f"{value:.4f}" if scanner == "B" else f"{100 * value:.2f}%".replace(".", ",")
