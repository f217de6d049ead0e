"""The cockpit without a browser: numbers that repeat bit for bit, controls, NaN, pictures, what it leaves."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("matplotlib")
pytest.importorskip("ipywidgets")

import tinynn as tn
from tinynn import functional as F
from tinynn import nn, ops, optim
from tinynn.course.cockpit import Cockpit, cockpit
from tinynn.course.cockpit import run as runs
from tinynn.course.cockpit.sheets import Curve, Curves
from tinynn.data import Batches, digits, spirals
from tinynn.errors import ArgumentError, DtypeError, ShapeError, StateError
from tinynn.models import MLP
from tinynn.random import get_state, set_state
from tinynn.train import fit

DATA, NEW = spirals(100, classes=2), spirals(60, classes=2, seed=1)


@pytest.fixture(autouse=True)
def shared_generator():
    before = get_state()
    yield
    set_state(before)


def net(dropout=0.2):
    return nn.Sequential(
        nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2)
    )


def made(**options) -> Cockpit:
    options = {"model": net, "data": DATA, "optimizer": "momentum", "epochs": 10, "validation": NEW} | options
    return cockpit(**options)


def steps(pit, n):
    for _ in range(n):
        pit.step()
    return pit


def state(pit):
    """Everything the next step depends on that can be seen from outside, as bytes."""
    parts = [p.data.tobytes() for p in pit.model.parameters()] + [b.tobytes() for b in pit.model.buffers()]
    return b"".join(parts)


# -- the same numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adamw"])
def test_the_numbers_are_those_of_fit(optimizer):
    pit = made(optimizer=optimizer, lr=0.02, weight_decay=1e-3)
    pit.run_to_end()
    tn.manual_seed(0)
    model = net()
    kinds = {
        "sgd": lambda p, **k: optim.SGD(p, **k),
        "momentum": lambda p, **k: optim.SGD(p, momentum=0.9, **k),
        "rmsprop": optim.RMSprop, "adam": optim.Adam, "adamw": optim.AdamW,
    }  # fmt: skip
    own = kinds[optimizer](model.parameters(), lr=0.02, weight_decay=1e-3)
    batches = Batches(*DATA, batch_size=32, seed=0)
    history = fit(model, batches, F.cross_entropy, own, epochs=10, validation=NEW, progress=False)
    assert pit.losses == history.loss and len(pit.losses) == 40
    assert [r.norm for r in pit.run.records] == history.grad_norm
    ends = [r for r in pit.run.records if r.val_loss is not None]
    assert [r.val_loss for r in ends] == history.val_loss
    assert [r.val_accuracy for r in ends] == history.val_accuracy


def test_a_played_run_is_a_run_to_the_end_bit_for_bit_and_leaves_no_task(page):
    still = made()
    still.run_to_end()

    async def session():
        pit = made()
        pit._ipython_display_()
        pit.play()
        while pit.running:
            tn.random.generator().random()  # what a cell in between draws changes nothing
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        return pit, asyncio.all_tasks() - {asyncio.current_task()}

    played, tasks = asyncio.run(session())
    assert played.losses == still.losses and state(played) == state(still)
    assert not tasks and played.done


def test_a_pause_leaves_no_task():
    async def session():
        pit = made(epochs=1000)
        pit.play()
        await asyncio.sleep(0.05)
        pit.pause()
        await asyncio.sleep(0)
        return pit.at, asyncio.all_tasks() - {asyncio.current_task()}

    at, tasks = asyncio.run(session())
    assert 0 < at < 4000 and not tasks


def test_training_and_looking_leave_the_shared_generator_alone():
    pit, before = made(), get_state()
    steps(pit, 3)
    pit.picture()
    assert get_state() == before


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("step", [0, 5, 8, 13, 29])
def test_a_rewind_puts_everything_back(optimizer, step):
    pit = steps(made(optimizer=optimizer), step)
    there = state(pit)
    steps(pit, 30 - step)
    losses, end = pit.losses, state(pit)
    pit.rewind(step)
    assert pit.at == step and pit.losses == losses[:step] and state(pit) == there
    pit.rewind(30)  # the steps after it are still there
    assert pit.losses == losses and state(pit) == end
    pit.rewind(step)
    steps(pit, 30 - step)
    assert pit.losses == losses and state(pit) == end


@settings(max_examples=12)
@given(st.data())
def test_whatever_is_done_a_step_once_reached_is_reached_again(data):
    pit, seen = made(epochs=100), {}
    for _ in range(data.draw(st.integers(3, 8))):
        act = data.draw(st.sampled_from(["train", "set", "rewind", "fork", "switch"]))
        if act == "train":
            for _ in range(data.draw(st.integers(1, 20))):
                seen = {k: v for k, v in seen.items() if k[0] != pit.run.name or k[1] <= pit.at}
                pit.step()
                seen[pit.run.name, pit.at] = state(pit)
        elif act == "set":
            lr, size = data.draw(st.sampled_from([0.01, 0.1])), data.draw(st.sampled_from([8, 32, 100]))
            pit.set(lr=lr, batch_size=size, optimizer=data.draw(st.sampled_from(["sgd", "adam"])))
        elif act == "rewind":
            pit.rewind(data.draw(st.integers(0, len(pit.run.records))))
        elif act == "fork" and len(pit.runs) < 4:
            pit.fork()
        elif act == "switch":
            pit.switch(data.draw(st.sampled_from(pit.runs)).name)
    for (name, at), bits in list(seen.items())[::7]:
        pit.switch(name)
        pit.rewind(at)
        assert state(pit) == bits and not pit.trainer.notice


def test_a_fork_keeps_both_runs():
    pit = steps(made(), 30)
    old = pit.losses
    pit.rewind(12)
    run = pit.fork()
    pit.set(lr=0.5, optimizer="adam")
    steps(pit, 10)
    assert (run.name, run.start, len(run.records)) == ("B", 12, 22)
    assert pit.losses[:12] == old[:12] and pit.losses[12:] != old[12:22]
    assert pit.runs[0].losses == old
    new = pit.losses
    pit.switch("A")
    assert (pit.at, pit.losses, pit.settings.optimizer) == (30, old, "momentum")
    steps(pit, 5)
    pit.switch("B")
    assert pit.losses == new and pit.settings.lr == 0.5
    straight = steps(made(), 35)
    assert pit.runs[0].losses == straight.losses  # the fork has left no trace in it


def test_a_step_after_a_rewind_cuts_what_came_later_and_keeps_it_to_be_seen():
    pit = steps(made(), 20)
    old = pit.losses
    pit.rewind(15)
    pit.set(lr=0.001)
    pit.step()
    assert len(pit.run.records) == 16 and pit.run.cut == (15, old[15:])


def test_after_a_cut_a_rewind_never_meets_the_steps_that_were_cut():
    pit = steps(made(), 30)
    pit.rewind(5)
    pit.set(lr=0.5)
    steps(pit, 15)
    new, there = pit.losses, state(pit)
    steps(pit, 2)
    pit.rewind(20)
    assert pit.losses == new and state(pit) == there


def test_a_restart_keeps_the_settings_and_a_rewind_takes_those_of_then():
    pit = steps(made(lr=0.1), 5)
    pit.set(lr=0.02)
    steps(pit, 5)
    pit.rewind(7)
    assert pit.settings.lr == 0.02
    pit.rewind(3)
    assert pit.settings.lr == 0.1
    pit.set(lr=0.3)
    pit.restart()
    assert (pit.at, pit.settings.lr) == (0, 0.3)


def test_a_model_that_is_already_there_goes_back_to_how_it_was():
    model = net()
    start = [p.data.copy() for p in model.parameters()]
    pit = steps(made(model=model), 4)
    assert pit.model is model and not np.array_equal(start[0], next(model.parameters()).data)
    pit.restart()
    assert all(np.array_equal(a, p.data) for a, p in zip(start, model.parameters()))


def test_snapshots_stay_few_and_every_step_within_reach():
    pit = made(model=lambda: nn.Linear(2, 2), batch_size=1, epochs=12, validation=None)
    pit.run_to_end()
    shelf = pit.run.shelf
    assert len(pit.losses) == 1200 and 16 <= len(shelf.snapshots) <= runs.SNAPSHOTS
    gaps = np.diff([s.at for s in shelf.snapshots])
    assert set(gaps) == {shelf.spacing} and shelf.spacing <= 1200 / 32


def test_large_models_keep_fewer_snapshots(monkeypatch):
    monkeypatch.setattr(runs, "BYTES", 20_000)
    pit = made(model=lambda: MLP(2, 64, 64, 2), epochs=25)
    pit.run_to_end()
    assert len(pit.run.shelf.snapshots) == 2
    old = pit.losses
    pit.rewind(61)
    steps(pit, 39)
    assert pit.losses == old


# -- settings --------------------------------------------------------------------------------------


def test_changes_take_effect_in_the_next_step():
    pit = steps(made(lr=0.1), 3)
    pit.set(lr=0.05, batch_size=10, weight_decay=0.1)
    pit.step()
    last = pit.run.records[-1]
    assert (last.settings.lr, last.settings.batch_size, last.seen) == (0.05, 10, 106)
    group = pit.trainer.machine.optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], group["momentum"]) == (0.05, 0.1, 0.9)
    pit.set(optimizer="adam", momentum=0.5)
    pit.step()
    optimizer = pit.trainer.machine.optimizer
    assert isinstance(optimizer, optim.Adam) and optimizer.param_groups[0]["betas"] == (0.5, 0.999)


def test_the_run_ends_after_as_many_examples_as_so_many_passes():
    pit = made(epochs=3, batch_size=32)
    assert pit.trainer.total == 12
    pit.step()
    pit.set(batch_size=100)
    pit.run_to_end()
    assert pit.done and [r.seen for r in pit.run.records] == [32, 132, 232, 332]
    pit.step()
    assert len(pit.losses) == 4


MADE = optim.SGD(nn.Linear(2, 2).parameters())
BAD = {
    "lr": ({"lr": -1}, ArgumentError, "lr"),
    "no lr": ({"lr": 0}, ArgumentError, "above 0"),
    "lr as text": ({"lr": "0.1"}, DtypeError, "a number"),
    "batch size": ({"batch_size": 101}, ArgumentError, "batch_size=100"),
    "no batch": ({"batch_size": 0}, ArgumentError, "batch_size"),
    "momentum": ({"momentum": 1.0}, ArgumentError, "momentum"),
    "decay": ({"weight_decay": -0.1}, ArgumentError, "weight_decay"),
    "optimiser": ({"optimizer": "adm"}, ArgumentError, "adamw"),
    "an optimiser made already": ({"optimizer": MADE}, DtypeError, "class"),
    "a class without step": ({"optimizer": dict}, DtypeError, "method step"),
    "epochs": ({"epochs": 0}, ArgumentError, "epochs"),
    "model": ({"model": 3}, DtypeError, "a Module"),
    "a function without a model": ({"model": lambda: None}, DtypeError, "a Module"),
    "data": ({"data": DATA.x}, DtypeError, "(x, y)"),
    "lengths": ({"data": (DATA.x, DATA.y[:3])}, ShapeError, "as many targets"),
    "validation": ({"validation": 5}, DtypeError, "validation"),
}  # fmt: skip


@pytest.mark.parametrize("options, error, words", BAD.values(), ids=BAD)
def test_bad_settings_are_refused(options, error, words):
    with pytest.raises(error) as caught:
        made(**options)
    assert words in str(caught.value) and str(caught.value).startswith("cockpit: got")


def test_a_refused_change_changes_nothing():
    pit = made()
    before = pit.settings
    for bad in ({"lr": -1}, {"batch_size": 1000}, {"rate": 1}):
        with pytest.raises(ArgumentError):
            pit.set(**bad)
    assert pit.settings == before
    with pytest.raises(ArgumentError, match=r"rewind\(0\)"):
        pit.rewind(1)
    with pytest.raises(ArgumentError, match="one of A"):
        pit.switch("B")
    for _ in range(3):
        pit.fork()
    with pytest.raises(StateError, match="at most 4"):
        pit.fork()


class Plain:
    """What a student writes, with no base class."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.m = [np.zeros_like(p.data) for p in self.params]

    def step(self):
        for p, m in zip(self.params, self.m):
            m *= self.momentum
            m += p.grad.data
            p.data -= self.lr * m


