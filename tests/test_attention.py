"""Attention: what must hold for every shape, what masks and heads mean, and that memory is read in place."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn as tn
from tinynn import Tensor, nn, ops
from tinynn import functional as F
from tinynn.backends import NAMES, has_numba
from tinynn.ops.attention_tiled import attention_tiled, attention_tiled_gradients

each_backend = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(n, marks=pytest.mark.skipif(n == "numba" and not has_numba(), reason="no Numba"))
        for n in NAMES
        if n != "simt"
    ],
)
quick = settings(max_examples=30, deadline=None)
sizes = st.integers(1, 9)


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def heads(*shape, dtype=np.float64):
    return [normal(*shape, seed=i, dtype=dtype) for i in range(3)]


# -- properties --------------------------------------------------------------------------------------


@quick
@given(t=sizes, s=sizes, tile=st.integers(1, 12), causal=st.booleans())
def test_tiled_equals_plain_for_any_tile(t, s, tile, causal):
    q, k, v, dy = normal(2, t, 3), normal(2, s, 3, seed=1), normal(2, s, 4, seed=2), normal(2, t, 4, seed=3)
    plain = ops.scaled_dot_product_attention.pair("numpy")
    wanted, cache = plain.forward(q, k, v, is_causal=causal)
    y, lse = attention_tiled(q, k, v, causal, tile)
    np.testing.assert_allclose(y, wanted, rtol=1e-10, atol=1e-12)
    gradients = attention_tiled_gradients(dy, q, k, v, y, lse, causal, tile)
    for got, grad in zip(gradients, plain.backward(dy, cache), strict=True):
        np.testing.assert_allclose(got, grad, rtol=1e-9, atol=1e-12)


@pytest.mark.skipif(not has_numba(), reason="no Numba here")
@quick
@given(t=st.integers(1, 200), s=st.integers(1, 1100), causal=st.booleans())
def test_the_kernel_equals_the_formula_for_any_length(t, s, causal):
    op = ops.scaled_dot_product_attention
    q, k, v = (
        normal(1, 2, t, 4, dtype=np.float32),
        *(normal(1, 2, s, 4, seed=i, dtype=np.float32) for i in (1, 2)),
    )
    (y, cache), (wanted, kept) = (op.pair(b).forward(q, k, v, is_causal=causal) for b in ("numba", "numpy"))
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-6)
    dy = normal(1, 2, t, 4, seed=4, dtype=np.float32)
    for got, grad in zip(
        op.pair("numba").backward(dy, cache), op.pair("numpy").backward(dy, kept), strict=True
    ):
        np.testing.assert_allclose(got, grad, rtol=2e-4, atol=1e-5)


@each_backend
@quick
@given(t=st.integers(2, 70), at=st.integers(1, 69))
def test_causal_a_later_token_changes_no_earlier_output(backend, t, at):
    at = min(at, t - 1)
    q, k, v = heads(1, 2, t, 4, dtype=np.float32)
    with tn.backend(backend):
        before = F.scaled_dot_product_attention(q, k, v, is_causal=True).data
        changed = [x.copy() for x in (q, k, v)]
        for x in changed:
            x[:, :, at:] += 1e3
        after = F.scaled_dot_product_attention(*changed, is_causal=True).data
    np.testing.assert_allclose(after[:, :, :at], before[:, :, :at], rtol=1e-5, atol=1e-6)


@each_backend
@quick
@given(s=st.integers(1, 80), seed=st.integers(0, 99))
def test_the_order_of_keys_and_their_values_changes_nothing(backend, s, seed):
    q, k, v = normal(2, 3, 4), normal(2, s, 4, seed=1), normal(2, s, 4, seed=2)
    q, k, v = (x.astype(np.float32) for x in (q, k, v))
    order = np.random.default_rng(seed).permutation(s)
    with tn.backend(backend):
        one, other = (F.scaled_dot_product_attention(q, k[:, o], v[:, o]).data for o in (slice(None), order))
    np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


@quick
@given(i=st.integers(0, 30), j=st.integers(0, 30), shift=st.integers(0, 50), half=st.integers(1, 6))
def test_rotary_scores_depend_on_the_distance_alone(i, j, shift, half):
    q, k = normal(1, 2 * half), normal(1, 2 * half, seed=1)
    near, far = ((F.rotary(q, i + o).data @ F.rotary(k, j + o).data.T).item() for o in (0, shift))
    assert near == pytest.approx(far, rel=1e-8, abs=1e-8)
    assert np.linalg.norm(F.rotary(q, i).data) == pytest.approx(np.linalg.norm(q))


def test_rotary_turns_a_pair_by_its_angle():
    y = F.rotary(np.array([[1.0, 0.0]] * 4)).data
    np.testing.assert_allclose(y, np.stack([np.cos(np.arange(4)), np.sin(np.arange(4))], 1), atol=1e-12)


# -- what masks, scale and heads mean ----------------------------------------------------------------


@each_backend
def test_a_query_that_may_look_at_nothing_gets_0_and_sends_back_nothing(backend):
    q, k, v = (Tensor(x, requires_grad=True) for x in heads(1, 2, 3, 4, dtype=np.float32))
    mask = np.ones((3, 3), bool)
    mask[1] = False
    for m in (mask, np.where(mask, 0, -np.inf).astype(np.float32)):
        with tn.backend(backend):
            y = F.scaled_dot_product_attention(q, k, v, m)
            y.sum().backward()
        assert (y.data[:, :, 1] == 0).all() and (q.grad.data[:, :, 1] == 0).all()
        assert all(np.isfinite(x.grad.data).all() for x in (q, k, v))


@each_backend
def test_large_logits_do_not_overflow(backend):
    q, k, v = (x * 300 for x in heads(1, 1, 70, 4, dtype=np.float32))
    with tn.backend(backend):
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).data
    assert np.isfinite(y).all()


@each_backend
def test_a_replaced_softmax_is_used_and_the_composition_is_the_op(backend):
    q, k, v = heads(2, 4, 5, 6)
    k, v = k[:, :2], v[:, :2]
    masks = [None, np.tri(5, dtype=bool), normal(4, 5, 5), np.where(np.eye(5), -np.inf, 0.0)]
    masks.append(np.arange(5)[:, None] > 0)
    pair = ops.softmax.pairs["numpy"]
    for mask in masks:

        def run(mask=mask):
            leaves = [Tensor(x, requires_grad=True) for x in (q, k, v)]
            y = F.scaled_dot_product_attention(*leaves, mask, 0.3, mask is None, enable_gqa=True, generator=3)
            (y * y).sum().backward()
            return [y.data, *(x.grad.data for x in leaves)]

        with tn.backend(backend):
            wanted = run()
            with ops.softmax.using(pair.forward, pair.backward) as used:
                got = run()
        assert used.calls == {"forward": 1, "backward": 1}
        for g, w in zip(got, wanted, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12)


def test_multihead_masks_leave_out_where_true():
    layer = nn.MultiheadAttention(6, 2, batch_first=True).eval()
    x = normal(2, 4, 6, dtype=np.float32)
    later, padding = np.triu(np.ones((4, 4), bool), 1), np.zeros((2, 4), bool)
    padding[1, 2:] = True
    y, w = layer(x, x, x, padding, attn_mask=later)
    assert (w.data[:, later] == 0).all() and (w.data[1, :, 2:] == 0).all()
    np.testing.assert_allclose(w.data.sum(axis=-1), 1, rtol=1e-5)
    fast, none = layer(x, x, x, padding, need_weights=False, is_causal=True)
    assert none is None
    np.testing.assert_allclose(fast.data, y.data, rtol=1e-5, atol=1e-6)
    each = layer(x, x, x, need_weights=True, average_attn_weights=False)[1]
    assert each.shape == (2, 2, 4, 4)
    blind = layer(x, x, x, np.ones((2, 4), bool))
    assert (blind[1].data == 0).all() and np.isfinite(blind[0].data).all()


def test_multihead_masks_may_be_floats():
    layer, x = nn.MultiheadAttention(6, 2, batch_first=True).eval(), normal(2, 4, 6, dtype=np.float32)
    barred = np.triu(np.ones((4, 4), bool), 1)
    as_bool = layer(x, x, x, need_weights=False, attn_mask=barred)[0]
    as_float = layer(x, x, x, np.zeros((2, 4), bool), False, np.where(barred, -np.inf, 0))[0]
    np.testing.assert_allclose(as_float.data, as_bool.data, rtol=1e-5, atol=1e-6)
    by_head = np.broadcast_to(barred, (4, 4, 4))
    np.testing.assert_allclose(layer(x, x, x, attn_mask=by_head)[0].data, as_bool.data, rtol=1e-5, atol=1e-6)


def test_dropout_of_weights_is_the_same_on_every_backend_and_off_in_evaluation():
    q, k, v = heads(2, 3, 70, 4, dtype=np.float32)
    results = []
    for backend in ["numpy", "numba"] if has_numba() else ["numpy"]:
        with tn.backend(backend):
            results.append(F.scaled_dot_product_attention(q, k, v, None, 0.5, generator=1).data)
    for y in results:
        np.testing.assert_allclose(y, results[0], rtol=1e-4, atol=1e-5)
    layer, x = nn.MultiheadAttention(6, 2, dropout=0.5, batch_first=True), normal(2, 4, 6, dtype=np.float32)
    assert not np.array_equal(*(layer(x, x, x)[0].data for _ in range(2)))
    layer.eval()
    np.testing.assert_array_equal(*(layer(x, x, x)[0].data for _ in range(2)))


# -- memory --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not has_numba(), reason="no Numba here")
def test_heads_are_read_from_one_buffer_and_gradients_come_in_one():
    pair = ops.scaled_dot_product_attention.pair("numba")
    qkv = normal(3, 70, 3 * 2 * 8, dtype=np.float32)
    q, k, v = (x.reshape(3, 70, 2, 8).transpose(0, 2, 1, 3) for x in np.split(qkv, 3, axis=-1))
    y, cache = pair.forward(q, k, v, is_causal=True)
    assert all(
        any(np.shares_memory(held, qkv) for held in cache if isinstance(held, np.ndarray)) for _ in "q"
    )
    merged = y.transpose(0, 2, 1, 3).reshape(3, 70, 16)
    assert np.shares_memory(merged, y) and merged.flags.c_contiguous
    grads = pair.backward(np.ones_like(y), cache)
    flat = tuple(g.transpose(0, 2, 1, 3).reshape(3, 70, 16) for g in grads)
    _, pieces = ops.split.pair("numpy").forward(qkv, (16, 16, 16))
    (together,) = ops.split.pair("numpy").backward(flat, pieces)
    assert np.shares_memory(together, grads[0]) and together.flags.c_contiguous
    np.testing.assert_array_equal(together, np.concatenate(flat, axis=-1))


def test_gradients_apart_in_memory_are_put_side_by_side():
    _, cache = ops.split.pair("numpy").forward(normal(2, 6), (2, 4))
    a, b = normal(2, 2), normal(2, 4, seed=1)
    np.testing.assert_array_equal(
        ops.split.pair("numpy").backward((a, b), cache)[0], np.concatenate([a, b], axis=1)
    )
    wide = normal(2, 6)
    swapped = (wide[:, 4:], wide[:, :4])  # neighbours, in the other order
    np.testing.assert_array_equal(
        ops.split.pair("numpy").backward(swapped, cache)[0], np.concatenate(swapped, axis=1)
    )
    (dx,) = ops.split.pair("numpy").backward((None, b), cache)
    np.testing.assert_array_equal(dx, np.concatenate([np.zeros((2, 2)), b], axis=1))


@pytest.mark.skipif(not has_numba(), reason="no Numba here")
def test_the_kernel_never_holds_all_scores():
    t = 2048
    q, k, v = (Tensor(x, requires_grad=True) for x in heads(1, 2, t, 8, dtype=np.float32))

    def peak(backend):
        with tn.backend(backend):
            tn.memory.clear()
            tracemalloc.start()
            F.scaled_dot_product_attention(q, k, v, is_causal=True).sum().backward()
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return found

    F.scaled_dot_product_attention(q, k, v, is_causal=True).sum().backward()
    assert peak("numba") < 2 * t * t * 4 / 4  # a quarter of one matrix of scores for each head
    assert peak("numpy") > 3 * 2 * t * t * 4
