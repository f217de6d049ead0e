"""Calls at the sizes of real work, one line for each way in which a kernel may be launched.

The course's networks, what is ten times as large, and odd sizes that no tile divides. They are recorded for
the resource table (which kernels are launched, with which types and blocks) and, on a GPU, compared with the
reference. Each costs the NumPy reference at most a second or two in float64.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.cases import (
    ATTENTION,
    BIG,
    CASES,
    Case,
    Maker,
    away,
    below,
    bits,
    distinct,
    normal,
    positive,
    sequence,
    share,
)  # fmt: skip
from tinynn import ops
from tinynn.gpu.resources import Launched, recorded
from tinynn.ops.op import Op, Pair


def real(op: str, *makers: Maker, **params: Any) -> Case:
    return Case(op, 0, makers, params, smooth=False)


WIDTHS = ((64, 10), (2048, 65), (4095, 129), (1024, 1000), (513, 4096), (65, 8191), (16, 50257))
"""Rows and their widths: classes of digits, characters, a GPT's model width, words, a large vocabulary."""

ELEMENTWISE = ("neg", "exp", "abs", "relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu", "softplus")

REAL: list[Case] = [
    *[real(name, normal(64, 256)) for name in ELEMENTWISE],
    *[real(name, normal(1023, 1025)) for name in ELEMENTWISE],
    *[real(name, positive(1023, 1025)) for name in ("log", "sqrt")],
    real("gelu", normal(1023, 1025), approximate="tanh"),
    real("leaky_relu", normal(1023, 1025), negative_slope=0.2),
    *[real(name, normal(1023, 1025), normal(1023, 1025)) for name in ("add", "sub", "mul", "maximum")],
    *[real(name, normal(2048, 129), normal(129)) for name in ("add", "sub", "mul", "maximum")],
    *[real(name, normal(64, 32, 13, 11), normal(32, 1, 1)) for name in ("add", "sub", "mul")],
    *[real(name, normal(1023, 1025), normal()) for name in ("add", "mul")],
    real("div", normal(1023, 1025), away(1023, 1025)),
    real("div", normal(2048, 129), away(2048, 1)),
    real("pow", positive(1023, 1025), normal(1023, 1025)),
    real("clip", normal(1023, 1025), low=-0.5, high=0.5),
    real("where", bits(1023, 1025), normal(1023, 1025), normal(1023, 1025)),
    # products
    real("matmul", normal(64, 784), normal(784, 256)),
    real("matmul", normal(1024, 1024), normal(1024, 1024)),
    real("matmul", normal(1025, 513), normal(513, 1031)),
    real("matmul", normal(128, 64, 32), normal(128, 32, 64)),
    real("matmul", normal(4, 4, 257, 33), normal(4, 4, 33, 255)),
    real("matmul", normal(32, 64, 128), normal(128, 384)),
    real("matmul", normal(2049), normal(2049, 513)),
    real("linear", normal(64, 784), normal(256, 784), normal(256)),
    real("linear", normal(256, 784), normal(10, 784), normal(10)),
    real("linear", normal(32, 64, 128), normal(512, 128), normal(512)),
    real("linear", normal(1025, 513), normal(1031, 513), normal(1031)),
    real("linear", normal(2048, 512), normal(1536, 512)),
    # reductions
    *[real(name, maker, **p) for name in ("sum", "mean", "max", "var") for maker, p in (
        (distinct(1025, 1023), {}),
        (distinct(2048, 129), {"axis": -1}),
        (distinct(2048, 129), {"axis": 0}),
        (distinct(64, 33, 13, 11), {"axis": (0, 2, 3)}),
        (distinct(5, 70001), {"axis": 1}),
        (distinct(9, 33, 129), {"axis": 1, "keepdims": True}),
    )],
    # rows
    *[real(name, normal(*shape)) for name in ("softmax", "log_softmax") for shape in WIDTHS],
    *[real(name, normal(33, 129, 65), axis=1) for name in ("softmax", "log_softmax")],
    *[real("cross_entropy", normal(*shape), below(shape[1], shape[0])) for shape in WIDTHS],
    real("cross_entropy", normal(2048, 65), below(65, 2048), reduction="none"),
    real("cross_entropy", normal(2048, 65), below(65, 2048, dtype=np.int32), reduction="sum"),
    real("cross_entropy", normal(2048, 65), below(65, 2048), label_smoothing=0.1, ignore_index=3),
    real("cross_entropy", normal(33, 65, 129), below(65, 33, 129)),
    real("nll_loss", normal(2048, 65), below(65, 2048)),
    real("binary_cross_entropy_with_logits", normal(1023, 65), share(1023, 65)),
    *[real(name, normal(1023, 1025), normal(1023, 1025)) for name in ("mse_loss", "l1_loss", "huber_loss")],
    *[real("layer_norm", normal(*shape), normal(shape[1]), normal(shape[1])) for shape in WIDTHS],
    *[real("rms_norm", normal(*shape), normal(shape[1])) for shape in WIDTHS],
    real("layer_norm", normal(32, 64, 128), normal(128), normal(128)),
    real("layer_norm", normal(2048, 129), shape=(129,)),
    real("batch_norm", normal(64, 32, 26, 26), normal(32), normal(32)),
    real("batch_norm", normal(257, 129), normal(129), normal(129)),
    real("batch_norm", normal(33, 65, 7, 5), normal(65)),
    real("group_norm", normal(33, 64, 9, 7), normal(64), normal(64), groups=8),
    # images
    real("conv2d", normal(64, 1, 28, 28), normal(32, 1, 3, 3), normal(32)),
    real("conv2d", normal(64, 32, 13, 13), normal(64, 32, 3, 3), normal(64)),
    real("conv2d", normal(16, 65, 17, 15), normal(33, 65, 3, 3), padding=1),
    real("conv2d", normal(16, 32, 31, 33), normal(64, 32, 3, 3), normal(64), stride=2, padding=1),
    real("conv2d", normal(16, 64, 17, 15), normal(128, 64, 1, 1), normal(128)),
    real("conv2d", normal(16, 33, 17, 15), normal(33, 1, 5, 5), normal(33), padding="same", groups=33),
    real("conv1d", normal(33, 64, 129), normal(65, 64, 5), normal(65), padding="same"),
    real("conv_transpose2d", normal(16, 33, 13, 11), normal(33, 17, 4, 4), normal(17), stride=2, padding=1),
    real("max_pool2d", distinct(64, 32, 26, 26), kernel_size=2),
    real("max_pool2d", distinct(16, 33, 31, 29), kernel_size=3, stride=2, padding=1),
    real("avg_pool2d", normal(64, 32, 26, 26), kernel_size=2),
    real("avg_pool2d", normal(16, 33, 31, 29), kernel_size=3, stride=2, padding=1),
    real("adaptive_avg_pool2d", normal(33, 65, 13, 11), output_size=1),
    real("adaptive_avg_pool2d", normal(33, 65, 13, 11), output_size=(5, 3)),
    # tokens and dropout
    real("embedding", below(65, 32, 64), normal(65, 128)),
    real("embedding", below(5000, 4097), normal(5000, 129)),
    real("embedding", below(97, 2049, dtype=np.int32), normal(97, 65), padding_idx=3),
    real("dropout", normal(1023, 1025), p=0.1, seed=5),
    # sequences
    *[real(kind, *sequence(gates, 64, 32, 64, h, states=states))
      for kind, gates, states in (("rnn", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)) for h in (64, 256)],
    *[real(kind, *sequence(gates, 17, 33, 65, 129, states=states), reverse=True)
      for kind, gates, states in (("rnn", 1, 1), ("gru", 3, 1), ("lstm", 4, 2))],
    *[real(kind, *sequence(gates, 9, 3, 33, 65, states=states), lengths=np.array([9, 2, 5]))
      for kind, gates, states in (("rnn", 1, 1), ("gru", 3, 1), ("lstm", 4, 2))],
    real("rnn", *sequence(1, 17, 33, 65, 129), nonlinearity="relu"),
    # attention
    *[real(ATTENTION, *[normal(n, h, t, e)] * 3, is_causal=True)
      for n, h, t, e in ((32, 4, 64, 32), (2, 8, 257, 64), (2, 3, 513, 33), (1, 2, 1025, 128))],
    real(ATTENTION, *[normal(2, 4, 257, 64)] * 3),
    real(ATTENTION, *[normal(2, 4, 129, 32)] * 3, bits(129, 129)),
    real(ATTENTION, normal(2, 8, 129, 32), *[normal(2, 2, 129, 32)] * 2, is_causal=True, enable_gqa=True),
    *[real(ATTENTION, *[normal(2, 4, 129, e)] * 3, *mask, dropout_p=0.1, seed=3)
      for e in (32, 64) for mask in ((), (bits(129, 129),), (normal(129, 129),))],
    real(ATTENTION, *[normal(1, 2, 257, 128)] * 3, bits(257, 257), dropout_p=0.1, seed=3),
    real(ATTENTION, *[normal(2, 4, 129, 32)] * 3, is_causal=True, dropout_p=0.1, seed=3),
    real("rotary", normal(32, 4, 64, 32)),
    real("rotary", normal(3, 5, 257, 66), offset=3),
    # updates: a bias, the course's largest weight, an odd one
    *[case for shape in ((10,), (256, 784), (1023, 1025)) for case in (
        real("sgd_update", *[normal(*shape)] * 2, lr=0.1, weight_decay=0.01),
        real("sgd_update", *[normal(*shape)] * 3, lr=0.1, momentum=0.9, nesterov=True),
        real("rmsprop_update", *[normal(*shape)] * 2, positive(*shape), lr=0.01),
        real("rmsprop_update", *[normal(*shape)] * 2, *[positive(*shape)] * 2, lr=0.01, momentum=0.5),
        real("adam_update", *[normal(*shape)] * 3, positive(*shape), lr=0.01, t=3),
        real("adamw_update", *[normal(*shape)] * 3, positive(*shape), lr=0.01, t=3, weight_decay=0.1),
    )],
    real("ema_update", normal(1023), normal(1023), momentum=0.1),
]  # fmt: skip


