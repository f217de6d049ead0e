"""The file of results: written anew after each item, in one go, and a table beside it.

It keeps to the format that the course draws (`tinynn.course.race.gpu`), with more beside it: `check`,
`compare`, `train`, `ceilings`, `overhead`, `kernel`, `step`, `memory`, `sanitizer`, each a dict from the name
of an item to its answer. An answer's `status` is "ok", "failed" (with `why`), "differs" or "not reached".
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

from tinynn import atomic

from . import tables

FORMAT = "tinynn race 1"
FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu"


class Results:
    """What was found so far.

    Parameters
    ----------
    device, date, command : str
        Of the run.
    folder : Path
        Where ``<device>.json`` and ``<device>.md`` are written.
    """

    def __init__(self, device: str, date: str, command: str, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.stem = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") or "gpu"
        self.content: dict[str, Any] = {
            "format": FORMAT,
            "device": device,
            "date": date,
            "command": command,
            "complete": False,
            "results": [],
        }
        self._lock = threading.Lock()

    @property
    def paths(self) -> tuple[Path, Path]:
        return self.folder / f"{self.stem}.json", self.folder / f"{self.stem}.md"

    def put(self, part: str, name: str, answer: dict[str, Any]) -> None:
        """Keep one answer and write everything that is known by now."""
        with self._lock:
            self.content.setdefault(part, {})[name] = answer
            if part == "ceilings" and answer.get("status") == "ok":
                self.content["roof"] = {"flops": answer["flops"], "bytes": answer["bytes"]}
            if part == "kernel" and answer.get("race"):
                self._add_race(answer.pop("race"))
            self.write()

    def _add_race(self, found: dict[str, Any]) -> None:
        """Points of one op, for the course's picture."""
        same = [
            r for r in self.content["results"] if (r["op"], r["inputs"]) == (found["op"], found["inputs"])
        ]
        if same:
            same[0]["points"] += found["points"]
        else:
            self.content["results"].append(found)

    def finish(self, seconds: float) -> None:
        with self._lock:
            self.content |= {"complete": not self.bad(), "seconds": round(seconds, 1)}
            self.write()

    def write(self) -> None:
        data, page = self.paths
        atomic.write(data, (json.dumps(self.content, indent=1, ensure_ascii=False) + "\n").encode())
        atomic.write(page, tables.page(self.content).encode())

    def bad(self) -> list[str]:
        """What did not run, or ran and was wrong, one line each."""
        said = []
        for part, answers in self.content.items():
            if isinstance(answers, dict) and part != "roof":
                for name, answer in answers.items():
                    if isinstance(answer, dict) and answer.get("status") not in ("ok", "absent", None):
                        why = f": {answer['why']}" if answer.get("why") else ""
                        said.append(f"{part} {name}: {answer['status']}{why}")
        return said
