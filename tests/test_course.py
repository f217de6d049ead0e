"""What a student is told about an answer, and the live run without a browser."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("ipywidgets")

from tinynn.course import live, plots, start
from tinynn.course.check import check
from tinynn.course.exercises.ch00 import questions
from tinynn.errors import ArgumentError

# -- 00.1 ------------------------------------------------------------------------------------------


def left_edge(image):
    return image[2:6, 1:3].sum() > 1.5


def paints(image):
    image[0, 0] = 1
    return True


SEEN = start.threes_and_eights(start.seen_and_new()[0])


def looked_up(image):
    same = (SEEN[0] == image).all(axis=(1, 2))
    return bool(SEEN[1][same].any())


RULES = {
    "the starting rule": (lambda image: image.sum() > 20, "said", "The aim is 85."),
    "a good rule": (left_edge, "right", "eights taken for a 3"),
    "turned round": (lambda image: not left_edge(image), "look", "Turn the comparison round"),
    "always 3": (lambda image: image.sum() > 64, "look", "It says 3 to every image"),
    "always 8": (lambda image: True, "look", "It says 8 to every image"),
    "too strict": (lambda image: image[2:6, 1:3].sum() > 3, "said", "It says 8 too seldom."),
    "too lax": (lambda image: image[2:6, 1:3].sum() > 0.75, "said", "It says 8 too often."),
    "no return": (lambda image: None, "look", "returns `None`"),
    "no sum": (lambda image: image > 0.5, "look", "64 answers for one image"),
    "changes the image": (paints, "look", "changes its image"),
    "a number": (lambda image: image[2:6, 1:3].sum(), "look", "a comparison such as"),
    "8 or 3": (lambda image: 8 if left_edge(image) else 3, "look", "returns `8`"),
    "the digit as text": (lambda image: "8" if left_edge(image) else "3", "look", "returns `'8'`"),
    "1 or 0": (lambda image: 1 if left_edge(image) else 0, "right", "eights taken for a 3"),
    "sometimes nothing": (lambda image: True if left_edge(image) else None, "look", "returns `None`"),
    "all labels": (lambda image: SEEN[1], "look", "look at `image` alone"),
    "looked up": (looked_up, "look", "Does it look the answer up?"),
    "and with arrays": (lambda image: image > 0 and image < 1, "look", "`.sum()` makes one of them"),
    "round brackets": (lambda image: image(2, 6) > 1, "look", "write `[` and `]`"),
    "no function": (True, "look", "not a function"),
    "outside the image": (lambda image: image[8, 8] > 0, "look", "out of bounds"),
    "not called": (lambda image: image.sum > 3, "look", "call it with `()`"),
    "a typing error": (lambda image: image.summ() > 3, "look", "summ"),
}


@pytest.mark.parametrize("rule, kind, words", RULES.values(), ids=RULES)
def test_a_rule_is_scored_and_its_mistake_named(rule, kind, words):
    verdict = check("00.1", rule)
    assert verdict.kind == kind
    assert words in str(verdict)


def test_the_score_is_the_share_of_right_answers():
    images, is_eight = start.threes_and_eights(start.seen_and_new()[1])
    assert start.score(lambda image: True, images, is_eight) == is_eight.mean()


# -- 00.2 ------------------------------------------------------------------------------------------


def kept(x, y, rng):
    order = rng.permutation(len(x))
    return x[order], y[order]


def kept_otherwise(x, y, rng):
    pairs = [(x[i], y[i]) for i in np.argsort(rng.random(len(y)))]
    return np.array([a for a, _ in pairs]), [b for _, b in pairs]


def drawn_with_repeats(x, y, rng):
    order = rng.integers(len(x), size=len(x))
    return x[order], y[order]


def in_place(x, y, rng):
    rng.shuffle(x)
    return x, y


MIXINGS = {
    "right": (kept, "right", "every label beside its image"),
    "right, otherwise": (kept_otherwise, "right", "every label beside its image"),
    "two orders": (start.mixed_up, "look", "two different orders"),
    "images only": (lambda x, y, rng: (rng.permutation(x), y), "look", "The images are in a new order"),
    "labels only": (lambda x, y, rng: (x, rng.permutation(y)), "look", "The labels are in a new order"),
    "nothing": (lambda x, y, rng: (x, y), "look", "in the old order"),
    "repeats": (drawn_with_repeats, "look", "Some examples come out twice"),
    "lost": (lambda x, y, rng: (x[:9], y[:9]), "look", "60 examples went in, 9 images and 9 labels"),
    "in place": (in_place, "look", "changes the arrays it was given"),
    "columns": (lambda x, y, rng: (x[:, :5], y), "look", "Put the first axis in a new order"),
    "one array": (lambda x, y, rng: x, "look", "return two arrays"),
    "nothing yet": (lambda x, y, rng: None, "open", "returns `None` so far"),
    "in place, no return": (lambda x, y, rng: rng.shuffle(x), "look", "changes the arrays it was given"),
    "always the same": (lambda x, y, rng: (x[::-1], y[::-1]), "look", "The order is the same every time"),
    "one size only": (
        lambda x, y, rng: kept(x[:60], y[:60], rng)[:2] if len(x) == 60 else kept(x[:9], y[:9], rng),
        "look",
        "45 examples went in",
    ),
    "no function": ("mixed", "look", "Leave out the quotes"),
}


@pytest.mark.parametrize("mix, kind, words", MIXINGS.values(), ids=MIXINGS)
def test_mixing_is_checked_and_its_mistake_named(mix, kind, words):
    verdict = check("00.2", mix)
    assert verdict.kind == kind
    assert words in str(verdict)


# -- 00.3 ------------------------------------------------------------------------------------------

WRONG = [(q, name, wrong) for q in questions.QUESTIONS for name, wrong in q.mistakes.items()]


@pytest.mark.parametrize("question, name, wrong", WRONG, ids=[f"{q.name}-{n}" for q, n, _ in WRONG])
def test_each_wrong_answer_gets_its_own_reminder(question, name, wrong):
    verdict = question.judge(wrong)
    assert verdict.kind == "look" and verdict.names == (f"{question.name}_{name}",)
    assert verdict.text == f"{question.words[name]} {question.words['refresher']}"


@pytest.mark.parametrize("question", questions.QUESTIONS, ids=lambda q: q.name)
def test_right_answers_in_any_form_and_other_wrong_ones(question):
    assert question.judge(question.right).kind == "right"
    assert question.judge(np.array(question.right)).kind == "right"
    reminded = "leave out the quotes. " + question.words["refresher"]
    assert question.judge(str(question.right)).text.endswith(reminded)
    for nonsense in (-99, [1], "", {}, [[1], [2, 3]], object()):
        assert question.judge(nonsense).kind == "look"


def test_the_right_answers_are_right():
    x, total = [10, 20, 30, 40, 50, 60], 0
    for i in range(4):
        total = total + i
    slope = ((2 + 1e-6) ** 2 + 3 * (2 + 1e-6) - 10) / 1e-6
    worked = [
        x[1:4],
        (np.ones((5, 8)) @ np.ones((8, 3))).shape,
        round(slope),
        np.dot([1, 2, 3], [4, 0, -1]),
        total,
    ]
    assert all(questions.same(q.right, a) for q, a in zip(questions.QUESTIONS, worked, strict=True))


@pytest.mark.parametrize("answers", [[1, 2], 7, [None] * 6])
def test_the_self_test_wants_five_answers(answers):
    assert "a list of 5 answers" in check("00.3", answers).text


def test_the_self_test_counts_when_all_is_tried():
    assert [v.kind for v in check("00.3", [None] * 5)] == ["open"] * 5
    answers = [q.right for q in questions.QUESTIONS]
    assert check("00.3", answers)[-1].headline == "5 of 5 right"
    assert check("00.3", [*answers[:4], 99])[-1].headline == "4 of 5 right"


# -- data ------------------------------------------------------------------------------------------


def test_drawing_examples_takes_both_digits_alike():
    _, is_eight = start.threes_and_eights(start.seen_and_new()[0])
    for n in (2, 8, 64, len(is_eight)):
        few = start.draw(is_eight, n, seed=3)
        assert len(np.unique(few)) == n
        assert abs(2 * is_eight[few].sum() - n) <= abs(2 * is_eight.sum() - len(is_eight))


# -- live ------------------------------------------------------------------------------------------


def falling(n, pause=0.0):
    for i in range(n):
        time.sleep(pause)
        yield 1 / (i + 1)


def test_a_run_trains_to_the_end_without_a_front_end(capsys):
    run = live.Live(falling(30), 30, plots.loss_curve)
    run.step()
    run.run_to_end()
    assert run.done and run.losses == list(falling(30))
    assert capsys.readouterr().out == "30 of 30 steps trained.\n"


def test_a_run_stops_where_its_generator_or_its_total_ends():
    short, long = live.Live(falling(5), 30, plots.loss_curve), live.Live(falling(50), 30, plots.loss_curve)
    short.run_to_end(), long.run_to_end()
    assert len(short.losses) == 5 and len(long.losses) == 30


def test_an_error_in_a_step_is_raised_and_keeps_what_was_trained():
    def breaks():
        yield 1.0
        raise ValueError("broken")

    run = live.Live(breaks(), 10, plots.loss_curve)
    with pytest.raises(ValueError, match="broken"):
        run.run_to_end()
    assert run.losses == [1.0]


def test_a_run_without_steps_is_refused():
    with pytest.raises(ArgumentError, match="at least one step"):
        live.Live([], 0, plots.loss_curve)


class Counted:
    """A picture function that counts its calls."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, losses):
        self.times.append(time.perf_counter())
        return plots.loss_curve(losses)


