"""Small changes to images that leave their class alone: shift, flip, rotate, noise, cutout.

The functions change images by amounts you give; the classes draw an amount for each image and so
fit into ``Batches(..., transform=Compose(Shift(2), Rotate(10)))``. Images are float32 or float64
(N, C, H, W) and keep dtype and shape; what moves in from outside is 0; the input is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tinynn.data._check import array, whole
from tinynn.errors import ArgumentError, DtypeError, ShapeError
from tinynn.random import Seed, as_generator


def shift(x: Any, down: Any, right: Any) -> np.ndarray:
    """Move each image by whole pixels, `down` and `right` being one int or one for each image (N,)."""
    x = _images("shift", x)
    n, _, height, width = x.shape
    rows = np.clip(_amounts("shift", "down", down, n), -height, height).astype(int)
    columns = np.clip(_amounts("shift", "right", right, n), -width, width).astype(int)
    out = np.zeros_like(x)
    for to, image, dy, dx in zip(out, x, rows, columns, strict=True):
        kept = image[:, max(-dy, 0) : height - max(dy, 0), max(-dx, 0) : width - max(dx, 0)]
        to[:, max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = kept
    return out


def rotate(x: Any, degrees: Any) -> np.ndarray:
    """Turn each image counter-clockwise around its centre, reading between pixels bilinearly.

    An output pixel at (u, v) from the centre, v upwards, reads the input at
    ``(u cos a + v sin a, v cos a - u sin a)``, a mean of the four pixels around that place.

    Parameters
    ----------
    x : float (N, C, H, W)
    degrees : float or (N,)
    """
    x = _images("rotate", x)
    n, _, height, width = x.shape
    angle = np.deg2rad(_amounts("rotate", "degrees", degrees, n))[:, None, None]  # (N, 1, 1)
    u = np.arange(width) - (width - 1) / 2  # (W,)
    v = (height - 1) / 2 - np.arange(height)[:, None]  # (H, 1)
    column = u * np.cos(angle) + v * np.sin(angle) + (width - 1) / 2  # (N, H, W)
    row = (height - 1) / 2 - (v * np.cos(angle) - u * np.sin(angle))
    return _read_between(x, row, column)


def _read_between(x: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Read image n at the places row[n], column[n] (N, H, W); outside the image lies 0."""
    n, channels, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2)))  # a border of zeros to read from
    row, column = np.clip(row, -1, height) + 1, np.clip(column, -1, width) + 1
    top, left = row.astype(int), column.astype(int)
    below, beside = (row - top).astype(x.dtype), (column - left).astype(x.dtype)
    first = (top * (width + 3) + left).reshape(n, 1, height * width)  # (N, 1, HW)
    pixels = padded.reshape(n, channels, (height + 3) * (width + 3))

    def corner(down: int, right: int, weight: np.ndarray) -> np.ndarray:
        values = np.take_along_axis(pixels, first + down * (width + 3) + right, axis=2)
        return values.reshape(x.shape) * weight[:, None]

    upper = corner(0, 0, (1 - below) * (1 - beside)) + corner(0, 1, (1 - below) * beside)
    return upper + corner(1, 0, below * (1 - beside)) + corner(1, 1, below * beside)


class Transform(Protocol):
    """What `Compose` and `Batches` take: images and a seed or generator in, images out."""

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray: ...


class Compose:
    """Apply transforms one after the other, all drawing from one generator.

    Equals ``torchvision.transforms.Compose``, without the list.
    """

    def __init__(self, *transforms: Any) -> None:
        for t in transforms:
            if not callable(t):
                got = f"a {type(t).__name__} among the transforms"
                raise DtypeError("Compose", got, "transforms one by one", "Compose(Shift(2), Flip())")
        self.transforms: tuple[Transform, ...] = transforms

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        rng = as_generator(seed)
        x = _images("Compose", x).copy()
        for transform in self.transforms:
            x = transform(x, rng)
        return x

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"


