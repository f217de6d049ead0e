"""How a student's function is run: in a worker that may be killed, with the notebook's process unharmed."""

from __future__ import annotations

import _thread
import io
import itertools
import linecache
import os
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinynn.course.engine import prints, process, runner, travel, wire
from tinynn.course.engine.call import Call, Line, Odd, Outcome, Problem
from tinynn.course.engine.perform import DEPTH, MOST_ITEMS, made_plain, perform
from tinynn.course.engine.watch import Limits

ROOT = Path(__file__).resolve().parent.parent
_numbers = itertools.count()


def cell(source: str, **names: object) -> Callable:
    """The last function of a notebook's cell."""
    source = textwrap.dedent(source).strip() + "\n"
    file = os.path.join(tempfile.gettempdir(), "ipykernel_1", f"{next(_numbers)}.py")
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"__name__": "__main__", "np": np, **names}
    exec(compile(source, file, "exec"), namespace)
    return next(v for v in reversed(list(namespace.values())) if callable(v) and hasattr(v, "__code__"))


def ran(source: str | Callable, *args: object, times: int = 1, **limits: float) -> runner.Ran:
    function = cell(source) if isinstance(source, str) else source
    return runner.run([function], [Call(args)] * times, **limits)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_numba_in_every_new_worker(monkeypatch) -> None:
    """Other tests have loaded it here, so each of the many workers would begin with it."""
    monkeypatch.setattr(process.Worker, "load", lambda self, modules: None)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """The next check works, and no process is left but the worker."""
    yield
    after = ran("def f(x): return x + 1", 1)
    assert (after.outcomes[0].value, after.where) == (2, "worker")
    left = psutil.Process().children(recursive=True)
    assert [p.pid for p in left if p.is_running()] == [runner._worker.process.pid]


@pytest.fixture(scope="module", autouse=True)
def no_worker_afterwards() -> Iterator[None]:
    yield
    runner.stop()
    assert not psutil.Process().children(recursive=True)


# -- what came of a call ------------------------------------------------------------------------------------


def test_values_prints_changes_and_arguments_of_their_own():
    x = np.ones((2, 3))
    got = ran("def f(x, k):\n    print('twice')\n    x *= k\n    return x, {'k': k}", x, 2)
    outcome = got.outcomes[0]
    assert (outcome.end, outcome.changed, outcome.printed) == ("value", (0,), "twice\n")
    assert np.array_equal(outcome.value[0], 2 * x) and outcome.value[1] == {"k": 2}
    assert np.array_equal(x, np.ones((2, 3))) and got.notes == ()


def test_state_is_kept_within_a_check_and_not_from_one_to_the_next():
    count = cell("seen = []\ndef f():\n    seen.append(1)\n    return len(seen)")
    for _ in range(2):
        assert [o.value for o in ran(count, times=3).outcomes] == [1, 2, 3]
    assert count.__globals__["seen"] == []


def test_strides_arrive():
    gaps, turned = np.repeat(np.arange(12.0).reshape(3, 4), 2, -1)[:, ::2], np.ones((3, 2)).T
    look = cell("def f(a, b): return a, a.flags.forc, b.flags.f_contiguous and not b.flags.c_contiguous")
    value = ran(look, gaps, turned).outcomes[0].value
    assert np.array_equal(value[0], gaps) and value[1:] == (False, True)


def test_an_exception_is_told_at_the_students_lines():
    source = """
        def inner(y):
            total = [1, 2]
            return y @ np.ones((5, 2))

        def f(x):
            return inner(x.T)
        """
    problem = ran(source, np.ones((4, 3))).outcomes[0].problem
    assert problem.kind == "ValueError" and "matmul" in problem.message
    assert problem.lines == (
        Line(6, "return inner(x.T)", "f", {"x": "array (4, 3) float64"}),
        Line(3, "return y @ np.ones((5, 2))", "inner", {"y": "array (3, 4) float64", "total": "list of 2"}),
    )


