"""The project of Part III: right rungs pass, wrong ones are told by name, figures are what they say."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from numba import njit, prange

import tinynn
from tests import ladder_rungs as rungs
from tinynn.course import ladder
from tinynn.course.check import check
from tinynn.course.classroom.cells import read
from tinynn.course.classroom.solutions import solved
from tinynn.course.engine import runner, travel
from tinynn.course.engine.call import Outcome, Problem, run_each
from tinynn.course.engine.exercise import find
from tinynn.course.engine.faces import seen_as
from tinynn.course.engine.texts import phrases
from tinynn.course.engine.watched import Watched
from tinynn.course.exercises.ch17p import answer, judged
from tinynn.course.exercises.ch17p.wrong import WRONG, bytes_of
from tinynn.course.ladder import clock, counted, device
from tinynn.course.ladder.tasks import TASKS, at_work, inputs, task_of, to_count
from tinynn.course.race.roof import Roof, Roofline
from tinynn.course.work import begins_with_first_cell, chapters_in, find_chapter
from tinynn.gpu import Kernel, blocks, cuda, float32

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
WRONG_RESULTS = [(task, name, wrong) for task, found in WRONG.items() for name, wrong in found]


@pytest.fixture(scope="module", autouse=True)
def plain():
    with tinynn.backend("numpy"):
        yield


def verdict(id, function):
    """As `check` finds it, without the worker's process."""
    exercise = find(id)
    functions = seen_as([function], exercise.faces)
    calls = exercise.calls(function)
    return exercise.judge(function, [run_each(functions[call.function], [call])[0] for call in calls])


def named(name, function):
    function.__name__ = name
    return function


# -- what must be moved ------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_the_least_traffic_is_told_from_each_wrong_count(task):
    wrong = dict(bytes_of(task))
    assert verdict("17p.1", named(f"{task}_least", lambda r, c: TASKS[task].least(r, c))).kind == "right"
    for name, count in wrong.items():
        said = verdict("17p.1", named(f"{task}_least", count))
        equal = [n for n, other in wrong.items() if all(other(*s) == count(*s) for s in judged.ASKED)]
        assert said.kind == "look" and said.names[0] in equal, (name, said)
    assert len({tuple(count(*s) for s in judged.ASKED) for count in wrong.values()}) >= len(wrong) - 1


def test_the_least_traffic_by_hand():
    assert TASKS["logsumexp"].least(2, 3) == 4 * (6 + 2)
    assert TASKS["blur"].least(2, 3) == TASKS["running_sums"].least(2, 3) == 4 * 12


def test_other_counts_and_other_names():
    assert verdict("17p.1", named("logsumexp_least", lambda r, c: 17)).names == ("other_least",)
    assert verdict("17p.1", named("logsumexp_least", lambda r, c: "many")).names == ("no_number",)
    assert verdict("17p.1", named("softmax_least", lambda r, c: 17)).names == ("no_task",)
    assert task_of(rungs.blur_loops).name == "blur" and task_of(answer.logsumexp_threads).name == "logsumexp"


# -- results -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task, name, wrong", WRONG_RESULTS, ids=[f"{t}-{n}" for t, n, _ in WRONG_RESULTS])
@pytest.mark.parametrize("id", ["17p.2", "17p.4"])
def test_a_wrong_result_is_told_by_its_name(id, task, name, wrong):
    """On the CPU and in CUDA the same results come back."""
    function = named(f"{task}_mine", lambda x: x)
    with np.errstate(all="ignore"):
        got = [Outcome("value", np.asarray(wrong(x)).astype(np.float32)) for x in inputs()]
    said = find(id).judge(function, got)
    assert said.kind == "look" and said.names == (name,), said
    assert said.text == phrases("17p")["says"][name]