class Own(optim.Adam):
    """What a student writes on the package's base; it keeps something more."""

    def step(self):
        self.count = getattr(self, "count", 0) + 1
        super().step()


@pytest.mark.parametrize("kind, like", [(Plain, "momentum"), (Own, "adam")])
def test_an_optimiser_of_the_students_own(kind, like):
    pit, theirs = (steps(made(optimizer=o, lr=0.05), 20) for o in (kind, like))
    np.testing.assert_allclose(pit.losses, theirs.losses, rtol=1e-3)  # compiled code rounds otherwise
    assert pit.settings.optimizer == kind.__name__
    once, there = pit.losses, state(pit)
    pit.rewind(11)
    steps(pit, 9)
    assert pit.losses == once and state(pit) == there
    for run in (pit, theirs):
        run.rewind(11)
        run.set(lr=0.01)
        steps(run, 4)
    assert pit.losses[12:] != once[12:15]
    np.testing.assert_allclose(pit.losses, theirs.losses, rtol=1e-3)
    if kind is Own:
        assert pit.trainer.machine.optimizer.count == 15


# -- the student's function in the library ---------------------------------------------------------------


def test_it_trains_on_a_function_that_was_switched_in_and_notices_when_it_is_gone():
    def forward(x):
        return np.maximum(x, 0.5 * x), x

    def backward(dout, x):
        return np.where(x > 0, dout, 0.5 * dout).astype(x.dtype)

    pit = made()
    with ops.relu.using(forward, backward) as mine:
        steps(pit, 12)
        assert mine.calls["backward"] == 12
        pit.rewind(10)
        assert not pit.trainer.notice
    pit.rewind(12)
    pit.rewind(11)
    assert "Step 9 is not what it was" in pit.trainer.notice


