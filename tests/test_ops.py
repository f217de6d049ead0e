"""Every line of the table of cases, on every backend, in both precisions and odd memory layouts."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest
from cases import CASES, PURE, UPDATES, Case

import tinynn
from tinynn import functional as F
from tinynn import gradcheck_pair, ops
from tinynn.backends import NAMES, has_numba
from tinynn.errors import TinynnError
from tinynn.ops.op import Out
from tinynn.wrappers import Meter, finite, shapes_only, wrapped

BACKENDS = [  # what "simt" interprets is slow, and float32: test_cuda_*.py runs these cases on it
    pytest.param(name, marks=pytest.mark.skipif(name == "numba" and not has_numba(), reason="no Numba here"))
    for name in NAMES
    if name != "simt"
]
DTYPES = [np.float32, np.float64]
TOLERANCE = {
    np.dtype(np.float32): {"rtol": 3e-5, "atol": 3e-6},
    np.dtype(np.float64): {"rtol": 1e-10, "atol": 1e-12},
}

each_pure = pytest.mark.parametrize("case", PURE, ids=lambda c: c.id)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
each_update = pytest.mark.parametrize("case", UPDATES, ids=lambda c: c.id)
each_backend = pytest.mark.parametrize("backend", BACKENDS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)


FIRST_OF_SEVERAL = ("batch_norm", "split")  # ops whose first of three outputs is followed here


def outs_of(out) -> tuple:
    return out if isinstance(out, tuple) else (out,)


def upstream(out):
    """A random gradient for each output."""
    rng = np.random.default_rng(7)
    douts = [np.asarray(rng.normal(size=o.shape), o.dtype) for o in outs_of(out)]
    return tuple(douts) if isinstance(out, tuple) else douts[0]


def run(case: Case, pair, arrays, dout=None) -> tuple[tuple, tuple]:
    """Outputs and gradients of one pair."""
    out, cache = pair.forward(*arrays, **case.params)
    dout = upstream(out) if dout is None else dout
    grads = pair.pull(dout, cache, (True,) * len(arrays)) if pair.backward else ()
    return outs_of(out), outs_of(grads)


def pair_of(case: Case, backend: str):
    return ops.catalogue[case.op].pair(backend)


def same(got, wanted) -> None:
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted):
        assert (g is None) == (w is None)
        if w is not None:
            g, w = np.asarray(g), np.asarray(w)
            assert g.shape == w.shape and g.dtype == w.dtype
            exact = w.dtype.kind != "f"
            np.testing.assert_allclose(g, w, **({} if exact else TOLERANCE[w.dtype]))


# -- one rule per op -------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ops.catalogue.values(), ids=ops.catalogue)
def test_the_reference_pair_says_its_equations(op):
    """The API reference would show a bare signature."""
    forward, backward = op.pairs["numpy"].forward, op.pairs["numpy"].backward
    assert inspect.getdoc(forward), f"{forward.__name__} has no docstring"
    assert backward is None or inspect.getdoc(backward), f"{op.name}_backward has no docstring"


@each_case
@each_dtype
def test_spec_says_what_forward_returns(case, dtype):
    op, arrays = ops.catalogue[case.op], case.arrays(dtype)
    spec = op.check(arrays, case.params)
    wanted = (spec.out,) if isinstance(spec.out, Out) else spec.out
    out, _ = op.pair("numpy").forward(*arrays, **case.params)
    assert [(o.shape, o.dtype) for o in outs_of(out)] == list(wanted)
    assert isinstance(spec.flops, int) and spec.flops >= 0


@each_pure
@each_backend
@each_dtype
def test_backends_agree_with_the_reference(case, backend, dtype):
    arrays = case.arrays(dtype)
    same(run(case, pair_of(case, backend), arrays)[0], run(case, pair_of(case, "numpy"), arrays)[0])
    same(run(case, pair_of(case, backend), arrays)[1], run(case, pair_of(case, "numpy"), arrays)[1])


@each_pure
@each_backend
@each_dtype
def test_gradients_have_shape_and_dtype_of_their_inputs(case, backend, dtype):
    arrays = case.arrays(dtype)
    _, grads = run(case, pair_of(case, backend), arrays)
    assert len(grads) == len(arrays)
    for grad, x in zip(grads, arrays):
        if x.dtype.kind == "f":
            assert grad.shape == x.shape and grad.dtype == x.dtype
        else:
            assert grad is None


SMOOTH = [c for c in PURE if c.smooth and c.op not in FIRST_OF_SEVERAL]


@pytest.mark.parametrize("case", SMOOTH, ids=lambda c: c.id)
@each_backend
def test_gradients_agree_with_central_differences(case, backend):
    arrays = case.arrays()
    if not any(a.size for a in arrays if a.dtype.kind == "f"):
        return  # nothing to move
    pair = pair_of(case, backend)
    gradcheck_pair(pair.forward, pair.backward, *arrays, params=case.params, raise_exception=True)


@pytest.mark.parametrize("case", [c for c in PURE if c.op in FIRST_OF_SEVERAL], ids=lambda c: c.id)
@each_backend
def test_gradients_of_several_outputs_flow_through_its_first_output(case, backend):
    if not any(a.size for a in case.arrays()):
        return  # nothing to move
    pair = pair_of(case, backend)

    def forward(*arrays, **params):
        out, cache = pair.forward(*arrays, **params)
        return out[0], cache

    def backward(dy, cache):
        return pair.backward((dy, None, None), cache)

    gradcheck_pair(forward, backward, *case.arrays(), params=case.params, raise_exception=True)


# -- memory ----------------------------------------------------------------------------------------


def strided(a):
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype) if a.ndim else a.copy()
    if a.ndim:
        wide[..., ::2] = a
    return wide[..., ::2] if a.ndim else wide


def reversed_(a):
    return np.ascontiguousarray(a[::-1])[::-1] if a.ndim else a


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def _last(a):
    """As a convolution leaves its result: the shape (N, C, ...) with axis 1 last in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)


