"""What all optimisers share: parameters in groups, settings, state, saving and loading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, KeysError, StateError
from ..nn.checks import number
from ..nn.module import Module, Parameter
from ..ops.op import describe
from ..tensor import Tensor

Params = Iterable[Tensor] | Iterable[dict[str, Any]]


class Optimizer:
    """Base of all optimisers: groups of parameters, each with its own settings, and the state of each parameter.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        ``model.parameters()``, or groups ``{"params": ..., "lr": ...}`` whose settings replace the
        defaults.
    **defaults
        Settings of every group that does not bring its own.

    Attributes
    ----------
    param_groups : list of dict
        Settings may be changed at any time: ``optimizer.param_groups[0]["lr"] = 1e-4``.
    state : dict of Tensor to dict
        What the optimiser remembers of each parameter, made at its first step.

    Notes
    -----
    A subclass names in `state_arrays` the arrays it keeps for a group, and makes a step in `_update`.
    """

    def __init__(self, params: Params, **defaults: Any) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in _groups(type(self).__name__, params):
            self.add_param_group(group)

    # -- what a subclass says --------------------------------------------------------------------

    def _check(self, group: dict[str, Any]) -> None:
        """Refuse settings without a meaning. Runs for new groups, loaded ones and before each step."""
        name = type(self).__name__
        number(name, "lr", group["lr"], hint="lr=1e-3")
        number(name, "weight_decay", group["weight_decay"], hint="weight_decay=0.01")

    def state_arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Names of the arrays kept for each parameter of a group, under PyTorch's names."""
        return ()

    def _update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change `p` and `state` in place."""
        raise NotImplementedError

    # -- groups ----------------------------------------------------------------------------------

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Train more parameters, with settings of their own where `group` names them."""
        name = type(self).__name__
        unknown = sorted(set(group) - set(self.defaults) - {"params"})
        if unknown or "params" not in group:
            got = f"a group with {', '.join(unknown)}" if unknown else "a group without params"
            known = ", ".join(["params", *self.defaults])
            raise ArgumentError(
                name, got, f"keys among {known}", '{"params": layer.parameters(), "lr": 0.01}'
            )
        held = {id(p) for other in self.param_groups for p in other["params"]}
        whole = {"params": _parameters(name, group["params"], held)}
        whole |= self.defaults | {key: value for key, value in group.items() if key != "params"}
        self._check(whole)
        self.param_groups.append(whole)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    # -- stepping --------------------------------------------------------------------------------

    def step(self) -> None:
        """Move every parameter that has a gradient and is not frozen.

        Everything is checked before the first parameter moves.

        Raises
        ------
        StateError
            If a gradient, or the state kept so far, does not fit the parameter as it is now.
        ArgumentError, DtypeError
            For settings that were changed to something without a meaning.
        """
        todo = []
        for group in self.param_groups:
            self._check(group)
            names = self.state_arrays(group)
            for p in group["params"]:
                if p.grad is not None and p.requires_grad:
                    self._fit(p, names)
                    todo.append((p, names, group))
        for p, names, group in todo:
            state = self.state.setdefault(p, {"step": 0})
            for name in names:
                if name not in state:
                    state[name] = np.zeros(p.shape, p.dtype)
            state["step"] += 1
            self._update(p.data, p.grad.data, state, group)

    def _fit(self, p: Tensor, names: tuple[str, ...]) -> None:
        state = self.state.get(p, {})
        beside = [("gradient", p.grad.data), *((name, state[name]) for name in names if name in state)]
        for name, array in beside:
            if array.shape != p.data.shape or array.dtype != p.data.dtype:
                raise StateError(
                    f"{type(self).__name__}.step",
                    f"a parameter {p.shape} {p.dtype} and its {name} {array.shape} {array.dtype}",
                    "the same shape and dtype: they were made for another array",
                    "zero_grad() before backward, and a new optimiser after model.to(...)",
                )
        if not p.data.flags.writeable:
            p.data = p.data.copy()

    # -- saving and loading ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Settings and state as plain numbers and copies of the arrays; parameters by number.

        ``{"state": {0: {"step": 3, "exp_avg": array, ...}, ...}, "param_groups": [{"lr": ..., "params": [0, ...]}]}``
        """
        numbers = {id(p): i for i, p in enumerate(self._all())}
        groups = [
            {**_plain(group), "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {
            numbers[id(p)]: {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in kept.items()}
            for p, kept in self.state.items()
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, bit for bit.

        Parameters
        ----------
        state_dict : mapping
            Also after a way through JSON: numbers of parameters may have become text, tuples lists.

        Raises
        ------
        KeysError
            If groups, settings, arrays or shapes are not those of this optimiser; nothing has changed then.
        """
        where = f"{type(self).__name__}.load_state_dict"
        params = self._all()
        groups, state = _read(where, state_dict)
        problems = self._group_problems(groups)
        if not problems:
            loaded = [
                {**group, "params": old["params"]}
                for group, old in zip(groups, self.param_groups, strict=True)
            ]
            problems = self._state_problems(state, params, loaded)
        if problems:
            raise KeysError(where, "; ".join(problems), "the groups, settings and shapes of this optimiser")
        for group in loaded:
            self._check(group)
        for group, new in zip(self.param_groups, loaded, strict=True):
            group.update(new)
        self.state = {
            params[i]: {k: _own(k, v, params[i]) for k, v in kept.items()} for i, kept in state.items()
        }

    def _all(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def _group_problems(self, groups: list[dict[str, Any]]) -> list[str]:
        if len(groups) != len(self.param_groups):
            return [f"{len(groups)} parameter groups instead of {len(self.param_groups)}"]
        problems = []
        for i, (group, own) in enumerate(zip(groups, self.param_groups, strict=True)):
            n = len(group.get("params", ()))
            if n != len(own["params"]):
                problems.append(f"group {i} with {n} parameters instead of {len(own['params'])}")
            if set(group) != set(own):
                names = ", ".join(sorted(set(group) ^ set(own)))
                problems.append(f"group {i} differing in {names}")
        return problems

    def _state_problems(self, state: dict[int, dict], params: list[Tensor], groups: list[dict]) -> list[str]:
        wanted = [("step", *self.state_arrays(group)) for group in groups for _ in group["params"]]
        problems = []
        for i, kept in state.items():
            if not 0 <= i < len(params):
                problems.append(f"state of parameter {i} of {len(params)}")
            elif set(kept) != set(wanted[i]):
                problems.append(f"parameter {i} with {', '.join(kept)} instead of {', '.join(wanted[i])}")
            else:
                problems += [
                    f"parameter {i}: {k} {np.shape(v)} instead of {params[i].shape}"
                    for k, v in kept.items()
                    if k != "step" and np.shape(v) != params[i].shape
                ]
        return problems

    def __repr__(self) -> str:
        lines = [
            f"  group {i}: {len(g['params'])} parameters, "
            + ", ".join(f"{k}={v}" for k, v in _plain(g).items())
            for i, g in enumerate(self.param_groups)
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


# -- reading arguments and saved states ------------------------------------------------------------


def _groups(name: str, params: Any) -> list[dict[str, Any]]:
    """Groups from what the user gave: parameters, or dicts of them."""
    if isinstance(params, (Tensor, Module, Mapping)) or not isinstance(params, Iterable):
        got = (
            f"a {type(params).__name__}"
            if isinstance(params, (Tensor, Module, Mapping))
            else describe(params)
        )
        hint = (
            "[tensor]"
            if isinstance(params, Tensor)
            else "[group]"
            if isinstance(params, Mapping)
            else "model.parameters()"
        )
        raise DtypeError(name, got, "an iterable of parameters or of groups", hint)
    given = list(params)
    if not given:
        raise ArgumentError(
            name,
            "no parameters (a generator that was used up is empty)",
            "at least one",
            "model.parameters(), called anew",
        )
    if all(isinstance(group, Mapping) for group in given):
        return [dict(group) for group in given]
    return [{"params": given}]


def _parameters(name: str, params: Any, held: set[int]) -> list[Tensor]:
    """The parameters of one group, each a leaf that can be trained and that no group holds yet."""
    given = [params] if isinstance(params, Tensor) else list(_groups(name, params)[0]["params"])
    for p in given:
        if not isinstance(p, Tensor):
            raise DtypeError(name, f"{describe(p)} among the parameters", "Tensors", "model.parameters()")
        if not p.is_leaf:
            raise ArgumentError(name, f"the result of {p.op}", "a leaf", "nn.Parameter(tensor)")
        if not p.requires_grad and not isinstance(p, Parameter):
            raise ArgumentError(
                name,
                f"a Tensor {p.shape} that does not require grad",
                "one that does",
                "tensor.requires_grad_()",
            )
        if id(p) in held:
            raise ArgumentError(
                name,
                f"a parameter {p.shape} twice",
                "each parameter once",
                "list({id(p): p for p in params}.values())",
            )
        held.add(id(p))
    return given


def _plain(group: dict[str, Any]) -> dict[str, Any]:
    """The settings of a group as Python numbers."""
    return {key: _number(value) for key, value in group.items() if key != "params"}


def _number(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_number(v) for v in value)
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def _read(where: str, state_dict: Any) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Groups and state of a saved optimiser, with numbers where JSON left text."""
    try:
        groups = [
            {k: tuple(v) if isinstance(v, list) else v for k, v in g.items()}
            for g in state_dict["param_groups"]
        ]
        state = {int(i): dict(kept) for i, kept in state_dict["state"].items()}
    except (TypeError, KeyError, ValueError, AttributeError) as problem:
        got = f"{describe(state_dict)} ({type(problem).__name__}: {problem})"
        raise KeysError(where, got, "a dict with state and param_groups", "optimizer.state_dict()") from None
    return groups, state


def _own(key: str, value: Any, p: Tensor) -> Any:
    """The step counter as an int, or a copy of a state array in the parameter's dtype."""
    return int(value) if key == "step" else np.array(value, dtype=p.dtype)
