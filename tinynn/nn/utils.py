"""Help for training loops, under the name PyTorch gives the place (torch.nn.utils)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, NonFiniteError
from ..gpu.arrays import numbers
from ..ops.op import describe
from ..tensor import Tensor
from .checks import number
from .module import Module


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients together so that their common norm is at most `max_norm`.

    g *= min(1, max_norm / (norm + 1e-6)), where norm = (sum |g_i|^q)^(1/q) runs over every element of
    every gradient. The direction of the step stays. Equals torch.nn.utils.clip_grad_norm_.

    Parameters
    ----------
    parameters : iterable of Tensor, or a Tensor
        Those without a gradient are passed over.
    max_norm : float
    norm_type : float
        q; 2 is the length, ``float("inf")`` the largest element.
    error_if_nonfinite : bool
        Refuse a norm that is NaN or infinite; otherwise the gradients become NaN and stay visible.

    Returns
    -------
    float
        The norm before clipping.

    Notes
    -----
    The gradients get new arrays: backward may let two of them share memory.

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013.
    """
    max_norm = number("clip_grad_norm_", "max_norm", max_norm, hint="max_norm=1.0")
    params = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in params:
        if not isinstance(p, Tensor):
            raise DtypeError(
                "clip_grad_norm_", f"{describe(p)} among the parameters", "Tensors", "model.parameters()"
            )
    norm = _norm([p.grad.data for p in params if p.grad is not None], norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise NonFiniteError(
            "clip_grad_norm_", f"gradients of norm {norm}", "a finite norm", "a smaller learning rate"
        )
    scale_grads_(params, max_norm, norm)
    return norm


def scale_grads_(params: Iterable[Tensor], max_norm: float, norm: float) -> None:
    """Scale gradients of this common norm so that it is at most `max_norm`."""
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1:  # also for NaN
        for p in params:
            if p.grad is not None:
                with np.errstate(invalid="ignore"):  # infinity times 0 is the NaN that was announced
                    p.grad = Tensor(p.grad.data * p.dtype.type(scale))


def _norm(arrays: list[np.ndarray], q: float) -> float:
    """The q-norm of all elements of all arrays together."""
    if not q > 0:
        raise ArgumentError("clip_grad_norm_", f"norm_type={q}", "a number above 0", "norm_type=2.0")
    norms = np.array(numbers(*[np.linalg.norm(a.reshape(-1), ord=q) for a in arrays if a.size]))
    return float(np.linalg.norm(norms, ord=q)) if norms.size else 0.0


def device_of(module: Module) -> str:
    """Where a module computes: the device of its first parameter, "cpu" if it has none."""
    return next((p.device for p in module.parameters()), "cpu")


def beside_parameters(module: Module, x: Any) -> Tensor:
    """A tensor or array as a tensor on the device where the module computes."""
    return (x if isinstance(x, Tensor) else Tensor(x)).to(device_of(module))


def named_generators(module: Module, prefix: str = "") -> Iterator[tuple[str, np.random.Generator]]:
    """(path, generator) of every random generator that a module keeps for itself, as Dropout may."""
    for path, child in module.named_modules(prefix):
        for name, value in vars(child).items():
            if isinstance(value, np.random.Generator):
                yield f"{path}.{name}", value
