"""Tensors, modules and training on the GPU, with the strict array in CuPy's place."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import nn_cases as cases
import numpy as np
import pytest
import strict

import tinynn as tn
from tinynn import functional as F
from tinynn import nn, ops, optim
from tinynn.__main__ import main
from tinynn.data import Batches
from tinynn.errors import DeviceError, NonFiniteError, RangeError
from tinynn.evaluate import evaluate
from tinynn.gpu import arrays
from tinynn.models import BERT, GPT, CharRNN, Seq2Seq, TextClassifier
from tinynn.nn.summary import summary
from tinynn.recipes.code import next_token_loss
from tinynn.train import fit, train
from tinynn.wrappers import Meter, checked, finite, shapes_only, wrapped


@pytest.fixture(autouse=True)
def standing_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """References run, which takes no time; the slow tests run the kernels, in the interpreter."""
    if not request.node.get_closest_marker("slow"):
        for op in ops.catalogue.values():
            for table in ("kernels", "pairs"):
                kept = {name: value for name, value in getattr(op, table).items() if name != "cuda"}
                monkeypatch.setattr(op, table, kept)
    with strict.standing_in():
        yield


def cuda(values: Any, requires_grad: bool = False) -> tn.Tensor:
    return tn.tensor(values, requires_grad=requires_grad, device="cuda")


def host(tensor: tn.Tensor) -> np.ndarray:
    return np.asarray(tensor.to("cpu").detach())


# -- tensors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_move_is_on_the_tape(name):
    x = tn.tensor([1.0, 2.0], requires_grad=True)
    y = x.to(name)
    assert (y.device, x.device, y.op) == ("cuda", "cpu", "to")
    (y * y).sum().backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [2.0, 4.0]
    assert y.to("cuda") is y and x.to("cpu") is x


def test_a_move_to_the_host_sends_its_gradient_up():
    x = cuda([1.0, 2.0], requires_grad=True)
    (x.to("cpu") * tn.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.device == "cuda" and x.grad.tolist() == [3.0, 4.0]


def test_integers_move_without_a_tape():
    x = tn.tensor([1, 2]).to("cuda")
    assert x.device == "cuda" and x.dtype == np.int64 and x.is_leaf


def test_what_reads_values_makes_one_copy():
    x = cuda([[1.5]])
    for read, wanted in ((float, 1.5), (int, 1), (tn.Tensor.item, 1.5), (tn.Tensor.tolist, [[1.5]])):
        with strict.counted() as copies:
            assert read(x) == wanted
        assert [c.direction for c in copies] == ["down"]
    assert repr(x) == "tensor([[1.5]], shape=(1, 1), dtype=float32, device=cuda)"
    assert f"{x.sum():.2f}" == "1.50" and bool(x)


@pytest.mark.parametrize("read", [np.asarray, np.array, tn.Tensor.numpy, lambda x: np.add(x.numpy(), 1)])
def test_numpy_reads_nothing_of_the_gpu_unasked(read):
    x = cuda([1.0])
    with pytest.raises(DeviceError, match=r"on cuda; expected .*Try: tensor.to\('cpu'\)"):
        read(x)
    assert read(x.to("cpu")) is not None


def test_numbers_beside_a_gpus_tensor_cost_no_copy():
    x = cuda([1.0, 2.0])
    with strict.counted() as copies:
        results = [
            2 * x,
            x + 1,
            x - np.float32(1),
            1 / x,
            x**2,
            x * np.array(3.0, np.float32),
            F.maximum(x, 1.5),
            -x,
        ]
        results += [F.where(x > 1, x, 0.0), x[0], x[:, None], x.sum() / 2]
    assert not copies
    assert [host(r).tolist() for r in results[:4]] == [[2, 4], [2, 3], [0, 1], [1, 0.5]]
    assert all(r.device == "cuda" and r.dtype == np.float32 for r in results)


MIXED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "tensor": (lambda x, y: x + y, "add: got x on cuda and y on cpu; expected all on one device"),
    "array": (lambda x, y: x * y.numpy(), "mul: got x on cuda and y on cpu"),
    "the other way": (lambda x, y: y - x, r"sub: got x on cpu and y on cuda.*Try: x.to\('cuda'\)"),
    "several": (lambda x, y: F.concat([x, y, x]), "concat: got x0 on cuda and x1 on cpu and x2 on cuda"),
    "a weight": (lambda x, y: nn.Linear(2, 2)(x), "linear: got x on cuda and weight on cpu and bias on cpu"),
    "an index": (lambda x, y: F.embedding(np.array([0]), x[None]), "embedding: got indices on cpu"),
}


@pytest.mark.parametrize("name", MIXED)
def test_two_devices_in_one_op_are_an_error(name):
    call, text = MIXED[name]
    with pytest.raises(DeviceError, match=text):
        call(cuda([1.0, 2.0]), tn.tensor([1.0, 2.0]))


def test_the_hint_for_two_devices_helps():
    x, y = cuda([1.0]), tn.tensor([2.0])
    assert (x + y.to("cuda")).tolist() == [3.0]


def test_an_upstream_gradient_of_the_host_is_refused():
    y = cuda([1.0, 2.0], requires_grad=True) * 2
    with pytest.raises(DeviceError, match="backward: got a gradient on cpu for a tensor on cuda"):
        y.backward(np.ones(2, np.float32))
    y.backward(cuda([1.0, 10.0]))


def test_indices_of_the_host_go_up_and_bools_become_positions():
    x = cuda(np.arange(12.0).reshape(3, 4), requires_grad=True)
    for index in ([0, 2], np.array([2, 0, 2]), np.array([True, False, True]), (slice(None), [1, 1])):
        wanted = np.arange(12.0, dtype=np.float32).reshape(3, 4)[index]
        with strict.counted() as copies:
            assert x[index].shape == wanted.shape
        assert [c.direction for c in copies] == ["up"]
        np.testing.assert_array_equal(host(x[index]), wanted)
    rows = cuda([0, 2])
    with strict.counted() as copies:
        x[rows].sum().backward()
    assert not copies and host(x.grad).sum() == 8
    mask = cuda([True, False, True])
    with strict.counted() as copies:
        assert x[mask].shape == (2, 4)
    assert [c.direction for c in copies] == ["down", "up"]  # how many rows, the host must know


def test_an_array_that_somebody_else_put_on_the_gpu_is_taken():
    assert not arrays.used
    x = tn.Tensor(strict.ndarray(np.ones(3, np.float32)))
    assert x.device == "cuda" and (x + 1).tolist() == [2.0] * 3


def test_gradients_add_up_and_do_not_share_memory_with_what_came_from_above():
    x, upstream = cuda([1.0, 2.0], requires_grad=True), cuda([1.0, 1.0])
    (x + 0).backward(upstream)
    (x * 2).backward(upstream)
    upstream.data[...] = 7
    assert x.grad.tolist() == [3.0, 3.0]


def test_float64_and_compositions():
    x = cuda(np.array([[0.1, 0.7]]), requires_grad=True)
    assert x.dtype == np.float64
    with ops.log_softmax.using(*reference(ops.log_softmax)):
        loss = F.cross_entropy(x, cuda([1]))
        loss.backward()
    plain = tn.tensor(np.array([[0.1, 0.7]]), requires_grad=True)
    F.cross_entropy(plain, [1]).backward()
    np.testing.assert_allclose(host(x.grad), plain.grad.data)


def reference(op: Any) -> tuple[Callable, Callable]:
    pair = op.pairs["numpy"]
    return pair.forward, pair.backward


# -- what stands around ops --------------------------------------------------------------------------------


def test_a_replacement_runs_on_both_devices():
    x = np.array([-1.0, 2.0], np.float32)
    with ops.relu.using(lambda x: (np.maximum(x, 0), x), lambda dy, x: np.where(x > 0, dy, 0)) as mine:
        for device in ("cpu", "cuda"):
            leaf = tn.tensor(x, requires_grad=True, device=device)
            F.relu(leaf).sum().backward()
            assert host(leaf.grad).tolist() == [0.0, 1.0]
    assert mine.calls == {"forward": 2, "backward": 2}


def test_a_replacement_that_answers_from_the_host_is_named():
    with ops.relu.using(lambda x: (np.ones(2, np.float32), None), lambda dy, _: dy):
        with pytest.raises(DeviceError, match="your relu forward: got the output on cpu; expected cuda"):
            F.relu(cuda([1.0, 2.0]))


def test_wrappers_work_on_a_gpu():
    x = cuda([[1.0, 2.0]], requires_grad=True)
    with wrapped(meter := Meter()):
        (x @ cuda([[1.0], [2.0]])).sum().backward()
    assert meter.flops["matmul"] == 4
    with wrapped(finite):
        F.log(x).sum().backward()
        with pytest.raises(NonFiniteError, match="log forward"):
            F.log(x - 1)
    with wrapped(shapes_only):
        y = x * 3
        assert y.device == "cuda" and y.tolist() == [[0.0, 0.0]]


def test_labels_out_of_range_are_found_where_asked_for():
    logits, labels = cuda([[1.0, 2.0]]), cuda([2])
    with strict.counted() as copies, pytest.raises(IndexError):  # what the stand-in makes of it, unlike a GPU
        F.cross_entropy(logits, labels)
    assert not copies
    with wrapped(checked), pytest.raises(RangeError, match="label 2 for 2 classes"):
        F.cross_entropy(logits, labels)


def test_the_table_of_ops_says_what_runs_on_a_gpu():
    head = str(ops.table()).splitlines()[0].split()
    assert "cuda" in head
    with tn.backend("simt"):
        last = {line.split()[0]: line.split()[-1] for line in str(ops.table()).splitlines()[1:]}
    assert {last[name] for name in ops.catalogue} <= {"simt", "numpy"}
    assert all((last[name] == "simt") == ("cuda" in op.kernels) for name, op in ops.catalogue.items())


# -- modules and optimisers ----------------------------------------------------------------------------------


def test_a_module_moves_in_place_with_gradients_and_buffers():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    weight = model[0].weight
    model(np.ones((5, 3), np.float32)).sum().backward()
    assert model.to("cuda") is model and model[0].weight is weight
    assert {p.device for p in model.parameters()} == {p.grad.device for p in model.parameters()} == {"cuda"}
    assert all(map(arrays.is_on_gpu, model.buffers()))
    saved = model.state_dict()
    assert all(type(a) is np.ndarray for a in saved.values())
    twin = copy.deepcopy(model)
    assert twin[0].weight.device == "cuda"
    model.load_state_dict({k: a + 1 for k, a in saved.items()})
    assert weight.device == "cuda"
    np.testing.assert_allclose(host(weight), host(twin[0].weight) + 1)
    nn.init.kaiming_normal_(weight)
    nn.init.orthogonal_(weight)
    assert weight.device == "cuda"
    model.to("cpu")
    assert weight.device == "cpu" and all(type(b) is np.ndarray for b in model.buffers())


@pytest.mark.parametrize(
    "make", [optim.Adam, lambda p: optim.SGD(p, 0.1, 0.9), optim.RMSprop], ids=["Adam", "SGD", "RMSprop"]
)
def test_an_optimiser_follows_its_parameters(make):
    def run(moves: dict[int, str]) -> np.ndarray:
        p = nn.Parameter([1.0, -2.0])
        optimizer = make([p])
        for step in range(4):
            p.data = arrays.to_device(p.data) if moves.get(step) == "cuda" else p.data
            p.data = arrays.to_host(p.data) if moves.get(step) == "cpu" else p.data
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
            state = optimizer.state[p]
            assert {arrays.where_is(a) for k, a in state.items() if k != "step"} == {p.device}
        twin = make([p])
        twin.load_state_dict(optimizer.state_dict())
        p.grad = p * 0
        twin.step()
        return host(p)

    np.testing.assert_allclose(run({0: "cuda"}), run({}), rtol=1e-6)
    np.testing.assert_allclose(run({2: "cuda"}), run({}), rtol=1e-6)
    np.testing.assert_allclose(run({1: "cuda", 3: "cpu"}), run({}), rtol=1e-6)


def test_a_gradient_left_behind_is_named():
    p = nn.Parameter([1.0])
    (p * p).sum().backward()
    p.data = arrays.to_device(p.data)
    with pytest.raises(DeviceError, match="a parameter on cuda and its gradient on cpu"):
        optim.SGD([p], 0.1).step()


def test_a_clipped_norm_is_one_copy():
    model = nn.Linear(3, 2).to("cuda")
    (model(cuda(np.ones((4, 3), np.float32))) * 9).sum().backward()
    grads = [host(p.grad) for p in model.parameters()]
    with strict.counted() as copies:
        norm = float(optim.clip_grad_norm_(model.parameters(), 1.0))
    assert [c.direction for c in copies] == ["down"]
    assert norm == pytest.approx(np.sqrt(sum((g**2).sum() for g in grads)))
    assert np.sqrt(sum((host(p.grad) ** 2).sum() for p in model.parameters())) == pytest.approx(1, rel=1e-4)


# -- whole models --------------------------------------------------------------------------------------------


class Net(NamedTuple):
    make: Callable[[], nn.Module]
    batch: Callable[[np.random.Generator], tuple]
    loss: Callable
    up: int = 2  # copies to the GPU in a step: the arrays of the batch


def images(rng: np.random.Generator) -> tuple:
    return rng.normal(size=(3, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, 3)


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.2), nn.Flatten(), nn.Linear(18, 3),
    )  # fmt: skip


def texts(rng: np.random.Generator) -> tuple:
    x = rng.integers(1, 7, (4, 5))
    x[1, 3:] = x[2, 1:] = 0
    return x, rng.integers(0, 2, 4).astype(np.float32)


NETS = {
    "mlp": Net(
        lambda: nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Dropout(0.1), nn.Linear(8, 3)),
        lambda rng: (rng.normal(size=(5, 6)).astype(np.float32), rng.integers(0, 3, 5)),
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ),
    "cnn": Net(cnn, images, F.cross_entropy),
    "lstm": Net(lambda: TextClassifier(7, 4, 5), texts, F.binary_cross_entropy_with_logits),
    "gpt": Net(
        lambda: GPT(11, context=6, layers=2, heads=2, width=8, dropout=0.1),
        lambda rng: (rng.integers(0, 11, (3, 6)), rng.integers(0, 11, (3, 6))),
        next_token_loss,
    ),
    "gpt, modern": Net(
        lambda: GPT(
            11, context=6, layers=1, heads=2, width=8, kv_heads=1, norm="rms", positions="rotary",
            mlp="swiglu",
        ),
        lambda rng: (rng.integers(0, 11, (3, 6)), rng.integers(0, 11, (3, 6))),
        next_token_loss,
    ),
    "char rnn": Net(
        lambda: Logits(CharRNN(6, 5, layers=2, kind="gru", dropout=0.1)),
        lambda rng: (rng.integers(0, 6, (3, 4)), rng.integers(0, 6, (3, 4))),
        next_token_loss,
    ),
}  # fmt: skip


class Logits(nn.Module):
    """A model without the state that it returns."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Any) -> tn.Tensor:
        return self.model(x)[0]