LAYOUTS = {
    "channels last": lambda a: _last(a) if a.ndim > 2 else a,
    "strided": strided,
    "reversed": reversed_,
    "fortran": lambda a: np.array(a, order="F"),
    "read-only": read_only,
}


@each_pure
@each_backend
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout_changes_nothing(case, backend, layout):
    pair, relaid = pair_of(case, backend), LAYOUTS[layout]
    arrays = case.arrays(np.float32)
    outs, grads = run(case, pair, arrays)
    dout = upstream(outs if len(outs) > 1 else outs[0])
    dout = tuple(map(relaid, dout)) if isinstance(dout, tuple) else relaid(dout)
    got_outs, got_grads = run(case, pair, [relaid(a) for a in arrays], dout)
    same(got_outs, outs)
    same(got_grads, grads)


@each_pure
@each_backend
def test_upstream_may_be_one_number_seen_everywhere(case, backend):
    """What sum sends back: a read-only view whose strides are all 0."""
    pair, arrays = pair_of(case, backend), case.arrays(np.float32)
    out, cache = pair.forward(*arrays, **case.params)
    spread = tuple(np.broadcast_to(np.asarray(1.5, o.dtype), o.shape) for o in outs_of(out))
    full = tuple(np.full(o.shape, 1.5, o.dtype) for o in outs_of(out))
    spread, full = (spread, full) if isinstance(out, tuple) else (spread[0], full[0])
    wanted = run(case, pair, arrays, full)[1]
    same(outs_of(pair.pull(spread, cache, (True,) * len(arrays))), wanted)


SEVERAL = [
    c
    for c in PURE
    if c.op not in FIRST_OF_SEVERAL
    and isinstance(ops.catalogue[c.op].check(c.arrays(), c.params).out[0], Out)
]


