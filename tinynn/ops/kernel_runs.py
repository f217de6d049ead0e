"""Runs of numbers copied, cleared and added, for kernels that move many short pieces of float32 arrays.

A loop in Numba asks first whether its arrays overlap and ends number by number, which for a run of a
hundred costs as much as the run. These say what is meant: memcpy, memset, and sums sixteen abreast.
Positions count elements from the beginning of a contiguous array; nothing checks them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDE = ir.VectorType(ir.FloatType(), 16)
SIZE = 4  # bytes of a float32


def _address(context: Any, builder: Any, kind: Any, array: Any, position: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [position])


@intrinsic
def copy_run(typingctx: Any, source: Any, start: Any, target: Any, to: Any, n: Any) -> tuple:
    """target[to : to + n] = source[start : start + n], of two arrays."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, start, b, to, n = values
        here, there = _address(context, builder, source, a, start), _address(context, builder, target, b, to)
        cgutils.raw_memcpy(builder, there, here, n, SIZE, align=SIZE)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.intp), codegen


@intrinsic
def clear_run(typingctx: Any, target: Any, to: Any, n: Any) -> tuple:
    """target[to : to + n] = 0."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        b, to, n = values
        there = _address(context, builder, target, b, to)
        cgutils.memset(builder, there, builder.mul(n, ir.Constant(n.type, SIZE)), 0)
        return context.get_dummy_value()

    return types.void(target, types.intp, types.intp), codegen


@intrinsic
def add_run(typingctx: Any, source: Any, start: Any, target: Any, to: Any, n: Any) -> tuple:
    """target[to : to + n] += source[start : start + n], of two arrays."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, start, b, to, n = values
        here, there = _address(context, builder, source, a, start), _address(context, builder, target, b, to)
        zero, one, wide = (ir.Constant(n.type, k) for k in (0, 1, 16))
        whole = builder.and_(n, ir.Constant(n.type, -16))

        def add(i: Any, kind: Any) -> None:
            x, y = (builder.bitcast(builder.gep(p, [i]), kind.as_pointer()) for p in (here, there))
            total = builder.fadd(builder.load(x, align=SIZE), builder.load(y, align=SIZE))
            builder.store(total, y, align=SIZE)

        with cgutils.for_range_slice(builder, zero, whole, wide) as (i, _):
            add(i, WIDE)
        with cgutils.for_range_slice(builder, whole, n, one) as (i, _):
            add(i, ir.FloatType())
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.intp), codegen
