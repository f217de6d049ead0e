"""What chapter 17 claims: of counts, of merging, of memory, of a kernel, of occupancy and streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tinynn
from tests.diagnoses import verdict
from tinynn import backend, ops, tensor
from tinynn import functional as F
from tinynn.course import mine, real, real_pictures, threads
from tinynn.course.check import use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch11.network import Layer, repeating
from tinynn.course.exercises.ch17.blocks import at_once
from tinynn.course.exercises.ch17.bug import bug, given
from tinynn.course.exercises.ch17.limit import limit
from tinynn.course.exercises.ch17.merge import merge
from tinynn.course.exercises.ch17.tiled import nothing_rescaled, tiled_attention
from tinynn.errors import ArgumentError, FileError
from tinynn.gpu.resources import LIMITS, Resources, estimate, room
from tinynn.ops.attention_tiled import attention_tiled
from tinynn.wrappers import Meter, wrapped


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


def plain(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    return ops.scaled_dot_product_attention.pairs["numpy"].forward(q, k, v)[0]


def inputs(n: int, width: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).standard_normal((3, n, width), dtype=np.float32))


# -- counts and roofs ------------------------------------------------------------------------------------


def test_scaling_and_softmax_lie_under_the_slope_and_the_products_and_the_tiled_one_do_not() -> None:
    q, k, v = inputs(1024, 64)
    with wrapped(meter := Meter()):
        scores = F.mul(F.matmul(tensor(q), tensor(np.ascontiguousarray(k.T))), 1 / 8)
        F.matmul(F.softmax(scores, -1), tensor(v))
    steps = {s.name: s for s in real.steps_of(meter)}
    tiled = real.tiled_step(1024, 64, 64)
    for card in real.CARDS:
        assert max(steps["mul"].intensity, steps["softmax"].intensity) < card.ridge
        assert min(steps["matmul"].intensity, tiled.intensity) > card.ridge
        assert tiled.seconds(card) < sum(s.seconds(card) for s in steps.values())
    with wrapped(meter := Meter()):
        F.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v))
    (op,) = real.steps_of(meter)
    assert op.flops == tiled.flops


def test_the_fewer_queries_a_tile_has_the_more_often_keys_travel() -> None:
    assert real.tiled_step(1024, 64, 1024).bytes == 4 * 4 * 1024 * 64
    assert real.tiled_step(1024, 64, 1).bytes > 100 * real.tiled_step(1024, 64, 1024).bytes


# -- states ----------------------------------------------------------------------------------------------


def test_states_merge_in_any_order_and_with_empty_ones() -> None:
    rng = np.random.default_rng(0)
    numbers = 20 * rng.normal(size=40)
    for _ in range(5):
        states = [(np.array([s]), np.array([1.0])) for s in numbers]
        states += [(np.array([-np.inf]), np.array([0.0]))] * 5
        while len(states) > 1:
            a, b = (states.pop(rng.integers(len(states))) for _ in range(2))
            states.append(merge(*a, *b))
        assert states[0][0][0] == numbers.max()
        assert states[0][1][0] == pytest.approx(np.exp(numbers - numbers.max()).sum())


def test_values_of_one_find_one_mistake_and_not_the_other() -> None:
    assert given(1.0, 2) > given(1.0, 4) > 1.5
    assert given(1.0, 8) == pytest.approx(1) and given(0.0, 2) == pytest.approx(1) == given(-1.0, 2)
    q, k = np.ones((1, 1)), np.arange(8.0)[:, None]
    assert nothing_rescaled(q, k, np.ones((8, 1)), 2, False)[0][0, 0] == pytest.approx(1)
    assert bug.judge("b", []).kind == "right" and bug.judge("c", []).kind == "look"


# -- memory ----------------------------------------------------------------------------------------------


def test_the_peak_of_plain_attention_grows_with_the_square_and_the_tiled_one_does_not() -> None:
    peaks = {f: [real.peak(f, *inputs(n, 32)) for n in (512, 1024)] for f in (plain, attention_tiled)}
    assert 3.5 < peaks[plain][1] / peaks[plain][0] < 4.5
    assert 1.4 < peaks[attention_tiled][1] / peaks[attention_tiled][0] < 2.2
    assert peaks[plain][1] > 3 * 1024**2 * 4 > peaks[attention_tiled][1]


def test_a_peak_is_that_of_one_call_alone() -> None:
    held = np.ones(10**6)
    assert real.peak(lambda: None) < 10**5 < 8 * 10**5 < real.peak(lambda: held[:100000] + 1) < 9 * 10**5


# -- the kernel ------------------------------------------------------------------------------------------


def test_without_its_second_barrier_the_kernel_races() -> None:
    y = np.zeros((13, real.E), np.float32)
    with pytest.raises(tinynn.errors.KernelError, match="a race in shared memory"):
        real.one_barrier[2, real.TILE](*inputs(13, real.E), y, 0.5)
    few = inputs(real.TILE, real.E)  # one tile: nothing comes after it
    y = np.zeros((real.TILE, real.E), np.float32)
    real.one_barrier[1, real.TILE](*few, y, 0.5)
    assert y == pytest.approx(plain(*few), abs=1e-5)


# -- occupancy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", LIMITS)
def test_the_smallest_of_four_limits_is_the_estimate(architecture: str) -> None:
    for registers in (16, 40, 128, 255):
        for shared in (0, 1000, 45056):
            for count in (1, 33, 256, 1024):
                found = Resources(registers, shared, 0, 0, 0, "")
                allowed = room(registers, shared, count, architecture)
                assert estimate(found, count, 0, architecture).blocks == min(allowed.values())


def test_no_slider_alone_reaches_half_and_two_do() -> None:
    def share(registers: int, shared: int, count: int) -> float:
        return estimate(Resources(registers, shared, 0, 0, 0, ""), count, 0, "sm_90").share

    alone = [share(r, 45056, 128) for r in (16, 32, 40, 64, 96, 128, 168, 255)]
    alone += [share(128, s, 128) for s in (0, 1024, 11264, 22528, 45056, 90112)]
    alone += [share(128, 45056, n) for n in (32, 64, 128, 256, 512, 1024)]
    assert max(alone) < 0.5 and share(64, 22528, 128) == 0.5 == share(64, 45056, 256)
    assert limit.outcome == 25 and limit.judge((50, "b"), []).kind == "right"


def test_the_kernel_of_the_exercise_is_the_one_in_the_report() -> None:
    found = real.taken("attend[BK=64", "scaled_dot_product_attention")[0]
    assert found.registers.split(" / ")[2] == "128" and found.shared == "45056" and found.block == "16 x 8"
    assert found.occupancy.startswith("12 / 19 / 25")


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"resources\.md"):
        real.taken("attend", "relu", tmp_path / "resources.md")


def test_every_share_of_a_gpu_is_asked_for_its_own_number() -> None:
    try:
        for seed in range(4):
            at_once.for_seed(seed)
            assert verdict(at_once, at_once.worked_answer).kind == "right"
            assert str(at_once.k["multiprocessors"]) in at_once.words["task"]
    finally:
        at_once.for_seed(0)


# -- streams ---------------------------------------------------------------------------------------------


def test_a_schedule_keeps_engines_and_streams_in_order() -> None:
    tasks = real.schedule(7, 2, (3, 5, 2), 0.25)
    for key in ("engine", "stream"):
        for value in {getattr(t, key) for t in tasks}:
            own = sorted((t for t in tasks if getattr(t, key) == value), key=lambda t: t.start)
            assert all(a.end <= b.start for a, b in zip(own, own[1:]))
    assert sum(t.end - t.start for t in tasks) == pytest.approx(10 + 21 * 0.25)


def test_more_pieces_help_until_their_starts_cost_more() -> None:
    ends = {n: real.whole(real.schedule(n, 3)) for n in (1, 4, 8, 32)}
    assert ends[1] == pytest.approx(12.3) and ends[4] == pytest.approx(6 * 1.1)
    assert ends[8] < ends[4] < ends[32] < ends[1]
    one = [real.whole(real.schedule(n, 1)) for n in (1, 2, 4)]
    assert one == sorted(one) and real.whole(real.schedule(4, 2)) > ends[4]
    with pytest.raises(ArgumentError):
        real.schedule(0, 1)


# -- pictures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (lambda: real_pictures.tiles(8, 2), "10 tiles one after the other"),
        (lambda: real_pictures.merged([1, 3, 2, 0], [4, 5, 2, 4]), "together 2.00"),
        (lambda: real_pictures.roofs(real.CARDS, [real.tiled_step(64, 8, 8)]), "H100 SXM bends at 20"),
        (lambda: real_pictures.memory([1, 2], {"a": [1e6, 4e6], "b": [1e6, 2e6]}), "a 1, 4 MB"),
        (lambda: real_pictures.occupancy(128, 45056, 128), "The smallest holds: registers"),
        (lambda: real_pictures.timeline(real.schedule(4, 3)), "done after 6.6"),
    ],
)
def test_pictures_say_in_words_what_they_show(picture, words: str) -> None:
    drawn = picture()
    assert words in drawn.alt and len(drawn.png()) > 5000


# -- in training -----------------------------------------------------------------------------------------


def trained(steps: int) -> tuple[float, np.ndarray]:
    tinynn.manual_seed(0)
    model, text = Layer(), repeating(0, 4)
    optimiser = tinynn.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        loss = F.cross_entropy(model(text[:, :-1]).reshape(-1, 6), text[:, 1:].reshape(-1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item(), model.qkv.weight.data


def test_tiled_attention_trains_to_the_librarys_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    library, weights = trained(10)
    monkeypatch.setitem(mine._passed, "17.2", find("17.2").worked_answer)
    with use_mine("17.2") as own:
        loss, own_weights = trained(10)
    assert loss == pytest.approx(library, abs=1e-4) and own_weights == pytest.approx(weights, abs=1e-4)
    assert own.calls == 10 * 4


def test_float64_is_right_without_a_word_where_the_library_gets_it_cast() -> None:
    told = str(verdict(find("17.2"), find("17.2").worked_answer))
    assert "Right" in told and "float64" not in told


def test_what_tiled_attention_does_not_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mine._passed, "17.2", find("17.2").worked_answer)
    q, k, v = (tensor(a) for a in inputs(5, 4))
    with use_mine("17.2"), pytest.raises(ArgumentError, match="is_causal=True"):
        F.scaled_dot_product_attention(q, k, v, np.ones((5, 5), bool))


def test_the_worked_answer_never_holds_all_scores() -> None:
    q, k, v = inputs(1024, 8)
    assert real.peak(tiled_attention, q, k, v, 16, False) < 1024**2 * 4 / 4
    y, lse = tiled_attention(q, k, v, 16, False)
    scores = q @ k.T / math.sqrt(8)
    assert y == pytest.approx(plain(q, k, v), abs=1e-5)
    assert lse == pytest.approx(np.log(np.exp(scores).sum(axis=1)), abs=1e-4)


def test_no_times_of_a_gpu_are_kept_so_far_or_they_stand_with_their_date() -> None:
    said = threads.kept_results()
    assert "none are shown" in said or "measured 20" in said
