"""The student's tape: the classes as chapter 04 has them, made of right and of wrong functions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

import tinynn
from tinynn.course import mine, random_graphs, tape, tape_graph
from tinynn.course.engine.exercise import find
from tinynn.course.random_graphs import compare, difference, random_program

CHAPTER = Path(__file__).resolve().parent.parent / "chapters" / "04_tape.ipynb"
CELLS = ("class Tape", "class Number", "def new_tape", "parts = tape.Parts", "class Rule", "class Array")
CELLS += ("def softplus(self)", "def by_my_tape")


@pytest.fixture(scope="module", autouse=True)
def plain():
    with tinynn.backend("numpy"):
        yield


@pytest.fixture
def chapter(monkeypatch):
    """What the chapter's own cells define; no function has passed its check."""
    monkeypatch.setattr(mine, "_passed", {})
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    space = {"np": np, "tape": tape, "compare": lambda *_: None}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and any(line in source for line in CELLS):
            exec(source, space)
    assert {"Tape", "Array", "parts", "by_my_tape"} <= set(space)
    return space


def verdict(chapter, **passed):
    """`compare` with these functions passed."""
    mine._passed.update({tape.PARTS[name]: function for name, function in passed.items()})
    return compare(chapter["by_my_tape"], chapter["parts"], count=80)


def rights(name):
    exercise = find(tape.PARTS[name])
    return [exercise.worked_answer, *exercise.rights]


WORKED = {name: tape.course_function(name) for name in tape.PARTS}
ANSWERS = [(name, answer) for name in tape.PARTS for answer in rights(name)]


# -- against the library ---------------------------------------------------------------------------------


def test_untouched_it_agrees_and_says_what_is_missing(chapter):
    said = verdict(chapter)
    assert said.kind == "said" and "80 of 80" in said.text
    assert all(name in said.text for name in tape.PARTS)
    assert "None of the four functions is yours" in said.headline


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=lambda x: getattr(x, "__name__", x))
def test_every_right_answer_agrees_on_random_graphs_and_has_run(chapter, name, answer):
    said = verdict(chapter, **{**WORKED, name: answer})
    assert said.kind == "right", said
    assert all(chapter["parts"].calls.values())


@pytest.mark.parametrize("name", list(tape.PARTS))
def test_most_named_mistakes_are_seen_by_random_graphs(chapter, name):
    """Not those that need a long chain, a large number or float32: their check is for that."""
    seen = {
        m.name: verdict(chapter, **{**WORKED, name: m.function})
        for m in find(tape.PARTS[name]).mistakes.values()
    }
    unseen = {n for n, said in seen.items() if said.kind == "right"}
    harmless = {
        "topological_order": {"recursive"},
        "backward": {"leaves_alone", "unused_missing", "output_missing"},
        "mul_backward": set(),
        "softplus_backward": {"overflows"},
    }
    assert unseen == harmless[name], unseen ^ harmless[name]


def test_a_backward_for_numbers_alone_is_told_apart(chapter):
    def with_floats(order, inputs, local):
        numbers = {name: [float(slope) for slope in slopes] for name, slopes in local.items()}
        return WORKED["backward"](order, inputs, numbers)

    said = verdict(chapter, **{**WORKED, "backward": with_floats})
    assert said.kind == "said" and "04.2 `backward`" in said.text and "80 of 80" in said.text
    assert "works on numbers only" in repr(chapter["parts"])


def test_of_several_disagreements_the_shortest_is_shown(chapter):
    said = verdict(chapter, backward=tape.broken_backward)
    assert said.kind == "look" and "of 80 disagree" in said.headline
    shown = said.blocks[0].text
    assert shown.count(" = ") <= 4 and "loss = sum(" in shown
    rng = np.random.default_rng(0)
    wrong = [p for p in [random_program(rng) for _ in range(80)] if difference(chapter["by_my_tape"], p)]
    assert len(shown.splitlines()) == min(len(str(p).splitlines()) for p in wrong)
    names = [line.split()[0] for line in shown.splitlines()]
    assert all(any(name in line for line in shown.splitlines()[k + 1 :]) for k, name in enumerate(names[:-1]))


def test_an_error_on_a_graph_is_told(chapter):
    program = random_program(np.random.default_rng(0))
    assert "ValueError: nothing" in difference(lambda build: _raise(ValueError("nothing")), program)


def _raise(problem):
    raise problem


@given(st.integers(0, 2**32))
def test_random_programs_are_the_same_for_a_seed_and_run_on_arrays(seed):
    first, again = (random_program(np.random.default_rng(seed)) for _ in range(2))
    assert str(first) == str(again)
    value, grads = tape.by_library(first.run)
    assert np.isfinite(value)
    assert {name: g.shape for name, g in grads.items()} == {n: a.shape for n, a in first.leaves.items()}


