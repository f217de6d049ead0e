"""10.7: one byte pair joined, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np

from ....data import bpe
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of
from .training import by_pieces

joining = Fill("10.7", "merge(tokens, pair, new)", returns="joined", level=2, minutes=8, dtype_matters=False)


@joining.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case([1, 2, 3], (1, 2), 9, note="the pair once, in front")
    yield case([3, 1, 2, 4, 1, 2], (1, 2), 9, note="the pair twice, once at the end")
    yield case([2, 1, 3, 2, 1], (1, 2), 9, note="1 and 2 the other way round: no pair")
    yield case([5, 5, 5], (5, 5), 9, note="three alike: the first two are the pair")
    yield case([5, 5, 5, 5, 1], (5, 5), 9, note="four alike: two pairs")
    yield case([4], (4, 4), 9, tags="one", note="one token")
    yield case([1, 3, 2, 1, 2], (1, 2), 9, note="the pair at the end; before it 1 and 2 apart")


@joining.drawn
def _(rng: np.random.Generator) -> Case:
    letters = draw.one_of(rng, 1, 2, 2, 3, 4)
    tokens = [int(k) for k in rng.integers(1, letters + 1, draw.size(rng, most=30))]
    pair = tuple(int(k) for k in rng.integers(1, letters + 1, 2))
    return case(tokens, pair, draw.one_of(rng, 9, 256, 300))


@joining.reference
def _(tokens, pair, new):
    return bpe._join(tokens, pair, new)


@joining.worked
def merge(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i], tokens[i + 1]) == pair:
            joined.append(new)
            i += 2  # both are used up
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.right
def looking_back(tokens, pair, new):
    joined: list[int] = []
    ready = False  # whether the last of `joined` is an old token that may begin a pair
    for token in tokens:
        if ready and joined[-1] == pair[0] and token == pair[1]:
            joined[-1], ready = new, False
        else:
            joined.append(token)
            ready = True
    return joined


@joining.right
def taking_from_the_front(tokens, pair, new):
    left, joined = list(tokens), []
    while left:
        if tuple(left[:2]) == pair:
            del left[:2]
            joined.append(new)
        else:
            joined.append(left.pop(0))
    return joined


# -- mistakes --------------------------------------------------------------------------------------------


@joining.mistake
def overlapping(tokens, pair, new):
    joined = []
    for i, token in enumerate(tokens):
        begins = i + 1 < len(tokens) and (token, tokens[i + 1]) == pair
        ends = i > 0 and (tokens[i - 1], token) == pair
        joined += [new] if begins else [] if ends else [token]
    return joined


@joining.mistake
def first_one_only(tokens, pair, new):
    for i in range(len(tokens) - 1):
        if (tokens[i], tokens[i + 1]) == pair:
            return [*tokens[:i], new, *tokens[i + 2 :]]
    return list(tokens)


@joining.mistake
def second_kept(tokens, pair, new):
    joined = list(tokens)
    for i in range(len(tokens) - 1):
        if (tokens[i], tokens[i + 1]) == pair:
            joined[i] = new
    return joined


@joining.mistake
def from_the_right(tokens, pair, new):
    return bpe._join(tokens[::-1], pair[::-1], new)[::-1]


@joining.mistake
def in_either_order(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and sorted(tokens[i : i + 2]) == sorted(pair):
            joined.append(new)
            i += 2
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.mistake
def last_token_lost(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens) - 1:
        if (tokens[i], tokens[i + 1]) == pair:
            joined.append(new)
            i += 2
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.mistake
def pair_at_the_end_missed(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens):
        if i + 2 < len(tokens) and (tokens[i], tokens[i + 1]) == pair:
            joined.append(new)
            i += 2
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.mistake
def pair_taken_out(tokens, pair, new):
    return [token for token in bpe._join(tokens, pair, new) if token != new]


@joining.mistake
def new_beside_the_pair(tokens, pair, new):
    return [k for token in bpe._join(tokens, pair, new) for k in ([*pair, new] if token == new else [token])]


@joining.mistake
def each_part_replaced(tokens, pair, new):
    return [new if token in pair else token for token in tokens]


@joining.mistake
def a_token_skipped_after_the_pair(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i], tokens[i + 1]) == pair:
            joined.append(new)
            i += 3
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.two("in_either_order", "last_token_lost")
def _(tokens, pair, new):
    joined, i = [], 0
    while i < len(tokens) - 1:
        if sorted(tokens[i : i + 2]) == sorted(pair):
            joined.append(new)
            i += 2
        else:
            joined.append(tokens[i])
            i += 1
    return joined


@joining.swaps
def _(function: Callable) -> AbstractContextManager:
    return in_place_of(bpe, "_join", function)


@joining.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert joining.swap is not None
    with joining.swap(_counted(function)):
        yield from by_pieces(optimizer, seed)


MOST = 50_000  # calls: some 11,000 learn the pieces and cut all words


def _counted(function: Callable) -> Callable:
    """A pair that stays where it was is joined again and again: then it stops here."""
    calls = 0

    def joined(*args):
        nonlocal calls
        calls += 1
        if calls > MOST:
            raise RecursionError("the pair is still there, and is joined again without an end")
        return function(*args)

    return joined
