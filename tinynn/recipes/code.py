"""A GPT that writes Python: characters of the standard library's source, measured on files it never saw."""

from __future__ import annotations

import functools
import io
import math
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import functional as F
from .. import nn
from ..data import Batches, CharTokenizer, Windows, joined, python_source
from ..errors import ArgumentError
from ..models import GPT
from ..random import as_generator
from ..tensor import Tensor, no_grad
from .ngrams import ngram_bits, packed_bits
from .recipe import Recipe


class Streams(NamedTuple):
    """The characters of each part as numbers, its files one after the other."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


@functools.cache
def _encoded() -> tuple[CharTokenizer, Streams]:
    texts = [joined(part) for part in python_source()]
    tokenizer = CharTokenizer.train(texts[0])
    return tokenizer, Streams(*map(tokenizer.encode, texts))


@dataclass(frozen=True, kw_only=True)
class CodeRecipe(Recipe):
    """A language model of Python source, character by character. An epoch is `per_epoch` batches."""

    context: int
    layers: int
    heads: int
    width: int
    per_epoch: int
    temperature: float = 0.8

    figure = "bits per character of held-out files"
    written = "{:.3f}"
    unit = "characters"

    def split(self) -> Streams:
        return _encoded()[1]

    def model(self) -> GPT:
        return GPT(len(_encoded()[0]), self.context, self.layers, self.heads, self.width)

    def loss(self) -> Any:
        return next_token_loss

    def batches(self, part: np.ndarray, batch_size: int) -> Batches:
        return Windows(part, self.context, batches=self.per_epoch, batch_size=batch_size)

    def watched(self, part: np.ndarray) -> Batches:
        """The first 80,000 characters or so: enough to see the curve by."""
        return Windows(part, self.context, batches=max(80_000 // (32 * self.context), 1), batch_size=32, shuffle=False)

    def measure(self, model: nn.Module, part: np.ndarray) -> float:
        return bits_per_token(model, part, self.context)

    def beside(self, model: nn.Module, data: Streams) -> Iterator[str]:
        tokenizer = _encoded()[0]
        text = tokenizer.decode(data.test)
        for name, bits in packed_bits(text).items():
            yield f"{name}, which sees only the held-out files: {bits:.3f} bits per character"
        bits = ngram_bits(data.train, data.test, len(tokenizer))
        yield f"5-gram with Kneser-Ney smoothing, of the same training files: {bits:.3f} bits per character"
        assert isinstance(model, GPT)
        share = lambda lines: np.mean([is_python(line) for line in lines])
        written = self.sample_lines(model, 50)
        real = [line for line in text.split("\n") if line.strip()]
        yield f"{share(written):.0%} of 50 sampled lines tokenise as Python; of the held-out lines {share(real):.0%}"

    def sample_lines(self, model: GPT, count: int, seed: int = 0) -> list[str]:
        """`count` lines that are not blank, each the first of a sample that begins with a new line."""
        tokenizer, rng = _encoded()[0], as_generator(seed)
        start = np.tile(tokenizer.encode("\n"), (2 * count, 1))  # (N, 1)
        lines: list[str] = []
        for _ in range(10):  # a network that has learnt nothing may write blanks only
            rows = model.generate(start, self.context - 1, self.temperature, generator=rng)
            for row in rows:
                lines += [line for line in tokenizer.decode(row).split("\n") if line.strip()][:1]
            if len(lines) >= count:
                break
        return lines[:count]

    def show(self, model: nn.Module, text: str | None, examples: int) -> None:
        """Print what the network writes after `text`, or lines of its own."""
        assert isinstance(model, GPT)
        if not text:
            print("\n".join(self.sample_lines(model, examples) if examples else []))
            return
        tokenizer = _encoded()[0]
        prompt = tokenizer.encode(text)[None]  # (1, T)
        room = self.context - prompt.shape[1]
        if room < 1:
            got, wanted = f"a text of {len(text)} characters", f"at most {self.context - 1}, the network's context"
            raise ArgumentError("predict", got, wanted, f"--text {text[-20:]!r}")
        rows = model.generate(np.repeat(prompt, examples, 0), room, self.temperature, generator=0)
        print("\n\n".join(tokenizer.decode(row) for row in rows))


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, mean over all tokens: logits (N, T, V), targets (N, T)."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def bits_per_token(model: nn.Module, tokens: np.ndarray, context: int, batch_size: int = 32) -> float:
    """Mean -log2 p over all tokens but the first, each given half of the context or more before it.

    Windows overlap by half, and of each only the second half is counted, of the first window all.
    """
    half, total = context // 2, 0.0
    last = len(tokens) - 1 - context
    starts = np.append(np.arange(0, last, half), last)  # the last window ends with the last token
    counted = 0  # tokens 1 to `counted` have been
    model.eval()
    with no_grad():
        for rows in np.split(starts, range(batch_size, len(starts), batch_size)):
            at = rows[:, None] + np.arange(context)  # (N, T)
            losses = _nats(model, tokens[at], tokens[at + 1])
            for start, row in zip(rows, losses):
                total += row[counted - start :].sum()
                counted = start + context
    return total / counted / math.log(2)


def _nats(model: nn.Module, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-log p of each target, (N, T)."""
    logits = model(Tensor(x))
    flat = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1), reduction="none")
    return flat.data.reshape(y.shape).astype(np.float64)


def is_python(line: str) -> bool:
    """Whether the line, by itself and without its indentation, is made of Python's tokens.

    Brackets may stay open, since a statement may go on in the next line; strings may not.
    """
    try:
        found = list(tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline))
    except tokenize.TokenError as problem:
        return "multi-line statement" in str(problem)
    except SyntaxError:
        return False
    return all(token.type != tokenize.ERRORTOKEN for token in found)
