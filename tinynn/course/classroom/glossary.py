"""The glossary: every term that a chapter sets in bold, with the sentence that says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .contents import is_note

BOLD = re.compile(r"\*\*([^*\n]+?)\*\*")
BETWEEN_SENTENCES = re.compile(r"(?:(?<=[.?])|(?<=[.?]\*)) +(?=[A-Z*$`\"])")
KEPT_WHOLE = re.compile(r"\$[^$\n]+\$|`[^`\n]+`")
NAMES = ("Adam", "Cohen's kappa", "He initialisation", "Numba")
"""Terms that keep their capital; those with a capital or a digit further on keep it by themselves."""

NO_TERM = {
    "00": {"Run", "Predict", "Check", "Hint", "Progress"},  # rows of the table that says how the course works
}
OPENING = {"Afterwards you can", "Assumed", "Time"}
MOST_WORDS = 3
"""Bold text that is longer is a remark, unless it is a verb: *to overfit one batch*."""

REPEATED = {
    "accuracy": "02 needs it beside the loss; 06 asks what it hides, and 06 may be read without 02",
    "broadcasting": "01 meets it between arrays; 04, which assumes 03 alone, goes the way back through it",
    "layer": "00 shows one that adds up pixels; 01 makes it from neurons",
    "numba": "03 meets it in a box beyond the hour; Part III, which assumes no more of 03, is about it",
    "padding": "07 puts zeros around an image, 10 fills up sentences that are too short",
    "race": "14 and 15 assume no more than 03; one is between threads of a processor, one between a GPU's",
    "reduction": "14's is over a loop's rounds, 16's over the threads of a block, and 16 does not assume 14",
    "stride": "07's is how far a window moves, 14's how far apart two elements of an array lie in memory",
    "thread": "14 has the few of a processor, 15 the thousands of a GPU",
    "weight": "00 has only numbers in a function; 01 says what one of them does to its input",
    "weight decay": "05 is about where an optimiser applies it, 06 about what it is good for",
}
"""Terms that two chapters define, and why they may."""


class Term(NamedTuple):
    """A term as the glossary writes it, its chapter (the notebook's name), and its sentence."""

    name: str
    chapter: str
    sentence: str

    @property
    def key(self) -> str:
        """What is the same term: without capitals, the *to* of a verb and the s of a plural."""
        key = self.name.casefold().removeprefix("to ")
        return re.sub(r"(?<=[^s])s$", "", key) if key not in ("bias", "loss") else key


def terms(notebook: dict[str, Any], chapter: str) -> list[Term]:
    """The terms of one chapter, each where it first stands."""
    found: dict[str, Term] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and not is_note(cell):
            for term in _in_text(cell["source"], chapter):
                found.setdefault(term.key, term)
    return list(found.values())


def _in_text(text: str, chapter: str) -> Iterator[Term]:
    paragraphs = blocks(text)
    for block, following in zip(paragraphs, [*paragraphs[1:], ""]):
        for sentence in sentences(block):
            for found in BOLD.finditer(sentence):
                if is_term(found.group(1), sentence[: found.start()], chapter):
                    yield Term(_written(found.group(1)), chapter, _plain(sentence, following))


def blocks(text: str) -> list[str]:
    """Paragraphs, items of lists and rows of tables, without code blocks and headings."""
    text = re.sub(r"```[\s\S]*?```|^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n(?=\s*(?:[*-] |\d\. |\|))", "\n\n", text)
    return [block for part in re.split(r"\n\s*\n", text) if (block := " ".join(part.split()))]


def sentences(block: str) -> list[str]:
    """The sentences of a block; a full stop inside a formula or code ends none."""
    kept = KEPT_WHOLE.findall(block)
    parts = BETWEEN_SENTENCES.split(KEPT_WHOLE.sub("$\0$", block))
    back = iter(kept)
    return [re.sub(r"\$\0\$", lambda _: next(back), part) for part in parts]


def is_term(bold: str, before: str, chapter: str) -> bool:
    """Whether a bold text is a term: no question, label, sign or button, and no remark of many words."""
    chapter_number = chapter.split("_")[0]
    return (
        not bold.endswith((":", ".", "?"))
        and bool(re.search(r"[^\W\d_]{2}|[A-Z]\d", bold))
        and not before.rstrip().lower().endswith("press")
        and bold not in OPENING
        and bold not in NO_TERM.get(chapter_number, ())
        and (len(bold.split()) <= MOST_WORDS or bold.startswith("To "))
    )


def _written(bold: str) -> str:
    keeps = bold in NAMES or re.search(r"[A-Z\d]", bold[1:])
    return bold if keeps else bold[0].lower() + bold[1:]


def _plain(sentence: str, following: str) -> str:
    """A sentence for the glossary: its bold words in italics, the formula that it leads to behind it."""
    sentence = BOLD.sub(r"*\1*", re.sub(r"^(?:[*-]|\d\.) +", "", sentence))
    if sentence.startswith("|"):
        sentence = ": ".join(cell.strip() for cell in sentence.strip("|").split("|")) + "."
    formula = re.match(r"\$\$(.+?)\$\$", following)
    if sentence.endswith(":") and formula:
        return f"{sentence} ${formula.group(1).strip()}$"
    return re.sub(r":$", ".", sentence)


def repeated(found: Iterable[Term]) -> dict[str, list[str]]:
    """The terms that more than one chapter defines, and which chapters."""
    places: dict[str, list[str]] = {}
    for term in found:
        places.setdefault(term.key, []).append(term.chapter.split("_")[0])
    return {key: chapters for key, chapters in places.items() if len(chapters) > 1}


def page(found: Iterable[Term]) -> str:
    """The glossary as Markdown, alphabetical, under a heading for each letter."""
    lines, letter = [HEAD], ""
    for term in sorted(found, key=lambda t: (t.key, t.chapter)):
        if term.key[0].upper() != letter:
            letter = term.key[0].upper()
            lines.append(f"\n## {letter}\n")
        number = term.chapter.split("_")[0]
        lines.append(f"* **{term.name}**, [{number}]({term.chapter}.ipynb): {term.sentence}")
    return "\n".join(lines) + "\n"


HEAD = """\
# Glossary

Each term with the sentence that introduces it, and the chapter where that sentence stands. Written by
`python -m tinynn chapters --write` from the notebooks: change it there."""
