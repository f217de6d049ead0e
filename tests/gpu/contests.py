"""Each kernel beside PyTorch's and CuPy's function: inputs larger than the cache, bytes, operations, aims.

CuPy's side is the op's NumPy reference on CuPy's arrays, which is what one would write with CuPy. Bytes are
those that must move: every input once, every output once. What a kernel moves more than that shows as a
smaller share of the ceiling.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn import ops
from tinynn.ops.op import Pair

from .timing import Device, turns

N = 1 << 26
"""Elements of an elementwise op: 256 MB an array, four times the largest cache there is."""

ADAM = {"lr": 1e-3, "t": 3}
ROWS, ATTENTION = (1 << 16, 1024), "scaled_dot_product_attention"
AIMS = {
    "memory": "85% of copy bandwidth, and PyTorch's speed",
    "best rung": "the best rung: 80% of cuBLAS in float32",
    "rung": "a rung of at most 60 lines: 50% of cuBLAS in float32",
    "attention": "0.7 of PyTorch's fused attention",
    "lstm": "PyTorch's speed",
}


class Ints(NamedTuple):
    """An array of whole numbers below `high`."""

    high: int
    shape: tuple[int, ...]


class Contest(NamedTuple):
    """One thing that is timed.

    `moved`, in bytes, or `flops` say what must be done at least. `torch` makes PyTorch's version from its
    tensors: a function that returns the output, of which a backward contest times the gradient.
    """

    name: str
    op: str
    inputs: tuple  # shapes of normal numbers, Ints
    torch: Callable[..., Any] | None = None
    params: dict[str, Any] = {}
    backward: bool = False
    moved: float = 0  # in arrays like the first, for backward; forward counts itself
    flops: float = 0
    aim: str = ""
    run: Callable[[Device, list], Callable[[], Any]] | None = None  # other than the op's own pair
    cupy: bool = True
    tiny: tuple = ()  # inputs where kernels are interpreted, if the others cut to 3 do not fit together


def contests() -> list[Contest]:
    """All whose op has kernels, those of the aims first."""
    found = [c for c in _all() if "cuda" in ops.catalogue[c.op].kernels]
    return sorted(found, key=lambda c: not c.aim)


def find(name: str) -> Contest:
    return next(c for c in contests() if c.name == name)


def _f(name: str) -> Callable[..., Any]:
    """A function of torch.nn.functional, or of torch."""

    def call(torch: Any, *tensors: Any) -> Any:
        return getattr(torch.nn.functional, name, getattr(torch, name, None))(*tensors)

    return call


def _both(
    name: str, op: str, inputs: tuple, torch: Any, moved: float, aim: str = "", **more: Any
) -> list[Contest]:
    """Forward, and backward, which moves so many arrays like the first."""
    flops = more.pop("flops", 0)
    forward = Contest(name, op, inputs, torch, aim=aim, flops=flops, **more)
    return [forward, forward._replace(name=f"{name}, backward", backward=True, moved=moved, flops=2 * flops)]


def _all() -> list[Contest]:
    wide = ROWS[1]
    softmax = lambda torch, x: torch.softmax(x, -1)
    norm = lambda torch, x, w, b: torch.nn.functional.layer_norm(x, (wide,), w, b)
    cross = lambda torch, x, t: torch.nn.functional.cross_entropy(x, t)
    look = lambda torch, i, w: torch.nn.functional.embedding(i, w)
    tokens, table = Ints(50257, (1 << 17,)), (50257, 768)
    dw = table[0] * table[1] / (tokens.shape[0])  # elements of the gradient a token, see moved
    made = [
        *_both("add", "add", ((N,), (N,)), lambda torch, x, y: x + y, 0, "memory")[:1],
        *_both("relu", "relu", ((N,),), _f("relu"), 3, "memory"),
        *_both("gelu", "gelu", ((N,),), _f("gelu"), 3, "memory"),
        *_both("softmax 1024", "softmax", (ROWS,), softmax, 3, "memory"),
        *_both("layer_norm 1024", "layer_norm", (ROWS, (wide,), (wide,)), norm, 3, "memory"),
        *_both("cross_entropy 1024", "cross_entropy", (ROWS, Ints(wide, ROWS[:1])), cross, 2, "memory"),
        *_both("embedding 768", "embedding", (tokens, table), look, (768 + dw) / 2, "memory"),
        Contest("adam", "adam_update", ((N,),) * 4, _torch_adam("Adam"), ADAM, moved=7, aim="memory"),
        *ladder(),
        *_attention(4, 16, 2048, 64, "attention"),
        *_recurrent("lstm", 4, 64, aim="lstm"),
        # and the others
        *[c for name in ("sigmoid", "tanh", "silu", "softplus", "leaky_relu") for c in _both(
            name, name, ((N,),), _f(name), 3)],
        *[Contest(name, name, ((N,),), _f(name)) for name in ("exp", "abs")],
        *[Contest(name, name, ((N,), (N,)), _f(name)) for name in ("sub", "mul", "div", "maximum")],
        Contest("add a bias", "add", (ROWS, (wide,)), lambda torch, x, y: x + y),
        Contest("add a bias, backward", "add", (ROWS, (wide,)), lambda torch, x, y: x + y, {}, True, 1),
        *[Contest(f"{name} of all", name, ((N,),), _f(name)) for name in ("sum", "mean")],
        Contest("max of all", "max", ((N,),), lambda torch, x: torch.amax(x)),
        Contest("sum of rows", "sum", (ROWS,), lambda torch, x: x.sum(-1), {"axis": -1}),
        Contest("sum of columns", "sum", (ROWS,), lambda torch, x: x.sum(0), {"axis": 0}),
        Contest("var of columns", "var", (ROWS,), lambda torch, x: x.var(0), {"axis": 0}),
        *_both("log_softmax 1024", "log_softmax", (ROWS,), lambda torch, x: torch.log_softmax(x, -1), 3),
        *_both("softmax 50257", "softmax", ((1 << 10, 50257),), softmax, 3),
        *_both("rms_norm 1024", "rms_norm", (ROWS, (wide,)),
               lambda torch, x, w: torch.nn.functional.rms_norm(x, (wide,), w, 1e-5), 3),
        *_both("batch_norm", "batch_norm", ((64, 64, 112, 112), (64,), (64,)),
               lambda torch, x, w, b: torch.nn.functional.batch_norm(x, None, None, w, b, True), 3),
        *_both("dropout", "dropout", ((N,),), lambda torch, x: torch.nn.functional.dropout(x, 0.1), 3,
               params={"p": 0.1, "seed": 5}),
        *_both("linear 4096", "linear", ((4096, 4096), (4096, 4096), (4096,)), _f("linear"), 0,
               flops=2 * 4096**3),
        *_both("batched matmul", "matmul", ((256, 512, 64), (256, 64, 512)), _f("matmul"), 0,
               flops=2 * 256 * 512 * 512 * 64),
        *_convolution("conv2d 64 to 64, 56 x 56", 64, 64, 56, 64, 3),
        *_convolution("conv2d 1 to 32, 28 x 28", 512, 1, 28, 32, 3),
        *_both("max_pool2d", "max_pool2d", ((64, 64, 112, 112),),
               lambda torch, x: torch.nn.functional.max_pool2d(x, 2), 1.25, params={"kernel_size": 2}),
        *_both("avg_pool2d", "avg_pool2d", ((64, 64, 112, 112),),
               lambda torch, x: torch.nn.functional.avg_pool2d(x, 2), 1.25, params={"kernel_size": 2}),
        *_recurrent("lstm", 4, 256), *_recurrent("gru", 3, 64), *_recurrent("rnn", 1, 64),
        *_attention(64, 4, 64, 32, ""), *_attention(1, 16, 8192, 64, ""),
        Contest("adamw", "adamw_update", ((N,),) * 4, _torch_adam("AdamW"), ADAM, moved=7),
        Contest("sgd", "sgd_update", ((N,),) * 3, None, {"lr": 1e-3, "momentum": 0.9}, moved=5),
        *races(),
    ]  # fmt: skip
    return made


def _attention(n: int, h: int, t: int, e: int, aim: str) -> list[Contest]:
    def fused(torch: Any, q: Any, k: Any, v: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    flops = 2 * n * h * t * t * e  # two products, of which a causal mask leaves half
    made = _both(f"attention T {t}, {n} x {h} heads of {e}", ATTENTION, ((n, h, t, e),) * 3, fused, 0, aim,
                 params={"is_causal": True}, flops=flops, cupy=n * h * t * t < 1 << 29)  # fmt: skip
    return [made[0], made[1]._replace(flops=2.5 * flops)]  # the scores again, and four products more


def _convolution(name: str, n: int, c: int, size: int, o: int, k: int) -> list[Contest]:
    flops = 2 * n * o * size * size * c * k * k
    return _both(name, "conv2d", ((n, c, size, size), (o, c, k, k), (o,)),
                 lambda torch, x, w, b: torch.nn.functional.conv2d(x, w, b, padding=1), 0,
                 params={"padding": 1}, flops=flops)  # fmt: skip


def _recurrent(kind: str, gates: int, h: int, aim: str = "") -> list[Contest]:
    """64 steps of 32 sequences, 64 features, in the course's size at h = 64. PyTorch's is cuDNN's."""
    t, n, d, states = 64, 32, 64, 2 if kind == "lstm" else 1
    inputs = ((t, n, d), *[(n, h)] * states, (gates * h, d), (gates * h, h), (gates * h,), (gates * h,))

    def cell(torch: Any, x: Any, *rest: Any) -> Any:
        start, weights = rest[:states], list(rest[states:])
        function = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}[kind]
        first = tuple(s[None] for s in start) if states == 2 else start[0][None]
        return function(x, first, weights, True, 1, 0.0, True, False, False)[0]

    flops = 2 * t * n * gates * h * (d + h)
    tiny = ((3, 2, 2), *[(2, 3)] * states, (gates * 3, 2), (gates * 3, 3), (gates * 3,), (gates * 3,))
    return _both(f"{kind} T 64, H {h}", kind, inputs, cell, 0, aim, flops=flops, tiny=tiny)


