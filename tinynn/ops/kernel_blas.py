"""SciPy's single-precision matrix product, called from compiled code: no Python, no copies, in any thread."""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from .kernel import share

# Found by name when a kernel is loaded: an address would differ in the next process, and forbid caching.
binding.add_symbol("tinynn_sgemm", get_cython_function_address("scipy.linalg.cython_blas", "sgemm"))

POINTER = ir.IntType(8).as_pointer()
INT, FLOAT, CHAR = ir.IntType(32), ir.FloatType(), ir.IntType(8)
SGEMM = ir.FunctionType(ir.VoidType(), [POINTER] * 13)


@intrinsic
def _sgemm(context: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, a: Any, lda: Any, b: Any, ldb: Any,
           beta: Any, c: Any, ldc: Any) -> tuple:  # fmt: skip
    """BLAS's sgemm with alpha = 1; as in Fortran, every argument goes by address."""
    arrays = {"a": a, "b": b, "c": c}

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc = values

        def by_address(value: Any) -> Any:
            return builder.bitcast(cgutils.alloca_once_value(builder, value), POINTER)

        def char(flipped: Any) -> Any:
            return by_address(builder.select(flipped, CHAR(ord("T")), CHAR(ord("N"))))

        def size(value: Any) -> Any:
            return by_address(builder.trunc(value, INT))

        def data(name: str, value: Any) -> Any:
            return builder.bitcast(context.make_array(arrays[name])(context, builder, value).data, POINTER)

        function = cgutils.get_or_insert_function(builder.module, SGEMM, "tinynn_sgemm")
        builder.call(
            function,
            [char(ta), char(tb), size(m), size(n), size(k), by_address(FLOAT(1.0)), data("a", a), size(lda),
             data("b", b), size(ldb), by_address(beta), data("c", c), size(ldc)],
        )  # fmt: skip
        return context.get_dummy_value()

    i, flag = types.intp, types.boolean
    return types.void(flag, flag, i, i, i, a, i, b, i, types.float32, c, i), codegen


@share
def product(a: Any, b: Any, beta: float, c: Any) -> None:
    """c = a @ b + beta c, for float32 matrices; in each, one axis is contiguous, in c the last.

    BLAS counts columns first, so it is told c.T = b.T @ a.T.
    """
    m, k = a.shape
    n = b.shape[1]
    if m == 0 or n == 0:
        return
    a_flipped, b_flipped = a.strides[1] != 4, b.strides[1] != 4
    lda = a.strides[1] if a_flipped else a.strides[0]
    ldb = b.strides[1] if b_flipped else b.strides[0]
    _sgemm(
        b_flipped, a_flipped, n, m, k,
        b, max(ldb // 4, k if b_flipped else n, 1),  # the stride of an axis of size 1 may be anything
        a, max(lda // 4, m if a_flipped else k, 1),
        beta, c, max(c.strides[0] // 4, n),
    )  # fmt: skip
