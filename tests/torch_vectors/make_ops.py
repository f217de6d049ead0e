"""Compute with PyTorch what every line of the table of cases gives, and keep it in ops.npz.

    python tests/torch_vectors/make_ops.py

Inputs, upstream gradient, output and gradients, so that the comparison needs no PyTorch. All of them
lie end to end in one vector, with a list of names, dtypes and shapes beside it: a file for each of a
thousand small arrays would be mostly headers.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as TF

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cases import PURE, UPDATES, Case  # noqa: E402

VECTORS = HERE / "ops.npz"


def dims(axis: Any = None, keepdims: bool = False) -> dict[str, Any]:
    return {"dim": axis, "keepdim": keepdims}


def plain(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(plain(i) for i in index)
    return torch.from_numpy(index) if isinstance(index, np.ndarray) else index


def index_(x: Any, index: Any) -> Any:
    return x[plain(index)]


def class_loss(function: Callable) -> Callable:
    return lambda x, t, **params: function(x, t.long(), **params)


def embedding_(indices: Any, weight: Any, padding_idx: Any = None) -> Any:
    return TF.embedding(indices.long(), weight, padding_idx)


def flat_widths(widths: Any) -> list[int]:
    """torch counts the axes of a pad from the last."""
    return [n for pair in reversed(widths) for n in pair]


def batch_norm_(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return TF.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def layer_norm_(x: Any, weight: Any = None, bias: Any = None, shape: Any = None, eps: float = 1e-5) -> Any:
    return TF.layer_norm(x, weight.shape if shape is None else shape, weight, bias, eps)


def rms_norm_(x: Any, weight: Any = None, shape: Any = None, eps: float = 1e-5) -> Any:
    return TF.rms_norm(x, weight.shape if shape is None else shape, weight, eps)


def recurrent(kind: str) -> Callable:
    """One layer and direction. PyTorch runs backwards only as half of a bidirectional layer: the first half
    gets weights of zeros here, and only the second half of the output is taken."""

    def run(x: Any, *inputs: Any, lengths: Any = None, reverse: bool = False, **options: Any) -> Any:
        count = 2 if kind == "LSTM" else 1
        states, weights = inputs[:count], inputs[count:]
        hidden = weights[1].shape[1]
        layer = getattr(torch.nn, kind)(
            x.shape[2], hidden, bias=len(weights) == 4, bidirectional=reverse, dtype=x.dtype, **options
        )
        names = [name for name, _ in layer.named_parameters()][-len(weights) :]
        given = dict(layer.named_parameters()) | dict(zip(names, weights))
        hx = tuple(torch.stack([torch.zeros_like(s), s] if reverse else [s]) for s in states)
        if lengths is not None:
            x = torch.nn.utils.rnn.pack_padded_sequence(x, torch.as_tensor(lengths), enforce_sorted=False)
        hx = hx if count == 2 else hx[0]
        y, last = torch.func.functional_call(layer, given, (x, hx))
        if lengths is not None:
            y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=max(lengths))
        return y[..., -hidden:], *[s[-1] for s in (last if count == 2 else (last,))]

    return run


def attention_(q: Any, k: Any, v: Any, mask: Any = None, **params: Any) -> Any:
    """PyTorch wants the mask and is_causal in one."""
    return TF.scaled_dot_product_attention(q, k, v, mask, **params)


def group_norm_(x: Any, weight: Any = None, bias: Any = None, groups: int = 1, eps: float = 1e-5) -> Any:
    return TF.group_norm(x, groups, weight, bias, eps)


TORCH: dict[str, Callable] = {
    "scaled_dot_product_attention": attention_,
    "group_norm": group_norm_,
    "split": lambda x, sizes, axis=-1: torch.split(x, sizes, axis)[0],
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "clip": lambda x, low=None, high=None: torch.clip(x, low, high),
    "maximum": torch.maximum,
    "where": torch.where,
    "cast": lambda x, dtype: x.to(getattr(torch, np.dtype(dtype).name)),
    "relu": TF.relu,
    "leaky_relu": TF.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": TF.gelu,
    "silu": TF.silu,
    "softplus": TF.softplus,
    "matmul": torch.matmul,
    "linear": TF.linear,
    "sum": lambda x, **params: torch.sum(x, **dims(**params)),
    "mean": lambda x, **params: torch.mean(x, **dims(**params)),
    "max": lambda x, axis=(), keepdims=False: torch.amax(x, axis, keepdims),
    "var": lambda x, correction=1, **params: torch.var(x, correction=correction, **dims(**params)),
    "reshape": torch.reshape,
    "permute": lambda x, axes: torch.permute(x, axes),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "concat": lambda *xs, axis=0: torch.cat(xs, axis),
    "stack": lambda *xs, axis=0: torch.stack(xs, axis),
    "index": index_,
    "pad": lambda x, widths, value=0.0: TF.pad(x, flat_widths(widths), value=value),
    "softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "nll_loss": class_loss(TF.nll_loss),
    "cross_entropy": class_loss(TF.cross_entropy),
    "binary_cross_entropy_with_logits": TF.binary_cross_entropy_with_logits,
    "mse_loss": TF.mse_loss,
    "l1_loss": TF.l1_loss,
    "huber_loss": TF.huber_loss,
    "layer_norm": layer_norm_,
    "rms_norm": rms_norm_,
    "batch_norm": batch_norm_,
    "embedding": embedding_,
    "rnn": recurrent("RNN"),
    "gru": recurrent("GRU"),
    "lstm": recurrent("LSTM"),
    "conv1d": TF.conv1d,
    "conv2d": TF.conv2d,
    "conv_transpose2d": TF.conv_transpose2d,
    "max_pool2d": TF.max_pool2d,
    "avg_pool2d": TF.avg_pool2d,
    "adaptive_avg_pool2d": TF.adaptive_avg_pool2d,
}
LARGE = 400  # elements: these cases are there for the kernels' loops, not for what an op means
NO_COUNTERPART = ("dropout",)  # its mask comes from another generator
LARGE = 300  # elements: these cases are there for the kernels' loops, not for what an op means
NO_COUNTERPART = ("dropout", "rotary")  # its mask comes from another generator; PyTorch has no rotary


def gradients(case: Case) -> dict[str, np.ndarray]:
    """Inputs, output, a random upstream gradient, and the gradients it causes."""
    arrays = case.arrays(np.float64)
    leaves = [torch.from_numpy(np.array(a)).requires_grad_(a.dtype.kind == "f") for a in arrays]
    result = TORCH[case.op](*leaves, **case.params)
    outs, rng = result if isinstance(result, tuple) else (result,), np.random.default_rng(case.number)
    douts = [np.asarray(rng.normal(size=o.shape), o.detach().numpy().dtype) for o in outs]
    torch.autograd.backward(outs, [torch.from_numpy(dout) for dout in douts])
    found = {f"in{i}": a for i, a in enumerate(arrays)}
    for i, (out, dout) in enumerate(zip(outs, douts)):
        found |= {f"out{i or ''}": out.detach().numpy(), f"dout{i or ''}": dout}
    return found | {f"grad{i}": x.grad.numpy() for i, x in enumerate(leaves) if x.grad is not None}


def updated(case: Case) -> dict[str, np.ndarray]:
    """Parameter after one step of the torch optimiser that starts from the state of the case."""
    p, g, *state = [torch.from_numpy(np.array(a)) for a in case.arrays(np.float64)]
    before = {f"in{i}": a for i, a in enumerate(case.arrays(np.float64))}
    if case.op == "ema_update":
        return before | {"out": p.lerp_(g, case.params["momentum"]).numpy()}
    params = {k: v for k, v in case.params.items() if k not in ("t", "beta1", "beta2")}
    beta1, beta2 = case.params.get("beta1", 0.9), case.params.get("beta2", 0.999)
    make, names = {
        "sgd_update": (torch.optim.SGD, ["momentum_buffer"]),
        "rmsprop_update": (torch.optim.RMSprop, ["square_avg", "momentum_buffer"]),
        "adam_update": (torch.optim.Adam, ["exp_avg", "exp_avg_sq"]),
        "adamw_update": (torch.optim.AdamW, ["exp_avg", "exp_avg_sq"]),
    }[case.op]
    if case.op.startswith("adam"):
        params["betas"] = (beta1, beta2)
    p.grad = g
    optimiser = make([p], **params)
    optimiser.state[p].update(zip(names, state), step=torch.tensor(float(case.params.get("t", 1) - 1)))
    optimiser.step()
    return before | {"out": p.numpy(), **{f"state{i}": s.numpy() for i, s in enumerate(state)}}


def vectors() -> dict[str, np.ndarray]:
    found = {}
    for case in (*PURE, *UPDATES):
        random = case.op in NO_COUNTERPART or case.params.get("dropout_p")
        if random or sum(a.size for a in case.arrays()) > LARGE:
            continue
        parts = updated(case) if case in UPDATES else gradients(case)
        found |= {f"{case.op}-{case.number}.{name}": np.asarray(array) for name, array in parts.items()}
    return found


def save(found: dict[str, np.ndarray]) -> None:
    index = [(name, array.dtype.name, array.shape) for name, array in found.items()]
    values = np.concatenate([array.astype(np.float64).ravel() for array in found.values()])
    np.savez_compressed(VECTORS, torch=torch.__version__, index=json.dumps(index), values=values)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.var on an empty array
        save(vectors())
    print(f"{VECTORS.name}: {VECTORS.stat().st_size / 1024:.0f} KB")