def _torch_adam(kind: str) -> Callable[..., Any]:
    """PyTorch's fused step, its fastest; a contest of its own kind: see `torch_work`."""

    def step(torch: Any, p: Any, g: Any, m: Any, v: Any) -> Any:
        parameter = torch.nn.Parameter(p.clone())
        parameter.grad = g.clone()
        return getattr(torch.optim, kind)([parameter], lr=1e-3, fused=True).step

    step.prepares = True  # type: ignore[attr-defined]
    return step


# -- the ladder of products ----------------------------------------------------------------------------------

RUNGS = {"naive": "rung", "tiled": "rung", "blocked": "rung", "buffered": "best rung"}


def ladder() -> list[Contest]:
    """Every rung at 4096, beside cuBLAS."""

    def rung(name: str) -> Callable[[Device, list], Callable[[], Any]]:
        def prepare(device: Device, arrays: list) -> Callable[[], Any]:
            module = importlib.import_module("tinynn.ops.matmul_ladder_cuda")
            product, (a, b) = getattr(module, f"make_{name}")(), arrays
            from tinynn.gpu import empty

            c = empty((1, a.shape[0], b.shape[1]), a)
            return lambda: product(a[None], b[None], c)

        return prepare

    if importlib.util.find_spec("tinynn.ops.matmul_ladder_cuda") is None:
        return []
    square, flops = ((4096, 4096),) * 2, 2 * 4096**3
    op = Contest("matmul 4096, the op", "matmul", square, _f("matmul"), flops=flops, aim="best rung")
    return [op, *[op._replace(name=f"matmul 4096, {n}", aim=a, run=rung(n)) for n, a in RUNGS.items()]]


