"""The race: right answers before any clock, rounds in turns, limits kept, numbers and words that agree."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn
from tinynn import ops, threads
from tinynn.course.race import TRACKS, gpu, race, tracks, words
from tinynn.course.race.clock import ROUNDS, Contender, Timing, lap, output, too_slow
from tinynn.course.race.roof import Roof, Roofline, kernel_threads
from tinynn.errors import ArgumentError, FileError

pytest.importorskip("matplotlib")

ROOFLINE = Roofline((Roof(1, 1e11, 1e10), Roof(2, 2e11, 1.5e10)), 64 << 20, None)


@pytest.fixture(autouse=True)
def no_measured_roof(monkeypatch):
    """Measuring the machine takes seconds; one test does it."""
    monkeypatch.setattr("tinynn.course.race.measure", lambda: ROOFLINE)


def quick(op="softmax", sizes=(2, 5), mine=None, **how):
    return race(op, sizes, mine, seconds=0.01, bar=False, **how)


# -- what is raced ---------------------------------------------------------------------------------


@pytest.mark.parametrize("track", TRACKS.values(), ids=TRACKS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_pure_python_agrees_with_numpy(track, n):
    arrays = track.arrays(n)
    right, _ = track.op.pairs["numpy"].forward(*arrays)
    np.testing.assert_allclose(track.plain(*[a.tolist() for a in arrays]), right, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", TRACKS)
def test_each_op_is_raced_at_its_sizes_by_everybody_who_can(name):
    found = quick(name, [3, 8])
    names = [c.name for c in found.contenders]
    assert names == ["Pure Python", "NumPy"] + ["Numba"] * ("numba" in ops.catalogue[name].kernels)
    for contender in found.contenders:
        assert not contender.ended
        assert [t.n for t in contender.timings] == [3, 8]
        assert all(0 < t.low <= t.median <= t.high for t in contender.timings)
        assert contender.first > 0


def test_sizes_are_ascending_and_shapes_say_what_n_is():
    for track in TRACKS.values():
        assert all(a < b for a, b in pairwise(track.sizes))
        said = track.shapes
        for array in track.arrays(5):
            shape = str(array.shape).replace("5", "n")
            assert shape in said
            said = said.replace(shape, "", 1)


def test_flops_and_bytes_are_those_of_the_call():
    found = quick("matmul", [4, 8])
    assert [(w.n, w.flops, w.bytes) for w in found.work] == [(4, 128, 3 * 64), (8, 1024, 3 * 256)]
    assert found.work[1].intensity == 1024 / 768
    labelled = quick("cross_entropy", [2])
    assert labelled.work[0].bytes == 2 * 64 * 4 + 2 * 8 + 4  # the labels are int64, the loss one number


def test_an_op_of_ones_own_with_inputs_of_its_own():
    def forward(x):
        return x * x, x

    square = ops.Op("square", ops.same_shape("square"), forward)
    found = quick(square, [3], lambda x: x**2, inputs=lambda n, rng: [rng.random(n, np.float32)])
    assert [c.name for c in found.contenders if c.timings] == ["NumPy", "Yours"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"op": "softmin"}, "softmin"),
        ({"op": ops.exp}, "inputs="),
        ({"sizes": []}, "sizes=[]"),
        ({"sizes": [1.5]}, "whole numbers"),
        ({"sizes": [0]}, "from 1 on"),
        ({"mine": 3}, "without ()"),
        ({"mine": {"NumPy": np.exp}}, "name of its own"),
    ],
)
def test_what_cannot_be_raced_is_refused(arguments, said):
    with pytest.raises(ArgumentError) as refused:
        quick(**arguments)
    assert said in str(refused.value)


# -- right before fast -----------------------------------------------------------------------------


def numpy_softmax(x):
    return ops.softmax.forward(x)[0]


def no_sum(x):
    return np.exp(x - x.max(-1, keepdims=True))


def in_place(x):
    x -= x.max(-1, keepdims=True)
    return numpy_softmax(x)


def breaks(x):
    raise KeyError("row")


def wrong_from_5_on(x):
    return numpy_softmax(x) if len(x) < 5 else x


@pytest.mark.parametrize(
    "mine, said",
    [
        (no_sum, "returns 1 instead of"),
        (lambda x: x.sum(-1), "returns shape (2,) instead of (2, 64)"),
        (lambda x: None, "no array"),
        (lambda x: [[1.0], [1.0, 2.0]], "no array"),
        (lambda x: x * np.nan, "returns nan instead of"),
        (in_place, "changes its input"),
        (breaks, "raises KeyError at n = 2: 'row'"),
    ],
)
def test_a_wrong_contender_is_named_and_not_timed(mine, said):
    found = quick(mine=mine)
    yours = found.contenders[-1]
    assert yours.wrong and not yours.timings and yours.first is None
    assert f"Yours {yours.ended}: not timed." in found.table() and said in yours.ended
    assert all(len(c.timings) == 2 for c in found.contenders[:-1])


def test_an_input_that_somebody_changed_is_put_right_for_the_others():
    def erases(x):
        right = numpy_softmax(x)
        x[...] = 0
        return right

    *_, bad, good = quick(mine={"bad": erases, "good": numpy_softmax}).contenders
    assert bad.wrong and not good.ended


def test_who_is_wrong_later_keeps_the_times_until_then():
    found = quick(mine=wrong_from_5_on)
    yours = found.contenders[-1]
    assert [t.n for t in yours.timings] == [2] and yours.wrong
    assert "not timed from there on" in found.table()


def test_several_of_ones_own_may_return_a_cache_a_list_or_a_tensor():
    mine = {
        "pair": lambda x: (numpy_softmax(x), x),
        "list": lambda x: numpy_softmax(x).tolist(),
        "tensor": lambda x: tinynn.functional.softmax(tinynn.tensor(x), dim=-1),
    }
    assert not [c.ended for c in quick(mine=mine).contenders if c.ended]


# -- the clock -------------------------------------------------------------------------------------


class FakeClock:
    """Time passes only where a contender lets it."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def contender(self, name, *seconds):
        """Its calls take `seconds`, the last of them again and again."""
        taken = iter(seconds)

        def function(x):
            self.now += next(taken, seconds[-1])
            self.calls.append(name)
            return x

        return Contender(name, lambda: function)


