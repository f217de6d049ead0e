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
) -> float | Tensor:
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
        The norm before clipping; for gradients on a GPU and norm_type 2 a Tensor there, so that nothing
        waits for the GPU unless ``float(norm)`` is asked for.

    Notes
    -----
    The gradients get new arrays: backward may let two of them share memory.

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013.
    """
    from ..gpu import is_on_gpu  # not with the package: importing that is quick

    max_norm = number("clip_grad_norm_", "max_norm", max_norm, hint="max_norm=1.0")
    params = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in params:
        if not isinstance(p, Tensor):
            raise DtypeError(
                "clip_grad_norm_", f"{describe(p)} among the parameters", "Tensors", "model.parameters()"
            )
    clipped = [p for p in params if p.grad is not None]
    grads = [p.grad.data for p in clipped if p.grad is not None]
    if norm_type == 2 and any(g.size and is_on_gpu(g) for g in grads):
        return _clip_on_gpu(clipped, grads, max_norm, error_if_nonfinite)
    norm = _norm(grads, norm_type)
    if error_if_nonfinite:
        _refuse_nonfinite(norm)
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


def _clip_on_gpu(params: list[Tensor], grads: list, max_norm: float, error_if_nonfinite: bool) -> Tensor:
    """The same without asking whether the gradients are too long: the answer would come from the GPU."""
    from ..ops.global_norm_cuda import clipped

    scaled, norm = clipped(grads, max_norm)
    if error_if_nonfinite:
        _refuse_nonfinite(float(norm[0]))
    for p, grad in zip(params, scaled):
        p.grad = Tensor(grad)
    return Tensor(norm.reshape(()))


def _refuse_nonfinite(norm: float) -> None:
    if not math.isfinite(norm):
        got = f"gradients of norm {norm}"
        raise NonFiniteError("clip_grad_norm_", got, "a finite norm", "a smaller learning rate")


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
