"""CPython's own text, as of Python 3.13.0: the standard library's source, the documentation's topics.

    train, val, test = python_source()       # dicts of path -> text, different files in each
    tokens = CharTokenizer.train(joined(train)).encode(joined(train))

Both lie in the package, in one file of two megabytes, under the licence of Python.
"""

from __future__ import annotations

import zipfile
from typing import NamedTuple

from tinynn.data.dataset import FILES
from tinynn.errors import ArgumentError, FileError

Texts = dict[str, str]


class Corpus(NamedTuple):
    """Texts in three parts that share no file: to learn from, to choose by, and to report on once."""

    train: Texts
    val: Texts
    test: Texts


def python_source() -> Corpus:
    """Return the standard library's source, 304 files: {"abc.py": "...", ...}.

    5.8 million characters in 267 files to learn from, 350 thousand in 15 to choose by and 645 thousand
    in 22 held out. All is ASCII, so that a character is a byte: line ends and 95 characters. Tests,
    encodings, generated tables, Tk and files of less than 2000 characters are left out. Which part a
    file belongs to follows from its name alone.

    Source: CPython 3.13.0, copyright Python Software Foundation, PSF License Version 2.
    """
    texts = _snapshot()
    parts = (f"{part}/Lib/" for part in Corpus._fields)
    return Corpus(*({k[len(p) :]: t for k, t in texts.items() if k.startswith(p)} for p in parts))


def python_docs() -> Texts:
    """Return the 79 topics that Python's ``help()`` knows: {"while": "...", ...}, 510 thousand characters.

    Source: CPython 3.13.0's ``pydoc_data.topics``, copyright Python Software Foundation, PSF License
    Version 2.
    """
    texts = _snapshot()
    return {k[len("topics/") : -len(".txt")]: t for k, t in texts.items() if k.startswith("topics/")}


def joined(texts: Texts) -> str:
    """Return the texts one after the other, in the order of their names."""
    if not texts:
        raise ArgumentError("joined", "no texts", "at least one", "joined(python_source().train)")
    return "".join(texts[name] for name in sorted(texts))


def _snapshot() -> Texts:
    path = FILES / "python.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as problem:
        got = f"{path.name} ({type(problem).__name__})"
        raise FileError(
            "python_source", got, "the file as it comes with tinynn", "installing again"
        ) from None