def test_an_exception_in_library_code_ends_at_the_students_line():
    outcome = perform([cell("def f(x):\n    return np.linalg.inv(x)")], [Call((np.ones((2, 3)),))])[0]
    assert [line.text for line in outcome.problem.lines] == ["return np.linalg.inv(x)"]


def test_local_names_of_every_kind():
    source = """
        def f(x, t):
            n, s, big, g, Class = 3, "a" * 99, 10 ** 99, print, int
            row, pair = x[0], (1, 2)
            raise KeyError
        """
    import tinynn

    names = ran(source, np.ones(2, np.float32), tinynn.tensor(np.ones(3))).outcomes[0].problem.lines[0].names
    assert names["t"] == "Tensor (3,) float64" and names["row"] == "1.0 float32"
    assert names["n"] == "3" and names["pair"] == "tuple of 2" and len(names["s"]) < 50
    assert names["big"] == "int of 329 bits" and not {"g", "Class"} & set(names)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("return f(x)", "RecursionError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return np.ones((10**6, 10**6))", "MemoryError"),
        ("return input()", "EOFError"),
        ("raise type('Mine', (Exception,), {'__str__': lambda self: 1 / 0})", "Mine"),
    ],
)
def test_whatever_is_raised_is_told_with_its_line(line: str, kind: str):
    outcome = ran(f"def f(x):\n    {line}", 1).outcomes[0]
    assert (outcome.end, outcome.problem.kind) == ("raised", kind)
    assert [own.text for own in outcome.problem.lines] == [line]


def test_wrong_parameters_are_not_mistaken_for_a_type_error_within():
    few, within = "def f(dy): return dy", "def f(dy, x):\n    return max(1, 2, 3, key=4)"
    problem = ran(few, 1, 2).outcomes[0].problem
    assert problem == Problem("WrongParameters", "`f(dy)` is called with 2 values")
    assert ran(within, 1, 2).outcomes[0].problem.kind == "TypeError"
    named = runner.run([cell("def f(x, *, eps=1): return eps")], [Call((1,), {"epsilon": 2})])
    assert named.outcomes[0].problem.message == "`f(x, *, eps=1)` is called with 1 value and `epsilon=`"
    assert perform([np.maximum], [Call((1, 2))])[0].value == 2  # has no signature to ask
    assert perform([3], [Call((1,))])[0].problem.kind == "TypeError"  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("(i for i in range(9))", "generator"),
        ("open", "builtin_function_or_method"),
        ("np.ones(3, complex)", "ndarray"),
        ("np.ones(20_000_000)", "ndarray"),
        ("[0] * 10**6", "list"),
        ("'x' * 10**8", "str"),
        ("1 << 10**9", "int"),
    ],
)
def test_what_is_not_plain_or_too_large_is_odd(made: str, kind: str):
    outcome = ran(f"def f(): return {made}").outcomes[0]
    assert isinstance(outcome.value, Odd) and outcome.value.kind == kind


def test_a_list_without_end_is_told_at_once():
    loop: list = []
    loop += [loop] * 1000
    assert made_plain(loop) == Odd("list", f"more than {MOST_ITEMS:,} things in lists")
    inner: Any = []
    inner.append(inner)
    inner = made_plain(inner)
    for _ in range(DEPTH):
        inner = inner[0]
    assert isinstance(inner, Odd)


@pytest.mark.parametrize(
    ("made", "due"),
    [
        ("collections.defaultdict(float, a=1.0)", {"a": 1.0}),
        ("collections.OrderedDict(b=[2])", {"b": [2]}),
        ("collections.Counter('aab')", {"a": 2, "b": 1}),
        ("collections.namedtuple('Both', 'y slope')(1, 2)", (1, 2)),
        ("[fractions.Fraction(1, 4), decimal.Decimal('0.5')]", [0.25, 0.5]),
    ],
)
def test_dicts_tuples_and_numbers_of_other_kinds_are_what_they_are(made: str, due: Any):
    assert ran(f"import collections, decimal, fractions\ndef f(): return {made}").outcomes[0].value == due


