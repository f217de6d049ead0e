"""Recurrent models of text: one that judges a sequence, one that continues it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ShapeError
from ..nn import GRU, LSTM, RNN, Embedding, Linear, Module
from ..nn.checks import whole
from ..nn.utils import beside_parameters
from ..ops.specs import require_choice
from ..random import Seed, as_generator
from ..tensor import Tensor, no_grad, plain_array
from .sampling import sample

KINDS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


class TextClassifier(Module):
    """One yes or no for a text: embedding, LSTM, and a linear layer over its last state.

    Parameters
    ----------
    vocabulary : int
        V, how many different tokens there are, the padding among them.
    embedding, hidden : int
        Widths of the token vectors and of the LSTM's state.
    padding_idx : int
        The token that fills up shorter texts, at their end.

    Attributes
    ----------
    config : dict
        What was passed: ``TextClassifier(**config)`` builds the same model again.

    Notes
    -----
    ``model(tokens)``: tokens (N, T), integers, give logits (N,). The sigmoid of a logit is the probability of
    "yes"; `nn.BCEWithLogitsLoss` takes logits. Each text ends at its last token that is no padding, or where
    ``lengths=`` (N integers) says; the last state is the one there, however much padding follows.

    Examples
    --------
    >>> TextClassifier(100)(np.array([[4, 7, 2, 0], [9, 0, 0, 0]])).shape
    (2,)
    """

    def __init__(self, vocabulary: int, embedding: int = 32, hidden: int = 64, padding_idx: int = 0) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, embedding, padding_idx=padding_idx)
        self.lstm = LSTM(embedding, hidden)
        self.head = Linear(hidden, 1)
        sizes = {"vocabulary": vocabulary, "embedding": embedding, "hidden": hidden}
        self.config = {**{k: int(v) for k, v in sizes.items()}, "padding_idx": int(padding_idx)}

    def forward(self, tokens: Any, *, lengths: Any = None) -> Tensor:
        tokens = _tokens("TextClassifier", tokens)
        if lengths is None:
            filled = tokens != self.config["padding_idx"] % self.config["vocabulary"]
            places = np.arange(1, tokens.shape[1] + 1, like=tokens)
            lengths = np.maximum(1, (filled * places).max(axis=1))
        vectors = self.embedding(tokens.T)  # (T, N, E)
        _, (h, _) = self.lstm(vectors, lengths=lengths)  # h (1, N, H)
        return self.head(h[0]).reshape(-1)  # (N,)


class CharRNN(Module):
    """A model of text, character by character: which comes next, given all before it.

    Parameters
    ----------
    vocabulary : int
        V, how many different characters there are.
    hidden : int
        Width of the state.
    layers : int
    kind : {"lstm", "gru", "rnn"}
    embedding : int, optional
        Width of a vector for each character. Left out, a character is one-hot: V numbers, one of them 1.
    dropout : float, 0 to below 1
        Between layers.

    Attributes
    ----------
    config : dict
        What was passed: ``CharRNN(**config)`` builds the same model again.

    Notes
    -----
    ``logits, state = model(tokens, state)``: tokens (N, T), integers, give logits (N, T, V) for the character
    after each one. The state may be handed to the next call, which goes on from there; for training on the
    segments of a long text hand on ``nn.detached(state)``.
    Source: Karpathy, The unreasonable effectiveness of recurrent neural networks, 2015.
    """

    def __init__(
        self, vocabulary: int, hidden: int = 128, layers: int = 1, kind: str = "lstm",
        embedding: int | None = None, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        require_choice("CharRNN", "kind", kind, tuple(KINDS))
        vocabulary = whole("CharRNN", "vocabulary", vocabulary)
        self.embedding = None if embedding is None else Embedding(vocabulary, embedding)
        self.rnn = KINDS[kind](embedding or vocabulary, hidden, num_layers=layers, dropout=dropout)
        self.head = Linear(hidden, vocabulary)
        self.vocabulary = vocabulary
        self.config = {
            "vocabulary": vocabulary, "hidden": hidden, "layers": layers, "kind": kind,
            "embedding": embedding, "dropout": dropout,
        }  # fmt: skip

    def forward(self, tokens: Any, state: Any = None) -> tuple[Tensor, Any]:
        tokens = _tokens("CharRNN", tokens).T  # (T, N)
        if self.embedding is not None:
            x = self.embedding(tokens)
        else:
            x = F.embedding(tokens, one_hot(self.vocabulary, self.head.weight.data))
        y, state = self.rnn(x, state)  # (T, N, H)
        return self.head(y).transpose(0, 1), state  # (N, T, V)

    def generate(
        self, prompt: Sequence[int] | np.ndarray, length: int, *, temperature: float = 1.0,
        top_k: int | None = None, top_p: float | None = None, generator: Seed = None,
    ) -> list[int]:  # fmt: skip
        """Continue `prompt`, at least one token, by `length` tokens that are drawn one by one.

        Parameters
        ----------
        prompt : integers, (T,)
        length : int
        temperature, top_k, top_p, generator
            How they are drawn: see `sample`.

        Returns
        -------
        list of int, the new tokens
        """
        length = whole("generate", "length", length, 0)
        rng, tokens, state = as_generator(generator), np.asarray(prompt), None
        if tokens.ndim != 1 or tokens.size == 0:
            raise ShapeError("generate", f"a prompt {tokens.shape}", "one or more tokens, (T,)", "prompt=[0]")
        found: list[int] = []
        before = self.training
        self.eval()
        try:
            with no_grad():
                for _ in range(length):
                    # the state remembers all before
                    logits, state = self(beside_parameters(self, tokens[None]), state)
                    found += sample(logits.data[0, -1:], temperature, top_k, top_p, rng).tolist()
                    tokens = np.array(found[-1:])
        finally:
            self.train(before)
        return found


def one_hot(n: int, like: np.ndarray) -> np.ndarray:
    """(n, n): row i is 1 at i and 0 elsewhere, of the dtype of `like` and where that lies."""
    numbers = np.arange(n, like=like)
    return (numbers[:, None] == numbers).astype(like.dtype)


def _tokens(where: str, tokens: Any) -> np.ndarray:
    """Integers (N, T), at least one step."""
    array = plain_array(tokens)
    if array.ndim != 2 or array.shape[1] == 0:
        hint = "tokens[None] for one text" if array.ndim == 1 and array.size else None
        raise ShapeError(where, f"tokens {array.shape}", "tokens (N, T), T at least 1", hint)
    return array
