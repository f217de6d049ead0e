"""Threads and BLAS: any number of threads, any layer, several Python threads, one pool at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinynn as tn
from tinynn import threads
from tinynn.backends import has_numba
from tinynn.errors import ArgumentError, DeviceError

needs_numba = pytest.mark.skipif(not has_numba(), reason="no Numba here")
HERE = Path(__file__).resolve().parent


def python(code: str, **environment: str | None) -> tuple[dict, str]:
    """Run `code` in a fresh process; what it prints last is JSON. None takes a variable away."""
    env = {k: v for k, v in os.environ.items() if k not in ("TINYNN_QUIET", "TINYNN_KEEP_BLAS")}
    env |= {"TINYNN_BACKEND": "numba", "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
    for name, value in environment.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, encoding="utf-8", timeout=200
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


# -- the number of threads ---------------------------------------------------------------------------


def test_importing_and_asking_loads_no_numba():
    code = """
import sys, json, tinynn
found = tinynn.get_num_threads(), tinynn.threads.threading_layer()
print(json.dumps([*found, [m for m in ("numba", "scipy", "threadpoolctl") if m in sys.modules]]))
"""
    (n, layer, loaded), _ = python(code, NUMBA_NUM_THREADS="3")
    assert (n, layer, loaded) == (3, None, [])


def test_set_num_threads_is_for_the_whole_process():
    before = tn.get_num_threads()
    try:
        tn.set_num_threads(1)
        assert tn.get_num_threads() == 1
        tn.functional.relu(tn.tensor(np.ones(4, np.float32)))
        if has_numba():
            assert threads.team[0] == 1
    finally:
        tn.set_num_threads(before)
    assert tn.get_num_threads() == before


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "2", None, 10_000])
def test_a_number_of_threads_that_cannot_be(n):
    before = tn.get_num_threads()
    with pytest.raises(ArgumentError, match="set_num_threads: got .* expected a number of threads from 1 to"):
        tn.set_num_threads(n)
    assert tn.get_num_threads() == before


def test_the_hint_for_more_threads_works():
    with pytest.raises(ArgumentError) as caught:
        tn.set_num_threads(500)
    name, value = caught.value.hint.split()[0].split("=")
    found, _ = python(
        "import json, tinynn; tinynn.set_num_threads(500); print(json.dumps(1))", **{name: value}
    )
    assert found == 1


# -- every kernel, cut into more parts than there is work ------------------------------------------------

ALL_CASES = """
import json, sys, zlib
import numpy as np
from cases import CASES
from tinynn import ops, threads

def run(pair, case):
    arrays = case.arrays(np.float32)
    with np.errstate(all="ignore"):
        out, cache = pair.forward(*arrays, **case.params)
        outs = out if isinstance(out, tuple) else (out,)
        if pair.backward is None:
            return [*outs, *arrays]
        rng = np.random.default_rng(0)
        dout = tuple(rng.standard_normal(o.shape).astype(np.float32) for o in outs)
        dout = dout if isinstance(out, tuple) else dout[0]
        return [*outs, *pair.pull(dout, cache, (True,) * len(arrays))]

bits = 0
for attempt in range(2):
    for case in CASES:
        op = ops.catalogue[case.op]
        if "numba" in op.kernels:
            compiled = op.pair("numba")
            threads.team = (threads.get_num_threads(), 1)
            for g, w in zip(run(compiled, case), run(op.pair("numpy"), case)):
                if w is not None:
                    np.testing.assert_allclose(g, w, rtol=3e-5, atol=3e-6, err_msg=case.id)
                    bits = zlib.crc32(np.ascontiguousarray(g).tobytes(), bits)
    if attempt == 0:
        first, bits = bits, 0
