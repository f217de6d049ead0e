"""Chapter 13's GPT: Python's source in characters, trained for seconds; what its heads look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, optim
from ..data import CharTokenizer, Windows, joined, python_source
from ..models import GPT
from ..nn import KeyValueCache
from ..recipes.code import next_token_loss
from ..tensor import Tensor, no_grad, tensor
from .descend import descend

CONTEXT, LAYERS, HEADS, WIDTH = 64, 2, 4, 64
LEARNT, HELD = 600_000, 40_000
"""Characters to learn from, of the training files, and to measure on, of other files."""

BATCH, LR = 8, 0.006


class Source(NamedTuple):
    """The tokenizer, and the characters of either part as its tokens."""

    tokenizer: CharTokenizer
    train: np.ndarray
    held: np.ndarray


@cache
def source() -> Source:
    """Python's own source."""
    corpus = python_source()
    train, held = joined(corpus.train), joined(corpus.val)
    tokenizer = CharTokenizer.train(train)
    return Source(tokenizer, tokenizer.encode(train[:LEARNT]), tokenizer.encode(held[:HELD]))


Task = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""What becomes of a batch: ``task(x, y)`` gives what the model sees, and what it is to say."""


def next_token(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As the batch comes."""
    return x, y


def build(
    kv_heads: int | None = None, seed: int = 0, layers: int = LAYERS, width: int = WIDTH, extra: int = 0
) -> GPT:
    """An untrained GPT with rotary positions; `extra` tokens besides the characters."""
    manual_seed(seed)
    vocabulary = len(source().tokenizer) + extra
    return GPT(vocabulary, CONTEXT, layers, HEADS, width, kv_heads=kv_heads, positions="rotary")


def training(model: nn.Module, steps: int, task: Task = next_token) -> Iterator[float]:
    """Train, and give each step's loss."""
    windows = Windows(source().train, CONTEXT, batches=steps, batch_size=BATCH, seed=0)
    stepper = optim.AdamW(model.parameters(), LR, weight_decay=0.1)
    schedule = optim.WarmupCosine(stepper, max(steps // 20, 1), steps)
    model.train()
    for batch in windows:
        x, y = task(*batch)
        loss = next_token_loss(model(x), tensor(y))
        value = descend(loss, stepper, max_norm=1.0)
        schedule.step()
        yield value


def held_loss(model: nn.Module, task: Task = next_token, batches: int = 4) -> float:
    """Mean loss on held-out files, in nats for each character."""
    windows = Windows(source().held, CONTEXT, batches=batches, batch_size=32, shuffle=False)
    pairs = (task(*batch) for batch in windows)
    model.eval()
    with no_grad():
        return float(np.mean([next_token_loss(model(x), tensor(y)).item() for x, y in pairs]))


def write(model: GPT, prompt: str, count: int, temperature: float = 0.7, **options: Any) -> str:
    """The prompt, and what the model writes after it; always with the same drawn numbers."""
    tokens = source().tokenizer.encode(prompt)[None]
    rows = model.generate(tokens, count, temperature, generator=0, **options)
    return source().tokenizer.decode(rows[0])


def next_logits(model: GPT, prompt: str) -> np.ndarray:
    """Logits (V,) of what comes after the prompt."""
    model.eval()
    with no_grad():
        return model(source().tokenizer.encode(prompt)[None]).data[0, -1]


def gaps(model: GPT, text: str, prefill: int) -> np.ndarray:
    """(T,): how far each token's logits with a cache are from those of the whole pass, at most.

    The first `prefill` tokens are read at once, the others one after the other.
    """
    tokens = source().tokenizer.encode(text)[None]
    caches = [KeyValueCache(model.context) for _ in model.blocks]
    model.eval()
    with no_grad():
        whole = model(tokens).data[0]  # (T, V)
        cuts = np.split(tokens, range(prefill, tokens.shape[1]), axis=1)
        parts = [model(cut, caches).data[0] for cut in cuts]
    return np.abs(np.concatenate(parts) - whole).max(axis=1)


def attention(model: GPT, text: str, layer: int) -> np.ndarray:
    """The weights (H, T, T) of a layer's heads on a text."""
    block: Any = model.blocks[layer]
    part = block.attention
    model.eval()
    with no_grad():
        x = model.embed(source().tokenizer.encode(text)[None])
        for before in list(model.blocks)[:layer]:
            x = before(x)
        q, k, _ = F.split(part.qkv(block.norm1(x)), part.sizes, -1)
        q, k = nn.attention.split_heads(q, part.heads), nn.attention.split_heads(k, part.kv_heads)
        turned = [F.rotary(a, 0, part.rotary).data[0] for a in (q, k)]  # (H, T, E) each
    keys = np.repeat(turned[1], part.heads // part.kv_heads, axis=0)
    scores = turned[0] @ keys.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    scores = np.where(np.tri(len(text), dtype=bool), scores, -np.inf)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class WithoutMask(nn.Module):
    """The same GPT, whose attention has no causal mask: every token sees the whole window."""

    def __init__(self, model: GPT) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Any) -> Tensor:
        model: Any = self.model
        x = model.embed(tensor(tokens))
        for block in model.blocks:
            x = x + _all_to_all(block.attention, block.norm1(x))
            x = x + block.mlp(block.norm2(x))
        return model.out(model.norm(x))


def _all_to_all(part: Any, x: Tensor) -> Tensor:
    q, k, v = F.split(part.qkv(x), part.sizes, -1)
    split, merge = nn.attention.split_heads, nn.attention.merge_heads
    q, k, v = split(q, part.heads), split(k, part.kv_heads), split(v, part.kv_heads)
    q, k = F.rotary(q, 0, part.rotary), F.rotary(k, 0, part.rotary)
    return part.proj(merge(F.scaled_dot_product_attention(q, k, v)))


def cache_bytes(layers: int, width: int, heads: int, kv_heads: int, tokens: int, each: int = 4) -> int:
    """What the keys and values of one text take: two rows of kv_heads heads for a token in each layer."""
    return 2 * layers * kv_heads * (width // heads) * tokens * each


def measured_cache(model: GPT) -> int:
    """The bytes that the model's caches hold after a prompt, as the arrays themselves say."""
    caches = [KeyValueCache(model.context) for _ in model.blocks]
    with no_grad():
        model(source().tokenizer.encode("def ")[None], caches)
    return sum(room.nbytes for one in caches for room in one._room)
