"""One shared random generator for everything that does not bring its own.

    tinynn.manual_seed(0)          # initial weights, dropout and batches repeat from here
    rng = as_generator(seed)       # what every function does with its argument `seed`

All randomness is NumPy's ``np.random.Generator``: a fixed seed gives the same numbers on every system.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn.errors import ArgumentError, DtypeError

Seed = int | np.random.Generator | None

_shared = np.random.default_rng()


def generator() -> np.random.Generator:
    """Return the shared generator, the same object for the life of the process."""
    return _shared


def manual_seed(seed: int) -> np.random.Generator:
    """Restart the shared generator from `seed` and return it.

    The object stays, only its state changes: whoever holds it draws from the new seed too.
    Equals ``torch.manual_seed``.
    """
    if seed is None or isinstance(seed, np.random.Generator):
        raise DtypeError("manual_seed", f"a {type(seed).__name__}", "an integer", "manual_seed(0)")
    _shared.bit_generator.state = as_generator(seed).bit_generator.state
    return _shared


def as_generator(seed: Seed = None) -> np.random.Generator:
    """Turn `seed` into a generator: None is the shared one, an integer a new one, a Generator itself."""
    if seed is None:
        return _shared
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        expected = "an integer, a np.random.Generator or None"
        raise DtypeError("seed", f"a {type(seed).__name__}", expected, "seed=0")
    if seed < 0:
        raise ArgumentError("seed", f"{seed}", "an integer of at least 0", f"seed={-seed}")
    return np.random.default_rng(int(seed))


def get_state(rng: np.random.Generator | None = None) -> dict[str, Any]:
    """Return the state of `rng` (the shared generator by default) as plain numbers, ready for JSON."""
    return _plain(as_generator(rng).bit_generator.state)


def set_state(state: dict[str, Any], rng: np.random.Generator | None = None) -> None:
    """Put `rng` (the shared generator by default) back into a state that `get_state` returned.

    A state that does not fit raises an `ArgumentError` and changes nothing.
    """
    bits = as_generator(rng).bit_generator
    before = bits.state
    try:
        bits.state = state
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as problem:
        bits.state = before
        expected = f"a state of {type(bits).__name__} as get_state returns it"
        raise ArgumentError("set_state", f"{_short(state)} ({problem})", expected) from None


def _plain(value: Any) -> Any:
    """Replace the arrays that some bit generators keep (Philox, MT19937) by lists."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