# -- running a case ------------------------------------------------------------------------------------------


def ready(op: Op, pair: Pair, arrays: list[Any], params: dict[str, Any]) -> tuple[Any, tuple]:
    """Output of a pair, and its gradients for an upstream gradient of cosines (empty without a backward)."""
    out, cache = pair.forward(*arrays, **params)
    if pair.backward is None:
        return out, ()
    dout = tuple(map(upstream, out)) if isinstance(out, tuple) else upstream(out)
    needs = tuple(a is not None and a.dtype.kind == "f" for a in arrays)
    grads = pair.pull(dout, cache, needs)
    return out, tuple(grads) if isinstance(grads, (tuple, list)) else (grads,)


def upstream(out: Any) -> Any:
    """A gradient of the shape, dtype and place of `out`: cosines, so that no two neighbours are alike."""
    values = np.cos(np.arange(int(out.size), dtype=np.float64)).reshape(out.shape).astype(out.dtype)
    if type(out).__module__.partition(".")[0] == "numpy":
        return values
    from tinynn.gpu import to_device

    return to_device(values)


# -- what is launched ----------------------------------------------------------------------------------------


class Blank:
    """Stands for a random generator where only shapes matter: all it draws is zeros."""

    def __getattr__(self, name: str) -> Callable[..., np.ndarray]:
        return {"normal": self._sized, "permutation": np.zeros, "random": np.zeros}.get(name, self._ranged)

    def _sized(self, size: Any = ()) -> np.ndarray:
        return np.zeros(size)

    def _ranged(self, low: Any, second: Any = None, shape: Any = ()) -> np.ndarray:
        """``uniform(low, high, shape)``, ``integers(low, high, shape)``, ``choice(values, shape)``."""
        return np.zeros(second if isinstance(second, tuple) else shape)


