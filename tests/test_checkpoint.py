"""Checkpoints: whole after any kill, bit for bit after a resume, and never half loaded."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import tinynn as tn
from tinynn import checkpoint, nn, optim
from tinynn import functional as F
from tinynn.atomic import write
from tinynn.data import Batches, Compose, Shift, digits
from tinynn.errors import DtypeError, FileError, KeysError, TinynnError
from tinynn.random import generator, get_state, set_state
from tinynn.safefile import pack, unpack
from tinynn.train import EarlyStopping, History, train


@pytest.fixture(autouse=True)
def keep_shared_state():
    before = get_state()
    yield
    set_state(before)


class OwnDropout(nn.Module):
    """A layer that keeps a generator for itself."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(5)

    def forward(self, x):
        return F.dropout(x, 0.2, self.training, self.rng)


def make(optimizer=optim.AdamW, width=16, seed=0, transform=None, own_seed=None):
    """Everything a run consists of, on 200 digits."""
    tn.manual_seed(seed)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.3), OwnDropout(), nn.Linear(width, 10)
    )
    opt = optimizer(model.parameters(), lr=0.01)
    x, y = digits()
    return {
        "model": model,
        "optimizer": opt,
        "schedule": optim.WarmupCosine(opt, warmup_steps=5, total_steps=40),
        "batches": Batches(x[:200], y[:200], batch_size=32, seed=own_seed, transform=transform),
        "history": History(),
        "stopping": EarlyStopping(10),
    }


def steps(parts, epochs=4):
    x, y = digits()
    return train(
        parts["model"], parts["batches"], F.cross_entropy, parts["optimizer"], epochs=epochs,
        validation=(x[200:300], y[200:300]), schedule=parts["schedule"], clip_norm=1.0, l2=1e-4,
        early_stopping=parts["stopping"], progress=False, history=parts["history"],
    )  # fmt: skip


def everything(parts):
    """All that a run is made of, as bytes."""
    arrays: dict = {}
    rest = {name: pack(part.state_dict(), name, arrays) for name, part in parts.items()}
    blob = {k: (a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items()}
    return json.dumps(rest), blob, get_state(), get_state(parts["model"][4].rng)


def run_to(parts, last):
    for step in steps(parts):
        if step.step == last:
            return
    assert last is None


# -- resuming --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [1, 3, 6, 7, 8, 13, 14, 27])  # an epoch has 7 batches
@pytest.mark.parametrize(
    "optimizer", [optim.AdamW, lambda p, lr: optim.SGD(p, lr, momentum=0.9, nesterov=True)]
)
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path, last, optimizer):
    whole = make(optimizer)
    run_to(whole, None)
    broken = make(optimizer)
    run_to(broken, last)
    checkpoint.save(tmp_path / "run.safetensors", **broken)
    resumed = make(optimizer, seed=99)  # another start, which loading must overwrite
    generator().random(7)
    checkpoint.load(tmp_path / "run.safetensors", **resumed)
    run_to(resumed, None)
    assert everything(resumed) == everything(whole)


def test_it_also_holds_for_transforms_and_a_seed_of_its_own(tmp_path):
    options = {"transform": Compose(Shift(1)), "own_seed": 3}
    whole = make(**options)
    run_to(whole, None)
    broken = make(**options)
    run_to(broken, 10)
    checkpoint.save(tmp_path / "run.safetensors", **broken)
    resumed = make(**options | {"own_seed": 4})
    checkpoint.load(tmp_path / "run.safetensors", **resumed)
    run_to(resumed, None)
    assert everything(resumed) == everything(whole)


def test_it_holds_across_processes(tmp_path):
    file = tmp_path / "run.safetensors"
    whole = make()
    run_to(whole, None)
    broken = make()
    run_to(broken, 10)
    checkpoint.save(file, **broken)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_checkpoint import *\n"
        "parts = make(seed=7); checkpoint.load(sys.argv[2], **parts); run_to(parts, None)\n"
        "checkpoint.save(sys.argv[2], **parts)"
    )
    subprocess.run([sys.executable, "-c", code, os.path.dirname(__file__), str(file)], check=True)
    resumed = make(seed=8)
    checkpoint.load(file, **resumed)
    assert everything(resumed) == everything(whole)