# -- numbers that are none -------------------------------------------------------------------------------


def test_a_learning_rate_too_high_goes_back_to_where_the_loss_was_good():
    pit = steps(made(model=lambda: MLP(2, 32, 32, 2), optimizer="sgd", epochs=100), 30)
    good = pit.losses
    pit.set(lr=1e12)
    while pit.trouble is None:
        pit.step()
    trouble = pit.trouble
    assert 30 < trouble.step < 40 and trouble.op == "linear forward" and 20 < trouble.back <= 30
    assert pit.losses == good[: trouble.back] and pit.at == trouble.back
    assert [i.name for i in trouble.inputs] == ["x", "weight", "bias"]
    assert all(np.isfinite([i.low, i.high, *i.largest]).all() for i in trouble.inputs)
    assert max(abs(i.high) for i in trouble.inputs) > 1e6
    pit.set(lr=0.05)
    steps(pit, 60)
    assert pit.trouble is None and len(pit.losses) == trouble.back + 60 and pit.losses[-1] < 0.8


def test_the_first_op_and_its_inputs_are_named():
    def loss(out, target):
        return F.mean(F.log(out[:, 0] - 100.0)) + F.cross_entropy(out, target)

    pit = made(loss_fn=loss)
    pit.step()
    assert (pit.trouble.step, pit.trouble.op, pit.trouble.back) == (1, "log forward", 0)
    (x,) = pit.trouble.inputs
    assert x.shape == (32,) and x.high < -90 and len(x.largest) == 4 and x.largest[0] == x.low