def test_a_fraction_beyond_all_floats_is_told():
    outcome = ran("from fractions import Fraction\ndef f(): return Fraction(10**400)").outcomes[0]
    assert isinstance(outcome.value, Odd) and outcome.value.kind == "Fraction"


def test_a_little_is_kept_of_50_megabytes_of_prints():
    source = (
        "def f(n):\n    import sys\n    for i in range(n): print('é' * 50000, file=sys.stderr)\n    return n"
    )
    outcome = ran(source, 500).outcomes[0]
    assert outcome.value == 500 and len(outcome.printed.encode()) < 2 * prints.KEPT
    assert "50,000,500 bytes in all" in outcome.printed


def test_prints_of_c_code_and_to_closed_streams_do_not_reach_the_frames():
    source = """
        import os, sys
        def f():
            os.write(1, b"x" * 10000); os.write(2, b"y")
            sys.stdout.close()
            return 7
        """
    assert ran(source).outcomes[0].value == 7


# -- ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "    while True: pass",
        "    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "    while True: print(x)",
        "    import time; time.sleep(100)",
    ],
    ids=["plain", "catches everything", "prints", "sleeps"],
)
def test_an_endless_loop_is_stopped_and_its_line_told(body: str):
    start = time.monotonic()
    got = ran(f"def f(x):\n    y = [x]\n{body}", 1, times=3, seconds=0.3)
    assert time.monotonic() - start < 10  # a machine may be busy with other things
    assert [o.end for o in got.outcomes] == ["time", "skipped", "skipped"] and got.where == "worker"
    problem = got.outcomes[0].problem
    assert problem.kind == "Running" and problem.lines[0].names["y"] == "list of 1"


def test_the_end_of_its_pipe_ends_a_worker_that_runs():
    """What ends it with its parent on every system."""
    worker = process.Worker()
    worker.ready()
    worker._letters.put(travel.request([cell("def f():\n    while True: pass")], [Call(())], 60.0))
    worker._letters.put(None)
    try:
        assert _ends(worker.process.pid, 10)
    finally:
        worker.kill()


IN_C = "import collections, itertools\ndef f(): collections.deque(itertools.count(), maxlen=0)"


def test_a_loop_that_lets_no_other_thread_run_is_stopped_too():
    assert ran(IN_C, seconds=0.3).outcomes == [Outcome("time")]


def test_a_call_that_nobody_stops_ends_by_itself():
    """Where the system does not end it with its parent, and no thread of its own can see the pipe's end."""
    code = f"{IN_C}\nimport os; from tinynn.course.engine import call, worker\n"
    code += "worker._nowhere = open(os.devnull, 'w')\nworker._timed(f, call.Call(()), 0.3)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30).returncode == 1


def test_all_calls_together_have_a_limit():
    got = ran("import time\ndef f(x): time.sleep(0.3); return x", 1, times=5, seconds=1, total=0.8)
    assert [o.end for o in got.outcomes] == ["value", "value", "time", "skipped", "skipped"]


def test_an_endless_compiled_loop_is_stopped_and_compiling_does_not_count():
    from numba import njit

    loop = njit(cell("def f(x):\n    while x > 0:\n        x += 1.0\n    return x"))
    got = ran(loop, -1.0, times=2, seconds=0.3)  # compiling alone takes longer
    assert [o.value for o in got.outcomes] == [-1.0, -1.0]
    got = ran(cell("def f(x): return loop(x)", loop=loop), 1.0, times=2, seconds=0.3)
    assert [o.end for o in got.outcomes] == ["time", "skipped"]