def test_saving_changes_nothing(tmp_path):
    plain, watched = make(), make()
    tn.manual_seed(0), run_to(plain, None)
    a = everything(plain)
    tn.manual_seed(0)
    for step in steps(watched):
        checkpoint.save(tmp_path / "run.safetensors", step=step.step, **watched)
    assert everything(watched) == a


# -- what a file holds ---------------------------------------------------------------------------------------


def test_step_extra_versions_and_readable_names(tmp_path):
    parts = make()
    run_to(parts, 2)
    extra = {"recipe": "mine", "sizes": (64, 16), "scale": np.float32(0.5), "table": {1: [None, True, "ä"]}}
    file = checkpoint.save(tmp_path / "deep" / "run.safetensors", step=2, extra=extra, **parts)
    found = checkpoint.read(file)
    assert found.step == 2 and found.extra == extra
    assert found.versions.keys() == {"tinynn", "numpy", "python"}
    assert found.kinds["optimizer"] == "AdamW"
    tensors = safetensors.numpy.load_file(file)
    assert {"model.1.weight", "model.5.bias", "optimizer.state.0.exp_avg", "history.loss"} <= tensors.keys()
    assert np.array_equal(tensors["model.1.weight"], parts["model"][1].weight.data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_any_plain_value_comes_back_as_it_was(value):
    again = unpack(json.loads(json.dumps(pack(value, "v", {}))), {})
    assert again == value and repr(again) == repr(value)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">i8"]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_every_dtype_shape_and_memory_order_comes_back(tmp_path, dtype, shape):
    a = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    extra = {
        "c": a,
        "fortran": np.array(a, order="F"),
        "strided": np.stack([a, a], -1)[..., 0],
        "a": {"b": a},
        "a.b": a,
    }
    found = checkpoint.read(checkpoint.save(tmp_path / "a.safetensors", extra=extra)).extra
    arrays = [found["c"], found["fortran"], found["strided"], found["a"]["b"], found["a.b"]]
    for again in arrays:
        assert again.shape == a.shape and again.dtype == a.dtype.newbyteorder("=")
        assert np.array_equal(again, a) and again.flags.writeable


@pytest.mark.parametrize("value", [{"f": print}, [object()], {"a": np.array(["text"])}, {1, 2}, np.array(1j)])
def test_what_cannot_be_saved_is_told_and_no_file_appears(tmp_path, value):
    with pytest.raises(DtypeError, match="extra"):
        checkpoint.save(tmp_path / "a.safetensors", extra=value)
    assert not list(tmp_path.iterdir())


def test_a_step_is_a_whole_number_also_one_of_numpys(tmp_path):
    file = checkpoint.save(tmp_path / "a.safetensors", step=np.int64(7))
    assert checkpoint.read(file).step == 7
    with pytest.raises(DtypeError, match="whole number"):
        checkpoint.save(tmp_path / "b.safetensors", step=7.5)
    assert list(tmp_path.iterdir()) == [file]


def test_nan_weights_are_saved_as_they_are_and_said(tmp_path):
    parts = make()
    parts["model"][1].weight.data[0, :2] = np.nan, -np.inf
    with pytest.warns(RuntimeWarning, match="model.1.weight"):
        file = checkpoint.save(tmp_path / "nan.safetensors", **parts)
    again = make(seed=1)
    checkpoint.load(file, **again)
    assert again["model"][1].weight.data.tobytes() == parts["model"][1].weight.data.tobytes()


# -- whole or not at all: reading --------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    parts = make()
    run_to(parts, 9)
    return checkpoint.save(tmp_path_factory.mktemp("saved") / "run.safetensors", **parts)


def refuses(error, file, **parts):
    parts = parts or make(seed=3)
    before = everything(parts) if "model" in parts and len(parts) == 6 else None
    with pytest.raises(error) as caught:
        checkpoint.load(file, **parts)
    if before:
        assert everything(parts) == before
    return str(caught.value)


