"""The value of a shuffle from a lane that is not there."""

from __future__ import annotations

from typing import Any

from . import report
from .report import Site
from .thread import now


class Undefined:
    """What a lane gets from one that takes no part: no value, until it matters.

    A GPU gives back some bits. They do no harm in lanes whose result nobody uses (in a sum over half a warp,
    say), so arithmetic passes this on, a comparison is False, and only a store or an index is a finding.
    """

    __slots__ = ("lane", "site", "what")

    def __init__(self, lane: int, what: str, site: Site) -> None:
        self.lane, self.what, self.site = lane, what, site

    def used(self, how: str) -> int:
        """Report that the value matters now."""
        got = f"a value that {how} by {now.launch.who()} and came by cuda.{self.what} from lane {self.lane} "
        got += f"(line {self.site.line} `{self.site.source}`), where no thread takes part"
        expected = "a shuffle from a lane that is in the mask, or a value that is not used"
        now.launch.report(report.EXCHANGE, got, expected, site=self.site)
        return 0

    def __int__(self) -> int:
        return self.used("is made a whole number")

    __index__ = __int__

    def __float__(self) -> float:
        return float("nan")

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]

    def _itself(self, *_: Any) -> Undefined:
        return self

    def _no(self, *_: Any) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _no
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __abs__ = _itself
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _itself
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _itself
    __array_ufunc__ = None  # NumPy's scalars leave the arithmetic to this class
