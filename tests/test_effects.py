"""What training shows of a mistake: it is measured with the mistake in the network, and told as measured."""

from __future__ import annotations

import json
import math
import re
import time

import pytest

from tinynn import ops
from tinynn.course.effects import lessons, measure, store, told, training
from tinynn.course.effects.__main__ import main
from tinynn.course.effects.drawing import LOOKS
from tinynn.course.effects.store import RIGHT, Effect, effects_of
from tinynn.course.effects.verdicts import difference, verdict
from tinynn.course.engine.exercise import find
from tinynn.course.engine.texts import phrases
from tinynn.course.engine.verdict import Drawn, Text, Verdict
from tinynn.errors import StateError

EXERCISES = measure.exercises()
HANDFUL = [
    ("03.2", "passed_through", "sgd"), ("03.3", "not_a_mean", "adam"), ("02.1", "not_averaged", "sgd"),
    ("05.1", "v_unused", "momentum"), ("05.3", "all_zero", "adam"), ("03.1", "dw_transposed", "sgd"),
    ("05.6", "not_shuffled", "sgd"), ("01.3", RIGHT, "sgd"),
]  # fmt: skip


def again(id: str, name: str, optimizer: str) -> Effect:
    """Measured now, as the command does."""
    exercise = find(id)
    functions = measure.implementations(exercise)
    right, runs = (
        measure.with_all_seeds(exercise, function, optimizer)
        for function in (functions[RIGHT], functions[name])
    )
    steps = [moment.step for moment in right[0].moments]
    return store._effect(measure.summary(runs, right), steps)


def same(a: Effect, b: Effect) -> None:
    """As far as two machines agree: rounding grows with the steps of a run."""
    assert a.ends == b.ends and a.calls > 0
    assert a.alike == b.alike
    assert a.median == pytest.approx(b.median, abs=6)
    assert a.start == pytest.approx(b.start, rel=0.02, nan_ok=True)
    assert math.log(max(a.step, 1) / max(b.step, 1)) == pytest.approx(0, abs=0.7)
    assert len(a.message) == len(b.message) or a.message[:40] == b.message[:40]


# -- measuring ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id, name, optimizer", HANDFUL)
def test_measured_again_it_is_what_the_file_says(id, name, optimizer):
    same(again(id, name, optimizer), effects_of(id)[optimizer][name])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("id", ["03.2", "04.4"])
def test_whole_exercises_measured_again_are_what_the_file_says(id):
    """All of them take a quarter of an hour: python -m tinynn.course.effects measures them."""
    found = measure.measure(find(id))
    assert found["factors"] == store.read()["exercises"][id]["factors"]
    for optimizer, runs in found["runs"].items():
        for name, run in runs.items():
            same(store._effect(run, found["steps"], runs[RIGHT]), effects_of(id)[optimizer][name])


@pytest.mark.parametrize("id", EXERCISES)
def test_the_function_is_really_used(id):
    """What it returns decides what the network learns: one that raises stops the training."""

    class Used(Exception):
        pass

    def stops(*args, **kwargs):
        raise Used

    for optimizer in training.optimizers(find(id)):
        run = training.trained(find(id), stops, optimizer, 0)
        assert run.ends == "stops" and run.message.startswith("Used") and run.calls == 1
    assert not any(op.replacement for op in ops.catalogue.values())


def test_a_training_that_does_not_call_its_function_is_refused(monkeypatch):
    """Plain descent in the network of an exercise about momentum, say."""
    exercise = find("05.1")
    monkeypatch.setattr(training, "OPTIMIZERS_OF", {"05.1": ("adam",)})
    with pytest.raises(StateError, match="never called"):
        training.trained(exercise, exercise.worked_answer, "adam", 0)


def test_the_same_run_twice_is_the_same_run():
    exercise = find("03.2")
    one, two = (training.trained(exercise, exercise.worked_answer, "adam", 1) for _ in range(2))
    assert one == two and one.moments