@pytest.mark.parametrize("case", SEVERAL, ids=lambda c: c.id)
@each_backend
def test_gradients_of_several_outputs_add_up_and_none_stands_for_unused(case, backend):
    pair, arrays = pair_of(case, backend), case.arrays()
    out, cache = pair.forward(*arrays, **case.params)
    douts, needs = upstream(out), (True,) * len(arrays)
    alone = [tuple(d if i == k else None for i, d in enumerate(douts)) for k in range(len(douts))]
    parts = [pair.pull(dout, cache, needs) for dout in alone]
    same(tuple(pair.pull(douts, cache, needs)), [np.add.reduce(grads) for grads in zip(*parts)])


@pytest.mark.parametrize("case", SEVERAL, ids=lambda c: c.id)
@each_backend
def test_the_tape_carries_gradients_through_every_output_and_none(case, backend):
    """Each output alone, and all of them: through the tape as by hand."""
    pair, arrays = pair_of(case, backend), case.arrays(np.float32)
    count = len(outs_of(pair.forward(*arrays, **case.params)[0]))
    for used in [*[[k] for k in range(count)], list(range(count))]:
        leaves = [tinynn.Tensor(a, requires_grad=True) for a in arrays]
        with tinynn.backend(backend):
            outs = call_functional(case, leaves)
            douts = upstream(tuple(o.data for o in outs))
            total = [(outs[k] * douts[k]).sum() for k in used]
            sum(total[1:], total[0]).backward()
        _, cache = pair.forward(*arrays, **case.params)
        dout = tuple(d if k in used else None for k, d in enumerate(douts))
        same([leaf.grad.data for leaf in leaves], pair.backward(dout, cache))


@each_pure
@each_backend
def test_inputs_and_caches_stay_as_they_are(case, backend):
    pair, arrays = pair_of(case, backend), case.arrays(np.float32)
    before = [a.copy() for a in arrays]
    out, cache = pair.forward(*arrays, **case.params)
    kept = [np.array(o) for o in outs_of(out)]
    dout = upstream(out)
    douts_before = [np.array(d) for d in outs_of(dout)]
    first = [None if g is None else np.array(g) for g in pair.pull(dout, cache, (True,) * len(arrays))]
    same(tuple(pair.pull(dout, cache, (True,) * len(arrays))), first)  # a cache serves twice
    for now, then in zip([*arrays, *outs_of(out), *outs_of(dout)], [*before, *kept, *douts_before]):
        np.testing.assert_array_equal(now, then)


@each_pure
@each_backend
def test_results_do_not_change_when_the_op_runs_again(case, backend):
    """Outputs may reuse memory, but never memory that somebody still holds."""
    pair, arrays = pair_of(case, backend), case.arrays(np.float32)
    out, cache = pair.forward(*arrays, **case.params)
    kept = [np.array(o) for o in outs_of(out)]
    wanted = [
        None if g is None else np.array(g) for g in pair.pull(upstream(out), cache, (True,) * len(arrays))
    ]
    others = [np.array(-a if a.dtype.kind == "f" else a) for a in arrays]
    for _ in range(3):
        held = run(case, pair, others)
    same(outs_of(out), kept)
    same(tuple(pair.pull(upstream(out), cache, (True,) * len(arrays))), wanted)
    del held


@each_pure
@each_backend
def test_needs_is_honoured(case, backend):
    pair, arrays = pair_of(case, backend), case.arrays(np.float32)
    _, full = run(case, pair, arrays)
    for i in range(len(arrays)):
        out, cache = pair.forward(*arrays, **case.params)
        only = outs_of(pair.pull(upstream(out), cache, tuple(j == i for j in range(len(arrays)))))
        assert len(only) == len(arrays)
        same((only[i],), (full[i],))
    out, cache = pair.forward(*arrays, **case.params)
    same(outs_of(pair.backward(upstream(out), cache)), full)  # the two-argument form


# -- optimiser updates: in place -------------------------------------------------------------------