@dataclass(frozen=True)
class Shift:
    """Move each image by up to `pixels` whole pixels in each direction."""

    pixels: int = 2

    def __post_init__(self) -> None:
        whole("Shift", "pixels", self.pixels, 0, "Shift(2)")

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        x = _images("Shift", x)
        down, right = as_generator(seed).integers(-self.pixels, self.pixels + 1, (2, len(x)))
        return shift(x, down, right)


@dataclass(frozen=True)
class Flip:
    """Mirror each image left to right with probability `p`. A digit is another shape then, a cat is not.

    Equals ``torchvision.transforms.RandomHorizontalFlip``, drawn for each image of the batch.
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ArgumentError("Flip", f"p={self.p}", "a probability from 0 to 1", "Flip(0.5)")

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        x = _images("Flip", x)
        chosen = as_generator(seed).random((len(x), 1, 1, 1)) < self.p
        return np.where(chosen, x[..., ::-1], x)


@dataclass(frozen=True)
class Rotate:
    """Turn each image by up to `degrees` either way, see `rotate`."""

    degrees: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.degrees < np.inf:
            raise ArgumentError("Rotate", f"degrees={self.degrees}", "at least 0", "Rotate(10)")

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        x = _images("Rotate", x)
        return rotate(x, as_generator(seed).uniform(-self.degrees, self.degrees, len(x)))


@dataclass(frozen=True)
class Noise:
    """Add Gaussian noise of standard deviation `std` to every pixel; values may leave 0 to 1."""

    std: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.std < np.inf:
            raise ArgumentError("Noise", f"std={self.std}", "at least 0", "Noise(0.1)")

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        x = _images("Noise", x)
        return x + x.dtype.type(self.std) * as_generator(seed).standard_normal(x.shape, dtype=x.dtype)


@dataclass(frozen=True)
class Cutout:
    """Blank one square of `size` by `size` pixels in each image, centred anywhere in it.

    At the border part of the square lies outside. Source: T. DeVries, G. W. Taylor, Improved
    Regularization of Convolutional Neural Networks with Cutout (2017).
    """

    size: int = 8

    def __post_init__(self) -> None:
        whole("Cutout", "size", self.size, 1, "Cutout(8)")

    def __call__(self, x: Any, seed: Seed = None) -> np.ndarray:
        x = _images("Cutout", x)
        rng = as_generator(seed)
        rows, columns = (self._covered(rng, len(x), length) for length in x.shape[2:])
        hidden = rows[:, None, :, None] & columns[:, None, None, :]  # (N, 1, H, W)
        return np.where(hidden, x.dtype.type(0), x)

    def _covered(self, rng: np.random.Generator, n: int, length: int) -> np.ndarray:
        """Tell for n images which of `length` rows or columns lie within the square."""
        first = rng.integers(length, size=(n, 1)) - self.size // 2
        place = np.arange(length)
        return (first <= place) & (place < first + self.size)  # (n, length)


def _images(where: str, x: Any) -> np.ndarray:
    x = array(where, "x", x)
    if x.ndim != 4:
        hint = {2: "x[None, None] for one image", 3: "x[:, None] for images of one channel"}.get(x.ndim)
        raise ShapeError(where, f"x {x.shape} with {x.ndim} dimensions", "(N, C, H, W)", hint)
    if x.dtype not in (np.float32, np.float64):
        raise DtypeError(where, f"x of {x.dtype}", "float32 or float64", "x.astype(np.float32) / 255")
    return x


def _amounts(where: str, name: str, value: Any, n: int) -> np.ndarray:
    """Return one amount for each of n images."""
    value = np.asarray(value)
    if value.dtype.kind not in ("fiu" if name == "degrees" else "iu"):
        wanted = "numbers" if name == "degrees" else "whole pixels"
        raise DtypeError(where, f"{name} of {value.dtype}", wanted, f"{name}=1")
    if value.shape not in ((), (n,)):
        raise ShapeError(where, f"{name} {value.shape} for {n} images", f"one number or ({n},)", f"{name}=1")
    return np.broadcast_to(value, (n,))
