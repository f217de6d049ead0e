"""Modules, layers, losses and initial values: PyTorch's numbers and names, and messages that help."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
from pathlib import Path

import nn_cases as cases
import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import nn, ops
from tinynn.errors import (
    ArgumentError,
    DeviceError,
    DtypeError,
    KeysError,
    RangeError,
    ShapeError,
    StateError,
    TinynnError,
)
from tinynn.models import MLP
from tinynn.tensor import Tensor

VECTORS = Path(__file__).parent / "torch_vectors"


@pytest.fixture(scope="module")
def torch_nn() -> dict[str, np.ndarray]:
    with np.load(VECTORS / "nn.npz") as file:
        return dict(file)


pytestmark = pytest.mark.usefixtures("seeded")


def below(vectors: dict, prefix: str) -> dict:
    return {key.removeprefix(prefix): value for key, value in vectors.items() if key.startswith(prefix)}


def close(got, wanted) -> None:
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


# -- PyTorch's numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases.LAYERS)
def test_layer_gives_torchs_outputs_and_gradients(name, torch_nn):
    case = cases.LAYERS[name]
    module = case.build(nn).to(np.float64).train(case.train)
    module.load_state_dict(below(torch_nn, f"{name}/before/"))
    x = Tensor(case.input(), requires_grad=not case.below)
    y = module(x)
    close(y.data, torch_nn[f"{name}/y"])
    dy = np.random.default_rng(6).normal(size=y.shape)
    leaves = [p for p in (x, *module.parameters()) if p.requires_grad]
    if not leaves:
        return
    (y * dy).sum().backward()
    if not case.below:
        close(x.grad.data, torch_nn[f"{name}/dx"])
    for key, p in module.named_parameters():
        close(p.grad.data, torch_nn[f"{name}/grad/{key}"])
    after = below(torch_nn, f"{name}/after/")
    assert set(after) == {key for key, _ in module.named_buffers()}
    for key, buffer in module.named_buffers():
        close(buffer, after[key])
        assert buffer.dtype == after[key].dtype


@pytest.mark.parametrize("name", cases.LOSSES)
def test_loss_gives_torchs_value_and_gradient(name, torch_nn):
    build, kind = cases.LOSSES[name]
    array, target = cases.loss_inputs(kind)
    x = Tensor(array, requires_grad=True)
    loss = build(nn)(x, target)
    close(loss.data, torch_nn[f"{name}/loss"])
    loss.sum().backward()
    close(x.grad.data, torch_nn[f"{name}/dx"])


def test_state_has_torchs_keys_shapes_and_order(torch_nn):
    wanted = json.loads(str(torch_nn["state"]))
    state = cases.all_layers(nn).state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == wanted
    assert list(state) == list(wanted)


@pytest.mark.parametrize("name", [*cases.INITS, *cases.DEFAULTS])
def test_initial_values_have_torchs_mean_and_variance(name, torch_nn):
    if name in cases.INITS:
        shape, draw = cases.INITS[name]
        values = draw(nn.init, Tensor(np.empty(shape, np.float32))).data
    else:
        values = cases.DEFAULTS[name](nn).data
    mean, variance = torch_nn[f"{name}/statistics"]
    noise = 6 * np.sqrt(variance / values.size)  # PyTorch's mean is one of a draw, too
    assert values.dtype == np.float32
    assert abs(values.mean() - mean) < noise
    assert values.var() == pytest.approx(variance, rel=0.06)


def test_gains_are_torchs(torch_nn):
    assert [nn.init.calculate_gain(name) for name in cases.GAINS] == pytest.approx(list(torch_nn["gains"]))


@pytest.mark.slow
@pytest.mark.torch
def test_committed_vectors_are_in_parity_with_the_installed_torch(torch_nn):
    spec = importlib.util.spec_from_file_location("make_nn", VECTORS / "make_nn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with np.load(VECTORS / "optim.npz") as file:
        committed = {"nn": torch_nn, "optim": dict(file)}
    for part, vectors in module.make().items():
        assert set(vectors) == set(committed[part])
        for key, value in vectors.items():
            if key == "state":
                assert str(value) == str(committed[part][key])
            else:
                # statistics are means of float32 numbers: their last digits follow the number of threads
                tolerance = 1e-4 if "float32" in key else 1e-6 if key.endswith("/statistics") else 1e-9
                np.testing.assert_allclose(
                    value, committed[part][key], rtol=tolerance, atol=tolerance, err_msg=key
                )


# -- initial values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (8, 3, 2, 2)])
def test_orthogonal_rows_or_columns_are_orthogonal(shape):
    w = nn.init.orthogonal_(Tensor(np.empty(shape)), gain=3.0).data.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 9 * np.eye(len(product)), atol=1e-12)


def test_truncated_normal_stays_inside():
    w = nn.init.trunc_normal_(Tensor(np.empty(5000)), mean=1.0, std=2.0, a=0.0, b=1.5).data
    assert 0 <= w.min() < 0.02
    assert 1.48 < w.max() <= 1.5


def test_constants_and_seeds():
    w = nn.Linear(3, 2).weight
    assert (nn.init.ones_(w).data == 1).all()
    assert (nn.init.zeros_(w).data == 0).all()
    assert (nn.init.constant_(w, -2.5).data == -2.5).all()
    a, b = (nn.init.kaiming_normal_(Tensor(np.empty((4, 3))), generator=7).data for _ in range(2))
    assert (a == b).all()


def test_manual_seed_repeats_initial_values():
    first, second = (tinynn.manual_seed(s) and MLP(5, 4, 3).state_dict() for s in (11, 11))
    assert all((first[key] == second[key]).all() for key in first)
    assert {value.dtype for value in first.values()} == {np.dtype(np.float32)}


# -- Module ------------------------------------------------------------------------------------------


class Tied(nn.Module):
    """An embedding whose table is also the output layer's weight."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.out = nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x):
        return self.out(self.embed(x))


