"""What was measured, as a file: ``exercises/effects.json``. Written by the command, read by the lesson."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..engine.texts import FOLDER

FILE = FOLDER / "effects.json"
RIGHT = ""  # the name under which the right answer's runs stand


class Effect(NamedTuple):
    """The runs of one implementation under one optimiser.

    Attributes
    ----------
    ends : str
        "trained", "diverged" or "stops": what most of the seeds did.
    final : tuple of float
        For each seed the percentage of held-out data that is right at the end; 0 where there was none.
    reached : tuple of float
        For each seed the step at which it came to nine tenths of what the right answer reaches, or infinity.
    first : tuple of float
        For each seed the loss before the first update; NaN where it was no finite number.
    step : int
        The last step of the run that is drawn.
    steps, loss, right : tuple
        The run of the middle seed: steps, losses, percentages.
    alike : str
        "all" where the losses and percentages are those of the right answer, bit for bit; "weights" where
        the percentages alone are; else "".
    calls : int
        How often the implementation ran in that run.
    message : str
        What it stopped with.
    """

    ends: str
    final: tuple[float, ...]
    reached: tuple[float, ...]
    first: tuple[float, ...]
    step: int
    steps: tuple[int, ...]
    loss: tuple[float, ...]
    right: tuple[float, ...]
    alike: str
    calls: int
    message: str

    @property
    def start(self) -> float:
        """The middle of `first`: the same as the right answer's where the mistake has no part in it."""
        return sorted(self.first, key=lambda loss: (math.isnan(loss), loss))[len(self.first) // 2]

    @property
    def median(self) -> float:
        return sorted(self.final)[len(self.final) // 2]


@cache
def read(path: Path = FILE) -> dict[str, Any]:
    """The whole file; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"exercises": {}}


@cache
def effects_of(id: str) -> dict[str, dict[str, Effect]]:
    """By optimiser, then by mistake: what was measured for an exercise. `RIGHT` names the right answer."""
    exercise = read()["exercises"].get(id, {"runs": {}})
    return {
        optimizer: {name: _effect(run, exercise["steps"], runs[RIGHT]) for name, run in runs.items()}
        for optimizer, runs in exercise["runs"].items()
    }


def network_of(id: str) -> str:
    """The name of the network that an exercise was measured in."""
    return read()["exercises"][id]["network"]


def factor_of(id: str, mistake: str) -> bool:
    """Whether a mistake gives the right gradients times one positive number."""
    return mistake in read()["exercises"][id]["factors"]


def _effect(run: dict[str, Any], steps: list[int], right: dict[str, Any] | None = None) -> Effect:
    """The runs of one implementation; `right` are those of the right answer, for curves that are the same."""
    curves = {**(right or {}), **run} if run.get("alike") else run
    loss, share = (tuple(curves.get(key, ())) for key in ("loss", "right"))
    reached = tuple(math.inf if step is None else step for step in run["reached"])
    first = tuple(math.nan if loss is None else loss for loss in run["first"])
    return Effect(
        run["ends"], tuple(run["final"]), reached, first, run["step"], tuple(steps[: len(share)]),
        loss, share, run.get("alike", ""), run["calls"], run.get("message", ""),
    )  # fmt: skip


def write(measured: dict[str, Any], path: Path = FILE) -> None:
    """Write the file with one line a run, so that two versions of it can be compared by eye."""
    path.write_text(_lines(measured, 4) + "\n", encoding="utf-8", newline="\n")


def _lines(value: dict[str, Any], levels: int) -> str:
    """JSON that begins a new line for each entry of the outer `levels` of dicts."""
    if not isinstance(value, dict) or not levels:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    entries = (f"{json.dumps(key)}: {_lines(item, levels - 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(entries) + "}"