@each_update
@each_backend
@each_dtype
def test_updates_change_parameter_and_state_in_place(case, backend, dtype):
    arrays, wanted = case.arrays(dtype), case.arrays(dtype)
    gradient = arrays[1].copy()
    out, cache = pair_of(case, backend).forward(*arrays, **case.params)
    pair_of(case, "numpy").forward(*wanted, **case.params)
    assert out is arrays[0] and cache is None
    same(tuple(arrays), tuple(wanted))
    np.testing.assert_array_equal(arrays[1], gradient)
    if arrays[0].size:
        assert not np.array_equal(arrays[0], case.arrays(dtype)[0])


@each_update
@each_backend
def test_updates_take_gradients_of_any_layout(case, backend):
    wanted = case.arrays(np.float32)
    pair_of(case, backend).forward(*wanted, **case.params)
    for layout in ("strided", "fortran", "read-only"):
        arrays = case.arrays(np.float32)
        arrays[1] = LAYOUTS[layout](arrays[1])
        pair_of(case, backend).forward(*arrays, **case.params)
        same(tuple(arrays), tuple(wanted))


# -- values at the edge ----------------------------------------------------------------------------

inf, nan = np.inf, np.nan
NAN_SEQUENCE = [
    [[[1.0, nan], [-inf, 1.0]], [[0.0, 0.5], [1.0, 2.0]]],
    [[0.1], [0.2]],
    np.ones((1, 2)),
    np.ones((1, 1)),
]
EDGES = [
    ("relu", [[-inf, inf, nan, 0.0]], {}),
    ("leaky_relu", [[-inf, inf, nan, 0.0]], {}),
    ("exp", [[-inf, inf, nan, 200.0, -200.0]], {}),
    ("log", [[0.0, inf, nan, -1.0]], {}),
    ("sqrt", [[0.0, inf, nan, -1.0]], {}),
    ("tanh", [[-inf, inf, nan]], {}),
    ("sigmoid", [[-inf, inf, nan]], {}),
    ("softplus", [[-inf, inf, nan]], {}),
    ("max", [[[nan, 1.0], [2.0, -inf]]], {"axis": 1}),
    ("maximum", [[nan, 1.0, inf], [1.0, nan, -inf]], {}),
    ("sum", [[[nan, 1.0], [inf, 1.0]]], {"axis": 1}),
    ("clip", [[nan, inf, -inf]], {"low": -1.0, "high": 1.0}),
    ("softmax", [[[-inf, 1.0, 2.0], [nan, 1.0, 2.0], [-inf, -inf, 0.0]]], {}),
    ("log_softmax", [[[-inf, 1.0, 2.0], [nan, 1.0, 2.0]]], {}),
    ("div", [[1.0, 0.0, -1.0], [0.0, 0.0, inf]], {}),
    ("layer_norm", [[[nan, 1.0, 2.0], [1.0, 2.0, 3.0]]], {}),
    ("group_norm", [[[nan, 1.0, 2.0], [1.0, 2.0, 3.0]]], {"groups": 1}),
    ("rotary", [[[nan, 1.0], [inf, 2.0]]], {}),
    ("scaled_dot_product_attention", [[[nan], [1.0], [-1.0]], [[1.0], [2.0]], [[3.0], [4.0]]], {}),
    ("scaled_dot_product_attention", [[[1.0], [2.0]], [[inf], [1.0]], [[3.0], [4.0]]], {}),
    ("scaled_dot_product_attention", [[[300.0], [-300.0]], [[300.0], [-300.0]], [[3.0], [4.0]]], {}),
    (
        "scaled_dot_product_attention",
        [[[1.0], [2.0]], [[1.0], [1.0]], [[3.0], [4.0]], [[-inf, -inf], [-inf, 0.0]]],
        {},
    ),
    (
        "scaled_dot_product_attention",
        [[[1.0], [2.0]], [[1.0], [1.0]], [[3.0], [nan]], [[0.0, 1.0], [nan, 0.0]]],
        {},
    ),
    ("mse_loss", [[nan, 1.0], [0.0, 1.0]], {"reduction": "none"}),
    ("rnn", NAN_SEQUENCE, {"nonlinearity": "relu"}),
    ("gru", [*NAN_SEQUENCE[:2], np.ones((3, 2)), np.ones((3, 1))], {}),
    ("lstm", [*NAN_SEQUENCE[:2], [[0.5], [inf]], np.ones((4, 2)), np.ones((4, 1))], {}),
    ("max_pool2d", [[[[[nan, 1.0, 2.0, inf], [3.0, 1.0, -inf, 0.0]]]]], {"kernel_size": 2}),
    ("max_pool2d", [[[[[-inf, -inf], [-inf, -inf]]]]], {"kernel_size": 2}),
    ("avg_pool2d", [[[[[nan, 1.0, 2.0, inf], [3.0, 1.0, 0.0, 0.0]]]]], {"kernel_size": 2}),
    ("conv2d", [[[[[nan, 1.0, 2.0, inf], [3.0, 1.0, 0.0, 0.0]]]], [[[[1.0, 0.0], [0.0, -1.0]]]]], {}),
]


