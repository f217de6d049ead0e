"""One step of an optimiser for one parameter, in place: p, and the state beside it, change.

g is the gradient. There is no backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError
from .op import Out, Spec
from .specs import require_float, require_same_dtype, size


def _update_spec(name: str, *state: str, optional: int = 0, flops: int) -> Callable[..., Spec]:
    """Rule of an update of p by g with arrays of state, the last of which may be optional."""

    def spec(p: Any, g: Any, *arrays: Any, **_: Any) -> Spec:
        if not len(state) - optional <= len(arrays) <= len(state):
            expected = ", ".join(("p", "g", *state)) + (f" ({state[-1]} is optional)" if optional else "")
            raise ShapeError(name, f"{2 + len(arrays)} inputs", expected)
        named = {"p": p, "g": g, **dict(zip(state, arrays, strict=False))}
        require_float(name, require_same_dtype(name, **named), "p")
        for label, a in named.items():
            if a.shape != p.shape:
                raise ShapeError(name, f"p {p.shape} and {label} {a.shape}", "the same shape")
        return Spec(Out(p.shape, p.dtype), flops * size(p.shape))

    return spec


sgd_update_spec = _update_spec("sgd_update", "m", optional=1, flops=6)


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
    """g = g + weight_decay p; m = momentum m + g; p -= lr m, or with nesterov p -= lr (g + momentum m).

    State: m, as many bytes as p; without it p -= lr g. Equals torch.optim.SGD.
    Sources: Polyak, Some methods of speeding up the convergence of iteration methods, 1964 (momentum);
    Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum, 2013 (nesterov).
    """
    if weight_decay:
        g = g + weight_decay * p
    if m is not None:
        m *= momentum
        m += g
        g = g + momentum * m if nesterov else m
    p -= lr * g
    return p, None


rmsprop_update_spec = _update_spec("rmsprop_update", "v", "m", optional=1, flops=9)


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
    """g = g + weight_decay p; v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps).

    With m the step goes through it: m = momentum m + g / (sqrt(v) + eps); p -= lr m.
    State: v and perhaps m, each as many bytes as p. Equals torch.optim.RMSprop.
    Source: Tieleman and Hinton, Lecture 6.5 of Neural networks for machine learning, 2012.
    """
    if weight_decay:
        g = g + weight_decay * p
    v *= alpha
    v += (1 - alpha) * g * g
    step = g / (np.sqrt(v) + eps)
    if m is not None:
        m *= momentum
        m += step
        step = m
    p -= lr * step
    return p, None


adam_update_spec = _update_spec("adam_update", "m", "v", flops=14)


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
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= lr m_hat / (sqrt(v_hat) + eps).

    m_hat = m / (1 - beta1^t) and v_hat = v / (1 - beta2^t) at step t = 1, 2, ...
    Weight decay joins the gradient first, g = g + weight_decay p, and so passes through both averages.
    State: m and v, each as many bytes as p. Equals torch.optim.Adam. Source: Kingma and Ba, Adam, 2015.
    """
    if weight_decay:
        g = g + weight_decay * p
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    p -= lr * m_hat / (np.sqrt(v_hat) + eps)
    return p, None


adamw_update_spec = _update_spec("adamw_update", "m", "v", flops=15)


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
    """p -= lr weight_decay p, then Adam without decay: weight decay acts on p directly.

    State: as Adam's. Equals torch.optim.AdamW.
    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2019.
    """
    p *= 1 - lr * weight_decay
    return adam_update_forward(p, g, m, v, lr=lr, t=t, beta1=beta1, beta2=beta2, eps=eps)


ema_update_spec = _update_spec("ema_update", flops=3)


def ema_update_forward(p: np.ndarray, now: np.ndarray, *, momentum: float) -> tuple:
    """p += momentum (now - p): a running average that forgets, for batch_norm. Equals torch.Tensor.lerp_."""
    p += momentum * (now - p)
    return p, None
