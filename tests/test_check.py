"""What a student calls: check, hint, solution, task, opening, progress, use_mine, predict."""

from __future__ import annotations

import linecache
import os

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from tinynn import functional as F
from tinynn import tensor
from tinynn.course import check as module
from tinynn.course import mine, opening, prediction, progress
from tinynn.course.check import badge, check, hint, predict, solution, student, task, use_mine
from tinynn.course.engine import runner
from tinynn.course.engine.exercise import Fill, catalogue, find
from tinynn.course.engine.kinds import Choice, NameTheBug, PredictExplain, Variant
from tinynn.course.engine.record import Record, record, seed_of
from tinynn.course.engine.verdict import Verdict, Verdicts
from tinynn.errors import ArgumentError


@pytest.fixture(autouse=True)
def remembered(tmp_path, monkeypatch):
    """A record of its own for each test, and nothing left running in the library."""
    monkeypatch.setenv("TINYNN_RECORD", str(tmp_path / "progress.json"))
    monkeypatch.setattr(mine, "_passed", {})
    monkeypatch.setattr(prediction, "_locked", {})
    yield tmp_path / "progress.json"
    for one in list(mine._running.values()):
        one.stop()


def typed(code, name):
    """A function as if typed into a cell."""
    file = f"<ipython-input-{abs(hash(code))}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    scope = {"np": np}
    exec(compile(code, file, "exec"), scope)
    return scope[name]


RIGHT = "def linear_backward(dy, x, w):\n    return dy @ w, dy.T @ x, dy.sum(axis=0)\n"
WRONG = "def linear_backward(dy, x, w):\n    return dy @ w, x.T @ dy, dy.sum(axis=0)\n"


def right():
    return typed(RIGHT, "linear_backward")


def wrong():
    return typed(WRONG, "linear_backward")


# -- check ---------------------------------------------------------------------------------------------


def test_a_right_function_passes_and_is_remembered():
    for id in ("03.1", "3.1", 3.1, " 3.1 "):
        assert check(id, right()).kind == "right"
    assert record().solved("03.1") and len(record().attempts("03.1")) == 1


def test_a_mistake_is_named_and_remembered():
    verdict = check("3.1", wrong())
    assert verdict.kind == "look" and verdict.names == ("dw_transposed",)
    assert record().attempts("03.1")[-1]["names"] == ["dw_transposed"]


UNTOUCHED = {
    "None": None,
    "...": ...,
    "pass": typed("def linear_backward(dy, x, w):\n    '''Say.'''\n    pass\n", "linear_backward"),
    "dots": typed("def linear_backward(dy, x, w):\n    ...\n", "linear_backward"),
    "return None": typed("def linear_backward(dy, x, w):\n    return None  # here\n", "linear_backward"),
    "return dots": typed("def linear_backward(dy, x, w):\n    return ..., ..., ...\n", "linear_backward"),
    "unfinished": typed("def linear_backward(dy, x, w):\n    raise NotImplementedError\n", "linear_backward"),
    "a gap": typed("def linear_backward(dy, x, w):\n    dx = dy @ w\n    dw = ...\n    return dx, dw, dx\n",
                   "linear_backward"),
    "a gap in a call": typed("def linear_backward(dy, x, w):\n    return np.dot(dy, ...), 1, 2\n",
                             "linear_backward"),
}  # fmt: skip