def trained(
    name: str, device: str, steps: int = 4, **options: Any
) -> tuple[list[Any], list[list], nn.Module]:
    """Steps of a training, and the copies that each made."""
    net = NETS[name]
    tn.manual_seed(3)
    rng = np.random.default_rng(5)
    model = net.make().to(device)
    batches = [net.batch(rng) for _ in range(steps)]
    optimizer = optim.AdamW(model.parameters(), 0.01)
    found, copies = [], []
    run = train(model, batches, net.loss, optimizer, progress=False, **options)
    while True:
        with strict.counted() as made:
            step = next(run, None)
        if step is None:
            return found, copies, model
        found.append(step)
        copies.append(made)


@pytest.mark.parametrize("name", NETS)
def test_a_model_trains_on_a_gpu_as_on_the_cpu(name):
    as_on_the_cpu(name, steps=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_a_model_trains_by_our_kernels_as_on_the_cpu(name):
    as_on_the_cpu(name, steps=2)


def as_on_the_cpu(name: str, steps: int) -> None:
    """Nothing is copied in a step but the batch, which goes up, and one vector: loss, penalty, norms."""
    wanted, _, plain = trained(name, "cpu", steps, clip_norm=1.0, l2=1e-4)
    found, copies, model = trained(name, "cuda", steps, clip_norm=1.0, l2=1e-4)
    for f, w in zip(found, wanted, strict=True):
        assert (f.loss, f.penalty, f.grad_norm) == pytest.approx((w.loss, w.penalty, w.grad_norm), rel=2e-4)
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        np.testing.assert_allclose(host(p), q.data, atol=2e-4)
    for made in copies[1:]:
        assert [c.direction for c in made] == ["up"] * NETS[name].up + ["down"], made


def test_tables_go_up_once():
    _, copies, _ = trained("gpt, modern", "cuda")
    ups = [sum(c.direction == "up" for c in made) for made in copies]
    assert ups[0] >= 2 and set(ups[1:]) == {2}


def test_evaluation_is_one_copy_down_a_batch():
    net = NETS["cnn"]
    model = net.make()
    x, y = net.batch(np.random.default_rng(0))
    wanted = evaluate(model, (x, y), net.loss)
    model.to("cuda")
    with strict.counted() as copies:
        found = evaluate(model, (x, y), net.loss)
    assert [c.direction for c in copies] == ["up", "up", "down"]
    assert found.loss == pytest.approx(wanted.loss, rel=1e-5) and found.accuracy == wanted.accuracy


def test_a_run_that_diverges_keeps_its_parameters():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).to("cuda")
    before = model.state_dict()
    x = np.array([[1.0, 2.0], [np.inf, 0.0]], np.float32)
    with pytest.raises(NonFiniteError, match="the input 0 of the batch"):
        fit(
            model,
            [(x, np.ones((2, 1), np.float32))],
            F.mse_loss,
            optim.SGD(model.parameters(), 0.1),
            progress=False,
        )
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_a_run_goes_on_from_its_checkpoint_on_the_other_device(tmp_path):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 4)).astype(np.float32), rng.integers(0, 3, 12)

    def parts(device: str) -> dict[str, Any]:
        tn.manual_seed(2)
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)).to(device)
        return {
            "model": model,
            "optimizer": optim.Adam(model.parameters()),
            "batches": Batches(x, y, batch_size=4),
        }

    def run(p: dict[str, Any], epochs: int) -> list[float]:
        return fit(
            p["model"], p["batches"], F.cross_entropy, p["optimizer"], epochs=epochs, progress=False
        ).loss

    whole = parts("cpu")
    wanted = run(whole, 1) + run(whole, 1)
    for first, second in (("cuda", "cpu"), ("cpu", "cuda")):
        begun, resumed = parts(first), parts(second)
        losses = run(begun, 1)
        tn.checkpoint.save(tmp_path / "run.safetensors", **begun)
        tn.checkpoint.load(tmp_path / "run.safetensors", **resumed)
        assert {p.device for p in resumed["model"].parameters()} == {second}
        np.testing.assert_allclose(losses + run(resumed, 1), wanted, rtol=1e-4)


