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

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..gpu.arrays import beside
from ..ops.op import describe
from ..random import Seed, as_generator
from ..tensor import Tensor
from .checks import number

T = TypeVar("T", bound=Tensor)

GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights must be, since the activation after them shrinks what passes.

    sqrt(2) for relu, which drops half; sqrt(2 / (1 + slope^2)) for leaky_relu, whose slope `param` is
    0.01 if not given; 5/3 for tanh; 1 for linear layers and sigmoid. Equals torch.nn.init.calculate_gain.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        number("calculate_gain", "param", abs(slope), hint="param=0.01")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        expected = ", ".join([*GAINS, "leaky_relu"])
        raise ArgumentError(
            "calculate_gain", f"nonlinearity={nonlinearity!r}", expected, "nonlinearity='relu'"
        )
    return GAINS[nonlinearity]


def _floating(where: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor) or tensor.dtype.kind != "f":
        raise DtypeError(where, describe(tensor), "a Tensor of a floating dtype", "layer.weight")


def _fans(where: str, tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in) or (out, in, *kernel)."""
    _floating(where, tensor)
    if tensor.ndim < 2 or tensor.size == 0:
        hint = "init.zeros_(layer.bias), if this is a bias"
        raise ShapeError(
            where, f"a tensor {tensor.shape}", "a weight (out, in) or (out, in, ...), not empty", hint
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _filled(tensor: T, values: np.ndarray) -> T:
    """The tensor with these values in its memory, wherever that is."""
    tensor.data[...] = beside(values.astype(tensor.dtype, copy=False), tensor.data)
    return tensor


# -- one distribution for all elements -------------------------------------------------------------


def constant_(tensor: T, val: float) -> T:
    """Everywhere `val`."""
    _floating("constant_", tensor)
    number("constant_", "val", val, -math.inf, hint="val=0.1")
    tensor.data[...] = val
    return tensor


def zeros_(tensor: T) -> T:
    """Everywhere 0."""
    return constant_(tensor, 0)


def ones_(tensor: T) -> T:
    """Everywhere 1."""
    return constant_(tensor, 1)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Seed = None) -> T:
    """Evenly from a to b; variance (b - a)^2 / 12."""
    _floating("uniform_", tensor)
    if not -math.inf < a <= b < math.inf:
        raise ArgumentError("uniform_", f"a={a}, b={b}", "a <= b, both finite", "a=0.0, b=1.0")
    return _filled(tensor, as_generator(generator).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Seed = None) -> T:
    """From the normal distribution; variance std^2."""
    _floating("normal_", tensor)
    number("normal_", "mean", mean, -math.inf, hint="mean=0.0")
    number("normal_", "std", std, hint="std=1.0")
    return _filled(tensor, as_generator(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Seed = None
) -> T:
    """From the part of a normal distribution between a and b: what falls outside is drawn again."""
    _floating("trunc_normal_", tensor)
    number("trunc_normal_", "std", std, 1e-30, hint="std=1.0")
    below = [0.5 * (1 + math.erf((bound - mean) / (std * math.sqrt(2)))) for bound in (a, b)]
    if not below[1] - below[0] > 1e-3:
        got, hint = f"a={a}, b={b} with mean {mean} and std {std}", f"a={mean - 2 * std}, b={mean + 2 * std}"
        raise ArgumentError("trunc_normal_", got, "an interval that holds more than 1 draw of 1000", hint)
    rng = as_generator(generator)
    values = rng.normal(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = rng.normal(mean, std, int(outside.sum()))
    return _filled(tensor, values)


# -- variance by fan -------------------------------------------------------------------------------


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Uniform with variance gain^2 2 / (fan_in + fan_out): a compromise between forward and backward."""
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Normal with variance gain^2 2 / (fan_in + fan_out)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))), generator)


def _kaiming_std(where: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(where, f"mode={mode!r}", "'fan_in' or 'fan_out'", "mode='fan_in'")
    fan = _fans(where, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Seed = None
) -> T:
    """Uniform with variance gain^2 / fan.

    Parameters
    ----------
    tensor : Tensor, (out, in) or (out, in, ...)
    a : float
        Slope of leaky_relu below 0; 0 is relu.
    mode : {"fan_in", "fan_out"}
        Keep the variance of the forward pass, or of the backward pass.
    nonlinearity : str
        What comes after the layer; see `calculate_gain`.
    generator : int or np.random.Generator, optional
    """
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Seed = None
) -> T:
    """Normal with variance gain^2 / fan; parameters as for `kaiming_uniform_`."""
    return normal_(tensor, 0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: T, gain: float = 1.0, generator: Seed = None) -> T:
    """Rows (or columns, whichever are fewer) of length `gain`, each at right angles to the others.

    The Q of a random matrix's QR decomposition, with the signs of R's diagonal, so that every
    orthogonal matrix is as likely as any other. More than two axes count as (out, the rest).
    """
    _fans("orthogonal_", tensor)
    rows, columns = tensor.shape[0], tensor.size // tensor.shape[0]
    tall = as_generator(generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))
    return _filled(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))