def test_an_update_that_makes_infinite_weights_is_named():
    pit = made(model=lambda: MLP(2, 8, 2), optimizer="sgd", lr=3e38, weight_decay=3e38)
    while pit.trouble is None:
        pit.step()
    assert pit.trouble.op == "sgd_update forward" and pit.trouble.step == 1
    p, g = pit.trouble.inputs
    assert (p.name, g.name) == ("p", "g") and max(p.high, -p.low) < 10


def test_run_to_end_stops_there_and_says_why(capsys):
    pit = made(model=lambda: MLP(2, 32, 32, 2), optimizer="sgd", lr=1e12)
    pit.run_to_end()
    said = capsys.readouterr().out
    assert pit.trouble and "first in linear forward" in said and "weight (32, 32): from" in said
    assert "Lower the learning rate" in said


def test_an_error_in_a_loss_is_raised_by_a_step_and_said_by_a_played_run(page):
    def breaks(out, target):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        made(loss_fn=breaks).step()

    async def session():
        pit = made(loss_fn=breaks)
        pit._ipython_display_()
        pit._panel.play.click()
        while pit.running:
            await asyncio.sleep(0.01)
        return pit._panel

    panel = asyncio.run(session())
    assert "ValueError: broken" in panel.news.value and panel.play.description == "Play"