def test_a_file_cut_short_anywhere_is_refused_and_changes_nothing(saved, tmp_path):
    data = saved.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    places = {0, 1, 7, 8, 9, header // 2, header - 1, header, header + 1, len(data) // 2, len(data) - 1}
    places |= {random.Random(0).randrange(len(data)) for _ in range(10)}
    parts = make(seed=3)
    before = everything(parts)
    for place in sorted(places):
        file = tmp_path / "cut.safetensors"
        file.write_bytes(data[:place])
        with pytest.raises(FileError, match="cut short"):
            checkpoint.load(file, **parts)
        assert everything(parts) == before


def test_a_file_that_is_too_long_is_refused(saved, tmp_path):
    file = tmp_path / "long.safetensors"
    file.write_bytes(saved.read_bytes() + b"\0" * 16)
    assert "damaged" in refuses(FileError, file)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"PK\x03\x04" + b"\0" * 100, "save_file(torch_model.state_dict()"),
        (b"\x80\x02}q\x00." + b"\0" * 100, "a pickle"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "HDF5"),
        (b"x,y\n" * 100, "a file of another kind"),
        (b"\xff" * 200, "a file of another kind"),
        (b"", "cut short"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, content, words):
    file = tmp_path / "foreign.safetensors"
    file.write_bytes(content)
    assert words in refuses(FileError, file)


def test_missing_files_and_folders(tmp_path):
    assert "No such file" in refuses(FileError, tmp_path / "none.safetensors")
    refuses(FileError, tmp_path)


@pytest.mark.parametrize(
    "metadata",
    [
        {"tinynn": "1"},
        {"tinynn": "1", "state": "{"},
        {"tinynn": "1", "state": "[1]"},
        {"tinynn": "1", "state": "{}"},
        {"tinynn": "1", "state": '{"parts": [1]}'},
        {"tinynn": "1", "state": '{"parts": {}, "colour": 1}'},
        {"tinynn": "1", "state": '{"parts": {"model": {"$": "array", "name": "gone"}}}'},
        {"tinynn": "1", "state": "[" * 100_000},
        {"tinynn": "2", "state": "{}"},
    ],
)
def test_a_damaged_header_is_refused(tmp_path, metadata):
    file = tmp_path / "bad.safetensors"
    safetensors.numpy.save_file({"a": np.zeros(2)}, file, metadata)
    refuses(FileError, file)


@given(st.data())
def test_a_changed_byte_is_an_error_or_a_whole_file(saved, tmp_path_factory, data):
    content = bytearray(saved.read_bytes())
    place = data.draw(st.integers(0, 4000))
    content[place] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    file.write_bytes(content)
    try:
        checkpoint.load(file, **make(seed=3))
    except TinynnError:
        pass


MISFITS = [
    (KeysError, "128", lambda: make(width=128)),
    (KeysError, "class SGD", lambda: make(optim.SGD)),
    (KeysError, "class Adam", lambda: make(optim.Adam)),
    (KeysError, "batch_size", lambda: make() | {"batches": Batches(*digits(), batch_size=5)}),
    (KeysError, "a file with teacher", lambda: make() | {"teacher": nn.Linear(2, 2)}),
    (KeysError, "class WarmupCosine", lambda: make() | {"schedule": optim.StepLR(make()["optimizer"], 3)}),
    (DtypeError, "state_dict", lambda: make() | {"extra_part": 3}),
]


@pytest.mark.parametrize("error, words, parts", MISFITS, ids=[words for _, words, _ in MISFITS])
def test_a_file_that_does_not_fit_changes_nothing(saved, error, words, parts):
    parts = parts()
    whole = {name: part for name, part in parts.items() if name in make()}
    generator().random(3)
    before = everything(whole)
    with pytest.raises(error) as caught:
        checkpoint.load(saved, **parts)
    assert words in str(caught.value)
    assert everything(whole) == before


def test_a_part_that_refuses_late_undoes_those_before_it(saved):
    class Refuses(History):
        def load_state_dict(self, state):
            raise KeysError("Refuses", "anything", "nothing")

    Refuses.__name__ = "History"
    parts = make(seed=3) | {"history": Refuses()}
    before = everything(parts)
    with pytest.raises(KeysError, match="Refuses"):
        checkpoint.load(saved, **parts)
    assert everything(parts) == before


# -- weights alone ------------------------------------------------------------------------


def test_weights_alone_leave_the_generators(saved):
    model = make(seed=3)["model"]
    before = get_state()
    checkpoint.load_weights(saved, model)
    assert get_state() == before
    original = checkpoint.read(saved).parts["model"]
    assert all(np.array_equal(v, original[k]) for k, v in model.state_dict().items())


