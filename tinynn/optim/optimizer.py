"""What all optimisers share: parameters in groups, settings, state, saving and loading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..backends import resolve, resolved
from ..errors import ArgumentError, DeviceError, KeysError, StateError
from ..gpu import arrays as places
from ..nn.checks import number
from ..ops.op import Op
from ..tensor import Tensor
from .arguments import (
    Group,
    Params,
    group_problems,
    groups,
    parameters,
    read_state,
    settings,
    state_problems,
)


class Optimizer:
    """Groups of parameters, each with settings of its own, and what is remembered of each parameter.

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
        Settings may change at any time: ``optimizer.param_groups[0]["lr"] = 1e-4``.
    state : dict of Tensor to dict
        Made at the first step of each parameter: the count "step", and arrays under PyTorch's names. They
        lie where the parameter does, and follow it, at its next step, to another device.

    Notes
    -----
    A subclass names its op, the arrays the op keeps beside a parameter (`arrays`), and the op's
    parameters (`op_settings`).
    """

    op: Op

    def __init__(self, params: Params, **defaults: Any) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in groups(type(self).__name__, params):
            self.add_param_group(group)

    # -- what a subclass says --------------------------------------------------------------------

    def check(self, group: Group) -> None:
        """Refuse settings without a meaning; runs for new and loaded groups, and at each step."""
        where = type(self).__name__
        number(where, "lr", group["lr"], hint="lr=1e-3")
        number(where, "weight_decay", group["weight_decay"], hint="weight_decay=0.01")

    def arrays(self, group: Group) -> tuple[str, ...]:
        """Names of the arrays kept for each parameter of a group, in the op's order."""
        raise NotImplementedError

    def op_settings(self, group: Group, step: int) -> dict[str, Any]:
        """Parameters of the op for one step; `step` counts from 1."""
        raise NotImplementedError

    # -- groups ----------------------------------------------------------------------------------

    def add_param_group(self, group: Group) -> None:
        """Train more parameters, with settings of their own where `group` names them."""
        where, known = type(self).__name__, ["params", *self.defaults]
        unknown = [str(key) for key in group if key not in known]
        if unknown or "params" not in group:
            got = f"a group with {', '.join(unknown)}" if unknown else "a group without params"
            hint = '{"params": layer.parameters(), "lr": 0.01}'
            raise ArgumentError(where, got, f"params, and any of {', '.join(self.defaults)}", hint)
        held = {id(p) for p in self._all()}
        new = {"params": parameters(where, group["params"], held), **self.defaults, **settings(group)}
        self.check(new)
        self.param_groups.append(new)

    def _all(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self._all():
            p.grad = None

    # -- stepping --------------------------------------------------------------------------------

    def step(self) -> None:
        """Move every parameter that has a gradient and is not frozen; check all before the first moves.

        Raises
        ------
        StateError
            If a gradient, or the state kept so far, does not fit the parameter as it is now.
        ArgumentError, DtypeError
            For settings that were changed to something without a meaning.
        """
        todo = []
        for group in self.param_groups:
            self.check(group)
            names = self.arrays(group)
            for p in group["params"]:
                if p.grad is not None and p.requires_grad:
                    self._fit(p, names)
                    todo.append((p, names, group))
        forward = (resolved.get(self.op) or resolve(self.op)).forward
        for p, names, group in todo:
            self._move(forward, p, names, group)

    def _move(self, forward: Callable[..., Any], p: Tensor, names: tuple[str, ...], group: Group) -> None:
        assert p.grad is not None
        state = self.state.setdefault(p, {"step": 0})
        state["step"] += 1
        for name in names:
            if name not in state:
                state[name] = np.zeros(p.shape, p.dtype, like=p.data)
        kept = [state[name] for name in names]
        forward(p.data, p.grad.data, *kept, **self.op_settings(group, state["step"]))

    def _fit(self, p: Tensor, names: tuple[str, ...]) -> None:
        """Refuse a gradient or state of another shape or dtype than the parameter has now.

        State of another device is moved; a gradient is not, since backward left it there for a reason.
        """
        assert p.grad is not None
        state, like = self.state.get(p, {}), p.data
        if places.used:
            if p.grad.device != p.device:
                got = f"a parameter on {p.device} and its gradient on {p.grad.device}"
                raise DeviceError(f"{type(self).__name__}.step", got, "both on one device", "zero_grad()")
            state |= {name: places.beside(state[name], like) for name in names if name in state}
        together = {"gradient": p.grad.data} | {name: state[name] for name in names if name in state}
        for name, array in together.items():
            if array.shape != like.shape or array.dtype != like.dtype:
                got = f"a parameter {like.shape} {like.dtype} and its {name} {array.shape} {array.dtype}"
                hint = "zero_grad() before the next backward, and a new optimiser after model.to(...)"
                raise StateError(f"{type(self).__name__}.step", got, "one shape and dtype", hint)
        if not places.is_on_gpu(like) and not like.flags.writeable:
            p.data = like.copy()

    # -- saving and loading ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Settings and state as plain numbers and copies on the host; parameters by number, as in PyTorch.

        ``{"state": {0: {"step": 3, "exp_avg": array}}, "param_groups": [{"lr": 0.1, "params": [0]}]}``
        """
        numbers = {id(p): i for i, p in enumerate(self._all())}
        saved, state = [], {}
        for group in self.param_groups:
            saved.append({**settings(group), "params": [numbers[id(p)] for p in group["params"]]})
            for p in group["params"]:
                if p in self.state:
                    state[numbers[id(p)]] = self._saved_state(p, self.arrays(group))
        return {"state": state, "param_groups": saved}

    def _saved_state(self, p: Tensor, names: tuple[str, ...]) -> dict[str, Any]:
        """Copies of what belongs to the settings of now: momentum may have been turned on or off since."""
        kept = self.state[p]
        zeros = lambda: np.zeros(p.shape, p.dtype)
        arrays = {name: places.host_copy(kept[name]) if name in kept else zeros() for name in names}
        return {"step": kept["step"], **arrays}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, bit for bit.

        Parameters
        ----------
        state_dict : mapping
            Also after a way through JSON: numbers of parameters may have become text, tuples lists.

        Raises
        ------
        KeysError
            If groups, settings, arrays, shapes or dtypes are not this optimiser's; nothing has changed then.
        """
        where, params = f"{type(self).__name__}.load_state_dict", self._all()
        saved, state = read_state(where, state_dict)
        problems = group_problems(saved, self.param_groups)
        if not problems:
            for group in saved:
                self.check(group)
            names = [self.arrays(group) for group in saved for _ in group["params"]]
            problems = state_problems(state, params, names)
        if problems:
            raise KeysError(where, "; ".join(problems), "the groups, settings and shapes of this optimiser")
        for own, group in zip(self.param_groups, saved):
            own.update(settings(group))
        self.state = {params[i]: _copied(kept) for i, kept in state.items()}

    def __repr__(self) -> str:
        lines = [
            f"  group {i}: {len(group['params'])} parameters, "
            + ", ".join(f"{key}={value}" for key, value in settings(group).items())
            for i, group in enumerate(self.param_groups)
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def _copied(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: int(value) if name == "step" else np.array(value) for name, value in kept.items()}