X = np.ones(3, np.float32)


def test_the_first_call_is_apart_and_the_middle_of_the_rounds_is_told():
    clock = FakeClock()
    slow_start = clock.contender("a", 0.8, 0.01)
    lap([slow_start], 3, [X], X, share=0.07, limit=1, clock=clock)
    timing = slow_start.timings[0]
    assert slow_start.first == pytest.approx(0.8)
    assert (timing.median, timing.low, timing.high) == pytest.approx((0.01, 0.01, 0.01))
    assert words.first_call(slow_start) == "a: first call 800 ms, then 10 ms."


def test_contenders_take_turns_and_each_fills_its_share():
    clock = FakeClock()
    one, two = clock.contender("one", 0.01), clock.contender("two", 0.001)
    lap([one, two], 3, [X], X, share=0.07, limit=1, clock=clock)
    turns = [name for name, after in pairwise([*clock.calls[4:], ""]) if name != after]
    assert turns.count("one") >= ROUNDS // 2 and turns.count("two") >= ROUNDS // 2
    assert clock.calls.count("one") == 2 + ROUNDS and clock.calls.count("two") == 2 + 10 * ROUNDS


def test_nobody_is_always_first():
    clock = FakeClock()
    lap([clock.contender("one", 0.01), clock.contender("two", 0.01)], 3, [X], X, 0.07, 1, clock)
    rounds = clock.calls[4:]
    assert set(rounds[::2]) == set(rounds[1::2]) == {"one", "two"}


def test_who_has_had_its_share_is_asked_three_times_and_no_more():
    clock = FakeClock()
    slow, fast = clock.contender("slow", 0.2), clock.contender("fast", 0.001)
    lap([slow, fast], 3, [X], X, share=0.07, limit=1, clock=clock)
    assert (slow.timings[0].rounds, fast.timings[0].rounds) == (3, ROUNDS)


def test_an_outlier_does_not_move_the_middle():
    clock = FakeClock()
    disturbed = clock.contender("a", 0.01, 0.01, 5.0, 0.01)
    lap([disturbed], 3, [X], X, share=0.07, limit=1, clock=clock)
    assert disturbed.timings[0].median == pytest.approx(0.01)


def test_a_call_above_the_limit_is_counted_once_and_ends_the_line():
    clock = FakeClock()
    slow, fast = clock.contender("slow", 3.0), clock.contender("fast", 0.01)
    lap([slow, fast], 3, [X], X, share=0.07, limit=1, clock=clock)
    assert slow.timings == [Timing(3, 3.0, 3.0, 3.0, 1)]
    assert "longer than 1 s" in slow.ended and not slow.wrong and not fast.ended
    lap([slow, fast], 4, [X], X, share=0.07, limit=1, clock=clock)
    assert len(slow.timings) == 1 and len(fast.timings) == 2