def test_texts_are_written_on_a_gpu():
    tn.manual_seed(0)
    model, rnn = GPT(11, context=8, layers=1, heads=2, width=8), CharRNN(6, 5)
    start = np.array([[1, 2]])
    wanted = model.generate(start, 4, generator=0), rnn.generate([1], 4, generator=0)
    model.to("cuda"), rnn.to("cuda")
    for use_cache in (True, False):
        np.testing.assert_array_equal(model.generate(start, 4, generator=0, use_cache=use_cache), wanted[0])
    assert rnn.generate([1], 4, generator=0) == wanted[1]


# -- every layer, loss and optimiser that is compared with PyTorch -----------------------------------------


def leaves(model: nn.Module, x: tn.Tensor) -> list[np.ndarray]:
    """Gradients of input and parameters, buffers: what a pass leaves behind."""
    grads = [t.grad for t in (x, *model.parameters())]
    found = [None if g is None else host(g) for g in grads]
    return [g for g in found if g is not None] + [arrays.to_host(b) for b in model.buffers()]


def close(found: list, wanted: list) -> None:
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", cases.LAYERS)
def test_a_layer_on_a_gpu(name, monkeypatch):
    case, found = cases.LAYERS[name], {}
    for device in ("cpu", "cuda"):
        place = strict.ndarray if device == "cuda" else np.asarray
        monkeypatch.setattr(cases, "_mask_of", lambda nn, mask, place=place: place(mask))
        tn.manual_seed(0)
        model = case.build(nn).train(case.train).to(device)
        array = case.input()
        array = array if case.below else array.astype(np.float32)
        x = tn.tensor(array, requires_grad=not case.below, device=device)
        with strict.counted() as forward:
            y = model(x)
        upstream = np.random.default_rng(2).normal(size=y.shape).astype(np.float32)
        upstream = tn.tensor(upstream, device=device)
        with strict.counted() as backward:
            if y.requires_grad:
                y.backward(upstream)
        copies = forward + backward
        found[device] = [host(y), *leaves(model, x)]
    close(found["cuda"], found["cpu"])
    # sizes of windows go up once; how many batches there were is asked where the average counts them
    known = (
        {"pool.py": "up"}
        if "pool" in name or name == "convolutional"
        else {"norm.py": "down"}
        if "cumulative" in name
        else {}
    )
    assert {c.where.partition(":")[0]: c.direction for c in copies}.items() <= known.items()