def test_names_of_wrong_answers_are_unlike_and_all_have_words():
    for task, found in WRONG.items():
        names = [name for name, _ in found]
        assert len(set(names)) == len(names)
        with np.errstate(all="ignore"):
            assert not any(all(TASKS[task].right(np.asarray(w(x)), x) for x in inputs()) for _, w in found)


@pytest.mark.parametrize(
    "id, function",
    [("17p.2", answer.logsumexp_loops), ("17p.2", rungs.logsumexp_online), ("17p.2", rungs.blur_loops),
     ("17p.2", rungs.running_sums_loops), ("17p.3", answer.logsumexp_threads), ("17p.3", rungs.blur_threads),
     ("17p.3", rungs.running_sums_threads)],
)  # fmt: skip
def test_right_functions_pass_in_many_styles(id, function):
    said = verdict(id, function)
    assert said.kind == "right", said


def logsumexp_float64(x):
    return np.log(np.exp(x.astype(float)).sum(1))


def running_sums_in_place(x):
    for j in range(1, x.shape[1]):
        x[:, j] += x[:, j - 1]
    return x


def logsumexp_of_lists(x):
    return [float(v) for v in x.max(axis=1)]


def blur_by_pad(x):
    total = np.pad(x, 1)
    number = np.pad(np.ones_like(x), 1)
    rows, columns = x.shape
    y, n = np.zeros_like(x), np.zeros_like(x)
    for i in range(3):
        for j in range(3):
            y += total[i : i + rows, j : j + columns]
            n += number[i : i + rows, j : j + columns]
    return y / n


def running_sums_off(x):
    return x.cumsum(axis=1) * np.float32(1.5)


@pytest.mark.parametrize(
    "function, name",
    [(logsumexp_float64, "dtype"), (running_sums_in_place, "changed"), (logsumexp_of_lists, "shape"),
     (blur_by_pad, "compiled"), (running_sums_off, "other")],
)  # fmt: skip
def test_what_else_is_wrong_on_the_cpu(function, name):
    assert verdict("17p.2", function).names == (name,)


@njit
def running_sums_one_thread(x):
    y = np.empty_like(x)
    for i in prange(x.shape[0]):
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += x[i, j]
            y[i, j] = total
    return y


def test_prange_without_parallel_is_told():
    assert verdict("17p.3", running_sums_one_thread).names == ("not_parallel",)


def running_sums_race(x):
    y = x.copy()
    for j in prange(1, x.shape[1]):  # each round needs the one before
        y[:, j] += y[:, j - 1]
    return y


def test_no_parallel_loop_and_a_race_are_told():
    assert verdict("17p.3", answer.logsumexp_loops).names == ("serial",)
    results = [TASKS["running_sums"].exact(x).astype(np.float32) for x in [*inputs(), at_work()]]
    seen = Watched(running_sums_race)(at_work())
    told = find("17p.3").judge(running_sums_race, [Outcome("value", value) for value in [*results, seen]])
    assert told.names == ("race",) and "y[" in told.text


@pytest.mark.parametrize(
    "id, function", [("17p.3", answer.logsumexp_threads), ("17p.4", answer.logsumexp_naive)]
)
def test_in_the_workers_process_the_verdict_is_the_same(id, function):
    exercise = find(id)
    ways = {"faces": exercise.faces} if exercise.faces else {}
    ran = runner.run([function], exercise.calls(function), **ways)
    assert ran.where == "worker" and str(exercise.judge(function, ran.outcomes)) == str(verdict(id, function))


# -- kernels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id, plan",
    [("17p.4", answer.logsumexp_naive), ("17p.4", rungs.running_sums_naive), ("17p.4", rungs.blur_naive),
     ("17p.5", answer.logsumexp_coalesced), ("17p.5", rungs.logsumexp_tree),
     ("17p.5", rungs.running_sums_once), ("17p.5", rungs.blur_coalesced),
     ("17p.6", answer.logsumexp_once), ("17p.6", rungs.running_sums_once),
     ("17p.6", rungs.blur_once)],
)  # fmt: skip
def test_right_kernels_pass_in_many_styles(id, plan):
    said = verdict(id, plan)
    assert said.kind == "right", said


