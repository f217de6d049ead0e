"""CUDA kernels of attention and rotary, run in the interpreter beside the reference."""

from __future__ import annotations

import numpy as np
import pytest
from interpreted import TOLERANCE, agrees, drawn, launched, poison, run, small_and_large

from tinynn import ops
from tinynn.ops import attention_cuda, attention_plain_cuda, rotary_cuda
from tinynn.ops.attention_call_cuda import Tiles
from tinynn.ops.attention_cuda import BACKWARD, FORWARD, tiles_for

NAME = "scaled_dot_product_attention"
SMALL, LARGE = small_and_large(NAME, "rotary")
IN_TILES = ["attend", "attention_means", "attend_queries", "attend_keys"]
TINY = Tiles(4, 8, 8, 4, 8)  # one row and one column of scores a thread
WIDE = Tiles(8, 16, 16, 4, 8)  # two rows, two columns, two of the result
TALL = Tiles(16, 8, 8, 8, 8)  # two warps, two rows a thread; fewer keys than queries


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def memory_is_full_of_nan(monkeypatch):
    poison(monkeypatch, attention_cuda, attention_plain_cuda, rotary_cuda)


@pytest.fixture
def tiles_of(monkeypatch):
    def choose(forward, backward=None):
        monkeypatch.setattr(attention_cuda, "FORWARD", [forward] if forward else [])
        monkeypatch.setattr(attention_cuda, "BACKWARD", [backward or forward])
        monkeypatch.setattr(attention_cuda, "tiles_for", lambda width, ladder: next(iter(ladder), None))

    return choose


