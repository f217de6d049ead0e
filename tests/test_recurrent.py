"""Recurrent layers and models: PyTorch's numbers, sequences of different lengths, states handed on."""

from __future__ import annotations

import json
from pathlib import Path

import nn_cases as cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tinynn import Tensor, nn, optim
from tinynn import functional as F
from tinynn.errors import StateError
from tinynn.models import CharRNN, TextClassifier, sample

OPS = {"rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}  # blocks of rows in the weights, states
each_op = pytest.mark.parametrize("name", OPS)


pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture(scope="module")
def torch_nn() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "torch_vectors" / "nn.npz") as file:
        return dict(file)


def below(vectors: dict, prefix: str) -> dict:
    return {key.removeprefix(prefix): value for key, value in vectors.items() if key.startswith(prefix)}


# -- PyTorch's numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases.RECURRENT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_layer_gives_torchs_outputs_and_gradients(name, dtype, torch_nn):
    case = cases.RECURRENT[name]
    tolerance = {"rtol": 1e-9, "atol": 1e-11} if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-4}
    module = case.build(nn).to(dtype)
    module.load_state_dict(below(torch_nn, f"{name}/before/"))
    leaves = [Tensor(a.astype(dtype), requires_grad=True) for a in (case.inputs()[0], *case.inputs()[1])]
    hx = leaves[1] if len(leaves) == 2 else tuple(leaves[1:]) or None
    options = {} if case.lengths is None else {"lengths": case.lengths}
    outs = cases.flat(module(leaves[0], hx, **options))
    rng = np.random.default_rng(6)
    weighted = [(out * rng.normal(size=out.shape).astype(dtype)).sum() for out in outs]
    sum(weighted[1:], weighted[0]).backward()
    for i, out in enumerate(outs):
        np.testing.assert_allclose(out.data, torch_nn[f"{name}/out{i}"], **tolerance)
    for i, leaf in enumerate(leaves):
        np.testing.assert_allclose(leaf.grad.data, torch_nn[f"{name}/din{i}"], **tolerance)
    for key, p in module.named_parameters():
        np.testing.assert_allclose(p.grad.data, torch_nn[f"{name}/grad/{key}"], **tolerance)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_step_by_step_gives_what_the_layer_gives(kind, bias):
    layer, cell = getattr(nn, kind)(3, 4, bias=bias), getattr(nn, f"{kind}Cell")(3, 4, bias=bias)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    y, last = layer(x)
    state, steps = None, []
    for x_t in x:
        state = cell(x_t, state)
        steps.append(state[0] if kind == "LSTM" else state)
    np.testing.assert_allclose(F.stack(steps).data, y.data, rtol=1e-4, atol=1e-6)
    for a, b in zip(cases.flat(state), cases.flat(last)):
        np.testing.assert_allclose(a.data, b.data[0], rtol=1e-4, atol=1e-6)


# -- what holds for every sequence -------------------------------------------------------------------


def inputs(name: str, steps: int, batch: int, seed: int, dtype=np.float64) -> list[np.ndarray]:
    """x, the states, the weights and biases of an op, with D = 3 and H = 4."""
    gates, states = OPS[name]
    rng = np.random.default_rng(seed)
    shapes = [(steps, batch, 3), *[(batch, 4)] * states, (gates * 4, 3), (gates * 4, 4), *[(gates * 4,)] * 2]
    return [(0.5 * rng.normal(size=shape)).astype(dtype) for shape in shapes]


def run(name: str, arrays: list[np.ndarray], **options) -> tuple[np.ndarray, list[np.ndarray]]:
    y, *last = getattr(F, name)(*arrays, **options)
    return y.data, [state.data for state in last]


lengths_of = st.lists(st.integers(1, 6), min_size=1, max_size=4)
seeds = st.integers(0, 1000)
close = {"rtol": 1e-10, "atol": 1e-12}


