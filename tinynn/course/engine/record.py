"""What the course remembers of a student: one small JSON file beside their copies. Nothing sends it anywhere.

TINYNN_RECORD says which file ("off": none). Without it the file is progress.json in the folder of the
student's copies, where there is one: TINYNN_WORK, or the folder that the notebook runs in, if copies were
laid there. Anywhere else nothing is kept: a chapter run from the checkout looks like a first visit.

Two kernels may write at once: every change is made to what the file says at that moment, under a lock that
the operating system takes back from a process that dies.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ... import atomic
from ...errors import FileError
from .filelock import locked
from .texts import phrases

NAME = "progress.json"
VERSION = 1
ATTEMPTS = 30  # kept for each exercise, the latest
PAUSES = (0.02, 0.1, 0.3)  # seconds between attempts to read a file that is being replaced
LARGEST = 4_000_000  # bytes; a record of every exercise, full, is a tenth of it

Data = dict[str, Any]

EMPTY: dict[str, type] = {"attempts": dict, "hints": dict, "solved": dict, "shown": dict, "openings": dict}


def place() -> Path | None:
    """The file to keep the record in; None where nothing is to be kept."""
    given = os.environ.get("TINYNN_RECORD")
    if given:
        return None if given == "off" else Path(given).expanduser().absolute()
    work = os.environ.get("TINYNN_WORK")
    if work:
        return Path(work).expanduser().absolute() / NAME
    return Path(NAME).absolute() if Path(".laid.json").is_file() else None


class Record:
    """Attempts, hints taken, what is solved, the seed; in a file, or in memory where none is kept.

    Parameters
    ----------
    path : Path or None

    Attributes
    ----------
    notes : list of str
        What there is to say about the file; whoever shows them takes them out.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.notes: list[str] = []
        self._data = _fresh()
        self._kept = path is not None

    # -- what is asked of it --------------------------------------------------------------------------

    def attempts(self, id: str) -> list[dict[str, Any]]:
        """``at``, ``verdict``, ``names`` (mistakes recognised) and ``code`` (a digest), the latest last."""
        return self.read()["attempts"].get(id, [])

    def hints(self, id: str) -> int:
        return self.read()["hints"].get(id, 0)

    def solved(self, id: str) -> bool:
        return id in self.read()["solved"]

    def met(self) -> dict[tuple[str, str], int]:
        """How often each named mistake was made: by exercise and name, the latest last."""
        count: dict[tuple[str, str], int] = {}
        for _, id, name in sorted(self._named()):
            count[id, name] = count.pop((id, name), 0) + 1
        return count

    def _named(self) -> Iterator[tuple[str, str, str]]:
        for id, attempts in self.read()["attempts"].items():
            yield from ((a["at"], id, name) for a in attempts for name in a["names"])

    def seed(self) -> int:
        """What this student's variants are drawn from: 0 where nothing is kept, so that all see the same."""
        seed = self.read().get("seed")
        if seed is None:
            drawn = random.SystemRandom().randrange(1, 1_000_000) if self._kept else 0
            self.change(lambda data: data.setdefault("seed", drawn))
            seed = self.read().get("seed", drawn)
        return seed

    # -- what is told to it ---------------------------------------------------------------------------

    def attempt(self, id: str, verdict: str, names: tuple[str, ...] = (), code: str = "") -> None:
        """Remember an attempt; the same one again (a cell run twice) counts once."""
        now = datetime.now().isoformat(timespec="seconds")
        made = {"at": now, "verdict": verdict, "names": list(names), "code": digest(code)}

        def add(data: Data) -> None:
            attempts = data["attempts"].setdefault(id, [])
            if attempts and {**attempts[-1], "at": now} == made:
                attempts.pop()
            attempts.append(made)
            del attempts[:-ATTEMPTS]
            if verdict == "right":
                data["solved"].setdefault(id, now)

        self.change(add)

    def took_hint(self, id: str, count: int) -> None:
        self.change(lambda data: data["hints"].update({id: max(count, data["hints"].get(id, 0))}))

    def saw_solution(self, id: str) -> None:
        now = datetime.now().isoformat(timespec="seconds")
        self.change(lambda data: data["shown"].setdefault(id, now))

    def set_seed(self, seed: int) -> None:
        self.change(lambda data: data.update(seed=seed))

    def opened(self, chapter: str, drawn: list[str]) -> list[str]:
        """The questions that `chapter` opened with the first time; `drawn` if this is the first time."""
        self.change(lambda data: data["openings"].setdefault(chapter, drawn))
        return self.read()["openings"].get(chapter, drawn)

    # -- the file -------------------------------------------------------------------------------------

    def read(self) -> Data:
        """All that is known now, other kernels' changes included."""
        if self._kept:
            with self._safely():
                self._data = self._load()
        return self._data

    def change(self, change: Callable[[Data], Any]) -> None:
        """Apply `change` to what the file says now, and write it."""
        if self._kept:
            with self._safely():
                assert self.path is not None
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with locked(self.path.with_name(f".{self.path.name}.lock")):
                    self._data = self._load()
                    if self._kept:
                        after = _copy(self._data)
                        change(after)
                        atomic.write(self.path, _text(after))
                        self._data = after
                        return
        change(self._data)

    @contextmanager
    def _safely(self) -> Iterator[None]:
        """A file that cannot be read or written is no reason to stop: the rest is remembered in memory."""
        try:
            yield
        except (OSError, FileError) as problem:
            why = getattr(problem, "strerror", None) or str(problem)
            self._in_memory("unwritable", path=self.path, why=why)

    def _in_memory(self, phrase: str, **about: Any) -> None:
        self._kept = False
        self.notes.append(phrases("check")["record"][phrase].format(**about))

    def _load(self) -> Data:
        assert self.path is not None
        try:
            if self.path.stat().st_size > LARGEST:
                return self._set_aside()
            data = json.loads(_read(self.path).decode("utf-8"))
        except FileNotFoundError:
            return _copy(self._data)
        except (ValueError, RecursionError):
            return self._set_aside()
        if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > VERSION:
            self._in_memory("newer", path=self.path)
            return self._data
        return data if _sound(data) else self._set_aside()

    def _set_aside(self) -> Data:
        """Keep a damaged file under another name, and go on from what this kernel knows."""
        assert self.path is not None
        stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.stem}.damaged-{stamp}.json")
        with suppress(FileNotFoundError):  # another kernel did it
            os.replace(self.path, aside)
            self.notes.append(phrases("check")["record"]["damaged"].format(name=aside.name))
        return _copy(self._data)