def test_shared_parameters_and_modules_come_once():
    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == ["embed.weight"]
    assert list(tied.state_dict()) == ["embed.weight", "out.weight"]
    relu = nn.ReLU()
    net = nn.Sequential(nn.Linear(2, 2), relu, nn.Linear(2, 2), relu)
    assert len(list(net.children())) == 3
    assert [name for name, _ in net.named_modules()] == ["", "0", "1", "2"]
    assert len(net) == 4


def test_shared_parameters_collect_both_gradients():
    tied = Tied()
    tied(np.array([1, 2])).sum().backward()
    assert (tied.embed.weight.grad.data[0] != 0).any()  # never looked up, but an output
    tied.zero_grad()
    assert tied.embed.weight.grad is None


def test_names_follow_the_order_of_assignment():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.b = nn.Linear(2, 2)
            self.scale = nn.Parameter(np.ones(2, np.float32))
            self.a = nn.Sequential(nn.Linear(2, 2))
            self.register_buffer("seen", np.zeros(3))
            self.register_buffer("scratch", np.zeros(3), persistent=False)
            self.nothing = None

    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "b.weight", "b.bias", "a.0.weight", "a.0.bias"]
    assert list(net.state_dict()) == ["scale", "seen", "b.weight", "b.bias", "a.0.weight", "a.0.bias"]
    assert [n for n, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "b", "a", "a.0"]
    assert [n for n, _ in net.named_parameters(recurse=False)] == ["scale"]
    net.b = None
    assert [n for n, _ in net.named_children()] == ["a"]


def test_a_saved_state_is_a_snapshot_and_comes_back():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    state = net.state_dict()
    before = {key: value.copy() for key, value in state.items()}
    net[0].weight.data += 1
    net(np.ones((5, 3), np.float32))
    assert all((state[key] == before[key]).all() for key in state)
    assert net.load_state_dict(state) == ([], [])
    assert all((net.state_dict()[key] == before[key]).all() for key in before)
    state["0.weight"][:] = 9
    assert not (net[0].weight.data == 9).any()


def test_a_loaded_state_takes_the_dtype_that_is_here():
    net = nn.BatchNorm1d(2)
    net.load_state_dict({key: np.asarray(value, np.float64) for key, value in net.state_dict().items()})
    assert net.weight.dtype == net.running_mean.dtype == np.float32
    assert net.num_batches_tracked.dtype == np.int64


def test_a_state_that_does_not_fit_names_everything_and_changes_nothing():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = net.state_dict()
    bad = {
        "0.weight": np.zeros((4, 3)),
        "1.weight": np.zeros((4, 2)),
        "1.bias": [[1], [2, 3]],
        "head": 1,
    }
    with pytest.raises(KeysError) as refused:
        net.load_state_dict(bad)
    for part in (
        "missing 0.bias",
        "unexpected head",
        "1.weight (4, 2), here (2, 4)",
        "1.bias of dtype object",
    ):
        assert part in str(refused.value)
    with pytest.raises(KeysError, match="misshapen"):
        net.load_state_dict(bad, strict=False)
    assert all((net.state_dict()[key] == before[key]).all() for key in before)


