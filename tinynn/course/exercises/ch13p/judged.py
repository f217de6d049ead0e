"""What the milestones ask, and what is said about the answers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ....data import CharTokenizer, joined, python_docs
from ....recipes.ngrams import ngram_probabilities
from ...engine.call import Call, Outcome
from ...engine.checker import stopped
from ...engine.texts import phrases
from ...engine.verdict import Code, Verdict
from ...project import language, probes
from .planted import Planted, planted

SEEDS = (0, 0, 1, 2, 3)
"""Of each split that is asked for; the first one twice."""
CORPORA = 2
PARTS = 4
"""Of the contest: a call for each, so that none takes long."""
VOCABULARY, CONTEXT, LIMIT = 64, 32, 150_000
HEARD = 0.25
"""The share of ln V below which a batch has been learnt by heart."""
CHANGED = 1e-4
"""What a change of logits comes to, as a share of their spread, before it counts as one."""


def say(name: str, /, **about: Any) -> str:
    return phrases("13p")["says"][name].format(**about)


def look(name: str, /, *blocks: Code, **about: Any) -> Verdict:
    return Verdict("look", say(name, **about), "", blocks, "mistake", (name,))


def _unfinished(outcomes: list[Outcome]) -> Verdict | None:
    """The verdict on the first call that did not come to its end."""
    return next((stopped(o) for o in outcomes if o.end != "value"), None)


# -- 13p.1: a split --------------------------------------------------------------------------------------


def splits_asked(answer: Any = None) -> list[Call]:
    return [Call((planted(k).documents, seed)) for k in range(CORPORA) for seed in SEEDS]


def split(answer: Any, outcomes: list[Outcome]) -> Verdict:
    if told := _unfinished(outcomes):
        return told
    pairs = [_positions(o.value, len(planted(0).documents)) for o in outcomes]
    if any(p is None for p in pairs):
        return look("no_pair")
    rows = [[set(a), set(b)] for a, b in pairs]  # type: ignore[misc]
    corpora = [planted(k) for k in range(CORPORA) for _ in SEEDS]
    for check in (_one_side, _both, _seeds, _together, _lost, _sizes):
        if told := check(rows, corpora):
            return told
    return Verdict("right", say("split", pairs=len(planted(0).pairs), calls=len(rows)))


def _positions(value: Any, count: int) -> tuple[list[int], list[int]] | None:
    """Two lists of places in the list of documents; None where it is something else."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    try:
        parts = [np.asarray(part).reshape(-1) for part in value]
    except ValueError:
        return None
    if any(p.size and (p.dtype.kind not in "iu" or p.min() < 0 or p.max() >= count) for p in parts):
        return None
    return parts[0].tolist(), parts[1].tolist()


def _one_side(rows: list, corpora: list) -> Verdict | None:
    if any(not train or not held for train, held in rows):
        return look("glued" if all(not train or not held for train, held in rows) else "one_side")
    return None


def _both(rows: list, corpora: list) -> Verdict | None:
    twice = next((train & held for train, held in rows if train & held), None)
    return look("both", place=min(twice)) if twice else None


def _seeds(rows: list, corpora: list) -> Verdict | None:
    if rows[0] != rows[1]:
        return look("unsteady")
    return look("seedless") if all(row == rows[0] for row in rows[: len(SEEDS)]) else None


def _together(rows: list, corpora: list[Planted]) -> Verdict | None:
    """The first kind of planted pair that a split puts on both sides."""
    for kind in ("copies", "blanks", "near", "excerpt", "chain"):
        for (train, held), corpus in zip(rows, corpora):
            for name, i, j in corpus.pairs:
                if name == kind and (i in train and j in held or j in train and i in held):
                    texts = (corpus.documents[k] for k in (i, j))
                    blocks = [Code(_begin(t), say("document", k=k)) for k, t in zip((i, j), texts)]
                    return look(kind, *blocks)
    return None


def _begin(text: str, words: int = 34) -> str:
    lines = " ".join(text.split()[13 : 13 + words]).split(" ")
    return "\n".join(" ".join(lines[k : k + 12]) for k in range(0, len(lines), 12)) + " ..."


def _lost(rows: list, corpora: list[Planted]) -> Verdict | None:
    for (train, held), corpus in zip(rows, corpora):
        gone = next((g for g in corpus.groups() if not g & (train | held)), None)
        if gone:
            return look("lost", place=min(gone))
    return None


def _sizes(rows: list, corpora: list) -> Verdict | None:
    shares = [len(held) / (len(held) + len(train)) for train, held in rows]
    odd = next((s for s in shares if not 0.04 <= s <= 0.3), None)
    return look("sizes", share=odd) if odd is not None else None