@pytest.mark.parametrize("answer", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_is_not_begun_is_not_tried_yet_runs_nothing_and_leaves_no_trace(answer, monkeypatch):
    monkeypatch.setattr(runner, "run", lambda *_: pytest.fail("it was run"))
    assert check("3.1", answer).kind == "open"
    assert record().attempts("03.1") == []


def test_the_line_with_a_gap_is_shown_and_dots_that_mean_something_are_none():
    assert "`dw = ...`" in check("3.1", UNTOUCHED["a gap"]).text
    code = "def linear_backward(dy, x, w):\n    return dy @ w, dy[..., :].T @ x, dy.sum(axis=0)\n"
    assert check("3.1", typed(code, "linear_backward")).kind == "right"


NO_FUNCTION = {
    "a result": (("3.1", (np.ones((2, 3)), np.ones(3))), "without parentheses after its name"),
    "a number": (("3.1", 5), "`check` got `5`"),
    "text": (("3.1", "linear_backward"), 'Leave out the quotes, so that it is the function: `check("03.1",'),
    "swapped": ((np.dot, "3.1"), '`check("3.1", dot)`'),
    "no exercise": ((np.dot,), "The exercise comes first"),
    "a list first": (([1, 2], [3]), "The exercise comes first"),
    "True": ((True,), "The exercise comes first"),
}


@pytest.mark.parametrize("given, words", NO_FUNCTION.values(), ids=NO_FUNCTION)
def test_what_is_no_answer_is_told(given, words):
    verdict = check(*given)
    assert verdict.kind == "look" and words in verdict.text
    assert "array of shape (2, 3)" in verdict.text or words != NO_FUNCTION["a result"][1]


@pytest.mark.parametrize("call", [lambda id: check(id, 1), hint, solution, task, use_mine])
@pytest.mark.parametrize("id", ["03.99", "89.1", "", "linear", "../x", "00.1; import os"])
def test_an_unknown_exercise_lists_those_there_are(call, id):
    with pytest.raises(ArgumentError, match=r"expected an exercise: \d\d\.1"):
        call(id)


def test_every_exercise_untouched_says_not_tried_yet():
    for id, exercise in catalogue().items():
        verdict = check(id, None)
        assert isinstance(verdict, Verdict) and verdict.kind == "open"
        assert exercise.title != id, f"{id} has no title"
        assert repr(task(id))


def test_a_loop_without_end_is_stopped_and_the_next_check_works(monkeypatch):
    monkeypatch.setattr(module.runner, "run", lambda f, calls: RUN(f, calls, seconds=0.5))
    code = "def linear_backward(dy, x, w):\n    while True:\n        pass\n"
    assert check("3.1", typed(code, "linear_backward")).diagnosis == "limit"
    assert record().attempts("03.1")[-1]["names"] == [], "a limit is no misconception"
    assert check("3.1", right()).kind == "right"


RUN = runner.run


def test_what_the_runner_notes_stands_below_the_verdict(monkeypatch):
    def noted(functions, calls):
        return RUN(functions, calls)._replace(notes=("Run in this notebook.",))

    monkeypatch.setattr(module.runner, "run", noted)
    assert str(check("3.1", right())).endswith("\nRun in this notebook.")


def test_a_fault_of_the_check_is_no_exception_and_no_accusation(monkeypatch):
    monkeypatch.setattr(Fill, "judge", lambda *_: 1 / 0)
    verdict = check("3.1", right())
    assert verdict.headline == "The check did not get to its end" and "ZeroDivisionError" in verdict.text


def test_an_interrupt_is_one_and_not_swallowed(monkeypatch):
    def stopped(*_):
        raise runner.Stopped

    monkeypatch.setattr(module.runner, "run", stopped)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        check("3.1", right())
    assert "File" not in interrupt.value._render_traceback_()[0]


def test_what_happened_to_the_record_is_said_once(remembered):
    remembered.write_text("{", "utf-8")
    assert "is kept as progress.damaged-" in str(check("3.1", right()))
    assert "damaged" not in str(check("3.1", wrong()))


def test_a_chapters_own_starting_code_is_no_attempt():
    stub = typed(find("00.1").words["stub"].strip() + "\n", "rule")
    assert check("00.1", stub).kind == "said"
    assert record().attempts("00.1") == []
    assert check("00.1", typed("def rule(image):\n    return image.sum() > 19\n", "rule")).kind == "said"
    assert len(record().attempts("00.1")) == 1


def test_several_verdicts_count_as_their_worst():
    check("00.3", [None] * 5)
    assert record().attempts("00.3") == []
    check("00.3", [[20, 30, 40, 50], None, 7, None, None])
    assert record().attempts("00.3")[-1]["names"] == ["slicing_end_in"]
    assert not record().solved("00.3")
    check("00.3", [[20, 30, 40], (5, 3), 7, 1, 6])
    assert record().solved("00.3")
    assert isinstance(check("00.3", [1, 2]), Verdict) and "5 answers" in check("00.3", [1, 2]).text
    assert isinstance(check("00.3", [None] * 5), Verdicts)


# -- hint, solution, task ------------------------------------------------------------------------------


def test_hints_come_one_by_one_are_remembered_and_the_last_one_stays(remembered):
    given = [hint("3.1") for _ in range(4)]
    assert [v.headline for v in given] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert 'solution("03.1")' in given[-1].text
    assert Record(remembered).hints("03.1") == 3


def test_a_solution_wants_a_try_or_all_hints_or_insistence():
    assert "def " not in str(solution("3.1")) and solution("3.1").headline == "First your own try"
    check("3.1", UNTOUCHED["pass"])
    assert isinstance(solution("3.1"), Verdict)
    shown = solution("3.1", insist=True)
    assert "def linear_backward(dy, x, w):" in repr(shown)
    assert shown._repr_markdown_().count("```") == 2 and find("3.1").words["explanation"][:20] in repr(shown)
    assert isinstance(solution("3.1"), Verdict), "insistence is no try"
    check("3.1", wrong())
    assert "def linear_backward" in repr(solution("3.1"))
    for _ in range(3):
        hint("3.2")
    assert "def relu_backward" in repr(solution("3.2"))


def test_every_exercise_has_a_solution_to_show():
    for id, exercise in catalogue().items():
        shown = repr(solution(id, insist=True))
        assert "no worked answer" not in shown, id
        if isinstance(exercise, Fill):
            assert f"def {exercise.name}(" in shown


def test_tasks_show_symptoms_options_and_constants():
    for id, exercise in catalogue().items():
        shown = repr(task(id))
        if isinstance(exercise, Choice):
            assert all(text in shown for _, text in exercise.choices)
        if isinstance(exercise, NameTheBug):
            symptom = exercise.symptom()
            assert getattr(symptom, "alt", symptom) in shown
        if isinstance(exercise, Variant):
            assert not any("{" + name + "}" in shown for name in exercise.k)


def test_a_name_draws_the_constants_of_variants():
    variant = next(e for e in catalogue().values() if isinstance(e, Variant))
    assert student("").kind == "open"
    seen = []
    for name in ("Ada", "Alan", "Grace", "ada "):
        student(name)
        shown = repr(task(variant.id))
        seen.append(str(variant.k))
        assert f"(variant {seed_of(name)})" in shown and f"(variant {seed_of(name)})" in str(
            check(variant.id)
        )
    assert seen[0] == seen[3] and len(set(seen)) > 1


# -- use_mine ------------------------------------------------------------------------------------------


def trained():
    """One use of the library's linear, backwards too."""
    w = tensor(np.ones((2, 3)), requires_grad=True)
    F.linear(tensor(np.ones((4, 3))), w).sum().backward()
    return np.asarray(w.grad)


def test_a_checked_function_runs_in_the_library_and_the_badge_counts():
    answer = right()
    check("3.1", answer)
    mine = use_mine("3.1")
    expected = np.full((2, 3), 4.0)
    np.testing.assert_allclose(trained(), expected)
    trained()
    assert mine.running and mine.calls == 2
    assert repr(badge()) == repr(mine) and "`linear_backward` runs inside the library: 2 calls" in repr(mine)
    assert "2 calls" in badge()._repr_html_() and use_mine("3.1") is mine
    mine.stop()
    trained()
    assert mine.calls == 2 and "No function of yours" in repr(badge()) and "ran inside" in repr(mine)


def test_before_a_passed_check_the_library_goes_on():
    mine = use_mine("3.1")
    np.testing.assert_allclose(trained(), np.full((2, 3), 4.0))
    assert (
        not mine.running and "The library's own function runs" in repr(mine) and 'check("03.1"' in repr(mine)
    )
    check("3.1", wrong())
    with use_mine("3.1") as mine:
        assert not mine.running
    mine.stop()
    record().attempt("03.1", "right", (), "earlier")
    assert "once more" in repr(use_mine("3.1"))
    assert "no place in the library" in repr(use_mine("00.2"))


def test_a_new_version_replaces_the_old_one_and_a_wrong_one_does_not():
    check("3.1", right())
    mine, calls = use_mine("3.1"), []
    assert "does not replace it" in str(check("3.1", wrong()))
    np.testing.assert_allclose(trained(), np.full((2, 3), 4.0))

    def linear_backward(dy, x, w):
        calls.append(1)
        return dy @ w, dy.T @ x, dy.sum(axis=0)

    assert "taken the place" in str(check("3.1", linear_backward))
    trained()
    assert calls == [1] and mine.calls == 2
    assert str(check("3.1", linear_backward)) == str(check("3.1", linear_backward))


def test_as_a_block_it_ends_with_the_block():
    check("3.1", right())
    with use_mine("3.1") as mine:
        trained()
    trained()
    assert mine.calls == 1 and not mine.running


def test_every_exercise_that_can_stand_in_finds_its_place_and_leaves_it():
    """The worked answer in the library's place, through the whole way of a student."""
    for id, exercise in catalogue().items():
        if isinstance(exercise, Fill) and exercise.swap is not None:
            mine._passed[id] = exercise.worked_answer
            one = use_mine(id)
            assert one.running, id
            one.stop()


# -- opening -------------------------------------------------------------------------------------------


def test_a_fresh_student_gets_the_same_three_questions_each_time(remembered):
    first = repr(opening.opening("04", None, None, None))
    remembered.unlink()
    assert repr(opening.opening("04")) == first == repr(opening.opening("4"))
    asked = opening.opening("04")
    assert len(asked.questions) == 3 and not asked.missed
    assert {q.key[:2] for q in asked.questions} == {"01", "02", "03"}
    assert [v.kind for v in asked.verdicts] == ["open"] * 3


def test_what_was_missed_is_asked_first_and_stays_what_is_asked():
    check("3.1", wrong())
    check("00.3", [[20, 30, 40, 50], None, None, None, None])
    asked = opening.opening("04")
    assert asked.missed
    assert {q.key for q in asked.questions[:2]} == {"03.1/dw_transposed", "00#0"}
    check("3.2", typed("def relu_backward(dy, x):\n    return dy * (dy > 0)\n", "relu_backward"))
    assert opening.opening("04").questions == asked.questions
    assert "03.1/dw_transposed" not in {q.key for q in opening.opening("03").questions}, "later than 03"


def test_answers_are_letters_and_what_is_none_is_told():
    questions = opening.opening("04").questions
    right = "".join("abc"[q.truth] for q in questions)
    assert [v.kind for v in opening.opening("04", *right).verdicts] == ["right"] * 3
    assert [v.kind for v in opening.opening("04", right[0].upper(), "z", 3).verdicts] == [
        "right",
        "look",
        "look",
    ]
    others = ["abc"[(q.truth + 1) % 3] for q in questions]
    assert [v.kind for v in opening.opening("04", *others).verdicts] == ["look"] * 3
    assert [v.kind for v in opening.opening("04", right[0], ...).verdicts] == ["right", "open", "open"]


def test_every_question_has_three_different_options_and_its_truth():
    for question in opening._before("99"):
        assert len(set(question.options)) == 3, question.key
        assert question.why and question.text
    written = [q for q in opening._before("99") if "#" in q.key]
    assert len({q.truth for q in written}) > 1, "the right option is not always at the same place"


def test_the_first_chapter_has_nothing_to_ask():
    assert "no earlier chapter" in repr(opening.opening("00"))


# -- progress ------------------------------------------------------------------------------------------


def test_the_map_shows_what_is_done_tried_and_open():
    check("3.1", wrong())
    check("3.1", right())
    check("3.2", typed("def relu_backward(dy, x):\n    return dy * (dy > 0)\n", "relu_backward"))
    hint("3.2"), solution("3.3", insist=True)
    shown = progress.progress()
    state = {row.id: row for row in shown.rows}
    assert state["03.1"].state == "done" and state["03.1"].mistakes == ("dw transposed",)
    assert state["03.2"].words == "✗ tried once, 1 of 3 hints"
    assert state["03.3"].words == "○ open, solution seen"
    assert shown.done == 1 and set(state) == set(catalogue())
    for text in (repr(shown), shown._repr_html_()):
        assert "00 Start here: rules or learning? (0 of 3 done, 0 of 24 minutes)" in text
        assert "dw transposed" in text and os.environ["TINYNN_RECORD"] in text
    assert shown._repr_html_().count('scope="row"') == len(catalogue())


def test_without_a_file_the_map_says_so(monkeypatch):
    monkeypatch.setenv("TINYNN_RECORD", "off")
    assert "Nothing is kept here" in repr(progress.progress())


# -- predict -------------------------------------------------------------------------------------------


def test_the_outcome_is_hidden_until_a_prediction_is_locked_in():
    p = predict("How many percent?", unit="percent")
    outcome = p.show(37, close=5)
    assert "37" not in repr(outcome) + outcome._repr_html_() and "Predict first" in repr(outcome)
    assert p.lock(50).kind == "said" and "It is 37 percent." in repr(outcome)
    assert outcome.verdict.headline == "Not close" and p.show(48, close=5).verdict.headline == "Close"


def test_the_first_prediction_counts_and_second_thoughts_are_counted():
    p = predict("How many?", guess=10)
    p.lock(20)
    p.lock(10)
    again = predict("How many?", guess=30)
    assert p.guess == again.guess == 10 and again.second_thoughts == 2
    assert "first prediction counts: 10" in repr(again) and "You predicted 10" in repr(again.show(37))


@pytest.mark.parametrize("guess", ["half", True, -1, 101, float("nan"), [5]])
def test_what_is_no_prediction_locks_nothing(guess):
    p = predict("How many percent?", unit="percent", guess=guess)
    assert p.guess is None and p.lock(guess).kind == "look" and "Predict first" in repr(p.show(37))


def test_to_explain_a_result_one_keeps_to_the_first_prediction():
    exercise = next(e for e in catalogue().values() if isinstance(e, PredictExplain))
    letter = exercise.letter(exercise.truth)
    assert check(exercise.id, ("much", None)).kind == "look"
    assert "You predicted 73 " in str(check(exercise.id, (73, None)))
    verdict = check(exercise.id, (exercise.outcome, letter))
    assert verdict.kind == "right" and "You predicted 73 " in str(verdict)


def test_a_choice_is_locked_in_among_options():
    p = predict("Which is faster?", ["the loop", "the product"])
    assert p.lock("the train").headline == "Not one of the options"
    p.lock("the loop")
    assert p.show("the product").verdict.headline == "Not as predicted"
    assert "You predicted: the loop. It is: the product." in repr(p.show("the product"))
    assert p.show("the loop").verdict.headline == "As predicted"


VIEW = "application/vnd.jupyter.widget-view+json"


def test_the_field_locks_in_fills_the_outcome_below_and_leaves_words(page):
    p = predict("How many percent?", unit="percent")
    p._ipython_display_()
    panel = p._panel
    p.show(37)._ipython_display_()
    assert VIEW in page.places[0][0] and "37" not in str(page.places[1])
    panel.field.value = "half"
    panel.button.click()
    assert "Not a number" in panel.status.value and p.guess is None
    panel.field.value = " 40 % "
    panel.button.click()
    assert p.guess == 40 and "It is 37 percent." in page.places[1][-1]["text/plain"]
    assert VIEW not in page.places[0][-1] and "Locked in: 40 percent" in page.places[0][-1]["text/plain"]
    assert panel.box.comm is None, "the widgets are closed"
    p._ipython_display_()
    assert VIEW not in page.places[2][0], "a locked prediction has no field"


def test_among_options_none_is_chosen_at_first_and_the_choice_is_said(page):
    p = predict("Which?", ["a", "b"])
    p._ipython_display_()
    panel = p._panel
    panel.button.click()
    assert p.guess is None and "Nothing is chosen yet" in panel.status.value
    panel.field.value = "b"
    assert p.guess is None and "Chosen: b" in panel.status.value
    panel.button.click()
    assert p.guess == "b"


def test_the_prediction_is_marked_in_a_picture():
    plots = pytest.importorskip("tinynn.course.plots")
    ax = plots.loss_curve([3.0, 2.0, 1.0]).axes[0]
    lines, p = len(ax.lines), predict("Last loss?")
    p.mark(ax)
    assert len(ax.lines) == lines
    p.lock(1.5)
    p.mark(ax)
    p.mark(ax, vertical=True)
    assert len(ax.lines) == lines + 2 and ax.texts[-1].get_text() == " you: 1.5"


def test_a_teachers_own_exercise_is_no_error():
    said = check("90.1", lambda x: x)
    assert said.kind == "said" and "hand your notebook in" in str(said)
    with pytest.raises(ArgumentError):
        check("89.1", lambda x: x)