# -- points of the course's race -----------------------------------------------------------------------------

ELEMENTS = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
NUMBER_OF_ROWS = (10, 100, 1000, 10_000, 50_000)
SIDES = (16, 64, 256, 512, 1024)


class Race(NamedTuple):
    """An op at several sizes, forward, in the words of the course's tracks."""

    op: str
    words: str
    sizes: tuple[int, ...]
    inputs: Callable[[int], tuple]


RACES = [
    *[Race(name, "x (n,), y (n,)", ELEMENTS, lambda n: ((n,), (n,))) for name in ("add", "mul")],
    *[Race(name, "x (n,)", ELEMENTS, lambda n: ((n,),)) for name in ("relu", "gelu", "sum")],
    Race("matmul", "x (n, n), y (n, n)", SIDES, lambda n: ((n, n), (n, n))),
    Race("linear", "x (64, n), weight (n, n), bias (n,)", SIDES, lambda n: ((64, n), (n, n), (n,))),
    *[Race(name, "x (n, 64)", NUMBER_OF_ROWS, lambda n: ((n, 64),)) for name in ("softmax", "log_softmax")],
    Race("cross_entropy", "x (n, 64), targets (n,)", NUMBER_OF_ROWS, lambda n: ((n, 64), Ints(64, (n,)))),
    Race(
        "layer_norm", "x (n, 64), weight (64,), bias (64,)", NUMBER_OF_ROWS, lambda n: ((n, 64), (64,), (64,))
    ),
]


def races() -> list[Contest]:
    """One contest a size; each adds a point to what the course draws."""
    return [Contest(f"race {r.op} {n}", r.op, r.inputs(n), cupy=False) for r in RACES for n in r.sizes]


def race_point(contest: Contest, times: dict[str, Any]) -> dict[str, Any] | None:
    """The point of a race, in the course's format; None for other contests."""
    if not contest.name.startswith("race "):
        return None
    race, n = next(r for r in RACES if r.op == contest.op), int(contest.name.split()[-1])
    return {"op": race.op, "inputs": race.words, "points": [{"n": n, **times["tinynn"]}]}


