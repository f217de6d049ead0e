"""embedding's kernels: rows gathered, gradients added in a fixed order, and the atomic way beside it."""

from __future__ import annotations

import numpy as np
import pytest
from against_reference import compare, compare_case, poison, same
from cases import BIG, CASES
from interpreted import launched

from tinynn.gpu import launch
from tinynn.ops import embedding, embedding_cuda


@pytest.fixture(autouse=True)
def poisoned_outputs():
    with poison(embedding_cuda):
        yield


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def places(high, *shape):
    return np.random.default_rng(1).integers(0, high, shape)


@pytest.mark.parametrize("case", [c for c in CASES if c.op == "embedding"], ids=lambda c: c.id)
def test_pair_is_the_reference_s(case):
    compare_case(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in BIG if c.op == "embedding"], ids=lambda c: c.id)
def test_pair_is_the_reference_s_on_large_inputs(case):
    compare_case(case)


def test_the_kernels_that_run():
    names = compare("embedding", [places(3, 5), normal(3, 2)], {})
    assert names == ["gather", "find_rows", "scatter_add"]


@pytest.mark.parametrize(
    "padding_idx, dtype", [(None, np.uint8), (0, np.int32), (3, np.int64), (-1, np.int64)]
)
def test_a_row_that_is_looked_up_often_and_one_that_never_is(padding_idx, dtype):
    indices = np.array([[3, 0, 3, 3], [3, 5, 3, 3]], dtype)
    compare("embedding", [indices, normal(6, 35)], {"padding_idx": padding_idx})


@pytest.mark.parametrize("wide, tall", [(1, 1), (2, 3), (4, 2)])
def test_lines_of_every_size_add_the_same(wide, tall):
    indices, dy = places(4, 19), normal(19, 5)
    order = np.argsort(indices, kind="stable")
    starts = np.searchsorted(indices[order], np.arange(5)).astype(np.int32)
    dw = np.full((4, 5), np.nan, np.float32)
    kernel = embedding_cuda.make_scatter_add(wide, tall)
    launch(kernel, (4, -(-5 // wide)), (wide, tall), order, starts, -1, dy, dw)
    same(dw, embedding.pair("numpy").backward(dy, (indices, (4, 5), None))[1])


@pytest.mark.parametrize("indices", [[], [0], [4], [0, 0, 0], [1, 2, 2, 2, 4, 4], list(range(5))])
def test_where_rows_begin(indices):
    starts = np.full(6, -1, np.int32)
    launch(embedding_cuda.find_rows, 1, 8, np.array(indices, np.int64), starts)
    np.testing.assert_array_equal(starts, np.searchsorted(indices, np.arange(6)))


def test_values_that_are_not_finite_stay_in_their_rows():
    weight, dy = normal(4, 3), normal(5, 3)
    weight[1, 1], dy[2, 0], dy[3, 2] = np.nan, np.inf, -np.inf
    indices = np.array([0, 1, 2, 2, 0])
    y, cache = embedding_cuda.embedding_forward(indices, weight)
    same(y, weight[indices])
    same(embedding_cuda.embedding_backward(dy, cache)[1], embedding.pair("numpy").backward(dy, cache)[1])


def test_atomics_give_the_same_sums():
    indices, dy = places(3, 2, 9), normal(2, 9, 5)
    for padding_idx in (None, -1):
        cache = (indices, (3, 5), padding_idx)
        with launched() as names:
            _, dw = embedding_cuda.atomic_backward(dy, cache)
        assert names == ["scatter_add_atomic"]
        same(dw, embedding.pair("numpy").backward(dy, cache)[1])


def test_the_same_numbers_give_the_same_bits():
    cache, dy = (places(3, 90), (3, 2), None), normal(90, 2)
    first, again = (embedding_cuda.embedding_backward(dy, cache)[1] for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_out_of_range_gives_nan_and_reads_nothing_outside(index):
    y, _ = embedding.pair("simt").forward(np.array([2, index]), np.ones((3, 5), np.float32))
    assert (y[0] == 1).all() and np.isnan(y[1]).all()
