"""The loop: what it does in each step, what it says, and what it leaves behind when it ends early."""

import itertools
import json
import pickle
import sys

import numpy as np
import pytest

import tinynn as tn
from tinynn import functional as F
from tinynn import nn, optim
from tinynn.data import Batches, Dataset
from tinynn.errors import ArgumentError, DtypeError, KeysError, NonFiniteError, ShapeError, StateError
from tinynn.random import get_state, set_state
from tinynn.train import DivergedError, EarlyStopping, History, Step, evaluate, fit, train


@pytest.fixture(autouse=True)
def fixed_seed():
    before = get_state()
    tn.manual_seed(0)
    yield
    set_state(before)


def clusters(n=60, classes=3, seed=0):
    """Points around three corners: x float32 (n, 2), y int64 (n,)."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return Dataset((np.eye(3, 2)[y] + 0.1 * rng.standard_normal((n, 2))).astype(np.float32), y)


def mlp(*middle):
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), *middle, nn.Linear(8, 3))


def setup(*middle, lr=0.05, batch_size=16, optimizer=optim.Adam):
    model = mlp(*middle)
    return model, Batches(*clusters(), batch_size=batch_size, seed=1), optimizer(model.parameters(), lr=lr)


def weights(model):
    return {k: v.copy() for k, v in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def run(model, batches, optimizer, loss_fn=F.cross_entropy, **options):
    return fit(model, batches, loss_fn, optimizer, progress=False, **options)


# -- the ordinary run --------------------------------------------------------------------------


def test_it_learns_and_every_step_is_recorded():
    model, batches, optimizer = setup()
    steps = list(
        train(
            model, batches, F.cross_entropy, optimizer, epochs=8, validation=clusters(seed=1), progress=False
        )
    )
    assert [s.step for s in steps] == list(range(1, 33))
    assert [s.epoch for s in steps] == [e for e in range(1, 9) for _ in range(4)]
    assert [s.ends_epoch for s in steps] == [False, False, False, True] * 8
    assert all((s.val_loss is not None) == s.ends_epoch for s in steps)
    assert all(s.lr == 0.05 and s.penalty == 0 for s in steps)
    assert steps[-1].val_accuracy > 0.95 and steps[-1].loss < steps[0].loss / 2


def test_a_step_is_what_one_writes_by_hand():
    model, batches, optimizer = setup(optimizer=optim.SGD)
    twin, same_batches, own = setup(optimizer=optim.SGD)
    twin.load_state_dict(model.state_dict())
    history = run(model, batches, optimizer, epochs=3)
    by_hand = []
    for _ in range(3):
        for x, y in same_batches:
            own.zero_grad()
            loss = F.cross_entropy(twin(tn.Tensor(x)), y)
            loss.backward()
            own.step()
            by_hand.append(loss.item())
    assert history.loss == by_hand
    assert same(model.state_dict(), twin.state_dict())


def test_the_gradient_norm_is_the_length_of_all_gradients():
    model, batches, optimizer = setup()
    step = next(train(model, batches, F.cross_entropy, optimizer, progress=False))
    squares = sum(float((p.grad.data.astype(np.float64) ** 2).sum()) for p in model.parameters())
    assert step.grad_norm == pytest.approx(squares**0.5, rel=1e-5)


def test_clipping_shortens_the_step_and_reports_the_length_before():
    model, batches, optimizer = setup(lr=1.0, optimizer=optim.SGD)
    before = weights(model)
    step = next(train(model, batches, F.cross_entropy, optimizer, clip_norm=1e-3, progress=False))
    moved = sum(float(((model.state_dict()[k] - before[k]) ** 2).sum()) for k in before) ** 0.5
    assert step.grad_norm > 0.01
    assert moved == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("l1, l2", [(0.1, 0.0), (0.0, 0.1), (0.1, 0.2)])
def test_penalties_are_on_weights_and_not_on_biases(l1, l2):
    model, batches, optimizer = setup(lr=0.5, optimizer=optim.SGD)
    twin, same_batches, own = setup(lr=0.5, optimizer=optim.SGD)
    twin.load_state_dict(model.state_dict())
    ws = [v.copy() for k, v in model.state_dict().items() if k.endswith("weight")]
    expected = sum(l1 * np.abs(w).sum() + l2 * (w * w).sum() for w in ws)
    step = next(train(model, batches, F.cross_entropy, optimizer, l1=l1, l2=l2, progress=False))
    plain = next(train(twin, same_batches, F.cross_entropy, own, progress=False))
    assert step.loss == plain.loss and step.penalty == pytest.approx(expected, rel=1e-5)
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        pulled = q.data - p.data  # the learning rate times the penalty's gradient
        w = np.zeros_like(p.data) if name.endswith("bias") else ws.pop(0)
        np.testing.assert_allclose(pulled, 0.5 * (l1 * np.sign(w) + 2 * l2 * w), atol=1e-6)


def test_label_smoothing_weight_decay_and_dropout_work_in_their_places():
    model = mlp(nn.Dropout(0.2))
    optimizer = optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.1)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    history = run(
        model, Batches(*clusters(), batch_size=16), optimizer, loss, epochs=20, validation=clusters(seed=1)
    )
    assert history.last("val_accuracy") > 0.95
    assert history.last("val_loss") > 0.3  # smoothed targets keep the loss above zero


def test_a_schedule_moves_on_after_every_step():
    model, batches, optimizer = setup()
    schedule = optim.StepLR(optimizer, step_size=2, gamma=0.5)
    assert run(model, batches, optimizer, schedule=schedule).lr == [0.05, 0.05, 0.025, 0.025]


def test_several_inputs_lists_and_unsized_batches():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 3)

        def forward(self, a, b):
            return self.linear(a + b)

    class Stream:
        def __iter__(self):
            return ((x, x, y) for _ in range(3))

    x, y = clusters(6)
    model = Sum()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for batches in ([(x, x, y)] * 3, Stream()):
        history = run(model, batches, optimizer, epochs=2)
        assert history.epoch_ends == [3, 6]


def test_history_is_continued_and_epochs_count_in_all():
    model, batches, optimizer = setup()
    history = run(model, batches, optimizer, epochs=2)
    run(model, batches, optimizer, epochs=5, history=history)
    assert history.epoch_ends == [4, 8, 12, 16, 20]
    run(model, batches, optimizer, epochs=5, history=history)
    assert len(history.loss) == 20


# -- evaluation --------------------------------------------------------------------------------


def test_evaluation_is_in_eval_mode_leaves_every_mode_as_it_was_and_draws_nothing():
    model = mlp(nn.Dropout(0.5))
    model.train()
    model[2].eval()  # frozen by the user
    before = get_state()
    first, second = (evaluate(model, clusters(), F.cross_entropy) for _ in range(2))
    assert first == second and before == get_state()
    assert model.training and model[0].training and not model[2].training
    assert all(p.grad is None for p in model.parameters())


def test_evaluation_is_the_same_whatever_the_batches():
    model, data = mlp(), clusters(50)
    whole = evaluate(model, data, F.cross_entropy)
    for other in (
        evaluate(model, data, F.cross_entropy, batch_size=7),
        evaluate(model, Batches(*data, batch_size=7), F.cross_entropy),
    ):
        assert other.loss == pytest.approx(whole.loss, rel=1e-5)
        assert other.accuracy == whole.accuracy
    logits = model(tn.Tensor(data.x)).data
    assert whole.accuracy == (logits.argmax(1) == data.y).mean()


def test_evaluation_puts_modes_back_after_an_error():
    model = mlp()
    with pytest.raises(ShapeError):
        evaluate(model, (np.zeros((4, 7), np.float32), np.zeros(4, int)), F.cross_entropy)
    assert model.training


def test_accuracy_of_sequences_ignores_padding_and_regression_has_none():
    class Table(nn.Module):
        def __init__(self, scores):
            super().__init__()
            self.scores = scores

        def forward(self, x):
            return self.scores

    scores = np.zeros((1, 3, 4), np.float32)  # (N, K, T)
    scores[0, [0, 1, 2, 0], range(4)] = 1
    target = np.array([[0, 1, 1, -100]])
    x = np.zeros((1, 1), np.float32)
    loss = lambda output, target: F.sum(output)
    assert evaluate(Table(tn.Tensor(scores)), (x, target), loss).accuracy == pytest.approx(2 / 3)
    last = tn.Tensor(scores.transpose(0, 2, 1).copy())  # (N, T, V)
    assert evaluate(Table(last), (x, target), loss).accuracy == pytest.approx(2 / 3)
    assert evaluate(Table(last), (x, target.astype(np.float32)), loss).accuracy is None


def test_training_goes_on_in_training_mode_though_the_caller_switched():
    model, batches, optimizer = setup(nn.Dropout(0.5))
    for _ in train(model, batches, F.cross_entropy, optimizer, progress=False):
        assert model.training
        model.eval()


# -- early stopping ----------------------------------------------------------------------------


def scripted(losses):
    """A loss function for validation that returns these numbers, and cross-entropy in training."""
    values = iter(losses)
    return lambda out, t: F.cross_entropy(out, t) if tn.is_recording() else tn.tensor(next(values))


@pytest.mark.parametrize(
    "losses, patience, epochs_run, best",
    [
        ([3.0, 2.0, 1.0, 1.5, 1.2, 9.0], 2, 5, 3),
        ([3.0, 2.0, float("nan"), 1.0, 1.5, 1.2], 2, 6, 4),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1, 2, 1),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 2.5], 3, 6, 5),  # ends by itself; the best weights come back all the same
    ],
)
def test_early_stopping_brings_back_the_best_weights(losses, patience, epochs_run, best):
    model, batches, optimizer = setup()
    history, kept = History(), []
    loop = train(
        model, batches, scripted(losses), optimizer,
        epochs=6, validation=clusters(), early_stopping=patience, history=history, progress=False,
    )  # fmt: skip
    for step in loop:
        if step.ends_epoch:
            kept.append(weights(model))
    assert len(kept) == epochs_run and history.best().at == best
    assert history.stopped_early == (
        epochs_run < 6 or losses[-1] > min(losses) and epochs_run - best >= patience
    )
    assert same(weights(model), kept[best - 1])


def test_a_run_broken_off_keeps_its_latest_weights():
    model, batches, optimizer = setup()
    loop = train(
        model, batches, scripted([1.0, 2.0, 3.0]), optimizer,
        epochs=3, validation=clusters(), early_stopping=3, progress=False,
    )  # fmt: skip
    for step in loop:
        if step.ends_epoch and step.epoch == 2:
            latest = weights(model)
            break
    loop.close()
    assert same(weights(model), latest)


# -- ending early ------------------------------------------------------------------------------


def test_break_leaves_a_usable_model_and_history():
    model, batches, optimizer = setup()
    history = History()
    for step in train(
        model, batches, F.cross_entropy, optimizer, epochs=100, history=history, progress=False
    ):
        if step.step == 6:
            break
    assert len(history.loss) == 6 and history.epoch_ends == [4]
    assert np.isfinite(evaluate(model, clusters(), F.cross_entropy).loss)


def test_ctrl_c_leaves_a_usable_model_and_history():
    model, batches, optimizer = setup()
    calls = itertools.count(1)

    def loss_fn(out, target):
        if next(calls) == 6:
            raise KeyboardInterrupt
        return F.cross_entropy(out, target)

    history = run(model, batches, optimizer, loss_fn, epochs=10)
    assert history.interrupted and len(history.loss) == 5
    assert model.training and "interrupted" in repr(history)
    run(model, batches, optimizer, epochs=10, history=history)
    assert not history.interrupted and len(history.epoch_ends) == 10


def test_the_bar_is_shown_on_request_and_closed_on_break(capsys):
    model, batches, optimizer = setup()
    for _ in train(model, batches, F.cross_entropy, optimizer, epochs=2, validation=clusters()):
        pass
    text = capsys.readouterr().err
    assert "8/8" in text and "loss" in text and "validation" in text
    loop = train(model, batches, F.cross_entropy, optimizer, epochs=2)
    next(loop)
    loop.close()
    assert capsys.readouterr().err.endswith("\n")
    run(model, batches, optimizer, epochs=1)
    assert capsys.readouterr().err == ""


def test_no_widgets_are_loaded_for_the_bar(tmp_path):
    import subprocess

    code = (
        "import sys, tinynn.train as t\n"
        "bar = t._bar([1], 1, 0); bar.close()\n"
        "assert not {'ipywidgets', 'IPython', 'matplotlib'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


# -- numbers that are none ---------------------------------------------------------------------


class Log(nn.Module):
    def forward(self, x):
        return F.log(x - 100)


def explode(model, batches, optimizer, loss_fn=F.cross_entropy, **options):
    before = weights(model)
    with pytest.raises(DivergedError) as caught:
        run(model, batches, optimizer, loss_fn, **options)
    assert same(weights(model), before) or caught.value.step > 1
    assert isinstance(caught.value, NonFiniteError)
    assert all(np.isfinite(v).all() for v in weights(model).values())
    return caught.value


def test_the_first_op_with_a_bad_output_is_named():
    model, batches, optimizer = setup(Log())
    problem = explode(model, batches, optimizer)
    assert (problem.op, problem.step, problem.epoch, problem.problem) == ("log forward", 1, 1, "loss")
    assert "log forward" in str(problem) and "step 1" in str(problem)


def test_the_first_op_with_a_bad_gradient_is_named():
    model, batches, optimizer = setup()
    loss = lambda out, target: F.cross_entropy(out, target) + F.sum(F.sqrt(out * 0))
    problem = explode(model, batches, optimizer, loss)
    assert (problem.op, problem.problem) == ("sqrt backward", "gradient")


def test_the_step_is_the_one_that_failed_and_the_history_holds_those_before():
    model, batches, optimizer = setup()
    calls = itertools.count(1)
    bad = {6, 7}  # the second call of the pair repeats the step
    loss = lambda out, t: F.cross_entropy(out, t) * (float("inf") if next(calls) in bad else 1.0)
    history = History()
    problem = explode(model, batches, optimizer, loss, history=history, epochs=3)
    assert (problem.step, problem.epoch, problem.op) == (6, 2, "mul forward")
    assert len(history.loss) == 5


def test_the_repeated_step_sees_the_same_dropout_masks_and_the_draws_are_not_lost():
    masks = []

    class Watch(nn.Module):
        def forward(self, x):
            masks.append(x.data == 0)
            return x

    model, batches, optimizer = setup(nn.Dropout(0.5), Watch(), Log())
    explode(model, batches, optimizer)
    after = get_state()
    assert len(masks) == 2 and (masks[0] == masks[1]).all() and masks[0].any()
    tn.manual_seed(0)
    model, batches, optimizer = setup(nn.Dropout(0.5))
    next(train(model, batches, F.cross_entropy, optimizer, progress=False))
    assert get_state() == after


def test_bad_data_and_bad_parameters_are_told_from_bad_ops():
    x, y = clusters()
    x[7] = np.nan
    model, _, optimizer = setup()
    assert explode(model, [(x, y)], optimizer).op == "the input 0 of the batch"
    model[0].weight.data[0, 0] = np.inf
    with pytest.raises(DivergedError) as caught:
        run(model, [clusters()], optimizer)
    assert caught.value.op == "the parameter 0.weight"


def test_a_learning_rate_far_too_large_ends_with_a_name():
    model, batches, optimizer = setup(lr=1e30, optimizer=optim.SGD)
    problem = explode(model, batches, optimizer, epochs=5)
    assert problem.step > 1 and problem.op.split()[-1] in ("forward", "backward", "0.weight", "3.weight")


def test_gradients_too_large_to_square_in_float32_are_not_infinite():
    model, batches, optimizer = setup(lr=1e-30, optimizer=optim.SGD)
    loss = lambda out, target: F.cross_entropy(out, target) * 1e25
    assert run(model, batches, optimizer, loss).last("grad_norm") > 1e20


def test_running_statistics_are_those_from_before_the_step():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3), Log())
    before = weights(model)
    explode(model, [clusters()], adam(model))
    assert same(weights(model), before)


def test_the_error_survives_a_pickle():
    model, batches, optimizer = setup(Log())
    problem = explode(model, batches, optimizer)
    again = pickle.loads(pickle.dumps(problem))
    assert str(again) == str(problem) and again.op == problem.op


def test_numpy_does_not_warn_beside_the_error(recwarn):
    model, batches, optimizer = setup(Log())
    explode(model, batches, optimizer)
    assert not recwarn.list


# -- wrong calls -------------------------------------------------------------------------------


def detached(out, target):
    return F.cross_entropy(out.detach(), target)


X, Y = clusters()
XY = [(X, Y)]
CE = F.cross_entropy
GOOD = mlp()


def adam(model=GOOD):
    return optim.Adam(model.parameters())


@pytest.mark.parametrize(
    "error, words, call",
    [
        (DtypeError, "a Module", lambda: train("net", XY, CE, adam())),
        (DtypeError, "an Optimizer", lambda: train(GOOD, XY, CE, GOOD.parameters())),
        (StateError, "requires grad", lambda: train(nn.ReLU(), XY, CE, adam())),
        (StateError, "none of the model's", lambda: train(GOOD, XY, CE, adam(mlp()))),
        (DtypeError, "an iterable of batches", lambda: train(GOOD, clusters(), CE, adam())),
        (DtypeError, "an iterable of batches", lambda: train(GOOD, (X, Y), CE, adam())),
        (DtypeError, "an iterable of batches", lambda: train(GOOD, 3, CE, adam())),
        (ArgumentError, "epochs=0", lambda: train(GOOD, XY, CE, adam(), epochs=0)),
        (ArgumentError, "epochs=2.5", lambda: train(GOOD, XY, CE, adam(), epochs=2.5)),
        (ArgumentError, "l1=-1", lambda: train(GOOD, XY, CE, adam(), l1=-1)),
        (ArgumentError, "l2=nan", lambda: train(GOOD, XY, CE, adam(), l2=float("nan"))),
        (ArgumentError, "validation=val", lambda: train(GOOD, XY, CE, adam(), early_stopping=3)),
        (ArgumentError, "patience=0", lambda: train(GOOD, XY, CE, adam(), early_stopping=0, validation=XY)),
        (ArgumentError, "patience=True", lambda: EarlyStopping(True)),
        (ArgumentError, "no batches in epoch 1", lambda: run(GOOD, [], adam())),
        (ArgumentError, "no batches in epoch 2", lambda: run(GOOD, iter(XY), adam(), epochs=2)),
        (DtypeError, "(inputs, ..., target)", lambda: run(GOOD, [(X,)], adam())),
        (DtypeError, "(inputs, ..., target)", lambda: run(GOOD, [X], adam())),
        (ShapeError, "reduction='mean'", lambda: run(GOOD, XY, adam(), nn.NLLLoss(reduction="none"))),
        (StateError, "without history", lambda: run(GOOD, XY, adam(), detached)),
        (DtypeError, "of type float", lambda: run(GOOD, XY, adam(), lambda o, t: 1.0)),
        (ArgumentError, "no examples", lambda: evaluate(GOOD, [], CE)),
        (ArgumentError, "one of loss", lambda: History().best("loses")),
        (KeysError, "the keys", lambda: History.from_dict({"loss": []})),
    ],
)  # fmt: skip
def test_wrong_calls_are_told_before_anything_changes(error, words, call):
    before = weights(GOOD)
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
    if "epoch 2" not in words:
        assert same(weights(GOOD), before)


def test_under_no_grad_there_is_no_history():
    with tn.no_grad(), pytest.raises(StateError, match="no_grad"):
        run(GOOD, [(X, Y)], adam())


# -- history -----------------------------------------------------------------------------------


def test_history_lists_json_last_and_best(tmp_path):
    history = History()
    for i, (loss, accuracy) in enumerate([(3.0, 0.5), (1.0, 0.75), (2.0, 0.7)], start=1):
        history.append(Step(i, 2 * i - 1, loss, 0.0, 1.0, 0.1))
        history.append(Step(i, 2 * i, loss + 1, 0.0, 1.0, 0.1, True, loss, accuracy))
    assert history.train_loss == [3.5, 1.5, 2.5]
    assert (
        history.best() == (2, 1.0)
        and history.best("val_accuracy") == (2, 0.75)
        and history.best("loss") == (3, 1.0)
    )
    assert history.last() == 3.0 and history.last("val_loss") == 2.0
    file = tmp_path / "history.json"
    assert history.to_json(file) == file.read_text(encoding="utf-8")
    for again in (History.from_json(file.read_text(encoding="utf-8")), History.from_dict(history.to_dict())):
        assert again.to_dict() == history.to_dict()
    again = History()
    again.load_state_dict(history.state_dict())
    assert again.to_dict() == history.to_dict()
    assert json.loads(history.to_json())["epoch_ends"] == [2, 4, 6]


def test_an_empty_history_has_no_last_and_no_best():
    history = History()
    assert history.last() is None and history.best() is None and history.train_loss == []
    assert History.from_json(history.to_json()).to_dict() == history.to_dict()


def test_a_loss_that_is_no_function_is_refused_before_the_first_step():
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(DtypeError, match="F.cross_entropy"):
        train(model, [(np.ones((3, 2), np.float32), np.zeros(3, int))], "cross_entropy", optimizer)