def test_strict_false_loads_what_both_have_as_the_message_says():
    net = nn.Linear(3, 2)
    with pytest.raises(KeysError, match="missing bias; unexpected head.*strict=False"):
        net.load_state_dict({"weight": np.zeros((2, 3)), "head": np.zeros(1)})
    result = net.load_state_dict({"weight": np.zeros((2, 3)), "head": np.zeros(1)}, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == (["bias"], ["head"])
    assert (net.weight.data == 0).all()
    assert (net.bias.data != 0).any()


def test_train_and_eval_reach_all_modules():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    x = np.ones((20, 20), np.float32)
    assert (net(x).data == 0).mean() == pytest.approx(0.75, abs=0.1)
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert (net(x).data == 1).all()
    assert net.train()[1][0].training


def test_dropout_repeats_with_the_seed():
    drop = nn.Dropout(0.5)
    x = np.ones((8, 8), np.float32)
    first, second = (tinynn.manual_seed(3) and drop(x).data for _ in range(2))
    assert (first == second).all()
    assert (first != drop(x).data).any()


def test_to_converts_parameters_gradients_and_floating_buffers():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net(np.ones((4, 2), np.float32)).sum().backward()
    assert net.to(np.float64) is net.to("cpu") is net
    assert (
        {p.dtype for p in net.parameters()}
        == {p.grad.dtype for p in net.parameters()}
        == {np.dtype(np.float64)}
    )
    assert [b.dtype.name for b in net.buffers()] == ["float64", "float64", "int64"]
    assert net(np.ones((4, 2))).dtype == np.float64
    assert next(net.to("float32").parameters()).dtype == np.float32


def test_frozen_parameters_get_no_gradient():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    net(np.ones((1, 2), np.float32)).sum().backward()
    assert net[0].weight.grad is None
    assert net[1].weight.grad is not None


def test_apply_goes_from_the_inside_out():
    seen = []
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_hooks_see_replace_and_go():
    layer, seen = nn.ReLU(), []
    x = np.array([-1.0, 2.0], np.float32)
    with layer.register_forward_pre_hook(lambda m, args: seen.append(args[0])):
        handle = layer.register_forward_hook(lambda m, args, out: out * 2)
        assert layer(x).tolist() == [0, 4]
    handle.remove()
    assert layer(x).tolist() == [0, 2]
    assert len(seen) == 1


def test_repr_reads_like_the_code():
    net = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.GELU(), nn.Dropout(0.2)))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): GELU(approximate='none')\n"
        "    (1): Dropout(p=0.2)\n"
        "  )\n"
        ")"
    )
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.Parameter([1.0])).startswith("Parameter containing:\ntensor([1.]")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(duplicate):
    net = MLP(3, 2, 2)
    other = duplicate(net)
    other[1].weight.data += 1
    x = np.ones((1, 3), np.float32)
    assert (net(x).data != other(x).data).any()
    assert isinstance(other[1].weight, nn.Parameter)


# -- containers and models ---------------------------------------------------------------------------


def test_sequential_is_indexed_sliced_iterated_and_extended():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    tail = net[1:]
    assert isinstance(tail, nn.Sequential)
    assert tail[-1] is net[2]
    assert list(tail.state_dict()) == ["2.weight", "2.bias"]  # names are kept, as in PyTorch
    tail.append(nn.Tanh()).append(nn.Linear(2, 1))
    assert [type(m).__name__ for m in tail] == ["ReLU", "Linear", "Tanh", "Linear"]
    net[1] = nn.Tanh()
    assert isinstance(net[1], nn.Tanh)
    assert list(net.state_dict())[0] == "0.weight"
    named = nn.Sequential({"first": nn.Linear(2, 2), "second": nn.ReLU()})
    assert named.first is named[0]


def test_module_list_registers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net()
    assert len(list(net.parameters())) == 6
    assert len(net.layers[1:]) == 2
    assert net(np.ones((1, 2), np.float32)).shape == (1, 2)


def test_mlp():
    net = MLP(12, 8, 6, 3, activation="tanh", dropout=0.1)
    kinds = ["Flatten", "Linear", "Tanh", "Dropout", "Linear", "Tanh", "Dropout", "Linear"]
    assert [type(m).__name__ for m in net] == kinds
    assert net(np.zeros((5, 3, 2, 2), np.float32)).shape == (5, 3)
    again = MLP(*net.config["sizes"], activation=net.config["activation"], dropout=net.config["dropout"])
    assert json.loads(json.dumps(net.config)) == again.config
    again.load_state_dict(net.state_dict())


def test_layers_run_on_replaced_ops():
    def forward(x):
        return np.maximum(x, 0), x > 0

    with ops.relu.using(forward, lambda dy, mask: (dy * mask,)) as mine:
        net = MLP(4, 3, 2)
        F.cross_entropy(net(np.ones((2, 4), np.float32)), np.array([0, 1])).backward()
    assert mine.calls == {"forward": 1, "backward": 1}


