"""CUDA kernels of rnn, gru and lstm, run in the interpreter beside the reference."""

from __future__ import annotations

import numpy as np
import pytest
from interpreted import agrees, launched, poison, run, small_and_large

from tinynn import ops
from tinynn.ops import recurrent_cuda
from tinynn.ops.recurrent_cuda import KEPT_ROWS, STREAMED, Way, way_for

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
SMALL, LARGE = small_and_large(*GATES)
IN_ONE, IN_STEPS = ["sequence", "sequence_back"], {"step", "step_back"}

each_op = pytest.mark.parametrize("name", GATES)


@pytest.fixture(autouse=True)
def memory_is_full_of_nan(monkeypatch):
    poison(monkeypatch, recurrent_cuda)


def kept(rows):
    """The weight in registers; `rows` sequences a block."""
    return lambda gates, batch, hidden: Way(8, rows, True, 32, 8)


def streamed(rows):
    """The weight read at every step; fewer threads than rows of the weight."""
    return lambda gates, batch, hidden: Way(16, rows, False, 32, -(-hidden // 8) * 8)


def stepwise(gates, batch, hidden):
    return Way(0, 0, False, 0, hidden)


WAYS = {
    "kept": kept(1), "kept by two": kept(2), "streamed": streamed(1), "streamed by four": streamed(4),
    "stepwise": stepwise,
}  # fmt: skip
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def layer(name, t, n, d, h, *, bias=True, seed=0):
    """Inputs of an op: x (T, N, D), states, weights and biases."""
    rng, g = np.random.default_rng(seed), GATES[name]
    states = [(n, h)] * (2 if name == "lstm" else 1)
    shapes = [(t, n, d), *states, (g * h, d), (g * h, h), *[(g * h,)] * (2 * bias)]
    return [(0.4 * rng.normal(size=shape)).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("case", SMALL, ids=lambda c: c.id)
def test_every_case(case):
    names = agrees(case.op, case.arrays(np.float32), case.params)
    assert [n for n in names if n != "clear_padding"] == (IN_ONE if case.arrays()[0].size else [])


@pytest.mark.slow
@each_way
@pytest.mark.parametrize("case", SMALL, ids=lambda c: c.id)
def test_every_case_in_every_way(case, way, monkeypatch):
    monkeypatch.setattr(recurrent_cuda, "way_for", way)
    agrees(case.op, case.arrays(np.float32), case.params)


def products(case):
    """Multiplications of the recurrent weight."""
    steps, batch, _ = case.arrays()[0].shape
    weight = case.makers[4 if case.op == "lstm" else 3](np.random.default_rng(0), float)
    return steps * batch * weight.size


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in LARGE if products(c) < 1.1e6], ids=lambda c: c.id)
def test_every_large_case(case):
    """Gradients that grow from step to step carry their rounding along: errors by the largest number."""
    op, arrays = ops.catalogue[case.op], case.arrays(np.float32)
    with launched() as names:
        got = run(op.pair("simt"), arrays, case.params)
    assert set(names) - {"clear_padding"} == set(IN_ONE)
    for g, w in zip(got, run(op.pair("numpy"), arrays, case.params), strict=True):
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=0, atol=1e-4 * np.abs(w).max())


@each_way
@each_op
def test_ways_agree_on_lengths_and_directions(name, way, monkeypatch):
    """Three sequences in blocks of one, two or four; five units; one sequence ends at once."""
    monkeypatch.setattr(recurrent_cuda, "way_for", way)
    arrays = layer(name, 3, 3, 2, 5)
    arrays[0][1:, 1] = np.nan  # the padding is never read
    names = agrees(name, arrays, {"lengths": [3, 1, 2], "reverse": way is not stepwise})
    assert names[0] == "clear_padding"
    assert (set(names[1:]) == IN_STEPS) if way is stepwise else (names[1:] == IN_ONE)


@each_op
@pytest.mark.parametrize("h", [1, 7, 8])
def test_one_step_one_sequence(name, h):
    agrees(name, layer(name, 1, 1, 1, h), {})
    agrees(name, layer(name, 1, 1, 3, h, bias=False), {"reverse": True})


@pytest.mark.slow
@each_op
def test_more_units_than_threads_and_than_a_tile_of_a_step(name, monkeypatch):
    for way, h in ((streamed(2), 13), (stepwise, 13), (kept(4), 8)):
        monkeypatch.setattr(recurrent_cuda, "way_for", way)
        agrees(name, layer(name, 2, 9, 3, h), {"lengths": [2, 1, 2] * 3})
        agrees(name, layer(name, 2, 1, 3, h), {"reverse": True})


@each_op
def test_an_upstream_gradient_may_be_missing(name):
    arrays = layer(name, 2, 2, 1, 3)
    count = 3 if name == "lstm" else 2
    rng = np.random.default_rng(5)
    given = [rng.normal(size=(2, 2, 3)), *[rng.normal(size=(2, 3))] * (count - 1)]
    given = [g.astype(np.float32) for g in given]
    for missing in range(count):
        dout = tuple([None if i == missing else g for i, g in enumerate(given)])
        agrees(name, arrays, {}, dout=dout)
    agrees(name, arrays, {}, dout=(None,) * count)


@each_op
def test_what_is_not_asked_for_is_left_out(name):
    arrays = layer(name, 2, 2, 1, 3)
    needs = (False,) + (True,) * (len(arrays) - 1)
    assert run(ops.catalogue[name].pair("simt"), arrays, {}, needs=needs)[-len(arrays)] is None


def test_relu_lets_nan_through_and_nothing_below_0():
    arrays = layer("rnn", 3, 2, 2, 4)
    y = run(ops.rnn.pair("simt"), arrays, {"nonlinearity": "relu"})[0]
    assert (y >= 0).all()
    arrays[0][1, 1, 0] = np.nan
    agrees("rnn", arrays, {"nonlinearity": "relu"})


def test_states_are_those_of_the_reference_bit_for_bit_where_nothing_runs():
    """A sequence that has ended hands on its very state."""
    arrays = layer("lstm", 4, 2, 1, 3)
    (y, h, c), _ = ops.lstm.pair("simt").forward(*arrays, lengths=[4, 2])
    assert (y[2:, 1] == 0).all() and (h[1] == y[1, 1]).all()
    assert not np.isnan(c).any()


@pytest.mark.parametrize(
    "gates, hidden, expected",
    [
        (4, 64, "kept"), (4, 65, "streamed"), (4, 362, "streamed"), (4, 363, "stepwise"),
        (3, 64, "kept"), (3, 256, "streamed"), (3, 512, "stepwise"),
        (1, 64, "kept"), (1, 65, "streamed"), (1, 724, "streamed"), (1, 725, "stepwise"),
    ],
)  # fmt: skip
def test_which_way_runs(gates, hidden, expected):
    for batch in (1, 32, 200, 4000):
        way = way_for(gates, batch, hidden)
        assert expected == ("stepwise" if not way.units else "kept" if way.kept else "streamed")
        assert way.units == 0 or (way.units >= hidden and way.tall % 8 == 0 and way.threads % 32 == 0)
        if way.kept:  # thread q holds row q
            assert way.threads >= gates * hidden and way.tall == way.units and gates * hidden <= KEPT_ROWS
        elif way.units:
            assert 4 * gates * hidden**2 <= STREAMED and way.tall <= way.units


def test_few_sequences_get_a_block_each():
    assert [way_for(4, n, 64).rows for n in (1, 32, 128, 129, 256, 257)] == [1, 1, 1, 2, 2, 4]