def test_weights_of_a_foreign_file_and_what_it_lacks(tmp_path):
    file = tmp_path / "linear.safetensors"
    weights = {"weight": np.ones((3, 2), np.float16), "bias": np.zeros(3, np.float32)}
    safetensors.numpy.save_file(weights, file, {"format": "pt"})
    linear = checkpoint.load_weights(file, nn.Linear(2, 3))
    assert linear.weight.dtype == np.float32 and (linear.weight.data == 1).all()
    assert "load_weights" in refuses(KeysError, file, model=linear)
    with pytest.raises(KeysError, match="weight"):
        checkpoint.load_weights(file, nn.Linear(3, 3))


def test_a_checkpoint_without_a_model_has_no_weights(tmp_path):
    file = checkpoint.save(tmp_path / "h.safetensors", history=History())
    with pytest.raises(KeysError, match="a file with model"):
        checkpoint.load_weights(file, nn.Linear(1, 1))


def test_a_dtype_that_numpy_has_not_is_named(tmp_path):
    header = b'{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}'
    file = tmp_path / "f8.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    assert "F8_E4M3" in refuses(FileError, file)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_file_that_pytorch_wrote_loads(tmp_path, dtype):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    theirs = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    file = tmp_path / "torch.safetensors"
    save_file(theirs.to(getattr(torch, dtype)).state_dict(), file)
    ours = checkpoint.load_weights(file, nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)))
    for name, tensor in theirs.state_dict().items():
        assert np.array_equal(ours.state_dict()[name], tensor.float().numpy())


# -- whole or not at all: writing --------------------------------------------------------

WRITER = """
import sys, numpy as np
from tinynn import checkpoint, nn
model, n = nn.Sequential(nn.Linear(300, 300), nn.Linear(300, 10)), 0
while True:
    n += 1
    for p in model.parameters():
        p.data[...] = n
    checkpoint.save(sys.argv[1], model=model, step=n)
    print(n, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_killed_at_random_moments_the_file_is_always_whole(tmp_path):
    file, rng, seen = tmp_path / "run.safetensors", random.Random(1), set()
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()  # it has written once
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        last = [int(n) for n in process.communicate()[0].split()]
        found = checkpoint.read(file)
        values = {float(v) for a in found.parts["model"].values() for v in (a.min(), a.max())}
        assert values == {float(found.step)}
        assert found.step >= max(last, default=1)  # what was reported as saved is there
        assert len(list(tmp_path.iterdir())) <= 2  # the file, and at most one left over
        seen.add(found.step)
    assert len(seen) > 1
    checkpoint.save(file, step=0)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_an_error_while_writing_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, moment):
    file = write(tmp_path / "a", b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, moment, fail)
    with pytest.raises(FileError, match="No space left"):
        write(file, b"new")
    assert file.read_bytes() == b"old" and list(tmp_path.iterdir()) == [file]


def test_ctrl_c_while_writing_keeps_the_old_file(tmp_path, monkeypatch):
    file = write(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write(file, b"new")
    assert file.read_bytes() == b"old" and list(tmp_path.iterdir()) == [file]


def test_a_reader_that_holds_the_file_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    """As on Windows, where a file that is open cannot be replaced."""
    really, refusals = os.replace, [PermissionError(13, "in use")] * 2

    def replace(source, target):
        if refusals:
            raise refusals.pop()
        really(source, target)

    file = write(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "replace", replace)
    assert write(file, b"new").read_bytes() == b"new"


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".a.{ended.pid}.00000000.tmp"
    living = tmp_path / f".a.{os.getpid()}.00000000.tmp"
    other = tmp_path / f".b.{ended.pid}.00000000.tmp"
    for leftover in (dead, living, other):
        leftover.write_bytes(b"")
    write(tmp_path / "a", b"new")
    assert not dead.exists() and living.exists() and other.exists()


def test_links_are_followed_and_odd_names_work(tmp_path):
    link, target = tmp_path / "latest", tmp_path / "run [1] ä.safetensors"
    write(target, b"one")
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("links are not allowed here")
    write(link, b"two")
    assert link.is_symlink() and target.read_bytes() == b"two"


@pytest.mark.parametrize("place", ["folder", "file/inside"])
def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="a place to write to"):
        write(tmp_path / place, b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