def shown(run):
    """The run with its widgets, as if a cell had shown it."""
    run._ipython_display_()
    return run, run._panel


def test_a_started_run_lets_others_have_their_turn_and_pauses(page):
    async def session():
        draw = Counted()
        run, panel = shown(live.Live(falling(10_000, 0.001), 10_000, draw))
        panel.train.click()
        assert run.running and panel.train.description == "Pause"
        turns = 0
        while len(run.losses) < 200:
            await asyncio.sleep(0)
            turns += 1
        panel.train.click()
        assert not run.running and panel.train.description == "Train"
        steps = len(run.losses)
        await asyncio.sleep(0.1)
        panel.one.click()
        assert len(run.losses) == steps + 1
        assert f"{steps + 1} training steps" in page.places[1][-1]["text/html"]
        return turns, draw.times, panel

    turns, times, panel = asyncio.run(session())
    assert turns > 3
    # The first two are the display, the last the single step: in between at most 20 a second.
    assert all(later - sooner > 0.045 for sooner, later in zip(times[2:-2], times[3:-1]))
    assert bytes(panel.image.value).startswith(b"\x89PNG")


def test_a_run_finishes_by_itself_and_leaves_a_picture_without_buttons(page):
    async def session():
        run, panel = shown(live.Live(falling(40), 40, plots.loss_curve))
        run.start()
        while run.running:
            await asyncio.sleep(0.01)
        return run, panel

    run, panel = asyncio.run(session())
    assert run.done and run._panel is None and panel.box.comm is None
    view = "application/vnd.jupyter.widget-view+json"
    picture, words = page.places
    assert view in picture[0] and view not in picture[-1]
    assert "40 training steps" in words[-1]["text/html"]


