"""Rebuild the texts in tinynn/data/files: CPython's text, CLDR's words and dates, sunspots.

    python tests/make_data.py --python python3.13      # calls this file

Only this command needs Babel, statsmodels and an interpreter of the version named in PYTHON. Every choice
of what goes in, and on which side of a split, stands in this file and follows from names alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PYTHON = "3.13.0"
BABEL = "2.18.0"
SIDES = ("train", "val", "test")

# ---------------------------------------------------------------- CPython's own text

OUT_FOLDERS = {  # tests, encodings, other people's packages, programs that happen to lie in the library
    "test", "tests", "encodings", "site-packages", "pydoc_data", "ensurepip", "turtledemo", "idlelib",
    "tkinter", "__phello__", "__pycache__",
}  # fmt: skip
OUT_FILES = {  # tables: generated, or long lists of names
    "_compat_pickle.py", "_opcode_metadata.py", "html/entities.py", "keyword.py", "locale.py", "mimetypes.py",
    "opcode.py", "re/_casefix.py", "stringprep.py", "token.py",
    # duplicates in Python of what is written in C, jokes, and a licence of its own
    "__hello__.py", "_pydatetime.py", "_pydecimal.py", "_pyio.py", "antigravity.py", "this.py", "turtle.py",
}  # fmt: skip
SHORTEST = 2000  # characters; below lie stubs and lists of imports


def python_text(python: str) -> dict[str, str]:
    """Return path -> text: {train,val,test}/Lib/....py, topics/....txt and LICENSE.txt."""
    ask = "import platform, sysconfig; print(platform.python_version(), sysconfig.get_path('stdlib'))"
    version, folder = subprocess.run(
        [python, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.split()
    if version != PYTHON:
        raise SystemExit(f"{python} is Python {version}; the snapshot is of {PYTHON}")
    lib = Path(folder)
    files = {f"{side(name, 'python')}/Lib/{name}": text for name, text in sources(lib)}
    topics = {f"topics/{name}.txt": text for name, text in topics_of(lib).items()}
    return {"LICENSE.txt": (lib / "LICENSE.txt").read_text(encoding="utf-8")} | files | topics


def sources(lib: Path) -> Iterator[tuple[str, str]]:
    """The library's modules of a fair length, ASCII only, so that a character is a byte."""
    for path in sorted(lib.rglob("*.py")):
        name = path.relative_to(lib).as_posix()
        if (
            OUT_FOLDERS & set(name.split("/"))
            or name in OUT_FILES
            or "config-" in name
            or "_sysconfigdata" in name
        ):
            continue
        data = path.read_bytes()
        if data.isascii() and len(data) >= SHORTEST:
            yield name, data.decode("ascii").replace("\r\n", "\n")


def topics_of(lib: Path) -> dict[str, str]:
    names: dict[str, dict[str, str]] = {}
    exec((lib / "pydoc_data" / "topics.py").read_text(encoding="utf-8"), names)
    return dict(sorted(names["topics"].items()))


def side(name: str, salt: str, val: float = 0.05, test: float = 0.05) -> str:
    """Return the part that a name belongs to: its hash, as a number from 0 to 1, decides."""
    number = int.from_bytes(hashlib.sha256(f"{salt}:{name}".encode()).digest()[:8], "big") / 2**64
    return "test" if number < test else "val" if number < test + val else "train"


