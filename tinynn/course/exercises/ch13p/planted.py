"""Documents with planted copies: what `split` is asked about."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

HEADING = "this text may be copied and passed on as long as this line stays"
LETTERS, ENDS = "bdfgklmnprstvz", ("a", "e", "i", "o", "u", "an", "en", "is", "or", "um")


class Planted(NamedTuple):
    """Documents in mixed order, and pairs (kind, i, j) of them that belong to one side."""

    documents: list[str]
    pairs: list[tuple[str, int, int]]

    def groups(self) -> list[set[int]]:
        """Documents that hang together, each once."""
        of = [{i} for i in range(len(self.documents))]
        for _, i, j in self.pairs:
            joined = of[i] | of[j]
            for k in joined:
                of[k] = joined
        return [g for i, g in enumerate(of) if i == min(g)]


@cache
def planted(seed: int) -> Planted:
    """36 different documents under one heading; copies, spellings, versions, excerpts and chains of some."""
    rng = np.random.default_rng([13, seed])
    words = [_word(rng) for _ in range(600)]
    texts = [list(rng.choice(words, size=rng.integers(90, 140))) for _ in range(36)]
    pairs = []
    for i in range(4):
        for kind, source, make in (
            ("copies", i, list), ("blanks", 4 + i, list), ("near", 8 + i, lambda t: _versions(rng, words, t)),
            ("excerpt", 12 + i, lambda t: t[20:60]),
        ):  # fmt: skip
            pairs.append((kind, source, len(texts)))
            texts.append(make(texts[source]))
        chain = 16 + i
        for part in (slice(0, 0.3), slice(0.7, 1)):
            new = list(texts[chain])
            at = slice(int(part.start * len(new)), int(part.stop * len(new)))
            new[at] = rng.choice(words, size=len(new[at]))
            pairs.append(("chain", chain, len(texts)))
            chain = len(texts)
            texts.append(new)
    spelled = {j for kind, _, j in pairs if kind == "blanks"}
    written = [_spelled(t) if k in spelled else f"{HEADING}\n{' '.join(t)}\n" for k, t in enumerate(texts)]
    order = rng.permutation(len(written))
    place = np.argsort(order)
    return Planted(
        [written[k] for k in order], [(kind, int(place[i]), int(place[j])) for kind, i, j in pairs]
    )


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(LETTERS)) + rng.choice(ENDS) for _ in range(2))


def _versions(rng: np.random.Generator, words: list[str], text: list[str]) -> list[str]:
    """The text with six words replaced."""
    new = list(text)
    for i in np.linspace(8, len(new) - 8, 6).astype(int):
        new[i] = str(rng.choice(words))
    return new


def _spelled(text: list[str]) -> str:
    """Other line ends and capitals."""
    lines = [" ".join(text[i : i + 9]).capitalize() for i in range(0, len(text), 9)]
    return HEADING.capitalize() + "\n\n" + "  \n".join(lines)
