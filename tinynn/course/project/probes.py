"""What the checks of Part II's project do with an answer, in the process that runs it.

Each probe takes the student's function first and returns plain numbers. Nothing here knows a right answer:
a grader's process, to which the folder of the exercises is hidden, imports it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import functional as F
from ...models import GPT
from ...nn import Module
from ...optim import Adam, clip_grad_norm_
from ...random import manual_seed
from ...recipes.ngrams import ngram_probabilities
from ...tensor import no_grad
from .language import each_bits, places

PLACES = 1000
"""Where a baseline is asked."""
LIVELY = 0.3
"""The least spread of a network's weights while it is looked at which token changes which logits."""
PASSAGE = 80
"""Tokens that a held-out text and the training text may share by chance, but rarely do."""


# -- a baseline ------------------------------------------------------------------------------------------


def asked(baseline: Callable, train: np.ndarray, vocabulary: int, contexts: list[np.ndarray]) -> list[Any]:
    """The probabilities after each context, then after the first once more."""
    p = baseline(train, vocabulary)
    return [_numbers(p(c.copy())) for c in [*contexts, contexts[0]]]


def _numbers(value: Any) -> np.ndarray | None:
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        return None


def measured(baseline: Callable, train: np.ndarray, held: np.ndarray, vocabulary: int) -> dict[str, Any]:
    """Bits per token of `held`: as it is, with half of the training text; the same with contexts cut short,
    and with those turned round.
    """
    p, half = baseline(train, vocabulary), baseline(train[: len(train) // 2], vocabulary)
    at = places(held, PLACES)
    facts = {name: float(np.mean(each_bits(f, held, at, 12))) for name, f in (("bits", p), ("half", half))}
    few, turned = at[::4], lambda context: p(context[::-1])
    by_length = [[float(np.mean(each_bits(f, held, few, m))) for m in range(2, 6)] for f in (p, turned)]
    return facts | {"forward": min(by_length[0]), "turned": min(by_length[1])}


# -- a network -------------------------------------------------------------------------------------------


def built(build: Callable, vocabulary: int, context: int) -> dict[str, Any]:
    """How a network behaves before any training."""
    manual_seed(0)  # the same verdict each time
    model = build(vocabulary, context)
    if not isinstance(model, Module):
        return {"module": False, "kind": type(model).__name__}
    model.eval()
    x = np.random.default_rng(0).integers(0, vocabulary, size=(3, context))
    logits = _logits(model, x)
    facts = {
        "module": True,
        "librarys": any(isinstance(m, GPT) for _, m in model.named_modules()),
        "parameters": sum(p.size for p in model.parameters()),
        "shape": list(logits.shape),
        "wanted": [3, context, vocabulary],
    }
    if facts["shape"] != facts["wanted"]:
        return facts
    facts |= {
        "finite": bool(np.isfinite(logits).all()),
        "sum": float(np.abs(logits.sum(axis=-1) - 1).max()),
        "loss": _nats(logits, (x * 7 + 3) % vocabulary) / math.log(vocabulary),
    }
    _strengthen(model)
    return facts | _seen(model, x, _logits(model, x), vocabulary)


def _strengthen(model: Module) -> None:
    """Make small weights larger, so that what a token does to others is far above rounding."""
    for p in model.parameters():
        if p.ndim > 1 and 0 < p.data.std() < LIVELY:
            p.data[...] *= p.data.dtype.type(LIVELY / p.data.std())


def _logits(model: Module, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return np.asarray(model(x).data, dtype=float)


def _seen(model: Module, x: np.ndarray, logits: np.ndarray, vocabulary: int) -> dict[str, Any]:
    """The largest change of logits that each change of tokens brings, as a share of their spread."""
    spread = max(logits.std(), 1e-12)
    half = x.shape[1] // 2
    changed = lambda new, part: float(np.abs(_logits(model, new) - logits)[:, part].max() / spread)
    other = lambda i: np.where(np.arange(x.shape[1]) == i, (x + 1) % vocabulary, x)
    swapped = x.copy()
    swapped[:, -3:-1] = x[:, -2:-4:-1]  # the two before the last; in some row they differ
    shorter = _logits(model, x[:, :half])
    return {
        "future": changed(other(half), slice(0, half)),
        "own": changed(other(half), slice(half, half + 1)),
        "past": changed(other(x.shape[1] - 2), slice(-1, None)),
        "order": changed(swapped, slice(-1, None)),
        "shorter": float(np.abs(shorter - logits[:, :half]).max() / spread),
        "again": float(np.abs(_logits(model, x) - logits).max() / spread),
    }


def _nats(logits: np.ndarray, y: np.ndarray) -> float:
    z = logits - logits.max(axis=-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return float(-np.take_along_axis(logp, y[..., None], axis=-1).mean())


def learnt_by_heart(
    build: Callable, vocabulary: int, context: int, limit: int, steps: int = 120
) -> dict[str, Any]:
    """The loss on one batch after `steps` steps of Adam, as a share of ln V; untrained parameters by name.

    With more parameters than `limit` nothing is trained: that would take long, and they are too many anyway.
    """
    manual_seed(0)  # the same verdict each time
    model = build(vocabulary, context)
    if sum(p.size for p in model.parameters()) > limit:
        return {"loss": 1.0, "without": []}
    optimizer = Adam(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, vocabulary, size=(2, 4, context))
    model.train()
    for _ in range(steps):
        model.zero_grad()
        logits = model(x)
        F.cross_entropy(logits.reshape(-1, vocabulary), y.reshape(-1)).backward()
        without = [name for name, p in model.named_parameters() if p.grad is None]
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    return {"loss": _nats(_logits(model, x), y) / math.log(vocabulary), "without": without}


# -- a contest -------------------------------------------------------------------------------------------


def contest(entry: Callable, part: int, parts: int, count: int = 600) -> dict[str, Any]:
    """Both models at every `parts`-th of `count` places of the held-out text."""
    given = entry()
    if not isinstance(given, dict) or not {"gpt", "baseline", "train", "held"} <= set(given):
        return {"entry": False}
    train, held = (np.asarray(given[name]) for name in ("train", "held"))
    if any(a.ndim != 1 or a.dtype.kind not in "iu" or not len(a) for a in (train, held)):
        return {"entry": False}
    facts: dict[str, Any] = {"entry": True, "train": len(train), "held": len(held)}
    if len(held) < 2000:
        return facts
    if part == 0:
        facts |= _about_texts(given["gpt"], train, held)
    at = places(held, count)[part::parts]
    for name in ("gpt", "baseline"):
        facts[name] = each_bits(given[name], held, at)
    return facts


def _about_texts(gpt: Callable, train: np.ndarray, held: np.ndarray) -> dict[str, Any]:
    """Whether probabilities are such, and passages on both sides; what the library's counts reach."""
    before = held[:256]
    once, again = (np.asarray(gpt(before), dtype=float) for _ in range(2))
    vocabulary = max(len(once), int(max(train.max(), held.max())) + 1)
    text = "".join(map(chr, train + 256))  # a search for tokens as a search for letters
    starts = places(held[:-PASSAGE], 200, seed=1)
    found = np.mean(["".join(map(chr, held[i : i + PASSAGE] + 256)) in text for i in starts])
    at = places(held, 600)
    ladder = {
        f"ngram{n}": -np.log2(ngram_probabilities(train, held, vocabulary, n)[at]).mean() for n in (2, 3, 5)
    }
    facts = {"sum": once.sum(), "low": once.min(), "again": np.abs(once - again).max(), "leak": found}
    return {name: float(value) for name, value in (facts | ladder).items()} | {"vocabulary": vocabulary}
