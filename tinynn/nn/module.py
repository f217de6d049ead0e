"""Module: a function with parameters, made of smaller ones.

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 128)        # assigning a Module or a Parameter registers it
        self.out = nn.Linear(128, 10)

    def forward(self, x):                        # (N, 784)
        return self.out(self.hidden(x).relu())   # (N, 10)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..errors import ArgumentError, DtypeError, KeysError, StateError
from ..ops.op import describe
from ..tensor import Tensor

M = TypeVar("M", bound="Module")


class Parameter(Tensor):
    """A tensor that a Module counts among its parameters. Equals torch.nn.Parameter.

    Parameters
    ----------
    data : array_like or Tensor
        Kept without a copy where it is an array; Python floats become float32.
    requires_grad : bool
        False freezes it: no gradient, and no optimiser changes it.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class LoadResult(NamedTuple):
    """Keys that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of all layers and models. Equals torch.nn.Module, with plain arrays for buffers.

    Attributes
    ----------
    training : bool
        Whether layers such as Dropout behave as in training; `train` and `eval` set it.
    """

    training: bool = True
    _hooks: tuple[Callable, ...] = ()
    _pre_hooks: tuple[Callable, ...] = ()

    def __init__(self) -> None:
        self.training = True
        self._buffers: dict[str, bool] = {}  # name to whether it is saved

    # -- registering -----------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        if isinstance(value, (Parameter, Module)):
            self._require_init(f"the assignment of {name}")
        elif isinstance(value, (list, dict)) and _holds_registrable(value):
            raise DtypeError(
                f"{type(self).__name__}.{name}", f"a plain {type(value).__name__} of modules or parameters",
                "something that registers them: inside a list they would be neither trained nor saved",
                f"self.{name} = nn.ModuleList([...])",
            )  # fmt: skip
        elif isinstance(old, (Parameter, Module)) and value is not None:
            kind = "Parameter" if isinstance(old, Parameter) else "Module"
            hint = (
                f"nn.Parameter(value), or {name}.data = array"
                if kind == "Parameter"
                else "a class with forward"
            )
            raise DtypeError(f"{type(self).__name__}.{name}", describe(value), f"a {kind} or None", hint)
        object.__setattr__(self, name, value)

    def _require_init(self, what: str) -> None:
        if "_buffers" not in vars(self):
            raise StateError(
                type(self).__name__, f"{what} before Module's own __init__ ran", "that call first",
                "super().__init__() as the first line of __init__",
            )  # fmt: skip

    def add_module(self, name: str, module: Module) -> None:
        """Register `module` under a name that may be a number, as in Sequential."""
        if not isinstance(module, Module):
            hint = (
                f"{module.__name__}()"
                if isinstance(module, type) and issubclass(module, Module)
                else "nn.ReLU()"
            )
            raise DtypeError(
                type(self).__name__, describe(module), "a Module, made by calling its class", hint
            )
        if not isinstance(name, str) or not name or "." in name or hasattr(type(self), name):
            raise ArgumentError(
                type(self).__name__,
                f"the name {name!r} for a module",
                "a name without a dot that no method has",
                "'layer1'",
            )
        setattr(self, name, module)

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Keep `array` as a plain array that is saved with the parameters (if `persistent`) but not trained."""
        self._require_init(f"the buffer {name}")
        if array is not None and not isinstance(array, np.ndarray):
            raise DtypeError("register_buffer", describe(array), "an array or None", "np.asarray(value)")
        self._buffers[name] = persistent
        object.__setattr__(self, name, array)

    # -- looking inside --------------------------------------------------------------------------

    def _own(self, kind: Any) -> list[tuple[str, Any]]:
        """Attributes of a kind, in order of assignment."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, kind)]

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) one level down; a module that is there twice comes once."""
        seen: set[Module] = set()
        for name, child in self._own(Module):
            if child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def named_modules(
        self, prefix: str = "", seen: set[Module] | None = None
    ) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module and all below it, each once."""
        seen = set() if seen is None else seen
        if self not in seen:
            seen.add(self)
            yield prefix, self
            for name, child in self._own(Module):
                yield from child.named_modules(_join(prefix, name), seen)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter), each parameter once, under its first path, where two layers share it."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, p in module._own(Parameter):
                if id(p) not in seen:
                    seen.add(id(p))
                    yield _join(path, name), p

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, np.ndarray]]:
        """(path, array) of what was given to `register_buffer`."""
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name in vars(module).get("_buffers", ()):
                if getattr(module, name) is not None:
                    yield _join(path, name), getattr(module, name)

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        return (array for _, array in self.named_buffers(recurse=recurse))

    # -- saving and loading ----------------------------------------------------------------------

    def _slots(self, prefix: str = "") -> Iterator[tuple[str, Module, str]]:
        """(key, owner, attribute) of everything in the state; what two layers share comes under both keys."""
        for name, _ in self._own(Parameter):
            yield prefix + name, self, name
        for name, persistent in vars(self).get("_buffers", {}).items():
            if persistent and getattr(self, name) is not None:
                yield prefix + name, self, name
        for name, child in self._own(Module):
            yield from child._slots(f"{prefix}{name}.")

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers as plain arrays, under PyTorch's keys.

        A snapshot: later training steps do not change it (in PyTorch they do).
        """
        return {key: np.array(_array(getattr(owner, name))) for key, owner, name in self._slots()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy the arrays of `state` into parameters and buffers, each in the dtype it has here.

        Parameters
        ----------
        state : mapping of str to array_like
            As `state_dict` returns it, or read from a safetensors file of PyTorch's.
        strict : bool
            Whether every key must be there and no other. Shapes must fit in any case.

        Raises
        ------
        KeysError
            Names every missing, unexpected and misshapen key; nothing has changed then.
        """
        where = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state, Mapping):
            raise DtypeError(
                where, f"a {type(state).__name__}", "a dict of name to array", "model.state_dict()"
            )
        slots = {key: (owner, name) for key, owner, name in self._slots()}
        missing = [key for key in slots if key not in state]
        unexpected = [key for key in state if key not in slots]
        arrays = {key: np.asarray(_array(state[key])) for key in slots if key in state}
        misfits = [_misfit(key, a, _array(getattr(*slots[key]))) for key, a in arrays.items()]
        problems = [f"missing {', '.join(missing)}"] if strict and missing else []
        problems += [f"unexpected {', '.join(map(str, unexpected))}"] if strict and unexpected else []
        problems += list(filter(None, misfits))
        if problems:
            hint = None if any(misfits) else "strict=False, to load the keys that both have"
            raise KeysError(
                where, "; ".join(problems), f"the {len(slots)} keys of this model, each with its shape", hint
            )
        for key, array in arrays.items():
            _store(*slots[key], array)
        return LoadResult(missing, unexpected)

    # -- changing all of it ----------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it into training, or with False into evaluation."""
        if not isinstance(mode, bool):
            raise DtypeError(f"{type(self).__name__}.train", describe(mode), "True or False", "model.train()")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Put this module and all below it into evaluation: Dropout passes, BatchNorm uses running statistics."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or thaw (True) every parameter."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self: M, target: Any) -> M:
        """Convert parameters, gradients and floating buffers to a dtype, or move them to a device, in place.

        Make the optimiser afterwards: its state follows the parameters it saw.
        """
        dtype = _floating(f"{type(self).__name__}.to", target)
        if dtype is not None:
            for p in self.parameters():
                p.data = p.data.astype(dtype)
                p.grad = None if p.grad is None else Tensor(p.grad.data.astype(dtype))
            for module in self.modules():
                for name, buffer in list(module.named_buffers(recurse=False)):
                    if buffer.dtype.kind == "f":
                        object.__setattr__(module, name, buffer.astype(dtype))
        return self

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module below this one, then on itself: ``net.apply(init_weights)``."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # -- running ---------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each class defines its own."""
        raise StateError(
            type(self).__name__, "a class without forward", "one that defines it", "def forward(self, x): ..."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for hook in self._pre_hooks:
            hook(self, args)
        try:
            out = self.forward(*args, **kwargs)
        except TypeError:
            _check_call(self, args, kwargs)
            raise
        for hook in self._hooks:
            replaced = hook(self, args, out)
            out = out if replaced is None else replaced
        return out

    def register_forward_hook(self, hook: Callable[[Module, tuple, Any], Any]) -> Handle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, unless None, replaces the output."""
        self._hooks = (*self._hooks, hook)
        return Handle(self, "_hooks", hook)

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple], Any]) -> Handle:
        """Call ``hook(module, args)`` before each forward."""
        self._pre_hooks = (*self._pre_hooks, hook)
        return Handle(self, "_pre_hooks", hook)

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr."""
        return ""

    def __repr__(self) -> str:
        lines = [self.extra_repr()] if self.extra_repr() else []
        children = self._own(Module)
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines += [f"({name}): {child!r}" for name, child in children]
        return f"{type(self).__name__}(\n{indent(chr(10).join(lines), '  ')}\n)"


class Handle:
    """Takes a hook away again: ``handle.remove()``, or the end of a ``with`` block."""

    def __init__(self, module: Module, where: str, hook: Callable) -> None:
        self._module, self._where, self._hook = module, where, hook

    def remove(self) -> None:
        hooks = getattr(self._module, self._where)
        setattr(self._module, self._where, tuple(h for h in hooks if h is not self._hook))

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def as_tensor(x: Any) -> Tensor:
    """`x` itself, or a list or array as a Tensor, for layers that look at the shape before they compute."""
    return x if isinstance(x, Tensor) else Tensor(x)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _array(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _holds_registrable(values: list | dict) -> bool:
    return any(
        isinstance(v, (Parameter, Module)) for v in (values.values() if isinstance(values, dict) else values)
    )


def _misfit(key: str, array: np.ndarray, own: np.ndarray) -> str | None:
    if array.dtype.kind not in "fiub":
        return f"{key} with dtype {array.dtype} instead of {own.dtype}"
    return None if array.shape == own.shape else f"{key} {array.shape} instead of {own.shape}"


def _store(owner: Module, name: str, array: np.ndarray) -> None:
    """Give a parameter or buffer new contents, in memory of its own."""
    old = getattr(owner, name)
    new = np.array(array, dtype=old.dtype, order="C")
    if isinstance(old, Parameter):
        old.data = new
    else:
        object.__setattr__(owner, name, new)


def _floating(where: str, target: Any) -> np.dtype | None:
    """The floating dtype that `target` names, or None if it names a device."""
    probe = Tensor(np.zeros((), np.int8))
    try:
        dtype = probe.to(target).dtype
    except TypeError:
        dtype = None
    if dtype == np.int8 and isinstance(target, str) and target != "int8":
        return None
    if dtype is None or dtype.kind != "f":
        raise DtypeError(where, f"{target!r}", "a floating dtype or a device", "model.to(np.float64)")
    return dtype


def _check_call(module: Module, args: tuple, kwargs: dict) -> None:
    """Explain arguments that do not fit forward's signature."""
    signature = inspect.signature(module.forward)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as problem:
        where, count = type(module).__name__, len(args) + len(kwargs)
        got = f"{count} argument{'s' * (count != 1)} ({problem})"
        raise DtypeError(where, got, f"a call that fits forward{signature}") from None
