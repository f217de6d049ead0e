"""Initial values, written in place. PyTorch's names and formulas (torch.nn.init).

A layer keeps the variance of what passes through it if the variance of its weights is 1 / fan, where
fan_in counts the inputs of one output and fan_out the outputs of one input; the activation's gain
makes up for what it cuts away.

Sources: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks,
2010 (xavier); He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015 (kaiming); Saxe, McClelland
and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2014
(orthogonal).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

from ..errors import ArgumentError, DtypeError
from ..ops.op import describe
from ..random import Seed, as_generator
from ..tensor import Tensor
from .checks import number

T = TypeVar("T", bound=Tensor)

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def _fill(where: str, tensor: T, values: Any) -> T:
    tensor.data[...] = values
    return tensor


def _floating(where: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor) or tensor.dtype.kind != "f":
        raise DtypeError(where, describe(tensor), "a Tensor of a floating dtype", "layer.weight")


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Seed = None) -> T:
    """Evenly from a to b; variance (b - a)^2 / 12."""
    _floating("uniform_", tensor)
    if not a <= b:
        raise ArgumentError("uniform_", f"a={a}, b={b}", "a <= b", f"uniform_(tensor, {b}, {a})")
    return _fill("uniform_", tensor, as_generator(generator).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Seed = None) -> T:
    """From the normal distribution; variance std^2."""
    _floating("normal_", tensor)
    number("normal_", "std", std, hint="std=1.0")
    return _fill("normal_", tensor, as_generator(generator).normal(mean, std, tensor.shape))