# -- 13p.2: a baseline -----------------------------------------------------------------------------------


@cache
def _texts() -> tuple[str, str]:
    topics = python_docs()
    names = sorted(topics)
    train, held = (joined({n: topics[n] for n in part}) for part in (names[::2], names[1::2]))
    return train[:40_000], held[-6_000:]


@cache
def _tokenizer() -> CharTokenizer:
    return CharTokenizer.train("".join(_texts()))


@cache
def text() -> tuple[np.ndarray, np.ndarray, int]:
    """Tokens to count and held-out ones out of Python's documentation, and V: two tokens never occur."""
    train, held = map(_tokenizer().encode, _texts())
    return train, held, len(_tokenizer()) + 2


@cache
def librarys(n: int) -> float:
    """Bits per token of the library's n-grams, at the places that `probes.measured` asks about."""
    train, held, vocabulary = text()
    at = language.places(held, probes.PLACES)
    return float(-np.log2(ngram_probabilities(train, held, vocabulary, n)[at]).mean())


def contexts() -> dict[str, list[np.ndarray]]:
    """Contexts by what they are about; those of "seen" go together, see `_counted`."""
    train, held, vocabulary = text()
    same, others = held[100:130], held[1000:1400]
    tokens = _tokenizer().encode
    ends = [tokens(text) for text in (" " * 30, " " * 29 + "\n", " " * 27 + "ba\n")]
    last, three = np.append(same[:-1], ends[1][-1]), np.append(same[:-3], ends[2][-3:])
    seen = [
        same,
        np.concatenate([others[:300], same]),
        np.concatenate([others[100:], same]),
        last,
        three,
        *ends,
    ]
    new = np.array([vocabulary - 1, vocabulary - 2])
    # Never seen in this order, though its last token was; then tokens that never occurred.
    strange = np.concatenate([new, new, same[-1:]])
    return {
        "seen": seen,
        "unseen": [strange, np.append(same, new), new],
        "short": [held[:0], held[:1], held[:2]],
    }


def baselines_asked(answer: Any = None) -> list[Call]:
    train, held, vocabulary = text()
    asked = [Call((train[:20_000], vocabulary, c), through=probes.asked) for c in contexts().values()]
    return [*asked, Call((train, held, vocabulary), through=probes.measured)]


def baseline(answer: Any, outcomes: list[Outcome]) -> Verdict:
    seen, unseen, short, measured = outcomes
    if seen.end != "value":
        missing = seen.end == "raised" and seen.problem and seen.problem.kind == "KeyError"
        return look("not_seen") if missing else stopped(seen)
    for name, outcome in (("not_seen", unseen), ("short", short)):
        if outcome.end == "raised" and outcome.problem and outcome.problem.kind != "NotImplementedError":
            return look(name)
        if outcome.end != "value":
            return stopped(outcome)
    vocabulary = text()[2]
    rows = [[_row(p, vocabulary) for p in o.value] for o in (seen, unseen, short)]
    if any(p is None for p in rows[0]):
        return look("no_array", v=vocabulary)
    for name, part in zip(("not_seen", "short"), rows[1:]):
        if any(p is None or np.isnan(p).any() for p in part):
            return look(name)
    return _probabilities(*rows) or _counted(rows, measured)


def _row(value: Any, vocabulary: int) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) and value.shape == (vocabulary,) else None


def _probabilities(seen: list, unseen: list, short: list) -> Verdict | None:
    rows = np.array([*seen, *unseen, *short])
    if (rows <= 0).all() and np.allclose(np.exp(rows).sum(axis=1), 1, atol=1e-6):
        return look("logs")
    off = np.abs(rows.sum(axis=1) - 1)
    if off.max() > 1e-6:
        return look("sums", sum=rows.sum(axis=1)[off.argmax()])
    if rows.min() <= 0:
        return look("no_chance", low=rows.min())
    return None


def _counted(rows: list, measured: Outcome) -> Verdict:
    (same, far, further, last, three, *blanks, again), (strange, *_) = rows[0], rows[1]
    if not np.allclose(same, again):
        return look("remembers")
    if not np.allclose(far, further):
        return look("far")
    if np.allclose(same, three) and np.allclose(blanks[0], blanks[2]):
        return look("no_context")
    if np.allclose(same, last) and np.allclose(blanks[0], blanks[1]):
        return look("skips")
    if measured.end != "value":
        return stopped(measured)
    bits = measured.value
    if bits["turned"] < bits["forward"]:
        return look("turned", **bits)
    if np.ptp(strange) < 1e-9:
        return look("no_shorter", **bits, goal=_goal())
    if bits["half"] - bits["bits"] < 0.01:
        return look("part", **bits)
    if bits["bits"] > _goal():
        return look("above", **bits, goal=_goal())
    return Verdict("right", say("baseline", **bits, three=librarys(3), five=librarys(5)))


