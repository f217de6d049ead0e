"""The catalogue: every op of the package, one line each.

An op lives in a module named after its family, as ``{name}_spec``, ``{name}_forward`` and
``{name}_backward`` (and ``{name}_check`` for values). ``numba=True`` says that the module beside it
with the ending ``_numba`` holds compiled functions of the same names, ``cuda=True`` one with the ending
``_cuda`` that launches CUDA kernels.

A cache holds inputs and outputs as they are, without a copy. Where it holds arrays of its own, the
docstring of the forward says how many bytes.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from . import activation, attention, elementwise, loss, norm, reduce, shape, update
from . import conv as _conv
from . import dropout as _dropout
from . import embedding as _embedding
from . import gru as _gru
from . import lstm as _lstm
from . import matmul as _matmul
from . import pool as _pool
from . import recurrent as _recurrent
from . import rotary as _rotary
from . import softmax as _softmax
from .op import Op, Out, Pair, Spec, using
from .specs import same_shape

catalogue: dict[str, Op] = {}


def _op(name: str, module: ModuleType, *, numba: bool = False, cuda: bool = False, **kwargs: Any) -> Op:
    catalogue[name] = Op(
        name,
        getattr(module, f"{name}_spec"),
        getattr(module, f"{name}_forward"),
        getattr(module, f"{name}_backward", None),
        check_values=getattr(module, f"{name}_check", None),
        kernels={
            name: f"{module.__name__}_{name}" for name, there in (("numba", numba), ("cuda", cuda)) if there
        },
        **kwargs,
    )
    return catalogue[name]


add = _op("add", elementwise, cuda=True)
sub = _op("sub", elementwise, cuda=True)
mul = _op("mul", elementwise, cuda=True)
div = _op("div", elementwise, cuda=True)
pow = _op("pow", elementwise, cuda=True)
neg = _op("neg", elementwise, cuda=True)
exp = _op("exp", elementwise, cuda=True)
log = _op("log", elementwise, cuda=True)
sqrt = _op("sqrt", elementwise, cuda=True)
abs = _op("abs", elementwise, cuda=True)
clip = _op("clip", elementwise, cuda=True)
maximum = _op("maximum", elementwise, cuda=True)
where = _op("where", elementwise, cuda=True)
cast = _op("cast", elementwise)

relu = _op("relu", activation, numba=True, cuda=True)
leaky_relu = _op("leaky_relu", activation, numba=True, cuda=True)
sigmoid = _op("sigmoid", activation, numba=True, cuda=True)
tanh = _op("tanh", activation, numba=True, cuda=True)
gelu = _op("gelu", activation, numba=True, cuda=True)
silu = _op("silu", activation, numba=True, cuda=True)
softplus = _op("softplus", activation, numba=True, cuda=True)

matmul = _op("matmul", _matmul, numba=True, cuda=True)
linear = _op(
    "linear", _matmul, numba=True, cuda=True, made_of=(matmul, add), composition=_matmul.linear_composition
)

sum = _op("sum", reduce, cuda=True)
mean = _op("mean", reduce, cuda=True)
max = _op("max", reduce, cuda=True)
var = _op("var", reduce, cuda=True)

reshape = _op("reshape", shape, numba=True)
permute = _op("permute", shape)
broadcast_to = _op("broadcast_to", shape)
concat = _op("concat", shape)
stack = _op("stack", shape)
split = _op("split", shape)
index = _op("index", shape)
pad = _op("pad", shape)

softmax = _op("softmax", _softmax, numba=True, cuda=True)
log_softmax = _op("log_softmax", _softmax, numba=True, cuda=True)

nll_loss = _op("nll_loss", loss, cuda=True)
cross_entropy = _op(
    "cross_entropy",
    loss,
    numba=True,
    cuda=True,
    made_of=(log_softmax, nll_loss),
    composition=loss.cross_entropy_composition,
)
binary_cross_entropy_with_logits = _op("binary_cross_entropy_with_logits", loss, cuda=True)
mse_loss = _op("mse_loss", loss, cuda=True)
l1_loss = _op("l1_loss", loss, cuda=True)
huber_loss = _op("huber_loss", loss, cuda=True)

layer_norm = _op("layer_norm", norm, numba=True, cuda=True)
rms_norm = _op("rms_norm", norm, numba=True, cuda=True)
batch_norm = _op("batch_norm", norm, numba=True, cuda=True)
group_norm = _op("group_norm", norm, numba=True, cuda=True)

conv1d = _op("conv1d", _conv, numba=True, cuda=True)
conv2d = _op("conv2d", _conv, numba=True, cuda=True)
conv_transpose2d = _op("conv_transpose2d", _conv, numba=True, cuda=True)
max_pool2d = _op("max_pool2d", _pool, numba=True, cuda=True)
avg_pool2d = _op("avg_pool2d", _pool, numba=True, cuda=True)
adaptive_avg_pool2d = _op("adaptive_avg_pool2d", _pool, numba=True, cuda=True)

embedding = _op("embedding", _embedding, numba=True, cuda=True)
dropout = _op("dropout", _dropout, numba=True, cuda=True)

rnn = _op("rnn", _recurrent, numba=True, cuda=True)
gru = _op("gru", _gru, numba=True, cuda=True)
lstm = _op("lstm", _lstm, numba=True, cuda=True)
rotary = _op("rotary", _rotary, numba=True, cuda=True)
scaled_dot_product_attention = _op(
    "scaled_dot_product_attention",
    attention,
    numba=True,
    cuda=True,
    made_of=(matmul, softmax, dropout),
    composition=attention.scaled_dot_product_attention_composition,
)

sgd_update = _op("sgd_update", update, numba=True, cuda=True)
rmsprop_update = _op("rmsprop_update", update, numba=True, cuda=True)
adam_update = _op("adam_update", update, numba=True, cuda=True)
adamw_update = _op("adamw_update", update, numba=True, cuda=True)
ema_update = _op("ema_update", update, cuda=True)


class Table(str):
    """Text that shows itself as text, in a terminal and in a notebook."""

    def __repr__(self) -> str:
        return str(self)


def table() -> Table:
    """Which op has which pairs, and what runs now on the CPU.

    A backend without kernels for an op runs its NumPy reference; so does the GPU, on the arrays there.
    The kernels under "cuda" run on a GPU, and under ``backend("simt")``.
    """
    from ..backends import current_backend, resolve

    rows = [("op", "numpy", "numba", "cuda", "backward", "made of", "runs now")]
    for name, op in catalogue.items():
        parts = " + ".join(part.name for part in op.made_of)
        gradient = "yes" if op.pairs["numpy"].backward else "-"
        running = resolve(op).name if op.replacement or op.composed() else _would_run(op, current_backend())
        numba, cuda = ("yes" if backend in op.kernels else "-" for backend in ("numba", "cuda"))
        rows.append((name, "yes", numba, cuda, gradient, parts, running))
    widths = [len(sorted(column, key=len)[-1]) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return Table("\n".join(lines))


def _would_run(op: Op, backend: str) -> str:
    """Name of the backend whose pair runs, without importing its kernels to find out."""
    kernels = "cuda" if backend == "simt" else backend
    return backend if kernels in op.pairs or kernels in op.kernels else "numpy"


__all__ = ["Op", "Out", "Pair", "Spec", "catalogue", "same_shape", "table", "using", *catalogue]
