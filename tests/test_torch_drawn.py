"""The same numbers as PyTorch on configurations that nobody chose: Hypothesis draws 200 for each family.

Shapes, strides, paddings, dilations, groups, lengths, masks, layers and directions are drawn; the numbers
come from a seed. Outputs and all gradients are compared: float64 to 1e-9, float32 to 1e-4 of the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinynn import Tensor, nn
from tinynn import functional as F

pytestmark = [pytest.mark.slow, pytest.mark.torch, pytest.mark.timeout(1200)]

TOLERANCE = {np.float64: 1e-9, np.float32: 1e-4}
DRAWN = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
ints, flags = st.integers, st.booleans()


@pytest.fixture(scope="module", autouse=True)
def torch() -> Any:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def near(got: np.ndarray, wanted: Any, dtype: type, what: str) -> None:
    """Within the tolerance, relative to the largest element: sums of many terms round."""
    wanted = wanted.detach().numpy()
    assert got.dtype == dtype and got.shape == wanted.shape, (what, got.dtype, got.shape, wanted.shape)
    scale = max(float(np.abs(wanted).max(initial=0)), 1e-2)
    np.testing.assert_allclose(got / scale, wanted / scale, rtol=0, atol=TOLERANCE[dtype], err_msg=what)


def flat(value: Any) -> list[Any]:
    """The tensors in tuples of tuples."""
    return [part for v in value for part in flat(v)] if isinstance(value, (tuple, list)) else [value]


def compare(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    build: Callable[[Any], Any] | None = None,
) -> None:
    """Outputs and gradients of two functions of the same arrays.

    With `build`, a function of `torch.nn` or `tinynn.nn`, both get the module it makes as their first
    argument, with the same parameters in it, whose gradients are compared too.
    """
    import torch

    module = build(torch.nn).double() if build else None
    if module is not None:
        for parameter in module.parameters():
            parameter.data = torch.tensor(numbers(*parameter.shape, seed=7) / 2)
    leaves = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    wanted = flat(theirs(*([module] if build else []), *leaves))
    upstream = [numbers(*w.shape, seed=i + 1) for i, w in enumerate(wanted)]
    sum((w * torch.tensor(u)).sum() for w, u in zip(wanted, upstream)).backward()
    for dtype in TOLERANCE:
        _compare_in(dtype, ours, arrays, build, module, leaves, wanted, upstream)


def _compare_in(dtype, ours, arrays, build, module, leaves, wanted, upstream) -> None:
    mine = build(nn).to(dtype) if build else None
    if mine is not None:
        mine.load_state_dict({name: p.numpy().astype(dtype) for name, p in module.state_dict().items()})
    inputs = [Tensor(a.astype(dtype), True) if a.dtype.kind == "f" else a for a in arrays]
    got = flat(ours(*([mine] if build else []), *inputs))
    assert len(got) == len(wanted)
    loss = sum((F.sum(g * u.astype(dtype)) for g, u in zip(got, upstream)), start=Tensor(np.zeros((), dtype)))
    loss.backward()
    for i, (g, w) in enumerate(zip(got, wanted)):
        near(g.data, w, dtype, f"output {i}")
    pairs = [
        (f"input {i}", x, leaf) for i, (x, leaf) in enumerate(zip(inputs, leaves)) if isinstance(x, Tensor)
    ]
    if mine is not None:
        theirs = dict(module.named_parameters())
        assert theirs.keys() == dict(mine.named_parameters()).keys()
        pairs += [(name, p, theirs[name]) for name, p in mine.named_parameters()]
    for name, x, leaf in pairs:
        assert (x.grad is None) == (leaf.grad is None), name
        if leaf.grad is not None:
            near(x.grad.data, leaf.grad, dtype, f"gradient of {name}")


# -- convolution and pooling ---------------------------------------------------------------------------------


@st.composite
def convolutions(draw: Any, axes: int) -> tuple:
    """x, weight, bias and the parameters of a convolution that fits."""
    groups = draw(ints(1, 3))
    channels, out = groups * draw(ints(1, 3)), groups * draw(ints(1, 3))
    kernel, stride, dilation = ([draw(ints(1, 3)) for _ in range(axes)] for _ in range(3))
    padding = [draw(ints(0, 2)) for _ in range(axes)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    image = [draw(ints(max(1, r - 2 * p), r + 5)) for r, p in zip(reach, padding)]
    x, weight = numbers(draw(ints(1, 4)), channels, *image), numbers(out, channels // groups, *kernel, seed=1)
    params = {
        "stride": tuple(stride),
        "padding": tuple(padding),
        "dilation": tuple(dilation),
        "groups": groups,
    }
    if axes == 1:
        params = {k: v[0] if isinstance(v, tuple) else v for k, v in params.items()}
    if draw(ints(0, 4)) == 0:
        params |= {"padding": draw(st.sampled_from(["same", "valid"]))}
        params |= {"stride": (1,) * axes if axes == 2 else 1} if params["padding"] == "same" else {}
        if params["padding"] == "valid":
            x = numbers(len(x), channels, *[max(n, r) for n, r in zip(image, reach)])
    return [x, weight, *([numbers(out, seed=2)] if draw(flags) else [])], params


@DRAWN
@given(convolutions(2))
def test_conv2d(drawn):
    import torch.nn.functional as TF

    arrays, params = drawn
    compare(lambda *a: F.conv2d(*a, **params), lambda *a: TF.conv2d(*a, **params), arrays)


@DRAWN
@given(convolutions(1))
def test_conv1d(drawn):
    import torch.nn.functional as TF

    arrays, params = drawn
    compare(lambda *a: F.conv1d(*a, **params), lambda *a: TF.conv1d(*a, **params), arrays)


@DRAWN
@given(st.data())
def test_conv_transpose2d(data):
    import torch.nn.functional as TF

    draw = data.draw
    groups = draw(ints(1, 3))
    channels, out = groups * draw(ints(1, 3)), draw(ints(1, 3))
    kernel, stride, dilation = (tuple(draw(ints(1, 3)) for _ in range(2)) for _ in range(3))
    padding = tuple(draw(ints(0, d * (k - 1) // 2)) for d, k in zip(dilation, kernel))
    more = tuple(draw(ints(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
    x = numbers(draw(ints(1, 3)), channels, draw(ints(1, 5)), draw(ints(1, 5)))
    arrays = [x, numbers(channels, out, *kernel, seed=1)]
    arrays += [numbers(groups * out, seed=2)] if draw(flags) else []
    params = {
        "stride": stride,
        "padding": padding,
        "output_padding": more,
        "groups": groups,
        "dilation": dilation,
    }
    compare(lambda *a: F.conv_transpose2d(*a, **params), lambda *a: TF.conv_transpose2d(*a, **params), arrays)


@DRAWN
@given(st.data())
def test_pools(data):
    import torch.nn.functional as TF

    draw = data.draw
    name = draw(st.sampled_from(["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"]))
    kernel = tuple(draw(ints(1, 3)) for _ in range(2))
    padding = tuple(draw(ints(0, k // 2)) for k in kernel)
    stride = tuple(draw(ints(1, 4)) for _ in range(2)) if draw(flags) else None
    params: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "ceil_mode": draw(flags),
    }
    dilation = (1, 1)
    if name == "max_pool2d":
        dilation = params["dilation"] = tuple(draw(ints(1, 2)) for _ in range(2))
    elif name == "avg_pool2d":
        params["count_include_pad"] = draw(flags)
    else:
        params = {"output_size": draw(st.one_of(ints(1, 4), st.tuples(ints(1, 4), ints(1, 4))))}
    image = [draw(ints(d * (k - 1) + 1, 9)) for k, d in zip(kernel, dilation)]
    x = numbers(draw(ints(1, 3)), draw(ints(1, 4)), *image)
    if draw(flags):
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)  # channels last in memory
    compare(lambda a: getattr(F, name)(a, **params), lambda a: getattr(TF, name)(a, **params), [x])


# -- recurrence ----------------------------------------------------------------------------------------------


@st.composite
def sequences(draw: Any) -> tuple:
    """(options of the layer, x, lengths or None, whether first states are given)."""
    kind = draw(st.sampled_from(["RNN", "GRU", "LSTM"]))
    options = {
        "input_size": draw(ints(1, 6)),
        "hidden_size": draw(ints(1, 6)),
        "num_layers": draw(ints(1, 3)),
        "bias": draw(flags),
        "batch_first": draw(flags),
        "bidirectional": draw(flags),
    }
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    steps, batch = draw(ints(1, 7)), draw(ints(1, 5))
    lengths = None
    if draw(flags):  # PyTorch's packing makes T the longest length
        lengths = draw(st.lists(ints(1, steps), min_size=batch, max_size=batch))
        steps = max(lengths)
    shape = (batch, steps) if options["batch_first"] else (steps, batch)
    return kind, options, numbers(*shape, options["input_size"]), lengths, draw(flags)


@DRAWN
@given(sequences())
def test_recurrent_layers(drawn):
    kind, options, x, lengths, given_states = drawn
    layers = options["num_layers"] * (2 if options["bidirectional"] else 1)
    state = (layers, x.shape[0 if options["batch_first"] else 1], options["hidden_size"])
    count = (2 if kind == "LSTM" else 1) if given_states else 0
    states = [numbers(*state, seed=i + 3) / 2 for i in range(count)]

    def theirs(layer: Any, x: Any, *hx: Any) -> Any:
        from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

        first, hx = options["batch_first"], tuple(hx) if len(hx) > 1 else hx[0] if hx else None
        if lengths is None:
            return layer(x, hx)
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        y, last = layer(packed, hx)
        return pad_packed_sequence(y, batch_first=first)[0], last

    def ours(layer: Any, x: Any, *hx: Any) -> Any:
        return layer(x, tuple(hx) if len(hx) > 1 else hx[0] if hx else None, lengths=lengths)

    compare(ours, theirs, [x, *states], lambda nn: getattr(nn, kind)(**options))


@DRAWN
@given(st.sampled_from(["RNN", "GRU", "LSTM"]), ints(1, 5), ints(1, 5), ints(1, 4), flags)
def test_recurrent_cells(kind, features, hidden, batch, bias):
    states = [numbers(batch, hidden, seed=i + 3) for i in range(2 if kind == "LSTM" else 1)]
    run = lambda cell, x, *hx: cell(x, hx if len(hx) > 1 else hx[0])
    build = lambda nn: getattr(nn, f"{kind}Cell")(features, hidden, bias=bias)
    compare(run, run, [numbers(batch, features), *states], build)


# -- attention -----------------------------------------------------------------------------------------------


@DRAWN
@given(st.data())
def test_attention(data):
    import torch.nn.functional as TF

    draw = data.draw
    batch, groups, each = draw(ints(1, 3)), draw(ints(1, 3)), draw(ints(1, 3))
    t, s, width, value = draw(ints(1, 70)), draw(ints(1, 70)), draw(ints(1, 9)), draw(ints(1, 9))
    mask = draw(st.sampled_from([None, "bool", "float", "causal"]))
    params: dict[str, Any] = {"is_causal": mask == "causal", "scale": draw(st.sampled_from([None, 0.3]))}
    params |= {"enable_gqa": True} if each > 1 else {}
    arrays = [
        numbers(batch, groups * each, t, width),
        numbers(batch, groups, s, width, seed=1),
        numbers(batch, groups, s, value, seed=2),
    ]
    shape = tuple(n if draw(flags) else 1 for n in (batch, groups * each, t)) + (s,)
    if mask == "float":
        arrays.append(numbers(*shape, seed=4))
    elif mask == "bool":
        allowed = numbers(*shape, seed=4) > -0.5
        allowed[..., 0] = True  # a row that may look at nothing is compared apart
        arrays.append(allowed)
    ours = lambda q, k, v, m=None: F.scaled_dot_product_attention(q, k, v, m, **params)
    theirs = lambda q, k, v, m=None: TF.scaled_dot_product_attention(q, k, v, m, **params)
    compare(ours, theirs, arrays)


@DRAWN
@given(st.data())
def test_multihead_attention(data):
    draw = data.draw
    heads, batch, t = draw(ints(1, 3)), draw(ints(1, 3)), draw(ints(1, 6))
    width, first, bias, average = heads * draw(ints(1, 4)), draw(flags), draw(flags), draw(flags)
    cross = draw(flags)
    s = draw(ints(1, 6)) if cross else t
    axes = lambda n: (batch, n, width) if first else (n, batch, width)
    arrays = [numbers(*axes(t)), *([numbers(*axes(s), seed=1)] if cross else [])]
    hidden = numbers(batch, s, seed=5) > 0.6
    hidden[:, 0] = False
    options = {"key_padding_mask": hidden} if draw(flags) else {}
    if draw(flags):
        later = np.triu(np.ones((t, s), bool), 1)
        options["attn_mask"] = later
    options["need_weights"] = draw(flags)

    def run(wrap: Callable) -> Callable:
        def call(layer: Any, x: Any, memory: Any = None) -> Any:
            memory = x if memory is None else memory
            masks = {k: wrap(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
            y, weights = layer(x, memory, memory, average_attn_weights=average, **masks)
            return (y, weights) if options["need_weights"] else y

        return call

    import torch

    build = lambda nn: nn.MultiheadAttention(width, heads, bias=bias, batch_first=first)
    compare(run(lambda mask: mask), run(torch.tensor), arrays, build)


@DRAWN
@given(st.data())
def test_transformer_layers(data):
    """Widths of 6 and more: layer_norm of two numbers that lie close is mostly rounding in float32."""
    draw = data.draw
    heads, batch, t, s = draw(ints(1, 2)), draw(ints(1, 3)), draw(ints(1, 6)), draw(ints(1, 6))
    width, kind = heads * draw(ints(6, 9)), draw(st.sampled_from(["Encoder", "Decoder"]))
    options = {
        "dim_feedforward": draw(ints(1, 8)),
        "dropout": 0.0,
        "activation": draw(st.sampled_from(["relu", "gelu"])),
        "norm_first": draw(flags),
        "batch_first": draw(flags),
    }
    axes = lambda n: (batch, n, width) if options["batch_first"] else (n, batch, width)
    arrays = [numbers(*axes(t)), *([numbers(*axes(s), seed=1)] if kind == "Decoder" else [])]
    build = lambda nn: getattr(nn, f"Transformer{kind}Layer")(width, heads, **options)
    later = np.triu(np.ones((t, t), bool), 1)
    mask = {"src_mask" if kind == "Encoder" else "tgt_mask": later} if draw(flags) else {}
    import torch

    theirs = {name: torch.tensor(m) for name, m in mask.items()}
    compare(lambda m, *a: m(*a, **mask), lambda m, *a: m(*a, **theirs), arrays, build)


# -- normalisation and embedding -----------------------------------------------------------------------------


@DRAWN
@given(ints(1, 4), ints(1, 4), ints(1, 4), st.lists(ints(1, 5), max_size=2), flags)
def test_group_norm(batch, groups, each, image, affine):
    if each * int(np.prod(image)) < 6:
        each = 6  # of two or three numbers that happen to lie close, the spread is mostly rounding in float32
    x = 3 * numbers(batch, groups * each, *image) + 1
    build = lambda nn: nn.GroupNorm(groups, groups * each, affine=affine)
    compare(lambda layer, x: layer(x), lambda layer, x: layer(x), [x], build)


@DRAWN
@given(ints(1, 9), ints(1, 5), st.lists(ints(1, 5), max_size=2), st.data())
def test_embedding(rows, width, shape, data):
    import torch

    padding = data.draw(st.one_of(st.none(), ints(0, rows - 1)))
    numbers_of = np.random.default_rng(rows).integers(0, rows, shape)
    build = lambda nn: nn.Embedding(rows, width, padding_idx=padding)
    compare(lambda m: m(numbers_of), lambda m: m(torch.tensor(numbers_of)), [], build)
