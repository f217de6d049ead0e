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

SIZE = 4  # bytes of a float32


def _along(builder: Any, n: Any, step: Any) -> None:
    """Call ``step(i, wide)`` for i = 0, 16, 32, ... and then one by one, until n."""
    zero, one, sixteen = (ir.Constant(n.type, k) for k in (0, 1, 16))
    whole = builder.and_(n, ir.Constant(n.type, -16))
    with cgutils.for_range_slice(builder, zero, whole, sixteen) as (i, _):
        step(i, True)
    with cgutils.for_range_slice(builder, whole, n, one) as (i, _):
        step(i, False)


def _at(builder: Any, pointer: Any, i: Any, wide: bool) -> Any:
    """Address of element i of a run, or of sixteen from there on."""
    place = builder.gep(pointer, [i])
    kind = pointer.type.pointee
    return builder.bitcast(place, ir.VectorType(kind, 16).as_pointer()) if wide else place


def _spread(builder: Any, value: Any, wide: bool) -> Any:
    """A number, or sixteen copies of it."""
    if not wide:
        return value
    kind = ir.VectorType(value.type, 16)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), lanes)


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

        def add(i: Any, wide: bool) -> None:
            x, y = (_at(builder, p, i, wide) for p in (here, there))
            total = builder.fadd(builder.load(x, align=SIZE), builder.load(y, align=SIZE))
            builder.store(total, y, align=SIZE)

        _along(builder, n, add)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.intp), codegen


@intrinsic
def win_run(typingctx: Any, x: Any, start: Any, y: Any, which: Any, to: Any, tap: Any, n: Any) -> tuple:
    """Where x[start + i] is larger than y[to + i], or NaN, it takes its place, and which[to + i] = tap."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, start, b, w, to, tap, n = values
        here = _address(context, builder, x, a, start)
        best, winner = (_address(context, builder, k, v, to) for k, v in ((y, b), (which, w)))

        def challenge(i: Any, wide: bool) -> None:
            p, q, r = (_at(builder, pointer, i, wide) for pointer in (here, best, winner))
            v, old, old_tap = (builder.load(pointer, align=SIZE) for pointer in (p, q, r))
            wins = builder.or_(builder.fcmp_ordered(">", v, old), builder.fcmp_unordered("uno", v, v))
            builder.store(builder.select(wins, v, old), q, align=SIZE)
            builder.store(builder.select(wins, _spread(builder, tap, wide), old_tap), r, align=SIZE)

        _along(builder, n, challenge)
        return context.get_dummy_value()

    i = types.intp
    return types.void(x, i, y, which, i, types.int32, i), codegen


@intrinsic
def give_run(typingctx: Any, dy: Any, which: Any, start: Any, dx: Any, to: Any, tap: Any, n: Any) -> tuple:
    """dx[to + i] += dy[start + i] where which[start + i] is tap."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, w, start, b, to, tap, n = values
        here, winner = (_address(context, builder, k, v, start) for k, v in ((dy, a), (which, w)))
        there = _address(context, builder, dx, b, to)

        def give(i: Any, wide: bool) -> None:
            p, r, q = (_at(builder, pointer, i, wide) for pointer in (here, winner, there))
            d, old = builder.load(p, align=SIZE), builder.load(q, align=SIZE)
            won = builder.icmp_signed("==", builder.load(r, align=SIZE), _spread(builder, tap, wide))
            builder.store(builder.select(won, builder.fadd(old, d), old), q, align=SIZE)

        _along(builder, n, give)
        return context.get_dummy_value()

    i = types.intp
    return types.void(dy, which, i, dx, i, types.int32, i), codegen
