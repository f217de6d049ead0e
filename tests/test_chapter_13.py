"""What chapter 13 claims: of its small GPT, its leaks, its cache, its heads, and of functions put into it."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn import no_grad
from tinynn.course import gpt
from tinynn.course import gpt_pictures as pictures
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch13 import leak, memory
from tinynn.course.long_runs import kept
from tinynn.recipes import RECIPES

TEXT = "def forward(self, x):"


@pytest.fixture(scope="module")
def model():
    model = gpt.build(layers=1, width=32)
    list(gpt.training(model, 20))
    return model


def test_a_model_that_knows_nothing_gives_equal_shares_and_then_learns(model):
    blind = gpt.held_loss(gpt.build(layers=1, width=32), batches=1)
    assert abs(blind - np.log(96)) < 0.1 and gpt.held_loss(model, batches=1) < blind - 0.5


def test_the_cache_gives_the_logits_of_the_whole_pass_and_wrong_positions_do_not(model):
    assert gpt.gaps(model, TEXT, 8).max() < 1e-4
    cached = find("13.3")
    with cached.swap(cached.worked_answer):
        assert gpt.gaps(model, TEXT, 8).max() < 1e-4
    with cached.swap(cached.mistakes["positions_from_0"].function):
        gaps = gpt.gaps(model, TEXT, 8)
    assert gaps[:8].max() < 1e-4 < 1e-3 < gaps[8:].max()


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_a_students_step_serves_grouped_heads_too_and_writes_the_same(kv_heads):
    grouped, cached = gpt.build(kv_heads, layers=1, width=32), find("13.3")
    library, calls = gpt.write(grouped, "def ", 12), []
    with cached.swap(lambda *args: calls.append(1) or cached.worked_answer(*args)):
        assert gpt.write(grouped, "def ", 12) == library
    assert len(calls) == 12
    bytes_of = gpt.cache_bytes(1, 32, gpt.HEADS, kv_heads, gpt.CONTEXT)
    assert gpt.measured_cache(grouped) == bytes_of


def test_a_students_sampler_draws_what_the_library_draws(model):
    choosing, calls = find("13.2"), []
    for options in ({}, {"top_k": 5}, {"temperature": 1.5}, {"temperature": 0}):
        library = gpt.write(model, "def ", 20, **options)
        with choosing.swap(lambda *args: calls.append(1) or choosing.worked_answer(*args)):
            assert gpt.write(model, "def ", 20, **options) == library
    assert len(calls) == 60  # temperature 0 stays the library's


def test_a_students_windows_are_the_librarys():
    shifted, calls = find("13.1"), []
    library = list(gpt.training(gpt.build(layers=1, width=32), 3))
    with shifted.swap(lambda *args: calls.append(1) or shifted.worked_answer(*args)):
        assert list(gpt.training(gpt.build(layers=1, width=32), 3)) == library
    assert len(calls) == 3


def test_the_map_of_a_heads_weights_is_causal_and_is_what_the_model_computes(model):
    weights = gpt.attention(model, TEXT, 0)
    assert weights.shape == (gpt.HEADS, len(TEXT), len(TEXT))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert not np.triu(weights, 1).any()
    block, tokens = model.blocks[0], gpt.source().tokenizer.encode(TEXT)[None]
    with no_grad():
        x = block.norm1(model.embed(tokens))
        v = block.attention.qkv(x).data[0, :, -32:].reshape(len(TEXT), gpt.HEADS, -1).swapaxes(0, 1)
        mixed = (weights @ v).swapaxes(0, 1).reshape(len(TEXT), -1)
        wanted = block.attention(x).data[0]
    part = block.attention.proj
    np.testing.assert_allclose(mixed @ part.weight.data.T + part.bias.data, wanted, atol=1e-5)


def test_without_a_mask_the_past_sees_the_future_and_with_it_not(model):
    tokens = gpt.source().tokenizer.encode(TEXT)[None]
    changed = tokens.copy()
    changed[0, -1] = 5
    for network, sees in ((model, False), (gpt.WithoutMask(model), True)):
        with no_grad():
            assert np.allclose(network(tokens).data[0, 0], network(changed).data[0, 0]) != sees


def test_the_cache_of_13_5_is_a_quarter():
    assert memory.gigabytes() == pytest.approx(17.18, abs=0.01)
    assert memory.gigabytes(32) == pytest.approx(4 * memory.gigabytes())


@pytest.mark.slow
def test_the_leak_of_13_4_shows_as_it_is_told():
    rows, text = leak.measured()
    assert rows[1][1] > 2 and rows[-1][1] < 1.3 and rows[-1][2] < 1.3
    right = gpt.build(layers=1, width=32)
    list(gpt.training(right, leak.STEPS))
    assert gpt.held_loss(right) > 2 and len(set(text[4:])) > 8


def test_pictures_say_what_they_show(model):
    logits = gpt.next_logits(model, "def ")
    shown = pictures.shares(logits, gpt.source().tokenizer.chars, 0.7, 5)
    assert "temperature 0.7 with the 5 likeliest" in shown.alt and "together 0.00" in shown.alt
    assert "gzip: 1.90" in pictures.bits({"gzip": 1.9, "GPT": 2.0}, "Packed").alt
    assert "'def' " not in pictures.targets(TEXT, 3).alt and "'ef '" in pictures.targets(TEXT, 3).alt


def test_the_long_run_says_how_far_it_went():
    long = kept("13")
    assert long["epochs"] == RECIPES["code-gpt"].epochs and str(long["updates"]) in long["samples"]
    assert all(0.5 < long[name] < 3 for name in ("GPT", "gzip", "xz", "5-gram of characters"))