@each_op
@settings(max_examples=25)
@given(lengths=lengths_of, reverse=st.booleans(), seed=seeds)
def test_a_padded_batch_gives_what_its_sequences_give_one_by_one(name, lengths, reverse, seed):
    arrays = inputs(name, max(lengths) + 1, len(lengths), seed)
    count = OPS[name][1]
    x, states, weights = arrays[0], arrays[1 : 1 + count], arrays[1 + count :]
    for n, length in enumerate(lengths):
        x[length:, n] = np.nan  # what the padding holds is never read
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    y, *last = getattr(F, name)(*leaves, lengths=lengths, reverse=reverse)
    total = (y * y).sum()
    for state in last:
        total = total + (state * state).sum()
    total.backward()
    collected = [np.zeros_like(w) for w in weights]
    for n, length in enumerate(lengths):
        alone = [
            Tensor(a, requires_grad=True)
            for a in (x[:length, n : n + 1], *[s[n : n + 1] for s in states], *weights)
        ]
        y_n, *last_n = getattr(F, name)(*alone, reverse=reverse)
        sum(((s * s).sum() for s in last_n), (y_n * y_n).sum()).backward()
        np.testing.assert_allclose(y.data[:length, n], y_n.data[:, 0], **close)
        assert (y.data[length:, n] == 0).all() and (leaves[0].grad.data[length:, n] == 0).all()
        for whole, part in zip(last, last_n):
            np.testing.assert_allclose(whole.data[n], part.data[0], **close)
        np.testing.assert_allclose(leaves[0].grad.data[:length, n], alone[0].grad.data[:, 0], **close)
        for whole, part in zip(leaves[1 : 1 + count], alone[1 : 1 + count]):
            np.testing.assert_allclose(whole.grad.data[n], part.grad.data[0], **close)
        collected = [c + p.grad.data for c, p in zip(collected, alone[1 + count :])]
    for leaf, wanted in zip(leaves[1 + count :], collected):
        np.testing.assert_allclose(leaf.grad.data, wanted, **close)


@each_op
@settings(max_examples=25)
@given(steps=st.integers(1, 6), batch=st.integers(1, 3), seed=seeds)
def test_reverse_is_the_flipped_run(name, steps, batch, seed):
    x, *others = inputs(name, steps, batch, seed)
    y, last = run(name, [x, *others], reverse=True)
    flipped, wanted = run(name, [x[::-1], *others])
    np.testing.assert_allclose(y, flipped[::-1], **close)
    np.testing.assert_allclose(last, wanted, **close)


@each_op
@settings(max_examples=25)
@given(steps=st.integers(2, 6), cut=st.integers(1, 5), seed=seeds, reverse=st.booleans())
def test_two_halves_with_the_state_carried_give_the_whole(name, steps, cut, seed, reverse):
    cut, count = min(cut, steps - 1), OPS[name][1]
    x, *others = inputs(name, steps, 2, seed)
    whole, last = run(name, [x, *others], reverse=reverse)
    parts = (x[cut:], x[:cut]) if reverse else (x[:cut], x[cut:])
    first, state = run(name, [parts[0], *others], reverse=reverse)
    second, end = run(name, [parts[1], *state, *others[count:]], reverse=reverse)
    np.testing.assert_allclose(
        np.concatenate([second, first] if reverse else [first, second]), whole, **close
    )
    np.testing.assert_allclose(end, last, **close)


@each_op
def test_lengths_equal_to_t_change_nothing(name):
    arrays = inputs(name, 4, 3, 0, np.float32)
    for a, b in zip(cases.flat(run(name, arrays)[0]), cases.flat(run(name, arrays, lengths=[4, 4, 4])[0])):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@each_op