def test_the_command_writes_what_it_measures(tmp_path, monkeypatch):
    """The same command twice gives the same file, apart from the date."""
    monkeypatch.setattr(store, "FILE", tmp_path / "effects.json")
    monkeypatch.setattr(measure, "exercises", lambda: {"05.6": find("05.6")})
    monkeypatch.setattr(measure, "implementations", lambda e: {RIGHT: e.worked_answer, "x": e.worked_answer})
    texts = []
    for _ in range(2):
        assert main(["--save"]) == 0
        texts.append(store.FILE.read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    kept = json.loads(texts[0])
    assert kept["command"] == "python -m tinynn.course.effects --save"
    assert kept["exercises"]["05.6"]["runs"]["sgd"]["x"]["alike"] == "all"


# -- the file ----------------------------------------------------------------------------------------------


def test_the_file_has_every_mistake_that_can_train():
    """After a change of the bank: python -m tinynn.course.effects --save."""
    for id, exercise in EXERCISES.items():
        named = {RIGHT, *exercise.mistakes}
        runs = effects_of(id)
        assert set(runs) == set(training.optimizers(exercise))
        assert all(set(found) == named for found in runs.values()), id


def test_the_right_answers_train():
    for id in EXERCISES:
        for optimizer, named in effects_of(id).items():
            right = named[RIGHT]
            least = 30 if id == "13.1" else 75  # 13.1: one character of 96
            assert right.ends == "trained" and min(right.final) > least, (id, optimizer)
            assert max(right.reached) < math.inf and right.alike == "all"


def test_every_run_called_its_function_and_the_file_is_small():
    assert all(e.calls > 0 for id in EXERCISES for named in effects_of(id).values() for e in named.values())
    assert store.FILE.stat().st_size < 800_000
    assert {"date", "command", "versions", "seeds", "networks"} <= store.read().keys()


# -- what may be claimed -----------------------------------------------------------------------------------


def effect(final, reached=(100, 100, 100), **more) -> Effect:
    given = {
        "ends": "trained", "final": final, "first": (1.1,) * 3, "reached": reached,
        "step": 1000, "steps": (1, 1000), "loss": (1.1, 0.1),
        "right": (33, final[1]), "alike": "", "calls": 5, "message": "",
    } | more  # fmt: skip
    return Effect(**given)


RIGHTLY = effect((90.0, 92.0, 94.0))


@pytest.mark.parametrize(
    "wrong, claim",
    [
        (effect((60.0, 70.0, 80.0)), "worse"),
        (effect((80.0, 85.0, 91.0)), "same"),  # one seed is within the right one's
        (effect((88.0, 89.5, 89.9)), "same"),  # all below, but by less than three points
        (effect((95.0, 96.0, 97.0)), "better"),
        (effect((90.0, 92.0, 94.0), (150, 200, 300)), "slower"),
        (effect((90.0, 92.0, 94.0), (140, 200, 300)), "same"),
        (effect((90.0, 92.0, 94.0), (50, 60, 66)), "faster"),
        (effect((90.0, 92.0, 94.0), alike="all"), "unmet"),
        (effect((90.0, 92.0, 94.0), alike="weights", first=(300.0, 310.0, 320.0)), "number_only"),
        (effect((0.0, 0.0, 0.0), ends="diverged"), "diverged"),
        (effect((0.0, 0.0, 0.0), ends="stops"), "stops"),
    ],
)
def test_nothing_is_claimed_that_the_seeds_do_not_bear_out(wrong, claim):
    assert verdict(wrong, RIGHTLY) == claim


def test_two_runs_are_told_apart_by_what_can_be_seen():
    assert difference(effect((60.0, 70.0, 80.0)), RIGHTLY) == "end"
    assert difference(effect((80.0, 82.0, 84.0)), RIGHTLY) == ""  # ten points: too close for the eye
    assert difference(effect((90.0, 92.0, 94.0), first=(6.7, 6.8, 6.9)), RIGHTLY) == "start"
    assert difference(effect((0.0, 0.0, 0.0), ends="diverged", step=9), RIGHTLY) == "end"


# -- words -------------------------------------------------------------------------------------------------


def text(id: str, mistake: str) -> str:
    blocks = lessons.lesson(id, mistake)
    assert isinstance(blocks[0], Text)
    return blocks[0].text


def test_the_numbers_in_the_words_are_those_of_the_file():
    runs = effects_of("03.2")["sgd"]
    numbers = [f"{e.median:.0f}%" for e in (runs["passed_through"], runs[RIGHT])]
    said = text("03.2", "passed_through").split(" With ")[0]
    assert re.findall(r"\d+%", said) == numbers


def test_a_factor_that_adam_hides_is_told_as_that():
    said = text("03.3", "not_a_mean")
    assert "Adam training hides it" in said and "the factor cancels" in said
    assert "the factor cancels" not in text("03.2", "passed_through")
    assert "the factor cancels" not in text("03.3", "sign")


def test_a_mistake_that_the_network_never_meets_is_told_as_that():
    assert "never meets" in text("01.2", "size_1_axis_lost")
    assert "does not read this number" in text("02.4", "total_over_all_rows")
    assert len(lessons.lesson("01.2", "size_1_axis_lost")) == 1  # two curves that are one need no picture


def test_what_stops_is_told_with_its_message():
    assert "its first step stops with `ShapeError" in text("03.1", "dw_transposed")


@pytest.mark.parametrize("id", EXERCISES)
def test_every_lesson_can_be_told(id):
    for name in find(id).mistakes:
        words = text(id, name)
        assert words.endswith((".", "`", ")")) and "{" not in words.replace("`", "") and "  " not in words
        for block in lessons.lesson(id, name)[1:]:
            assert isinstance(block, Drawn)
            assert len(block.alt) > 40 and block.markup.count("<svg") == len(effects_of(id))
            assert "nan" not in block.markup.lower() and block.markup.count("<path") > 2


def test_the_colours_are_those_of_the_course():
    from tinynn.course.plots.style import BLUE, PURPLE, RED

    assert [colour for colour, _ in LOOKS.values()] == [BLUE, RED, PURPLE]
    assert len({pattern for _, pattern in LOOKS.values()}) == len(LOOKS)


def test_names_at_the_ends_do_not_overlap():
    block = lessons.lesson("03.3", "not_a_mean")[1]
    for svg in block.markup.split("<svg")[1:]:
        heights = sorted(
            float(y) for x, y in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', svg) if x == "230.0"
        )
        assert len(heights) == 2 and heights[1] - heights[0] >= 14


# -- in a verdict ------------------------------------------------------------------------------------------


def test_a_verdict_that_names_one_mistake_gets_its_lesson():
    exercise = find("03.2")
    named = Verdict("look", diagnosis="mistake", names=("passed_through",))
    assert phrases("effects")["lesson"]["heading"] in str(told(exercise, named))
    for other in (
        Verdict("right"),
        Verdict("look", diagnosis="nothing"),
        Verdict("look", diagnosis="mistake", names=("a", "b")),
        Verdict("look", diagnosis="mistake", names=("a_teachers_own",)),
    ):
        assert told(exercise, other) is other or told(exercise, other) == other
    assert told(find("04.1"), named) == named  # nothing is trained there


def test_a_check_shows_the_lesson_and_stays_quick():
    from tinynn.course.check import check

    def relu_backward(dy, x):
        return dy.copy()

    check("03.2", relu_backward)
    start = time.perf_counter()
    verdict = check("03.2", relu_backward)
    assert time.perf_counter() - start < 1
    assert "with this mistake reaches" in str(verdict) and "<svg" in verdict._repr_html_()
