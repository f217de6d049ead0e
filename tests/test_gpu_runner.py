"""The GPU run's own logic, without a GPU: order, budget, writing after each item, crashes, skips, verdicts.

Where workers are needed they are real processes: scripts that answer as told, or the worker itself with the
tests' strict array in CuPy's place.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.gpu import __main__ as gpu
from tests.gpu import compare, contests, doctor, plan, results, sanitize, steps, tables, timing
from tests.gpu.pool import COMMAND, PROJECT, Worker
from tests.gpu.results import Results
from tests.gpu.worker import Fake
from tinynn import ops
from tinynn.course.race import gpu as course
from tinynn.course.race.tracks import TRACKS
from tinynn.gpu import arrays

TIMES = {"median": 1e-3, "low": 0.9e-3, "high": 1.1e-3, "rounds": 9}
ROOF = {"status": "ok", "flops": 5e13, "bytes": 3e12, "side": 4096}

# -- worker processes ----------------------------------------------------------------------------------------

SCRIPT = """
import json, os, sys, time
for line in sys.stdin:
    name = json.loads(line)["name"]
    if name == "crash":
        print("illegal address", file=sys.stderr, flush=True)
        os.abort()
    if name == "leave":
        sys.exit(3)
    if name == "hang":
        time.sleep(60)
    print("a library prints", flush=True)
    if name == "broken":
        print(json.dumps({"status": "failed", "why": "the GPU reports illegal", "ends": True}), flush=True)
        time.sleep(0.3)
        sys.exit(3)
    print(json.dumps({"status": "ok", "pid": os.getpid(), "name": name}), flush=True)
