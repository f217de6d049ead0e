"""What is said when no mistake is recognised: that it is so, and where and how the outputs differ."""

from __future__ import annotations

from .compare import Difference, difference
from .diagnosis import Diagnosis, words_of
from .evidence import Evidence, Pair, Part
from .signatures import only
from .texts import phrases

NO_SIGN = {"strided", "float32", "drawn"}
"""Being right there says little: one repeats a case, for one the tolerance is wide, one has no name."""


def unknown(evidence: Evidence) -> Diagnosis:
    """The diagnosis that there is none."""
    say = phrases("engine")["unknown"]
    sentences = [say["means"], *(_about(part) for part in evidence.parts if not part.right)]
    found = only(evidence)
    sentences += [words_of(found, [])["means"]] if found else [_right_on(evidence)]
    return Diagnosis("nothing", (), " ".join(filter(None, sentences)), say["look"])


def no_diagnosis() -> Diagnosis:
    """What is left to say about something that cannot even be compared."""
    say = phrases("engine")["unknown"]
    return Diagnosis("nothing", (), say["means"], say["look"])


def _right_on(evidence: Evidence) -> str:
    """The inputs on which it is right, by their notes; "" if there are none, or none has one."""
    wrong = {id(seen) for seen in evidence.failing}
    right = [s.case.note for s in evidence.seen if id(s) not in wrong and not s.case.tags & NO_SIGN]
    notes = "; ".join(dict.fromkeys(filter(None, right)))
    return phrases("engine")["unknown"]["right_on"].format(notes=notes) if notes else ""


def _about(part: Part) -> str:
    """Where one part differs, in all cases and in the smallest that fails."""
    say = phrases("engine")["unknown"]
    wrong = [pair for pair in part.pairs if not pair.right]
    found = [(pair, _difference(pair)) for pair in wrong]
    differences = [d for _, d in found if d is not None]
    if len(differences) < len(wrong):
        return say["shapes"].format(part=part.name, wrong=len(wrong), of=len(part.pairs))
    first = differences[0]
    region = next((f" {_region(where)}" for where in _common(differences)), "")
    largest = say["not_finite"] if first.largest == float("inf") else f"{first.largest:.3g}"
    fill = {"count": first.number, "size": first.wrong.size, "largest": largest}
    fill |= {"part": part.name, "wrong": len(wrong), "of": len(part.pairs)}
    return say["values"].format(**fill) + region


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