def _read(path: Path) -> bytes:
    """The bytes of a file; on Windows it cannot be opened while another kernel replaces it."""
    for pause in PAUSES:
        try:
            return path.read_bytes()
        except PermissionError:
            time.sleep(pause)
    return path.read_bytes()


def _fresh() -> Data:
    return {"version": VERSION} | {name: kind() for name, kind in EMPTY.items()}


def _copy(data: Data) -> Data:
    """All of it anew: a change counts when it is written, not before."""
    return json.loads(json.dumps(data))


def _sound(data: Any) -> bool:
    """Whether the parts are there and of the right kind: hand-edited files are not always."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return False
    if not all(isinstance(data.get(name), kind) for name, kind in EMPTY.items()):
        return False
    seed_fits = isinstance(data.get("seed", 0), int) and data.get("seed", 0) >= 0
    hints_fit = all(isinstance(count, int) for count in data["hints"].values())
    attempts_fit = all(isinstance(a, list) and all(map(_is_attempt, a)) for a in data["attempts"].values())
    return seed_fits and hints_fit and attempts_fit and all(map(_are_texts, data["openings"].values()))


def _is_attempt(value: Any) -> bool:
    texts = ("at", "verdict", "code")
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in texts):
        return False
    return _are_texts(value.get("names"))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _text(data: Data) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def digest(code: str) -> str:
    """Enough of a hash to tell two answers apart; the answer itself is not kept."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()[:12] if code else ""


def seed_of(name: str) -> int:
    """The seed of a student who gave a name: the same everywhere."""
    plain = " ".join(name.split()).casefold()
    return 1 + int.from_bytes(hashlib.sha256(plain.encode()).digest()[:4], "big") % 999_999


_records: dict[Path | None, Record] = {}


def record() -> Record:
    """The record of whoever works here."""
    path = place()
    if path not in _records:
        _records[path] = Record(path)
    return _records[path]