def test_a_second_run_pauses_the_first():
    async def session():
        first, second = (live.Live(falling(10_000, 0.001), 10_000, plots.loss_curve) for _ in range(2))
        first.start()
        await asyncio.sleep(0)
        second.start()
        both = first.running, second.running
        second.pause()
        return both

    assert asyncio.run(session()) == (False, True)


def test_showing_a_run_pauses_the_one_before(page):
    async def session():
        first, second = (live.Live(falling(10_000, 0.001), 10_000, plots.loss_curve) for _ in range(2))
        first.start()
        second._ipython_display_()
        return first.running

    assert not asyncio.run(session())


def test_an_error_in_a_started_run_is_said_under_the_picture(page):
    def breaks():
        yield 1.0
        raise ValueError("broken")

    async def session():
        run, panel = shown(live.Live(breaks(), 10, plots.loss_curve))
        run.start()
        while run.running:
            await asyncio.sleep(0.01)
        return panel.status.value, panel.train.description

    assert asyncio.run(session()) == ("Stopped: ValueError: broken", "Train")


def test_the_slider_redraws_and_shows_an_error_instead_of_hiding_it(page, monkeypatch):
    def picture(n):
        if n == 3:
            raise ValueError("no <three>")
        return plots.loss_curve(np.ones(n))

    handles, handle = [], live._handle
    monkeypatch.setattr(live, "_handle", lambda *given: handles.append(handle(*given)) or handles[-1])
    live.slider("steps", [1, 2, 3], picture)
    _, image, words = page.places
    assert handles[0].description == "steps"
    handles[0].value = 2
    assert image[-1]["image/png"] != image[0]["image/png"] and "2 training steps" in words[-1]["text/html"]
    handles[0].value = 3
    assert len(image) == 2 and words[-1]["text/html"] == "ValueError: no &lt;three&gt;"


def test_without_widgets_a_slider_leaves_its_picture_and_says_what_to_run(page):
    live.slider("steps", [1, 2], lambda n: plots.loss_curve(np.ones(n)), value=2)
    (slider,), (image,), (words,) = page.places
    assert "Run this cell for its slider: steps." in slider["text/html"]
    view = "application/vnd.jupyter.widget-view+json"
    assert view in slider and view not in image and view not in words
    assert image["image/png"].startswith(b"\x89PNG") and "2 training steps" in words["text/plain"]


def test_a_slider_starts_at_one_of_its_values():
    with pytest.raises(ArgumentError, match="a value that is among them"):
        live.slider("n", [1, 2], plots.loss_curve, value=5)


def test_several_sliders_move_one_picture(page, monkeypatch):
    from tinynn.course.sliders import sliders

    handles, handle = [], live._handle
    monkeypatch.setattr(live, "_handle", lambda *given: handles.append(handle(*given)) or handles[-1])
    sliders({"a": ([1, 2], 2), "b": ([3, 4], None)}, lambda a, b: plots.loss_curve(np.ones(10 * a + b)))
    (both,), _, words = page.places
    assert "Run this cell for its sliders: a, b." in both["text/plain"]
    assert "23 training steps" in words[-1]["text/plain"]
    handles[0].value = 1
    handles[1].value = 4
    assert "14 training steps" in words[-1]["text/plain"]
