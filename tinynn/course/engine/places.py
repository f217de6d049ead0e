"""Where a student's function runs in the library: as a part of an op, or as a function that is no op."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class Parts:
    """The parts of one op that are a student's now, by name.

    An op's forward and its backward are often two exercises. Either may be a student's while the other is the
    library's: a pair that asks `of` stands in the op's place, however many of its parts are replaced.
    """

    def __init__(self) -> None:
        self._running: list[tuple[str, Callable]] = []

    def of(self, part: str) -> Callable | None:
        """The function that came last for this part, or None where it is the library's."""
        return next((function for name, function in reversed(self._running) if name == part), None)

    @contextmanager
    def replaced(
        self, part: str, function: Callable, pair: Callable[[], AbstractContextManager]
    ) -> Iterator[None]:
        """While it lasts, this part is `function`; ``pair()`` puts the pair that asks in the op's place."""
        entry = (part, function)
        self._running.append(entry)
        try:
            with pair():
                yield
        finally:  # blocks may end in another order than they began, and two may hold the same function
            del self._running[next(i for i, other in enumerate(self._running) if other is entry)]


@contextmanager
def in_place_of(holder: Any, name: str, function: Callable) -> Iterator[None]:
    """While it lasts, the attribute `name` of a module or class is `function`."""
    before = getattr(holder, name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        setattr(holder, name, before)