def kernel_pair(op: Op) -> Pair | None:
    """The op's CUDA pair as it is written, without the reference that stands behind it."""
    if "cuda" not in op.kernels:
        return None
    module = importlib.import_module(op.kernels["cuda"])
    return Pair(getattr(module, f"{op.name}_forward"), getattr(module, f"{op.name}_backward", None), "cuda")


def _recordable(case: Case) -> bool:
    arrays = case.arrays(np.float32) if case.number else []
    return all(a.size for a in arrays)


def launches(names: list[str] | None = None) -> dict[str, list[Launched]]:
    """What each op launches for all its cases, in float32; no kernel runs."""
    found: dict[str, list[Launched]] = {}
    for name, op in ops.catalogue.items():
        pair = kernel_pair(op) if names is None or name in names else None
        if pair is not None:
            with recorded(run=False) as seen, np.errstate(all="ignore"):
                for case in cases_of(name):
                    run_blank(pair, case)
            found[name] = list({(s.label, s.signature, s.block, s.shared): s for s in seen}.values())
    return found


def cases_of(name: str) -> Iterator[Case]:
    """Every case of an op that a kernel is given: in float32 and with at least one element."""
    for case in [*CASES, *BIG, *REAL]:
        if case.op == name and _recordable(case):
            yield case


def run_blank(pair: Pair, case: Case) -> None:
    """Go through both passes on arrays of zeros; what a kernel does not take ends there."""
    arrays = [np.ascontiguousarray(make(Blank(), np.float32)) for make in case.makers]
    result = pair.forward(*arrays, **case.params)
    if result is NotImplemented or pair.backward is None:
        return
    out, cache = result
    dout = tuple(map(np.zeros_like, out)) if isinstance(out, tuple) else np.zeros_like(out)
    pair.pull(dout, cache, tuple(a.dtype.kind == "f" for a in arrays))