def heads(*shape, keys=None, out=None, groups=1):
    """q, k and v of the shape (N, H, T, E), with other counts of keys, other values and shared heads."""
    n, h, t, e = shape
    s = keys or t
    return drawn((n, h, t, e), (n, h // groups, s, e), (n, h // groups, s, out or e))


# -- every case -----------------------------------------------------------------------------------------


QUICK = {4, 11}  # of the table's: causal, and shared heads with a mask; the others in make test-long


@pytest.mark.parametrize(
    "case",
    [c if c.op == "rotary" or c.number in QUICK else slow(c) for c in SMALL],
    ids=lambda c: c.id,
)
def test_every_case(case):
    names = agrees(case.op, case.arrays(np.float32), case.params)
    if names and case.op == NAME:
        assert names[0] == "attend"
    if names and case.op == "rotary":
        assert names == ["turn_pairs"] * 2


PLAIN_LARGE = [c for c in LARGE if c.op == "rotary" or len(c.makers) == 3]


@pytest.mark.slow
@pytest.mark.parametrize("case", PLAIN_LARGE, ids=lambda c: c.id)
def test_a_corner_of_every_large_case(case):
    """What an interpreter can do of it: one example, two heads, seventy positions."""
    arrays = [a[:1, :2, :70] for a in case.arrays(np.float32)]
    agrees(case.op, arrays, case.params, scale=10)


# -- tiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tiles, causal",
    [(TINY, True), *[slow(tiles, causal) for tiles in (WIDE, TALL) for causal in (False, True)]],
    ids=str,
)
def test_tiles_that_do_not_divide(tiles, causal, tiles_of):
    tiles_of(tiles)
    width = min(3, tiles.width)
    names = agrees(NAME, heads(1, 1, tiles.rows + 1, width, keys=tiles.columns + 3), {"is_causal": causal})
    assert names == IN_TILES


@pytest.mark.parametrize("t, s", [(1, 9), slow(1, 1), slow(9, 1)])
def test_one_query_or_one_key(t, s, tiles_of):
    tiles_of(TINY)
    assert agrees(NAME, heads(1, 1, t, 4, keys=s, out=1), {}) == IN_TILES


@pytest.mark.slow
@pytest.mark.parametrize("t, s", [(3, 17), (17, 3)])
def test_causal_with_more_keys_or_more_queries(t, s, tiles_of):
    tiles_of(TALL)
    agrees(NAME, heads(1, 1, t, 2, keys=s), {"is_causal": True})


MASKS = {
    "for all": (3, 5),
    "a head": (2, 3, 5),
    "an example": (2, 1, 3, 5),
    "lines of keys": (2, 1, 1, 5),
    "columns of queries": (1, 2, 3, 1),
    "one number": (1,),
}


@pytest.mark.parametrize(
    "name, kind",
    [("lines of keys", bool), ("a head", np.float32)]
    + [slow(name, kind) for name in MASKS for kind in (bool, np.float32)],
)
def test_masks_are_shared_along_axes_of_one(name, kind, tiles_of):
    tiles_of(TINY)
    q, k, v = heads(2, 2, 3, 2, keys=5)
    mask = np.random.default_rng(3).normal(size=MASKS[name])
    mask = mask > -0.5 if kind is bool else np.where(mask > -0.5, mask, -np.inf).astype(np.float32)
    needs = (True, True, True, False)
    assert agrees(NAME, [q, k, v, mask], {}, needs=needs) == IN_TILES


@pytest.mark.slow
@pytest.mark.parametrize("shape", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_mask_that_learns(shape, dropout, tiles_of):
    tiles_of(TINY)
    mask = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    names = agrees(NAME, [*heads(2, 2, 3, 2, keys=5), mask], {"dropout_p": dropout, "seed": 4})
    assert names == ["attend", "weigh", "weigh_back"]


def test_a_query_that_may_look_at_nothing_gets_0_and_sends_back_nothing(tiles_of):
    tiles_of(TINY)
    q, k, v = heads(1, 1, 6, 2)
    mask = np.ones((6, 6), bool)
    mask[2] = mask[5] = False
    mask[:, 1] = False
    for m in (mask, np.where(mask, 0, -np.inf).astype(np.float32)):
        y, dq, dk, dv, _ = run(
            ops.catalogue[NAME].pair("simt"), [q, k, v, m], {}, needs=(True, True, True, False)
        )
        assert (y[..., [2, 5], :] == 0).all() and (dq[..., [2, 5], :] == 0).all()
        assert (dk[..., 1, :] == 0).all() and (dv[..., 1, :] == 0).all()
        assert all(np.isfinite(a).all() for a in (y, dq, dk, dv))


def test_what_is_closed_may_be_nan(tiles_of):
    tiles_of(TINY)
    q, k, v = heads(1, 1, 5, 2)
    k[..., 3, :] = np.nan
    mask = np.ones((5, 5), bool)
    mask[:, 3] = False
    pair = ops.catalogue[NAME].pair("simt")
    y = run(pair, [q, k, np.where(np.isnan(k), 0, v), mask], {}, needs=(True, True, True, False))[0]
    assert np.isfinite(y).all()
    assert np.isnan(run(pair, [q, k, v], {})[0]).all()


@pytest.mark.parametrize("value", [300.0, slow(-300.0)])
def test_large_scores(value, tiles_of):
    tiles_of(TINY)
    q, k, v = heads(1, 1, 5, 2, keys=9)
    k[..., 6, 0] = value
    agrees(NAME, [q, k, v], {}, scale=100)


def test_heads_of_queries_share_keys(tiles_of):
    tiles_of(TINY)
    assert agrees(NAME, heads(1, 6, 3, 2, groups=3), {"enable_gqa": True, "is_causal": True}) == IN_TILES


@pytest.mark.parametrize("causal", [True, slow(False)])
def test_dropout_drops_what_the_reference_drops(causal, tiles_of):
    tiles_of(TINY)
    params = {"dropout_p": 0.4, "seed": 2**63 + 11, "is_causal": causal}
    assert agrees(NAME, heads(2, 2, 3, 2, keys=5), params) == IN_TILES


@pytest.mark.parametrize("scale", [-0.7, slow(0.0)])
def test_any_scale(scale, tiles_of):
    tiles_of(TINY)
    assert agrees(NAME, heads(1, 1, 5, 2), {"scale": scale}) == IN_TILES


@pytest.mark.slow
def test_the_order_of_backward_s_tiles_is_its_own(tiles_of):
    tiles_of(TALL, TINY)
    assert agrees(NAME, heads(1, 1, 9, 2, keys=11), {"is_causal": True}) == IN_TILES


# -- the plain way, and which way is chosen --------------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{"dropout_p": 0.4, "seed": 5}, slow({}), slow({"is_causal": True})], ids=str
)
def test_heads_too_wide_for_tiles(params):
    q, k, v = heads(1, 2, 3, 129, keys=40, groups=2)
    mask = np.random.default_rng(1).random((2, 3, 1)) < 0.7
    names = agrees(NAME, [q, k, v], {**params, "enable_gqa": True})
    assert names == ["weigh", "weigh_back"]
    agrees(NAME, [q, k, v, mask], {**params, "enable_gqa": True})


def test_wide_values_run_as_wide_heads():
    assert agrees(NAME, heads(1, 1, 2, 3, out=200), {}) == ["weigh", "weigh_back"]


def test_the_narrowest_tiles_that_hold_a_head():
    for ladder in (FORWARD, BACKWARD):
        assert [tiles_for(w, ladder).width for w in (1, 8, 9, 32, 33, 64, 65, 128)] == [
            8,
            8,
            *[32] * 2,
            *[64] * 2,
            *[128] * 2,
        ]
        assert tiles_for(129, ladder) is None


@pytest.mark.parametrize("tiles", [*FORWARD, *BACKWARD], ids=str)
def test_tiles_are_sound(tiles):
    """What the kernels take for granted."""
    threads = tiles.ty * tiles.tx
    assert threads % 32 == 0 and 32 % tiles.tx == 0  # a row of threads lies in one warp
    assert tiles.rows % tiles.ty == tiles.columns % tiles.tx == tiles.width % tiles.tx == 0
    assert threads % tiles.width == 0 or tiles.width % threads == 0
    for size in (tiles.rows * tiles.width, tiles.columns * tiles.width):
        assert size % threads == 0 and size // threads % min(size // threads, threads // 8) == 0
    assert tiles.width % 4 == tiles.columns % 4 == tiles.rows % 4 == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [32, 64, 128])