@pytest.mark.parametrize(
    "id, plan, name",
    [("17p.5", answer.logsumexp_naive, "apart"), ("17p.5", rungs.running_sums_naive, "apart"),
     ("17p.5", rungs.blur_naive, "apart"), ("17p.6", answer.logsumexp_naive, "apart"),
     ("17p.6", answer.logsumexp_coalesced, "again"), ("17p.6", rungs.blur_coalesced, "again")],
)  # fmt: skip
def test_traffic_beyond_the_least_is_told_with_its_line(id, plan, name):
    said = verdict(id, plan)
    assert said.kind == "look" and said.names == (name,), said
    assert name == "again" or "x[" in said.blocks[0].text


@cuda.jit
def unguarded(x, y):
    i = cuda.grid(1)
    total = float32(0)
    for j in range(x.shape[1]):
        total += math.exp(x[i, j])
    y[i] = math.log(total)


@cuda.jit
def racing(x, y):
    part = cuda.shared.array(32, float32)
    i, t = cuda.blockIdx.x, cuda.threadIdx.x
    part[t] = x[i, t] if t < x.shape[1] else float32(0)
    if t == 0:  # without a barrier
        total = float32(0)
        for k in range(32):
            total += part[k]
        y[i] = total


@cuda.jit
def one_for_all(x, y, z):
    y[0] = x[0, 0]


@cuda.jit
def writes_half(x, y):
    i = cuda.grid(1)
    if i < x.shape[0] and i % 2 == 0:
        y[i] = float32(0)


def logsumexp_unguarded(rows, columns):
    return unguarded, blocks(rows, 32), 32


def logsumexp_racing(rows, columns):
    return racing, rows, 32


def logsumexp_three(rows, columns):
    return one_for_all, rows, 32


def logsumexp_half(rows, columns):
    return writes_half, blocks(rows, 32), 32


def logsumexp_two_things(rows, columns):
    return unguarded, 32


def logsumexp_no_size(rows, columns):
    return unguarded, 0, 32


@pytest.mark.parametrize(
    "plan, name",
    [(logsumexp_unguarded, "index"), (logsumexp_racing, "race"), (logsumexp_three, "kernel"),
     (logsumexp_half, "other"), (logsumexp_two_things, "no_plan"), (logsumexp_no_size, "no_plan")],
)  # fmt: skip
def test_what_is_wrong_with_a_kernel_is_told(plan, name):
    said = verdict("17p.4", plan)
    assert said.kind == "look" and said.names == (name,), said


def test_turns_lost_at_the_banks_are_told():
    crowded = counted.Traffic(1000, 1000, 950, 40, 100, 3, "", "")
    assert judged.once(TASKS["logsumexp"], crowded).names == ("banks",)
    assert judged.once(TASKS["logsumexp"], crowded._replace(conflicts=5)).kind == "right"


def test_a_kernel_without_end_is_stopped():
    @cuda.jit
    def forever(x, y):
        while x.shape[0] > 0:
            y[0] = x[0, 0]

    plan = named("logsumexp_forever", lambda rows, columns: (forever, 1, 1))
    assert "stopped" in str(ladder.count({"forever": plan}))


def test_an_unwritten_answer_is_open():
    unwritten = Outcome("raised", problem=Problem("NotImplementedError", ""))
    assert find("17p.4").judge(answer.logsumexp_naive, [unwritten] * len(inputs())).kind == "open"
    assert check("17p.7").kind == "open"


# -- counts and times ----------------------------------------------------------------------------------------


