"""Optimisers, schedules, clipping: PyTorch's numbers, exact resumption, nothing moved by a wrong call."""

from __future__ import annotations

import json
from pathlib import Path

import nn_cases as cases
import numpy as np
import pytest

import tinynn
from tinynn import nn, ops, optim
from tinynn.errors import ArgumentError, DtypeError, KeysError, NonFiniteError, StateError
from tinynn.models import MLP
from tinynn.optim import lr_scheduler
from tinynn.tensor import Tensor


@pytest.fixture(scope="module")
def torch_optim() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "torch_vectors" / "optim.npz") as file:
        return dict(file)


def parameters(dtype=np.float64) -> list[nn.Parameter]:
    return [nn.Parameter(p.astype(dtype)) for p in cases.start()]


def give_gradients(params, step: int) -> None:
    for i, p in enumerate(params):
        p.grad = Tensor(cases.gradient(step, i, p.data).astype(p.dtype))


def run(optimiser, params, steps) -> np.ndarray:
    for step in steps:
        give_gradients(params, step)
        optimiser.step()
    return np.concatenate([p.data.ravel() for p in params])


def values(params) -> list[np.ndarray]:
    return [p.data.copy() for p in params]


def unchanged(params, before) -> bool:
    return all((p.data == old).all() for p, old in zip(params, before))


# -- PyTorch's numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", cases.OPTIMISERS)
def test_hundred_steps_go_torchs_way(name, dtype, torch_optim):
    params = parameters(dtype)
    optimiser = cases.OPTIMISERS[name](optim, params)
    rounds = range(0, cases.STEPS, cases.EVERY)
    path = [run(optimiser, params, range(t, t + cases.EVERY)) for t in rounds]
    tolerance = {"float64": 1e-10, "float32": 3e-5}[dtype]
    np.testing.assert_allclose(path, torch_optim[f"{name}/{dtype}"], rtol=tolerance, atol=tolerance)
    assert {p.dtype.name for p in params} == {dtype}


def rates(build) -> np.ndarray:
    a, b = (nn.Parameter(np.zeros(1, np.float32)) for _ in range(2))
    optimiser = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.1, momentum=0.7)
    schedule, seen = build(lr_scheduler, optimiser), []
    for _ in range(cases.RATES):
        seen.append([value for group in optimiser.param_groups for value in (group["lr"], group["momentum"])])
        schedule.step()
    return np.array(seen)


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_schedule_gives_torchs_rates(name, torch_optim):
    np.testing.assert_allclose(rates(cases.SCHEDULES[name]), torch_optim[name], rtol=1e-9, atol=1e-12)


def test_warmup_cosine_is_torchs_sequence_of_two(torch_optim):
    ours = rates(lambda s, o: s.WarmupCosine(o, warmup_steps=10, total_steps=50, min_lr=0.01))
    np.testing.assert_allclose(ours[:50], torch_optim["warmup cosine"], rtol=1e-9)
    assert (ours[50:, 0] == 0.01).all()


@pytest.mark.parametrize("q", [1.0, 2.0, float("inf")])
@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clipping_gives_torchs_norm_and_gradients(q, limit, torch_optim):
    params = parameters()
    give_gradients(params, 0)
    norm = optim.clip_grad_norm_(iter(params), limit, norm_type=q)
    ours = np.concatenate([[norm], *[p.grad.data.ravel() for p in params]])
    np.testing.assert_allclose(ours, torch_optim[f"clip {q} {limit}"], rtol=1e-9)


# -- steps -------------------------------------------------------------------------------------------


def test_parameters_without_gradient_and_frozen_ones_stay():
    params = [*parameters(), nn.Parameter(np.ones(2))]
    optimiser = optim.Adam(params)
    give_gradients(params[:2], 0)
    params[0].requires_grad_(False)
    before = values(params)
    optimiser.step()
    assert [bool((p.data == old).all()) for p, old in zip(params, before)] == [True, False, True]
    assert list(optimiser.state) == [params[1]]
    params[0].requires_grad_(True)  # thawed, it joins with a count of its own
    optimiser.step()
    assert [optimiser.state[p]["step"] for p in params[:2]] == [1, 2]


