"""Choosing the next token from a model's logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..gpu.arrays import to_host
from ..nn.checks import number, whole
from ..random import Seed, as_generator


def sample(
    logits: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: Seed = None,
) -> np.ndarray:
    """Draw one class from softmax(logits / temperature) for each row.

    Parameters
    ----------
    logits : array_like, (N, K)
    temperature : float
        Below 1 the likely classes become likelier; 0 always takes the largest logit.
    top_k : int, optional
        Only the k largest logits may be drawn (more where several are equal).
    top_p : float, above 0 to 1, optional
        Only the likeliest classes that together have this probability may be drawn.
    generator : int or np.random.Generator, optional
        One number is drawn from it for each row; none with temperature 0.

    Returns
    -------
    ndarray of int64, (N,)

    Notes
    -----
    Source of top_p: Holtzman, Buys, Du, Forbes and Choi, The curious case of neural text degeneration, 2020.
    """
    x = np.asarray(to_host(logits), np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ShapeError("sample", f"logits {x.shape}", "(N, K), with at least one class", "logits[None]")
    temperature = number("sample", "temperature", temperature, hint="temperature=1.0")
    if temperature == 0:
        return x.argmax(axis=1)
    x = _largest(x / temperature, top_k)
    p = _nucleus(_softmax(x), top_p)
    drawn = as_generator(generator).random((len(x), 1)) * p.sum(axis=1, keepdims=True)
    below = (p.cumsum(axis=1) <= drawn).sum(axis=1)  # the class in whose share the drawn number falls
    return np.minimum(below, p.shape[1] - 1 - (p[:, ::-1] > 0).argmax(axis=1))


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _largest(x: np.ndarray, k: int | None) -> np.ndarray:
    """-inf for all but the k largest numbers of a row."""
    if k is None or whole("sample", "top_k", k) >= x.shape[1]:
        return x
    smallest = np.partition(x, -k, axis=1)[:, -k, None]
    return np.where(x < smallest, -np.inf, x)


def _nucleus(p: np.ndarray, share: float | None) -> np.ndarray:
    """0 for all but the likeliest classes that together have at least this share."""
    if share is None:
        return p
    if not 0 < number("sample", "top_p", share, hint="top_p=0.9") <= 1:
        raise ArgumentError("sample", f"top_p={share}", "a share above 0, up to 1", "top_p=0.9")
    order = np.argsort(-p, axis=1, kind="stable")
    sorted_p = np.take_along_axis(p, order, axis=1)
    before = sorted_p.cumsum(axis=1) - sorted_p  # what the likelier ones have already
    kept = np.empty(p.shape, bool)
    np.put_along_axis(kept, order, before < share, axis=1)
    return p * kept
