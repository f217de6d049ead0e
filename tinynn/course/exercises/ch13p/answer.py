"""The project of Part II as one may solve it: a split, counts with smoothing, a GPT out of layers."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from tinynn import functional as F
from tinynn import nn


def split(documents, seed):
    runs = []
    for text in documents:
        words = text.lower().split()
        runs.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)} or {tuple(words)})
    group = list(range(len(documents)))  # each document's group, by the number of one of its members
    for i, a in enumerate(runs):
        for j, b in enumerate(runs[:i]):
            if group[i] != group[j] and 2 * len(a & b) > min(len(a), len(b)):
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    held: list[int] = []
    for g in np.random.default_rng(seed).permutation(sorted(set(group))):
        if len(held) < len(documents) / 10:
            held += [i for i in range(len(documents)) if group[i] == g]
    return [i for i in range(len(documents)) if i not in held], held


def baseline(train, vocabulary, n=5):
    train = [int(token) for token in train]
    counts: list[dict] = [defaultdict(Counter) for _ in range(n)]  # counts[k]: after the k tokens before
    for i, token in enumerate(train):
        for k in range(min(i, n - 1) + 1):
            counts[k][tuple(train[i - k : i])][token] += 1

    def p(context):
        context = [int(token) for token in context]
        mixed = np.full(vocabulary, 1 / vocabulary)
        for k in range(min(len(context), n - 1) + 1):
            seen = counts[k].get(tuple(context[len(context) - k :]))
            if seen is None:
                break  # nor was any longer context seen
            total, kinds = sum(seen.values()), len(seen)
            mixed *= kinds / (total + kinds)  # the share of the shorter context
            for token, count in seen.items():
                mixed[token] += count / (total + kinds)
        return mixed

    return p


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), nn.SelfAttention(width, heads)
        self.norm2, self.wide = nn.LayerNorm(width), nn.Linear(width, 4 * width)
        self.back = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.back(F.gelu(self.wide(self.norm2(x))))


class Writer(nn.Module):
    def __init__(self, vocabulary, context, width=48, layers=2, heads=4):
        super().__init__()
        self.embed, self.positions = nn.Embedding(vocabulary, width), nn.LearnedPositions(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        x = self.positions(self.embed(tokens))  # (N, T, D)
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x))  # (N, T, V)


def build(vocabulary, context):
    return Writer(vocabulary, context)
