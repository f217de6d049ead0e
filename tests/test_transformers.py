"""The transformer models: each can overfit a batch, writes on as stated, and is built again by its config."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as tn
from tinynn import functional as F
from tinynn import nn, optim
from tinynn.models import BERT, GPT, Seq2Seq, mask_tokens, sample

V, T = 20, 12
SMALL = {"layers": 2, "heads": 4, "width": 32}
GPTS = [
    {},
    {"norm": "rms", "positions": "rotary", "mlp": "swiglu", "kv_heads": 2, "bias": False},
    {"positions": "sinusoidal", "tied": False, "kv_heads": 1},
]
each_gpt = pytest.mark.parametrize("options", GPTS, ids=lambda o: "-".join(map(str, o.values())) or "plain")


pytestmark = pytest.mark.usefixtures("seeded")


def tokens(*shape, seed=0):
    return np.random.default_rng(seed).integers(2, V - 1, shape)


def fit(model, loss, steps=120):
    optimiser = optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
    return value.item()


def next_token_loss(logits, targets):
    return F.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))


# -- each overfits one batch -------------------------------------------------------------------------


@each_gpt
def test_gpt_learns_a_batch_by_heart_and_recites_it(options):
    ids = tokens(4, T)
    ids[:, 0] = range(4)
    model = GPT(V, T, **SMALL, **options)
    assert fit(model, lambda: next_token_loss(model(ids[:, :-1]), ids[:, 1:])) < 0.1
    np.testing.assert_array_equal(model.generate(ids[:, :1], T - 1, temperature=0), ids)


@pytest.mark.parametrize("types", [0, 2])
def test_bert_learns_to_fill_the_holes_of_a_batch(types):
    ids = tokens(4, T)
    seen, targets = mask_tokens(ids, V - 1, V, 0.3, generator=0)
    kinds = np.arange(T)[None] // 6 * np.ones((4, 1), int) if types else None
    padding = np.zeros((4, T), bool)
    padding[0, -2:] = True
    targets[0, -2:] = -100
    model = BERT(V, T, **SMALL, types=types, dropout=0.0)
    assert fit(model, lambda: next_token_loss(model(seen, padding, kinds), targets)) < 0.1
    changed = seen.copy()
    changed[0, -2:] = 5
    np.testing.assert_allclose(
        model.eval()(changed, padding, kinds).data[0, :-2],
        model(seen, padding, kinds).data[0, :-2],
        atol=1e-5,
    )


def test_seq2seq_learns_to_reverse_a_batch():
    source = tokens(4, 6)
    target = np.concatenate([np.zeros((4, 1), int), source[:, ::-1], np.ones((4, 1), int)], axis=1)
    model = Seq2Seq(V, 16, 1, 4, 32, dropout=0.0)
    assert fit(model, lambda: next_token_loss(model(source, target[:, :-1]), target[:, 1:])) < 0.1
    np.testing.assert_array_equal(model.generate(source, start=0, stop=1), target)
    padded = np.concatenate([source, source[:, :2]], axis=1)
    padding = np.broadcast_to(np.arange(8) >= 6, padded.shape)
    np.testing.assert_array_equal(model.generate(padded, 0, 1, padding=padding), target)


# -- generation --------------------------------------------------------------------------------------


@each_gpt
def test_with_and_without_the_cache_the_same_tokens_come(options):
    model = GPT(V, 40, **SMALL, **options, dropout=0.2)
    prompt = tokens(3, 5)
    kept, anew = (
        model.generate(prompt, 35, temperature=0.9, top_k=12, top_p=0.95, generator=7, use_cache=cache)
        for cache in (True, False)
    )
    np.testing.assert_array_equal(kept, anew)
    assert kept.shape == (3, 40) and kept.dtype == prompt.dtype and model.training
    assert not np.array_equal(kept, model.generate(prompt, 35, generator=8))


@each_gpt
def test_a_cache_may_be_filled_in_pieces_of_any_length(options):
    model, ids = GPT(V, T, **SMALL, **options).eval(), tokens(2, T)
    with tn.no_grad():
        whole = model(ids).data
        caches = [nn.KeyValueCache(T) for _ in model.blocks]
        pieces = [model(ids[:, a:b], caches).data for a, b in [(0, 5), (5, 6), (6, 10), (10, 12)]]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=1e-4, atol=1e-5)


@each_gpt
def test_a_later_token_changes_no_earlier_logits(options):
    model, ids = GPT(V, T, **SMALL, **options).eval(), tokens(2, T)
    before = model(ids).data
    ids[:, 7:] = 3
    np.testing.assert_allclose(model(ids).data[:, :7], before[:, :7], rtol=1e-4, atol=1e-5)


def test_sampling_with_temperature_top_k_and_top_p():
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.05]]))
    many = np.repeat(logits, 20_000, axis=0)

    def shares(**options):
        return np.bincount(sample(many, generator=0, **options), minlength=4) / len(many)

    np.testing.assert_allclose(shares(), [0.5, 0.3, 0.15, 0.05], atol=0.012)
    sharp = np.array([0.5, 0.3, 0.15, 0.05]) ** 2
    np.testing.assert_allclose(shares(temperature=0.5), sharp / sharp.sum(), atol=0.012)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=0.012)
    np.testing.assert_allclose(shares(top_p=0.6), [0.625, 0.375, 0, 0], atol=0.012)
    np.testing.assert_allclose(shares(top_p=0.5), [1, 0, 0, 0])
    np.testing.assert_allclose(shares(temperature=0), [1, 0, 0, 0])
    np.testing.assert_array_equal(sample(many[:9], generator=3), sample(many[:9], generator=3))
    assert set(sample([[-np.inf, 0.0, -np.inf]] * 50, generator=0)) == {1}


# -- config, weights, costs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [GPT(V, T, **SMALL, kv_heads=2), BERT(V, T, **SMALL, types=2), Seq2Seq(V, T)]
)
def test_the_config_builds_the_same_model_again(model):
    again = type(model)(**model.config)
    assert again.config == model.config
    again.load_state_dict(model.state_dict())


def test_tied_weights_are_one_parameter():
    tied, apart = (GPT(V, T, **SMALL, tied=t) for t in (True, False))
    assert tied.out.weight is tied.embed.weight
    assert sum(p.size for p in apart.parameters()) - sum(p.size for p in tied.parameters()) == V * 32


@each_gpt
def test_summary_counts_a_gpt(options):
    model = GPT(V, T, **SMALL, **options)
    table = nn.summary(model, (2, T), np.int64)
    assert table.output == (2, T, V) and table.parameters == sum(p.size for p in model.parameters())
    assert table.flops == sum(row.flops for row in table.rows) > 0


def test_a_masked_language_model_s_targets():
    ids = tokens(200, 50)
    seen, targets = mask_tokens(ids, V - 1, V, 0.15, generator=0)
    chosen = targets != -100
    assert abs(chosen.mean() - 0.15) < 0.01 and (targets[chosen] == ids[chosen]).all()
    assert (seen[~chosen] == ids[~chosen]).all() and abs((seen[chosen] == V - 1).mean() - 0.8) < 0.03
