"""Wrong answers that people write, each known by its name: the checks of the project are tried on them."""

from __future__ import annotations

import numpy as np

from tinynn import nn
from tinynn.models import GPT

from . import answer

# -- splits ----------------------------------------------------------------------------------------------


def _parts(order, count=None):
    cut = max(1, (count or len(order)) // 10)
    return [int(i) for i in order[cut:]], [int(i) for i in order[:cut]]


def by_order(documents, seed):
    return _parts(np.arange(len(documents)))


def by_global_numbers(documents, seed):
    return _parts(np.random.default_rng().permutation(len(documents)))


def shuffled(documents, seed):
    return _parts(np.random.default_rng(seed).permutation(len(documents)))


def exchanged(documents, seed):
    train, held = answer.split(documents, seed)
    return held, train


def both_sides(documents, seed):
    train, held = answer.split(documents, seed)
    return train + held[:1], held


def forgotten(documents, seed):
    train, held = answer.split(documents, seed)
    return train[3:], held


def texts(documents, seed):
    return tuple([documents[i] for i in part] for part in answer.split(documents, seed))


def _first_alike(alike):
    """Each document joins the first one kept that it is like, and is compared with no other."""

    def split(documents, seed):
        kept: list[int] = []
        group: list[int] = []
        for i, text in enumerate(documents):
            group.append(next((k for k in kept if alike(documents[k], text)), i))
            if group[-1] == i:
                kept.append(i)
        held = set(np.random.default_rng(seed).permutation(kept)[: max(1, len(kept) // 10)].tolist())
        places = range(len(documents))
        return [i for i in places if group[i] not in held], [i for i in places if group[i] in held]

    return split


def _runs(text):
    words = text.lower().split()
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def _jaccard(a, b):
    a, b = _runs(a), _runs(b)
    return 2 * len(a & b) > len(a | b)


def _contained(a, b):
    a, b = _runs(a), _runs(b)
    return 2 * len(a & b) > min(len(a), len(b))


SPLITS = [
    ("seedless", by_order),
    ("unsteady", by_global_numbers),
    ("copies", shuffled),
    ("sizes", exchanged),
    ("both", both_sides),
    ("lost", forgotten),
    ("no_pair", texts),
    ("blanks", _first_alike(lambda a, b: a == b)),
    ("near", _first_alike(lambda a, b: a.lower().split() == b.lower().split())),
    ("excerpt", _first_alike(_jaccard)),
    ("chain", _first_alike(_contained)),
    ("glued", _first_alike(lambda a, b: bool(_runs(a) & _runs(b)))),
]


# -- baselines -------------------------------------------------------------------------------------------


def _after(change, n=5):
    """The right one, whose probabilities or contexts are changed."""

    def baseline(train, vocabulary):
        p = answer.baseline(train, vocabulary, n)
        return lambda context: change(p, context)

    return baseline


def no_smoothing(train, vocabulary):
    p = answer.baseline(train, vocabulary, 3)
    found = np.bincount(train, minlength=vocabulary) > 0
    return lambda context: p(context) * found / (p(context) * found).sum()


def add_one(train, vocabulary, n=4):
    counts: dict = {}
    for i in range(n - 1, len(train)):
        counts.setdefault(tuple(train[i - n + 1 : i]), np.ones(vocabulary))[train[i]] += 1

    def p(context):
        c = counts.get(tuple(context[-(n - 1) :]), np.ones(vocabulary))
        return c / c.sum()

    return p


def division(train, vocabulary, n=3):
    counts: dict = {}
    for i in range(n - 1, len(train)):
        counts.setdefault(tuple(train[i - n + 1 : i]), np.zeros(vocabulary))[train[i]] += 1

    def p(context):
        c = counts.get(tuple(context[-(n - 1) :]), np.zeros(vocabulary))
        return c / c.sum()

    return p


def key_error(train, vocabulary, n=3):
    counts: dict = {}
    for i in range(n - 1, len(train)):
        counts.setdefault(tuple(train[i - n + 1 : i]), np.ones(vocabulary))[train[i]] += 1
    return lambda context: counts[tuple(context[-2:])] / counts[tuple(context[-2:])].sum()


def needs_two(train, vocabulary):
    p = answer.baseline(train, vocabulary)
    return lambda context: p(context) if context[-2] >= 0 else None


def counts_alone(train, vocabulary):
    p = answer.baseline(train, vocabulary)
    return lambda context: 100 * p(context)


def remembers(train, vocabulary):
    p, asked = answer.baseline(train, vocabulary), []

    def remembering(context):
        asked.append(context)
        share = 1 / (1 + len(asked))
        return p(context) * (1 - share) + share / vocabulary

    return remembering


def first_part(train, vocabulary):
    return answer.baseline(train[:5000], vocabulary)


def bigram(train, vocabulary):
    return answer.baseline(train, vocabulary, 2)


BASELINES = [
    ("logs", _after(lambda p, c: np.log(p(c)))),
    ("sums", counts_alone),
    ("no_chance", no_smoothing),
    ("no_shorter", add_one),
    ("not_seen", division),
    ("not_seen", key_error),
    ("short", needs_two),
    ("turned", _after(lambda p, c: p(c[-4:][::-1]))),
    ("far", _after(lambda p, c: p(c[:4]))),
    ("no_context", _after(lambda p, c: p(c[:0]))),
    ("skips", _after(lambda p, c: p(c[:-1]))),
    ("remembers", remembers),
    ("part", first_part),
    ("above", bigram),
    ("no_array", _after(lambda p, c: dict(enumerate(p(c))))),
]


# -- networks --------------------------------------------------------------------------------------------


class Seeing(answer.Writer):
    """One position too many is seen: the mask begins a place late."""

    def forward(self, tokens):
        x = super().forward(tokens)
        return x + np.concatenate([x.data[:, 1:], x.data[:, -1:]], axis=1)


class Everywhere(answer.Writer):
    def __init__(self, vocabulary, context):
        super().__init__(vocabulary, context)
        for block in self.blocks:
            block.attention = _Unmasked(48)


class _Unmasked(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.value = nn.Linear(width, width)

    def forward(self, x):
        return x * 0 + self.value(x).mean(dim=1, keepdim=True)


class Bag(answer.Writer):
    """One layer, and nothing that says where a token stands."""

    def __init__(self, vocabulary, context):
        super().__init__(vocabulary, context, layers=1)

    def forward(self, tokens):
        x = self.blocks[0](self.embed(tokens))
        return self.out(self.norm(x))


class Alone(answer.Writer):
    """Each position looks at its own token only."""

    def forward(self, tokens):
        return self.out(self.norm(self.positions(self.embed(tokens))))


class Last(answer.Writer):
    def forward(self, tokens):
        return super().forward(tokens)[:, -1]


class Softmax(answer.Writer):
    def forward(self, tokens):
        from tinynn import functional as F

        return F.softmax(super().forward(tokens), dim=-1)


class Loud(answer.Writer):
    def __init__(self, vocabulary, context):
        super().__init__(vocabulary, context)
        self.out.weight.data *= 60


class Fixed(answer.Writer):
    """Takes a shorter text for the end of a long one."""

    def forward(self, tokens):
        x = np.asarray(tokens)
        filled = np.concatenate([np.zeros((len(x), 32 - x.shape[1]), x.dtype), x], axis=1)
        return super().forward(filled)[:, 32 - x.shape[1] :]


class Drops(answer.Writer):
    def forward(self, tokens):
        rng = np.random.default_rng()
        x = super().forward(tokens)
        return x * (rng.random(x.shape) < 0.9).astype(np.float32)


class Detached(answer.Writer):
    """The network's inside is cut off from its loss."""

    def forward(self, tokens):
        from tinynn.tensor import Tensor

        x = self.positions(self.embed(tokens))
        for block in self.blocks:
            x = Tensor(block(x).data)
        return self.out(self.norm(x))


class Shifted(answer.Writer):
    """Logits a place late: those at t do not know the token at t."""

    def forward(self, tokens):
        x = np.asarray(tokens)
        return super().forward(np.concatenate([x[:, :1] * 0, x[:, :-1]], axis=1))


NETWORKS = [
    ("future", Seeing),
    ("future", Everywhere),
    ("order", Bag),
    ("past", Alone),
    ("shape", Last),
    ("softmax", Softmax),
    ("loud", Loud),
    ("unsteady_network", Drops),
    ("without", Detached),
    ("shifted", Shifted),
    ("shorter", Fixed),
    ("librarys", lambda vocabulary, context: GPT(vocabulary, context, 2, 4, 48)),
    ("large", lambda vocabulary, context: answer.Writer(vocabulary, context, width=160, layers=4)),
    ("no_module", lambda vocabulary, context: lambda tokens: tokens),
]
