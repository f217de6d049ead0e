"""What the lanes of a warp tell one another: shuffles, votes, matches.

After the CUDA C++ Programming Guide, "Warp Vote", "Match" and "Shuffle Functions". All lanes that the mask
names must make the same call. A shuffle up or down past the warp's edge gives a lane its own value back, an
index is taken modulo 32, and a lane that takes no part gives no value (`Undefined`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DtypeError
from . import report
from .thread import WARP, Size, Thread, now
from .undefined import Undefined

FULL = 0xFFFFFFFF

SOURCE: dict[str, Callable[[int, int], int]] = {
    "shfl_sync": lambda lane, extra: extra % WARP,
    "shfl_up_sync": lambda lane, extra: lane - extra,
    "shfl_down_sync": lambda lane, extra: lane + extra,
    "shfl_xor_sync": lambda lane, extra: lane ^ extra,
}


class Lanes(int):
    """Bits of a warp's 32 lanes: `popc`, `clz`, `ffs` and `brev` see 32 bits of it."""


SHUFFLED = {np.int32, np.int64, np.float32, np.float64, int, float, Size, Lanes, Undefined}


def signed(bits: int) -> Lanes:
    """Numba types what votes and matches return as int32: with lane 31 set it is negative."""
    return Lanes(bits - (1 << WARP) if bits >> (WARP - 1) else bits)


def checked_mask(thread: Thread, kind: str, mask: Any) -> int:
    """The mask as 32 bits, the calling lane among them."""
    bits = int(mask) & FULL
    if not bits >> thread.lane & 1:
        got = f"cuda.{kind} with mask {bits:#010x} by {now.launch.who()}, which is lane {thread.lane}"
        expected = f"a mask with bit {thread.lane} set: it names all lanes that call, the caller too"
        now.launch.report(report.EXCHANGE, got, expected, "0xFFFFFFFF for a whole warp")
        bits |= 1 << thread.lane
    return bits


def shuffled(kind: str, value: Any) -> Any:
    """A value that Numba can shuffle."""
    if type(value) not in SHUFFLED:
        got = f"a value of {getattr(value, 'dtype', type(value).__name__)}"
        raise DtypeError(f"cuda.{kind}", got, "one of int32, int64, float32, float64", "int32(value)")
    return value


def exchange(threads: list[Thread]) -> None:
    """Give each of the lanes that met its answer."""
    waits = {t.lane: t.waits for t in threads if t.waits}
    given = {lane: w.value for lane, w in waits.items()}
    kind = waits[threads[0].lane].kind
    if kind in SOURCE:
        for t in threads:
            t.answer = received(kind, t.lane, given, waits[t.lane])
    elif kind == "match_any_sync":
        for t in threads:
            t.answer = signed(lanes_of(lane for lane, v in given.items() if same(v, given[t.lane])))
    else:
        answer = together(kind, given)
        for t in threads:
            t.answer = answer


def received(kind: str, lane: int, given: dict[int, Any], wait: Any) -> Any:
    source = SOURCE[kind](lane, wait.extra)
    if not 0 <= source < WARP:
        return given[lane]
    return given[source] if source in given else Undefined(source, kind, wait.site)


def together(kind: str, given: dict[int, Any]) -> Any:
    """The one answer that all lanes get."""
    values = list(given.values())
    if kind == "all_sync":
        return all(values)
    if kind == "any_sync":
        return any(values)
    if kind == "ballot_sync":
        return signed(lanes_of(lane for lane, v in given.items() if v))
    if kind == "match_all_sync":
        equal = all(same(v, values[0]) for v in values)
        return signed(lanes_of(given) if equal else 0), equal
    return Lanes(lanes_of(given)) if kind == "activemask" else None


def lanes_of(lanes: Any) -> int:
    return sum(1 << lane for lane in lanes)


def same(a: Any, b: Any) -> bool:
    """Equal bit for bit, as the GPU compares: NaN matches NaN, 0.0 does not match -0.0."""
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()
