"""A diagnosis, and the words of what was found."""

from __future__ import annotations

from typing import Any, NamedTuple

from .call import Outcome
from .evidence import Seen
from .found import Found
from .texts import phrases
from .verdict import Block


class Diagnosis(NamedTuple):
    """What a step found.

    Attributes
    ----------
    kind, names
        See `Verdict.diagnosis` and `Verdict.names`.
    means, look : str
        What it means, and what to look at.
    headline : str
        "" for the usual one, which says which parts are right.
    seen : Seen or None
        The case to show, if not the first that fails.
    blocks : tuple of blocks
        Shown before the words.
    why : str
        The diagnosis in short, where that is more than `means` and `look`.
    explained : tuple of Outcome
        What the mistake that was recognised does by itself; what the answer does beyond that is told besides.
    """

    kind: str
    names: tuple[str, ...]
    means: str
    look: str = ""
    headline: str = ""
    seen: Seen | None = None
    blocks: tuple[Block, ...] = ()
    why: str = ""
    explained: tuple[Outcome, ...] = ()


def about_signature(found: Found, parts: list[str], seen: Seen | None) -> Diagnosis:
    """The diagnosis for one signature, of some parts by name or of everything."""
    words = words_of(found, parts)
    return Diagnosis("signature", (found.name,), words["means"], words.get("look", ""), seen=seen)


def words_of(found: Found, parts: list[str]) -> dict[str, str]:
    """`means` and `look` of a signature, with what was found put in."""
    words: dict[str, Any] = phrases("engine")["signatures"][found.name]
    named = ", ".join(f"`{part}`" for part in parts)
    return {key: _begun(text.format(parts=named, **found.fill), named) for key, text in words.items()}


def _begun(text: str, named: str) -> str:
    """A sentence about everything needs no subject in front."""
    return text if named else text.removeprefix(": ")[:1].upper() + text.removeprefix(": ")[1:]
