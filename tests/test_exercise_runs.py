"""What the words of exercises claim about training runs, and right answers in the library's place."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import nn
from tinynn.course.engine.call import run_each
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch03.bug import bug, table
from tinynn.course.exercises.ch03.network import network
from tinynn.course.exercises.ch05.factor import percent_with_the_mistake, percent_without
from tinynn.data import Batches, spirals
from tinynn.optim import SGD, Adam
from tinynn.train import fit


def losses(activation, optimizer) -> list[float]:
    """Three epochs of a small network on the spirals."""
    tinynn.manual_seed(0)
    with tinynn.backend("numpy"):
        model = nn.Sequential(nn.Linear(2, 16), activation, nn.Linear(16, 3))
        batches = Batches(*spirals(150), batch_size=40, seed=0)
        steps = fit(model, batches, F.cross_entropy, optimizer(model.parameters()), epochs=3, progress=False)
    return steps.loss


@pytest.mark.parametrize("id", ["03.1", "03.2", "03.3", "04.4", "05.1", "05.2"])
def test_the_worked_answer_trains_as_the_library_does(id):
    exercise = find(id)
    activation = nn.Softplus if id == "04.4" else nn.ReLU
    optimizer = Adam if id == "05.2" else lambda p: SGD(p, 0.3, 0.9)
    wanted = losses(activation(), optimizer)
    with exercise.swap(exercise.worked_answer) as badge:
        got = losses(activation(), optimizer)
    assert sum(badge.calls.values()) > 0
    np.testing.assert_allclose(got, wanted, rtol=1e-3)


@pytest.mark.parametrize("id", ["03.5", "05.3", "05.6"])
def test_what_is_trained_by_itself_learns(id):
    exercise = find(id)
    first, *_, last = exercise.train(exercise.worked_answer, "sgd", 0)
    assert last.loss < 0.6 * first.loss
    assert last.right > 0.7


def test_the_table_of_a_bug_shows_each_option_by_another_pattern():
    def pattern(option: str) -> tuple:
        *rows, _, last = table(network, option).splitlines()[1:]
        errors = [float(row.replace("below 1e-06", "0").split()[1]) for row in rows]
        eightfold = all(abs(error - 7 / 9) < 0.01 for error in errors)  # |8 - 1| / (8 + 1), for 8 rows
        return tuple(error > 1e-6 for error in errors), float(last.split()[-1]) > 0, eightfold

    patterns = {option: pattern(option) for option in bug.options}
    assert patterns[bug.truth][:2] == ((True, True, False, False), True)
    assert len(set(patterns.values())) == len(bug.options)


def test_adam_hides_a_factor_as_the_question_says():
    assert percent_without() > 90
    assert abs(percent_with_the_mistake() - percent_without()) < 1


@pytest.mark.parametrize("seed", range(0, 60, 7))
def test_every_student_gets_numbers_that_tell_the_mistakes_apart(seed):
    schedule = find("05.4")
    try:
        schedule.for_seed(seed)
        values = [tuple(round(float(o.value), 9) for o in outcomes) for outcomes in schedule.known.values()]
        right = tuple(round(float(o.value), 9) for o in schedule.wanted)
        assert len({right, *values}) == len(values) + 1
    finally:
        schedule.for_seed(0)


def test_two_inputs_find_every_wrong_product():
    checker = find("04.5")
    verdict = checker.judge(checker.worked_answer, run_each(checker.worked_answer, checker.calls(None)))
    assert verdict.kind == "right"