# -- running one ---------------------------------------------------------------------------------------------


def run(device: Device, name: str, limit: float = 8.0) -> dict[str, Any]:
    """Time one contest: ours, PyTorch's and CuPy's in turn."""
    contest = find(name)
    inputs = contest.inputs if device.real else contest.tiny or contest.inputs
    arrays = [_made(device, i, what, contest) for i, what in enumerate(inputs)]
    moved = _bytes(contest, arrays)
    works: dict[str, Callable[[], Any]] = {"tinynn": our_work(device, contest, arrays)}
    why = {}
    for title, make in (("torch", torch_work), ("cupy", cupy_work)):
        try:
            if (work := make(device, contest, arrays)) is not None:
                work()
                device.synchronize()
                works[title] = work
        except Exception as error:
            if "OutOfMemory" in type(error).__name__:
                continue  # a small GPU: no ratio
            why[title] = f"{title}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    times = turns(device, works, limit)
    ours = times["tinynn"]["median"]
    answer = {
        "status": "failed" if why else "ok", "times": times, "bytes": moved, "flops": contest.flops or None,
        "ratio": {title: found["median"] / ours for title, found in times.items() if title != "tinynn"},
        "aim": contest.aim, "race": race_point(contest, times),
    }  # fmt: skip
    return answer | ({"why": "; ".join(why.values())} if why else {})


def _made(device: Device, i: int, what: Any, contest: Contest) -> Any:
    """An input on the GPU: a few million different numbers, again and again."""
    from tinynn.gpu import to_device

    rng = np.random.default_rng(i)
    shape = what.shape if isinstance(what, Ints) else what
    shape = tuple([n if device.real or contest.tiny else min(n, 3) for n in shape])
    size = math.prod(shape)
    n = min(size, 1 << 22)
    if isinstance(what, Ints):
        high = what.high if device.real else min(what.high, 3)
        numbers: np.ndarray = rng.integers(0, high, n)
    else:
        scale = 1.0 if len(shape) > 1 and contest.op not in ("rnn", "gru", "lstm") else 0.5
        numbers = scale * rng.standard_normal(n, np.float32)
        if contest.op.startswith(("adam", "rms")) and i > 1:
            numbers = np.abs(numbers) + np.float32(0.1)
    part = to_device(numbers.astype(np.int64 if isinstance(what, Ints) else np.float32))
    return np.tile(part, -(-size // n))[:size].reshape(shape)


def _bytes(contest: Contest, arrays: list) -> int:
    if contest.moved or contest.backward:
        return int(contest.moved * arrays[0].nbytes)
    read = sum(a.nbytes for a in arrays)
    if contest.op == "embedding":  # rows of the table are read once for each token
        width = arrays[1].shape[1]
        return arrays[0].nbytes + 2 * arrays[0].size * width * arrays[1].itemsize
    out = ops.catalogue[contest.op].spec(*arrays, **contest.params).out
    outs = (out,) if isinstance(out, ops.Out) else out
    return read + sum(math.prod(o.shape) * np.dtype(o.dtype).itemsize for o in outs)


def our_work(device: Device, contest: Contest, arrays: list) -> Callable[[], Any]:
    if contest.run is not None:
        return contest.run(device, arrays)
    return pair_work(ops.catalogue[contest.op].pair("cuda"), contest, arrays)


def cupy_work(device: Device, contest: Contest, arrays: list) -> Callable[[], Any] | None:
    return pair_work(ops.catalogue[contest.op].pairs["numpy"], contest, arrays) if contest.cupy else None


def pair_work(pair: Pair, contest: Contest, arrays: list) -> Callable[[], Any]:
    if not contest.backward:
        return lambda: pair.forward(*arrays, **contest.params)
    out, cache = pair.forward(*arrays, **contest.params)
    dout = tuple(map(np.ones_like, out)) if isinstance(out, tuple) else np.ones_like(out)
    needs = tuple([a.dtype.kind == "f" for a in arrays])
    return lambda: pair.pull(dout, cache, needs)


def torch_work(device: Device, contest: Contest, arrays: list) -> Callable[[], Any] | None:
    torch = device.torch()
    if torch is None or contest.torch is None:
        return None
    tensors = [torch.from_dlpack(a) for a in arrays]
    function = contest.torch
    if getattr(function, "prepares", False):
        return function(torch, *tensors)
    if not contest.backward:

        def forward() -> Any:
            with torch.no_grad():
                return function(torch, *tensors)

        return forward
    leaves = [t.requires_grad_() for t in tensors if t.is_floating_point()]
    out = function(torch, *tensors)
    upstream = torch.ones_like(out)
    return lambda: torch.autograd.grad(out, leaves, upstream, retain_graph=True)
