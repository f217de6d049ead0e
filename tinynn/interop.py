"""Out of the nest: a model of tinynn as the same model in PyTorch, with the same weights.

    theirs = to_torch(model)          # a torch.nn.Module in evaluation if `model` is
    theirs(torch.from_numpy(tokens))  # the same logits, up to rounding

PyTorch is no requirement of tinynn: it is imported when `to_torch` is called.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from . import nn
from .errors import ArgumentError, DeviceError
from .gpu.arrays import to_host
from .models import GPT

INSTALL = "python -m pip install torch"

Build = Callable[[Any, Any], Any]
LAYERS: dict[type, Build] = {
    nn.Linear: lambda t, m: t.Linear(m.in_features, m.out_features, m.bias is not None),
    nn.Embedding: lambda t, m: t.Embedding(m.num_embeddings, m.embedding_dim, m.padding_idx),
    nn.LayerNorm: lambda t, m: t.LayerNorm(
        m.normalized_shape, m.eps, m.weight is not None, m.bias is not None
    ),
    nn.RMSNorm: lambda t, m: t.RMSNorm(m.normalized_shape, m.eps, m.weight is not None),
    nn.Dropout: lambda t, m: t.Dropout(m.p),
    nn.Flatten: lambda t, m: t.Flatten(m.start_dim),
    nn.Identity: lambda t, m: t.Identity(),
    nn.ReLU: lambda t, m: t.ReLU(),
    nn.LeakyReLU: lambda t, m: t.LeakyReLU(m.negative_slope),
    nn.Sigmoid: lambda t, m: t.Sigmoid(),
    nn.Tanh: lambda t, m: t.Tanh(),
    nn.GELU: lambda t, m: t.GELU(m.approximate),
    nn.SiLU: lambda t, m: t.SiLU(),
}
"""How PyTorch's layer is built like ours: ``build(torch.nn, ours)``."""


def has_torch() -> bool:
    """Whether PyTorch is installed here."""
    return importlib.util.find_spec("torch") is not None


def to_torch(model: nn.Module) -> Any:
    """The same model in PyTorch, with copies of the weights, in the same mode, on the CPU.

    Parameters
    ----------
    model : GPT, Sequential (an MLP among them), or one of the layers in `LAYERS`

    Returns
    -------
    torch.nn.Module
        Its state dict has the names of `model`'s.

    Raises
    ------
    DeviceError
        Without PyTorch.
    ArgumentError
        For a model with a layer that has no counterpart here.
    """
    if not has_torch():
        raise DeviceError("to_torch", "no PyTorch", "it installed", INSTALL)
    import torch

    theirs = _built(model)
    weights = {name: torch.tensor(to_host(value)) for name, value in model.state_dict().items()}
    theirs.load_state_dict(weights)
    dtypes = {value.dtype for value in weights.values() if value.is_floating_point()}
    return theirs.to(*dtypes if len(dtypes) == 1 else ()).train(model.training)


def _built(model: nn.Module) -> Any:
    """PyTorch's module for ours, with weights of its own."""
    from torch import nn as theirs

    if isinstance(model, GPT):
        from .models.gpt_torch import GPT as InTorch

        return InTorch(model)
    if isinstance(model, nn.Sequential):
        return theirs.Sequential(*map(_built, model))
    if type(model) not in LAYERS:
        known = ", ".join(["GPT", "Sequential", *(layer.__name__ for layer in LAYERS)])
        raise ArgumentError("to_torch", type(model).__name__, f"a model made of {known}")
    return LAYERS[type(model)](theirs, model)
