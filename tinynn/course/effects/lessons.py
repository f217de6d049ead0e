"""The lesson in a mistake: what a network with it reaches, in words and in curves, for a verdict."""

from __future__ import annotations

from typing import Any

from ..engine.exercise import find
from ..engine.texts import phrases
from ..engine.verdict import Block, Drawn, Text, Verdict
from .drawing import Line, panels
from .store import RIGHT, Effect, effects_of, factor_of, network_of
from .verdicts import verdict

Pair = tuple[Effect, Effect]
"""A mistake's runs and the right answer's."""

FACTOR = ("worse", "better", "slower", "faster", "diverged")  # what a factor does that Adam would hide


def told(exercise: Any, said: Any) -> Any:
    """The verdict with the lesson below it, where it names one mistake that was measured."""
    if not isinstance(said, Verdict) or said.diagnosis != "mistake" or len(said.names) != 1:
        return said
    return said.and_also(*lesson(exercise.id, said.names[0]))


def lesson(id: str, mistake: str) -> tuple[Block, ...]:
    """What training makes of a named mistake of exercise `id`; nothing where that was not measured."""
    pairs = pairs_of(id, mistake)
    if not pairs:
        return ()
    heading = phrases("effects")["lesson"]["heading"]
    text = Text(" ".join([*notes(id), *sentences(id, mistake, pairs)]), heading)
    return (text, curves(id, pairs)) if worth_drawing(pairs) else (text,)


def pairs_of(id: str, mistake: str) -> dict[str, Pair]:
    """By optimiser."""
    runs = effects_of(id)
    return {name: (named[mistake], named[RIGHT]) for name, named in runs.items() if mistake in named}


def worth_drawing(pairs: dict[str, Pair]) -> bool:
    """Not where nothing was trained, nor where both curves are one."""
    return any(verdict(*pair) not in ("stops", "unmet", "number_only") for pair in pairs.values())


# -- in words ----------------------------------------------------------------------------------------------


def notes(id: str) -> list[str]:
    return [note] if (note := phrases("effects")["notes"].get(id)) else []


def sentences(id: str, mistake: str, pairs: dict[str, Pair]) -> list[str]:
    """One for each optimiser; one for all where they agree that nothing is seen, or that nothing runs."""
    found = {optimizer: verdict(*pair) for optimizer, pair in pairs.items()}
    kinds, first = set(found.values()), next(iter(pairs))
    if len(kinds) == 1 and kinds & {"stops", "unmet", "number_only"}:
        return [sentence(id, found[first], first, pairs[first])]
    if kinds <= {"same", "unmet", "number_only"}:
        ends = [sentence(id, "ends", optimizer, pair) for optimizer, pair in pairs.items()]
        return [phrases("effects")["lesson"]["hidden"].format(ends="; ".join(ends))]
    return told_apart(id, found, pairs) + factor_words(id, mistake, found)


def told_apart(id: str, found: dict[str, str], pairs: dict[str, Pair]) -> list[str]:
    """A sentence for each optimiser; the second that says "worse" is shorter."""
    said: list[str] = []
    for i, (optimizer, kind) in enumerate(found.items()):
        kind = "same" if kind in ("unmet", "number_only") else kind
        kind = "worse_too" if kind == "worse" and "worse" in list(found.values())[:i] else kind
        said.append(sentence(id, kind, optimizer, pairs[optimizer]))
    return said


def factor_words(id: str, mistake: str, found: dict[str, str]) -> list[str]:
    """Why, where a mistake is a constant factor on gradients that gradient descent shows, and Adam hides."""
    gradients = all(name == "loss" or name.startswith("d") for name in find(id).returns)  # type: ignore[attr-defined]
    shown, hidden = found.get("sgd") in FACTOR, found.get("adam") in ("same", "unmet", "number_only")
    if not (gradients and shown and hidden and factor_of(id, mistake)):
        return []
    return [phrases("effects")["lesson"]["factor"]]


def sentence(id: str, kind: str, optimizer: str, pair: Pair) -> str:
    """The sentence of one verdict, filled with what was measured."""
    say, (wrong, right) = phrases("effects"), pair
    network, words = say["networks"][network_of(id)], say["lesson"]
    if kind == "diverged" and wrong.step <= 1:
        kind = "diverged_at_once"
    return words[kind].format(
        opt=say["optimisers"][optimizer]["name"], measure=network["measure"],
        wrong=percent(wrong.median), right=percent(right.median),
        late=_middle(wrong), early=_middle(right), step=wrong.step,
        steps=network.get("steps", words["steps"]), step_name=network.get("step", words["step"]),
        message=_message(wrong.message),
    )  # fmt: skip


def percent(value: float) -> str:
    return f"{value:.0f}"


def _middle(effect: Effect) -> str:
    return f"{sorted(effect.reached)[len(effect.reached) // 2]:.0f}"


def _message(text: str) -> str:
    """An exception's words as code between backticks, which may hold none."""
    return " ".join(text.replace("`", "'").split())


# -- in curves ---------------------------------------------------------------------------------------------


def curves(id: str, pairs: dict[str, Pair]) -> Drawn:
    """The two curves for each optimiser, side by side."""
    labels = phrases("effects")["lesson"]["labels"]
    drawn = {
        optimizer: [Line(labels["right"], right, "right"), Line(labels["wrong"], wrong, "wrong")]
        for optimizer, (wrong, right) in pairs.items()
    }
    alt = " ".join(panel_in_words(id, optimizer, pair) for optimizer, pair in pairs.items())
    return panels(id, drawn, alt)


def panel_in_words(id: str, optimizer: str, pair: Pair, name: str = "mistake") -> str:
    """One panel; `name` is "mistake" or "chosen"."""
    say, (wrong, right) = phrases("effects"), pair
    words = say["lesson"]
    steps = say["networks"][network_of(id)].get("steps", words["steps"])
    part = words["alt"]["ends" if wrong.ends == "trained" else "breaks"]
    shown = part.format(name=words["alt"][name], wrong=percent(wrong.median), step=wrong.step, steps=steps)
    opt = say["optimisers"][optimizer]["name"]
    return words["alt"]["panel"].format(opt=opt, right=percent(right.median), wrong=shown)