@pytest.mark.parametrize("name, inputs, params", EDGES, ids=[f"{e[0]}-{i}" for i, e in enumerate(EDGES)])
@each_backend
@each_dtype
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinities_and_nan_pass_through_every_backend_alike(name, inputs, params, backend, dtype):
    arrays = [np.array(x, dtype) for x in inputs]
    out, cache = ops.catalogue[name].pair(backend).forward(*arrays, **params)
    wanted, _ = ops.catalogue[name].pair("numpy").forward(*arrays, **params)
    same(outs_of(out), outs_of(wanted))


def test_a_masked_logit_gets_probability_0_and_no_gradient():
    for backend in [p.values[0] for p in BACKENDS if p.values[0] == "numpy" or has_numba()]:
        logits = np.array([[1.0, -inf, 2.0]], np.float32)
        pair = ops.cross_entropy.pair(backend)
        out, cache = pair.forward(logits, np.array([0]))
        grad = pair.backward(np.float32(1), cache)[0]
        assert np.isfinite(out) and np.isfinite(grad).all() and grad[0, 1] == 0


def test_an_infinite_upstream_gradient_stops_at_a_closed_relu():
    """As sqrt at 0 sends it: 0 times infinity would be NaN."""
    for backend in [p.values[0] for p in BACKENDS if p.values[0] == "numpy" or has_numba()]:
        pair = ops.relu.pair(backend)
        _, cache = pair.forward(np.array([-1.0, 0.0, 2.0], np.float32))
        np.testing.assert_array_equal(pair.backward(np.full(3, inf, np.float32), cache)[0], [0, 0, inf])


@pytest.mark.parametrize("name, params", [
    ("clip", {"low": np.float64(-0.5), "high": np.float64(0.5)}),
    ("leaky_relu", {"negative_slope": np.float64(0.1)}),
    ("dropout", {"p": np.float64(0.5), "seed": 1}), ("var", {"correction": np.int64(1)}),
    ("layer_norm", {"eps": np.float64(1e-5)}), ("rms_norm", {"eps": np.float64(1e-5)}),
])  # fmt: skip
def test_numbers_of_numpy_as_parameters_leave_float32_alone(name, params):
    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    out, cache = ops.catalogue[name].forward(x, **params)
    assert np.asarray(out).dtype == np.float32
    assert ops.catalogue[name].backward(np.ones_like(out), cache)[0].dtype == np.float32
    by_tensor = {
        "clip": lambda t: t.clip(**params),
        "leaky_relu": lambda t: t.leaky_relu(**params),
        "dropout": lambda t: F.dropout(t, p=params["p"]),
        "var": lambda t: t.var(**params),
        "layer_norm": lambda t: F.layer_norm(t, 3, **params),
        "rms_norm": lambda t: F.rms_norm(t, 3, **params),
    }
    assert by_tensor[name](tinynn.tensor(x)).dtype == np.float32


