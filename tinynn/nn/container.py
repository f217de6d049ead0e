"""Containers: layers in a row, layers in a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ..errors import DtypeError, RangeError
from ..ops.op import describe
from .module import Module


class _Numbered(Module):
    """Modules under the names "0", "1", ..., or under names of their own."""

    def _members(self) -> list[Module]:
        return list(self.own_modules().values())

    def _append(self, module: Module) -> None:
        n = len(self)
        while str(n) in vars(self):  # a slice keeps its names, so the next number may be taken
            n += 1
        self.add_module(str(n), module)

    def append(self, module: Module) -> Self:
        """Add one more at the end."""
        self._append(module)
        return self

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._members())

    def _position(self, index: Any) -> int:
        where, n = type(self).__name__, len(self)
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise DtypeError(where, f"index {describe(index)}", "an integer or a slice", "net[0]")
        if not -n <= index < n:
            raise RangeError(where, f"index {index} for {n} modules", f"an index from {-n} to {n - 1}")
        return index % n

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(list(self.own_modules())[self._position(index)], module)


class Sequential(_Numbered):
    """Modules one after the other: each takes what the one before returned. Equals torch.nn.Sequential.

    Parameters
    ----------
    *modules : Module
        Or one dict of name to Module.

    Examples
    --------
    >>> net = Sequential(Flatten(), Linear(784, 128), ReLU(), Linear(128, 10))
    >>> net[1].weight.shape
    (128, 784)
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(modules):
                self.add_module(str(i), module)

    def __getitem__(self, index: Any) -> Any:
        """One module, or a Sequential of some of them, sharing parameters and keeping names."""
        if isinstance(index, slice):
            return Sequential(dict(list(self.own_modules().items())[index]))
        return self._members()[self._position(index)]

    def forward(self, x: Any) -> Any:
        for module in self._members():
            x = module(x)
        return x


class ModuleList(_Numbered):
    """A list whose modules are registered; it has no forward of its own. Equals torch.nn.ModuleList."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        for module in modules:
            self._append(module)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ModuleList(self._members()[index])
        return self._members()[self._position(index)]
