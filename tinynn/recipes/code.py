"""A GPT that writes Python: the standard library's source in pieces, measured on files it never saw."""

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
from ..data import Batches, BPETokenizer, CharTokenizer, Windows, joined, python_source
from ..errors import ArgumentError
from ..gpu.arrays import to_host
from ..models import GPT
from ..nn.utils import beside_parameters
from ..random import as_generator
from ..tensor import Tensor, no_grad
from .ngrams import ngram_bits, packed_bits
from .recipe import Recipe


class Streams(NamedTuple):
    """The tokens of each part, its files one after the other."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


@functools.cache
def encoded(size: int) -> tuple[BPETokenizer, Streams]:
    """A tokenizer of `size` tokens, made of the training files alone, and each part in its tokens."""
    texts = [joined(part) for part in python_source()]
    tokenizer = BPETokenizer.train(texts[0], size)
    return tokenizer, Streams(*map(tokenizer.encode, texts))


@dataclass(frozen=True, kw_only=True)
class CodeRecipe(Recipe):
    """A language model of Python source in byte pairs. An epoch is `per_epoch` batches.

    What is measured is bits per character, whatever a token is: ``-log2 p`` of the whole text, divided by
    its length in characters, which are bytes here.
    """

    tokens: int
    context: int
    layers: int
    heads: int
    width: int
    per_epoch: int
    temperature: float = 0.8

    figure = "bits per character of held-out files"
    written = "{:.3f}"
    unit = "tokens"

    def split(self) -> Streams:
        return encoded(self.tokens)[1]

    def model(self) -> GPT:
        return GPT(self.tokens, self.context, self.layers, self.heads, self.width)

    def loss(self) -> Any:
        return next_token_loss

    def batches(self, part: np.ndarray, batch_size: int) -> Batches:
        return Windows(part, self.context, batches=self.per_epoch, batch_size=batch_size)

    def watched(self, part: np.ndarray) -> Batches:
        """The first 16,000 tokens or so: enough to see the curve by."""
        few = max(16_000 // (32 * self.context), 1)
        return Windows(part, self.context, batches=few, batch_size=32, shuffle=False)

    def measure(self, model: nn.Module, part: np.ndarray) -> float:
        characters = len(encoded(self.tokens)[0].decode(part))
        return total_bits(model, part, self.context) / characters

    def beside(self, model: nn.Module, data: Streams) -> Iterator[str]:
        tokenizer = encoded(self.tokens)[0]
        train, _, test = map(tokenizer.decode, data)
        for name, bits in packed_bits(test).items():
            yield f"{name}, which sees the held-out files only: {bits:.3f} bits per character"
        letters = CharTokenizer.train(train)
        bits = ngram_bits(letters.encode(train), letters.encode(test), len(letters))
        yield f"5-gram of characters, Kneser-Ney, from the same training files: {bits:.3f} bits per character"
        assert isinstance(model, GPT)
        share = lambda lines: np.mean([is_python(line) for line in lines])
        real = share([line for line in test.split("\n") if line.strip()])
        written = share(self.sample_lines(model, 50))
        yield f"{written:.0%} of 50 sampled lines tokenise as Python; of the held-out lines {real:.0%}"

    def sample_lines(self, model: GPT, count: int, seed: int = 0) -> list[str]:
        """`count` whole lines that are not blank, each out of a sample of its own."""
        tokenizer, rng = encoded(self.tokens)[0], as_generator(seed)
        start = np.tile(tokenizer.encode("\n"), (count, 1))  # (N, 1)
        lines: list[str] = []
        for _ in range(10):  # a network that has learnt nothing may write no line end
            for row in model.generate(start, self.context - 1, self.temperature, generator=rng):
                whole = tokenizer.decode(row).split("\n")[
                    2:-1
                ]  # the first line has no indentation, the last no end
                lines += [line for line in whole if line.strip()][:1]
            if len(lines) >= count:
                break
        return lines[:count]

    def show(self, model: nn.Module, text: str | None, examples: int) -> None:
        """Print what the network writes after `text`, or lines of its own."""
        assert isinstance(model, GPT)
        if not text:
            print("\n".join(self.sample_lines(model, examples) if examples else []))
            return
        tokenizer = encoded(self.tokens)[0]
        prompt = tokenizer.encode(text)[None]  # (1, T)
        room = self.context - prompt.shape[1]
        if room < 1:
            got = f"a text of {prompt.shape[1]} tokens"
            wanted = f"at most {self.context - 1}, one less than the network's context"
            raise ArgumentError("predict", got, wanted, f"--text {text[-20:]!r}")
        rows = model.generate(np.repeat(prompt, examples, 0), room, self.temperature, generator=0)
        print("\n\n".join(tokenizer.decode(row) for row in rows))


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, mean over all tokens: logits (N, T, V), targets (N, T)."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def total_bits(model: nn.Module, tokens: np.ndarray, context: int, batch_size: int = 32) -> float:
    """-log2 p of all tokens but the first, each given half a context or more of what stands before it.

    Windows overlap by half, and of each only the second half counts; of the first window, all.
    """
    last = len(tokens) - 1 - context  # where the last window begins, which ends with the text
    starts = np.append(np.arange(0, last, context // 2), last)
    total, counted = 0.0, 0  # targets 1 to `counted` are in `total`
    model.eval()
    with no_grad():
        for rows in np.split(starts, range(batch_size, len(starts), batch_size)):
            at = rows[:, None] + np.arange(context)  # (N, T)
            for start, nats in zip(rows, _nats(model, tokens[at], tokens[at + 1])):
                total += nats[counted - start :].sum()
                counted = start + context
    return total / math.log(2)


def _nats(model: nn.Module, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-log p of each target, (N, T)."""
    logits = model(beside_parameters(model, x))
    targets = beside_parameters(model, y.reshape(-1))
    flat = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets, reduction="none")
    return to_host(flat.data).reshape(y.shape).astype(np.float64)


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