def test_memory_that_grows_is_stopped():
    grow = "def f():\n    kept = []\n    while True:\n        kept.append(np.ones(100_000))"
    got = ran(grow, times=2, memory=150 << 20)
    assert [o.end for o in got.outcomes] == ["memory", "skipped"]
    assert psutil.Process().memory_info().rss < 4 << 30


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import builtins; del builtins.len; return x", "exit code 1"),
        ("os.closerange(0, 100); return x", "ended before the function returned."),
        ("import threading; threading.Timer(0.1, os._exit, (4,)).start(); time.sleep(9)", "exit code 4"),
    ],
)
def test_a_process_that_ends_is_told_and_replaced(line: str, how: str):
    if "kill" in line and os.name == "nt":
        pytest.skip("no signals")
    got = ran(f"import os, time\ndef f(x):\n    {line}", 1, times=2)
    assert [o.end for o in got.outcomes] == ["died", "skipped"] and how in got.notes[0]


def test_frames_of_the_functions_own_making_end_the_worker_and_nothing_else():
    source = """
        import os
        def f():
            for descriptor in range(3, 12):
                try: os.write(descriptor, b"\\xff" * 100)
                except OSError: pass
            while True: pass
        """
    assert ran(source, seconds=3).outcomes[0].end == "died"


def test_processes_are_counted_and_killed():
    bomb = """
        import subprocess, sys
        def f(n):
            for i in range(n):
                subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)"])
            while True: pass
        """
    got = ran(bomb, 3, seconds=0.5)
    assert got.outcomes[0].end == "time"
    got = ran(bomb, 40, seconds=20)
    assert got.outcomes[0].end == "died" and "more than 16 processes" in got.notes[0]


def test_processes_and_threads_that_outlive_a_call_are_ended():
    """Also one whose parent is gone, in a session of its own."""
    source = """
        import subprocess, sys, threading, time
        def f():
            sleep = [sys.executable, "-S", "-c", "import time; time.sleep(99)"]
            code = f"import subprocess; subprocess.Popen({sleep})"
            subprocess.run([sys.executable, "-S", "-c", code], start_new_session=True)
            threading.Thread(target=time.sleep, args=(99,)).start()
            return 5
        """
    before = {p.pid for p in psutil.process_iter()}
    assert ran(source).outcomes[0].value == 5
    sleepers = [p for p in psutil.process_iter(["cmdline"]) if p.pid not in before]
    assert not [p for p in sleepers if "time.sleep(99)" in " ".join(p.info["cmdline"] or ())]


def test_what_a_function_changes_in_numpy_is_gone_at_the_next_check():
    assert ran("def f():\n    np.exp = np.log\n    return 1").outcomes[0].value == 1
    assert ran("def f(): return float(np.exp(0.0))").outcomes[0].value == 1.0


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, as in a notebook's kernel; a process of xdist's ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_stop_button_ends_the_worker_and_names_the_line():
    runner.start()
    timer = threading.Timer(1.0, _thread.interrupt_main)
    timer.start()
    with pytest.raises(runner.Stopped) as stopped:
        ran("def f(x):\n    while x:\n        pass", 1, seconds=20)
    timer.join()
    assert "Interrupted before your function" in str(stopped.value) and "while x:" in str(stopped.value)
    assert stopped.value._render_traceback_() == [str(stopped.value)]


def test_a_worker_that_was_killed_meanwhile_is_replaced():
    runner.start()
    runner._worker.ready()
    psutil.Process(runner._worker.process.pid).kill()
    time.sleep(0.1)


# -- what cannot travel -------------------------------------------------------------------------------------


class Sticky:
    """Arrives, and cannot be unpacked there."""

    def __reduce__(self) -> tuple:
        return _only_here, ()


def _only_here() -> None:
    raise ValueError("no such thing")


@pytest.mark.parametrize(
    "thing", [threading.Lock(), (i for i in ()), Sticky()], ids=["lock", "generator", "class"]
)
def test_what_cannot_travel_runs_here_and_says_so(thing: object):
    f = cell("def f(x):\n    thing\n    return x + 1", thing=thing)
    got = ran(f, 1)
    assert (got.outcomes[0].value, got.where) == (2, "here")
    assert "no time limit" in got.notes[0] and len(got.notes[0]) < 600
    assert ran(cell("def f():\n    thing\n    raise SystemExit", thing=thing)).outcomes[0].end == "raised"


