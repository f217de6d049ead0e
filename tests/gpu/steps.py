"""Whole training steps on the GPU, ours and PyTorch's: course size, and about ten times the work.

Forward, backward and update of models built from `nn` in the ordinary way, float32, PyTorch eager with its
fused optimiser. Both libraries get the same shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.bench.cases import GPT, torch_gpt

from .timing import Device, turns


class Library(NamedTuple):
    """A library with its tensors on the GPU."""

    name: str
    lib: Any
    constant: Callable[[np.ndarray], Any]
    F: Any

    def here(self, model: Any) -> Any:
        return model.to("cuda")


def tinynn_on_gpu() -> Library:
    import tinynn as tn

    return Library("tinynn", tn, lambda a: tn.tensor(a, device="cuda"), tn.functional)


def torch_on_gpu(torch: Any) -> Library:
    return Library("torch", torch, lambda a: torch.tensor(a, device="cuda"), torch.nn.functional)


Step = Callable[[], Any]


def _floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _whole(high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, high, shape)


def _training(library: Library, model: Any, loss: Callable[[], Any], algorithm: str = "Adam") -> Step:
    options = {"fused": True} if library.name == "torch" else {}
    optimizer = getattr(library.lib.optim, algorithm)(model.parameters(), lr=1e-3, **options)

    def step() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return value

    return step


def mlp(library: Library, batch: int, a: int, b: int, c: int, d: int) -> Step:
    nn = library.lib.nn
    model = library.here(
        nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d))
    )
    x, t = library.constant(_floats(batch, a)), library.constant(_whole(d, batch))
    return _training(library, model, lambda: library.F.cross_entropy(model(x), t))


def cnn(library: Library, batch: int, size: int = 28, c: int = 32, d: int = 64) -> Step:
    """Convolutions of 32, 64 and 64 channels, pools between them, two linear layers: `DigitCNN`."""
    nn, last = library.lib.nn, ((size - 2) // 2 - 2) // 2 - 2
    model = library.here(nn.Sequential(
        nn.Conv2d(1, c, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(c, d, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(d, d, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(d * last * last, d), nn.ReLU(), nn.Linear(d, 10),
    ))  # fmt: skip
    x, t = library.constant(_floats(batch, 1, size, size)), library.constant(_whole(10, batch))
    return _training(library, model, lambda: library.F.cross_entropy(model(x), t))


def lstm(library: Library, n: int, t: int, d: int, h: int) -> Step:
    model = library.here(library.lib.nn.LSTM(d, h))
    x, target = library.constant(_floats(t, n, d)), library.constant(_floats(t, n, h))
    return _training(library, model, lambda: library.F.mse_loss(model(x)[0], target))


def gpt(library: Library, batch: int, t: int, **config: int) -> Step:
    config = GPT | {"context": t} | config
    model = library.here(torch_gpt(config) if library.name == "torch" else library.lib.models.GPT(**config))
    v = config["vocabulary"]
    ids, targets = library.constant(_whole(v, batch, t)), library.constant(_whole(v, batch * t))
    loss = lambda: library.F.cross_entropy(model(ids).reshape(batch * t, v), targets)
    return _training(library, model, loss, "AdamW")


STEPS: dict[str, Callable[[Library], Step]] = {
    "MLP 784-256-128-10, batch 64": lambda lib: mlp(lib, 64, 784, 256, 128, 10),
    "CNN 28 x 28, batch 64": lambda lib: cnn(lib, 64),
    "LSTM N 32, T 64, D 64, H 64": lambda lib: lstm(lib, 32, 64, 64, 64),
    "GPT 4 layers of 128, T 64, batch 32": lambda lib: gpt(lib, 32, 64),
    "MLP 784-2560-1280-10, batch 640": lambda lib: mlp(lib, 640, 784, 2560, 1280, 10),
    "CNN 28 x 28, batch 640": lambda lib: cnn(lib, 640),
    "LSTM N 32, T 64, D 640, H 640": lambda lib: lstm(lib, 32, 64, 640, 640),
    "GPT 6 layers of 384, T 256, batch 32": lambda lib: gpt(lib, 32, 256, layers=6, heads=6, width=384),
}
TINY: dict[str, Callable[[Library], Step]] = {
    "MLP": lambda lib: mlp(lib, 2, 3, 4, 3, 2),
    "CNN": lambda lib: cnn(lib, 1, 18, 1, 2),
    "LSTM": lambda lib: lstm(lib, 2, 3, 2, 3),
    "GPT": lambda lib: gpt(lib, 1, 3, layers=1, heads=2, width=4, vocabulary=5),
}
"""The same for where kernels are interpreted."""


def run(device: Device, name: str, limit: float = 10.0) -> dict[str, Any]:
    """Time one training step of both libraries in turn."""
    make = STEPS[name] if device.real else TINY[name.split()[0]]
    works = {"tinynn": make(tinynn_on_gpu())}
    why = None
    if (torch := device.torch()) is not None:
        try:
            works["torch"] = make(torch_on_gpu(torch))
            works["torch"]()
        except Exception as error:
            works.pop("torch", None)
            why = f"torch: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    times = turns(device, works, limit)
    ratio = {"torch": times["torch"]["median"] / times["tinynn"]["median"]} if "torch" in times else {}
    aim = "lstm" if name == "LSTM N 32, T 64, D 64, H 64" else ""
    answer = {"status": "failed" if why else "ok", "times": times, "ratio": ratio, "aim": aim}
    return answer | ({"why": why} if why else {})


def memory(device: Device) -> dict[str, Any]:
    """Peak bytes of attention, forward and backward, at T 2048 and 4096: linear in T, or quadratic?"""
    from tinynn import ops
    from tinynn.gpu import to_device

    pair = ops.catalogue["scaled_dot_product_attention"].pair("cuda")

    def peak(t: int) -> int:
        q, k, v = (to_device(_floats(1, *((4, t, 64) if device.real else (1, t, 4)))) for _ in range(3))

        def work() -> None:
            out, cache = pair.forward(q, k, v, is_causal=True)
            pair.pull(np.ones_like(out), cache, (True, True, True))

        work()
        return device.peak(work)

    sizes = (2048, 4096) if device.real else (2, 4)
    return {"status": "ok", "peaks": {str(t): peak(t) for t in sizes}}