def write_zip(path: Path, texts: dict[str, str]) -> None:
    """One zip, the same bytes every time: fixed dates, names in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(name, (2024, 10, 7, 0, 0, 0))  # the day Python 3.13.0 came out
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, text.encode("utf-8"))


def read_zip(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


# ---------------------------------------------------------------- words out of CLDR

LANGUAGES = "cs da de en es et fi fr hr hu it lt lv nl pl pt ro sv tr".split()
WORD = re.compile(r"[^\W\d_]{3,}")


def cldr_words() -> list[tuple[str, str, str]]:
    """Return rows (word, language, part): Latin words that occur in one language, on one side of the split.

    The parts are dealt by CLDR code (a country, a currency, a month): all names of one thing, in every
    language, lie in the same part, and a word that belongs to things on two sides is left out. They were
    dealt anew when the settings of the recipe that reads them stood, so that no figure had been seen.
    """
    languages, codes = defaultdict(set), defaultdict(set)
    for language in LANGUAGES:
        for code, name in cldr_names(language):
            for word in WORD.findall(unicodedata.normalize("NFC", name)):
                word = word.lower()
                if all("LATIN" in unicodedata.name(letter, "") for letter in word):
                    languages[word].add(language)
                    codes[word, language].add(code)
    rows = []
    for (word, language), of in codes.items():
        parts = {side(code, "cldr, the second deal", val=0.1, test=0.2) for code in of}
        if len(languages[word]) == len(parts) == 1:
            rows.append((word, language, parts.pop()))
    return sorted(rows, key=lambda row: (row[1], row[0]))


def cldr_names(language: str) -> Iterator[tuple[str, str]]:
    """Each (code, name) that CLDR has in a language: places, languages, scripts, money, units, times."""
    from babel import Locale

    locale = Locale.parse(language)
    for kind in ("territories", "languages", "scripts", "currencies", "variants"):
        yield from ((f"{kind}:{code}", name) for code, name in getattr(locale, kind).items())
    for context in ("format", "stand-alone"):
        yield from ((f"month:{key}", name) for key, name in locale.months[context]["wide"].items())
        yield from ((f"day:{key}", name) for key, name in locale.days[context]["wide"].items())
    for unit, forms in locale._data["unit_patterns"].items():  # no public name leads there
        names = forms.get("long", {}).values()
        yield from ((f"unit:{unit}", name) for name in names if isinstance(name, str))
    yield from (
        (f"zone:{zone}", names["city"]) for zone, names in locale.time_zones.items() if "city" in names
    )
    for zone, names in locale.meta_zones.items():
        yield from ((f"meta zone:{zone}", name) for name in (names.get("long") or {}).values())


def cldr_dates() -> dict[str, dict]:
    """Return for each language the names of months and days and the patterns that dates are written by."""
    from babel import Locale

    found = {}
    for language in LANGUAGES:
        locale = Locale.parse(language)
        months, days = locale.months["format"], locale.days["format"]
        found[language] = {
            "patterns": [locale.date_formats[kind].pattern for kind in ("medium", "long", "full")],
            "MMMM": [months["wide"][i] for i in range(1, 13)],
            "MMM": [months["abbreviated"][i] for i in range(1, 13)],
            "EEEE": [days["wide"][i] for i in range(7)],  # Monday first
            "cccc": [locale.days["stand-alone"]["wide"][i] for i in range(7)],
        }
    return found


def check_babel() -> None:
    import babel

    if babel.__version__ != BABEL:
        raise SystemExit(f"Babel is {babel.__version__}; the words are of {BABEL}")


# ---------------------------------------------------------------- sunspots


def sunspots() -> list[tuple[int, float]]:
    """Return rows (year, sunspots): the National Geophysical Data Center's, as statsmodels has them."""
    from importlib.resources import files

    text = (files("statsmodels") / "datasets" / "sunspots" / "sunspots.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    return [(int(float(year)), float(count)) for year, count in rows]


# ---------------------------------------------------------------- all of them


def rows_text(header: tuple[str, ...], rows: list[tuple]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in [header, *rows])


def texts(python: str | None) -> Iterator[tuple[str, object]]:
    """Each file's name and what goes in; what this machine lacks the source of is said and left out."""
    if python:
        yield "python.zip", python_text(python)
    else:
        print(f"python.zip: left as it is. Try: --python with the path of a Python {PYTHON}")
    check_babel()
    yield "words.tsv", rows_text(("word", "language", "part"), cldr_words())
    yield "dates.json", json.dumps(cldr_dates(), ensure_ascii=False, indent=1) + "\n"
    try:
        yield "sunspots.tsv", rows_text(("year", "sunspots"), sunspots())
    except ModuleNotFoundError:
        print("sunspots.tsv: left as it is. Try: pip install statsmodels")


def write(path: Path, content: object) -> None:
    if isinstance(content, dict):
        write_zip(path, content)
    else:
        path.write_text(str(content), encoding="utf-8", newline="\n")


def same(path: Path, content: object) -> bool:
    """Tell whether `path` holds exactly this (the compressed bytes may differ between zlibs)."""
    return (read_zip(path) if path.suffix == ".zip" else path.read_text(encoding="utf-8")) == content
