"""What a language model is measured against: gzip, xz, and counts of five characters in a row."""

from __future__ import annotations

import gzip

import numpy as np


def packed_bits(text: str) -> dict[str, float]:
    """Bits per character that gzip and xz, at their best settings, need for `text` alone.

    A Python that was built without xz leaves it out.
    """
    data = text.encode("utf-8")
    sizes = {"gzip": len(gzip.compress(data, 9, mtime=0))}
    try:
        import lzma

        sizes["xz"] = len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    except ImportError:
        pass
    return {name: 8 * size / len(text) for name, size in sizes.items()}


def ngram_bits(train: np.ndarray, test: np.ndarray, vocabulary: int, n: int = 5) -> float:
    """Bits per token of `test` under an n-gram model of `train`, interpolated Kneser-Ney."""
    return float(-np.log2(ngram_probabilities(train, test, vocabulary, n)).mean())


def ngram_probabilities(train: np.ndarray, test: np.ndarray, vocabulary: int, n: int = 5) -> np.ndarray:
    """The probability of each token of `test`, given those before it, by interpolated Kneser-Ney.

    ``P_k(w | h) = max(c(hw) - D, 0) / c(h) + D r(h) / c(h) P_k-1(w | h')``

    where h are the k - 1 tokens before w and h' all of them but the first; P_0 is 1 / V. For k = n the
    counts c are those of the text; below, c(hw) is how many different tokens stand before hw.
    c(h) sums c(hw) over w, r(h) counts the different w, and D is n1 / (n1 + 2 n2) from the numbers of
    entries that occur once and twice.

    Source: R. Kneser, H. Ney, Improved Backing-Off for m-gram Language Modeling (1995); D: H. Ney,
    U. Essen, R. Kneser, On Structuring Probabilistic Dependences in Stochastic Language Modelling (1994).
    """
    p = np.full(len(test), 1 / vocabulary)
    text = np.concatenate([train[-(n - 1) :], test])  # the first tokens have some before them too
    higher = _codes(train, n, vocabulary)
    tables = [np.unique(higher, return_counts=True)]
    for k in range(n - 1, 0, -1):
        tables.append(np.unique(tables[-1][0] % vocabulary**k, return_counts=True))
    for k, (keys, counts) in enumerate(reversed(tables), start=1):
        wanted = _codes(text, k, vocabulary)[n - k :]  # (len(test),), each token with the k - 1 before it
        p = _interpolated(keys, counts, wanted, vocabulary, p)
    return p


def _codes(tokens: np.ndarray, k: int, vocabulary: int) -> np.ndarray:
    """Each k tokens in a row as one number, base V: V**k must stay below 2**63."""
    code = np.zeros(len(tokens) - k + 1, np.int64)
    for i in range(k):
        code = code * vocabulary + tokens[i : len(tokens) - k + 1 + i]
    return code


def _interpolated(
    keys: np.ndarray, counts: np.ndarray, wanted: np.ndarray, vocabulary: int, lower: np.ndarray
) -> np.ndarray:
    n1, n2 = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    discount = n1 / (n1 + 2 * n2) if n1 else 0.5
    before, first = np.unique(keys // vocabulary, return_index=True)
    total = np.add.reduceat(counts, first)  # c(h)
    kinds = np.diff(np.append(first, len(keys)))  # r(h)
    own = _look_up(keys, counts, wanted)
    c, r = _look_up(before, total, wanted // vocabulary), _look_up(before, kinds, wanted // vocabulary)
    share = (np.maximum(own - discount, 0) + discount * r * lower) / np.maximum(c, 1)
    return np.where(c > 0, share, lower)


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key, 0 where there is none; `keys` are sorted."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)