"""


@pytest.fixture
def worker():
    worker = Worker((sys.executable, "-c", SCRIPT))
    yield worker
    worker.close()


def ask(worker, name, seconds=20.0):
    return worker.ask({"do": "test", "name": name}, seconds)


def test_a_worker_lives_from_item_to_item(worker):
    first, second = ask(worker, "a"), ask(worker, "b")
    assert (first["name"], second["name"]) == ("a", "b") and first["pid"] == second["pid"]
    assert first["seconds"] >= 0 and worker.starts == 1


def test_a_crash_costs_one_item(worker):
    assert ask(worker, "crash")["why"].startswith("the process ended by signal 6: illegal address")
    assert ask(worker, "leave")["why"] == "the process ended with status 3"
    assert ask(worker, "a")["status"] == "ok" and worker.starts == 3


def test_a_worker_whose_context_broke_is_not_asked_again(worker):
    assert ask(worker, "broken")["why"] == "the GPU reports illegal"
    assert ask(worker, "a")["status"] == "ok" and worker.starts == 2


def test_who_hangs_is_ended(worker):
    start = time.monotonic()
    assert ask(worker, "hang", 0.7)["why"] == "no answer within 1 s"
    assert time.monotonic() - start < 5
    assert ask(worker, "a")["status"] == "ok"


def test_a_command_that_does_not_exist_is_an_answer_too():
    assert (
        Worker((sys.executable, "-c", "raise SystemExit('no such thing')"))
        .ask({}, 20)["why"]
        .endswith("with status 1: no such thing")
    )


# -- the plan and the budget ---------------------------------------------------------------------------------


def test_every_op_is_compared_those_with_kernels_first():
    items = plan.compare_items()
    assert {item.name for item in items} == set(ops.catalogue)
    kernels = ["cuda" in ops.catalogue[item.name].kernels for item in items]
    assert kernels == sorted(kernels, reverse=True)
    assert {op for members in plan.FAMILIES.values() for op in members.split()} <= set(ops.catalogue)


class Script:
    """Stands for a worker: answers at once, and the clock moves by what each item takes."""

    def __init__(self, clock, seconds, answers):
        self.clock, self.seconds, self.answers, self.asked = clock, seconds, answers, []

    def ask(self, request, seconds):
        self.asked.append((request["do"], request["name"], seconds))
        self.clock.now += min(self.seconds, seconds)
        known = {"ceilings": ROOF} | self.answers
        return dict(known.get(request["name"], {"status": "ok"}))

    def close(self): ...


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def scripted(tmp_path, monkeypatch, seconds_an_item, budget, answers=None):
    """A whole run with scripted workers, one lane at a time."""
    clock = Clock()
    script = Script(clock, seconds_an_item, answers or {})
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # hundreds of writes: nobody cuts the power
    monkeypatch.setattr(gpu.sanitize, "run", lambda seconds: {"status": "absent", "why": "none"})
    run = gpu.Run(
        Results("A GPU", "2020-02-02", "test", tmp_path), plan.Budget(budget, clock), (), 1, io.StringIO()
    )
    monkeypatch.setattr(run, "worker", lambda name: script)
    run.all()
    run.results.finish(clock.now)
    return run, script


def test_everything_is_asked_for_and_written(tmp_path, monkeypatch):
    run, script = scripted(tmp_path, monkeypatch, 0.01, 450)
    written = json.loads((tmp_path / "a-gpu.json").read_text("utf-8"))
    for item in (plan.CHECK, *plan.everything()):
        assert written[item.part][item.name]["status"] in ("ok", "absent")
    assert written["complete"] and written["device"] == "A GPU"
    parts = list(dict.fromkeys(do for do, _, _ in script.asked))
    assert parts == ["check", "compare", "train", "ceilings", "overhead", "kernel", "memory", "step"]
    aims = [name for do, name, _ in script.asked if do == "kernel"]
    assert [bool(contests.find(name).aim) for name in aims] == sorted(
        [bool(contests.find(name).aim) for name in aims], reverse=True
    )


def test_what_is_not_reached_is_written_as_such_and_later_parts_keep_their_time(tmp_path, monkeypatch):
    run, script = scripted(tmp_path, monkeypatch, 20, 450)
    found = {
        part: [a["status"] for a in run.results.content[part].values()]
        for part in ("compare", "train", "kernel", "step")
    }
    assert "not reached" in found["compare"] and "not reached" in found["kernel"]
    assert "ok" in found["compare"] and "ok" in found["kernel"]
    assert max(seconds for _, _, seconds in script.asked) <= 100
    assert run.budget.passed() <= 450 + 1
    assert not run.results.content["complete"] and any("not reached" in line for line in run.results.bad())


def test_a_short_run_still_compares(tmp_path, monkeypatch):
    run, script = scripted(tmp_path, monkeypatch, 1, 60)
    assert [do for do, _, _ in script.asked].count("compare") >= 10


def test_after_a_check_that_fails_nothing_else_is_tried(tmp_path, monkeypatch):
    answers = {"machine": {"status": "failed", "why": "CuPy and the GPU: no driver"}}
    run, script = scripted(tmp_path, monkeypatch, 1, 450, answers)
    assert [do for do, _, _ in script.asked] == ["check"]
    assert all(a["status"] == "not reached" for a in run.results.content["compare"].values())
    assert "CuPy and the GPU: no driver" in tables.page(run.results.content)


def test_one_failure_is_told_and_the_rest_runs(tmp_path, monkeypatch):
    answers = {
        "relu": {"status": "differs", "why": "1 of 3 cases"},
        "gelu": {"status": "failed", "why": "illegal"},
    }
    run, _ = scripted(tmp_path, monkeypatch, 0.01, 450, answers)
    bad = run.results.bad()
    assert {"compare relu: differs: 1 of 3 cases", "compare gelu: failed: illegal"} <= set(bad)
    assert all(
        "relu" in line or "gelu" in line for line in bad
    )  # kernels of these names, with the same answers
    assert "step" in run.results.content


# -- the command ---------------------------------------------------------------------------------------------


def main(tmp_path, here, command=COMMAND, *options):
    return gpu.main(["--out", str(tmp_path), *options], here=lambda: here, command=command)


def test_without_a_gpu_it_says_so_and_ends_well(tmp_path, capsys):
    assert main(tmp_path, doctor.Here(why="no CUDA driver (none)")) == 0
    assert capsys.readouterr().out == "gpu: no GPU here: no CUDA driver (none).\n"
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_cannot_be_used_is_a_failure(tmp_path, capsys):
    assert main(tmp_path, doctor.Here(why="the driver answers with error 803", broken=True)) == 1
    assert "cannot be used" in capsys.readouterr().out


def test_a_worker_that_cannot_start_is_a_failure_and_is_written(tmp_path, capsys):
    assert main(tmp_path, doctor.Here("A GPU"), (sys.executable, "-c", "import nowhere")) == 1
    written = json.loads((tmp_path / "a-gpu.json").read_text("utf-8"))
    assert "No module named 'nowhere'" in written["check"]["machine"]["why"]


def test_figures_of_the_interpreter_never_reach_the_committed_folder():
    with pytest.raises(SystemExit):
        gpu.main([], here=lambda: doctor.Here("A GPU"), command=(*COMMAND, "--fake"))
    assert results.FOLDER == PROJECT / "benchmarks" / "gpu"
    for path in results.FOLDER.glob("*.json"):
        assert "interpreted" not in path.read_text("utf-8")


def test_here_asks_the_driver_alone():
    code = "import sys; from tests.gpu import doctor; doctor.here(); "
    code += "print([m for m in ('cupy', 'numba', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


BARE = """if True:
    import sys
    missing = "greenlet tqdm safetensors scipy numba llvmlite threadpoolctl pytest torch cupy".split()
    missing += "hypothesis IPython ipykernel ipywidgets matplotlib jupyterlab nbformat psutil".split()
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in missing:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.meta_path.insert(0, Blocker())
    import importlib, pathlib, os
    os.environ["TINYNN_QUIET"] = "1"
    for path in sorted(pathlib.Path("tests/gpu").glob("*.py")):
        importlib.import_module(f"tests.gpu.{path.stem}")
    from tinynn import ops
    for op in ops.catalogue.values():
        op.pair("cuda")
    from tests.gpu.compare import losses
    import tinynn
    tinynn.backend("numpy")
    losses("MLP", "cpu", 1, small=True)
    assert not [m for m in sys.modules if m.startswith("tinynn.course")]
    print("well")