def test_batch_norm_averages_in_training_and_only_there():
    norm = nn.BatchNorm1d(2)
    x = np.random.default_rng(0).normal(3, 2, (50, 2)).astype(np.float32)
    for _ in range(100):
        norm(x)
    assert norm.num_batches_tracked == 100
    np.testing.assert_allclose(norm.running_mean, x.mean(0), rtol=1e-3)
    np.testing.assert_allclose(norm.running_var, x.var(0, ddof=1), rtol=1e-3)
    before = norm.running_mean.copy()
    in_training = F.batch_norm(Tensor(x), None, None, training=True).data
    np.testing.assert_allclose(norm.eval()(x).data, in_training * np.sqrt(49 / 50), rtol=1e-3, atol=1e-3)
    assert (norm.running_mean == before).all()


# -- wrong calls: each gives the template ------------------------------------------------------------


class ForgotInit(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)


class ForgotInitBuffer(nn.Module):
    def __init__(self):
        self.register_buffer("seen", np.zeros(2))


class NoForward(nn.Module):
    pass


def _list_of_layers():
    nn.ReLU().layers = [nn.Linear(2, 2)]


def _tensor_over_parameter():
    nn.Linear(2, 2).weight = tinynn.tensor([[1.0]])


def _number_over_module():
    nn.Sequential(nn.ReLU())[0:].__setattr__("0", 3)


def _list_over_buffer():
    nn.BatchNorm1d(2).running_mean = [0.0, 0.0]