@pytest.mark.parametrize("batch, hidden", [(1, 7), (3, 64), (33, 40), (70, 256), (5, 300)])
def test_blocks_of_every_size_agree_with_the_reference(name, batch, hidden):
    """Batches and widths around the sizes at which products are cut into blocks."""
    gates, states = OPS[name]
    rng = np.random.default_rng(1)
    shapes = [(5, batch, 9), *[(batch, hidden)] * states, (gates * hidden, 9), (gates * hidden, hidden)]
    arrays = [(rng.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32) for shape in shapes]
    found = []
    for backend in ["numpy", "numba"] if tinynn.backends.has_numba() else ["numpy"]:
        pair = tinynn.ops.catalogue[name].pair(backend)
        out, cache = pair.forward(*arrays)
        found.append([*out, *pair.backward(tuple(np.ones_like(o) for o in out), cache)])
    for a, b in zip(found[0], found[-1]):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4 * np.abs(a).max())


# -- truncated back-propagation through time -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_detached_state_is_carried_and_gradients_stop_at_the_border(kind):
    layer = getattr(nn, kind)(3, 4, num_layers=2)
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    first, second = Tensor(x[:3], requires_grad=True), Tensor(x[3:], requires_grad=True)
    whole, _ = layer(x)
    _, state = layer(first)
    y, _ = layer(second, nn.detached(state))
    np.testing.assert_allclose(y.data, whole.data[3:], rtol=1e-5, atol=1e-6)  # carried
    y.sum().backward()
    assert first.grad is None  # stopped
    assert (second.grad.data != 0).all()
    _, state = layer(first)
    layer(second, state)[0].sum().backward()  # with its history, gradients reach the first segment
    assert (first.grad.data != 0).all()


def test_a_state_with_its_history_meets_a_used_tape():
    layer, x = nn.LSTM(3, 4), np.ones((2, 1, 3), np.float32)
    y, state = layer(x)
    y.sum().backward()
    with pytest.raises(StateError, match="used before"):
        layer(x, state)[0].sum().backward()
    layer(x, nn.detached(state))[0].sum().backward()


def test_detached_takes_what_a_layer_returns():
    h = Tensor(np.ones(2), requires_grad=True) * 2
    assert nn.detached(None) is None
    assert nn.detached(h).is_leaf and not nn.detached(h).requires_grad
    assert all(part.is_leaf for part in nn.detached((h, h)))


# -- layers --------------------------------------------------------------------------------------------


def test_dropout_acts_between_layers_and_in_training_only():
    layer = nn.LSTM(3, 8, num_layers=2, dropout=0.5)
    x = np.ones((4, 2, 3), np.float32)
    assert (layer(x)[0].data != layer(x)[0].data).any()
    layer.eval()
    assert (layer(x)[0].data == layer(x)[0].data).all()
    single = nn.LSTM(3, 8, dropout=0.5)
    assert (single(x)[0].data == single(x)[0].data).all()  # as in PyTorch: no layer comes after


def test_batch_first_is_the_same_with_axes_swapped():
    layer = nn.GRU(3, 4, bidirectional=True)
    turned = nn.GRU(3, 4, bidirectional=True, batch_first=True)
    turned.load_state_dict(layer.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    y, h = layer(x, lengths=[5, 3])
    y_turned, h_turned = turned(x.swapaxes(0, 1), lengths=[5, 3])
    np.testing.assert_allclose(y_turned.data, y.data.swapaxes(0, 1), rtol=1e-6)
    np.testing.assert_allclose(h_turned.data, h.data, rtol=1e-6)


def test_the_last_state_keeps_no_whole_sequence_alive():
    _, (h, c) = nn.LSTM(3, 4)(np.ones((500, 2, 3), np.float32))
    assert all(state.data.base is None or state.data.base.size <= state.size for state in (h, c))


def test_a_students_pair_runs_in_the_layer():
    from tinynn.ops import rnn

    numpy = rnn.pairs["numpy"]
    with rnn.using(numpy.forward, lambda dout, cache: numpy.backward(dout, cache)) as mine:
        y, _ = nn.RNN(3, 4, num_layers=2, bidirectional=True)(np.ones((5, 2, 3), np.float32))
        y.sum().backward()
    assert mine.calls == {"forward": 4, "backward": 4}


def test_the_padding_row_starts_at_zero_and_stays():
    table = nn.Embedding(5, 3, padding_idx=-5)
    assert table.padding_idx == 0 and (table.weight.data[0] == 0).all()
    optimizer = optim.SGD(table.parameters(), lr=1.0)
    table(np.array([0, 0, 2])).sum().backward()
    optimizer.step()
    assert (table.weight.data[0] == 0).all() and (table.weight.grad.data[2] == 1).all()
    assert repr(table) == "Embedding(5, 3, padding_idx=0)"


# -- models ----------------------------------------------------------------------------------------------


def test_a_text_classifier_learns_one_batch_by_heart():
    rng = np.random.default_rng(0)
    tokens, answers = rng.integers(1, 20, (16, 12)), rng.integers(0, 2, 16).astype(np.float32)
    for n, length in enumerate(rng.integers(3, 13, 16)):
        tokens[n, length:] = 0
    model = TextClassifier(20, embedding=8, hidden=16)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(tokens), answers)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert ((model(tokens).data > 0) == (answers > 0)).all()