def test_stop_is_heard_here_too():
    f = cell("def f():\n    lock\n    raise KeyboardInterrupt", lock=threading.Lock())
    with pytest.raises(runner.Stopped, match="raise KeyboardInterrupt"):
        ran(f)


def test_a_python_that_does_not_start_runs_here(monkeypatch):
    runner.stop()
    broken = lambda: process.Worker([sys.executable, "-c", "raise OSError('no')"])
    with monkeypatch.context() as patch:
        patch.setattr(runner, "Worker", broken)
        got = ran("def f(): return 1")
    assert got.where == "here" and "OSError: no" in got.notes[0]


def test_a_students_own_file_is_read_anew(tmp_path, monkeypatch):
    import importlib

    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "helper_of_a_student.py"
    file.write_text("def f():\n    return 1\n", encoding="utf-8")
    import helper_of_a_student  # type: ignore[import-not-found]

    assert ran(helper_of_a_student.f).outcomes[0].value == 1
    file.write_text("def f():\n    return 12345\n", encoding="utf-8")
    importlib.invalidate_caches()
    assert ran(helper_of_a_student.f).outcomes[0].value == 12345
    file.write_text("def f():\n    return [][1]\n    # longer\n", encoding="utf-8")
    assert ran(helper_of_a_student.f).outcomes[0].problem.lines[0].text == "return [][1]"
    del sys.modules["helper_of_a_student"]


def test_the_folder_is_the_notebooks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ran("import os\ndef f(): return os.getcwd()").outcomes[0].value == str(tmp_path)


def test_the_library_runs_there_on_the_notebooks_backend():
    import tinynn

    f = cell("import tinynn\ndef f(x): return tinynn.tensor(x).relu(), tinynn.current_backend()")
    for name in ("numpy", "numba"):
        with tinynn.backend(name):
            value, backend = ran(f, np.array([-1.0, 2.0])).outcomes[0].value
            assert backend == name and value.kind == "Tensor" and value.value.tolist() == [0, 2]


