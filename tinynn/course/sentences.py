"""One sentence for each step through a tape: what is computed, in names and, where they fit, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .formulas import BACKWARD, FORWARD
from .plots.boxes import brief, results, shape
from .plots.given import listed, number
from .record import Arrival, Call, Record, Value


def starting(rec: Record) -> str:
    """What is there before anything is computed."""
    return f"Start: {listed(values(rec.leaves), 8)}. Nothing is computed yet."


def values(some: Sequence[Value]) -> list[str]:
    """``a = 2`` for each of them; numbers that stand in the code need no name."""
    return [f"{v.name} = {short(v.array)}" for v in some if v.name != brief(v.array)]


def forward(call: Call) -> str:
    """``mul: v1 = a * b = 2 * 3 = 6``."""
    made = " and ".join(v.name for v in results(call))
    said = [_forward_formula(call, lambda v: v.name)]
    if _are_numbers(call) and call.op in FORWARD:
        said.append(_forward_formula(call, _in_formula))
    said.append(" and ".join(short(v.array) for v in results(call)))
    return f"{call.op}: {made} = {' = '.join(dict.fromkeys(said))}."


def seeding(loss: Value, upstream: np.ndarray) -> str:
    """Where the way back begins."""
    return f"Now backward: the gradient begins at {loss.name} itself, {_d(loss, loss)} = {short(upstream)}."


def backward(call: Call, loss: Value, dout: Any, arrivals: Sequence[Arrival]) -> str:
    """``mul: dL/da = dL/dy * b = 2 * 3 = 6; a has now collected 6``."""
    if not arrivals:
        return f"{call.op}: nothing that it was computed from needs a gradient."
    return f"{call.op}: {'; '.join(_arrival(call, loss, dout, a) for a in arrivals)}."


def _arrival(call: Call, loss: Value, dout: Any, a: Arrival) -> str:
    sign = "=" if a.before is None else "+="
    said = [_backward_formula(call, a.slot, lambda v: v.name, _d(loss, *results(call)))]
    if _are_numbers(call) and _backward_of(call, a.slot):
        said.append(_backward_formula(call, a.slot, _in_formula, _number_in(dout)))
    said.append(short(a.amount))
    text = f"{_d(loss, a.value)} {sign} {' = '.join(dict.fromkeys(said))}"
    text += _summed(call, dout, a)
    if a.before is None:
        return f"{text}; {a.value.name} has now collected {short(a.total)}" if a.total.ndim == 0 else text
    return f"{text}; {a.value.name} had {short(a.before)} and has now collected {short(a.total)}"


def _summed(call: Call, dout: Any, a: Arrival) -> str:
    """What a formula leaves out: sums over what was broadcast, and over the rows of a whole batch."""
    if call.op == "linear":
        return (
            ", all rows of the batch in one matrix" if a.slot == 1 and call.inputs[0].array.ndim > 2 else ""
        )
    deepest = max(v.array.ndim for v in call.inputs)
    broadcast = a.amount.ndim < deepest if call.op == "matmul" else a.amount.shape != np.shape(dout)
    if broadcast and call.op in ("add", "sub", "mul", "div", "pow", "matmul"):
        return f", summed to the shape {shape(a.amount)} of {a.value.name}"
    return ""


# -- formulas filled in ----------------------------------------------------------------------------


def _forward_formula(call: Call, write: Callable[[Value], str]) -> str:
    parts = [write(v) for v in call.inputs]
    formula = FORWARD.get(call.op)
    if formula is None or (call.op == "linear" and len(parts) == 2):
        return f"{parts[0]} @ {parts[1]}.T" if call.op == "linear" else f"{call.op}({', '.join(parts)})"
    return formula.format(*parts)


def _backward_formula(call: Call, slot: int, write: Callable[[Value], str], dout: str) -> str:
    formula = _backward_of(call, slot)
    if formula is None:
        return f"the backward of {call.op} for {dout}"
    return formula.format(*[write(v) for v in call.inputs], y=write(results(call)[0]), d=dout)


def _backward_of(call: Call, slot: int) -> str | None:
    """The formula of the gradient for an input; none is there for products of vectors."""
    formulas = BACKWARD.get(call.op, ())
    vectors = call.op in ("matmul", "linear") and call.inputs[0].array.ndim < 2
    vectors = vectors or (call.op == "matmul" and call.inputs[1].array.ndim < 2)
    return None if vectors or slot >= len(formulas) else formulas[slot]


def _are_numbers(call: Call) -> bool:
    """Whether every input and output is a single number, so that the formula can be done by hand."""
    return all(v.array.ndim == 0 for v in (*call.inputs, *results(call)))


def _in_formula(v: Value) -> str:
    return _number_in(v.array)


def _number_in(array: Any) -> str:
    """A number as it stands in a formula: a negative one in parentheses."""
    text = number(np.asarray(array).item())
    return f"({text})" if text.startswith("−") else text


def _d(loss: Value, *values: Value) -> str:
    """dL/da, with parentheses around what is not one word."""
    names = [v.name if v.name.isidentifier() else f"({v.name})" for v in (loss, *values)]
    return " and ".join(f"d{names[0]}/d{name}" for name in names[1:])


def short(array: np.ndarray) -> str:
    """An array on one line."""
    rows = brief(array).split("\n")
    return rows[0] if len(rows) == 1 else f"[{', '.join(rows)}]"
