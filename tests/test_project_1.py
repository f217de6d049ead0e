"""The project of Part I: its worked answer passes, wrong tapes are told by name, its graphs are random."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tinynn.course import project
from tinynn.course.classroom.cells import read
from tinynn.course.classroom.solutions import solved
from tinynn.course.engine import runner, travel
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch06p import answer, judged
from tinynn.course.exercises.ch06p.wrong import WRONG
from tinynn.course.project import drawn, graphs
from tinynn.course.work import begins_with_first_cell, chapters_in, find_chapter

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
TAPE = project.TAPE
ARRAYS = ("not_summed", "new_axes", "axes_of_one", "averaged")  # seen where shapes differ
NETWORKS = ("all_through", "mask_of_upstream", "slope_is_input", "softmax_upstream")


@pytest.fixture(scope="module", autouse=True)
def plain():
    with tinynn.backend("numpy"):
        yield


def verdict(id, function):
    exercise = find(id)
    return exercise.judge(function, runner.run([function], exercise.calls(function)).outcomes)


def by(kind):
    """`gradients` with another class in the place of the worked one."""

    def gradients(build, *arrays):
        leaves = [kind(a) for a in arrays]
        loss = build(*leaves)
        loss.backward()
        return float(loss.data), [leaf.grad for leaf in leaves]

    return gradients


# -- verdicts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", TAPE)
def test_the_worked_tape_passes_and_the_verdict_is_the_same_again(id):
    said = verdict(id, answer.gradients)
    assert said.kind == "right" and f"on {judged.DRAWN} random ones" in said.text
    assert str(verdict(id, answer.gradients)) == str(said)


@pytest.mark.parametrize("number, name", list(enumerate(name for name, _ in WRONG)))
def test_a_wrong_tape_is_told_by_its_name(number, name):
    id = "06p.2" if name in ARRAYS else "06p.3" if name in NETWORKS else "06p.1"
    said = verdict(id, WRONG[number][1])
    assert said.kind == "look" and said.names == (name,), said


class Own(answer.Tensor):
    """The worked class, whose ops make objects of the class that they are called on."""

    def __add__(self, other):
        right = answer.Tensor.__add__(self, other)
        return type(self)(right.data, right.inputs, right.pull)

    def __mul__(self, other):
        right = answer.Tensor.__mul__(self, other)
        return type(self)(right.data, right.inputs, right.pull)

    def sum(self):
        right = answer.Tensor.sum(self)
        return type(self)(right.data, right.inputs, right.pull)


class EveryPath(Own):
    def backward(self):
        stack = [(self, np.ones_like(self.data))]
        while stack:
            node, g = stack.pop()
            if node.inputs:
                stack.extend(zip(node.inputs, node.pull(g)))
            else:
                node.grad = node.grad + g


class Recursive(Own):
    def order(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for i in node.inputs:
                    visit(i)
                order.append(node)

        visit(self)
        return order


class Minus(Own):
    def __add__(self, other):
        return type(self)(self.data + other.data, (self, other), lambda g: (g, -g))


class Mean(Own):
    def sum(self):
        n = self.data.size
        return type(self)(self.data.mean(), (self,), lambda g: (g * np.ones_like(self.data) / n,))


def flat(build, *arrays):
    loss, grads = answer.gradients(build, *arrays)
    return loss, [np.ravel(g) for g in grads]


class Overwrites(Own):
    def __add__(self, other):
        self.data += other.data * 0
        self.data *= 1.5
        return type(self)(self.data / 1.5 + other.data, (self, other), lambda g: (g, g))


class Half(Own):
    def __mul__(self, other):
        raise NotImplementedError


@pytest.mark.parametrize(
    "function, name",
    [(by(EveryPath), "paths"), (by(Recursive), "recursive"), (by(Minus), "other"), (by(Mean), "loss"),
     (flat, "shape")],
)  # fmt: skip
def test_what_is_wrong_is_said(function, name):
    said = verdict("06p.1", function)
    assert said.kind == "look" and said.names == (name,), said


def test_the_smallest_graph_is_shown_with_both_numbers():
    said = verdict("06p.1", by(Minus))
    code = said.blocks[0].text
    assert re.search(
        r"by `\w+` at .* is \S+; by (central differences|the library's tape) it is \S+\.", said.text
    )
    assert "return" in code and len(code.splitlines()) <= 4


def test_an_array_that_was_changed_is_told():
    assert "changed in place" in str(verdict("06p.1", by(Overwrites)))


def test_what_is_not_written_yet_is_no_mistake():
    said = verdict("06p.1", by(Half))
    assert said.kind == "open" and "`__mul__`" in said.text


def test_no_pair_of_loss_and_gradients_is_told():
    assert verdict("06p.1", lambda build, *arrays: 1.0).names == ("no_pair",)


@pytest.mark.parametrize(
    "id, name, sizes", [("06p.4", "spirals", (2, 32, 3)), ("06p.5", "digits", (64, 32, 10))]
)
def test_the_worked_tape_trains(id, name, sizes):
    x, y, new = project.given(name)
    judge = lambda value: find(id).judge(value, [])
    classes, losses = answer.trained(x, y, new, sizes, steps=300)
    assert judge(classes).kind == "right" and abs(losses[0] - np.log(sizes[-1])) < 0.5
    assert judge(np.zeros(len(new))).names == ("one_class",)
    assert judge(np.zeros((len(new), 3))).names == ("scores",)
    assert judge("no").names == ("no_classes",)


# -- random graphs ---------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.sampled_from(TAPE), st.integers(0, 2**32))
def test_graphs_are_the_same_for_a_seed_and_the_worked_tape_agrees_with_the_library(id, seed):
    first, again = (drawn.draw(id, 5, seed) for _ in range(2))
    assert [str(graph) for graph, _ in first] == [str(graph) for graph, _ in again]
    for graph, arrays in first:
        loss, wanted = drawn.by_library(graph, arrays)
        said, got = answer.gradients(graph, *arrays)
        assert said == pytest.approx(loss, rel=1e-9, abs=1e-9)
        for g, w in zip(got, wanted, strict=True):
            assert g.shape == w.shape
            np.testing.assert_allclose(g, w, rtol=1e-8, atol=1e-8 * max(1, np.abs(w).max(initial=0)))


@pytest.mark.parametrize("id", TAPE)
def test_graphs_hold_what_goes_wrong(id):
    found = [graph for graph, _ in drawn.draw(id, 150, seed=judged.SEED)]
    needed = [line for graph in found for line in graph.needed]
    assert {line.op for line in needed} == set(drawn.KINDS[id][0])
    assert sum(graph.shares for graph in found) > 75 and sum(bool(g.early) for g in found) > 15
    assert max(len(graph.needed) for graph in found) > 25
    unused = [set(g.leaves) - {i for line in g.needed for i in line.inputs} for g in found]
    assert any(unused) and not all(unused)
    assert (len({shape for g in found for shape in g.leaves.values()}) > 4) == (id != "06p.1")


def test_the_text_of_a_graph_is_the_graph():
    for graph, arrays in drawn.draw("06p.3", 30, seed=2):
        space: dict = {}
        exec(str(graph), space)
        loss, wanted = answer.gradients(graph, *arrays)
        said, got = answer.gradients(space["build"], *arrays)
        assert said == loss and all(np.array_equal(g, w) for g, w in zip(got, wanted))


def test_the_library_and_central_differences_agree_on_random_graphs():
    for graph, arrays in drawn.draw("06p.3", 12, seed=3):
        for g, w in zip(drawn.by_library(graph, arrays)[1], graphs.slopes(graph, arrays)):
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-4 * max(1, np.abs(w).max(initial=0)))


def test_further_graphs_come_with_another_seed():
    assert project.compare(answer.gradients, seed=8, count=30).kind == "right"
    assert project.compare(by(Half), seed=8, count=30).kind == "open"
    assert str(drawn.draw("06p.1", 1, 1)[0][0]) != str(drawn.draw("06p.1", 1, 2)[0][0])


# -- the notebook ----------------------------------------------------------------------------------------


def test_the_notebook_lies_after_chapter_06_and_asks_every_milestone():
    path = find_chapter(FOLDER, "06p")
    names = [p.stem[:3] for p in chapters_in(FOLDER)]
    assert names.index("06p") == names.index("06_") + 1 and find_chapter(FOLDER, "06").stem.startswith("06_")
    cells = nbformat.read(path, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    assert begins_with_first_cell(code[0])
    asked = re.findall(r'^check\("(06p\.\d)', "\n".join(code), re.MULTILINE)
    assert asked == [f"06p.{i}" for i in range(1, 6)]
    said = "".join(str(output) for c in cells if c.cell_type == "code" for output in c.outputs)
    assert said.count("Not tried yet") >= 6 and "Look again" not in said and "stopped" not in said


def test_what_runs_in_a_graders_process_needs_no_file_of_the_answers():
    """Their folder is hidden there."""
    for id in TAPE:
        assert b"course.exercises" not in travel.pack(find(id).calls(None)).data
    notebook = read(find_chapter(FOLDER, "06p"))
    assert not any("course.exercises" in cell["source"] for cell in notebook["cells"])


def test_solved_it_holds_the_class_and_the_loop_once_and_every_check_says_right():
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.from_dict(solved(read(find_chapter(FOLDER, "06p"))))
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(source.count("class Tensor") for source in code) == 1
    assert sum(source.count("def trained") for source in code) == 1
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    said = [
        str(cell.outputs) for cell in notebook.cells if "check(" in cell.source and cell.cell_type == "code"
    ]
    asked = [s for s in said if "✓" in s or "✗" in s or "○" in s]
    assert len(asked) == 5 and all("✓" in s for s in asked)
