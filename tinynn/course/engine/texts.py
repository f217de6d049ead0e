"""The words of the exercises: TOML files beside the declarations, one folder a language.

``TINYNN_LANG=de`` reads ``exercises/de/03.toml`` first; what it lacks comes from ``exercises/en``.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "exercises"
ENGLISH = "en"


_added: dict[str, Any] = {}


def add_words(path: Path) -> None:
    """Lay the words of a TOML file over the course's own: a teacher's exercises and mistakes."""
    _added.update(_laid_over(_added, tomllib.loads(path.read_text(encoding="utf-8"))))


def words(id: str) -> dict[str, Any]:
    """All words of exercise `id`, in the student's language as far as it has them."""
    chapter = id.split(".")[0]
    english = _laid_over(_file(ENGLISH, chapter).get(id, {}), _added.get(id, {}))
    language = os.environ.get("TINYNN_LANG", ENGLISH)
    return english if language == ENGLISH else _laid_over(english, _file(language, chapter).get(id, {}))


def phrases(name: str) -> dict[str, Any]:
    """The engine's own words, from ``exercises/en/NAME.toml``."""
    language = os.environ.get("TINYNN_LANG", ENGLISH)
    english = _file(ENGLISH, name)
    return english if language == ENGLISH else _laid_over(english, _file(language, name))


@cache
def _file(language: str, name: str) -> dict[str, Any]:
    path = FOLDER / language / f"{name}.toml"
    if not re.fullmatch(r"[A-Za-z_-]+", language) or not path.is_file():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above`, and what it lacks out of `below`; tables are merged, everything else replaced."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = _laid_over(below[key], above[key])
    return both