def test_more_padding_changes_no_logit():
    model = TextClassifier(20).eval()
    tokens = np.array([[3, 4, 5, 0, 0], [6, 0, 7, 8, 9], [0, 0, 0, 0, 0]])
    wider = np.pad(tokens, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model(wider).data, model(tokens).data, rtol=1e-6)
    np.testing.assert_allclose(model(tokens, lengths=[3, 5, 1]).data, model(tokens).data, rtol=1e-6)
    alone = [model(row).data[0] for row in (tokens[:1, :3], tokens[1:2], tokens[2:, :1])]
    np.testing.assert_allclose(model(tokens).data, alone, rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"kind": "gru", "embedding": 6}, {"kind": "rnn", "layers": 2}])
def test_a_character_model_learns_a_line_by_heart_and_says_it(options):
    text = np.array([0, 1, 2, 3, 1, 4, 5, 2, 6, 0, 7, 7, 3, 5, 6, 4])
    model = CharRNN(8, hidden=32, **options)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimizer.zero_grad()
        logits, _ = model(text[None, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 8), text[1:])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert model.generate(text[:2], 14, temperature=0) == text[2:].tolist()
    assert model.generate(text[:2], 14, top_k=1) == text[2:].tolist()
    assert model.training


def test_generation_repeats_with_its_generator_and_reads_the_whole_prompt():
    model = CharRNN(9, hidden=8, layers=2, dropout=0.5)
    once, again = (model.generate([1, 2, 3], 20, temperature=2.0, generator=5) for _ in range(2))
    assert once == again and len(once) == 20 and all(0 <= token < 9 for token in once)
    assert model.generate([1, 2, 3], 0) == []
    tinynn.manual_seed(3)
    once = model.generate([1], 20)
    tinynn.manual_seed(3)
    assert model.generate([1], 20) == once
    model.eval()
    logits, state = model(np.array([[1, 2, 3]]))
    in_parts = model(np.array([[3]]), model(np.array([[1, 2]]))[1])[0]
    np.testing.assert_allclose(in_parts.data[0, -1], logits.data[0, -1], rtol=1e-4, atol=1e-6)


def test_low_temperature_and_top_k_narrow_the_choice():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    draw = lambda **o: np.bincount(sample(np.tile(logits, (2000, 1)), generator=0, **o), minlength=4) / 2000
    np.testing.assert_allclose(draw(), [0.5, 0.3, 0.15, 0.05], atol=0.04)
    np.testing.assert_allclose(draw(top_k=2), [0.625, 0.375, 0, 0], atol=0.04)
    cold = np.exp(logits / 0.5) / np.exp(logits / 0.5).sum()
    np.testing.assert_allclose(draw(temperature=0.5), cold, atol=0.04)


@pytest.mark.parametrize(
    "model", [TextClassifier(20, hidden=5, padding_idx=3), CharRNN(7, layers=2, kind="gru")]
)
def test_a_model_is_built_again_from_its_config(model):
    config = json.loads(json.dumps(model.config))
    assert type(model)(**config).config == model.config
    type(model)(**config).load_state_dict(model.state_dict())
