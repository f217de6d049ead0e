"""Right before fast: ops on the GPU against the NumPy reference in float64, trainings against the CPU's."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import tinynn as tn
from tests.cases import BIG, CASES, Case
from tinynn import ops
from tinynn.gpu import empty, to_device, to_host
from tinynn.ops.op import Op

from .real import REAL, ready
from .timing import Device

TOLERANCE = 2e-4
"""Largest difference, in units of an array's largest value: float32, and the GPU's own exp and division."""

LOOSE = {"rnn": 1e-3, "gru": 1e-3, "lstm": 1e-3, "pow": 1e-3, "batch_norm": 1e-3, "group_norm": 1e-3}
"""Sums over many steps or differences of large sums lose more."""


def cases_of(name: str, device: Device) -> list[Case]:
    """The table's cases, large ones, those of real size; a few small ones where kernels are interpreted."""
    if device.real:
        return [case for case in [*CASES, *BIG, *REAL] if case.op == name]
    return [case for case in CASES if case.op == name][:3]


def op(device: Device, name: str, limit: float = 50.0) -> dict[str, Any]:
    """Compare an op's forward and backward in all its cases."""
    start, found, wrong, worst, done = time.monotonic(), ops.catalogue[name], [], 0.0, 0
    cases = cases_of(name, device)
    for case in cases:
        if time.monotonic() - start > limit:
            break
        error, what = one(found, case)
        worst, done = max(worst, error), done + 1
        if not error <= LOOSE.get(name, TOLERANCE):
            wrong.append(f"{case.id}: {what} differs by {error:.1e}")
    device.free()
    answer: dict[str, Any] = {
        "status": "differs" if wrong else "ok",
        "kernels": "cuda" in found.kernels,
        "cases": done,
        "worst": worst,
    }
    if wrong:
        answer["why"] = f"{len(wrong)} of {done} cases; {'; '.join(wrong[:4])}"
    if done < len(cases):
        answer |= {
            "status": answer["status"] if wrong else "not reached",
            "why": f"{done} of {len(cases)} cases",
        }
    return answer


def one(op: Op, case: Case) -> tuple[float, str]:
    """The largest difference in one case, and in what."""
    given = case.arrays(np.float32)
    exact = [a.astype(np.float64) if a.dtype == np.float32 else a.copy() for a in given]
    with np.errstate(all="ignore"):
        wanted = ready(op, op.pairs["numpy"], exact, case.params)
    there = [to_device(a) for a in given]
    poison([*_flat(wanted), *given], there[0])
    got = ready(op, op.pair("cuda"), there, case.params)
    pairs = list(zip(_flat(wanted), _flat(got), strict=True))
    if op.pairs["numpy"].backward is None:  # an update changes its inputs
        pairs += list(zip(exact, there))
    named = [(_difference(w, to_host(g)), f"array {i} of the results") for i, (w, g) in enumerate(pairs)]
    return max(named, default=(0.0, "nothing"))


def _flat(found: tuple[Any, tuple]) -> list[Any]:
    """Outputs, then gradients; those that nobody has are left out."""
    out, grads = found
    outs = list(out) if isinstance(out, tuple) else [out]
    return [a for a in (*outs, *grads) if a is not None]


def poison(likes: list[Any], there: Any) -> None:
    """Fill memory as large as the results with NaN, and give it back: what nobody writes shows."""
    held = []
    for like in likes:
        if like.size and like.dtype.kind == "f":
            memory = empty(like.shape, there)
            memory.fill(np.nan)
            held.append(memory)


def _difference(wanted: Any, got: Any) -> float:
    """Largest difference over the largest value; infinite for another shape, or NaN where none belongs."""
    wanted, got = np.asarray(wanted), np.asarray(got)
    if wanted.shape != got.shape:
        return float("inf")
    if not wanted.size:
        return 0.0
    if wanted.dtype.kind != "f":
        return 0.0 if np.array_equal(wanted, got) else float("inf")
    finite = np.isfinite(wanted)
    got = got.astype(np.float64)
    same = np.array_equal(wanted[~finite], got[~finite], equal_nan=True)
    if not (same and np.isfinite(got[finite]).all()):
        return float("inf")
    if not finite.any():
        return 0.0
    scale = max(float(np.abs(wanted[finite]).max()), 1e-3)
    return float(np.abs(wanted[finite] - got[finite]).max()) / scale