def test_who_would_take_too_long_is_not_asked():
    contender = Contender("a", lambda: None, timings=[Timing(10, 0.1, 0.1, 0.1, 7)])
    assert too_slow(contender, 8, limit=0.5) and not too_slow(contender, 4, limit=0.5)
    found = quick("matmul", [4, 400], limit=0.02)
    python = found.contenders[0]
    assert [t.n for t in python.timings] == [4] and "would take longer" in python.ended
    assert "Pure Python ends at n = 4" in found.picture().alt


def test_threads_are_put_back():
    before, blas = threads.get_num_threads(), [b["threads"] for b in threads.blas_info()]
    quick("linear", [4])
    with kernel_threads(1):
        assert threads.get_num_threads() == 1
    assert threads.get_num_threads() == before
    assert [b["threads"] for b in threads.blas_info()][: len(blas)] == blas


# -- the roof --------------------------------------------------------------------------------------


def test_the_roof_is_the_lower_one_of_memory_and_arithmetic():
    roof = Roof(1, flops=100.0, bytes=10.0)
    assert [roof.at(i) for i in (1, 10, 1000)] == [10, 100, 100]


def test_this_machine_is_measured(monkeypatch):
    from tinynn.course.race import roof

    monkeypatch.setattr(roof, "SECONDS", 0.02)
    monkeypatch.setattr(roof, "MEGA", 1 << 14)  # arrays of a megabyte or so
    found = roof._measured.__wrapped__(threads.get_num_threads())
    assert [r.threads for r in found.roofs] == sorted({1, threads.get_num_threads()})
    assert all(1e8 < r.flops < 1e14 and 1e8 < r.bytes < 1e13 for r in found.roofs)


def test_a_cache_larger_than_the_arrays_is_said():
    assert "480 MB of cache" in Roofline((), 256 << 20, 480 << 20).note
    assert not Roofline((), 256 << 20, 32 << 20).note


# -- results measured elsewhere --------------------------------------------------------------------

POINT = {"n": 5, "median": 2e-6, "low": 1e-6, "high": 3e-6, "rounds": 7}
FILE = {
    "format": gpu.FORMAT, "device": "Some device", "date": "2020-02-02", "command": "a command",
    "roof": {"flops": 1e13, "bytes": 1e12},
    "results": [
        {"op": "softmax", "inputs": "x (n, 64)", "points": [{**POINT, "n": 1000}, POINT]},
        {"op": "softmax", "inputs": "x (n, 128)", "points": [POINT]},
        {"op": "gelu", "inputs": "x (n,)", "points": [POINT]},
    ],
}  # fmt: skip


def test_results_of_a_gpu_are_drawn_with_device_and_date(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(FILE), encoding="utf-8")
    found = quick(gpu=tmp_path)
    assert [(m.name, [t.n for t in m.timings]) for m in found.gpu] == [
        ("Some device, measured 2020-02-02", [5, 1000])
    ]
    for text in (found.table(), labels(found.picture()), labels(found.picture("roofline"))):
        assert "Some device, measured 2020-02-02" in text
    assert not quick("relu", gpu=tmp_path).gpu


def labels(picture):
    return " ".join(text.get_text() for text in picture.axes[0].get_legend().get_texts()).replace("\n", " ")


def test_without_results_nothing_is_drawn(tmp_path):
    found = quick(gpu=tmp_path / "nowhere")
    assert found.gpu == [] and "measured 20" not in labels(found.picture())


@pytest.mark.parametrize("broken", ["{", "[]", '{"format": "other"}', json.dumps({**FILE, "results": [{}]})])
def test_a_damaged_file_is_named(tmp_path, broken):
    (tmp_path / "two.json").write_text(broken, encoding="utf-8")
    with pytest.raises(FileError, match=r"two\.json"):
        quick(gpu=tmp_path)


def test_the_files_of_the_course_can_be_read():
    for path in gpu.FOLDER.glob("*.json"):
        known = {(t.op.name, t.shapes) for t in TRACKS.values()}
        content = json.loads(path.read_text(encoding="utf-8"))
        assert {(r["op"], r["inputs"]) for r in content["results"]} <= known
    for track in TRACKS.values():
        gpu.measured(track.op.name, track.shapes)


# -- numbers and words -----------------------------------------------------------------------------