def test_zero_grad_forgets():
    params = parameters()
    give_gradients(params, 0)
    optim.SGD(params).zero_grad()
    assert [p.grad for p in params] == [None, None]


def test_learning_rate_changes_in_mid_run():
    params = parameters()
    optimiser = optim.SGD(params, lr=0.0)
    before = values(params)
    run(optimiser, params, [0])
    assert unchanged(params, before)
    optimiser.param_groups[0]["lr"] = np.float64(0.5)
    give_gradients(params, 0)
    optimiser.step()
    np.testing.assert_allclose(params[0].data, before[0] - 0.5 * params[0].grad.data)


def test_numpy_numbers_widen_nothing():
    params = parameters(np.float32)
    optimiser = optim.Adam(params, lr=np.float64(0.1), betas=(np.float64(0.9), np.float64(0.99)))
    run(optimiser, params, range(3))
    assert {p.dtype for p in params} == {np.dtype(np.float32)}
    json.dumps(optimiser.state_dict()["param_groups"])


def test_reassigned_data_goes_on_with_the_state_kept():
    params, other = parameters(), parameters()
    a, b = optim.Adam(params), optim.Adam(other)
    run(a, params, range(3)), run(b, other, range(3))
    params[0].data = params[0].data.copy(order="F")
    params[1].data = np.concatenate([params[1].data, np.ones(3)])[:3]
    assert np.array_equal(run(a, params, range(3, 6)), run(b, other, range(3, 6)))


def test_tied_weights_move_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 3, bias=False)
            self.b = nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

    tied = Tied()
    optimiser = optim.SGD(tied.parameters(), lr=1.0)
    before = tied.a.weight.data.copy()
    tied.a.weight.grad = Tensor(np.ones((3, 3), np.float32))
    optimiser.step()
    np.testing.assert_allclose(tied.b.weight.data, before - 1)


def test_read_only_and_shared_memory_are_left_alone():
    fixed = np.broadcast_to(np.float32(1), (3,))
    p = nn.Parameter(fixed)
    gradient = np.ones(3, np.float32)
    p.grad = Tensor(gradient)
    optim.SGD([p], lr=0.5, momentum=0.9, weight_decay=0.1).step()
    np.testing.assert_allclose(p.data, 0.45)
    assert (fixed == 1).all()
    assert (gradient == 1).all()


@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_odd_shapes(shape):
    p = nn.Parameter(np.ones(shape, np.float32))
    for build in (optim.SGD, optim.RMSprop, optim.Adam, optim.AdamW):
        optimiser = build([p], lr=0.1)
        p.grad = Tensor(np.ones(shape, np.float32))
        optimiser.step()
        optimiser.load_state_dict(optimiser.state_dict())
    assert (p.data < 1).all()


def test_a_students_update_is_used():
    def plain_descent(p, g, *, lr, **_):
        p -= lr * g
        return p, None

    params = parameters()
    with ops.sgd_update.using(plain_descent) as mine:
        run(optim.SGD(params, lr=0.1), params, range(5))
    assert mine.calls["forward"] == 10