# -- trainings -----------------------------------------------------------------------------------------------

STEPS = 50
FIRST, LATER = 2e-5, 2e-3
"""How far losses may lie apart, in units of the loss: at the first step, and at any of 50.

Differences of rounding grow from step to step. NumPy's and Numba's pairs, both float32 on one CPU, lay 1.2e-7
apart at first and 1.5e-5 at most (the GPT; 5e-7 the others). A GPU's exp and division are less exact."""


def training(device: Device, name: str) -> dict[str, Any]:
    """Losses of 50 steps on the GPU and on the CPU, from the same weights and batches."""
    steps = STEPS if device.real else 3
    with tn.backend("numpy"):
        expected = losses(name, "cpu", steps, small=not device.real)
    found = losses(name, "cuda", steps, small=not device.real)
    device.free()
    apart = [abs(a - b) / abs(b) for a, b in zip(found, expected)]
    learns = expected[-1] < expected[0] or not device.real  # three tiny steps may not
    right = apart[0] <= FIRST and max(apart) <= LATER and learns
    answer: dict[str, Any] = {
        "status": "ok" if right else "differs", "steps": steps, "first": apart[0], "worst": max(apart),
        "losses": [round(loss, 6) for loss in found],
    }  # fmt: skip
    if not right:
        answer["why"] = f"losses {expected[0]:.4f} to {expected[-1]:.4f} on the CPU, {found[0]:.4f} to "
        answer["why"] += (
            f"{found[-1]:.4f} on the GPU; apart by {apart[0]:.1e} at first, {max(apart):.1e} at most"
        )
    return answer


def losses(name: str, device: str, steps: int, small: bool = False) -> list[float]:
    """Losses of a training on real digits or text."""
    tn.manual_seed(0)
    build, batches = {"MLP": _mlp, "CNN": _cnn, "LSTM": _lstm, "GPT": _gpt}[name](small)
    model = build.to(device)
    optimizer = tn.optim.AdamW(model.parameters(), lr=1e-3)
    found = []
    for n in range(steps):
        x, t = (tn.tensor(a, device=device) for a in batches(n))
        optimizer.zero_grad()
        logits = model(x)
        logits = logits[0] if isinstance(logits, tuple) else logits
        loss = tn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), t.reshape(-1))
        loss.backward()
        optimizer.step()
        found.append(loss)  # read at the end: nothing waits inside a step
    return [loss.item() for loss in found]


def _digits(n: int) -> Any:
    images, labels = tn.data.mnist()
    order = np.random.default_rng(0).permutation(len(images))

    def batch(i: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = order[np.arange(i * n, (i + 1) * n) % len(order)]
        return images[chosen], labels[chosen]

    return batch


def _text(n: int, t: int) -> Any:
    """Batches of characters and those that follow them, from Python's documentation; 65 kinds at most."""
    text = "\n".join(tn.data.python_docs().values())[:200_000]
    tokens = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) % 65

    def batch(i: int) -> tuple[np.ndarray, np.ndarray]:
        starts = np.random.default_rng(i).integers(0, len(tokens) - t - 1, n)
        rows = tokens[starts[:, None] + np.arange(t + 1)]
        return rows[:, :-1], rows[:, 1:]

    return batch


def _mlp(small: bool) -> tuple[Any, Any]:
    return tn.models.MLP(784, *((8,) if small else (256, 128)), 10), _digits(2 if small else 64)


def _cnn(small: bool) -> tuple[Any, Any]:
    if small:  # an interpreter takes a second for a million steps of threads
        pool = tn.nn.AvgPool2d(7)
        return tn.nn.Sequential(pool, tn.nn.Conv2d(1, 2, 3), tn.nn.Flatten(), tn.nn.Linear(8, 10)), _digits(1)
    return tn.models.DigitCNN(), _digits(64)


def _lstm(small: bool) -> tuple[Any, Any]:
    size = {"hidden": 3, "embedding": 2} if small else {"hidden": 128, "embedding": 32}
    return tn.models.CharRNN(65, **size), _text(*((2, 3) if small else (32, 64)))


def _gpt(small: bool) -> tuple[Any, Any]:
    size = {"layers": 1, "heads": 2, "width": 4} if small else {"layers": 4, "heads": 4, "width": 128}
    return tn.models.GPT(65, 64, **size), _text(*((1, 3) if small else (4, 64)))
