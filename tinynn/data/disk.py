"""The full MNIST and CIFAR-10 from their original files, for who has them in a folder.

Nothing here touches the network. Files are read as plain bytes, never unpickled, and each length is
checked against what the file says of itself before any of it is used.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from tinynn.data.dataset import DIGIT_NAMES, Dataset, images
from tinynn.errors import FileError

CIFAR10_NAMES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
Folder = str | os.PathLike


def load_mnist(folder: Folder, train: bool = True) -> Dataset:
    """Read MNIST's idx files: x float32 (N, 1, H, W) from 0 to 1, y int64 (N,).

    The files are ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or ``t10k-...`` for
    ``train=False``, plain or with .gz, in `folder` or where torchvision puts them, in
    `folder`/MNIST/raw. Fashion-MNIST comes in the same files. Equals ``torchvision.datasets.MNIST``.

    Raises
    ------
    FileError
        For a missing, truncated or foreign file, for a different number of images and labels, and
        for a label above 9.
    """
    part = "train" if train else "t10k"
    image_path = _find("load_mnist", folder, f"{part}-images-idx3-ubyte", "MNIST/raw")
    label_path = _find("load_mnist", folder, f"{part}-labels-idx1-ubyte", "MNIST/raw")
    pixels, y = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(pixels) != len(y):
        got = f"{len(pixels)} images in {image_path.name} and {len(y)} labels in {label_path.name}"
        raise FileError("load_mnist", got, "as many labels as images", "two files of one download")
    _labels("load_mnist", y, label_path)
    return Dataset(images(pixels[:, None], 255), y.astype(np.int64), DIGIT_NAMES)


def load_cifar10(folder: Folder, train: bool = True) -> Dataset:
    """Read CIFAR-10's binary version: x float32 (N, 3, 32, 32) from 0 to 1, y int64 (N,).

    The files are ``data_batch_1.bin`` to ``data_batch_5.bin``, or ``test_batch.bin`` for
    ``train=False``, in `folder` or in `folder`/cifar-10-batches-bin: the archive
    cifar-10-binary.tar.gz, not the pickled one. They carry no header: a file cut short between two
    images cannot be told from a smaller one. Equals ``torchvision.datasets.CIFAR10``.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).

    Raises
    ------
    FileError
        For a missing file, for a length that is no whole number of images, and for a label above 9.
    """
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
    paths = [_find("load_cifar10", folder, name, "cifar-10-batches-bin") for name in names]
    records = np.concatenate([_cifar_records(path) for path in paths])  # (N, 1 + 3072)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32)
    return Dataset(images(pixels, 255), records[:, 0].astype(np.int64), CIFAR10_NAMES)


def read_idx(path: Folder, dimensions: int) -> np.ndarray:
    """Read an idx file of unsigned bytes, plain or .gz, as a uint8 array of `dimensions` dimensions.

    Two zero bytes, the type (8), the number of dimensions, each length as a big-endian uint32,
    then the values, the last index running fastest.
    """
    path = Path(path)
    data = _bytes("read_idx", path)
    header = 4 + 4 * dimensions
    if data[:4] != bytes([0, 0, 8, dimensions]):
        got = f"{path.name} that begins with {data[:4].hex(' ') or 'nothing'}"
        wanted = f"00 00 08 {dimensions:02x}, an idx file of bytes in {dimensions} dimensions"
        raise FileError("read_idx", got, wanted, "the file as it was downloaded")
    shape = struct.unpack(f">{dimensions}I", data[4:header]) if len(data) >= header else None
    if shape is None or len(data) - header != _product(shape):
        wanted = f"{header + _product(shape):,} bytes for {shape}" if shape else f"a header of {header} bytes"
        raise FileError("read_idx", f"{path.name} of {len(data):,} bytes", wanted, "downloading it again")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _cifar_records(path: Path) -> np.ndarray:
    data = _bytes("load_cifar10", path)
    if not data or len(data) % 3073:
        got, wanted = f"{path.name} of {len(data):,} bytes", "a multiple of 3,073 (a label and 3 x 32 x 32)"
        raise FileError("load_cifar10", got, wanted, "downloading it again")
    records = np.frombuffer(data, np.uint8).reshape(-1, 3073)
    _labels("load_cifar10", records[:, 0], path)
    return records


def _labels(where: str, y: np.ndarray, path: Path) -> None:
    if y.size == 0:
        raise FileError(where, f"no examples in {path.name}", "at least one")
    if y.max() > 9:
        worst = int(y.argmax())
        raise FileError(where, f"label {y[worst]} at {worst} in {path.name}", "labels from 0 to 9")


def _find(where: str, folder: Folder, name: str, inside: str) -> Path:
    """Return the first of `name` and `name`.gz that lies in `folder` or in `folder`/`inside`."""
    folder = Path(folder)
    for place in (folder, folder / inside):
        for candidate in (place / name, place / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    got = f"no file {name} in {folder}" if folder.is_dir() else f"no folder {folder}"
    raise FileError(where, got, f"{name} or {name}.gz there or in {inside}", f"putting {name} into {folder}")


def _bytes(where: str, path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as problem:
        got = f"{path.name}: {problem}"
        raise FileError(where, got, "a whole, readable file", "downloading it again") from None


def _product(shape: tuple[int, ...]) -> int:
    """Multiply in Python's integers: a foreign header may name lengths that overflow int64."""
    total = 1
    for length in shape:
        total *= length
    return total
