"""BPETokenizer: the pairs of bytes that stand side by side most often become one token, again and again."""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tinynn.data._check import whole
from tinynn.data.tokenizers import _text, indices, load_json, nonempty, save_json
from tinynn.errors import FileError

# A word with the blank before it, a number, marks with the blank before them, or blanks. No pair is joined
# across two pieces: that keeps tokens inside words, and lets each different piece be worked on once.
PIECE = re.compile(r" ?[^\W\d_]+| ?\d+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+")
Pair = tuple[int, int]


class BPETokenizer:
    """Byte pair encoding: tokens 0 to 255 are the bytes of UTF-8, each further one joins two earlier ones.

    Every text can be encoded, and `decode` gives exactly the same text back.

    Parameters
    ----------
    merges : list of (int, int)
        What token 256, 257, ... is made of, in the order in which pairs are joined.

    Notes
    -----
    Source: R. Sennrich, B. Haddow, A. Birch, Neural Machine Translation of Rare Words with Subword Units
    (2016); on bytes: A. Radford et al., Language Models are Unsupervised Multitask Learners (2019).
    A surrogate alone, which UTF-8 does not know (it comes from names of files), is kept as its three bytes.
    """

    def __init__(self, merges: list[Pair]) -> None:
        self.merges = [(int(a), int(b)) for a, b in merges]
        self.rank = {pair: i for i, pair in enumerate(self.merges)}
        self.pieces = [bytes([i]) for i in range(256)]
        for a, b in self.merges:
            self.pieces.append(self.pieces[a] + self.pieces[b])
        self._known: dict[str, list[int]] = {}  # pieces of text that were encoded before

    @classmethod
    def train(cls, text: str, size: int = 1024) -> BPETokenizer:
        """Join the most frequent pair until there are `size` tokens, or no pair occurs twice.

        Of pairs that occur equally often the one with the smaller numbers is joined first, so that a text
        gives the same tokens everywhere. A megabyte of Python source and 1024 tokens took 0.5 s.
        """
        hint = "BPETokenizer.train(text, size=1024)"
        size = whole("BPETokenizer.train", "size", size, 256, f"{hint}: the first 256 tokens are the bytes")
        counts = Counter(PIECE.findall(nonempty("BPETokenizer.train", text)))
        words = [list(_bytes(piece)) for piece in counts]
        return cls(_learn(words, list(counts.values()), size - 256))

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of `text`, int64 (T,)."""
        tokens: list[int] = []
        for piece in PIECE.findall(_text("BPETokenizer.encode", "text", text)):
            if piece not in self._known:
                if len(self._known) > 100_000:
                    self._known.clear()
                self._known[piece] = self._encode_piece(list(_bytes(piece)))
            tokens += self._known[piece]
        return np.array(tokens, np.int64)

    def _encode_piece(self, tokens: list[int]) -> list[int]:
        """Join the pair that was learnt first, as long as there is one."""
        while len(tokens) > 1:
            rank, pair = min((self.rank.get(p, len(self.merges)), p) for p in zip(tokens, tokens[1:]))
            if rank == len(self.merges):
                break
            tokens = _join(tokens, pair, 256 + rank)
        return tokens

    def decode(self, tokens: Any) -> str:
        """Return the text; bytes that are no UTF-8, as a network may say them, become U+FFFD."""
        data = b"".join(self.pieces[i] for i in indices("BPETokenizer.decode", tokens, len(self)))
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self.pieces)

    def __repr__(self) -> str:
        return f"BPETokenizer({len(self)} tokens)"

    def save(self, path: str | Path) -> Path:
        """Write a small JSON file, whole or not at all."""
        return save_json(path, "BPETokenizer", {"merges": self.merges})

    @classmethod
    def load(cls, path: str | Path) -> BPETokenizer:
        """Read what `save` wrote."""
        merges = load_json(path, "BPETokenizer", {"merges": list})["merges"]
        try:
            if all(0 <= part < 256 + i for i, (a, b) in enumerate(merges) for part in (a, b)):
                return cls(merges)
        except (TypeError, ValueError):
            pass
        raise FileError("BPETokenizer.load", f"{path} with damaged merges", "pairs of earlier tokens")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _join(tokens: list[int], pair: Pair, new: int) -> list[int]:
    """Put `new` in the place of each `pair`, from the left."""
    joined, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i], tokens[i + 1]) == pair:
            joined.append(new)
            i += 2
        else:
            joined.append(tokens[i])
            i += 1
    return joined


def _learn(words: list[list[int]], counts: list[int], steps: int) -> list[Pair]:
    """Return the pairs to join, in order. `words` are changed.

    How often each pair occurs is kept up to date instead of being counted anew: joining a pair changes
    only the words that hold it. The heap may hold counts of yesterday; such an entry is put right when
    it comes up.
    """
    totals: dict[Pair, int] = defaultdict(int)
    places: dict[Pair, set[int]] = defaultdict(set)
    for i, (word, count) in enumerate(zip(words, counts)):
        for pair in zip(word, word[1:]):
            totals[pair] += count
            places[pair].add(i)
    heap = [(-total, pair) for pair, total in totals.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < steps:
        negative, pair = heapq.heappop(heap)
        if -negative != totals[pair]:
            if totals[pair]:
                heapq.heappush(heap, (-totals[pair], pair))
            continue
        if totals[pair] < 2:
            break
        merges.append(pair)
        changed = _rewrite(words, counts, places.pop(pair), pair, 255 + len(merges), totals, places)
        for other in changed:
            heapq.heappush(heap, (-totals[other], other))
    return merges


def _rewrite(
    words: list[list[int]],
    counts: list[int],
    where: set[int],
    pair: Pair,
    new: int,
    totals: dict[Pair, int],
    places: dict[Pair, set[int]],
) -> set[Pair]:
    """Join `pair` in the words it occurs in, and return the pairs that occur more often than before."""
    grown: set[Pair] = set()
    for i in where:
        before, words[i] = words[i], _join(words[i], pair, new)
        for old in zip(before, before[1:]):
            totals[old] -= counts[i]
        for other in zip(words[i], words[i][1:]):
            totals[other] += counts[i]
            places[other].add(i)
            if new in other:
                grown.add(other)
    return grown