x32 = np.ones((2, 3), np.float32)
WRONG = {
    "super().__init__() forgotten": (ForgotInit, StateError, "super().__init__()"),
    "forgotten before a buffer": (ForgotInitBuffer, StateError, "super().__init__()"),
    "no forward": (lambda: NoForward()(x32), StateError, "def forward"),
    "a list of layers": (_list_of_layers, DtypeError, "nn.ModuleList"),
    "a tensor for a parameter": (_tensor_over_parameter, DtypeError, "nn.Parameter"),
    "a number for a module": (_number_over_module, DtypeError, "a Module or None"),
    "a list for a buffer": (_list_over_buffer, DtypeError, "np.asarray"),
    "a list as buffer": (lambda: nn.ReLU().register_buffer("b", [1]), DtypeError, "np.asarray"),
    "a class for a module": (lambda: nn.Sequential(nn.ReLU), DtypeError, "nn.ReLU(...)"),
    "a function for a module": (lambda: nn.Sequential(F.relu), DtypeError, "a Module"),
    "a list for modules": (lambda: nn.Sequential([nn.ReLU()]), DtypeError, "a Module"),
    "a name that a method has": (lambda: nn.Sequential({"forward": nn.ReLU()}), ArgumentError, "layer1"),
    "a name with a dot": (lambda: nn.Sequential({"a.b": nn.ReLU()}), ArgumentError, "layer1"),
    "index too large": (lambda: nn.Sequential(nn.ReLU())[1], RangeError, "from -1 to 0"),
    "index no number": (lambda: nn.Sequential(nn.ReLU())["0"], DtypeError, "an integer"),
    "no argument": (lambda: nn.Linear(3, 2)(), DtypeError, "forward(x"),
    "too many arguments": (lambda: nn.Linear(3, 2)(x32, x32), DtypeError, "forward(x"),
    "loss without targets": (lambda: nn.MSELoss()(x32), DtypeError, "target"),
    "text as input": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3, 2))("abc"), DtypeError, "numbers"),
    "None as input": (lambda: nn.Linear(3, 2)(None), TinynnError, "expected"),
    "float64 into float32": (lambda: nn.Linear(3, 2)(np.ones((2, 3))), DtypeError, "float32"),
    "wrong width": (lambda: nn.Linear(4, 2)(x32), ShapeError, "nn.Linear(3, 2)"),
    "flatten a single number": (lambda: nn.Flatten()(np.float32(1)), ShapeError, "x[None]"),
    "features 0": (lambda: nn.Linear(0, 2), ArgumentError, "at least 1"),
    "features a float": (lambda: nn.Linear(2.5, 2), DtypeError, "an integer"),
    "features a tuple": (lambda: nn.Linear((2, 3), 2), DtypeError, "an integer"),
    "dropout 1": (lambda: nn.Dropout(1.0), ArgumentError, "0 <= p < 1"),
    "dropout NaN": (lambda: nn.Dropout(float("nan")), ArgumentError, "0 <= p < 1"),
    "dropout text": (lambda: nn.Dropout("0.5"), DtypeError, "a number"),
    "gelu form": (lambda: nn.GELU("erf"), ArgumentError, "'tanh'"),
    "slope below 0": (lambda: nn.LeakyReLU(-1), ArgumentError, "negative_slope=0.01"),
    "layer_norm of nothing": (lambda: nn.LayerNorm(()), ShapeError, "normalized_shape=128"),
    "layer_norm width": (lambda: nn.LayerNorm(4)(x32), ShapeError, "normalized_shape=(3,)"),
    "rms_norm of integers": (lambda: nn.RMSNorm(3)(np.ones((2, 3), int)), DtypeError, "astype(np.float32)"),
    "batch_norm channels": (lambda: nn.BatchNorm1d(4)(x32), ShapeError, "nn.BatchNorm1d(3)"),
    "batch_norm of images": (lambda: nn.BatchNorm1d(3)(x32[..., None, None]), ShapeError, "nn.BatchNorm2d"),
    "batch_norm of tables": (lambda: nn.BatchNorm2d(3)(x32), ShapeError, "nn.BatchNorm1d"),
    "batch_norm of one": (lambda: nn.BatchNorm1d(3)(x32[:1]), ShapeError, "model.eval()"),
    "batch_norm momentum": (lambda: nn.BatchNorm1d(3, momentum=1.5), ArgumentError, "momentum=0.1"),
    "embedding of floats": (lambda: nn.Embedding(4, 2)(x32), DtypeError, "integers"),
    "embedding out of range": (lambda: nn.Embedding(4, 2)(np.array([4])), RangeError, "0 to 3"),
    "reduction": (lambda: nn.MSELoss(reduction="average"), ArgumentError, "reduction='mean'"),
    "smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), ArgumentError, "label_smoothing=0.1"),
    "delta": (lambda: nn.HuberLoss(delta=0), ArgumentError, "delta=1.0"),
    "label out of range": (lambda: nn.CrossEntropyLoss()(x32, np.array([0, 3])), RangeError, "0 to 2"),
    "train with a number": (lambda: nn.ReLU().train(1), DtypeError, "True or False"),
    "to integers": (lambda: nn.Linear(2, 2).to(np.int64), DtypeError, "model.to(np.float64)"),
    "to nonsense": (lambda: nn.Linear(2, 2).to("float99"), DtypeError, "model.to(np.float64)"),
    "to a device that is not here": (lambda: nn.Linear(2, 2).to("mps"), DeviceError, "cpu"),
    "a state that is a list": (
        lambda: nn.Linear(2, 2).load_state_dict([1]),
        DtypeError,
        "model.state_dict()",
    ),
    "xavier of a bias": (lambda: nn.init.xavier_uniform_(nn.Linear(2, 2).bias), ShapeError, "init.zeros_"),
    "init of an array": (lambda: nn.init.zeros_(np.zeros(2)), DtypeError, "layer.weight"),
    "init mode": (
        lambda: nn.init.kaiming_normal_(nn.Linear(2, 2).weight, mode="in"),
        ArgumentError,
        "fan_in",
    ),
    "init gain": (lambda: nn.init.calculate_gain("swish"), ArgumentError, "relu"),
    "uniform bounds": (lambda: nn.init.uniform_(nn.Linear(2, 2).weight, 1, 0), ArgumentError, "a <= b"),
    "normal std": (lambda: nn.init.normal_(nn.Linear(2, 2).weight, std=-1), ArgumentError, "std=1.0"),
    "trunc_normal of nothing": (
        lambda: nn.init.trunc_normal_(nn.Linear(2, 2).weight, a=8, b=9),
        ArgumentError,
        "a=-2.0, b=2.0",
    ),
    "mlp of one size": (lambda: MLP(5), ArgumentError, "MLP(64, 32, 10)"),
    "mlp activation": (lambda: MLP(5, 2, activation="swish"), ArgumentError, "relu"),
    "parameter of integers": (lambda: nn.Parameter(np.ones(2, int)), DtypeError, "floating"),
    "unknown attribute": (lambda: nn.Linear(2, 2).wieght, AttributeError, "wieght"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_gives_the_template(name):
    call, error, hint = WRONG[name]
    with pytest.raises(error) as raised:
        call()
    text = str(raised.value)
    assert hint in text
    if error is not AttributeError:
        assert ": got " in text
        assert "; expected " in text


def test_an_error_inside_forward_keeps_its_own_message():
    class Net(nn.Module):
        def forward(self, x):
            return x + len(3)

    with pytest.raises(TypeError, match="has no len"):
        Net()(x32)
