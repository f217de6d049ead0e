"""Optimiser steps in one pass: each element of p, g and the state is read once and written once.

NumPy's pair goes through memory a dozen times. Measured on two cores, Adam on a million parameters: 190
microseconds in one thread, 92 in two, 9200 by the NumPy pair. Left on the table: one launch for each
parameter. One flat buffer for all would save those of the small ones, and clash with tied weights,
freezing, and groups.
"""

from __future__ import annotations

import math

import numpy as np

from . import update as reference
from .kernel import FLOAT32, kernel, plain, ready, share, split

NONE = np.empty(0, FLOAT32)  # no momentum


def _flat(*arrays: np.ndarray | None) -> list[np.ndarray]:
    return [NONE if a is None else a.ravel() for a in arrays]


def _plain(*state: np.ndarray | None) -> bool:
    return all(a is None or plain(a) for a in state)


@share
def decayed(g, p, decay):
    return g + decay * p if decay else g  # the question leaves the loop when it is compiled


# -- sgd -----------------------------------------------------------------------------------------------


@share
def _sgd_share(lo, hi, p, g, m, lr, momentum, nesterov, decay):
    p, g, m = p[lo:hi], g[lo:hi], m[lo:hi]
    if m.size == 0:
        for i in range(p.size):
            p[i] -= lr * decayed(g[i], p[i], decay)
    elif nesterov:
        for i in range(p.size):
            d = decayed(g[i], p[i], decay)
            m[i] = momentum * m[i] + d
            p[i] -= lr * (d + momentum * m[i])
    else:
        for i in range(p.size):
            m[i] = momentum * m[i] + decayed(g[i], p[i], decay)
            p[i] -= lr * m[i]


@kernel("f4[::1], f4[::1], f4[::1], f4, f4, b1, f4")
def _sgd(team, p, g, m, lr, momentum, nesterov, decay):
    split(_sgd_share, team, p.size, 0.1, (p, g, m, lr, momentum, nesterov, decay))


def sgd_update_forward(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple:
    if not _plain(p, m):
        return reference.sgd_update_forward(
            p, g, m, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )
    _sgd(*_flat(p, ready(g), m), lr, momentum, nesterov, weight_decay)
    return p, None


# -- rmsprop -------------------------------------------------------------------------------------------


@share
def _rmsprop_share(lo, hi, p, g, v, m, lr, alpha, one_less_alpha, eps, momentum, decay):
    p, g, v, m = p[lo:hi], g[lo:hi], v[lo:hi], m[lo:hi]
    for i in range(p.size):
        d = decayed(g[i], p[i], decay)
        v[i] = alpha * v[i] + one_less_alpha * d * d
        step = d / (math.sqrt(v[i]) + eps)
        if m.size:
            m[i] = momentum * m[i] + step
            step = m[i]
        p[i] -= lr * step


@kernel("f4[::1], f4[::1], f4[::1], f4[::1], f4, f4, f4, f4, f4, f4")
def _rmsprop(team, p, g, v, m, lr, alpha, one_less_alpha, eps, momentum, decay):
    split(_rmsprop_share, team, p.size, 0.25, (p, g, v, m, lr, alpha, one_less_alpha, eps, momentum, decay))


def rmsprop_update_forward(
    p: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    m: np.ndarray | None = None,
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> tuple:
    if not _plain(p, v, m):
        return reference.rmsprop_update_forward(
            p, g, v, m, lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay
        )
    _rmsprop(*_flat(p, ready(g), v, m), lr, alpha, 1 - alpha, eps, momentum, weight_decay)
    return p, None


# -- adam and adamw: p = keep p - step m / (sqrt(v) + eps), with the corrections for t in step and eps -


@share
def _adam_share(lo, hi, p, g, m, v, step, beta1, beta2, one_less_beta1, one_less_beta2, eps, decay, keep):
    p, g, m, v = p[lo:hi], g[lo:hi], m[lo:hi], v[lo:hi]
    for i in range(p.size):
        d = decayed(g[i], p[i], decay)
        m[i] = beta1 * m[i] + one_less_beta1 * d
        v[i] = beta2 * v[i] + one_less_beta2 * d * d
        p[i] = keep * p[i] - step * m[i] / (math.sqrt(v[i]) + eps)


@kernel("f4[::1], f4[::1], f4[::1], f4[::1], f4, f4, f4, f4, f4, f4, f4, f4")
def _adam(team, p, g, m, v, step, beta1, beta2, one_less_beta1, one_less_beta2, eps, decay, keep):
    args = (p, g, m, v, step, beta1, beta2, one_less_beta1, one_less_beta2, eps, decay, keep)
    split(_adam_share, team, p.size, 0.3, args)


def _adam_step(p, g, m, v, lr, t, beta1, beta2, eps, decay, keep) -> tuple:  # type: ignore[no-untyped-def]
    """lr m_hat / (sqrt(v_hat) + eps) is step m / (sqrt(v) + eps root), with root = sqrt(1 - beta2^t)."""
    root = math.sqrt(1 - beta2**t)
    step = lr * root / (1 - beta1**t)
    _adam(*_flat(p, ready(g), m, v), step, beta1, beta2, 1 - beta1, 1 - beta2, eps * root, decay, keep)
    return p, None


def adam_update_forward(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    *,
    lr: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple:
    if not _plain(p, m, v):
        return reference.adam_update_forward(
            p, g, m, v, lr=lr, t=t, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay
        )
    return _adam_step(p, g, m, v, lr, t, beta1, beta2, eps, weight_decay, 1.0)


def adamw_update_forward(
    p: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    *,
    lr: float,
    t: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple:
    if not _plain(p, m, v):
        return reference.adamw_update_forward(
            p, g, m, v, lr=lr, t=t, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay
        )
    return _adam_step(p, g, m, v, lr, t, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)