@pytest.mark.parametrize("name", cases.RECURRENT)
def test_a_recurrent_layer_on_a_gpu(name):
    case, found = cases.RECURRENT[name], {}
    for device in ("cpu", "cuda"):
        tn.manual_seed(0)
        model = case.build(nn).to(device)
        x, states = case.inputs()
        x = tn.tensor(x.astype(np.float32), requires_grad=True, device=device)
        given = [tn.tensor(s.astype(np.float32), device=device) for s in states]
        given = tuple(given) if len(given) > 1 else given[0] if given else None
        with strict.counted() as copies:
            y = model(x, given, lengths=case.lengths) if case.lengths else model(x, given)
            outputs = cases.flat(y)
            sum(((o * o).sum() for o in outputs[1:]), (outputs[0] * 2).sum()).backward()
        found[device] = [*map(host, outputs), *leaves(model, x)]
    close(found["cuda"], found["cpu"])
    passes = 4 if case.lengths else 0  # layers and directions: the lengths go up for each
    assert [c.direction for c in copies] == ["up"] * passes


@pytest.mark.parametrize("name", cases.LOSSES)
def test_a_loss_on_a_gpu(name):
    build, kind = cases.LOSSES[name]
    found = {}
    for device in ("cpu", "cuda"):
        x, target = cases.loss_inputs(kind)
        x = tn.tensor(x.astype(np.float32), requires_grad=True, device=device)
        target = tn.tensor(target if kind == "classes" else target.astype(np.float32), device=device)
        with strict.counted() as copies:
            build(nn)(x, target).sum().backward()
        found[device] = [host(x.grad)]
    close(found["cuda"], found["cpu"])
    assert not copies


