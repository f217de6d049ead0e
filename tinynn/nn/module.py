"""Module: a function with parameters, made of smaller ones.

>>> class Net(nn.Module):
...     def __init__(self):
...         super().__init__()
...         self.hidden = nn.Linear(784, 128)       # assigning a Module or a Parameter registers it
...         self.out = nn.Linear(128, 10)
...
...     def forward(self, x):                       # (N, 784)
...         return self.out(self.hidden(x).relu())  # (N, 10)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from typing import Any, Self

import numpy as np

from ..backends import device_named
from ..errors import ArgumentError, DtypeError, StateError
from ..gpu.arrays import host_copy, is_on_gpu, to_device, to_host
from ..ops.op import describe
from ..tensor import Tensor
from . import state
from .checks import fitting_call, floating_dtype
from .parameter import Parameter


class Module:
    """Base of all layers and models. Equals torch.nn.Module, with plain arrays for buffers.

    Parameters, buffers and modules are ordinary attributes; registering them is finding them there.

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
        if isinstance(value, (Parameter, Module)):
            self._require_init(f"{name} = {type(value).__name__}(...)")
        elif value is not None:
            self._require_kind(name, value)
        object.__setattr__(self, name, value)

    def _require_init(self, what: str) -> None:
        if "_buffers" not in vars(self):
            hint = "super().__init__() as the first line of __init__"
            raise StateError(
                type(self).__name__, f"self.{what} before Module's own __init__", "that first", hint
            )

    def _require_kind(self, name: str, value: Any) -> None:
        """Refuse what would silently end a registration, or go without one."""
        where, old = f"{type(self).__name__}.{name}", vars(self).get(name)
        if isinstance(old, Parameter):
            hint = f"nn.Parameter(value), or {name}.data = array"
            raise DtypeError(where, describe(value), "a Parameter or None", hint)
        if isinstance(old, Module):
            raise DtypeError(where, describe(value), "a Module or None", "nn.Identity()")
        buffer = name in vars(self).get("_buffers", ())
        if buffer and not (isinstance(value, np.ndarray) or is_on_gpu(value)):
            expected = "an array or None, as for every buffer"
            raise DtypeError(where, describe(value), expected, "np.asarray(value)")
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if any(isinstance(item, (Parameter, Module)) for item in items):
            got = f"a plain {type(value).__name__} of modules or parameters, neither trained nor saved"
            hint = f"self.{name} = nn.ModuleList([...])"
            raise DtypeError(where, got, "something that registers them", hint)

    def add_module(self, name: str, module: Any) -> None:
        """Register `module` under a name that may be a number, as in Sequential."""
        where = type(self).__name__
        if not isinstance(module, Module):
            hint = f"nn.{module.__name__}(...)" if isinstance(module, type) else "nn.ReLU()"
            raise DtypeError(where, describe(module), "a Module, made by calling its class", hint)
        if not isinstance(name, str) or not name or "." in name or hasattr(type(self), name):
            expected = "a name without a dot that no method has"
            raise ArgumentError(where, f"the name {name!r} for a module", expected, "'layer1'")
        setattr(self, name, module)

    def register_buffer(self, name: str, array: np.ndarray | None, persistent: bool = True) -> None:
        """Keep a plain array that is not trained, and saved with the parameters if `persistent`."""
        self._require_init(f"register_buffer({name!r}, ...)")
        self._buffers[name] = persistent
        setattr(self, name, array)

    # -- looking inside --------------------------------------------------------------------------

    def own(self, kind: type) -> dict[str, Any]:
        """Attributes of a kind, in order of assignment."""
        return {name: value for name, value in vars(self).items() if isinstance(value, kind)}

    def own_modules(self) -> dict[str, Module]:
        return self.own(Module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) one level down; a module that is there twice comes once."""
        first = {module: name for name, module in reversed(self.own_modules().items())}
        return ((name, module) for name, module in self.own_modules().items() if first[module] == name)

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(path, module) of this module and all below it, each once, under its first path."""
        seen: set[Module] = set()
        todo = [(prefix, self)]
        while todo:
            path, module = todo.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                todo += [(_join(path, name), child) for name, child in reversed(module.own_modules().items())]

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter), each parameter once, under its first path, where two layers share it."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, p in module.own(Parameter).items():
                if id(p) not in seen:
                    seen.add(id(p))
                    yield _join(path, name), p

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, np.ndarray]]:
        """(path, array) of what was given to `register_buffer`."""
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name in vars(module).get("_buffers", ()):
                if vars(module).get(name) is not None:
                    yield _join(path, name), vars(module)[name]

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        return (array for _, array in self.named_buffers(recurse=recurse))

    # -- saving and loading ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers as arrays of NumPy, under PyTorch's keys.

        A snapshot: later training steps do not change it (in PyTorch they do). It lies on the host, also
        where the module is on the GPU.
        """
        return {key: host_copy(state.read(slot)) for key, slot in state.slots(self)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> state.LoadResult:
        """Copy the arrays of `state_dict` into parameters and buffers, each in the dtype it has here.

        They stay on the device where they are.

        Parameters
        ----------
        state_dict : mapping of str to array_like
            As `state_dict` returns it, or read from a safetensors file of PyTorch's.
        strict : bool
            Whether every key must be there and no other. Shapes must fit in any case.

        Raises
        ------
        KeysError
            Names every missing, unexpected and misshapen key; nothing has changed then.
        """
        return state.load(self, state_dict, strict)

    # -- changing all of it ----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Put this module and all below it into training, or with False into evaluation."""
        if not isinstance(mode, bool):
            raise DtypeError(f"{type(self).__name__}.train", describe(mode), "True or False", "model.train()")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Evaluation: Dropout passes everything, BatchNorm uses its running statistics."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or thaw (True) every parameter."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, target: Any) -> Self:
        """Convert parameters, gradients and floating buffers to a dtype, or move all of them to a device.

        In place. An optimiser may be made before or after a move to a device: it keeps the parameters, and
        what it remembers of them follows at its next step. For another dtype make it afterwards.

        >>> model.to("cuda")
        """
        device = device_named(target)
        if device is not None:
            self._convert(to_device if device == "cuda" else to_host)
        else:
            dtype = floating_dtype(f"{type(self).__name__}.to", target)
            self._convert(lambda array: array.astype(dtype if array.dtype.kind == "f" else array.dtype))
        return self

    def _convert(self, change: Callable[[Any], Any]) -> None:
        """Put what `change` returns in place of every parameter, gradient and buffer."""
        for p in self.parameters():
            p.data = change(p.data)
            p.grad = None if p.grad is None else Tensor(change(p.grad.data))
        for module in self.modules():
            for name, array in module.named_buffers(recurse=False):
                setattr(module, name, change(array))

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module below this one, then on itself: ``net.apply(init_weights)``."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # -- running ---------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each class defines its own."""
        expected = "a class that defines it"
        raise StateError(
            f"{type(self).__name__}.forward", "no such method", expected, "def forward(self, x): ..."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for hook in self._pre_hooks:
            hook(self, args)
        try:
            out = self.forward(*args, **kwargs)
        except TypeError:
            fitting_call(type(self).__name__, self.forward, args, kwargs)
            raise
        for hook in self._hooks:
            replaced = hook(self, args, out)
            out = out if replaced is None else replaced
        return out

    def register_forward_hook(self, hook: Callable[[Module, tuple, Any], Any]) -> Handle:
        """Call ``hook(module, args, output)`` after each forward; a result but None replaces the output."""
        return Handle(self, "_hooks", hook)

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple], Any]) -> Handle:
        """Call ``hook(module, args)`` before each forward."""
        return Handle(self, "_pre_hooks", hook)

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr."""
        return ""

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        lines = [f"({child}): {module!r}" for child, module in self.own_modules().items()]
        if not lines:
            return f"{name}({extra})"
        body = "\n".join([extra, *lines] if extra else lines)
        return f"{name}(\n{indent(body, '  ')}\n)"


class Handle:
    """A hook in force until `remove`, or the end of a ``with`` block."""

    def __init__(self, module: Module, where: str, hook: Callable) -> None:
        self._module, self._where, self._hook = module, where, hook
        setattr(module, where, (*getattr(module, where), hook))

    def remove(self) -> None:
        hooks = getattr(self._module, self._where)
        setattr(self._module, self._where, tuple(h for h in hooks if h is not self._hook))

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
