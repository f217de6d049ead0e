"""What a tape holds, read without changing it: its values, its calls, and the gradients that would flow.

`Tensor.backward` uses a tape up and writes into `grad`. Here each call's own backward runs on the cache
that its forward kept, and all that flows is written down instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DtypeError, StateError
from ..tensor import Node, Tensor, tape


@dataclass(eq=False)
class Value:
    """A tensor on the tape: a leaf, or the output of a call."""

    name: str
    array: np.ndarray
    needs: bool  # whether a gradient flows to it
    made_by: Call | None = None
    named: bool = False  # by the caller, not by us


@dataclass(eq=False)
class Call:
    """One op that ran."""

    node: Node
    inputs: tuple[Value, ...] = ()
    outputs: dict[int, Value] = field(default_factory=dict)  # by slot; those that are used

    @property
    def op(self) -> str:
        return self.node.op.name


@dataclass(eq=False)
class Arrival:
    """A gradient that a call sends to one of its inputs: the amount, and what is there then."""

    slot: int
    value: Value
    amount: np.ndarray
    before: np.ndarray | None
    total: np.ndarray


@dataclass(eq=False)
class Record:
    """Everything that `loss` was computed from: leaves, and calls in the order in which they ran."""

    loss: Value
    leaves: list[Value]
    calls: list[Call]

    @property
    def values(self) -> list[Value]:
        return self.leaves + [v for call in self.calls for _, v in sorted(call.outputs.items())]


def record(loss: Any, names: Any = None, where: str = "graph") -> Record:
    """Read the tape behind `loss`.

    Parameters
    ----------
    loss : Tensor
    names : dict of str to Tensor, or Module, optional
        What the tensors are called. What is no tensor is passed over, so that ``globals()`` will do; of
        a module, the names of its parameters.

    Raises
    ------
    StateError
        If there is no tape, or `backward` has used it up.
    """
    nodes = _nodes(loss, where)
    known = _names(names)
    values: dict[Any, Value] = {}
    calls = {node: Call(node) for node in nodes}
    for node in nodes:
        calls[node].inputs = tuple([_value(x, values, calls, known) for x in node.inputs])
    last = _value(loss, values, calls, known)
    _name_the_rest(last, list(calls.values()))
    return Record(last, [v for v in values.values() if v.made_by is None], list(calls.values()))


def _nodes(loss: Any, where: str) -> list[Node]:
    if not isinstance(loss, Tensor):
        raise DtypeError(where, type(loss).__name__, "a tensor", f"tinynn.course.{where}(loss)")
    nodes = tape(loss)
    if not nodes:
        raise StateError(
            where, "a tensor without history (plain data, detached, or under no_grad)",
            "one computed from a leaf that requires grad", "tensor(data, requires_grad=True)",
        )  # fmt: skip
    used = [node for node in nodes if not node.inputs]
    if used:
        raise StateError(
            where, f"a tape that backward has used up (at {used[-1].op.name})", "a fresh forward pass",
            f"{where}(loss) before loss.backward()",
        )  # fmt: skip
    return nodes


def _names(names: Any) -> dict[Any, str]:
    """The name of each tensor, by what identifies it; the first of several names counts."""
    if names is None:
        return {}
    if not isinstance(names, Mapping) and not hasattr(names, "named_parameters"):
        raise DtypeError("names", type(names).__name__, "a dict of tensors or a module", 'names={"w": w}')
    pairs = names.items() if isinstance(names, Mapping) else names.named_parameters()
    found: dict[Any, str] = {}
    for name, x in pairs:
        if isinstance(x, Tensor) and not str(name).startswith("_"):  # a notebook keeps results as _, _1, ...
            found.setdefault(_key(x), str(name))
    return found


def _key(x: Tensor) -> Any:
    return id(x) if x._node is None else (x._node, x._slot)


def _value(x: Tensor, values: dict[Any, Value], calls: dict[Node, Call], known: dict[Any, str]) -> Value:
    key = _key(x)
    if key not in values:
        call = calls[x._node] if x._node is not None else None
        values[key] = Value(known.get(key, ""), x.data, x.requires_grad, call, key in known)
        if call is not None:
            call.outputs[x._slot] = values[key]
    return values[key]


def _name_the_rest(loss: Value, calls: list[Call]) -> None:
    """L for the loss; numbers by their value; v1, v2, ... for results; p and x for other leaves."""
    loss.name = loss.name or "L"
    taken = {v.name for call in calls for v in (*call.inputs, *call.outputs.values())}
    free = {kind: _free(kind, taken) for kind in "pvx"}
    for call in calls:
        for v in (*call.inputs, *call.outputs.values()):
            if v.name:
                continue
            constant = v.made_by is None and not v.needs and v.array.ndim == 0
            kind = "v" if v.made_by else "p" if v.needs else "x"
            v.name = f"{v.array.item():.4g}".replace("-", "−") if constant else next(free[kind])


def _free(kind: str, taken: set[str]) -> Iterator[str]:
    """x1, x2, ... without what the caller has named so."""
    return (name for name in (f"{kind}{i}" for i in itertools.count(1)) if name not in taken)


# -- gradients -------------------------------------------------------------------------------------


def flow(rec: Record, upstream: np.ndarray) -> Iterator[tuple[Call, Any, list[Arrival]]]:
    """Call by call, newest first: what arrives at its output, and what it sends to its inputs.

    A call at which nothing arrives, since every path to it was cut, is left out.
    """
    held: dict[Value, np.ndarray] = {rec.loss: upstream}
    for call in reversed(rec.calls):
        dout = _arrived(call, held)
        if dout is not None:
            yield call, dout, _send(call, dout, held)


def gradients(rec: Record, upstream: np.ndarray) -> dict[Value, np.ndarray]:
    """The gradient of every value that one flows to."""
    found = {rec.loss: upstream}
    for _, _, arrivals in flow(rec, upstream):
        found.update({a.value: a.total for a in arrivals})
    return found


def _arrived(call: Call, held: dict[Value, np.ndarray]) -> Any:
    if not call.node.outputs:
        return held.get(call.outputs[0])
    parts = tuple(held.get(call.outputs[i]) if i in call.outputs else None for i in range(call.node.outputs))
    return parts if any(part is not None for part in parts) else None


def _send(call: Call, dout: Any, held: dict[Value, np.ndarray]) -> list[Arrival]:
    node = call.node
    grads = node.pair.pull(dout, node.cache, tuple([x.requires_grad for x in node.inputs]))
    arrivals = []
    for slot, (value, grad) in enumerate(zip(call.inputs, grads if isinstance(grads, tuple) else (grads,))):
        if grad is None or not value.needs:
            continue
        before = held.get(value)
        held[value] = np.asarray(grad if before is None else before + grad)
        arrivals.append(Arrival(slot, value, np.asarray(grad), before, held[value]))
    return arrivals
