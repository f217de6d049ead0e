"""Times measured earlier on a GPU, read from ``benchmarks/gpu/*.json``; without a file nothing is drawn.

A file holds what one command measured on one device on one day::

    {
      "format": "tinynn race 1",
      "device": "its name, as the driver says it",
      "date": "YYYY-MM-DD",
      "command": "what was run",
      "roof": {"flops": operations a second in float32, "bytes": bytes a second},      (may be left out)
      "results": [
        {
          "op": "softmax",
          "inputs": "x (n, 64)",       the shapes, in the words of `tracks.TRACKS`; float32, forward only
          "points": [{"n": 1000, "median": seconds, "low": seconds, "high": seconds, "rounds": 7}, ...]
        }, ...
      ]
    }

The arrays lie on the device; a time ends when the device has finished. Copies to and from it are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import FileError
from .clock import Timing

FORMAT = "tinynn race 1"
FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "gpu"


class Measured(NamedTuple):
    """The times of one op on one device, measured earlier and elsewhere."""

    device: str
    date: str
    timings: tuple[Timing, ...]
    flops: float | None = None
    bytes: float | None = None

    @property
    def name(self) -> str:
        return f"{self.device}, measured {self.date}"


def measured(op: str, shapes: str, folder: Path | None = None) -> list[Measured]:
    """All results for `op` on inputs of these `shapes`, file by file.

    Raises
    ------
    FileError
        For a file in the folder that does not keep to the format.
    """
    return [found for name, inputs, found in everything(folder) if (name, inputs) == (op, shapes)]


def everything(folder: Path | None = None) -> list[tuple[str, str, Measured]]:
    """All results, file by file: the op, the shapes of its inputs, the times. Raises as `measured`."""
    paths = sorted((folder or FOLDER).glob("*.json"))
    return [found for path in paths for found in _read(path)]


def _read(path: Path) -> list[tuple[str, str, Measured]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        return [(r["op"], r["inputs"], _result(content, r)) for r in content["results"]]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        got = f"{path.name}, which cannot be read ({type(problem).__name__}: {problem})"
        raise FileError("race", got, f"a file of format {FORMAT!r}; see tinynn/course/race/gpu.py") from None


def _result(content: dict[str, Any], result: dict[str, Any]) -> Measured:
    roof = content.get("roof", {})
    points = sorted((Timing(**point) for point in result["points"]), key=lambda t: t.n)
    return Measured(content["device"], content["date"], tuple(points), roof.get("flops"), roof.get("bytes"))
