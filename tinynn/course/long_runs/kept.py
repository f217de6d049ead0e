"""What a long run brought, as it was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...errors import FileError

FOLDER = Path(__file__).parent


class Kept(Mapping[str, Any]):
    """The results of a long run by name; shown, it says which command brought them, when and where.

    Attributes
    ----------
    label : str
        Where they come from: command, date, machine, time taken. It belongs beside whatever is shown of them.
    """

    def __init__(self, chapter: str, saved: Mapping[str, Any]) -> None:
        self.chapter = chapter
        self._results: dict[str, Any] = saved["results"]
        seconds = saved["seconds"]
        took = f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
        self.label = (
            f"Kept from a long run, not computed here: python -m tinynn long {chapter}, {took}, "
            f"{saved['date']}, {saved['machine']}."
        )

    def __getitem__(self, name: str) -> Any:
        return self._results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def _lines(self) -> list[tuple[str, str]]:
        """What fits on a line; curves and longer texts are for pictures."""
        short = [(k, v) for k, v in self.items() if isinstance(v, (int, float, str)) and len(str(v)) < 80]
        return [(k, f"{v:.4g}" if isinstance(v, float) else str(v)) for k, v in short]

    def __repr__(self) -> str:
        return "\n".join([self.label, *(f"  {name}: {value}" for name, value in self._lines())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in self._lines())
        return f"<p><em>{escape(self.label)}</em></p><table>{rows}</table>"


def kept(chapter: str, folder: Path = FOLDER) -> Kept:
    """What the long run of a chapter brought.

    Raises
    ------
    FileError
        If nothing was kept.
    """
    file = folder / f"{chapter}.json"
    try:
        return Kept(chapter, json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FileError(
            "kept", f"no {file.name}", "results of a long run", f"python -m tinynn long {chapter} --save"
        ) from None
