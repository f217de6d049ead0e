"""Text to whole numbers and back: CharTokenizer, a number for each letter; Vocabulary, one for each word.

`BPETokenizer`, a number for each piece of a word, has a file of its own. All of them are made by
``train``, kept by ``save`` and ``load`` as plain JSON, and read text the same way on every system.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tinynn.atomic import write
from tinynn.data._check import whole
from tinynn.errors import ArgumentError, DtypeError, FileError, RangeError

WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")  # a word with its apostrophe, or one mark


class CharTokenizer:
    """One number for each character: the place of the character in `chars`.

    ``CharTokenizer.train("banana")`` knows "abn", and encodes "nab" as [2, 0, 1].

    Parameters
    ----------
    chars : str
        Each character once. A character that is not among them cannot be encoded, and that is an error.
    """

    def __init__(self, chars: str) -> None:
        chars = _text("CharTokenizer", "chars", chars)
        if len(set(chars)) != len(chars):
            twice = next(c for c, n in Counter(chars).items() if n > 1)
            hint = "CharTokenizer.train(text)"
            raise ArgumentError("CharTokenizer", f"{twice!r} twice", "each character once", hint)
        self.chars = chars
        self.index = {c: i for i, c in enumerate(chars)}

    @classmethod
    def train(cls, text: str) -> CharTokenizer:
        """Know the characters of `text`, in the order of their code points."""
        return cls("".join(sorted(set(nonempty("CharTokenizer.train", text)))))

    def encode(self, text: str) -> np.ndarray:
        """Return the number of each character, int64 (T,)."""
        text = _text("CharTokenizer.encode", "text", text)
        try:
            return np.array([self.index[c] for c in text], np.int64)
        except KeyError as unknown:
            char = unknown.args[0]
            got = f"{char!r} at {text.index(char)}"
            wanted = f"one of the {len(self)} characters it was trained on"
            hint = "CharTokenizer.train on all of the text, or BPETokenizer, which knows every byte"
            raise RangeError("CharTokenizer.encode", got, wanted, hint) from None

    def decode(self, tokens: Any) -> str:
        """Return the text that `encode` was given."""
        return "".join(self.chars[i] for i in indices("CharTokenizer.decode", tokens, len(self)))

    def __len__(self) -> int:
        return len(self.chars)

    def __repr__(self) -> str:
        return f"CharTokenizer({len(self)} characters)"

    def save(self, path: str | Path) -> Path:
        """Write a small JSON file, whole or not at all."""
        return save_json(path, "CharTokenizer", {"chars": self.chars})

    @classmethod
    def load(cls, path: str | Path) -> CharTokenizer:
        """Read what `save` wrote."""
        return cls(load_json(path, "CharTokenizer", {"chars": str})["chars"])


class Vocabulary:
    """One number for each word: 0 fills up short sentences, 1 is any word that is not known.

    Parameters
    ----------
    words : iterable of str
        Each known word once; the first gets the number 2.
    """

    PAD, UNKNOWN = 0, 1

    def __init__(self, words: Iterable[str]) -> None:
        self.words = ["<pad>", "<unknown>", *words]
        self.index = {w: i for i, w in enumerate(self.words)}
        if len(self.index) != len(self.words):
            twice = next(w for w, n in Counter(self.words).items() if n > 1)
            raise ArgumentError(
                "Vocabulary", f"{twice!r} twice", "each word once", "Vocabulary.train(sentences)"
            )

    @classmethod
    def train(
        cls, sentences: Iterable[str | list[str]], min_count: int = 1, size: int | None = None
    ) -> Vocabulary:
        """Know the words of `sentences`, the most frequent first, equal ones in the order of the alphabet.

        Parameters
        ----------
        sentences : iterable of str or of lists of words
            Text is cut by `split_words`.
        min_count : int
            How often a word must occur to be known. Above 1, "unknown" gets examples to learn from.
        size : int, optional
            At most so many entries, padding and unknown included.
        """
        where = "Vocabulary.train"
        if isinstance(sentences, str):
            raise DtypeError(where, "one text", "an iterable of sentences", "Vocabulary.train([text])")
        min_count = whole(where, "min_count", min_count, 1, "min_count=2")
        limit = None if size is None else whole(where, "size", size, 3, "size=1000") - 2
        counts = Counter(w for s in sentences for w in split_words(s))
        known = [w for w, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= min_count]
        if not known:
            got = f"{len(counts)} different words, none of them {min_count} times"
            raise ArgumentError(where, got, "at least one word that is frequent enough", "min_count=1")
        return cls(known[:limit])

    def encode(self, sentence: str | list[str]) -> np.ndarray:
        """Return the number of each word, int64 (T,); 1 where a word is not known."""
        return np.array([self.index.get(w, self.UNKNOWN) for w in split_words(sentence)], np.int64)

    def decode(self, tokens: Any) -> str:
        """Return the words, with a blank between each two; padding says nothing."""
        found = indices("Vocabulary.decode", tokens, len(self))
        return " ".join(self.words[i] for i in found if i != self.PAD)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return self.index.get(word, 0) > self.UNKNOWN

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} entries, <pad> and <unknown> included)"

    def save(self, path: str | Path) -> Path:
        """Write a small JSON file, whole or not at all."""
        return save_json(path, "Vocabulary", {"words": self.words[2:]})

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Read what `save` wrote."""
        return cls(load_json(path, "Vocabulary", {"words": list})["words"])


