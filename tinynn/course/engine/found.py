"""What a signature finds, and the two questions that most signatures ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .compare import agree, near, numeric
from .evidence import Part

ENOUGH = 3
"""Elements that must be wrong as they are and right as the signature says, so that chance is excluded."""


class Found(NamedTuple):
    """A signature that holds: its name in engine.toml, and what fills the placeholders there."""

    name: str
    fill: dict[str, str] = {}


Signature = Callable[[Part], Found | None]


def arrays(part: Part) -> bool:
    """Whether answer and reference gave numbers in every case."""
    return all(numeric(pair.got) and numeric(pair.wanted) for pair in part.pairs)


def undone(part: Part, undo: Callable[[Any], Any], least: int = ENOUGH) -> bool:
    """Whether the answer is right in every case once `undo` is applied to it.

    `undo` gives None where it does not apply. Cases that it does not change must be right as they are.
    """
    telling = 0
    for pair in part.pairs:
        value = tried(undo, pair.got)
        if value is None or not pair.accepts(value):
            return False
        telling += 0 if pair.right else weight(pair.got, pair.wanted)
    return telling >= least


def done(part: Part, do: Callable[[Any], Any], least: int = ENOUGH) -> bool:
    """Whether the answer is, in every case, the right one with `do` applied to it."""
    telling = 0
    for pair in part.pairs:
        value = tried(do, pair.wanted)
        if value is None or not agree(pair.got, value, pair.seen.tolerance):
            return False
        telling += 0 if pair.right else weight(pair.got, pair.wanted)
    return telling >= least


def tried(change: Callable[[Any], Any], value: Any) -> Any:
    """``change(value)``, None where it does not apply."""
    try:
        with np.errstate(all="ignore"):
            return change(value)
    except Exception:
        return None


def weight(got: Any, wanted: Any) -> int:
    """How many elements differ; all where the shapes do, at least one."""
    if numeric(got) and numeric(wanted) and np.shape(got) == np.shape(wanted):
        return int((~near(got, wanted)).sum())
    sizes = [
        np.size(v) if numeric(v) else len(v) if isinstance(v, (list, tuple)) else 1 for v in (got, wanted)
    ]
    return max(*sizes, 1)