def test_counts_by_hand():
    """16 rows of 128: neighbours move what they must; down the columns each number costs a sector."""

    @cuda.jit
    def copied(x, y):
        for j in range(cuda.threadIdx.x, x.shape[1], 32):
            y[cuda.blockIdx.x, j] = x[cuda.blockIdx.x, j]

    found = ladder.count(
        {"rows": named("running_sums_a", lambda r, c: (copied, r, 32)), "thread": rungs.running_sums_naive}
    )
    rows, columns = to_count().shape
    assert found["rows"].moved == found["rows"].least == 8 * rows * columns and found["rows"].share == 1
    assert found["thread"].used_share == pytest.approx(1 / 8)
    assert found.figures["rows"] == {"percent": 100.0, "by": "count"}
    assert "100.0%" in str(found) and found["rows"].barriers == 0


def test_barriers_and_conflicts_are_counted():
    found = ladder.count({"once": answer.logsumexp_once, "tree": rungs.logsumexp_tree})
    assert found["once"].barriers == 7 and found["tree"].barriers == 3
    assert found["once"].trips > 0 and found["once"].conflicts == 0


def test_what_cannot_be_counted_or_timed_is_told():
    def logsumexp_open(rows, columns):
        return None

    said = str(ladder.count({"a": logsumexp_open, "b": lambda r, c: None, "c": logsumexp_two_things}))
    assert "a: not written yet" in said and "b: the name" in said and "c: gives no kernel" in said
    said = str(
        ladder.score({"a": logsumexp_open, "wrong": running_sums_off, "d": named("blur", lambda x: 1 / 0)})
    )
    assert (
        "a: not written yet" in said and "wrong: gives another result" in said and "ZeroDivisionError" in said
    )


def test_a_share_is_the_ceiling_over_the_time(monkeypatch):
    roofs = Roofline((Roof(1, 1e12, 1e9),), 1 << 20, None)
    monkeypatch.setattr(clock, "measure", lambda: roofs)
    found = ladder.score({"NumPy": named("running_sums_np", lambda x: x.cumsum(axis=1))}, (64, 32))
    seconds = TASKS["running_sums"].least(64, 32) / 1e9
    assert found.ceiling == pytest.approx(seconds)
    one = found["NumPy"]
    assert (
        one.share == pytest.approx(seconds / one.timing.median) and one.part == 1 and found.best == one.share
    )
    assert "that of memory" in str(found) and found.figures["NumPy"]["by"] == "clock"
    assert "NumPy" in found.picture().alt
    monkeypatch.setattr(clock, "measure", lambda: Roofline((Roof(1, 1e3, 1e9),), 1 << 20, None))
    assert "that of arithmetic" in clock.ceiling_of(TASKS["blur"], (64, 32))[1]


def test_who_is_slow_is_timed_on_a_part(monkeypatch):
    import time

    monkeypatch.setattr(clock, "measure", lambda: Roofline((Roof(1, 1e12, 1e9),), 1 << 20, None))
    monkeypatch.setattr(clock, "SLOW", 0.02)

    def running_sums_slow(x):
        time.sleep(1e-3 * len(x))
        return x.cumsum(axis=1)

    found = ladder.score({"slow": running_sums_slow}, (4096, 4))["slow"]
    assert found.part < 0.1 and found.timing.median > 1


def test_without_a_gpu_nothing_is_timed_there(monkeypatch):
    monkeypatch.setattr(device, "available", lambda: False)
    found = ladder.on_gpu({"naive": answer.logsumexp_naive})
    assert not found.figures and "no GPU" in str(found)


def test_on_a_gpu_a_rung_is_a_share_of_a_copy(monkeypatch):
    """NumPy's arrays stand in for those of a GPU, and a clock that says 1 s."""
    ran = []
    monkeypatch.setattr(device, "available", lambda: True)
    monkeypatch.setattr(device, "elapsed", lambda work, **_: (ran.append(work()), 1.0)[1])
    monkeypatch.setattr(device, "to_device", np.copy)
    monkeypatch.setattr(device, "to_host", np.asarray)
    found = ladder.on_gpu({"once": rungs.running_sums_once, "wrong": logsumexp_half}, (4, 32))
    assert dict(found) == {"once": pytest.approx(100.0)} and len(ran) == 3
    assert found.figures["once on the GPU"]["by"] == "clock"


