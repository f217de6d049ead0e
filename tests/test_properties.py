"""Properties that hold for every shape: broadcasting, reductions, moving elements, softmax."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinynn import Tensor, gradcheck
from tinynn import functional as F
from tinynn.ops.elementwise import unbroadcast

settings.register_profile("quick", max_examples=60, deadline=None)
settings.load_profile("quick")

numbers = st.floats(-3, 3, width=64)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
filled_shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)


def leaf(array) -> Tensor:
    return Tensor(np.asarray(array), requires_grad=True)


def arrays_of(shape):
    return hnp.arrays(np.float64, shape, elements=numbers)


@st.composite
def broadcasting(draw, count=2):
    """Arrays that broadcast with each other, and the shape they broadcast to."""
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=4, min_side=0, max_side=3))
    return [draw(arrays_of(s)) for s in drawn.input_shapes], drawn.result_shape


@st.composite
def with_axes(draw, nonempty=False):
    """An array, and axes to reduce: one, some, or all."""
    shape = draw(filled_shapes if nonempty else shapes)
    some = st.lists(st.integers(0, max(len(shape) - 1, 0)), unique=True, max_size=len(shape))
    axes = draw(some) if shape else []
    signed = tuple(a - len(shape) if draw(st.booleans()) else a for a in axes)
    choice = draw(st.sampled_from(["all", "tuple", "one"]))
    return draw(arrays_of(shape)), None if choice == "all" else signed[
        0
    ] if choice == "one" and axes else signed


# -- broadcasting ----------------------------------------------------------------------------------


@given(broadcasting(), st.data())
def test_the_gradient_of_a_stretched_input_is_the_sum_over_its_copies(drawn, data):
    (a, b), shape = drawn
    upstream = data.draw(arrays_of(shape))
    for function, da, db in [(F.add, 1, 1), (F.sub, 1, -1), (F.mul, b, a)]:
        x, y = leaf(a), leaf(b)
        z = function(x, y)
        assert z.shape == shape
        z.backward(upstream)
        for got, slope, like in ((x.grad, da, a), (y.grad, db, b)):
            np.testing.assert_allclose(
                got.data, unbroadcast(np.asarray(upstream * slope), like.shape), atol=1e-12
            )


@given(broadcasting(3))
def test_where_splits_the_gradient_between_its_branches(drawn):
    (c, a, b), shape = drawn
    x, y = leaf(a), leaf(b)
    F.where(c > 0, x, y).sum().backward()
    total = x.grad.data.sum() + y.grad.data.sum()
    assert total == math.prod(shape)


@given(arrays_of(filled_shapes), st.data())
def test_unbroadcast_undoes_broadcast_to(a, data):
    """<broadcast(a), g> = <a, unbroadcast(g)>: the two are transposes of each other."""
    shape = data.draw(
        hnp.broadcastable_shapes(a.shape, max_dims=5, max_side=3).filter(lambda s: len(s) >= a.ndim)
    )
    wide = np.broadcast_shapes(a.shape, shape)
    g = data.draw(arrays_of(wide))
    np.testing.assert_allclose(
        (np.broadcast_to(a, wide) * g).sum(), (a * unbroadcast(g, a.shape)).sum(), atol=1e-9
    )
    x = leaf(a)
    F.broadcast_to(x, wide).backward(g)
    np.testing.assert_allclose(x.grad.data, unbroadcast(g, a.shape), atol=1e-12)


# -- reductions ------------------------------------------------------------------------------------


@given(with_axes(), st.booleans())
def test_sum_over_any_axes(drawn, keepdim):
    a, axes = drawn
    x = leaf(a)
    y = x.sum(dim=axes, keepdim=keepdim)
    np.testing.assert_allclose(y.data, a.sum(axis=axes, keepdims=keepdim), atol=1e-12)
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(x.grad.data, np.ones(a.shape))


@given(with_axes(nonempty=True), st.booleans())
def test_mean_is_the_sum_over_the_count_and_var_its_spread(drawn, keepdim):
    a, axes = drawn
    y = leaf(a).mean(dim=axes, keepdim=keepdim)
    np.testing.assert_allclose(y.data, a.mean(axis=axes, keepdims=keepdim), atol=1e-12)
    v = leaf(a).var(dim=axes, correction=0, keepdim=keepdim)
    np.testing.assert_allclose(v.data, a.var(axis=axes, keepdims=keepdim), atol=1e-12)
    x = leaf(a)
    x.mean(dim=axes).sum().backward()
    share = y.size / a.size
    np.testing.assert_allclose(x.grad.data, np.full(a.shape, share), atol=1e-12)


@given(with_axes(nonempty=True))
def test_max_sends_each_gradient_to_its_winners(drawn):
    a, axes = drawn
    x = leaf(a)
    y = x.max(dim=axes)
    np.testing.assert_array_equal(y.data, a.max(axis=axes))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.data.sum(axis=axes), np.ones(y.shape))
    assert (x.grad.data >= 0).all()


# -- moving elements -------------------------------------------------------------------------------


@given(arrays_of(shapes), st.randoms())
def test_permute_and_back_is_the_identity(a, random):
    axes = list(range(a.ndim))
    random.shuffle(axes)
    x = leaf(a)
    y = x.permute(axes)
    back = y.permute([axes.index(i) for i in range(a.ndim)])
    np.testing.assert_array_equal(back.data, a)
    y.backward(y.data)
    np.testing.assert_array_equal(x.grad.data, a)


@given(arrays_of(shapes), st.randoms())
def test_reshape_and_back_is_the_identity(a, random):
    x = leaf(a)
    sides = list(a.shape)
    random.shuffle(sides)
    y = x.reshape(sides).flatten()
    assert y.shape == (a.size,)
    y.reshape(a.shape).backward(a)
    np.testing.assert_array_equal(x.grad.data, a)


@given(arrays_of(filled_shapes), st.data())
def test_indexing_gives_each_place_the_gradients_of_its_copies(a, data):
    basic = hnp.basic_indices(a.shape, allow_newaxis=True, allow_ellipsis=True)
    index = data.draw(st.one_of(basic, hnp.integer_array_indices(a.shape)))
    x = leaf(a)
    y = x[index]
    np.testing.assert_array_equal(y.data, a[index])
    upstream = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(upstream)
    wanted = np.zeros(a.shape)
    np.add.at(wanted, index, upstream)
    np.testing.assert_array_equal(x.grad.data, wanted)


@given(st.data())
def test_what_concat_joins_slices_take_apart(data):
    shape = list(data.draw(filled_shapes))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [
        leaf(data.draw(arrays_of((*shape[: axis % len(shape)], n, *shape[axis % len(shape) + 1 :]))))
        for n in sizes
    ]
    whole = F.concat(parts, dim=axis)
    whole.backward(whole.data)
    for part in parts:
        np.testing.assert_array_equal(part.grad.data, part.data)


@given(arrays_of(filled_shapes), st.integers(1, 3), st.data())
def test_stack_and_iteration_are_inverse(a, n, data):
    axis = data.draw(st.integers(-a.ndim - 1, a.ndim))
    parts = [leaf(a + i) for i in range(n)]
    whole = F.stack(parts, dim=axis)
    np.testing.assert_array_equal(whole.data, np.stack([p.data for p in parts], axis))
    whole.backward(whole.data)
    for part in parts:
        np.testing.assert_array_equal(part.grad.data, part.data)


@given(arrays_of(filled_shapes), st.data())
def test_pad_and_slice_are_inverse(a, data):
    widths = [data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in a.shape]
    x = leaf(a)
    y = F.pad(x, widths, value=9.0)
    assert y.shape == tuple(n + sum(w) for n, w in zip(a.shape, widths))
    inside = tuple(slice(b, b + n) for n, (b, _) in zip(a.shape, widths))
    np.testing.assert_array_equal(y.data[inside], a)
    assert y.data.sum() - a.sum() == np.float64(9.0 * (y.size - a.size)) or np.isclose(
        y.data.sum() - a.sum(), 9.0 * (y.size - a.size)
    )
    y.backward(y.data)
    np.testing.assert_array_equal(x.grad.data, a)


# -- softmax ---------------------------------------------------------------------------------------


@given(arrays_of(filled_shapes), st.floats(-1000, 1000), st.data())
def test_softmax_is_a_distribution_that_a_shift_leaves_alone(a, shift, data):
    dim = data.draw(st.integers(-a.ndim, a.ndim - 1))
    p = F.softmax(leaf(a), dim)
    assert (p.data >= 0).all()
    np.testing.assert_allclose(p.data.sum(axis=dim), 1.0)
    np.testing.assert_allclose(F.softmax(leaf(a + shift), dim).data, p.data, atol=1e-10)
    np.testing.assert_allclose(np.exp(F.log_softmax(leaf(a), dim).data), p.data, atol=1e-12)
    x = leaf(a)
    upstream = data.draw(arrays_of(a.shape))
    F.softmax(x, dim).backward(upstream)
    np.testing.assert_allclose(x.grad.data.sum(axis=dim), 0.0, atol=1e-9)  # a shift changes nothing


@given(arrays_of(st.tuples(st.integers(1, 4), st.integers(1, 4))), st.data())
def test_cross_entropy_is_what_log_softmax_and_nll_loss_give(a, data):
    targets = np.array([data.draw(st.integers(0, a.shape[1] - 1)) for _ in a])
    smoothing = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    reduction = data.draw(st.sampled_from(["mean", "sum", "none"]))
    x, y = leaf(a), leaf(a)
    fused = F.cross_entropy(x, targets, reduction, label_smoothing=smoothing)
    parts = F.nll_loss(F.log_softmax(y, 1), targets, reduction, label_smoothing=smoothing)
    np.testing.assert_allclose(fused.data, parts.data, atol=1e-12)
    fused.sum().backward()
    parts.sum().backward()
    np.testing.assert_allclose(x.grad.data, y.grad.data, atol=1e-12)


# -- everything at once ----------------------------------------------------------------------------


@settings(max_examples=25)
@given(broadcasting())
def test_a_mixture_of_broadcasting_ops_has_the_gradients_of_its_differences(drawn):
    (a, b), shape = drawn
    result = gradcheck(lambda x, y: ((x * y).tanh() + y).sigmoid() * x, a, b)
    assert result or result.compared == 0


# -- convolution -----------------------------------------------------------------------------------


@st.composite
def convolutions(draw):
    """Images, a weight, and settings that fit: (x, w, settings)."""
    groups = draw(st.integers(1, 2))
    n, c, o = draw(st.integers(0, 2)), groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(2))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    image = [r + draw(st.integers(0, 3)) for r in reach]
    settings = {
        "stride": tuple(draw(st.integers(1, 3)) for _ in range(2)),
        "padding": tuple(draw(st.integers(0, 2)) for _ in range(2)),
        "dilation": dilation,
        "groups": groups,
    }
    return draw(arrays_of((n, c, *image))), draw(arrays_of((o, c // groups, *kernel))), settings


@given(convolutions(), st.data(), numbers)
def test_convolution_is_linear(drawn, data, factor):
    x, w, settings = drawn
    other = data.draw(arrays_of(x.shape))
    both = F.conv2d(Tensor(x + factor * other), w, **settings)
    apart = F.conv2d(Tensor(x), w, **settings) + F.conv2d(Tensor(other), w, **settings) * factor
    np.testing.assert_allclose(both.data, apart.data, atol=1e-9)


@given(convolutions(), st.integers(0, 2), st.integers(0, 2))
def test_shifting_the_image_shifts_the_result(drawn, down, right):
    """Under a stride of 1 and without padding: what lies further down is found further down."""
    x, w, settings = drawn
    settings |= {"stride": 1, "padding": 0}
    y = F.conv2d(Tensor(x), w, **settings).data
    shifted = np.pad(x, ((0, 0), (0, 0), (down, 0), (right, 0)))
    z = F.conv2d(Tensor(shifted), w, **settings).data
    np.testing.assert_allclose(z[:, :, down:, right:], y, atol=1e-12)


@given(convolutions(), st.data())
def test_conv_transpose_is_the_adjoint_of_conv(drawn, data):
    """<conv(x), y> = <x, conv_transpose(y)>, with the output padding that leads to the size of x."""
    x, w, settings = drawn
    y = F.conv2d(Tensor(x), w, **settings).data
    v = data.draw(arrays_of(y.shape))
    rest = tuple(
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, p, d, k, s in zip(
            x.shape[2:], settings["padding"], settings["dilation"], w.shape[2:], settings["stride"]
        )
    )
    back = F.conv_transpose2d(Tensor(v), w, output_padding=rest, **settings).data
    assert back.shape == x.shape
    np.testing.assert_allclose((y * v).sum(), (x * back).sum(), atol=1e-8)


@given(convolutions())
def test_a_window_s_mean_is_a_convolution_and_its_largest_is_at_least_that(drawn):
    x, _, _ = drawn
    c, size = x.shape[1], (min(2, x.shape[2]), min(2, x.shape[3]))
    mean = F.avg_pool2d(Tensor(x), size, stride=1).data
    w = np.full((c, 1, *size), 1 / (size[0] * size[1]))
    np.testing.assert_allclose(mean, F.conv2d(Tensor(x), w, groups=c).data, atol=1e-12)
    assert (F.max_pool2d(Tensor(x), size, stride=1).data >= mean - 1e-12).all()
