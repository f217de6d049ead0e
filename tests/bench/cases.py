"""What is timed: each case is a name and, for each library, a function that makes the code to time.

Both sides get the same shapes, compute forward and backward (and the update where there is one), and are
written as a user of the library would write them. The imports are inside: a worker loads one library.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[], object]

SIZES = (784, 256, 128, 10)
THREADS = int(os.environ.get("TINYNN_BENCH_THREADS", "2"))
CHANNELS_LAST = bool(os.environ.get("TINYNN_BENCH_BEST"))


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def whole(high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, high, shape)


def functions(library: str) -> tuple:
    """(leaf, constant, functional) of a library; a leaf takes a gradient."""
    if library == "torch":
        import torch
        import torch.nn.functional as F

        torch.set_num_threads(THREADS)
        return lambda a: torch.tensor(a, requires_grad=True), torch.tensor, F
    import tinynn as tn

    tn.threads.set_num_threads(min(THREADS, tn.threads.most_threads()))
    return lambda a: tn.tensor(a, requires_grad=True), tn.tensor, tn.functional


def forward_backward(build: Callable[..., tuple]) -> Callable[[str], Run]:
    """A case from a function that returns leaves, what to compute of them, and the shape of the result."""

    def case(library: str) -> Run:
        leaf, constant, F = functions(library)
        leaves, compute, shape = build(leaf, constant, F)
        upstream = constant(floats(*shape)) if shape else None

        def run() -> None:
            for x in leaves:
                x.grad = None
            y = compute()
            y.backward(upstream) if upstream is not None else y.backward()

        return run

    return case


def unary(name: str, *shape: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x = leaf(floats(*shape))
        function = getattr(F, name)
        return [x], lambda: function(x), shape

    return forward_backward(build)


def softmax(*shape: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x = leaf(floats(*shape))
        return [x], lambda: F.softmax(x, dim=-1), shape

    return forward_backward(build)


def add(*shape: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x, y = leaf(floats(*shape)), leaf(floats(*shape))
        return [x, y], lambda: x + y, shape

    return forward_backward(build)


def layer_norm(n: int, d: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x, w, b = leaf(floats(n, d)), leaf(floats(d)), leaf(floats(d))
        return [x, w, b], lambda: F.layer_norm(x, (d,), w, b), (n, d)

    return forward_backward(build)


def cross_entropy(n: int, k: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x, t = leaf(floats(n, k)), constant(whole(k, n))
        return [x], lambda: F.cross_entropy(x, t), None

    return forward_backward(build)


def linear(n: int, inputs: int, outputs: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        x, w, b = leaf(floats(n, inputs)), leaf(floats(outputs, inputs)), leaf(floats(outputs))
        return [x, w, b], lambda: F.linear(x, w, b), (n, outputs)

    return forward_backward(build)


def embedding(n: int, v: int, d: int) -> Callable[[str], Run]:
    def build(leaf, constant, F):
        w, i = leaf(floats(v, d)), constant(whole(v, n))
        return [w], lambda: F.embedding(i, w), (n, d)

    return forward_backward(build)


def adam(n: int) -> Callable[[str], Run]:
    def case(library: str) -> Run:
        if library == "torch":
            import torch

            torch.set_num_threads(2)
            p = torch.nn.Parameter(torch.tensor(floats(n)))
            p.grad = torch.tensor(floats(n))
            return torch.optim.Adam([p], fused=True).step
        import tinynn as tn

        p = tn.nn.Parameter(floats(n))
        p.grad = tn.tensor(floats(n))
        return tn.optim.Adam([p]).step

    return case


def chain(n: int) -> Callable[[str], Run]:
    """The tape's overhead: n additions of eight numbers, there and back."""

    def build(leaf, constant, F):
        x, one = leaf(floats(8)), constant(floats(8))

        def compute():
            y = x
            for _ in range(n):
                y = y + one
            return y

        return [x], compute, (8,)

    return forward_backward(build)


def package(library: str) -> Any:
    """The package itself: `nn`, `optim` and the rest."""
    return importlib.import_module("torch" if library == "torch" else "tinynn")


def training(library: str, model: Any, backward: Callable[[], object], algorithm: str = "Adam") -> Run:
    """One training step; `backward` does both passes. PyTorch's fastest: one call for all parameters."""
    options = {"fused": True} if library == "torch" else {}
    optimizer = getattr(package(library).optim, algorithm)(model.parameters(), lr=1e-3, **options)

    def run() -> None:
        optimizer.zero_grad()
        backward()
        optimizer.step()

    return run


def mlp(batch: int) -> Callable[[str], Run]:
    """One training step, written as each library's tutorial writes it."""

    def case(library: str) -> Run:
        _, constant, F = functions(library)
        lib = package(library)
        nn = lib.nn
        a, b, c, d = SIZES
        model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d))
        x, t = constant(floats(batch, a)), constant(whole(d, batch))
        return training(library, model, lambda: F.cross_entropy(model(x), t).backward())

    return case