# -- the report ----------------------------------------------------------------------------------------------

MEASURED = {
    name: {"percent": percent, "by": by}
    for name, percent, by in (
        ("loops", 4.0, "clock"), ("threads", 9.0, "clock"), ("naive", 6.3, "count"), ("once", 94.9, "count")
    )
}  # fmt: skip
TEXT = "[loops: 4.0%] [threads: 9%] [ naive : 6.3 % ] [once: 94.9%] " + "word " * 110


@pytest.mark.parametrize(
    "given, name",
    [(TEXT, "no_report"), ((TEXT, {}), "nothing_measured"), (("word " * 120, MEASURED), "no_figures"),
     ((TEXT.replace("loops", "lops"), MEASURED), "unknown_rung"),
     ((TEXT.replace("6.3", "8,3"), MEASURED), "off_count"),
     ((TEXT.replace("4.0", "40"), MEASURED), "off_clock"),
     ((TEXT.replace("6.3", "8.3"), MEASURED), "off_count"),
     ((TEXT.replace("[loops: 4.0%]", ""), MEASURED), "too_few"), ((TEXT[:150], MEASURED), "short")],
)  # fmt: skip
def test_what_a_report_lacks_is_told(given, name):
    said = check("17p.7", given)
    assert said.kind == "look" and said.names == (name,), said


def test_a_report_with_the_figures_of_another_run_passes():
    assert check("17p.7", (TEXT, MEASURED)).kind == "right"
    assert check("17p.7", (TEXT.replace("4.0", "6.5").replace("94.9", "95"), MEASURED)).kind == "right"


def test_the_worked_report_quotes_what_was_measured(monkeypatch):
    monkeypatch.setattr(answer, "measured", MEASURED)
    assert check("17p.7", (answer.written(), MEASURED)).kind == "right"


# -- the notebook ----------------------------------------------------------------------------------------


def test_the_notebook_is_the_last_of_part_three_and_asks_every_milestone():
    path = find_chapter(FOLDER, "17p")
    assert [p.stem[:3] for p in chapters_in(FOLDER)][-1] == "17p"
    cells = nbformat.read(path, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    assert begins_with_first_cell(code[0])
    asked = re.findall(r'^check\("(17p\.\d)', "\n".join(code), re.MULTILINE)
    assert asked == [f"17p.{i}" for i in range(1, 8)]
    said = "".join(str(output) for c in cells if c.cell_type == "code" for output in c.outputs)
    assert said.count("Not tried yet") >= 7 and "Look again" not in said and "stopped" not in said


def test_what_runs_in_a_graders_process_needs_no_file_of_the_answers():
    """Their folder is hidden there."""
    for number in range(1, 7):
        calls = find(f"17p.{number}").calls(answer.logsumexp_loops)
        assert b"course.exercises" not in travel.pack(calls).data
    notebook = read(find_chapter(FOLDER, "17p"))
    assert not any("course.exercises" in cell["source"] for cell in notebook["cells"])


def test_worked_answers_are_code_for_a_notebook():
    for number in range(1, 8):
        code = find(f"17p.{number}").solution()
        compile(code, "<cell>", "exec")
        assert "..." not in code
    assert find("17p.3").solution().startswith("@njit(parallel=True")
    assert isinstance(answer.row_read_once, Kernel) and "@cuda.jit" in find("17p.6").solution()


@pytest.mark.slow
def test_solved_every_check_says_right():
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.from_dict(solved(read(find_chapter(FOLDER, "17p"))))
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    said = [str(c.outputs) for c in notebook.cells if c.cell_type == "code" and "check(" in c.source]
    asked = [s for s in said if "✓" in s or "✗" in s or "○" in s]
    assert len(asked) == 7 and all("✓" in s for s in asked)