"""


def test_a_bare_machine_will_do():
    """NumPy alone, for all that needs no GPU: no module of the run imports what such a machine has not."""
    done = subprocess.run([sys.executable, "-c", BARE], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "well", done.stderr


# -- the results ---------------------------------------------------------------------------------------------


def kernel(aim="", ours=1e-3, torch=2e-3, **more):
    times = {"tinynn": {**TIMES, "median": ours}, "torch": {**TIMES, "median": torch}}
    return {"status": "ok", "times": times, "ratio": {"torch": torch / ours}, "aim": aim, **more}


def test_after_each_item_both_files_are_whole(tmp_path):
    found = Results("NVIDIA H100 80GB HBM3", "2020-02-02", "test", tmp_path)
    for name in ("relu", "gelu", "tanh"):
        found.put("compare", name, {"status": "ok", "kernels": True, "cases": 3, "worst": 1e-7})
        data, page = found.paths
        assert data.name == "nvidia-h100-80gb-hbm3.json"
        assert name in json.loads(data.read_text("utf-8"))["compare"] and f"| {name} |" in page.read_text(
            "utf-8"
        )
    assert {p.name for p in tmp_path.iterdir()} == {data.name, page.name}  # nothing half written is left


def test_the_course_draws_what_a_run_writes(tmp_path):
    found = Results("A GPU", "2020-02-02", "test", tmp_path)
    found.put("ceilings", "ceilings", ROOF)
    for n in (10, 1000):
        contest = contests.find(f"race softmax {n}")
        answer = kernel() | {"race": contests.race_point(contest, {"tinynn": TIMES})}
        found.put("kernel", contest.name, answer)
    (measured,) = course.measured("softmax", TRACKS["softmax"].shapes, tmp_path)
    assert [t.n for t in measured.timings] == [10, 1000]
    assert (measured.device, measured.flops, measured.bytes) == ("A GPU", 5e13, 3e12)


def test_races_are_the_courses_own():
    assert {(r.op, r.words) for r in contests.RACES} == {(t.op.name, t.shapes) for t in TRACKS.values()}
    for race in contests.RACES:
        theirs = [a.shape for a in TRACKS[race.op].arrays(5)]
        ours = [i.shape if isinstance(i, contests.Ints) else i for i in race.inputs(5)]
        assert ours == theirs
        assert max(race.sizes) <= max(TRACKS[race.op].sizes)


@pytest.mark.parametrize(
    "answer, share, met",
    [
        (kernel("memory", bytes=2.7e9), 0.9, True),
        (kernel("memory", bytes=2.4e9), 0.8, False),
        (kernel("memory", bytes=2.7e9, torch=0.9e-3), 0.9, False),
        (kernel("attention", flops=1e10, torch=0.75e-3), 0.2, True),
        (kernel("attention", flops=1e10, torch=0.65e-3), 0.2, False),
        (kernel("best rung", flops=4.1e10), 0.82, True),
        (kernel("best rung", flops=3.9e10), 0.78, False),
        (kernel("rung", flops=2.6e10), 0.52, True),
        (kernel("lstm", torch=1e-3), None, True),
        (kernel("lstm", torch=0.99e-3), None, False),
        (kernel("memory", bytes=2.7e9) | {"ratio": {}}, 0.9, None),
        ({"status": "failed", "aim": "memory"}, None, None),
    ],
)
def test_aims_are_met_by_the_ceilings_of_the_same_run(answer, share, met):
    assert tables.share(answer, ROOF) == (None if share is None else pytest.approx(share))
    assert tables.met(answer, ROOF) is met


def test_the_page_says_met_not_met_and_not_measured():
    content = {
        "device": "A GPU", "command": "c", "date": "d", "roof": ROOF,
        "kernel": {
            "relu": kernel("memory", bytes=2.7e9), "adam": kernel("memory", bytes=2e9),
            "naive": kernel("rung", flops=5e9), "tiled": kernel("rung", flops=2.6e10),
        },
        "step": {"LSTM": kernel("lstm", torch=1.5e-3)},
        "memory": {"attention": {"status": "ok", "peaks": {"2048": 100, "4096": 210}}},
    }  # fmt: skip
    page = tables.page(content)
    assert f"| {tables.AIMS['memory']} | not met | adam |" in page
    assert f"| {tables.AIMS['rung']} | met |  |" in page
    assert f"| {tables.AIMS['attention']} | not measured |  |" in page
    assert f"| {tables.AIMS['lstm']} | met |  |" in page
    assert "linear in T | met |" in page
    assert "| relu | 1,000 (900 to 1,100) | 90% of memory | 2.00 |" in page


def test_a_page_of_nothing_is_a_page():
    assert "not measured" in tables.page({"device": "A GPU", "command": "c", "date": "d"})


# -- turns and clocks ----------------------------------------------------------------------------------------


class Ticking:
    """A device whose clock moves by what each contestant takes."""

    real, rounds = True, timing.ROUNDS

    def __init__(self, **taken):
        self.taken, self.order = taken, []

    def work(self, name):
        return lambda: name

    def synchronize(self): ...

    def seconds(self, work, times):
        self.order.append(work())
        return self.taken[work()] * times


def test_contestants_take_turns_and_nobody_is_always_first():
    device = Ticking(a=1e-3, b=2e-3, c=1e-5)
    found = timing.turns(device, {name: device.work(name) for name in "abc"})
    assert {name: times["median"] for name, times in found.items()} == pytest.approx(
        {"a": 1e-3, "b": 2e-3, "c": 1e-5}
    )
    rounds = device.order[-3 * timing.ROUNDS :]
    firsts = rounds[::3]
    assert set(firsts) == set("abc") and all(
        set(rounds[i : i + 3]) == set("abc") for i in range(0, len(rounds), 3)
    )
    assert found["a"]["rounds"] == timing.ROUNDS


def test_quartiles_are_those_of_the_rounds():
    assert timing.spread([4.0, 1.0, 2.0, 3.0]) == {"median": 2.5, "low": 1.25, "high": 3.75, "rounds": 4}
    assert timing.spread([1.0])["low"] == 1.0


# -- comparing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted, got, far",
    [
        ([1.0, -4.0], [1.0, -4.0 + 4e-3], 1e-3),
        ([1.0, np.nan], [1.0, np.nan], 0),
        ([1.0, np.nan], [1.0, 2.0], np.inf),
        ([1.0, 2.0], [1.0, np.nan], np.inf),
        ([1.0, np.inf], [1.0, np.inf], 0),
        ([1.0, np.inf], [1.0, -np.inf], np.inf),
        ([1.0, 2.0], [1.0], np.inf),
        ([0.0], [1e-9], 1e-6),
    ],
)
def test_differences_are_in_units_of_the_largest_value(wanted, got, far):
    assert compare._difference(np.array(wanted), np.array(got)) == pytest.approx(far, rel=1e-3)


def test_whole_numbers_and_bools_must_be_equal():
    assert compare._difference(np.array([1, 2]), np.array([1, 3])) == np.inf
    assert compare._difference(np.array([True]), np.array([True])) == 0


@pytest.fixture
def strict():
    from tests.strict import standing_in

    with standing_in():
        yield Fake()
    assert arrays.stand_in is None


def test_an_op_that_is_right_agrees_and_a_wrong_one_is_named(strict, monkeypatch):
    found = compare.op(strict, "relu")
    assert (found["status"], found["kernels"], found["cases"]) == ("ok", True, 3) and found["worst"] < 1e-6
    pair = ops.relu.pair("cuda")

    def backward(dout, cache, needs=None):
        return (1.01 * pair.backward(dout, cache)[0],)

    wrong = ops.Pair(pair.forward, backward, "cuda")
    monkeypatch.setitem(ops.relu.pairs, "cuda", wrong)
    found = compare.op(strict, "relu")
    assert found["status"] == "differs" and "array 1 of the results differs by" in found["why"]


def test_a_kernel_that_leaves_elements_unwritten_is_seen(strict, monkeypatch):
    pair = ops.relu.pair("cuda")

    def forward(x):
        return arrays.empty(x.shape, x), pair.forward(x)[1]

    lazy = ops.Pair(forward, pair.backward, "cuda")
    monkeypatch.setitem(ops.relu.pairs, "cuda", lazy)
    assert compare.op(strict, "relu")["status"] == "differs"


def test_an_update_is_compared_in_all_that_it_changes(strict):
    found = compare.op(strict, "adam_update")
    assert found["status"] == "ok" and found["cases"] == 3


# -- the real worker, on the strict array --------------------------------------------------------------------


@pytest.mark.slow
def test_a_whole_run_on_the_strict_array(tmp_path, capfd):
    """Everything runs there as far as it can; what is timed means nothing."""
    status = main(tmp_path, doctor.Here("Stand in"), (*COMMAND, "--fake"), "--seconds", "400", "--jobs", "2")
    written = json.loads((tmp_path / "stand-in.json").read_text("utf-8"))
    said = capfd.readouterr().out
    wrong = [line for line in said.splitlines() if ": failed" in line or ": differs" in line]
    assert not wrong, "\n".join(wrong)
    assert status == 0 or "not reached" in said
    assert written["check"]["machine"]["steps"][-1] == "clocks"
    assert all(a["status"] == "ok" for a in written["train"].values())


def test_steps_of_both_sizes_are_there_and_the_aims_is_among_them():
    assert {name.split()[0] for name in steps.STEPS} == set(steps.TINY)
    assert len(steps.STEPS) == 2 * len(steps.TINY)


def test_contests_name_ops_with_kernels_and_have_names_of_their_own():
    names = [c.name for c in contests.contests()]
    assert len(names) == len(set(names))
    assert all("cuda" in ops.catalogue[contests.find(name).op].kernels for name in names)


# -- compute-sanitizer ---------------------------------------------------------------------------------------


def sanitized(code):
    return sanitize.run(20, [sys.executable, "-c", code])


def test_the_sanitizers_verdicts():
    assert sanitized("print('watched: relu gelu')")["tools"]["memcheck"]["ops"] == ["relu", "gelu"]
    found = sanitized("print('========= Invalid __global__ write of size 4'); raise SystemExit(86)")
    assert found["status"] == "failed" and "Invalid __global__ write" in found["why"]
    refused = sanitized("print('========= Error: Device not supported'); raise SystemExit(1)")
    assert refused["status"] == "absent" and "refuses" in refused["why"]
    assert sanitized("raise SystemExit(0)")["status"] == "failed"  # it ran nothing


def test_without_the_tool_that_is_said(monkeypatch):
    monkeypatch.setattr(sanitize, "tool", lambda: None)
    assert sanitize.run(10)["status"] == "absent"