def split_words(sentence: str | list[str]) -> list[str]:
    """Cut a sentence into words in lower case and marks: "It isn't." is it, isn't and a full stop."""
    if isinstance(sentence, str):
        return WORD.findall(sentence.lower())
    if isinstance(sentence, (list, tuple)) and all(isinstance(w, str) for w in sentence):
        return list(sentence)
    got = f"a sentence of type {type(sentence).__name__}"
    raise DtypeError("Vocabulary", got, "a text or a list of words", "'not a bad film'")


# -- what the tokenizers share -----------------------------------------------------------------------


def _text(where: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        hint = "data.decode('utf-8')" if isinstance(value, bytes) else "'some text'"
        raise DtypeError(where, f"{name} of type {type(value).__name__}", "a str", hint)
    return value


def nonempty(where: str, text: Any) -> str:
    """Return `text`, or refuse what is no text or holds nothing to learn from."""
    if not _text(where, "text", text):
        raise ArgumentError(where, "an empty text", "at least one character", "text='to be or not to be'")
    return text


def indices(where: str, tokens: Any, size: int) -> list[int]:
    """Return `tokens` as ints, or refuse numbers that no entry has."""
    array = np.asarray(tokens)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        got = f"tokens {array.dtype} {array.shape}"
        raise DtypeError(where, got, "whole numbers (T,)", "decode(tokens[0]) for one row")
    wrong = np.flatnonzero((array < 0) | (array >= size))
    if wrong.size:
        got = f"token {array[wrong[0]]} at {wrong[0]}"
        raise RangeError(where, got, f"tokens from 0 to {size - 1}", "the tokenizer that encoded them")
    return array.astype(int).tolist()


def save_json(path: str | Path, kind: str, content: dict[str, Any]) -> Path:
    text = json.dumps({"kind": kind} | content, ensure_ascii=True)
    return write(path, text.encode("ascii"))


def load_json(path: str | Path, kind: str, wanted: dict[str, type]) -> dict[str, Any]:
    """Return the entries of a file that `save_json` wrote, each of the type asked for."""
    where, hint = f"{kind}.load", f"{kind}.train(...).save({str(path)!r})"
    try:
        content = json.loads(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError, RecursionError) as problem:
        got = f"{path} ({getattr(problem, 'strerror', None) or type(problem).__name__})"
        raise FileError(where, got, "a JSON file that save wrote", hint) from None
    fits = isinstance(content, dict) and content.get("kind") == kind
    if not fits or any(not isinstance(content.get(key), type_) for key, type_ in wanted.items()):
        found = content.get("kind") if isinstance(content, dict) else type(content).__name__
        raise FileError(where, f"{path} with {found!r}", f"what a {kind} saved", hint)
    return content
