"""The table of cases: one line for each way of calling an op that deserves a test.

Every line runs on every backend, in float32 and float64, with odd memory layouts, against central
differences and against PyTorch. A new op adds its lines here; a test fails while it has none.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Maker = Callable[[np.random.Generator, Any], np.ndarray]


class Case(NamedTuple):
    op: str
    number: int
    makers: tuple[Maker, ...]
    params: dict[str, Any]
    smooth: bool  # whether central differences apply

    @property
    def id(self) -> str:
        shapes = ",".join("x".join(map(str, m(_rng(0), float).shape)) or "()" for m in self.makers)
        params = "".join(f",{k}={_short(v)}" for k, v in self.params.items())
        return f"{self.op}-{self.number}[{shapes}{params}]"

    def arrays(self, dtype: Any = np.float64) -> list[np.ndarray]:
        """The inputs: the same numbers at every call, rounded to `dtype` where they are floating."""
        rng = _rng(zlib.crc32(self.op.encode()))
        return [make(rng, dtype) for make in self.makers]


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array{value.tolist()}"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_short, value)) + ")"
    if isinstance(value, slice):
        return ":".join("" if v is None else str(v) for v in (value.start, value.stop, value.step))
    return "..." if value is ... else getattr(value, "__name__", str(value))


_numbers: Counter[str] = Counter()


def case(op: str, *makers: Maker, smooth: bool = True, **params: Any) -> Case:
    _numbers[op] += 1
    return Case(op, _numbers[op], makers, params, smooth)


# -- makers of inputs ------------------------------------------------------------------------------


def normal(*shape: int) -> Maker:
    return lambda rng, dtype: np.asarray(rng.normal(size=shape), dtype)


def scaled(scale: float, *shape: int) -> Maker:
    return lambda rng, dtype: np.asarray(scale * rng.normal(size=shape), dtype)


def positive(*shape: int) -> Maker:
    return lambda rng, dtype: np.asarray(rng.uniform(0.2, 3.0, shape), dtype)


def away(*shape: int) -> Maker:
    """Numbers that keep away from 0, where some ops have a kink."""
    return lambda rng, dtype: np.asarray(rng.choice((-1, 1), shape) * rng.uniform(0.1, 2.0, shape), dtype)


def distinct(*shape: int) -> Maker:
    """Numbers in random order, no two closer than 0.1: no ties."""
    n = int(np.prod(shape))
    return lambda rng, dtype: np.asarray(rng.permutation(n).reshape(shape) * 0.1 - n / 20, dtype)


def share(*shape: int) -> Maker:
    return lambda rng, dtype: np.asarray(rng.uniform(0.0, 1.0, shape), dtype)


def bits(*shape: int) -> Maker:
    return lambda rng, dtype: rng.random(shape) < 0.5


def below(high: int, *shape: int, dtype: Any = np.int64) -> Maker:
    """Integers from 0 to high - 1."""
    return lambda rng, _: rng.integers(0, high, shape).astype(dtype)


def given(values: Any) -> Maker:
    array = np.asarray(values)
    return lambda rng, dtype: array.astype(dtype if array.dtype.kind == "f" else array.dtype)


def sequence(
    gates: int, t: int, n: int, d: int, h: int, *, states: int = 1, bias: bool = True
) -> tuple[Maker, ...]:
    """Inputs of a recurrent op: x (T, N, D), its states, weights, and biases."""
    shapes = [(t, n, d), *[(n, h)] * states, (gates * h, d), (gates * h, h), *[(gates * h,)] * (2 * bias)]
    return tuple(scaled(0.4, *shape) for shape in shapes)


# -- the table -------------------------------------------------------------------------------------

I = np.array

CASES = [
    case("add", normal(3, 4), normal(3, 4)),
    case("add", normal(2, 1, 4), normal(3, 1)),
    case("add", normal(33, 65), normal(65)),
    case("add", normal(), normal(2, 3)),
    case("add", normal(0, 3), normal(3)),
    case("add", normal(1, 1), normal(1)),
    case("sub", normal(3, 4), normal(3, 4)),
    case("sub", normal(4), normal(3, 4)),
    case("sub", normal(3, 1), normal()),
    case("sub", normal(1, 0), normal(2, 1)),
    case("mul", normal(3, 4), normal(3, 4)),
    case("mul", normal(2, 3, 1), normal(4)),
    case("mul", normal(65, 33), normal()),
    case("mul", normal(0), normal(1)),
    case("div", normal(3, 4), away(3, 4)),
    case("div", normal(3, 1), away(1, 4)),
    case("div", normal(), away(5)),
    case("div", normal(0, 2), away(2)),
    case("pow", positive(3, 4), normal(3, 4)),
    case("pow", normal(3, 4), given(2.0), smooth=False),
    case("pow", away(3, 4), given(3.0), smooth=False),
    case("pow", positive(3, 4), given(-0.5)),
    case("pow", positive(2, 1), normal(3)),
    case("pow", given([0.0, 0.0, 2.0]), given([0.0, 2.0, 0.0]), smooth=False),
    case("pow", positive(0, 2), normal(2)),
    case("neg", normal(3, 4)),
    case("neg", normal(0)),
    case("exp", normal(3, 4)),
    case("exp", normal(65, 33)),
    case("exp", normal(0, 3)),
    case("log", positive(3, 4)),
    case("log", positive()),
    case("log", positive(0, 3)),
    case("sqrt", positive(3, 4)),
    case("sqrt", positive(0)),
    case("abs", away(3, 4)),
    case("abs", given([0.0, -1.0]), smooth=False),
    case("abs", away(0, 4)),
    case("clip", away(3, 4), low=0.0),
    case("clip", away(3, 4), high=0.05),
    case("clip", distinct(4, 5), low=-0.55, high=0.55),
    case("clip", away(0), low=0.0, high=1.0),
    case("maximum", distinct(3, 4), given(0.05)),
    case("maximum", normal(3, 4), normal(4)),
    case("maximum", given([1.0, 2.0, 0.0]), given([1.0, 0.0, 2.0]), smooth=False),
    case("maximum", normal(0, 4), normal(4)),
    case("where", bits(3, 4), normal(3, 4), normal(3, 4)),
    case("where", bits(4), normal(3, 1), normal()),
    case("where", bits(3, 1), normal(), normal(2, 1, 4)),
    case("where", bits(0, 4), normal(4), normal(1)),
    case("cast", normal(3, 4), dtype=np.float64),
    case("cast", normal(3, 4), dtype=np.float32, smooth=False),
    case("relu", away(3, 4)),
    case("relu", away(65, 33)),
    case("relu", given([0.0, -0.0, 1.0]), smooth=False),
    case("relu", away(0, 3)),
    case("leaky_relu", away(3, 4)),
    case("leaky_relu", away(3, 4), negative_slope=0.2),
    case("leaky_relu", away(0)),
    case("sigmoid", normal(3, 4)),
    case("sigmoid", given([-80.0, -20.0, 0.0, 20.0, 80.0])),
    case("sigmoid", normal(0, 3)),
    case("tanh", normal(3, 4)),
    case("tanh", given([-40.0, -1e-4, 0.0, 1e-4, 40.0])),
    case("tanh", normal(0, 3)),
    case("gelu", normal(3, 4)),
    case("gelu", normal(3, 4), approximate="tanh"),
    case("gelu", given([-9.0, -3.0, 0.0, 3.0, 9.0])),
    case("gelu", normal(0)),
    case("silu", normal(3, 4)),
    case("silu", given([-80.0, -20.0, 0.0, 20.0, 80.0])),
    case("silu", normal(0)),
    case("softplus", normal(3, 4)),
    case("softplus", given([-80.0, -15.0, 0.0, 15.0, 80.0])),
    case("softplus", normal(0)),
    case("matmul", normal(3, 4), normal(4, 5)),
    case("matmul", normal(4), normal(4)),
    case("matmul", normal(4), normal(4, 5)),
    case("matmul", normal(3, 4), normal(4)),
    case("matmul", normal(2, 3, 4), normal(2, 4, 5)),
    case("matmul", normal(2, 1, 3, 4), normal(5, 4, 2)),
    case("matmul", normal(2, 3, 4), normal(4, 5)),
    case("matmul", normal(4), normal(2, 4, 3)),
    case("matmul", normal(2, 3, 4), normal(4)),
    case("matmul", normal(17, 33), normal(33, 9)),
    case("matmul", normal(0, 4), normal(4, 5)),
    case("matmul", normal(3, 0), normal(0, 2)),
    case("matmul", normal(0, 3, 4), normal(4, 2)),
    case("linear", normal(3, 4), normal(5, 4), normal(5)),
    case("linear", normal(3, 4), normal(5, 4)),
    case("linear", normal(4), normal(5, 4), normal(5)),
    case("linear", normal(2, 3, 4), normal(1, 4), normal(1)),
    case("linear", normal(17, 33), normal(9, 33), normal(9)),
    case("linear", normal(0, 4), normal(5, 4), normal(5)),
    case("linear", normal(0, 2, 4), normal(5, 4)),
    case("linear", normal(3, 0), normal(2, 0), normal(2)),
    case("sum", normal(3, 4)),
    case("sum", normal(2, 3, 4), axis=1),
    case("sum", normal(2, 3, 4), axis=(0, -1), keepdims=True),
    case("sum", normal(129, 65), axis=0),
    case("sum", normal()),
    case("sum", normal(0, 3)),
    case("sum", normal(0, 3), axis=0),
    case("mean", normal(3, 4)),
    case("mean", normal(2, 3, 4), axis=-1, keepdims=True),
    case("mean", normal(2, 3, 4), axis=(0, 2)),
    case("mean", normal(0, 3), axis=1),
    case("max", distinct(3, 4)),
    case("max", distinct(2, 3, 4), axis=1),
    case("max", distinct(2, 3, 4), axis=(0, 2), keepdims=True),
    case("max", given([[1.0, 1.0, 0.0], [2.0, 3.0, 3.0]]), axis=1, smooth=False),
    case("max", distinct(0, 3), axis=1),
    case("var", normal(3, 4)),
    case("var", normal(2, 3, 4), axis=1, correction=0),
    case("var", normal(2, 3, 4), axis=(0, 2), keepdims=True),
    case("var", normal(0, 3), axis=1),
    case("reshape", normal(3, 4), shape=(2, 6)),
    case("reshape", normal(3, 4), shape=(-1,)),
    case("reshape", normal(1), shape=()),
    case("reshape", normal(0, 3), shape=(3, 0)),
    case("permute", normal(2, 3, 4), axes=(2, 0, 1)),
    case("permute", normal(2, 3), axes=(-1, 0)),
    case("permute", normal(0, 3), axes=(1, 0)),
    case("broadcast_to", normal(3, 1), shape=(2, 3, 4)),
    case("broadcast_to", normal(), shape=(2, 2)),
    case("broadcast_to", normal(1), shape=(0,)),
    case("concat", normal(2, 3), normal(1, 3)),
    case("concat", normal(2, 3), normal(2, 1), normal(2, 2), axis=-1),
    case("concat", normal(2, 3), normal(0, 3), axis=0),
    case("stack", normal(2, 3), normal(2, 3)),
    case("stack", normal(2, 3), normal(2, 3), normal(2, 3), axis=-1),
    case("stack", normal(0, 3), axis=1),
    case("index", normal(3, 4), index=1),
    case("index", normal(3, 4), index=(slice(None), -1)),
    case("index", normal(5, 4), index=slice(0, 5, 2)),
    case("index", normal(3, 4), index=(..., None, 2)),
    case("index", normal(5, 3), index=I([0, 2, 2, -1])),
    case("index", normal(5, 3), index=(I([[0], [4]]), I([1, 1, 2]))),
    case("index", normal(5, 3), index=(slice(1, 4), I([2, 0, 2]))),
    case("index", normal(3), index=I([True, False, True])),
    case("index", normal(3, 4), index=(2, 3)),
    case("index", normal(3, 4), index=slice(1, 1)),
    case("index", normal(0, 4), index=(slice(None), I([1, 1]))),
    case("pad", normal(2, 3), widths=((1, 0), (0, 2))),
    case("pad", normal(2, 3), widths=((1, 1), (2, 2)), value=7.5),
    case("pad", normal(0, 2), widths=((1, 0), (0, 0))),
    case("softmax", normal(3, 4)),
    case("softmax", normal(2, 3, 4), axis=1),
    case("softmax", normal(7), axis=0),
    case("softmax", normal(65, 33)),
    case("softmax", given([[1000.0, 0.0, -1000.0], [5.0, 5.0, 5.0]]), smooth=False),
    case("softmax", normal(3, 1)),
    case("softmax", normal(0, 3)),
    case("log_softmax", normal(3, 4)),
    case("log_softmax", normal(2, 3, 4), axis=1),
    case("log_softmax", normal(65, 33)),
    case("log_softmax", given([[1000.0, 0.0, -1000.0]]), smooth=False),
    case("log_softmax", normal(0, 3)),
    case("nll_loss", normal(4, 3), below(3, 4)),
    case("nll_loss", normal(4, 3), below(3, 4), reduction="sum"),
    case("nll_loss", normal(4, 3), given([1, 0, 1, 2]), reduction="none", ignore_index=1),
    case("nll_loss", normal(2, 3, 5), below(3, 2, 5)),
    case("nll_loss", normal(3), below(3)),
    case("cross_entropy", normal(4, 3), below(3, 4)),
    case("cross_entropy", normal(4, 3), below(3, 4, dtype=np.int32), reduction="sum"),
    case("cross_entropy", normal(4, 3), below(3, 4, dtype=np.uint8), reduction="none"),
    case("cross_entropy", normal(4, 3), given([1, -100, 1, 2])),
    case("cross_entropy", normal(4, 3), given([1, 0, 1, 2]), ignore_index=1, reduction="none"),
    case("cross_entropy", normal(4, 3), below(3, 4), label_smoothing=0.1),
    case("cross_entropy", normal(4, 3), given([1, 0, 1, 2]), label_smoothing=0.3, ignore_index=0),
    case("cross_entropy", normal(4, 3), below(3, 4), label_smoothing=0.2, reduction="none"),
    case("cross_entropy", normal(2, 3, 5), below(3, 2, 5)),
    case("cross_entropy", normal(2, 3, 2, 2), below(3, 2, 2, 2), label_smoothing=0.1, reduction="sum"),
    case("cross_entropy", normal(3), below(3)),
    case("cross_entropy", normal(129, 10), below(10, 129)),
    case("cross_entropy", given([[90.0, -90.0], [0.0, 0.0]]), given([1, 0])),
    case("binary_cross_entropy_with_logits", normal(3, 4), share(3, 4)),
    case("binary_cross_entropy_with_logits", normal(4), given([0.0, 1.0, 1.0, 0.0]), reduction="sum"),
    case("binary_cross_entropy_with_logits", given([-60.0, 60.0]), given([1.0, 1.0]), reduction="none"),
    case("binary_cross_entropy_with_logits", normal(0), share(0), reduction="sum"),
    case("mse_loss", normal(3, 4), normal(3, 4)),
    case("mse_loss", normal(4), normal(4), reduction="sum"),
    case("mse_loss", normal(3, 4), normal(3, 4), reduction="none"),
    case("mse_loss", normal(0, 2), normal(0, 2), reduction="none"),
    case("l1_loss", distinct(3, 4), given(np.zeros((3, 4)) + 0.05)),
    case("l1_loss", normal(4), normal(4), reduction="sum"),
    case("l1_loss", given([1.0, 2.0]), given([1.0, 0.0]), reduction="none", smooth=False),
    case("l1_loss", normal(0), normal(0), reduction="sum"),
    case("huber_loss", normal(3, 4), normal(3, 4)),
    case("huber_loss", normal(3, 4), normal(3, 4), delta=0.3, reduction="sum"),
    case("huber_loss", given([3.0, 0.1]), given([0.0, 0.0]), reduction="none"),
    case("huber_loss", normal(0), normal(0), reduction="sum"),
    case("layer_norm", normal(3, 4), normal(4), normal(4)),
    case("layer_norm", normal(3, 4), normal(4)),
    case("layer_norm", normal(3, 4), shape=(4,)),
    case("layer_norm", normal(2, 3, 4), normal(3, 4), normal(3, 4), shape=(3, 4), eps=0.01),
    case("layer_norm", normal(33, 65), normal(65), normal(65)),
    case("layer_norm", normal(0, 4), normal(4), normal(4)),
    case("rms_norm", normal(3, 4), normal(4)),
    case("rms_norm", normal(3, 4), shape=(4,), eps=0.1),
    case("rms_norm", normal(2, 3, 4), normal(3, 4), shape=(3, 4)),
    case("rms_norm", normal(0, 4), normal(4)),
    case("batch_norm", normal(5, 3), normal(3), normal(3)),
    case("batch_norm", normal(5, 3), normal(3)),
    case("batch_norm", normal(5, 3), eps=0.1),
    case("batch_norm", normal(4, 3, 5), normal(3), normal(3)),
    case("batch_norm", normal(2, 3, 4, 5), normal(3), normal(3)),
    case("conv2d", normal(2, 3, 5, 6), normal(4, 3, 3, 3), normal(4)),
    case("conv2d", normal(2, 1, 4, 4), normal(2, 1, 2, 2)),
    case("conv2d", normal(2, 2, 5, 5), normal(3, 2, 3, 2), normal(3), stride=2, padding=1),
    case("conv2d", normal(1, 2, 7, 5), normal(2, 2, 2, 3), stride=(3, 1), padding=(0, 2), dilation=(2, 1)),
    case("conv2d", normal(2, 2, 4, 5), normal(2, 2, 2, 4), normal(2), padding="same"),
    case("conv2d", normal(1, 2, 6, 4), normal(1, 2, 3, 3), padding="same", dilation=(1, 2)),
    case("conv2d", normal(2, 4, 4, 3), normal(6, 2, 2, 2), normal(6), groups=2, padding="valid"),
    case("conv2d", normal(2, 3, 4, 4), normal(6, 1, 3, 3), normal(6), groups=3, padding=1, stride=2),
    case("conv2d", normal(2, 3, 3, 2), normal(4, 3, 1, 1), normal(4)),
    case("conv2d", normal(1, 1, 3, 3), normal(1, 1, 3, 3), normal(1), padding=3),
    case("conv2d", normal(2, 3, 1, 1), normal(2, 3, 1, 1), stride=2),
    case("conv2d", normal(0, 2, 4, 4), normal(3, 2, 3, 3), normal(3)),
    case("conv1d", normal(2, 3, 7), normal(4, 3, 3), normal(4)),
    case("conv1d", normal(2, 2, 8), normal(2, 2, 3), stride=2, padding=2, dilation=2),
    case("conv1d", normal(2, 4, 5), normal(4, 1, 2), normal(4), groups=4, padding="same"),
    case("conv1d", normal(0, 1, 5), normal(1, 1, 3)),
    case("conv_transpose2d", normal(2, 3, 3, 4), normal(3, 2, 3, 3), normal(2)),
    case("conv_transpose2d", normal(2, 2, 3, 3), normal(2, 3, 2, 2), stride=2),
    case(
        "conv_transpose2d",
        normal(1, 4, 3, 2),
        normal(4, 1, 3, 3),
        normal(2),
        stride=2,
        padding=1,
        output_padding=1,
        groups=2,
    ),
    case(
        "conv_transpose2d",
        normal(2, 2, 2, 3),
        normal(2, 2, 2, 3),
        normal(2),
        stride=(1, 3),
        padding=(1, 0),
        output_padding=(0, 2),
        dilation=(2, 1),
    ),
    case("conv_transpose2d", normal(0, 2, 3, 3), normal(2, 3, 2, 2), normal(3)),
    case("max_pool2d", distinct(2, 3, 4, 6), kernel_size=2),
    case("max_pool2d", distinct(2, 2, 5, 7), kernel_size=2),
    case("max_pool2d", distinct(1, 2, 6, 5), kernel_size=3, stride=2, padding=1),
    case("max_pool2d", distinct(2, 1, 7, 7), kernel_size=(3, 2), stride=(1, 3), dilation=2),
    case("max_pool2d", distinct(2, 2, 5, 6), kernel_size=2, stride=2, ceil_mode=True),
    case("max_pool2d", distinct(1, 2, 6, 6), kernel_size=3, stride=3, padding=1, ceil_mode=True),
    case("max_pool2d", given([[[[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]), kernel_size=2, smooth=False),
    case("max_pool2d", distinct(0, 2, 4, 4), kernel_size=2),
    case("avg_pool2d", normal(2, 3, 4, 6), kernel_size=2),
    case("avg_pool2d", normal(2, 2, 5, 7), kernel_size=(2, 3), stride=2, padding=1),
    case("avg_pool2d", normal(2, 2, 5, 6), kernel_size=3, stride=2, padding=1, count_include_pad=False),
    case("avg_pool2d", normal(1, 2, 6, 7), kernel_size=2, stride=3, ceil_mode=True),
    case("avg_pool2d", normal(1, 2, 6, 6), kernel_size=3, stride=3, padding=1, ceil_mode=True),
    case("avg_pool2d", normal(0, 2, 4, 4), kernel_size=2),
    case("adaptive_avg_pool2d", normal(2, 3, 4, 5), output_size=1),
    case("adaptive_avg_pool2d", normal(2, 2, 5, 7), output_size=(2, 3)),
    case("adaptive_avg_pool2d", normal(1, 1, 2, 3), output_size=4),
    case("adaptive_avg_pool2d", normal(0, 2, 3, 3), output_size=2),
    case("embedding", below(5, 4), normal(5, 3)),
    case("embedding", given([[0, 0, 4], [0, 1, 4]]), normal(5, 3)),
    case("embedding", below(5, 7, dtype=np.int32), normal(5, 1)),
    case("embedding", below(5, 0), normal(5, 3)),
    case("embedding", given([[0, 1, 4], [1, 1, 2]]), normal(5, 3), padding_idx=1, smooth=False),
    case("embedding", below(5, 7), normal(5, 2), padding_idx=-1, smooth=False),
    case("dropout", normal(3, 4), p=0.5, seed=1),
    case("dropout", normal(65, 33), p=0.1, seed=2**62),
    case("dropout", normal(3, 4), p=0.0, seed=3),
    case("dropout", normal(0, 4), p=0.5, seed=4),
    case("sgd_update", normal(3, 4), normal(3, 4), lr=0.1),
    case("sgd_update", normal(3, 4), normal(3, 4), normal(3, 4), lr=0.1, momentum=0.9, weight_decay=0.01),
    case("sgd_update", normal(5), normal(5), normal(5), lr=0.1, momentum=0.9, nesterov=True),
    case("sgd_update", normal(0), normal(0), lr=0.1),
    case("rmsprop_update", normal(3, 4), normal(3, 4), positive(3, 4), lr=0.1),
    case("rmsprop_update", normal(7), normal(7), positive(7), normal(7), lr=0.1, alpha=0.9, momentum=0.5),
    case("rmsprop_update", normal(7), normal(7), positive(7), lr=0.1, eps=0.1, weight_decay=0.1),
    case("adam_update", normal(3, 4), normal(3, 4), normal(3, 4), positive(3, 4), lr=0.1, t=1),
    case("adam_update", normal(65), normal(65), normal(65), positive(65), lr=0.1, t=7, weight_decay=0.1),
    case("adam_update", normal(), normal(), normal(), positive(), lr=0.1, t=3, beta1=0.5, beta2=0.9),
    case("adamw_update", normal(3, 4), normal(3, 4), normal(3, 4), positive(3, 4), lr=0.1, t=1),
    case("adamw_update", normal(65), normal(65), normal(65), positive(65), lr=0.1, t=9, weight_decay=0.3),
    case("ema_update", normal(5), normal(5), momentum=0.1),
    case("ema_update", normal(0), normal(0), momentum=0.1),
    case("adamw_update", normal(0), normal(0), normal(0), positive(0), lr=0.1, t=2),
]

CASES += [
    case("rnn", *sequence(1, 5, 3, 4, 6)),
    case("rnn", *sequence(1, 5, 3, 4, 6, bias=False), reverse=True),
    case("rnn", *sequence(1, 6, 3, 2, 5), lengths=I([6, 1, 4])),
    case("rnn", *sequence(1, 6, 3, 2, 5), lengths=I([2, 6, 4]), reverse=True),
    case("rnn", *sequence(1, 4, 2, 3, 5), nonlinearity="relu"),
    case("rnn", *sequence(1, 1, 1, 1, 1)),
    case("rnn", *sequence(1, 3, 0, 4, 2)),
    case("gru", *sequence(3, 5, 3, 4, 6)),
    case("gru", *sequence(3, 5, 3, 4, 6, bias=False), reverse=True),
    case("gru", *sequence(3, 6, 3, 2, 5), lengths=I([6, 1, 4])),
    case("gru", *sequence(3, 6, 3, 2, 5), lengths=I([2, 6, 4]), reverse=True),
    case("gru", *sequence(3, 1, 1, 1, 1)),
    case("gru", *sequence(3, 3, 0, 4, 2)),
    case("lstm", *sequence(4, 5, 3, 4, 6, states=2)),
    case("lstm", *sequence(4, 5, 3, 4, 6, states=2, bias=False), reverse=True),
    case("lstm", *sequence(4, 6, 3, 2, 5, states=2), lengths=I([6, 1, 4])),
    case("lstm", *sequence(4, 6, 3, 2, 5, states=2), lengths=I([2, 6, 4]), reverse=True),
    case("lstm", *sequence(4, 1, 1, 1, 1, states=2)),
    case("lstm", *sequence(4, 3, 0, 4, 2, states=2)),
]

ATTENTION = "scaled_dot_product_attention"
CASES += [
    case(ATTENTION, normal(2, 3, 5, 4), normal(2, 3, 5, 4), normal(2, 3, 5, 4)),
    case(ATTENTION, normal(2, 2, 5, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3), is_causal=True),
    case(ATTENTION, normal(1, 2, 1, 3), normal(1, 2, 7, 3), normal(1, 2, 7, 5), scale=0.7),
    case(ATTENTION, normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 4), is_causal=True),
    case(ATTENTION, normal(6, 3), normal(2, 3), normal(2, 1), is_causal=True),
    case(ATTENTION, *[normal(2, 3, 3, 2)] * 3, bits(3, 3), smooth=True),
    case(ATTENTION, *[normal(2, 1, 3, 2)] * 3, given([[[[True, False, False]]], [[[False] * 3]]])),
    case(ATTENTION, *[normal(1, 2, 3, 2)] * 3, normal(2, 1, 3)),
    case(ATTENTION, *[normal(1, 2, 3, 2)] * 3, normal(3, 1), scale=-0.5),
    case(ATTENTION, normal(1, 4, 3, 2), *[normal(1, 2, 4, 2)] * 2, enable_gqa=True),
    case(ATTENTION, normal(1, 4, 3, 2), *[normal(1, 1, 4, 2)] * 2, bits(1, 4, 3, 1), enable_gqa=True),
    case(ATTENTION, *[normal(2, 2, 4, 3)] * 3, dropout_p=0.4, seed=9),
    case(ATTENTION, *[normal(0, 2, 3, 4)] * 3),
    case(ATTENTION, normal(1, 2, 0, 4), *[normal(1, 2, 3, 4)] * 2),
    case("rotary", normal(2, 3, 5, 4)),
    case("rotary", normal(3, 6), offset=7, base=100.0),
    case("rotary", normal(0, 3, 2)),
    case("group_norm", normal(2, 6, 3), normal(6), normal(6), groups=2),
    case("group_norm", normal(2, 4, 3, 2), normal(4), groups=4),
    case("group_norm", normal(3, 4), groups=1, eps=0.1),
    case("group_norm", normal(0, 4, 2), normal(4), normal(4), groups=2),
    case("split", normal(3, 6), sizes=(1, 2, 3)),
    case("split", normal(4, 3, 2), sizes=(1, 0, 3), axis=0),
    case("split", normal(0, 3), sizes=(1, 1, 1), axis=-1),
]

UPDATES = [c for c in CASES if c.op.endswith("_update")]
PURE = [c for c in CASES if not c.op.endswith("_update")]

# -- large inputs: compiled loops are shared among threads, and results come from memory used before ---

BIG = [
    case("relu", normal(129, 257)),
    case("leaky_relu", normal(129, 257)),
    case("sigmoid", normal(129, 257)),
    case("tanh", normal(129, 257)),
    case("gelu", normal(129, 257)),
    case("gelu", normal(129, 257), approximate="tanh"),
    case("silu", normal(129, 257)),
    case("softplus", normal(129, 257)),
    case("add", normal(129, 257), normal(257)),
    case("mul", normal(129, 1), normal(129, 257)),
    case("exp", normal(129, 257)),
    case("softmax", normal(257, 129)),
    case("softmax", normal(3, 8191)),
    case("softmax", normal(129, 257), axis=0),
    case("softmax", normal(9, 33, 129), axis=1),
    case("log_softmax", normal(257, 129)),
    case("log_softmax", normal(3, 8191)),
    case("cross_entropy", normal(257, 129), below(129, 257)),
    case("cross_entropy", normal(2, 9001), below(9001, 2), label_smoothing=0.1),
    case("cross_entropy", normal(257, 129), below(129, 257), ignore_index=7, reduction="none"),
    case("cross_entropy", normal(9, 65, 33), below(65, 9, 33), reduction="sum"),
    case("linear", normal(257, 65), normal(129, 65), normal(129)),
    case("linear", normal(3, 1025), normal(513, 1025)),
    case("linear", normal(9, 33, 65), normal(129, 65), normal(129)),
    case("linear", normal(1025, 3), normal(2, 3), normal(2)),
    case("matmul", normal(257, 65), normal(65, 129)),
    case("matmul", normal(5, 129, 65), normal(5, 65, 33)),
    case("matmul", normal(5, 129, 65), normal(65, 33)),
    case("matmul", normal(2, 1, 65, 33), normal(3, 33, 65)),
    case("matmul", normal(1025), normal(1025, 33)),
    case("layer_norm", normal(257, 129), normal(129), normal(129)),
    case("layer_norm", normal(2, 16385), normal(16385), normal(16385)),
    case("layer_norm", normal(9, 33, 65), shape=(33, 65)),
    case("rms_norm", normal(257, 129), normal(129)),
    case("batch_norm", normal(257, 129), normal(129), normal(129)),
    case("batch_norm", normal(33, 3, 17, 17), normal(3), normal(3)),
    case("batch_norm", normal(65, 7, 65), normal(7)),
    case("conv2d", normal(5, 3, 33, 31), normal(17, 3, 3, 3), normal(17)),
    case("conv2d", normal(3, 33, 17, 15), normal(9, 33, 3, 3), normal(9), padding=1, stride=2),
    case("conv2d", normal(2, 8, 33, 31), normal(8, 1, 3, 3), normal(8), padding="same", groups=8),
    case("conv1d", normal(3, 17, 301), normal(9, 17, 5), normal(9), padding="same"),
    case("conv_transpose2d", normal(3, 17, 15, 13), normal(17, 9, 4, 4), normal(9), stride=2, padding=1),
    case("max_pool2d", distinct(5, 17, 21, 19), kernel_size=2),
    case("max_pool2d", distinct(3, 9, 31, 33), kernel_size=3, stride=2, padding=1),
    case("avg_pool2d", normal(5, 17, 21, 19), kernel_size=3, stride=2, padding=1),
    case("adaptive_avg_pool2d", normal(5, 65, 13, 11), output_size=1),
    case("embedding", below(97, 513), normal(97, 65)),
    case("embedding", below(3, 9, 65), normal(3, 129)),
    case("dropout", normal(129, 257), p=0.3, seed=5),
    case("rnn", *sequence(1, 9, 17, 33, 65)),
    case("rnn", *sequence(1, 5, 3, 4, 33), nonlinearity="relu", lengths=I([5, 2, 4])),
    case("gru", *sequence(3, 9, 17, 33, 65)),
    case("gru", *sequence(3, 7, 3, 4, 130), lengths=I([5, 7, 4]), reverse=True),
    case("lstm", *sequence(4, 9, 17, 33, 65, states=2)),
    case("lstm", *sequence(4, 7, 3, 4, 130, states=2), lengths=I([5, 7, 4]), reverse=True),
    case("lstm", *sequence(4, 4, 40, 3, 130, states=2)),
    case("sgd_update", normal(129, 257), normal(129, 257), lr=0.1, weight_decay=0.1),
    case("sgd_update", *[normal(129, 257)] * 3, lr=0.1, momentum=0.9, nesterov=True),
    case("rmsprop_update", normal(129, 257), normal(129, 257), positive(129, 257), normal(129, 257), lr=0.1),
    case("adam_update", *[normal(129, 257)] * 3, positive(129, 257), lr=0.1, t=3),
    case("adamw_update", *[normal(129, 257)] * 3, positive(129, 257), lr=0.1, t=3),
    case(ATTENTION, *[normal(2, 3, 67, 5)] * 3, is_causal=True),
    case(ATTENTION, normal(1, 2, 131, 8), *[normal(1, 2, 517, 8)] * 2),
    case(ATTENTION, normal(1, 2, 600, 3), *[normal(1, 2, 530, 3)] * 2, is_causal=True),
    case(ATTENTION, normal(2, 4, 65, 4), *[normal(2, 2, 1030, 4)] * 2, bits(2, 1, 65, 1030), enable_gqa=True),
    case(ATTENTION, *[normal(1, 3, 70, 4)] * 3, normal(3, 70, 70), is_causal=True, dropout_p=0.2, seed=3),
    case("rotary", normal(3, 2, 65, 34), offset=3),
    case("group_norm", normal(9, 12, 65), normal(12), normal(12), groups=3),
    case("group_norm", normal(33, 6, 9, 9), normal(6), groups=6),
]
