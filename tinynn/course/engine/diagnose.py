"""From what an answer did to a verdict that names the mistake, or says that it cannot.

The steps go from what explains everything to what explains least, and the first that speaks is the diagnosis.
Each speaks only where its statement holds in every case. A wrong name is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from . import stopped
from .bank import composed, exact, partly, two
from .call import Odd, Outcome
from .compare import leak, single
from .diagnosis import Diagnosis, about_signature, words_of
from .evidence import Evidence, Seen
from .exercise import Fill
from .found import Found, tried
from .shown import differing, failing_input, measured, side_by_side
from .signatures import only, signature, structure, unlike_first, unlike_itself
from .texts import phrases
from .unknown import no_diagnosis, unknown
from .verdict import Block, Text, Verdict


def judge(exercise: Fill, outcomes: list[Outcome], answer: Any = None) -> Verdict:
    """The verdict on what a student's function gave on the exercise's cases.

    Parameters
    ----------
    exercise : Fill
    outcomes : list of Outcome
        One for each of ``exercise.calls(answer)``.
    answer : function, optional
        Tells a function that forgets to return from one that is not begun.
    """
    evidence = Evidence(exercise, outcomes)
    if not_begun(evidence, answer):
        return Verdict("open")
    if not evidence.failing:
        return _right(evidence)
    return _told(evidence, diagnose(evidence))


def diagnose(evidence: Evidence) -> Diagnosis:
    """The first step that speaks; one that cannot read what came back is silent."""
    return next(filter(None, (tried(step, evidence) for step in STEPS)), no_diagnosis())


def not_begun(evidence: Evidence, answer: Any) -> bool:
    """Whether the function is still the stub: nothing comes back, or something that says so is raised."""
    if all(seen.outcome.end == "raised" for seen in evidence.seen):
        return all(_says_unfinished(seen.outcome) for seen in evidence.seen)
    if not all(seen.outcome.end == "value" and _blank(seen.outcome.value) for seen in evidence.seen):
        return False
    return answer is None or isinstance(evidence.seen[0].outcome.value, (tuple, list, Odd))


def _blank(value: Any) -> bool:
    """None, ..., or a tuple of nothing else."""
    if type(value) in (tuple, list):
        return bool(value) and all(map(_blank, value))
    return value is None or isinstance(value, Odd) and value.kind == "ellipsis"


def _says_unfinished(outcome: Outcome) -> bool:
    problem = outcome.problem
    return problem is not None and (problem.kind == "NotImplementedError" or "'ellipsis'" in problem.message)


# -- the steps -------------------------------------------------------------------------------------------


def over_the_limit(evidence: Evidence) -> Diagnosis | None:
    seen = stopped.limit(evidence)
    if seen is None:
        return None
    say = phrases("engine")["limits"][seen.outcome.end]
    told = Diagnosis("limit", (seen.outcome.end,), say["means"], say["look"], say["headline"], seen)
    problem = seen.outcome.problem
    if problem is None or not problem.lines:
        return told
    return told._replace(blocks=tuple(stopped.running(problem)), why=stopped.was_at(problem))


def sound_values(evidence: Evidence) -> Diagnosis | None:
    """Right numbers, but an argument is changed or given back, or the dtype or the seed is not followed."""
    if not all(map(evidence.agrees, evidence.seen)):
        return None
    changed = next((s for s in evidence.seen if evidence.changes(s)), None)
    if changed is not None:
        names = ", ".join(f"`{name}`" for name in evidence.changes(changed))
        return about_signature(Found("mutates", {"arguments": names}), [], changed)
    unseeded = next((s for s in evidence.seen if id(s) in evidence.unseeded), None)
    if unseeded is not None:
        return about_signature(Found(evidence.unseeded[id(unseeded)]), [], unseeded)
    shared = next((s for s in evidence.seen if evidence.lies_in(s)), None)
    if shared is not None:
        names = ", ".join(f"`{name}`" for name in evidence.lies_in(shared))
        return about_signature(Found("shares", {"arguments": names}), [], shared)
    leaking = next(s for s in evidence.seen if evidence.leaks(s))
    fill = {"dtype": str(evidence.leaks(leaking))}
    parts = [p.name for p in evidence.parts if any(leak(pair.got, pair.wanted) for pair in p.pairs)]
    return about_signature(Found("other_dtype", fill), parts, leaking)


def not_itself(evidence: Evidence) -> Diagnosis | None:
    found = unlike_itself(evidence)
    return about_signature(found, [], unlike_first(evidence)) if found else None


def raised(evidence: Evidence) -> Diagnosis | None:
    seen = stopped.stopped_at(evidence)
    if seen is None or seen.outcome.problem is None:
        return None
    problem = seen.outcome.problem
    say = phrases("engine")["stopped"]
    right, of = len(evidence.seen) - len(evidence.failing), len(evidence.seen)
    means = say["means"].format(right=right, of=of) + _only_words(evidence) if right else ""
    headline = say["headline"].format(kind=problem.kind)
    told = Diagnosis("exception", (problem.kind,), means, "", headline, seen, tuple(stopped.told(problem)))
    return told._replace(why=stopped.in_short(problem))


def other_structure(evidence: Evidence) -> Diagnosis | None:
    found = structure(evidence)
    return about_signature(found, [], evidence.failing[0]) if found and not _unexpected(evidence) else None


def one_signature(evidence: Evidence) -> Diagnosis | None:
    """One signature that holds for every part that is wrong."""
    wrong = [part for part in evidence.parts if not part.right]
    if _unexpected(evidence) or not wrong:
        return None
    found = [signature(part) for part in wrong]
    if found[0] is None or any(f is None or f.name != found[0].name for f in found):
        return None
    if any(f is not None and f.fill != found[0].fill for f in found):
        return None
    names = [] if len(wrong) == len(evidence.parts) > 1 else [part.name for part in wrong]
    return about_signature(found[0], names, evidence.failing[0])


def on_some_inputs(evidence: Evidence) -> Diagnosis | None:
    found = None if _unexpected(evidence) else only(evidence)
    return about_signature(found, [], evidence.failing[0])._replace(kind="only") if found else None


def _unexpected(evidence: Evidence) -> bool:
    """Whether an exception came that is not asked for."""
    return stopped.stopped_at(evidence) is not None


def _only_words(evidence: Evidence) -> str:
    found = only(evidence)
    return " " + words_of(found, [])["means"] if found else ""


STEPS: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    over_the_limit, exact, two, sound_values, not_itself, other_structure, one_signature, partly, composed,
    raised, on_some_inputs, unknown,
)  # fmt: skip


# -- telling ---------------------------------------------------------------------------------------------


def _right(evidence: Evidence) -> Verdict:
    """With a word about float64 where float32 came in: the task may leave it open, the library does not."""
    say = phrases("engine")["right"]
    given = (leak(seen.outcome.value, seen.wanted.value) for seen in evidence.values)
    noted = evidence.exercise.swap and not evidence.exercise.casts
    dtype = next(filter(None, given), None) if noted else None
    more = " " + say["dtype"].format(dtype=dtype) if dtype else ""
    return Verdict("right", say["text"].format(count=len(evidence.seen)) + more)


def _told(evidence: Evidence, diagnosis: Diagnosis) -> Verdict:
    """In a glance, the smallest failing input, the diagnosis, what to look at."""
    say = phrases("engine")["told"]
    seen = diagnosis.seen or evidence.failing[0]
    blocks: list[Block] = [*(tried(partial(_shown, evidence), seen) or []), *diagnosis.blocks]
    if diagnosis.means:
        blocks.append(Text(diagnosis.means, say.get(diagnosis.kind, say["means"])))
    blocks += [Text(note) for note in _also(evidence, diagnosis)]
    if diagnosis.look:
        blocks.append(Text(diagnosis.look, say["look"]))
    why = " ".join(filter(None, [diagnosis.why, diagnosis.means, diagnosis.look]))
    headline = diagnosis.headline or _headline(evidence, seen)
    return Verdict("look", "", headline, tuple(blocks), diagnosis.kind, diagnosis.names, why)


def _shown(evidence: Evidence, seen: Seen) -> list[Block]:
    return [failing_input(evidence, seen), *_differences(evidence, seen)]


def _headline(evidence: Evidence, seen: Seen) -> str:
    """Which parts are right and which are not."""
    say = phrases("engine")["headlines"]
    wrong = [f"`{part.name}`" for part in evidence.parts if not part.right]
    right = [f"`{part.name}`" for part in evidence.parts if part.right]
    if not evidence.many or not wrong:
        count = len(evidence.failing)
        return say["cases"].format(wrong=count, of=len(evidence.seen))
    if not right:
        return say["all_parts"].format(parts=_listed(wrong))
    return say["some_parts"].format(wrong=_listed(wrong), right=_listed(right))


def _listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    both = phrases("engine")["shown"]["and"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {both} {names[-1]}"


def _differences(evidence: Evidence, seen: Seen) -> list[Block]:
    """Tables of the parts that are wrong in this case; of the whole result where it has other parts."""
    if seen.outcome.end != "value" or seen.wanted.end != "value":
        return []
    table = measured(evidence, seen)
    return _plainly(evidence, seen) if table is None else [table]


def _plainly(evidence: Evidence, seen: Seen) -> list[Block]:
    """The tables of single values."""
    if not evidence.parts:
        whole = evidence.exercise.returns
        return [side_by_side(", ".join(whole), seen.outcome.value, seen.wanted.value, seen.tolerance)]
    wrong = [p for p in evidence.parts if not all(q.right for q in p.pairs if q.seen is seen)]
    leaking = evidence.leaks(seen) and not wrong
    tables = [differing(part, seen) for part in (evidence.parts if leaking else wrong)[:3]]
    return [table for table in tables if table is not None]


def _also(evidence: Evidence, diagnosis: Diagnosis) -> list[str]:
    """What is wrong besides: arguments changed, another dtype. Not where that is the diagnosis."""
    say = phrases("engine")["also"]
    if diagnosis.names[:1] in (("mutates",), ("other_dtype",)) or diagnosis.kind == "limit":
        return []
    mistaken = diagnosis.explained or [seen.wanted for seen in evidence.seen]
    pairs = [(seen, seen._replace(outcome=other)) for seen, other in zip(evidence.seen, mistaken)]
    changes = ([n for n in evidence.changes(s) if n not in evidence.changes(known)] for s, known in pairs)
    leaks = ((evidence.leaks(s), "float32") for s, known in pairs if not evidence.leaks(known))
    coarse = [s for s, _ in pairs if single(s.outcome.value) and not single(s.wanted.value)]
    changed = next(filter(None, changes), [])
    dtypes = [(dtype, due) for dtype, due in leaks if dtype] + [("float32", "float64") for _ in coarse]
    notes = [say["mutates"].format(arguments=", ".join(f"`{n}`" for n in changed))] if changed else []
    return notes + [say["dtype"].format(dtype=dtype, due=due) for dtype, due in dtypes[:1]]