# -- controls --------------------------------------------------------------------------------------------


def shown(page, **options):
    pit = made(**options)
    pit._ipython_display_()
    return pit, pit._panel


def test_every_control_reaches_the_run(page):
    pit, panel = shown(page)
    panel.lr.value = 0.03
    assert pit.settings.lr == panel.lr_slider.value == 0.03
    panel.lr_slider.value = 0.2
    assert pit.settings.lr == panel.lr.value == 0.2
    panel.batch_size.value, panel.momentum.value, panel.weight_decay.value = 20, 0.5, 0.01
    panel.one.click()
    last = pit.run.records[-1].settings
    assert (last.lr, last.batch_size, last.momentum, last.weight_decay) == (0.2, 20, 0.5, 0.01)
    panel.optimizer.value = "sgd"
    assert pit.settings.optimizer == "sgd" and panel.momentum.disabled and not panel.weight_decay.disabled
    panel.speed.value = 7
    assert pit.speed == 7
    for _ in range(5):
        panel.one.click()
    panel.back.value = 2
    assert pit.at == 2 and panel.back_slider.value == 2 and "step 2 of" in panel.status.value
    panel.back_slider.value = 4
    assert pit.at == 4 and panel.back.value == 4
    panel.fork.click()
    assert panel.which.options == ("A", "B") and panel.which.value == "B"
    panel.one.click()
    panel.which.value = "A"
    assert pit.run.name == "A" and pit.at == 6 and panel.back.max == 6
    panel.again.click()
    assert pit.at == 0 and "Back at the beginning" in panel.news.value


def test_controls_that_would_break_cannot(page):
    pit, panel = shown(page)
    panel.batch_size.value = 5000
    assert panel.batch_size.value == 100 == pit.settings.batch_size
    panel.momentum.value = 3
    assert panel.momentum.value == 0.999 == pit.settings.momentum
    panel.lr.value = -1  # this one has no bound of its own: it is refused, and shows what holds
    assert panel.lr.value == 0.1 == pit.settings.lr and "lr=-1" in panel.news.value
    panel.back.value = 50
    assert panel.back.value == 0 == pit.at
    for _ in range(3):
        panel.fork.click()
    assert panel.fork.disabled


def test_what_a_cell_sets_the_controls_show(page):
    pit, panel = shown(page)
    pit.set(lr=0.0123, optimizer="adam", batch_size=17)
    assert (panel.lr.value, panel.lr_slider.value) == (0.0123, 0.0123)
    assert (panel.optimizer.value, panel.batch_size.value) == ("adam", 17)
    assert "lr 0.0123" in panel.news.value


def test_playing_takes_changes_and_pauses_by_the_button(page):
    async def session():
        pit, panel = shown(page, epochs=1000)
        panel.speed.value = 1
        panel.play.click()
        assert pit.running and panel.play.description == "Pause" and panel.back.disabled
        while pit.at < 5:
            await asyncio.sleep(0)
        panel.lr.value = 0.03
        before = pit.at
        while pit.at < before + 3:
            await asyncio.sleep(0)
        panel.play.click()
        assert not pit.running and panel.play.description == "Play" and not panel.back.disabled
        await asyncio.sleep(0)
        return pit, panel, before

    pit, panel, before = asyncio.run(session())
    assert [r.settings.lr for r in pit.run.records[before - 1 : before + 2]] == [0.1, 0.03, 0.03]
    assert "Paused" in panel.news.value and 'role="alert"' in panel.news.value
    assert panel.back.max == pit.at == panel.back.value


def test_numbers_that_are_none_are_shown_on_the_page(page):
    async def session():
        pit, panel = shown(page, model=lambda: MLP(2, 32, 32, 2), optimizer="sgd", lr=1e12)
        panel.play.click()
        while pit.running:
            await asyncio.sleep(0.01)
        return pit, panel

    pit, panel = asyncio.run(session())
    assert "first in linear forward" in panel.news.value and "weight (32, 32)" in panel.news.value
    assert panel.back.value == pit.trouble.back and panel.play.description == "Play"


