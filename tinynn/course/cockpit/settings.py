"""What can be changed while a network trains: the settings, and the optimisers there are to choose from."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from ...errors import ArgumentError, DtypeError
from ...nn import Module
from ...nn.checks import number, whole
from ...ops.op import describe
from ...optim import SGD, Adam, AdamW, Optimizer, RMSprop
from ...tensor import Tensor


@dataclass(frozen=True)
class Settings:
    """What a training step is made with.

    Attributes
    ----------
    optimizer : str
        A name from the cockpit's menu.
    lr, momentum, weight_decay : float
        `momentum` is beta 1 of Adam and AdamW.
    batch_size : int
    """

    optimizer: str
    lr: float
    batch_size: int
    momentum: float
    weight_decay: float

    def but(self, **changes: Any) -> Settings:
        """These settings with some of them changed."""
        names = [field.name for field in fields(self)]
        for name in changes:
            if name not in names:
                raise ArgumentError("cockpit", f"a setting {name!r}", "one of " + ", ".join(names), "lr=0.01")
        return replace(self, **changes)

    def checked(self, menu: dict[str, Kind], examples: int) -> Settings:
        """The same as Python numbers, or an error that says which has no meaning."""
        if self.optimizer not in menu:
            expected = f"one of {', '.join(menu)}, or a class of your own"
            raise ArgumentError("cockpit", f"optimizer={self.optimizer!r}", expected, 'optimizer="adam"')
        size = whole("cockpit", "batch_size", self.batch_size)
        if size > examples:
            got = f"batch_size={size} for {examples} examples"
            raise ArgumentError("cockpit", got, "at most all of them", f"batch_size={examples}")
        lr = number("cockpit", "lr", self.lr, hint="lr=0.1")
        if lr == 0:
            raise ArgumentError("cockpit", "lr=0", "a number above 0, since 0 learns nothing", "lr=0.1")
        momentum = number("cockpit", "momentum", self.momentum, 0, 1, hint="momentum=0.9")
        decay = number("cockpit", "weight_decay", self.weight_decay, hint="weight_decay=1e-4")
        return Settings(self.optimizer, lr, size, momentum, decay)


class Kind(NamedTuple):
    """An optimiser's class, and which settings it takes."""

    make: Callable[..., Any]
    takes: tuple[str, ...]

    def arguments(self, settings: Settings) -> dict[str, Any]:
        """The settings this class takes, under the names it has for them."""
        given = {name: getattr(settings, name) for name in self.takes}
        if "momentum" in given and "betas" in (parameters := inspect.signature(self.make).parameters):
            given["betas"] = (given.pop("momentum"), parameters["betas"].default[1])
        return given

    def optimizer(self, params: list[Tensor], settings: Settings) -> Optimizer:
        made = self.make(params, **self.arguments(settings))
        return made if isinstance(made, Optimizer) else Borrowed(made, params, settings.lr)

    def tell(self, optimizer: Optimizer, settings: Settings) -> None:
        """Change the settings of an optimiser that is at work."""
        arguments = self.arguments(settings)
        for group in optimizer.param_groups:
            group.update(arguments if not isinstance(optimizer, Borrowed) else {"lr": settings.lr})
        if isinstance(optimizer, Borrowed):
            vars(optimizer.own).update({k: v for k, v in arguments.items() if hasattr(optimizer.own, k)})


MENU = {
    "sgd": Kind(SGD, ("lr", "weight_decay")),
    "momentum": Kind(SGD, ("lr", "momentum", "weight_decay")),
    "rmsprop": Kind(RMSprop, ("lr", "weight_decay")),
    "adam": Kind(Adam, ("lr", "momentum", "weight_decay")),
    "adamw": Kind(AdamW, ("lr", "momentum", "weight_decay")),
}
"""The package's own optimisers. "sgd" goes without momentum, "momentum" is SGD with it."""


def with_own(optimizer: Any) -> tuple[dict[str, Kind], str]:
    """The menu, with a class of the student's own in front if one is given, and the name of the choice."""
    if isinstance(optimizer, str):
        return dict(MENU), optimizer.lower()
    if not isinstance(optimizer, type):
        got, hint = f"optimizer={describe(optimizer)}", "optimizer=MyAdam, the class without ()"
        raise DtypeError("cockpit", got, "a name, or the class of an optimiser", hint)
    names = _names(optimizer)
    if "lr" not in names or not callable(getattr(optimizer, "step", None)):
        expected = "a class that is called as Name(params, lr=0.1) and has a method step"
        raise DtypeError("cockpit", f"the class {optimizer.__name__}", expected, "optim.Adam, as an example")
    takes = [name for name in ("lr", "momentum", "weight_decay") if name in names]
    if "betas" in names and "momentum" not in names:
        takes.append("momentum")
    return {optimizer.__name__: Kind(optimizer, tuple(takes)), **MENU}, optimizer.__name__


def _names(kind: type) -> set[str]:
    """What the class can be called with by name; betas only where a default says what beta 2 is."""
    try:
        parameters = inspect.signature(kind).parameters
    except ValueError:  # some built-in classes have none
        return set()
    pair = getattr(parameters.get("betas"), "default", None)
    return {name for name in parameters if name != "betas" or isinstance(pair, (tuple, list))}


class Borrowed(Optimizer):
    """Any object with a method `step`, seen as an `Optimizer`."""

    def __init__(self, own: Any, params: list[Tensor], lr: float) -> None:
        self.own = own
        super().__init__(params, lr=lr)

    def check(self, group: dict[str, Any]) -> None:
        """What its settings mean is its own affair."""

    def step(self) -> None:
        self.own.step()


# -- what an optimiser remembers -------------------------------------------------------------------------


def memory(optimizer: Optimizer, model: Module) -> dict[str, Any]:
    """A copy of all an optimiser keeps, in whatever attributes; the model in it stays the model."""
    return copy.deepcopy(vars(optimizer), _not_copied(model))


def remember(optimizer: Optimizer, model: Module, kept: dict[str, Any]) -> None:
    """Put an optimiser back to what `memory` returned."""
    vars(optimizer).clear()
    vars(optimizer).update(copy.deepcopy(kept, _not_copied(model)))


def _not_copied(model: Module) -> dict[int, Any]:
    """A memo for deepcopy, which takes what stands in it for already copied."""
    held: Iterable[Any] = [*model.modules(), *model.parameters(), *(p.data for p in model.parameters())]
    return {id(thing): thing for thing in held}
