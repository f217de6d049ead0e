"""Named mistakes: which of them an answer is, alone, two at once, or part by part."""

from __future__ import annotations

import re

from .call import Outcome
from .compare import FLOAT32, Tolerance, agree, leak, single
from .diagnosis import Diagnosis, words_of
from .dressed import transposed
from .evidence import NOTHING, Evidence, Part, Seen
from .factors import CONSTANTS, factor
from .found import Found
from .signatures import signature
from .texts import phrases


def exact(evidence: Evidence) -> Diagnosis | None:
    """The mistakes that do the same in every case. Several are all named: no case tells them apart."""
    known = evidence.exercise.known
    for dtypes in (True, False):
        names = [name for name, outcomes in known.items() if alike(evidence, outcomes, dtypes)]
        closest = [name for name in names if _changes_alike(evidence, known[name])] or names
        if names:
            return _named(evidence, "mistake", closest)._replace(explained=tuple(known[closest[0]]))
    return None


def _changes_alike(evidence: Evidence, outcomes: list[Outcome]) -> bool:
    """Whether a mistake changes the same arguments: that tells apart what gives the same values."""
    return all(seen.outcome.changed == other.changed for seen, other in zip(evidence.seen, outcomes))


def two(evidence: Evidence) -> Diagnosis | None:
    """Two mistakes that were declared together."""
    for dtypes in (True, False):
        for names, outcomes in evidence.exercise.known_pairs.items():
            if alike(evidence, outcomes, dtypes):
                return _named(evidence, "two", list(names))._replace(explained=tuple(outcomes))
    return None


def _named(evidence: Evidence, kind: str, names: list[str]) -> Diagnosis:
    """The words of one mistake, or of several one after the other."""
    words = [evidence.exercise.mistakes[name].words_in(evidence.exercise) for name in names]
    say = phrases("engine")["bank"]
    between = {"mistake": say["or"], "two": say["and"]}[kind]
    means = f" {between} ".join(w.get("means", name) for w, name in zip(words, names))
    before = "" if len(names) == 1 else say["either" if kind == "mistake" else "both"] + " "
    return Diagnosis(kind, tuple(names), before + means, " ".join(w.get("look", "") for w in words).strip())


def alike(evidence: Evidence, outcomes: list[Outcome], dtypes: bool = True) -> bool:
    """Whether a mistake's outcomes are the answer's, in every case, by something that is wrong.

    With `dtypes` False by the numbers alone: whoever makes the mistake may give float64 for float32 besides.
    """
    pairs = list(zip(evidence.seen, outcomes))
    if not all(_same(evidence, seen, other, dtypes) for seen, other in pairs):
        return False
    return _telling(evidence, pairs) if dtypes else any(map(_wrong_numbers, evidence.values))


def _same(evidence: Evidence, seen: Seen, other: Outcome, dtypes: bool = True) -> bool:
    mine = seen.outcome
    if mine.end != other.end:
        return False
    if mine.end == "raised":
        return _kind(mine) == _kind(other) != ()
    if mine.end != "value":
        return False
    if not dtypes:
        return agree(mine.value, other.value, _coarser(seen))
    value = seen.wanted.value
    same_dtype = not evidence.exercise.dtype_matters or leak(mine.value, value) == leak(other.value, value)
    return same_dtype and agree(mine.value, other.value, seen.tolerance)


def _kind(outcome: Outcome) -> tuple[str, ...]:
    """An exception's class and its mark; () where there is none."""
    return (outcome.problem.kind, outcome.problem.mark) if outcome.problem else ()


def _coarser(seen: Seen) -> Tolerance:
    """The tolerance of float32 where the answer came in it, whatever was due."""
    return FLOAT32 if single(seen.outcome.value) else seen.tolerance


def _wrong_numbers(seen: Seen) -> bool:
    return not agree(seen.outcome.value, seen.wanted.value, _coarser(seen))


def _telling(evidence: Evidence, pairs: list[tuple[Seen, Outcome]]) -> bool:
    """Whether the likeness is in wrong values or dtypes; else in exceptions, else in changed arguments."""
    wrong = [(seen, other) for seen, other in pairs if not _sound(evidence, seen)]
    if any(seen.outcome.end == "value" for seen, _ in wrong):
        return True
    if wrong:
        return all(_outline(seen.outcome) == _outline(other) for seen, other in wrong)
    return _changes_alike(evidence, [other for _, other in pairs])


def _sound(evidence: Evidence, seen: Seen) -> bool:
    return evidence.agrees(seen) and not evidence.leaks(seen)


def _outline(outcome: Outcome) -> str:
    """An exception's message without its numbers; its mark, where it has one."""
    if outcome.problem is None:
        return ""
    return outcome.problem.mark or re.sub(r"\d+", "", outcome.problem.message)