def convolutional(channels: int, size: int, batch: int) -> Callable[[str], Run]:
    """One training step of a Keras-style network: conv 32, pool, conv 64, pool, conv 64, dense 64, dense 10.

    The digit network takes images of 1 x 28 x 28, the CIFAR-shaped one of 3 x 32 x 32.
    """

    def case(library: str) -> Run:
        _, constant, F = functions(library)
        lib = package(library)
        nn, last = lib.nn, ((size - 2) // 2 - 2) // 2 - 2
        model = nn.Sequential(
            nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * last * last, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
        x, t = constant(floats(batch, channels, size, size)), constant(whole(10, batch))
        if library == "torch" and CHANNELS_LAST:
            model, x = model.to(memory_format=lib.channels_last), x.to(memory_format=lib.channels_last)
        return training(library, model, lambda: F.cross_entropy(model(x), t).backward())

    return case


def recurrent(kind: str, hidden: int) -> Callable[[str], Run]:
    """One training step of a recurrent layer: 32 sequences of 64 steps of 64 features."""

    def case(library: str) -> Run:
        _, constant, _ = functions(library)
        lib = package(library)
        model = getattr(lib.nn, kind)(64, hidden)
        x, upstream = constant(floats(64, 32, 64)), constant(floats(64, 32, hidden))
        return training(library, model, lambda: model(x)[0].backward(upstream))

    return case


def attention(n: int, h: int, t: int, e: int) -> Callable[[str], Run]:
    """Causal attention of queries, keys and values that lie as a layer's heads do: (N, T, H, E)."""

    def build(leaf, constant, F):
        heads = [leaf(floats(n, t, h, e)) for _ in range(3)]

        def compute():
            q, k, v = (x.transpose(1, 2) for x in heads)
            return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)

        return heads, compute, (n, t, h, e)

    return forward_backward(build)


GPT = {"vocabulary": 65, "context": 64, "layers": 4, "heads": 4, "width": 128}


def torch_gpt(config=GPT):
    """The model of `tinynn.models.GPT` as one writes it with PyTorch's modules."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    d, h, v = config["width"], config["heads"], config["vocabulary"]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
            self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.fc, self.out = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

        def attend(self, x):
            n, t, _ = x.shape
            q, k, v = (y.view(n, t, h, d // h).transpose(1, 2) for y in self.qkv(x).split(d, dim=-1))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.proj(y.transpose(1, 2).reshape(n, t, d))

        def forward(self, x):
            x = x + self.attend(self.norm1(x))
            return x + self.out(F.gelu(self.fc(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.places = nn.Embedding(v, d), nn.Embedding(config["context"], d)
            self.blocks = nn.ModuleList(Block() for _ in range(config["layers"]))
            self.norm, self.out = nn.LayerNorm(d), nn.Linear(d, v, bias=False)
            self.out.weight = self.embed.weight

        def forward(self, ids):
            x = self.embed(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
            for block in self.blocks:
                x = block(x)
            return self.out(self.norm(x))

    return Model()


def gpt(batch: int, t: int) -> Callable[[str], Run]:
    """One training step of a small language model."""

    def case(library: str) -> Run:
        _, constant, F = functions(library)
        model = torch_gpt() if library == "torch" else package(library).models.GPT(**GPT)
        ids, targets = constant(whole(65, batch, t)), constant(whole(65, batch * t))
        loss = lambda: F.cross_entropy(model(ids).reshape(batch * t, 65), targets)
        return training(library, model, lambda: loss().backward(), "AdamW")

    return case


CASES: dict[str, Callable[[str], Run]] = {
    "mlp step, batch 64": mlp(64),
    "mlp step, batch 256": mlp(256),
    "digit cnn step, batch 64": convolutional(1, 28, 64),
    "cifar cnn step, batch 64": convolutional(3, 32, 64),
    **{f"{k.lower()} step, H {h}": recurrent(k, h) for k in ("RNN", "GRU", "LSTM") for h in (64, 256)},
    "gpt step, batch 32": gpt(32, 64),
    "100 small adds": chain(100),
    "relu 64x64": unary("relu", 64, 64),
    "relu 1024x1024": unary("relu", 1024, 1024),
    "gelu 64x64": unary("gelu", 64, 64),
    "gelu 1024x1024": unary("gelu", 1024, 1024),
    "tanh 1024x1024": unary("tanh", 1024, 1024),
    "softmax 64x10": softmax(64, 10),
    "softmax 1024x1024": softmax(1024, 1024),
    "layer_norm 64x64": layer_norm(64, 64),
    "layer_norm 4096x256": layer_norm(4096, 256),
    "cross_entropy 64x10": cross_entropy(64, 10),
    "cross_entropy 1024x1000": cross_entropy(1024, 1000),
    "add 64x64": add(64, 64),
    "add 1024x1024": add(1024, 1024),
    "linear 64x784 to 256": linear(64, 784, 256),
    "linear 1024x1024 to 1024": linear(1024, 1024, 1024),
    "attention T 64": attention(16, 4, 64, 32),
    "attention T 256": attention(16, 4, 256, 32),
    "attention T 1024": attention(16, 4, 1024, 32),
    "embedding 64 of 1000x64": embedding(64, 1000, 64),
    "embedding 4096 of 5000x128": embedding(4096, 5000, 128),
    "adam 10 000": adam(10_000),
    "adam 1 000 000": adam(1_000_000),
}