def test_two_threads_take_turns():
    got = {}
    slow = cell("import time\ndef f(x): time.sleep(0.05); return x")

    def check(i: int) -> None:
        got[i] = [o.value for o in ran(slow, i, times=3).outcomes]

    threads = [threading.Thread(target=check, args=(i,)) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert got == {i: [i] * 3 for i in range(3)}


FLOOD = """
from tinynn.course.engine import wire, worker
from tinynn.course.engine.call import Outcome
pipes = worker.take_pipes()
pipes.say("ready")
pipes.requests.get()
while True:
    pipes.say({kind!r}, [Outcome("value", "x" * 1000)])
"""


@pytest.mark.parametrize("kind", ["outcome", "loaded", "compiling", "where"])
def test_messages_without_end_end_in_time(tmp_path, kind: str):
    (tmp_path / "flood.py").write_text(FLOOD.format(kind=kind), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    worker = process.Worker([sys.executable, str(tmp_path / "flood.py")], env, tmp_path)
    worker.ready()
    limits = Limits(seconds=0.4, total=0.4, compiling=0.4)
    answer = worker.ask(travel.request(["f"], [Call(())] * 3, 1.0), 3, limits)
    assert worker.dead and len(answer.outcomes) == 3 and answer.fate == ("" if kind == "outcome" else "time")


def test_a_worker_that_reads_nothing_ends_in_time(tmp_path):
    script = "import time; from tinynn.course.engine import worker, wire; import os\n"
    script += "out = os.fdopen(1, 'wb'); wire.put(out, wire.encode('ready')); time.sleep(60)"
    worker = process.Worker([sys.executable, "-c", script], {**os.environ, "PYTHONPATH": str(ROOT)}, tmp_path)
    worker.ready()
    large = travel.request(["f"], [Call((np.ones(10**6),))], 1.0)
    assert worker.ask(large, 1, Limits(compiling=0.3)).fate == "time"


def test_functions_asked_for_by_name(tmp_path):
    """How a grader's child serves the functions of a notebook that it ran."""
    child = tmp_path / "child.py"
    child.write_text(
        "from tinynn.course.engine import worker\n"
        "pipes = worker.take_pipes()\n"
        "print('a cell prints')\n"
        "namespace = {'double': lambda x: 2 * x}\n"
        "worker.serve(pipes, resolve=lambda request: [namespace[n] for n in request['names']])\n",
        encoding="utf-8",
    )
    child_env = {**os.environ, "PYTHONPATH": str(ROOT)}
    worker = process.Worker([sys.executable, str(child)], child_env, tmp_path)
    try:
        worker.ready(Limits(seconds=30, total=30))
        answer = worker.ask(travel.request(["double"], [Call((4,)), Call((5,))], 1.0), 2, Limits())
        assert [o.value for o in answer.outcomes] == [8, 10]
        missing = worker.ask(travel.request(["triple"], [Call((4,))], 1.0), 1, Limits())
        assert missing.fate == "cannot" and "triple" in missing.note
    finally:
        worker.kill()


# -- frames -------------------------------------------------------------------------------------------------

DTYPES = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
ARRAYS = DTYPES.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ARRAYS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
VALUES = PLAIN | st.builds(Odd, st.text(), st.text(), st.none() | ARRAYS)
LINES = st.builds(Line, st.integers(0), st.text(), st.text(), st.dictionaries(st.text(), st.text()))
PROBLEMS = st.builds(Problem, st.text(), st.text(), st.lists(LINES).map(tuple))
ENDS = st.sampled_from(wire.ENDS)
POSITIONS = st.lists(st.integers(0, 9)).map(tuple)
TIMES = st.floats(0, 1e6)
OUTCOMES = st.builds(Outcome, ENDS, VALUES, st.none() | PROBLEMS, POSITIONS, st.text(), TIMES)


def exact(value: object) -> object:
    """Something that is equal only where types, dtypes, shapes, signs of zero and NaN are."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [exact(v) for v in value]
    if isinstance(value, dict):
        return [(k, exact(v)) for k, v in value.items()]
    if isinstance(value, (Odd, Outcome)):
        return [exact(v) for v in vars(value).values()]
    return type(value).__name__, hex(value) if type(value) is int else repr(value)


@given(st.lists(OUTCOMES, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outcomes_go_through_unchanged(outcomes: list[Outcome]):
    message = wire.decode(wire.encode("outcome", outcomes, "a note"))
    assert message.kind == "outcome" and message.note == "a note"
    assert [exact(o) for o in message.outcomes] == [exact(o) for o in outcomes]


def test_the_hard_values_go_through():
    array, nan = np.array([np.nan, -0.0, np.inf]), float("nan")
    values = [
        array,
        np.array(3),
        np.empty((0, 3), "f4"),
        -0.0,
        nan,
        True,
        1,
        1.0,
        10**5000,
        "\ud800",
        ((), [], {}),
    ]
    for value in values:
        back = wire.decode(wire.encode("outcome", [Outcome("value", value)])).outcomes[0].value
        assert exact(back) == exact(value)
    assert wire.decode(wire.encode("outcome", [Outcome("value", array)])).outcomes[0].value.flags.writeable


WHOLE = wire.encode(
    "outcome", [Outcome("value", (np.arange(6.0).reshape(2, 3), {"a": [1, "x"]}, Odd("k", "t")))]
)
PIECES = [
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b'"array"',
    b'"<f8"',
    b'"outcomes"',
    b'"kind"',
    b'"ready"',
    b"1e999",
]
JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["array", "dict", "<f8", "int", "-", "value"]),
    lambda inner: st.lists(inner, max_size=7),
    max_leaves=30,
)


def read(payload: bytes) -> None:
    try:
        wire.decode(payload)
    except wire.Malformed:
        pass


@given(st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_raises_the_one_error_or_nothing(text: bytes):
    read(text)
    read(struct.pack("<I", len(text)) + text + b"\0" * 48)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_message_raises_the_one_error_or_nothing(place: int, byte: int, cut: bool):
    read(WHOLE[:place] + bytes([byte]) + (b"" if cut else WHOLE[place + 1 :]))


@given(JSONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_message_of_the_wrong_shape_raises_the_one_error_or_nothing(value: object):
    import json

    for outcomes in (value, [value], [["value", value, None, [], "", 0.0]]):
        text = json.dumps({"kind": "outcome", "note": "", "outcomes": outcomes}).encode()
        read(struct.pack("<I", len(text)) + text + b"\0" * 48)


@pytest.mark.parametrize(
    "value",
    [
        '["array", "|O", [1]]',
        '["array", "<f8", [-1]]',
        '["array", "<f8", [7]]',
        '["array", "<f8", [true]]',
        '["array", "<f8", [99999999999999999999, 0]]',
        '["array", ["<f8"], [1]]',
        '["int", "1_"]',
        '["dict", [[1, 2]]]',
        '["odd", 1, "", 0]',
        '{"a": 1}',
        "[]",
        "[" * 99999,
    ],
    ids=range(12),
)
def test_values_that_no_worker_means(value: str):
    text = f'{{"kind": "outcome", "note": "", "outcomes": [["value", {value}, null, [], "", 0.0]]}}'.encode()
    with pytest.raises(wire.Malformed, match="expected a whole frame of outcomes"):
        wire.decode(struct.pack("<I", len(text)) + text + b"\0" * 48)


@pytest.mark.parametrize(
    "outcome",
    [
        '["won", 1, null, [], "", 0.0]',
        '["value", 1, null, [true], "", 0.0]',
        '["value", 1, null, [], "", NaN]',
        '["value", 1, ["E", "m", [[1, "x", "f", {"a": 2}]]], [], "", 0.0]',
        '["value", 1]',
    ],
    ids=range(5),
)
def test_outcomes_that_no_worker_means(outcome: str):
    text = f'{{"kind": "outcome", "note": "", "outcomes": [{outcome}]}}'.encode()
    with pytest.raises(wire.Malformed):
        wire.decode(struct.pack("<I", len(text)) + text)


def test_frames_that_are_cut_or_too_long():
    out = io.BytesIO()
    wire.put(out, b"abc")
    frame = out.getvalue()
    assert wire.take(io.BytesIO(frame)) == b"abc" and wire.take(io.BytesIO()) is None
    for cut in range(1, len(frame)):
        with pytest.raises(wire.Malformed):
            wire.take(io.BytesIO(frame[:cut]))
    with pytest.raises(wire.Malformed):
        wire.take(io.BytesIO(frame), most=2)


# -- the process itself -------------------------------------------------------------------------------------

PARENT = """if True:
    import os, sys, threading, time, numba
    from tinynn.course.engine import runner
    from tinynn.course.engine.call import Call
    runner.start()
    runner._worker.ready()
    print(runner._worker.process.pid, flush=True)
    def f(x):
        while x > 0: x += 1.0
        return x
    if "compiled" in sys.argv:
        f = numba.njit(f)
    if "idle" not in sys.argv:
        check = lambda: runner.run([f], [Call((1.0,))], seconds=60)
        threading.Thread(target=check, daemon=True).start()
        time.sleep(float(sys.argv[2]))
    os._exit(0) if "idle" not in sys.argv else None
"""


@pytest.mark.parametrize(("state", "seconds"), [("idle", "0"), ("loop", "0.5")])
def test_the_worker_ends_with_its_parent(state: str, seconds: str):
    pid = _pid_of_a_worker_whose_parent_ends(state, seconds)
    assert _ends(pid, 5)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a timer ends it, after the call's limit")
def test_the_worker_ends_with_its_parent_in_compiled_code_too():
    assert _ends(_pid_of_a_worker_whose_parent_ends("compiled", "8"), 5)


def _pid_of_a_worker_whose_parent_ends(state: str, seconds: str) -> int:
    command = [sys.executable, "-c", PARENT, state, seconds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


def _ends(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            psutil.Process(pid).kill()
            return False
        time.sleep(0.02)
    return True


def test_what_it_costs():
    """Printed with -s: start, first check, a check of eight small calls, 10 and 100 MB of globals."""
    runner.stop()
    start = time.perf_counter()
    runner.start()
    at_once = time.perf_counter() - start
    runner._worker.ready()
    ready = time.perf_counter() - start
    heavy = sorted(m for m in ("matplotlib", "IPython", "numba", "scipy") if m in _modules_there())
    f = cell("def f(x, w): return x @ w")
    small = _best(lambda: ran(f, np.ones((4, 3)), np.ones((3, 2)), times=8), 20)
    large = {mb: _best(ran, 2, _with_global(mb)) for mb in (10, 100)}
    print(
        f"\nstart() {1e3 * at_once:.0f} ms, ready after {ready:.2f} s, 8 calls {1e3 * small:.1f} ms, "
        f"10 MB {1e3 * large[10]:.0f} ms, 100 MB {1e3 * large[100]:.0f} ms, heavy modules {heavy}"
    )
    assert at_once < 0.5 and small < 0.2 and large[100] < 5
    assert not {"matplotlib", "IPython"} & set(heavy)


def _modules_there() -> list[str]:
    return ran("import sys\ndef f(): return list(sys.modules)").outcomes[0].value


def _with_global(megabytes: int) -> Callable:
    return cell("def f(): return g[0]", g=np.ones(megabytes << 17))


def _best(action: Callable, times: int, *args: object) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action(*args)
        taken.append(time.perf_counter() - start)
    return min(taken)


WORKQUEUE = """if True:
    import numpy as np, numba
    from tinynn.course.engine import runner
    from tinynn.course.engine.call import Call
    @numba.njit(parallel=True)
    def f(x):
        total = 0.0
        for i in numba.prange(len(x)):
            total += x[i]
        return total
    f(np.ones(9))
    import tinynn
    def g(x): return tinynn.tensor(x).softmax(1).sum().item(), numba.threading_layer()
    runs = [runner.run([h], [Call((np.ones((4, 3)) if h is g else np.ones(9),))] * 2) for h in (f, g, f)]
    print([r.where for r in runs], [[o.value for o in r.outcomes] for r in runs])
    runner.stop()
"""


@pytest.mark.slow
def test_parallel_code_under_workqueue():
    env = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue"}
    command = [sys.executable, "-c", WORKQUEUE]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=True)
    assert (
        done.stdout.startswith("['worker', 'worker', 'worker'] [[9.0, 9.0], [(")
        and "workqueue" in done.stdout
    )


@pytest.mark.slow
def test_in_a_jupyter_kernel():
    """A check runs, the stop button ends an endless one with a few words, the next check runs."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    try:
        told = _executed(
            client,
            "from tinynn.course.engine import runner\n"
            "from tinynn.course.engine.call import Call\nrunner.start()\n"
            "def f(x):\n    while x < 0: pass\n    return [] [x]",
        )
        told = _executed(client, "print(runner.run([f], [Call((1,))]))")
        assert "return [] [x]" in told and "IndexError" in told
        threading.Timer(1.5, manager.interrupt_kernel).start()
        told = _executed(client, "runner.run([f], [Call((-1,))], seconds=30)")
        assert "Interrupted before your function" in told and "while x < 0" in told and "queue.py" not in told
        assert "'worker'" in _executed(client, "print(runner.run([f], [Call((1,))]))")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _executed(client: object, code: str) -> str:
    said: list[str] = []

    def note(message: dict) -> None:
        content = message["content"]
        said.append(content.get("text", "") + "".join(content.get("traceback", [])))

    client.execute_interactive(code, timeout=60, output_hook=note)  # type: ignore[attr-defined]
    return "".join(said)
