"""Points in the plane whose class is known exactly: spirals, moons, rings, checkerboard.

Each takes `n` points in all, shared by the classes as evenly as possible, the classes taking turns,
and adds Gaussian `noise` (its standard deviation) to the positions only. Without noise the label
is a function of the position, given in each docstring. x is float32 (n, 2), y int64 (n,).
"""

from __future__ import annotations

import numpy as np

from tinynn.data._check import whole
from tinynn.data.dataset import Dataset
from tinynn.errors import ArgumentError
from tinynn.random import Seed, as_generator


def spirals(n: int = 300, noise: float = 0.05, classes: int = 3, seed: Seed = 0) -> Dataset:
    """Return arms that wind once around the origin, one a class.

    Point at radius r in (0, 1] of class k lies at the angle 2*pi*(r + k/classes).
    After A. Karpathy, CS231n (2015), a case study of a minimal network.
    """
    rng, y = _start("spirals", n, noise, classes, seed)
    radius = 1 - rng.random(n)
    angle = 2 * np.pi * (radius + y / classes)
    return _finish(_polar(radius, angle), y, noise, rng)


def moons(n: int = 300, noise: float = 0.1, seed: Seed = 0) -> Dataset:
    """Return two half circles of radius 1 that reach into each other, the points at random places on them.

    Class 0 is the upper half around (-0.5, -0.25), class 1 the lower half around (0.5, 0.25).
    The shape of ``sklearn.datasets.make_moons``, moved by (-0.5, -0.25).
    """
    rng, y = _start("moons", n, noise, 2, seed)
    angle = np.pi * (rng.random(n) + y)
    centre = np.stack([y - 0.5, 0.5 * y - 0.25], axis=1)  # (n, 2)
    return _finish(_polar(1.0, angle) + centre, y, noise, rng)


def rings(n: int = 300, noise: float = 0.05, classes: int = 2, seed: Seed = 0) -> Dataset:
    """Return circles around the origin: class k has the radius (k + 1) / classes."""
    rng, y = _start("rings", n, noise, classes, seed)
    return _finish(_polar((y + 1) / classes, 2 * np.pi * rng.random(n)), y, noise, rng)


def checkerboard(
    n: int = 300, noise: float = 0.0, classes: int = 2, seed: Seed = 0, cells: int = 4
) -> Dataset:
    """Return points on a board of cells by cells squares over [-1, 1] x [-1, 1].

    The square in column i and row j, counted from the lower left, has class (i + j) % classes.
    """
    rng, y = _start("checkerboard", n, noise, classes, seed)
    cells = whole("checkerboard", "cells", cells, 1, "cells=4")
    if 2 * cells - 1 < classes:
        got = f"cells={cells} for {classes} classes"
        raise ArgumentError("checkerboard", got, "a square of each class", f"cells={classes}")
    column, row = np.divmod(np.arange(cells * cells), cells)
    square = np.empty(n, int)
    for k in range(classes):
        square[y == k] = rng.choice(np.flatnonzero((column + row) % classes == k), (y == k).sum())
    corner = np.stack([column[square], row[square]], axis=1)  # (n, 2)
    return _finish(2 * (corner + rng.random((n, 2))) / cells - 1, y, noise, rng)


def _start(
    where: str, n: int, noise: float, classes: int, seed: Seed
) -> tuple[np.random.Generator, np.ndarray]:
    classes = whole(where, "classes", classes, 2, "classes=2")
    n = whole(where, "n", n, 1, f"n={100 * classes}")
    if n < classes:
        wanted = f"at least one point a class, n >= {classes}"
        raise ArgumentError(where, f"n={n}", wanted, f"n={100 * classes}")
    if not 0 <= noise < np.inf:
        raise ArgumentError(where, f"noise={noise}", "a standard deviation of at least 0", "noise=0.1")
    return as_generator(seed), np.arange(n) % classes


def _finish(points: np.ndarray, y: np.ndarray, noise: float, rng: np.random.Generator) -> Dataset:
    x = points + noise * rng.standard_normal(points.shape)  # (n, 2)
    return Dataset(x.astype(np.float32), y.astype(np.int64), tuple(str(k) for k in range(y.max() + 1)))


def _polar(radius: np.ndarray | float, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
