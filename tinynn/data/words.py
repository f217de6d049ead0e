"""Words and dates in nineteen languages: which language is this word, and which day is this?

Both come from Unicode's CLDR, which knows how each language writes countries, months and dates, and lie
in the package as plain text, so that every version of Babel sees the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from tinynn.data._check import whole
from tinynn.data.dataset import FILES
from tinynn.errors import ArgumentError
from tinynn.random import Seed, as_generator

NAMES = {
    "cs": "Czech", "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "et": "Estonian",
    "fi": "Finnish", "fr": "French", "hr": "Croatian", "hu": "Hungarian", "it": "Italian", "lt": "Lithuanian",
    "lv": "Latvian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "sv": "Swedish",
    "tr": "Turkish",
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Words:
    """Words and the language of each, as an index into `names`: ``words, y = language_words().train``."""

    words: tuple[str, ...]
    y: np.ndarray
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.words, self.y))

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Words({len(self.words)} words, {len(self.names)} languages)"


class WordSplit(NamedTuple):
    """Three parts that share no word and no thing: to learn from, to choose by, and to report on once."""

    train: Words
    val: Words
    test: Words


def language_words() -> WordSplit:
    """Return 16,086 words in 19 languages, in lower case: which language is this word?

    They are the words in the names of countries, languages, scripts, currencies, units, cities, time zones,
    months and days. Only words of three letters or more that occur in one of the languages are here. The
    parts are dealt by what is named: all names of a country, in every language, lie in the same part. So
    a test word is never the translation of a training word, though it may well be a relative: the country
    in one part, its language in another. The languages are not equally frequent: Lithuanian, which inflects
    every name, has 1711 words, English 315.

    Source: Unicode CLDR, through Babel 2.18.0, Unicode License V3.
    """
    rows = [line.split("\t") for line in _read("words.tsv").splitlines()[1:]]
    codes = sorted({code for _, code, _ in rows})
    names = tuple(NAMES[code] for code in codes)

    def part(name: str) -> Words:
        own = [(word, codes.index(code)) for word, code, of in rows if of == name]
        return Words(tuple(word for word, _ in own), np.array([k for _, k in own], np.int64), names)

    return WordSplit(*map(part, WordSplit._fields))


def dates(n: int = 1000, languages: tuple[str, ...] = tuple(NAMES), seed: Seed = 0) -> list[tuple[str, str]]:
    """Return `n` pairs such as ("3 de mayo de 1987", "1987-05-03"): the language's way and ISO's.

    Days are drawn from 1950 to 2049, the language and one of its three ways (medium, long, full, the last
    with the day of the week) evenly. Some ways name no month: in its medium one German writes 03.05.1987.

    Parameters
    ----------
    languages : tuple of str
        Codes out of `NAMES`.

    Notes
    -----
    Source: Unicode CLDR, through Babel 2.18.0, Unicode License V3. Equals ``babel.dates.format_date``.
    """
    return [(text, iso) for text, iso, _ in aligned_dates(n, languages, seed)]


class AlignedDate(NamedTuple):
    """A date as a language writes it, as ISO does, and the field that each character of the text is from.

    `fields` is as long as `text`: ``"3 de mayo de 1987"`` has ``"d    MMMM    yyyy"``. The letters are those
    of CLDR's patterns, y for the year, M for the month, d for the day, E for the day of the week; what
    stands between them, and the full stop that some languages write behind a number, is a space.
    """

    text: str
    iso: str
    fields: str


def aligned_dates(
    n: int = 1000, languages: tuple[str, ...] = tuple(NAMES), seed: Seed = 0
) -> list[AlignedDate]:
    """The pairs that `dates` returns for the same arguments, with the field of each character."""
    n = whole("dates", "n", n, 1, "n=1000")
    unknown = [code for code in languages if code not in NAMES]
    if unknown or not languages:
        got = f"languages={tuple(languages)}"
        raise ArgumentError("dates", got, "codes of " + ", ".join(NAMES), "languages=('en', 'fr')")
    ways, rng = json.loads(_read("dates.json")), as_generator(seed)
    found = []
    for _ in range(n):
        day = date(1950, 1, 1) + timedelta(days=int(rng.integers(36525)))
        way = ways[languages[rng.integers(len(languages))]]
        pieces = date_pieces(day, way["patterns"][rng.integers(3)], way)
        text, fields = ("".join(part) for part in zip(*((t, len(t) * f) for t, f in pieces), strict=True))
        found.append(AlignedDate(text, day.isoformat(), fields))
    return found


FIELD = re.compile(r"'([^']*)'|(y+|M+|d+|E+|c+)")


def write_date(day: date, pattern: str, names: dict[str, list[str]]) -> str:
    """Write `day` by a pattern of CLDR: "EEEE d. MMMM y" is the weekday, day, month by name, and year."""
    return "".join(text for text, _ in date_pieces(day, pattern, names))


def date_pieces(day: date, pattern: str, names: dict[str, list[str]]) -> list[tuple[str, str]]:
    """What `write_date` writes in pieces, each with its field, "y", "M", "d" or "E", or " " for none."""
    fields = {
        "y": f"{day.year}", "yy": f"{day.year % 100:02}", "d": f"{day.day}", "dd": f"{day.day:02}",
        "M": f"{day.month}", "MM": f"{day.month:02}",
        "MMM": names["MMM"][day.month - 1], "MMMM": names["MMMM"][day.month - 1],
        "EEEE": names["EEEE"][day.weekday()], "cccc": names["cccc"][day.weekday()],
    }  # fmt: skip
    pieces, end = [], 0
    for found in FIELD.finditer(pattern):
        pieces.append((pattern[end : found.start()], " "))
        name = found[2]
        pieces.append((fields[name], name[0].replace("c", "E")) if name else (found[1], " "))
        end = found.end()
    return [piece for piece in (*pieces, (pattern[end:], " ")) if piece[0]]


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")
