"""What the project of Part II gives: documents, bits per character, and the longest passage copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...data import python_docs
from ...errors import FileError

Probabilities = Callable[[np.ndarray], np.ndarray]
"""From the tokens before, (T,), to a probability of each next one, (V,)."""


def documents(folder: str = "my_texts") -> list[str]:
    """The texts in a folder of yours, one for each ``.txt`` file; Python's documentation where there is none.

    The folder is looked for beside the notebook.
    """
    path = Path(folder)
    if not path.is_dir():
        texts = python_docs()
        return [texts[name] for name in sorted(texts)]
    files = sorted(path.glob("*.txt"))
    if not files:
        raise FileError(
            "documents", f"{path} without a .txt file", "a file for each document", "my_texts/one.txt"
        )
    return [_read(file) for file in files]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        got = f"{file.name} ({type(problem).__name__})"
        raise FileError("documents", got, "text in UTF-8", "saving the file as UTF-8") from None


def places(held: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """`count` places in `held`, in order: those whose token is asked for."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(np.arange(1, len(held)), min(count, len(held) - 1), replace=False))


def bits(p: Probabilities, held: np.ndarray, count: int = 600, before: int = 256) -> float:
    """Bits per token of `p` at `count` places of `held`, given up to `before` tokens at each."""
    return float(np.mean(each_bits(p, held, places(held, count), before)))


def each_bits(p: Probabilities, held: np.ndarray, at: np.ndarray, before: int = 256) -> np.ndarray:
    """-log2 p of the token at each place, infinite where it was taken for impossible."""
    with np.errstate(divide="ignore"):
        return np.array([-np.log2(p(held[max(0, i - before) : i])[held[i]]) for i in at])


def copied(sample: str, train: str) -> str:
    """The longest passage of `sample` that stands letter for letter in `train`."""
    best, start = "", 0
    for end in range(1, len(sample) + 1):
        while sample[start:end] not in train:  # "" is in every text
            start += 1
        best = max(best, sample[start:end], key=len)
    return best