def _goal() -> float:
    return round(1.03 * librarys(3), 2)


# -- 13p.3: a network ------------------------------------------------------------------------------------


def networks_asked(answer: Any = None) -> list[Call]:
    return [
        Call((VOCABULARY, CONTEXT), through=probes.built),
        Call((12, 8, LIMIT), through=probes.learnt_by_heart),
    ]


def network(answer: Any, outcomes: list[Outcome]) -> Verdict:
    built, heart = outcomes
    if built.end != "value":
        return stopped(built)
    facts = built.value
    told = _of_parts(facts) or _of_logits(facts)
    if told:
        return told
    if heart.end != "value":
        return stopped(heart)
    if heart.value["without"]:
        return look("without", names=", ".join(f"`{n}`" for n in heart.value["without"][:3]))
    loss = heart.value["loss"]
    if not loss < HEARD:
        return look("not_by_heart", share=loss, goal=HEARD)
    return Verdict("right", say("network", parameters=facts["parameters"], share=loss))


def _of_parts(facts: dict) -> Verdict | None:
    if not facts["module"]:
        return look("no_module", kind=facts["kind"])
    if facts["librarys"]:
        return look("librarys")
    if facts["shape"] != facts["wanted"]:
        return look("shape", shape=tuple(facts["shape"]), wanted=tuple(facts["wanted"]))
    if not facts["finite"]:
        return look("infinite")
    if facts["sum"] < 1e-3:
        return look("softmax")
    return None


def _of_logits(facts: dict) -> Verdict | None:
    if facts["again"] > CHANGED:
        return look("unsteady_network")
    if facts["future"] > CHANGED:
        return look("future", change=facts["future"])
    if facts["own"] < CHANGED:
        return look("shifted")
    if facts["past"] < CHANGED:
        return look("past")
    if facts["order"] < CHANGED:
        return look("order")
    if facts["shorter"] > CHANGED:
        return look("shorter")
    if facts["parameters"] > LIMIT:
        return look("large", parameters=facts["parameters"], limit=LIMIT)
    return look("loud", loss=facts["loss"]) if facts["loss"] > 2 else None


# -- 13p.4: a contest ------------------------------------------------------------------------------------


def contests_asked(answer: Any = None) -> list[Call]:
    return [Call((part, PARTS), through=probes.contest) for part in range(PARTS)]


def contest(answer: Any, outcomes: list[Outcome]) -> Verdict:
    if told := _unfinished(outcomes):
        return told
    facts = outcomes[0].value
    if not facts["entry"]:
        return look("no_entry")
    if "gpt" not in facts:
        return look("few_held", held=facts["held"])
    if facts["again"] > 1e-4:
        return look("draws")
    if not abs(facts["sum"] - 1) < 1e-3 or facts["low"] < 0:
        return look("gpt_sums", sum=facts["sum"])
    if facts["leak"] > 0.05:
        return look("leak", share=facts["leak"])
    bits = {
        name: float(np.concatenate([o.value[name] for o in outcomes]).mean()) for name in ("gpt", "baseline")
    }
    return _ranked(bits | {n: facts[f"ngram{n}"] for n in (2, 3, 5)}, facts["vocabulary"])


def _ranked(bits: dict, vocabulary: int) -> Verdict:
    rungs = [(say("counts", n=n), bits[n]) for n in (2, 3, 5)] + [(say("yours"), bits["baseline"])]
    ladder = sorted([*rungs, (say("gpt"), bits["gpt"])], key=lambda rung: -rung[1])
    shown = Code("\n".join(f"{b:7.3f}  {name}" for name, b in ladder), say("ladder"))
    if not np.isfinite(bits["gpt"]):
        return look("impossible", shown)
    if bits["baseline"] > bits[2]:
        return look("weak", shown, baseline=bits["baseline"], two=bits[2])
    if bits["gpt"] > 0.95 * np.log2(vocabulary):
        return look("untrained", shown, gpt=bits["gpt"], blind=np.log2(vocabulary))
    if bits["gpt"] >= bits[2]:
        return look("behind", shown, gpt=bits["gpt"], two=bits[2])
    beaten = [name for name, b in rungs if bits["gpt"] < b]
    name = "won" if bits["gpt"] < min(bits["baseline"], bits[5]) else "ahead"
    return Verdict("right", say(name, gpt=bits["gpt"], beaten=", ".join(beaten)), "", (shown,))