# -- part by part ----------------------------------------------------------------------------------------


def partly(evidence: Evidence) -> Diagnosis | None:
    """A mistake or a signature for each part that is wrong; where one part is not known, that is said."""
    wrong = [part for part in evidence.parts if not part.right]
    if not evidence.many or not wrong:
        return None
    chained = evidence.exercise.chained and len(wrong) > 1
    culprits = {part.name: "" if chained else culprit(evidence, part) for part in wrong}
    signs = {part.name: signature(part) for part in wrong if not culprits[part.name]}
    if not any(culprits.values()) and not any(signs.values()) or not _raises_explained(evidence, culprits):
        return None
    texts = [_part_words(evidence, part, culprits[part.name], signs.get(part.name)) for part in wrong]
    names = [culprits[p.name] or getattr(signs.get(p.name), "name", "unknown") for p in wrong]
    looks = dict.fromkeys(look for _, look in texts if look)
    means = " ".join(dict.fromkeys(text for text, _ in texts))
    return Diagnosis("parts", tuple(dict.fromkeys(names)), means, " ".join(looks))


def culprit(evidence: Evidence, part: Part) -> str:
    """The named mistake that gives this part in every case; "" where none or more than one does.

    What else the mistake gets wrong must be in the answer as well: its words speak of that.
    """
    known = evidence.exercise.known.items()
    named = [name for name, o in known if _gives(part, o) and all(_fits(p, o) for p in evidence.parts)]
    return named[0] if len(named) == 1 else ""


def _gives(part: Part, outcomes: list[Outcome]) -> bool:
    values = part.of(outcomes)
    if any(value is NOTHING for value in values):
        return False
    return all(agree(pair.got, value, pair.seen.tolerance) for pair, value in zip(part.pairs, values))


def _fits(part: Part, outcomes: list[Outcome]) -> bool:
    """Whether a mistake leaves this part right, or makes it what the answer has."""
    return part.with_values(part.of(outcomes)).right or _gives(part, outcomes)


def _raises_explained(evidence: Evidence, culprits: dict[str, str]) -> bool:
    """Whether each exception that came is one that a mistake found makes as well."""
    known = [evidence.exercise.known[name] for name in culprits.values() if name]
    for i, seen in enumerate(evidence.seen):
        raised = seen.outcome.end == "raised" != seen.wanted.end
        if raised and not any(_same(evidence, seen, outcomes[i]) for outcomes in known):
            return False
    return True


def _part_words(evidence: Evidence, part: Part, name: str, found: Found | None) -> tuple[str, str]:
    if name:
        words = evidence.exercise.mistakes[name].words_in(evidence.exercise)
        return words.get("means", name), words.get("look", "")
    if found:
        words = words_of(found, [part.name])
        return words["means"], words.get("look", "")
    return phrases("engine")["bank"]["part_unknown"].format(part=part.name), ""


# -- a mistake and something more ------------------------------------------------------------------------


def composed(evidence: Evidence) -> Diagnosis | None:
    """A named mistake with a factor, a sign or a transposition on top."""
    if evidence.many or not evidence.parts or len(evidence.values) < len(evidence.seen):
        return None
    part = evidence.parts[0]
    for name, known in evidence.exercise.known.items():
        found = _on_top(part, known)
        if found:
            one = _named(evidence, "mistake", [name])
            more = words_of(found, [])
            before, after = (phrases("engine")["bank"][key] for key in ("first", "besides"))
            means = f"{before} {one.means} {after} {more['means']}"
            return Diagnosis(
                "composed", (name, found.name), means, f"{one.look} {more.get('look', '')}".strip()
            )
    return None


def _on_top(part: Part, known: list[Outcome]) -> Found | None:
    """What makes the answer out of a mistake's values, and not the mistake out of the right ones."""
    values = part.of(known)
    if any(value is NOTHING for value in values):
        return None
    taken = tuple(p._replace(wanted=v, same=_as_numbers) for p, v in zip(part.pairs, values))
    against = Part(part.name, part.index, taken, part.evidence)
    found = _plain_factor(against) or transposed(against)
    plain = part.with_values(values)
    return None if factor(plain) or transposed(plain) else found


def _plain_factor(part: Part) -> Found | None:
    """A sign or a constant. A size may be part of the mistake: it proves nothing beside one."""
    found = factor(part)
    constants = {f"`{sign}{name}`" for name in CONSTANTS for sign in ("", "-")}
    plain = found is not None and (found.name == "sign" or found.fill.get("factor") in constants)
    return found if plain else None


def _as_numbers(got: object, wanted: object, seen: Seen) -> bool:
    return agree(got, wanted, seen.tolerance)