def told(**seconds):
    """A race whose times are given, by contender and size."""
    found = quick("relu", [10, 100, 1000])
    found.contenders = [
        Contender(name, lambda: None, timings=[Timing(n, s, s, s, 7) for n, s in zip(found.sizes, times)])
        for name, times in seconds.items()
    ]
    return found


def test_who_is_fastest_where_and_by_what_factor():
    found = told(NumPy=[1e-6, 2e-6, 3e-5], Numba=[5e-6, 5e-6, 1e-5])
    assert words.standing(found) == (
        "NumPy fastest from n = 10 to 100 (at 100 Numba takes 2.5 times as long); "
        "Numba fastest at n = 1,000 (at 1,000 NumPy takes 3.0 times as long)."
    )
    assert words.standing(found) in found.picture().alt
    assert "Numba: 5.0 times as slow at n = 10, 3.0 times as fast at n = 1,000." in (
        found.picture("times as fast").alt
    )


def test_two_whose_middle_halves_overlap_are_not_told_apart():
    found = told(NumPy=[1e-6] * 3, Numba=[1e-6] * 3)
    assert words.standing(found).startswith("NumPy and Numba too close to tell from n = 10 to 1,000")


def test_a_busy_machine_is_said():
    found = told(NumPy=[1e-6] * 3)
    assert "idle" not in found.table()
    found.contenders[0].timings[1] = Timing(100, 2e-6, 1e-6, 4e-6, 7)
    assert "busy, as the spread shows (NumPy at 100). Race again when it is idle." in found.table()


def test_the_place_under_the_roof():
    found = told(NumPy=[1e-6, 1e-6, 1e-6])  # relu: 1000 operations, 8000 bytes, a microsecond
    words_of_it = found.picture("roofline").alt
    assert "NumPy at n = 1,000: 1.0 GFLOP/s, 53% of the roof, which is that of memory there." in words_of_it


@pytest.mark.parametrize(
    "value, said",
    [(3.14e-6, "3.1 µs"), (2e-10, "0.2 ns"), (0.0123, "12 ms"), (0.9999, "1.0 s"), (75, "75 s")],
)
def test_times_in_the_unit_that_fits(value, said):
    assert words.seconds(value) == said


def test_rows_and_seconds_for_a_script():
    found = quick()
    rows = found.rows()
    assert {(r["contender"], r["n"]) for r in rows} >= {("NumPy", 2), ("NumPy", 5)}
    assert found.seconds("NumPy", 5) == next(
        r["median"] for r in rows if r["contender"] == "NumPy" and r["n"] == 5
    )
    with pytest.raises(ArgumentError, match="'NumPy' at 2, 5"):
        found.seconds("NumPy", 3)
    assert repr(found) == str(found.table())


@pytest.mark.parametrize("view", ["time", "times as fast", "roofline"])
def test_every_view_is_drawn_also_when_everybody_is_out(view):
    for found in (quick(), told()):
        assert found.picture(view).png().startswith(b"\x89PNG")
        assert found.picture(view).alt


def test_an_unknown_view_is_refused():
    with pytest.raises(ArgumentError, match="roofline"):
        quick().picture("speed")


def test_the_bar_is_no_part_of_what_a_script_prints(capsys):
    race("relu", [4], seconds=0.01)
    said = capsys.readouterr()
    assert said.out == "" and "racing relu" in said.err


def test_in_a_notebook_the_bar_is_not_red(monkeypatch, capsys):
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel="one"))
    race("relu", [4], seconds=0.01)
    said = capsys.readouterr()
    assert "racing relu: 100%" in said.out and "racing" not in said.err


def test_in_a_notebook_a_slider_turns_the_views(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("tinynn.course.live.slider", lambda *arguments: shown.append(arguments))
    found = quick()
    found._ipython_display_()
    ((label, views, picture),) = shown
    assert label == "view" and [picture(v).alt for v in views]
    assert words.standing(found) in capsys.readouterr().out


def test_the_inputs_are_the_same_every_time():
    for a, b in zip(tracks.TRACKS["linear"].arrays(6), tracks.TRACKS["linear"].arrays(6)):
        np.testing.assert_array_equal(a, b)


def test_output_takes_the_first_of_a_pair():
    assert output(([1.0, 2.0], "cache")).shape == (2,)


def test_the_module_imports_no_widgets_and_draws_without_pyplot():
    code = "import tinynn.course.race, sys; sys.exit(bool({'ipywidgets', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
