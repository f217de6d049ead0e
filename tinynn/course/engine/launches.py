"""*Be the checker* of kernels: the student writes sizes and launches, and wrong kernels fall or stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .call import Call
from .checker import Checker
from .exercise import Case
from .kernels import KernelFill
from .texts import phrases

MOST = {"n": 200, "grid": 20, "block": 256}
"""What an input may ask for: every kernel runs on it thread by thread."""


class LaunchChecker(Checker):
    """Inputs ``(n, grid, block)``: how many elements, blocks and threads in a block.

    Parameters
    ----------
    of : KernelFill
        Whose kernels are checked.
    make : callable
        ``make(n, grid, block)`` gives the `Case` of the kernel.
    """

    of: KernelFill

    def __init__(self, id: str, name: str, *, make: Callable[[int, int, int], Case], **checker: Any) -> None:
        super().__init__(id, name, **checker)
        self.make = make

    def _call(self, value: Any) -> Call:
        """The kernel's call; what is no three numbers stays as it is, to be refused."""
        return Call((value,)) if self._problem(value) else self.of.call_of(self.make(*map(int, value)))

    def _misfit(self, call: Call) -> str:
        return self._problem(call.args[0]) if call.through is None else ""

    def _problem(self, value: Any) -> str:
        """Why this is no launch, in words; "" where it is one."""
        say = phrases("kinds")["launches"]
        if not isinstance(value, tuple) or len(value) != 3 or not all(map(_whole, value)):
            return say["no_launch"]
        for (name, most), number in zip(MOST.items(), value):
            if not 1 <= number <= most:
                return say["range"].format(name=name, most=most, got=int(number))
        return ""


def _whole(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or getattr(getattr(value, "dtype", None), "kind", "") in ("i", "u")
