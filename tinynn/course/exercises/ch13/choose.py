"""13.2: the next token from logits: temperature, top-k, and a number drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ....models import gpt
from ....random import as_generator
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of

choosing = Fill(
    "13.2",
    "choose(logits, temperature, top_k, u)",
    returns="p token",
    level=2,
    minutes=8,
    dtype_matters=False,
)


@choosing.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([2.0, 1.0, 3.0, 0.0]), 1.0, 4, 0.5, note="four tokens, all may be drawn")
    yield case(np.array([2.0, 1.0, 3.0, 0.0]), 0.5, 2, 0.2, note="temperature 1/2, the two best")
    yield case(np.array([2.0, 1.0, 3.0, 0.0]), 2.0, 3, 0.9, note="temperature 2, the three best")
    yield case(np.array([1.0, 4.0, 2.0, 3.0, 0.5]), 1.0, 1, 0.97, note="the best alone")
    yield case(np.array([-1.0, -4.0, -2.0, -3.0]), 1.5, 2, 0.05, note="all logits below 0")
    yield case(np.array([900.0, 901.0, 899.5]), 1.0, 3, 0.6, tags="large", note="logits near 900")
    yield case(rng.normal(size=12) * 2, 0.8, 5, 0.31, note="twelve tokens, the five best")
    yield case(rng.normal(size=12) * 2, 0.8, 5, 0.93, note="twelve others, and a large u")


@choosing.drawn
def _(rng: np.random.Generator) -> Case:
    n = draw.size(rng, 2, most=60)
    logits = rng.permutation(np.arange(n) + rng.uniform(0, 0.8, n)) * draw.one_of(rng, 0.2, 1.0, 3.0)
    k, temperature = int(rng.integers(1, n + 1)), draw.one_of(rng, 0.3, 0.7, 1.0, 1.7)
    return case(logits + draw.one_of(rng, 0.0, -40.0, 800.0), temperature, k, float(rng.random()))


def _shares(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max())
    return e / e.sum()


def _best(z: np.ndarray, k: int) -> np.ndarray:
    """-inf for all but the k largest."""
    return np.where(z < np.sort(z)[-k], -np.inf, z)


def _drawn(p: np.ndarray, u: float) -> int:
    return min(int((np.cumsum(p) <= u).sum()), len(p) - 1)


@choosing.reference
def _(logits, temperature, top_k, u):
    p = _shares(_best(logits / temperature, top_k))
    return p, _drawn(p, u)


@choosing.worked
def choose(logits, temperature, top_k, u):
    z = logits / temperature
    z = np.where(z < np.sort(z)[-top_k], -np.inf, z)  # the k largest stay
    p = np.exp(z - z.max())
    p = p / p.sum()
    token = np.searchsorted(np.cumsum(p), u, side="right")  # the first whose sum so far is beyond u
    return p, int(token)


@choosing.right
def best_first(logits, temperature, top_k, u):
    kept = np.argsort(-logits)[:top_k]
    p = np.zeros(len(logits))
    p[kept] = np.exp((logits[kept] - logits.max()) / temperature)
    p /= p.sum()
    return p, int(np.argmax(np.cumsum(p) > u))


@choosing.right
def walked_along(logits, temperature, top_k, u):
    least = sorted(logits.tolist())[-top_k]
    e = [np.exp((v - max(logits)) / temperature) if v >= least else 0.0 for v in logits]
    p = np.array(e) / sum(e)
    token, total = 0, p[0]
    while total <= u:
        token += 1
        total += p[token]
    return p, token


# -- mistakes --------------------------------------------------------------------------------------------


def _both(p: np.ndarray, u: float) -> tuple[np.ndarray, int]:
    return p, _drawn(p / p.sum(), u)


@choosing.mistake
def temperature_multiplied(logits, temperature, top_k, u):
    return _both(_shares(_best(logits * temperature, top_k)), u)


@choosing.mistake
def no_temperature(logits, temperature, top_k, u):
    return _both(_shares(_best(logits, top_k)), u)


@choosing.mistake
def temperature_on_shares(logits, temperature, top_k, u):
    p = _shares(_best(logits, top_k)) / temperature
    return _both(p, u)


@choosing.mistake
def no_top_k(logits, temperature, top_k, u):
    return _both(_shares(logits / temperature), u)


@choosing.mistake
def one_too_many(logits, temperature, top_k, u):
    return _both(_shares(_best(logits / temperature, min(top_k + 1, len(logits)))), u)


@choosing.mistake
def smallest_kept(logits, temperature, top_k, u):
    z = logits / temperature
    return _both(_shares(np.where(z > np.sort(z)[top_k - 1], -np.inf, z)), u)


@choosing.mistake
def shares_not_made_whole(logits, temperature, top_k, u):
    z = logits / temperature
    p = np.where(z < np.sort(z)[-top_k], 0.0, _shares(z))
    return p, _drawn(p, u)


@choosing.mistake
def the_others_logit_0(logits, temperature, top_k, u):
    z = logits / temperature
    return _both(_shares(np.where(z < np.sort(z)[-top_k], 0.0, z)), u)


@choosing.mistake
def always_the_best(logits, temperature, top_k, u):
    return _shares(_best(logits / temperature, top_k)), int(np.argmax(logits))


@choosing.mistake
def share_nearest_to_u(logits, temperature, top_k, u):
    p = _shares(_best(logits / temperature, top_k))
    return p, int(np.argmin(np.abs(p - u)))


@choosing.mistake
def one_before(logits, temperature, top_k, u):
    p = _shares(_best(logits / temperature, top_k))
    return p, max(_drawn(p, u) - 1, 0)


@choosing.mistake
def one_behind(logits, temperature, top_k, u):
    p = _shares(_best(logits / temperature, top_k))
    return p, min(_drawn(p, u) + 1, len(p) - 1)


@choosing.mistake
def u_times_the_tokens(logits, temperature, top_k, u):
    return _shares(_best(logits / temperature, top_k)), int(u * len(logits))


@choosing.mistake
def counted_from_the_best(logits, temperature, top_k, u):
    p = _shares(_best(logits / temperature, top_k))
    return p, _drawn(np.sort(p)[::-1], u)


@choosing.mistake
def overflows(logits, temperature, top_k, u):
    with np.errstate(all="ignore"):
        e = np.exp(_best(logits / temperature, top_k))
        p = e / e.sum()
    return p, _drawn(p, u)


@choosing.two("temperature_multiplied", "no_top_k")
def _(logits, temperature, top_k, u):
    return _both(_shares(logits * temperature), u)


@choosing.two("no_temperature", "always_the_best")
def _(logits, temperature, top_k, u):
    return _shares(_best(logits, top_k)), int(np.argmax(logits))


@choosing.swaps
def _(function: Callable) -> AbstractContextManager:
    """Where `GPT.generate` draws: a row at a time. Temperature 0 and top_p stay the library's."""
    library = gpt.sample

    def sample(
        logits: Any,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        rng: Any = None,
    ) -> np.ndarray:
        if temperature == 0 or top_p is not None:
            return library(logits, temperature, top_k, top_p, rng)
        u = as_generator(rng).random(len(logits))
        rows = np.asarray(logits, np.float64)
        k = min(top_k or rows.shape[1], rows.shape[1])
        return np.array([int(function(row, temperature, k, one)[1]) for row, one in zip(rows, u)])

    return in_place_of(gpt, "sample", sample)