# -- wrappers and forward by hand ------------------------------------------------------------------


@each_case
def test_shapes_only_gives_the_shapes_without_the_work(case):
    op, arrays = ops.catalogue[case.op], case.arrays(np.float32)
    before = [a.copy() for a in arrays]
    with wrapped(shapes_only):
        out, _ = op.forward(*arrays, **case.params)
    for now, then in zip(arrays, before):
        np.testing.assert_array_equal(now, then)  # not even an update touches anything
    real, _ = op.pair("numpy").forward(*arrays, **case.params)
    assert [(o.shape, o.dtype) for o in outs_of(out)] == [(o.shape, o.dtype) for o in outs_of(real)]


@each_case
def test_meter_counts_what_the_rule_says(case):
    op, arrays = ops.catalogue[case.op], case.arrays(np.float32)
    flops = op.check(arrays, case.params).flops
    with wrapped(Meter()) as meter:
        out, _ = op.forward(*arrays, **case.params)
        op.forward(*case.arrays(np.float32), **case.params)
    assert meter.calls == {case.op: 2}
    assert meter.flops[case.op] == 2 * flops
    assert meter.bytes[case.op] == 2 * sum(np.asarray(a).nbytes for a in (*arrays, *outs_of(out)))


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=lambda c: c.id)
def test_finite_lets_good_numbers_pass(case):
    with wrapped(finite):
        out, cache = ops.catalogue[case.op].forward(*case.arrays(np.float32), **case.params)
        if ops.catalogue[case.op].pairs["numpy"].backward:
            ops.catalogue[case.op]._active().pull(upstream(out), cache, (True,) * len(case.makers))


# -- the lines that a new op needs -----------------------------------------------------------------


def call_functional(case: Case, tensors: list):
    """The same call through `functional`, whose names are PyTorch's."""
    renamed = {{"axis": "dim", "keepdims": "keepdim"}.get(k, k): v for k, v in case.params.items()}
    function = getattr(F, case.op)
    if case.op in ("concat", "stack"):
        return function(tensors, **renamed)
    if case.op in ("reshape", "permute", "broadcast_to", "pad", "index", "cast"):
        first, *others = renamed.values()
        return function(*tensors, first, *others)
    if case.op in ("layer_norm", "rms_norm"):
        shape = renamed.pop("shape", tensors[1].shape if len(tensors) > 1 else None)
        return function(tensors[0], shape, *tensors[1:], **renamed)
    if case.op == "batch_norm":
        return function(tensors[0], None, None, *tensors[1:], training=True, **renamed)
    if case.op == "split":
        return function(*tensors, renamed["sizes"], renamed.get("dim", -1))[0]
    if case.op == "group_norm":
        return function(tensors[0], renamed.pop("groups"), *tensors[1:], **renamed)
    if "seed" in renamed and case.op != "dropout":
        return function(*tensors, generator=0, **{k: v for k, v in renamed.items() if k != "seed"})
    if case.op == "dropout":
        return function(*tensors, p=renamed["p"], generator=0)
    return function(*tensors, **renamed)


@pytest.mark.parametrize("name", [n for n in ops.catalogue if not n.endswith("_update")])
def test_every_op_has_its_line_in_functional_and_that_line_runs_it(name):
    case = next(c for c in CASES if c.op == name and not (name == "cast" and c.number == 1))
    tensors = [tinynn.Tensor(a) for a in case.arrays(np.float64 if name == "cast" else np.float32)]
    with wrapped(Meter()) as meter:
        got = call_functional(case, tensors)
    assert meter.calls[name] == 1
    if name != "dropout":
        wanted, _ = ops.catalogue[name].forward(*[t.data for t in tensors], **case.params)
        got = tuple(part.data for part in outs_of(got))
        same(got, outs_of(wanted)[: len(got)])