import numba
print(json.dumps([threads.team[0], threads.threading_layer(), first == bits, bits]))
"""


@needs_numba
@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_every_kernel_with_any_number_of_threads(n, layer):
    (ran, used, repeats, _), _ = python(
        ALL_CASES, NUMBA_NUM_THREADS=str(n), NUMBA_THREADING_LAYER=available(layer)
    )
    assert (ran, used, repeats) == (n, layer, True)


@needs_numba
@pytest.mark.slow
def test_freshly_compiled_and_loaded_from_disk_give_the_same_bits(tmp_path):
    (*_, fresh), _ = python(ALL_CASES, NUMBA_CACHE_DIR=str(tmp_path))
    (*_, loaded), _ = python(ALL_CASES, NUMBA_CACHE_DIR=str(tmp_path))
    assert fresh == loaded


def available(layer: str) -> str:
    """`layer`, or a skip where Numba cannot load it: pip brings workqueue, the system may have OpenMP."""
    if layer == "omp":
        pytest.importorskip("numba.np.ufunc.omppool")
    return layer


TWO_AT_ONCE = """
import json, threading
import numpy as np, tinynn as tn
from tinynn import ops, threads

rng = np.random.default_rng(0)
x = rng.standard_normal((300, 200)).astype(np.float32)
w = rng.standard_normal((100, 200)).astype(np.float32)
softmax, linear, gelu = (ops.catalogue[n].pair("numba") for n in ("softmax", "linear", "gelu"))
wanted = [softmax.forward(x)[0], linear.forward(x, w)[0], gelu.forward(x)[0]]
threads.team = (threads.get_num_threads(), 1)
wrong, rounds = [], 0

def work():
    global rounds
    for _ in range(200):
        got = [softmax.forward(x)[0], linear.forward(x, w)[0], gelu.forward(x)[0]]
        wrong.extend(1 for g, r in zip(got, wanted) if not np.allclose(g, r, atol=1e-4))
        rounds += 1

workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(json.dumps([len(wrong), threads.threading_layer()]))
"""


@needs_numba
@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_two_python_threads_at_once(n, layer):
    """With workqueue, two threads inside parallel code would end the process."""
    found, _ = python(TWO_AT_ONCE, NUMBA_NUM_THREADS=str(n), NUMBA_THREADING_LAYER=available(layer))
    assert found == [0, layer]


FORK = """
import json, os
import numpy as np, tinynn as tn
from tinynn import threads
x = tn.tensor(np.linspace(-1, 1, 1000, dtype=np.float32))
threads.team = (threads.get_num_threads(), 1)  # loads no kernel, so this is set again below
tn.functional.tanh(x)
threads.team = (threads.get_num_threads(), 1)
wanted = tn.functional.tanh(x).data
child = os.fork()
if child == 0:
    same = (tn.functional.tanh(x).data == wanted).all() and threads.team[0] == 1
    os._exit(0 if same else 1)
print(json.dumps(os.waitpid(child, 0)[1]))
"""


@needs_numba
@pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin", reason="this system does not fork safely"
)
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_a_forked_child_computes_alone(layer):
    """GNU OpenMP ends a forked child that asks for its parent's threads."""
    assert python(FORK, NUMBA_THREADING_LAYER=available(layer), NUMBA_NUM_THREADS="2")[0] == 0


# -- BLAS --------------------------------------------------------------------------------------------------

INFO = """
import json, os, sys
{first}
import numpy as np
before = dict(os.environ)
import tinynn as tn
from tinynn import threads
a = tn.tensor(np.ones((8, 8), np.float32))
tn.functional.matmul(a, a)
now = threads.blas_info()
restored = threads.restore_blas()
print(json.dumps([now, restored, dict(os.environ) == before]))
"""


def blas(first: str = "", **environment):
    (now, restored, untouched), said = python(INFO.format(first=first), **environment)
    return {b["library"]: b for b in now}, {b["library"]: b for b in restored}, untouched, said