@pytest.mark.parametrize("build", [optim.SGD, optim.RMSprop, optim.Adam, optim.AdamW])
def test_a_network_learns(build):
    tinynn.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    model, loss_fn = MLP(2, 16, 2), nn.CrossEntropyLoss()
    optimiser = build(model.parameters(), lr=0.5 if build is optim.SGD else 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2


# -- groups ------------------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own():
    a, b, c = (nn.Parameter(np.ones(2)) for _ in range(3))
    optimiser = optim.SGD([{"params": [a], "lr": 0.1}, {"params": b}], lr=0.5)
    optimiser.add_param_group({"params": [c], "weight_decay": 1.0})
    for p in (a, b, c):
        p.grad = Tensor(np.ones(2))
    optimiser.step()
    assert [p.data[0] for p in (a, b, c)] == pytest.approx([0.9, 0.5, 0.0])
    assert "group 2: 1 parameters, lr=0.5" in repr(optimiser)


# -- saving and resuming -----------------------------------------------------------------------------


def through_json(state: dict) -> dict:
    """What a checkpoint does: arrays on one side, numbers through JSON on the other."""
    arrays = {
        (str(i), k): v
        for i, kept in state["state"].items()
        for k, v in kept.items()
        if isinstance(v, np.ndarray)
    }
    numbers = {
        str(i): {k: v for k, v in kept.items() if not isinstance(v, np.ndarray)}
        for i, kept in state["state"].items()
    }
    read = json.loads(json.dumps({"state": numbers, "param_groups": state["param_groups"]}))
    for (i, k), array in arrays.items():
        read["state"][i][k] = array
    return read


@pytest.mark.parametrize("name", cases.OPTIMISERS)
def test_a_resumed_run_is_the_unbroken_run_bit_for_bit(name):
    build, params = cases.OPTIMISERS[name], parameters(np.float32)
    optimiser = build(optim, params)
    run(optimiser, params, range(10))
    state, middle = through_json(optimiser.state_dict()), values(params)
    unbroken = run(optimiser, params, range(10, 20))
    again = [nn.Parameter(p) for p in middle]
    resumed = build(optim, again)
    resumed.load_state_dict(state)
    assert np.array_equal(run(resumed, again, range(10, 20)), unbroken)


@pytest.mark.parametrize("momenta", [(0.0, 0.9), (0.9, 0.0)])
def test_momentum_turned_on_or_off_is_saved_as_it_is_now(momenta):
    params = parameters()
    optimiser = optim.SGD(params, momentum=momenta[0])
    run(optimiser, params, range(3))
    optimiser.param_groups[0]["momentum"] = momenta[1]
    again = [nn.Parameter(p.copy()) for p in values(params)]
    resumed = optim.SGD(again)
    resumed.load_state_dict(optimiser.state_dict())
    assert np.array_equal(run(resumed, again, range(3, 6)), run(optimiser, params, range(3, 6)))


def test_a_state_dict_is_a_snapshot():
    params = parameters()
    optimiser = optim.Adam(params)
    run(optimiser, params, range(2))
    state = optimiser.state_dict()
    kept = state["state"][0]["exp_avg"].copy()
    run(optimiser, params, range(2))
    assert (state["state"][0]["exp_avg"] == kept).all()
    assert state["state"][0]["step"] == 2


def _spoil(change):
    params = parameters()
    optimiser = optim.Adam(params)
    run(optimiser, params, range(2))
    state = optimiser.state_dict()
    changed = change(state)
    return optimiser, state if changed is None else changed


SPOILED = {
    "another kind": (lambda s: optim.SGD(parameters(), momentum=0.9).state_dict(), "momentum"),
    "fewer groups": (lambda s: {**s, "param_groups": []}, "0 parameter groups, here 1"),
    "fewer parameters": (lambda s: s["param_groups"][0]["params"].pop() and None, "1 parameters, here 2"),
    "a setting missing": (lambda s: s["param_groups"][0].pop("eps") and None, "eps"),
    "a setting without a meaning": (lambda s: s["param_groups"][0].update(lr=-1), "lr=-1"),
    "another shape": (lambda s: s["state"][0].update(exp_avg=np.zeros(2)), "exp_avg (2,)"),
    "another dtype": (lambda s: s["state"][1].update(exp_avg=np.zeros(3, np.float32)), "float32"),
    "an array missing": (lambda s: s["state"][0].pop("exp_avg_sq") is None or None, "exp_avg_sq"),
    "a parameter too many": (lambda s: s["state"].update({7: s["state"][0]}), "parameter 7"),
    "a count that is none": (lambda s: s["state"][0].update(step=1.5), "step 1.5"),
    "no dict": (lambda s: [1, 2], "optimizer.state_dict()"),
    "half a dict": (lambda s: {"state": {}}, "param_groups"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_state_that_does_not_fit_changes_nothing(name):
    change, words = SPOILED[name]
    optimiser, bad = _spoil(change)
    before = optimiser.state_dict()
    with pytest.raises((KeysError, ArgumentError), match="got .*expected") as refused:
        optimiser.load_state_dict(bad)
    assert words in str(refused.value)
    after = optimiser.state_dict()
    assert after["param_groups"] == before["param_groups"]
    for i, kept in before["state"].items():
        assert all(np.array_equal(after["state"][i][k], v) for k, v in kept.items())


# -- schedules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases.SCHEDULES)
def test_a_schedule_resumes(name):
    def fresh():
        optimiser = optim.SGD(parameters(), lr=0.1, momentum=0.7)
        return optimiser, cases.SCHEDULES[name](lr_scheduler, optimiser)

    optimiser, schedule = fresh()
    for _ in range(25):
        schedule.step()
    saved = json.loads(json.dumps([optimiser.state_dict()["param_groups"], schedule.state_dict()]))
    again, resumed = fresh()
    again.load_state_dict({"state": {}, "param_groups": saved[0]})
    resumed.load_state_dict(saved[1])
    for _ in range(25):
        schedule.step(), resumed.step()
        assert again.param_groups[0]["lr"] == optimiser.param_groups[0]["lr"]
        assert again.param_groups[0]["momentum"] == optimiser.param_groups[0]["momentum"]
    assert resumed.get_last_lr() == schedule.get_last_lr()


def test_one_cycle_turns_adams_first_beta():
    optimiser = optim.AdamW(parameters())
    schedule = optim.OneCycleLR(optimiser, max_lr=0.1, total_steps=11)
    assert optimiser.param_groups[0]["betas"] == (0.95, 0.999)
    for _ in range(3):
        schedule.step()
    assert optimiser.param_groups[0]["betas"][0] < 0.9
    assert "step 3" in repr(schedule)


# -- clipping ----------------------------------------------------------------------------------------


def test_clipping_makes_new_arrays_since_gradients_may_share_memory():
    shared = Tensor(np.full(4, 2.0, np.float32))
    a, b = nn.Parameter(np.zeros(4, np.float32)), nn.Parameter(np.zeros(4, np.float32))
    a.grad = b.grad = shared
    norm = optim.clip_grad_norm_([a, b], 1.0)
    assert norm == pytest.approx(np.sqrt(32))
    assert (shared.data == 2).all()
    np.testing.assert_allclose(a.grad.data, 2 / np.sqrt(32), rtol=1e-5)
    assert a.grad.dtype == np.float32


def test_small_gradients_and_none_stay():
    p, q = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    p.grad = gradient = Tensor(np.array([0.3, 0.4]))
    assert optim.clip_grad_norm_([p, q], 1.0) == pytest.approx(0.5)
    assert p.grad is gradient
    assert optim.clip_grad_norm_([q], 1.0) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite(bad):
    p = nn.Parameter(np.zeros(2))
    p.grad = Tensor(np.array([bad, 1.0]))
    with pytest.raises(NonFiniteError, match="norm"):
        optim.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert p.grad.data[1] == 1
    assert not np.isfinite(optim.clip_grad_norm_([p], 1.0))
    assert np.isnan(p.grad.data).any()


# -- wrong calls: each gives the template ------------------------------------------------------------


def one() -> nn.Parameter:
    return nn.Parameter(np.ones(2, np.float32))


def _used_up():
    generator = iter([one()])
    list(generator)
    return optim.Adam(generator)


WRONG = {
    "no parameters": (lambda: optim.SGD([]), ArgumentError, "model.parameters()"),
    "a used-up generator": (_used_up, ArgumentError, "used up"),
    "a single tensor": (lambda: optim.SGD(one()), DtypeError, "[tensor]"),
    "a model": (lambda: optim.Adam(nn.Linear(2, 2)), DtypeError, "model.parameters()"),
    "a single group": (lambda: optim.Adam({"params": [one()]}), DtypeError, "[group]"),
    "a number": (lambda: optim.Adam(3), DtypeError, "model.parameters()"),
    "arrays": (lambda: optim.Adam([np.ones(2)]), DtypeError, "model.parameters()"),
    "names and parameters": (lambda: optim.Adam(nn.Linear(2, 2).named_parameters()), DtypeError, "Tensors"),
    "a tensor that needs no gradient": (
        lambda: optim.SGD([tinynn.tensor([1.0])]),
        ArgumentError,
        "tensor.requires_grad_()",
    ),
    "a result": (lambda: optim.SGD([one() * 2]), ArgumentError, "a leaf"),
    "a parameter twice": (lambda: optim.SGD([one()] * 2), ArgumentError, "each parameter once"),
    "lr below 0": (lambda: optim.SGD([one()], lr=-0.1), ArgumentError, "lr=1e-3"),
    "lr NaN": (lambda: optim.Adam([one()], lr=float("nan")), ArgumentError, "lr=1e-3"),
    "lr text": (lambda: optim.Adam([one()], lr="0.1"), DtypeError, "a number"),
    "lr is betas": (lambda: optim.Adam([one()], (0.9, 0.999)), DtypeError, "a number"),
    "one beta": (lambda: optim.Adam([one()], betas=0.9), ArgumentError, "betas=(0.9, 0.999)"),
    "beta 1": (lambda: optim.Adam([one()], betas=(0.9, 1.0)), ArgumentError, "betas=(0.9, 0.999)"),
    "eps": (lambda: optim.AdamW([one()], eps=-1), ArgumentError, "eps=1e-8"),
    "momentum 1": (lambda: optim.SGD([one()], momentum=1.0), ArgumentError, "momentum=0.9"),
    "nesterov alone": (lambda: optim.SGD([one()], nesterov=True), ArgumentError, "momentum=0.9"),
    "decay": (lambda: optim.AdamW([one()], weight_decay=-1), ArgumentError, "weight_decay=0.01"),
    "alpha": (lambda: optim.RMSprop([one()], alpha=1.5), ArgumentError, "alpha=0.99"),
    "unknown setting": (lambda: optim.SGD([{"params": [one()], "beta": 1}]), ArgumentError, "momentum"),
    "group without params": (lambda: optim.SGD([{"lr": 1}]), ArgumentError, "params"),
    "schedule of no optimiser": (lambda: optim.StepLR([one()], 3), DtypeError, "an optimiser"),
    "step size 0": (lambda: optim.StepLR(optim.SGD([one()]), 0), ArgumentError, "at least 1"),
    "T_max a float": (lambda: optim.CosineAnnealingLR(optim.SGD([one()]), 2.5), DtypeError, "an integer"),
    "warm-up too long": (
        lambda: optim.WarmupCosine(optim.SGD([one()]), 10, 10),
        ArgumentError,
        "warmup_steps=1",
    ),
    "one cycle's form": (
        lambda: optim.OneCycleLR(optim.SGD([one()]), 0.1, 10, anneal_strategy="exp"),
        ArgumentError,
        "'cos'",
    ),
    "schedule's state": (
        lambda: optim.StepLR(optim.SGD([one()]), 3).load_state_dict({}),
        KeysError,
        "state_dict()",
    ),
    "clip nothing": (lambda: optim.clip_grad_norm_([np.ones(2)], 1.0), DtypeError, "model.parameters()"),
    "clip below 0": (lambda: optim.clip_grad_norm_([one()], -1.0), ArgumentError, "max_norm=1.0"),
    "clip norm 0": (lambda: optim.clip_grad_norm_([one()], 1.0, norm_type=0), ArgumentError, "norm_type=2.0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_gives_the_template(name):
    call, error, hint = WRONG[name]
    with pytest.raises(error, match="got .*expected") as raised:
        call()
    assert hint in str(raised.value)


def test_a_step_that_cannot_be_made_moves_nothing():
    params = parameters(np.float32)
    optimiser = optim.Adam(params)
    run(optimiser, params, range(2))
    before = values(params)
    params[1].grad = Tensor(np.ones(4, np.float32))
    with pytest.raises(StateError, match="gradient .*zero_grad"):
        optimiser.step()
    optimiser.param_groups[0]["lr"] = "fast"
    with pytest.raises(DtypeError, match="lr='fast'"):
        optimiser.step()
    assert unchanged(params, before)
    assert optimiser.state[params[0]]["step"] == 2


def test_a_model_converted_under_its_optimiser_is_noticed_and_the_hint_works():
    model = nn.Linear(3, 2)
    optimiser = optim.Adam(model.parameters())
    model(np.ones((1, 3), np.float32)).sum().backward()
    optimiser.step()
    model.to(np.float64)
    with pytest.raises(StateError, match="exp_avg .*a new optimiser"):
        optimiser.step()
    optim.Adam(model.parameters()).step()
