"""The shared generator: seeded, saved, restored, never replaced."""

import json

import numpy as np
import pytest

from tinynn.errors import ArgumentError, DtypeError
from tinynn.random import as_generator, generator, get_state, manual_seed, set_state


@pytest.fixture(autouse=True)
def keep_shared_state():
    before = get_state()
    yield
    set_state(before)


def test_manual_seed_repeats_the_numbers_and_keeps_the_object():
    held = generator()
    first = manual_seed(7).random(5)
    second = manual_seed(7).random(5)
    assert held is generator()
    assert (first == second).all()
    assert (first != manual_seed(8).random(5)).all()


def test_none_is_shared_int_is_new_generator_is_itself():
    own = np.random.default_rng(3)
    assert as_generator(None) is generator()
    assert as_generator(own) is own
    assert as_generator(3) is not generator()
    assert as_generator(3).random() == as_generator(np.int64(3)).random()


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_state_survives_json(bits):
    rng = np.random.Generator(getattr(np.random, bits)(1))
    rng.random(3)
    state = json.loads(json.dumps(get_state(rng)))
    expected = rng.random(10)
    set_state(state, rng)
    assert (rng.random(10) == expected).all()


def test_shared_state_is_the_default():
    state = get_state()
    expected = generator().random(4)
    set_state(state)
    assert (generator().random(4) == expected).all()


@pytest.mark.parametrize("bad", [None, {}, 5, {"bit_generator": "MT19937"}])
def test_a_state_that_does_not_fit_changes_nothing(bad):
    before = get_state()
    with pytest.raises(ArgumentError, match="set_state: got"):
        set_state(bad)
    assert get_state() == before


BAD_SEEDS = [("0", DtypeError), (1.5, DtypeError), (True, DtypeError), (-1, ArgumentError)]


def test_a_state_that_is_read_half_changes_nothing():
    rng, other = (np.random.Generator(np.random.MT19937(seed)) for seed in (1, 2))
    before, bad = get_state(rng), get_state(other)
    del bad["state"]["pos"]  # NumPy takes over the key before it misses this
    with pytest.raises(ArgumentError):
        set_state(bad, rng)
    assert get_state(rng) == before


@pytest.mark.parametrize(("bad", "error"), BAD_SEEDS)
def test_bad_seeds_are_refused_with_a_hint(bad, error):
    with pytest.raises(error, match="seed: got .* expected an integer"):
        as_generator(bad)
    with pytest.raises(error):
        manual_seed(bad)


def test_manual_seed_wants_a_number():
    with pytest.raises(DtypeError, match="manual_seed"):
        manual_seed(None)