@pytest.mark.parametrize("name", cases.OPTIMISERS)
def test_an_optimiser_steps_on_a_gpu(name):
    found = {}
    for device in ("cpu", "cuda"):
        params = [nn.Parameter(a.astype(np.float32)) for a in cases.start()]
        for p in params:
            p.data = arrays.to_device(p.data) if device == "cuda" else p.data
        optimizer = cases.OPTIMISERS[name](optim, params)
        for step in range(5):
            for i, p in enumerate(params):
                values = cases.gradient(step, i, host(p)).astype(np.float32)
                p.grad = tn.tensor(values, device=device)
            with strict.counted() as copies:
                optimizer.step()
            assert not copies
        found[device] = [host(p) for p in params]
    close(found["cuda"], found["cpu"])


# -- the rest of the package ---------------------------------------------------------------------------


def test_compositions_run_on_a_gpu():
    """A student's softmax inside attention: with masks, dropout and shared heads."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, h, 3, 2)).astype(np.float32) for h in (4, 2, 2))
    masks = [None, rng.random((3, 3)) < 0.7, rng.normal(size=(3, 3)).astype(np.float32)]
    for mask in masks:
        found = {}
        for device in ("cpu", "cuda"):
            x = [tn.tensor(a, requires_grad=True, device=device) for a in (q, k, v)]
            m = None if mask is None else tn.tensor(mask, device=device)
            with ops.softmax.using(*reference(ops.softmax)) as mine:
                y = F.scaled_dot_product_attention(*x, m, is_causal=mask is None, enable_gqa=True)
                (y * y).sum().backward()
            assert mine.calls == {"forward": 1, "backward": 1}
            found[device] = [host(y), *[host(t.grad) for t in x]]
        close(found["cuda"], found["cpu"])


def test_two_sequences_and_holes_on_a_gpu():
    rng = np.random.default_rng(0)
    tn.manual_seed(0)
    pairs = Seq2Seq(9, context=6, layers=1, heads=2, width=8)
    holes = BERT(9, context=6, layers=1, heads=2, width=8)
    source, padding = rng.integers(1, 9, (2, 4)), np.array([[0, 0, 0, 1], [0, 0, 0, 0]], bool)
    written = pairs.eval().generate(source, 1, padding=padding)
    logits = holes.eval()(source, padding)
    pairs.to("cuda"), holes.to("cuda")
    np.testing.assert_array_equal(pairs.generate(source, 1, padding=padding), written)
    close([host(holes(cuda(source), cuda(padding)))], [logits.data])


def test_the_summary_of_a_model_on_a_gpu():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    wanted = str(summary(model, (2, 3)))
    assert str(summary(model.to("cuda"), (2, 3))) == wanted


def test_positions_and_argmax():
    x = cuda([[3.0, 1.0], [0.0, 2.0]])
    found = F.argmax(x, 1)
    assert arrays.is_on_gpu(found) and arrays.to_host(found).tolist() == [0, 1]
    with pytest.raises(DeviceError, match="tensor.to"):
        tn.metrics.accuracy(x, np.array([0, 1]))


def test_a_recipe_trains_on_a_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = ["train", "spirals-mlp", "--epochs", "1", "--quiet", "--out"]
    assert main([*line, "host"]) == 0
    assert main([*line, "gpu", "--device", "cuda"]) == 0
    first, second = (re.sub(r", [\d.]+ s", "", out) for out in capsys.readouterr().out.splitlines())
    assert first == second
    a, b = (tn.checkpoint.read(name).parts["model"] for name in ("host", "gpu"))
    close(list(b.values()), list(a.values()))
    assert main(["predict", "gpu", "--examples", "2"]) == 0
    arrays.stand_in = None
    assert main([*line, "none", "--device", "cuda"]) == 1
    assert "an NVIDIA GPU with its driver" in capsys.readouterr().err