def test_every_op_has_its_line_in_the_table_of_cases():
    assert {c.op for c in CASES} == set(ops.catalogue)
    assert len({c.id for c in CASES}) == len(CASES)


def test_every_rule_belongs_to_an_op_of_the_catalogue():
    families = "elementwise activation matmul reduce shape softmax loss norm embedding dropout update".split()
    families += ["conv", "pool", "recurrent", "gru", "lstm", "attention", "rotary"]
    modules = [importlib.import_module(f"tinynn.ops.{family}") for family in families]
    here = [(name, f) for m in modules for name, f in vars(m).items() if f.__class__ is type(outs_of)]
    rules = {name.removesuffix("_forward") for name, f in here if name.endswith("_forward")}
    assert rules == set(ops.catalogue)
    assert all(
        ops.catalogue[name].name == name and getattr(ops, name) is ops.catalogue[name]
        for name in ops.catalogue
    )


@pytest.mark.skipif(not has_numba(), reason="no Numba here")
@pytest.mark.parametrize("name", [n for n, op in ops.catalogue.items() if "numba" in op.kernels] or ["none"])
def test_an_op_with_kernels_has_their_functions(name):
    if name == "none":
        assert not any(op.kernels for op in ops.catalogue.values())
        return
    op = ops.catalogue[name]
    module = importlib.import_module(op.kernels["numba"])
    assert callable(getattr(module, f"{name}_forward"))
    reference = op.pairs["numpy"]
    assert (getattr(module, f"{name}_backward", None) is None) == (reference.backward is None)
    assert op.pair("numba").name == "numba"


def test_the_table_of_ops_has_one_line_an_op():
    lines = str(ops.table()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(ops.catalogue)
    assert repr(ops.table()) == str(ops.table())


# -- by hand, on plain arrays ----------------------------------------------------------------------


def test_forward_by_hand_takes_optional_inputs_by_name_or_none():
    x, w, b = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32), np.ones(4, np.float32)
    by_position, _ = ops.linear.forward(x, w, b)
    np.testing.assert_array_equal(ops.linear.forward(x, w, bias=b)[0], by_position)
    np.testing.assert_array_equal(ops.linear.forward(x, w, None)[0], by_position - 1)
    _, cache = ops.linear.forward(x, w, bias=b)
    assert len(ops.linear.backward(by_position, cache)) == 3


@pytest.mark.parametrize("x", [[1.0, 2.0], 3.0, tinynn.tensor([1.0]), "abc", None])
def test_forward_by_hand_refuses_what_is_no_array(x):
    with pytest.raises(TinynnError, match="arrays"):
        ops.softmax.forward(x, axis=0)
    with pytest.raises(TinynnError, match="by name"):
        ops.softmax.forward(np.ones(3), -1)


def test_a_remembered_check_is_not_fooled_by_equal_numbers_of_another_type():
    x = tinynn.tensor(np.ones((2, 2)))
    assert x.sum(dim=1).shape == (2,) and x[1].shape == (2,) and x.reshape(4).shape == (4,)
    for wrong in (lambda: x.sum(dim=1.0), lambda: x[1.0], lambda: x.reshape(4.0), lambda: x.softmax(1.0)):
        with pytest.raises(TinynnError):
            wrong()
    with wrapped(shapes_only):
        assert x[True].shape == (1, 2, 2) and x[1].shape == (2,)


def test_no_op_has_a_default_that_only_its_reference_knows():
    """Kernels take the parameters by the same names and with the same defaults as the NumPy pair."""
    for name, op in ops.catalogue.items():
        if "numba" not in op.kernels or not has_numba():
            continue
        ours = inspect.signature(op.pairs["numpy"].forward).parameters
        theirs = inspect.signature(op.pair("numba").forward).parameters
        assert [(p.name, p.default) for p in ours.values()] == [
            (p.name, p.default) for p in theirs.values()
        ], name
