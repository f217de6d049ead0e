"""How kernels are interpreted: the order of threads, what is checked, who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from ...errors import ArgumentError
from .report import Finding


class Access(NamedTuple):
    """One access to memory, as `watch` is told of it.

    Parameters
    ----------
    instruction : int
        Tells apart several accesses in one line (the offset in the bytecode).
    space : "global", "shared" or "local"
        Constant memory is not told.
    kind : "load", "store" or "atomic"
    array : str
        The kernel's parameter, or the variable that holds a shared or local array.
    cell : int
        Counts elements of `itemsize` bytes from the array's first one, in the order of memory.
    thread : int
        Counts within the block, x fastest.
    nth : int
        How often this thread executed this instruction before.
    """

    kernel: str
    line: int
    instruction: int
    space: str
    kind: str
    array: str
    cell: int
    itemsize: int
    block: tuple
    thread: int
    nth: int


@dataclass(frozen=True)
class Options:
    """See `settings`."""

    order: str | int = "forward"
    checks: bool = True
    watch: Any = None
    outputs: Any = ()
    steps: int = 1_000_000
    patience: float = 5.0
    collect: list[Finding] | None = None

    def __post_init__(self) -> None:
        order: Any = self.order
        if order not in ("forward", "reversed") and (isinstance(order, bool) or not isinstance(order, int)):
            expected = '"forward", "reversed" or a whole number, the seed of a shuffled order'
            raise ArgumentError("simt.settings", f"order {order!r}", expected, "order=1")
        if self.watch is not None and not callable(self.watch):
            got = f"watch of type {type(self.watch).__name__}"
            raise ArgumentError("simt.settings", got, "a function of one Access", "watch=accesses.append")
        if not self.steps >= 1 or not self.patience > 0:
            got = f"steps {self.steps!r}, patience {self.patience!r}"
            raise ArgumentError("simt.settings", got, "numbers above 0", "steps=1_000_000, patience=5.0")


NAMES = [f.name for f in fields(Options) if f.name != "collect"]
_current: ContextVar[Options] = ContextVar("simt options", default=Options())  # noqa: B039 - frozen


def changed(options: dict[str, Any]) -> Options:
    """The present options with some changed; None leaves one as it is."""
    unknown = options.keys() - NAMES
    if unknown:
        raise ArgumentError("simt.settings", f"{min(unknown)!r}", "one of " + ", ".join(NAMES))
    return replace(_current.get(), **{k: v for k, v in options.items() if v is not None})


@contextmanager
def settings(**options: Any) -> Iterator[None]:
    """Interpret the launches inside a ``with`` block differently.

    Parameters
    ----------
    order : "forward", "reversed" or int
        Who runs first among threads and among blocks; a number seeds a shuffled order. A right kernel
        gives the same result in every order.
    checks : bool
        Look for mistakes (the default). Without, arrays are NumPy's own: faster, and as silent as a GPU.
    watch : callable, optional
        Called with an `Access` after each load, store and atomic. It turns the checks on.
    outputs : arrays or names of parameters
        What a launch must write wholly.
    steps : int
        How many accesses a thread may make between two barriers before it counts as endless.
    patience : float
        Seconds of computing that a thread may take between two barriers without any access.

    Examples
    --------
    >>> with simt.settings(order="reversed", outputs="y"):
    ...     launch(kernel, 4, 32, x, y)
    """
    token = _current.set(changed(options))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def collected() -> Iterator[list[Finding]]:
    """Gather what is wrong with the kernels launched inside, instead of raising at the first.

    The same mistake at the same line is listed once. After a finding the kernel goes on as a GPU might: a
    read out of range gives a NaN, a write out of range is dropped, a barrier lets go those who wait.
    """
    found: list[Finding] = []
    token = _current.set(replace(_current.get(), collect=found))
    try:
        yield found
    finally:
        _current.reset(token)