def test_one_cockpit_plays_at_a_time():
    async def session():
        first, second = made(epochs=1000), made(epochs=1000)
        first.play()
        await asyncio.sleep(0)
        second.play()
        both = first.running, second.running
        second.pause()
        await asyncio.sleep(0)
        return both

    assert asyncio.run(session()) == (False, True)


# -- pictures --------------------------------------------------------------------------------------------


def test_the_curves_show_both_runs_and_the_change(page):
    pit, panel = shown(page, lr=0.1)
    steps(pit, 20)
    pit.set(lr=0.5)
    steps(pit, 5)
    pit.rewind(10)
    pit.fork()
    steps(pit, 4)
    sheet = pit.pictures.sheets["loss"]
    a, b = (lines["raw"].get_data() for lines in sheet._lines)
    assert list(a[1]) == pit.runs[0].losses and list(b[1]) == pit.runs[1].losses[9:]
    assert sheet._lines[0]["raw"].get_color() != sheet._lines[1]["raw"].get_color()
    assert ["▾ lr 0.5"] == [t.get_text() for t in sheet._changed if getattr(t, "xy", (0,))[0] == 20]


def test_a_sheet_drawn_in_parts_is_the_sheet_drawn_whole():
    from PIL import Image

    sheet = Curves(300, 160, "Loss", "training step")
    for n in (5, 30, 40):
        sheet.show({"A": Curve(np.linspace(1, 0.1, n))})
        parts = np.asarray(Image.open(io.BytesIO(sheet.png())))
    for mark in sheet.marks:
        mark.set_animated(False)
    sheet.canvas.draw()
    assert np.array_equal(parts, np.asarray(sheet.canvas.buffer_rgba()))


def test_every_picture_has_words_that_are_refreshed_at_pauses(page):
    pit, panel = shown(page)
    assert all(image.tooltip for image in panel.images.values())
    pit.step()
    assert "at step 1" in panel.images["loss"].tooltip and "Linear" in panel.images["norms"].tooltip
    assert "Loss. Run A" in page.places[1][-1]["text/html"] and "Tab moves" in page.places[1][-1]["text/html"]
    assert set(panel.images) == {"loss", "plane", "share", "norms", "values"}
    assert all(bytes(image.value).startswith(b"\x89PNG") for image in panel.images.values())


def test_images_show_their_worst_mistakes():
    data = digits()
    pit = steps(cockpit(lambda: MLP(64, 16, 10), (data.x[:200], data.y[:200]), optimizer="adam", lr=0.01), 5)
    words = pit.pictures.words()
    assert "wrong; the 12 that the network is surest about" in words["worst"] and "plane" not in words
    for name in pit.pictures.sheets:
        assert pit.pictures.png(name).startswith(b"\x89PNG")


def test_without_classes_there_is_no_accuracy():
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    pit = steps(cockpit(lambda: MLP(1, 8, 1), (x, x**2), optimizer="adam"), 5)
    assert set(pit.pictures.words()) == {"loss", "norms", "values"} and pit.run.records[-1].accuracy is None
    assert pit.picture().png(50).startswith(b"\x89PNG")


def test_run_to_end_leaves_a_plain_picture_with_words(page, capsys):
    pit, panel = shown(page)
    pit.run_to_end()
    view = "application/vnd.jupyter.widget-view+json"
    picture, words = page.places
    assert view in picture[0] and view not in picture[-1] and picture[-1]["image/png"].startswith(b"\x89PNG")
    assert "at step 40" in picture[-1]["text/plain"] and "at step 40" in words[-1]["text/html"]
    assert panel.box.comm is None and pit._panel is None
    assert capsys.readouterr().out == "40 of 40 steps trained.\n"


def test_the_notebook_is_valid():
    book = Path(__file__).parent / "notebooks" / "cockpit.ipynb"
    rules = Path(__file__).parent / "nbval_sanitize.cfg"
    options = ["-q", "-p", "no:cacheprovider", "-m", "", "--nbval", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *options, "--nbval-sanitize-with", str(rules), str(book)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_with_the_workqueue_threading_layer():
    options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", "-k", "not notebook"]
    command = [sys.executable, "-m", "pytest", *options, __file__]
    env = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
