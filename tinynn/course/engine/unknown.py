"""What is said when no mistake is recognised: that it is so, and where and how the outputs differ."""

from __future__ import annotations

from .compare import Difference, difference, numeric
from .diagnosis import Diagnosis, words_of
from .evidence import Evidence, Pair, Part
from .signatures import only
from .texts import phrases

NO_SIGN = {"strided", "float32", "drawn"}
"""Being right there says little: one repeats a case, for one the tolerance is wide, one has no name."""

NOTES = 3
"""Inputs on which it is right that are named."""


def unknown(evidence: Evidence) -> Diagnosis:
    """The diagnosis that there is none."""
    say = phrases("engine")["unknown"]
    wrong = [part for part in evidence.parts if not part.right]
    about = [_in_short(wrong)] if len(wrong) > 2 else map(_about, wrong)
    found = only(evidence)
    where = words_of(found, [])["means"] if found else _right_on(evidence)
    look = say["look" if all(map(_of_numbers, wrong)) else "look_any"]
    return Diagnosis("nothing", (), " ".join(filter(None, [say["means"], *about, where])), look)


def no_diagnosis() -> Diagnosis:
    """What is left to say about something that cannot even be compared."""
    say = phrases("engine")["unknown"]
    return Diagnosis("nothing", (), say["means"], say["look"])


def _right_on(evidence: Evidence) -> str:
    """The inputs on which it is right, by their notes; "" if there are none, or none has one."""
    wrong = {id(seen) for seen in evidence.failing}
    right = [s.case.note for s in evidence.seen if id(s) not in wrong and not s.case.tags & NO_SIGN]
    notes = list(dict.fromkeys(filter(None, right)))
    say = phrases("engine")["unknown"]
    more = say["more"].format(count=len(notes) - NOTES) if len(notes) > NOTES + 1 else ""
    shown = "; ".join(notes[:NOTES] if more else notes)
    return say["right_on"].format(notes=shown + more) if notes else ""


def _of_numbers(part: Part) -> bool:
    """Whether the right one is an array or a number, and the only right one."""
    one = part.evidence.exercise.same is None
    return one and all(numeric(pair.wanted) for pair in part.pairs)


def _in_short(parts: list[Part]) -> str:
    """On how many inputs each of several parts is wrong."""
    say = phrases("engine")["unknown"]
    counts = [(part.name, sum(not pair.right for pair in part.pairs)) for part in parts]
    listed = ", ".join(say["part_count"].format(part=name, wrong=wrong) for name, wrong in counts)
    return say["parts"].format(of=len(parts[0].pairs), counts=listed)


def _about(part: Part) -> str:
    """Where one part differs, in all cases and in the smallest that fails."""
    say = phrases("engine")["unknown"]
    wrong = [pair for pair in part.pairs if not pair.right]
    if not _of_numbers(part):
        return say["part"].format(part=part.name, wrong=len(wrong), of=len(part.pairs))
    found = [(pair, _difference(pair)) for pair in wrong]
    differences = [d for _, d in found if d is not None]
    if len(differences) < len(wrong):
        return say["shapes"].format(part=part.name, wrong=len(wrong), of=len(part.pairs))
    first = differences[0]
    region = next((f" {_region(where)}" for where in _common(differences)), "")
    largest = say["not_finite"] if first.largest == float("inf") else f"{first.largest:.3g}"
    fill = {"count": first.number, "size": first.wrong.size, "largest": largest}
    fill |= {"part": part.name, "wrong": len(wrong), "of": len(part.pairs)}
    return say["number" if first.wrong.size == 1 else "values"].format(**fill) + region


def _difference(pair: Pair) -> Difference | None:
    return difference(pair.got, pair.wanted, pair.seen.tolerance, pair.seen.arguments)


def _common(differences: list[Difference]) -> list[str]:
    """Regions that are what differs in every case, if that is not everything everywhere."""
    if all(d.wrong.all() or d.wrong.size < 3 for d in differences):
        return []
    return [where for where in differences[0].where if all(where in d.where for d in differences)]


def _region(where: str) -> str:
    """What the wrong elements have in common, in words: ``row last``, ``x < 0``."""
    say = phrases("engine")["regions"]
    all_but = where.startswith("not ")
    where = where.removeprefix("not ")
    text = say.get(where) or _by_pattern(where, say)
    return say["all_but" if all_but else "only"].format(region=text)


def _by_pattern(where: str, say: dict[str, str]) -> str:
    kind, _, place = where.rpartition(" ")
    if kind in say:
        return say[kind].format(place=say["last"] if place == "last" else place)
    return say["condition"].format(condition=where)