@needs_numba
def test_both_libraries_work_in_one_thread_and_numpy_s_comes_back():
    now, restored, untouched, said = blas(OPENBLAS_NUM_THREADS="2", OPENBLAS_CORETYPE=None)
    assert untouched
    if "numpy" not in now or now["numpy"]["name"] != "openblas":
        pytest.skip(f"NumPy's BLAS is {now or 'one that cannot be asked'}")
    assert now["numpy"]["threads"] == now["scipy"]["threads"] == 1
    assert said.count("NumPy's BLAS now works in 1 thread instead of 2") == 1
    assert restored["numpy"]["threads"] == 2 and restored["scipy"]["threads"] == 1


@needs_numba
def test_numpy_s_library_can_be_left_alone():
    now, _, _, said = blas(OPENBLAS_NUM_THREADS="2", TINYNN_KEEP_BLAS="1")
    assert "NumPy's BLAS" not in said
    if "numpy" in now:
        assert now["numpy"]["threads"] == 2


@needs_numba
@pytest.mark.skipif(not threads.has_avx512(), reason="the CPU has no AVX-512")
def test_scipy_s_library_uses_avx512_also_where_numpy_s_does_not_unless_the_user_chose():
    for first in ("", "import scipy"):  # the package alone loads no BLAS
        now, _, untouched, said = blas(first, OPENBLAS_CORETYPE=None)
        assert untouched and now["scipy"]["core"] in threads.AVX512_CORES and "half its speed" not in said
    now, _, untouched, _ = blas(OPENBLAS_CORETYPE="Haswell")
    assert untouched and now["scipy"]["core"] == "Haswell"


@needs_numba
def test_scipy_imported_first_is_seen():
    now, _, _, _ = blas("import scipy.linalg", OPENBLAS_CORETYPE=None)
    if "scipy" not in now:
        pytest.skip(f"SciPy's BLAS is {now or 'one that cannot be asked'}")
    assert "SciPy was imported before" in now["scipy"]["note"]
    assert now["scipy"]["threads"] == 1
    before = "import os, scipy; os.environ['OPENBLAS_CORETYPE'] = 'Haswell'; import scipy.linalg"
    now, _, _, said = blas(f"{before}; del os.environ['OPENBLAS_CORETYPE']", OPENBLAS_CORETYPE=None)
    if threads.has_avx512():
        assert "set OPENBLAS_CORETYPE=SkylakeX" in now["scipy"]["note"] and "half its speed" in said


def test_whose_library_a_file_is():
    site = "/env/lib/python3.13/site-packages"
    assert threads._owner(f"{site}/numpy.libs/libscipy_openblas64_-a.so") == "numpy"
    assert threads._owner(f"{site}/scipy.libs/libscipy_openblas-b.so") == "scipy"
    assert threads._owner(f"{site}/numpy/.dylibs/libscipy_openblas64_.dylib") == "numpy"
    assert threads._owner(f"{site}/torch/lib/libopenblas.so") == "other"
    assert threads._owner("/opt/conda/lib/libmkl_rt.so.2") == "both"


def test_blas_info_without_threadpoolctl_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(DeviceError, match="pip install threadpoolctl"):
        threads.blas_info()


IN_TURN = """
import json, time
from statistics import median
import numpy as np, tinynn as tn
from tinynn import ops
A = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
x = np.random.default_rng(0).standard_normal(400_000).astype(np.float32)
gelu = ops.gelu.pair("numba").forward

def seconds(*parts):
    times = []
    for _ in range(60):
        start = time.perf_counter()
        for part in parts: part()
        times.append(time.perf_counter() - start)
    return median(times[10:])

numpy, numba = (lambda: A @ A), (lambda: gelu(x))
for part in (numpy, numba): part()
alone = min(seconds(numpy) + seconds(numba) for _ in range(3))
print(json.dumps([alone, min(seconds(numpy, numba) for _ in range(3))]))
"""


@needs_numba
def test_numpy_s_products_and_kernels_in_turn_do_not_fight():
    (alone, in_turn), _ = python(IN_TURN, OPENBLAS_NUM_THREADS=None)
    assert in_turn < 5 * alone
