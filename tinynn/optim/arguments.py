"""Reading what an optimiser is given: parameters, groups, saved states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, KeysError
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..ops.op import describe
from ..tensor import Tensor

Group = dict[str, Any]
Params = Iterable[Tensor] | Iterable[Group]


def groups(where: str, params: Any) -> list[Group]:
    """Groups, whether the user gave groups or parameters."""
    given = _listed(where, params)
    if all(isinstance(group, Mapping) for group in given):
        return [dict(group) for group in given]
    return [{"params": given}]


def parameters(where: str, params: Any, held: set[int]) -> list[Tensor]:
    """The parameters of one group, each a leaf to be trained that no group holds yet."""
    given = [params] if isinstance(params, Tensor) else _listed(where, params)
    for p in given:
        _trainable(where, p)
        if id(p) in held:
            hint = "model.parameters(), which gives a shared parameter once"
            raise ArgumentError(where, f"a parameter {p.shape} twice", "each parameter once", hint)
        held.add(id(p))
    return given


def _listed(where: str, params: Any) -> list:
    hints = {Tensor: "[tensor]", Mapping: "[group]", Module: "model.parameters()", str: "model.parameters()"}
    for kind, hint in hints.items():
        if isinstance(params, kind):
            raise DtypeError(
                where, f"a {type(params).__name__}", "an iterable of parameters or of groups", hint
            )
    if not isinstance(params, Iterable):
        raise DtypeError(
            where, describe(params), "an iterable of parameters or of groups", "model.parameters()"
        )
    given = list(params)
    if not given:
        got = "no parameters (a generator that was used up gives none)"
        raise ArgumentError(where, got, "at least one", "list(model.parameters()), to use them twice")
    return given


def _trainable(where: str, p: Any) -> None:
    """Refuse what no step could change. A frozen Parameter passes: it may thaw."""
    if not isinstance(p, Tensor):
        raise DtypeError(where, f"{describe(p)} among the parameters", "Tensors", "model.parameters()")
    if not p.is_leaf:
        raise ArgumentError(where, f"the result of {p.op}", "a leaf", "nn.Parameter(tensor)")
    if not p.requires_grad and not isinstance(p, Parameter):
        got = f"a Tensor {p.shape} that does not require grad"
        raise ArgumentError(where, got, "one that does", "tensor.requires_grad_()")


def settings(group: Group) -> Group:
    """The settings of a group, without its parameters, as Python numbers."""
    return {key: python_number(value) for key, value in group.items() if key != "params"}


def python_number(value: Any) -> Any:
    """NumPy's numbers would turn float32 arithmetic into float64, and JSON does not take them."""
    if isinstance(value, (tuple, list)):
        return tuple(python_number(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def read_state(where: str, state_dict: Any) -> tuple[list[Group], dict[int, dict[str, Any]]]:
    """Groups and state of a saved optimiser, with numbers and tuples where JSON left text and lists."""
    try:
        state = {int(i): dict(kept) for i, kept in state_dict["state"].items()}
        saved = [{**settings(group), "params": list(group["params"])} for group in state_dict["param_groups"]]
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as problem:
        got = f"{describe(state_dict)} ({type(problem).__name__}: {problem})"
        raise KeysError(where, got, "a dict with state and param_groups", "optimizer.state_dict()") from None
    return saved, state


def group_problems(saved: list[Group], own: list[Group]) -> list[str]:
    """Where saved groups differ from an optimiser's in number, size or names of settings."""
    if len(saved) != len(own):
        return [f"{len(saved)} parameter groups, here {len(own)}"]
    problems = []
    for i, (a, b) in enumerate(zip(saved, own)):
        if len(a["params"]) != len(b["params"]):
            problems.append(f"group {i} with {len(a['params'])} parameters, here {len(b['params'])}")
        if set(a) != set(b):
            problems.append(f"group {i} without a match for {', '.join(sorted(set(a) ^ set(b)))}")
    return problems


def state_problems(state: dict[int, dict], params: list[Tensor], names: list[tuple[str, ...]]) -> list[str]:
    """Where saved state differs in parameters, names or shapes; `names` are the arrays of each parameter."""
    problems = []
    for i, kept in state.items():
        if not 0 <= i < len(params):
            problems.append(f"state of parameter {i}, here {len(params)} parameters")
        elif set(kept) != {"step", *names[i]}:
            problems.append(f"parameter {i} with {', '.join(kept)}, here {', '.join(('step', *names[i]))}")
        elif isinstance(kept["step"], bool) or not isinstance(kept["step"], (int, np.integer)):
            problems.append(f"parameter {i} at step {kept['step']!r}, here a whole number")
        else:
            arrays = {name: np.asarray(kept[name]) for name in names[i]}
            problems += [
                f"parameter {i}: {name} {a.shape} of {a.dtype}, here {params[i].shape} of {params[i].dtype}"
                for name, a in arrays.items()
                if a.shape != params[i].shape or a.dtype != params[i].dtype
            ]
    return problems
