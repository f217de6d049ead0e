"""Run the cases of `nn_cases` with PyTorch and keep what comes out: layers in nn.npz, training in optim.npz.

python tests/torch_vectors/make_nn.py        (PyTorch 2.13)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import nn_cases as cases  # noqa: E402

Vectors = dict[str, np.ndarray]


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().copy()


def _randomise(module: torch.nn.Module) -> None:
    """Values that no default hides: a weight that is not 1, a running mean that is not 0."""
    rng = np.random.default_rng(5)
    for key, value in module.state_dict().items():
        if value.is_floating_point():
            drawn = rng.random(value.shape) + 0.5 if key.endswith("var") else rng.normal(size=value.shape)
            value.copy_(torch.as_tensor(drawn))


def layers() -> Vectors:
    found: Vectors = {}
    for name, case in cases.LAYERS.items():
        module = case.build(torch.nn).double().train(case.train)
        _randomise(module)
        found |= {f"{name}/before/{key}": _array(value) for key, value in module.state_dict().items()}
        x = torch.as_tensor(case.input())
        if not case.below:
            x.requires_grad_()
        y = module(x)
        dy = np.random.default_rng(6).normal(size=tuple(y.shape))
        (y * torch.as_tensor(dy)).sum().backward()
        found[f"{name}/y"] = _array(y)
        if x.grad is not None:
            found[f"{name}/dx"] = _array(x.grad)
        found |= {f"{name}/grad/{key}": _array(p.grad) for key, p in module.named_parameters()}
        found |= {f"{name}/after/{key}": _array(value) for key, value in module.named_buffers()}
    return found


def recurrent() -> Vectors:
    """Outputs of recurrent layers, with gradients through all of them; lengths make a packed sequence."""
    found: Vectors = {}
    for name, case in cases.RECURRENT.items():
        module = case.build(torch.nn).double()
        _randomise(module)
        found |= {f"{name}/before/{key}": _array(value) for key, value in module.state_dict().items()}
        x, *states = [torch.as_tensor(a).requires_grad_() for a in (case.inputs()[0], *case.inputs()[1])]
        hx = states[0] if len(states) == 1 else tuple(states) or None
        y, *last = cases.flat(_run(module, x, hx, case.lengths))
        for i, part in enumerate([y, *last]):
            found[f"{name}/out{i}"] = _array(part)
        rng = np.random.default_rng(6)
        sum(
            (part * torch.as_tensor(rng.normal(size=tuple(part.shape)))).sum() for part in (y, *last)
        ).backward()
        found |= {f"{name}/din{i}": _array(part.grad) for i, part in enumerate([x, *states])}
        found |= {f"{name}/grad/{key}": _array(p.grad) for key, p in module.named_parameters()}
    return found


def _run(module: torch.nn.Module, x: torch.Tensor, hx, lengths: tuple[int, ...] | None):
    if lengths is None:
        return module(x, hx)
    first = module.batch_first
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.as_tensor(lengths), first, enforce_sorted=False)
    y, last = module(packed, hx)
    return torch.nn.utils.rnn.pad_packed_sequence(y, first, total_length=x.shape[1 if first else 0])[0], last


def losses() -> Vectors:
    found: Vectors = {}
    for name, (build, kind) in cases.LOSSES.items():
        x, target = map(torch.as_tensor, cases.loss_inputs(kind))
        loss = build(torch.nn)(x.requires_grad_(), target)
        loss.sum().backward()
        found |= {f"{name}/loss": _array(loss), f"{name}/dx": _array(x.grad)}
    return found


def statistics() -> Vectors:
    """Mean and variance of what each initialiser draws."""
    torch.manual_seed(0)
    drawn = {name: init(torch.nn.init, torch.empty(shape)) for name, (shape, init) in cases.INITS.items()}
    drawn |= {name: build(torch.nn) for name, build in cases.DEFAULTS.items()}
    found = {f"{name}/statistics": np.array([w.mean().item(), w.var().item()]) for name, w in drawn.items()}
    found["gains"] = np.array([torch.nn.init.calculate_gain(name) for name in cases.GAINS])
    shapes = {key: list(value.shape) for key, value in cases.all_layers(torch.nn).state_dict().items()}
    found["state"] = np.array(json.dumps(shapes))
    return found


def trajectories(dtype: torch.dtype = torch.float64) -> Vectors:
    found: Vectors = {}
    for name, build in cases.OPTIMISERS.items():
        params = [torch.as_tensor(p).to(dtype).requires_grad_() for p in cases.start()]
        optimiser = build(torch.optim, params)
        path = []
        for step in range(cases.STEPS):
            for i, p in enumerate(params):
                p.grad = torch.as_tensor(cases.gradient(step, i, _array(p))).to(dtype)
            optimiser.step()
            if (step + 1) % cases.EVERY == 0:
                path.append(np.concatenate([_array(p).ravel() for p in params]))
        found[f"{name}/{str(dtype).removeprefix('torch.')}"] = np.array(path)
    return found


def rates() -> Vectors:
    """Learning rate and momentum of two groups after each step."""
    found: Vectors = {}
    for name, build in cases.SCHEDULES.items():
        found[name] = _rates(build)
    warmup, total = 10, 50
    found["warmup cosine"] = _rates(
        lambda s, o: s.SequentialLR(
            o,
            [s.LinearLR(o, 1 / warmup, 1, warmup - 1), s.CosineAnnealingLR(o, total - warmup, 0.01)],
            [warmup],
        )
    )[:total]
    return found


def _rates(build) -> np.ndarray:
    a, b = (torch.zeros(1, requires_grad=True) for _ in range(2))
    optimiser = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.1, momentum=0.7)
    schedule = build(torch.optim.lr_scheduler, optimiser)
    seen = []
    for _ in range(cases.RATES):
        seen.append([value for group in optimiser.param_groups for value in (group["lr"], group["momentum"])])
        optimiser.step()
        schedule.step()
    return np.array(seen)


def clipped() -> Vectors:
    found: Vectors = {}
    for q in (1.0, 2.0, float("inf")):
        for limit in (0.5, 100.0):
            params = [torch.as_tensor(p).requires_grad_() for p in cases.start()]
            for i, p in enumerate(params):
                p.grad = torch.as_tensor(cases.gradient(0, i, _array(p)))
            norm = torch.nn.utils.clip_grad_norm_(params, limit, norm_type=q)
            found[f"clip {q} {limit}"] = np.concatenate(
                [[norm.item()], *[_array(p.grad).ravel() for p in params]]
            )
    return found


def make() -> dict[str, Vectors]:
    return {
        "nn": layers() | recurrent() | losses() | statistics(),
        "optim": trajectories() | trajectories(torch.float32) | rates() | clipped(),
    }


if __name__ == "__main__":
    for file, vectors in make().items():
        np.savez_compressed(HERE / f"{file}.npz", **vectors)
        print(f"{file}.npz: {len(vectors)} arrays, {(HERE / f'{file}.npz').stat().st_size:,} bytes")