def test_random_programs_have_everything_that_goes_wrong():
    programs = [random_program(np.random.default_rng(seed)) for seed in range(100)]
    assert {line.op for p in programs for line in p.lines} == set(random_graphs.OPS)
    assert sum(p.shares for p in programs) > 50
    assert any(
        line.inputs[0] == line.inputs[-1] and len(line.inputs) == 2 for p in programs for line in p.lines
    )
    unused = [set(p.leaves) - {i for line in p.lines for i in line.inputs} for p in programs]
    assert any(unused) and not all(unused)


# -- paths and pictures ----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(lines=st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7))
def test_the_sum_over_paths_is_the_gradient_of_the_course_and_of_the_library(number_tape, lines):
    def build(leaf):
        made = [leaf("x", 1.5), leaf("y", -0.5)]
        for times, i, j in lines:
            a, b = made[i % len(made)], made[j % len(made)]
            made.append(a * b if times else a + b)
        return made[-1] + made[0]

    output = build(number_tape())
    _, grads = tape.by_library(build)
    assert tape.slope_over_paths(output, "x") == pytest.approx(float(grads["x"]), rel=1e-9)
    assert tape.count_paths(output, "x") == len(tape_graph.paths(output, "x"))


@pytest.fixture(scope="module")
def number_tape():
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    space = {"tape": tape}
    for cell in cells:
        source = "".join(cell["source"])
        if any(line in source for line in ("class Tape", "class Number", "def new_tape")):
            exec(source, space)
    return lambda: space["new_tape"](space["Number"])


def test_doubling_doubles_the_paths(number_tape):
    assert [tape.count_paths(tape.doubled(number_tape(), n), "x") for n in (1, 3, 40)] == [2, 8, 2**40]


@pytest.fixture
def diamond(number_tape):
    leaf = number_tape()
    a = leaf("x", 2.0) * leaf("w", 3.0)
    leaf("spare", 9.0)
    return (a + leaf("b", 1.0)) * a


def test_the_table_and_the_picture_tell_every_line_that_is_needed(diamond):
    assert "spare" not in tape.table(diamond)
    assert tape.table(diamond).splitlines()[-1].split() == ["v7", "mul", "v6,", "v3", "6,", "7", "42"]
    picture = tape.graph(diamond, {"x": 39.0})
    assert "v7 = mul(v6, v3) = 42" in picture.alt and "Gradients: x 39" in picture.alt
    written = [text.get_text() for text in picture.axes[0].texts]
    assert {"3", "2", "6", "7", "1"} <= set(written), "the slopes stand on the arrows"


def test_a_path_is_told_with_its_products(diamond):
    assert tape.path_picture(diamond, "x").alt.startswith("x: 2 paths, 6 · 1 · 3 + 7 · 3 = 39.")
    assert tape.path_picture(diamond, "b").alt.startswith("b: 1 path, 6 · 1 = 6.")
    assert tape.path_picture(diamond, "v7").alt.startswith("v7: 1 path, 1 = 1.")


# -- the hole, and what is broken on purpose -------------------------------------------------------------


@pytest.mark.parametrize(
    ("slopes", "kind"),
    [
        (lambda x, y: [1 / y, ...], "open"),
        (lambda x, y: [1 / y, -x / y**2], "right"),
        (lambda x, y: [1 / y, x / y**2], "look"),
        (lambda x, y: [y, -x / y**2], "look"),
        (lambda x, y: 1 / y, "look"),
        (lambda x, y: [None, 1.0], "open"),
        (lambda x, y: ["1/y", 1.0], "look"),
    ],
)
def test_the_hole_of_the_division(slopes, kind):
    assert tape.try_slopes(slopes).kind == kind


def test_kept_gradients_give_12_in_the_place_of_10(number_tape):
    leaf = number_tape()
    h = leaf("x", 1.0) * leaf("two", 2.0)
    last = h * leaf("four", 4.0)
    orders = [tape.course_function("topological_order")(y.name, h.tape.inputs) for y in (h, last)]
    assert tape.kept_between_calls(orders, h.tape.inputs, h.tape.local)["x"] == 12
    right = [tape.course_function("backward")(order, h.tape.inputs, h.tape.local)["x"] for order in orders]
    assert sum(right) == 10


def test_the_changed_line_is_the_only_one_that_is_shown():
    assert tape.changed_line() == "grads[i] = slope * grads[name]"


def test_agreement_names_what_differs():
    wanted = {"w": np.array([1.0, -2.0]), "b": np.array([4.0])}
    said = tape.agreement({"w": np.array([1.0, -1.0]), "b": np.array([4.0])}, wanted, wanted)
    assert [line.split()[0] for line in said.splitlines() if "✗" in line] == ["w"]
    assert "by 50%" in said