def test_the_library_s_tiles(width):
    """One head and one tile more than fits, at the sizes that a GPU runs."""
    rows = tiles_for(width, FORWARD).rows
    with launched() as names:
        agrees(NAME, heads(1, 1, rows + 1, width - 1, keys=rows + 3), {"is_causal": True}, scale=10)
    assert names == IN_TILES


def test_memory_grows_with_t_not_with_its_square(monkeypatch):
    """Of all arrays that a call makes, none is as large as the scores."""
    made, ordinary = [], attention_cuda.empty
    monkeypatch.setattr(
        attention_cuda,
        "empty",
        lambda shape, *a, **k: made.append(np.prod(shape)) or ordinary(shape, *a, **k),
    )
    run(ops.catalogue[NAME].pair("simt"), heads(1, 1, 9, 2), {})
    assert made and max(made) == 9 * 2 < 9 * 9


@pytest.mark.slow
def test_more_axes_than_four_run_in_tiles_too():
    q, k, v = drawn(*[(2, 1, 2, 3, 2)] * 3)
    assert agrees(NAME, [q, k, v], {}) == IN_TILES


def test_more_axes_than_four_with_a_mask_run_the_reference():
    q, k, v = drawn(*[(2, 1, 2, 3, 2)] * 3)
    with launched() as names:
        y, _ = ops.catalogue[NAME].pair("simt").forward(q, k, v, np.ones((3, 3), bool))
    assert names == []
    np.testing.assert_allclose(y, ops.catalogue[NAME].pair("numpy").forward(q, k, v)[0], **TOLERANCE)


# -- rotary -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 2), (5, 6), (2, 3, 4, 10)])
def test_rotary_turns_and_turns_back(shape):
    (x,) = drawn(shape)
    pair = ops.rotary.pair("simt")
    y, cache = pair.forward(x, offset=3)
    np.testing.assert_allclose(pair.backward(y, cache)[0], x, rtol=1e-5, atol=1e-6)
    agrees("rotary", [x], {"offset": 1000, "base": 500.0})
