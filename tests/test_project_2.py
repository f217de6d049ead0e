"""The project of Part II: its worked answers pass, wrong ones are told by name, other styles pass."""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import SequenceMatcher
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tinynn import functional as F
from tinynn import nn
from tinynn.course.classroom.cells import read
from tinynn.course.classroom.solutions import solved
from tinynn.course.engine import runner, travel
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch13p import answer, judged, wrong
from tinynn.course.exercises.ch13p.planted import planted
from tinynn.course.project import language
from tinynn.course.work import begins_with_first_cell, chapters_in, find_chapter
from tinynn.errors import FileError
from tinynn.recipes.ngrams import ngram_bits, ngram_probabilities

FOLDER = Path(__file__).resolve().parent.parent / "chapters"
NAMED = [("13p.1", *w) for w in wrong.SPLITS] + [("13p.2", *w) for w in wrong.BASELINES]
NAMED += [("13p.3", *w) for w in wrong.NETWORKS]


def verdict(id, function):
    exercise = find(id)
    return exercise.judge(function, runner.run([function], exercise.calls(function)).outcomes)


# -- verdicts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id, name, function", NAMED, ids=[f"{id}-{name}-{k}" for k, (id, name, _) in enumerate(NAMED)]
)
def test_a_wrong_answer_is_told_by_its_name(id, name, function):
    said = verdict(id, function)
    assert said.kind == "look" and said.names == (name,), said


@pytest.mark.parametrize(
    "id, function", [("13p.1", answer.split), ("13p.2", answer.baseline), ("13p.3", answer.build)]
)
def test_the_worked_answer_passes_and_the_verdict_is_the_same_again(id, function):
    said = verdict(id, function)
    assert said.kind == "right", said
    assert str(verdict(id, function)) == str(said)


def by_letters(documents, seed):
    """Likeness by pieces of twelve letters, groups found by a search, copies left out."""
    runs = []
    for text in documents:
        letters = " ".join(text.lower().split())
        runs.append({letters[i : i + 12] for i in range(len(letters) - 11)})
    alike = lambda a, b: len(a & b) > 0.5 * min(len(a), len(b))
    near = {i: [j for j, b in enumerate(runs) if j != i and alike(runs[i], b)] for i in range(len(runs))}
    seen, groups = set(), []
    for i in range(len(runs)):
        if i not in seen:
            group, waiting = [], [i]
            while waiting:
                k = waiting.pop()
                if k not in seen:
                    seen.add(k)
                    group.append(k)
                    waiting += near[k]
            groups.append(group)
    order = np.random.default_rng(seed).permutation(len(groups))
    held = [k for g in order[: len(groups) // 8] for k in groups[g]]
    kept = [groups[g][0] for g in order[len(groups) // 8 :]]
    return np.array(kept), np.array(held)


def absolute_discounting(train, vocabulary, n=4, off=0.7):
    """Each count gives up a fixed part, which the shorter context shares out."""
    tables = [defaultdict(lambda: np.zeros(vocabulary)) for _ in range(n)]
    for i, token in enumerate(train):
        for k in range(min(n, i + 1)):
            tables[k][train[i - k : i].tobytes()][token] += 1

    def p(context):
        context = np.asarray(context, train.dtype)
        mixed = np.full(vocabulary, 1 / vocabulary)
        for k in range(min(n, len(context) + 1)):
            key = context[len(context) - k :].tobytes()
            if key not in tables[k]:
                return mixed
            c = tables[k][key]
            mixed = (np.maximum(c - off, 0) + off * np.count_nonzero(c) * mixed) / c.sum()
        return mixed

    return p


class Recurrent(nn.Module):
    """A decoder of another kind: what is asked is behaviour."""

    def __init__(self, vocabulary):
        super().__init__()
        self.embed, self.gru = nn.Embedding(vocabulary, 48), nn.GRU(48, 96, batch_first=True)
        self.out = nn.Linear(96, vocabulary)

    def forward(self, tokens):
        return self.out(self.gru(self.embed(tokens))[0])


class OwnAttention(nn.Module):
    """One head by hand, with a mask by numbers, and positions as waves."""

    def __init__(self, vocabulary, context, width=64):
        super().__init__()
        self.embed, self.where = nn.Embedding(vocabulary, width), nn.SinusoidalPositions(context, width)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.one, self.two = nn.Linear(width, 128), nn.Linear(128, width)
        self.out = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        x = self.where(self.embed(tokens))
        t = x.shape[1]
        mask = np.triu(np.full((t, t), -1e9, np.float32), 1)
        scores = self.q(x) @ self.k(x).transpose(1, 2) * (1 / 8) + mask
        x = x + F.softmax(scores, dim=-1) @ self.v(x)
        return self.out(x + self.two(F.relu(self.one(x))))


@pytest.mark.parametrize(
    "id, function",
    [
        ("13p.1", by_letters),
        ("13p.2", absolute_discounting),
        ("13p.2", lambda train, vocabulary: answer.baseline(train, vocabulary, 3)),
        ("13p.3", OwnAttention),
        ("13p.3", lambda vocabulary, context: Recurrent(vocabulary)),
        ("13p.3", lambda vocabulary, context: answer.Writer(vocabulary, context, 32, 3, 2)),
    ],
    ids=["by letters", "discounting", "three", "own attention", "recurrent", "narrow"],
)
def test_other_styles_pass(id, function):
    said = verdict(id, function)
    assert said.kind == "right", said


def test_what_is_not_written_yet_is_no_mistake():
    from tinynn.course.check import check

    def split(documents, seed):
        raise NotImplementedError

    assert check("13p.1", split).kind == "open"
    assert check("13p.5", ("", {}, {})).kind == "open"


# -- the contest -----------------------------------------------------------------------------------------

TRAIN, HELD, V = judged.text()
COUNTED, FIVE = (answer.baseline(TRAIN, V, n) for n in (3, 5))


def entry(gpt=FIVE, baseline=COUNTED, train=TRAIN, held=HELD):
    given = {"gpt": gpt, "baseline": baseline, "train": train, "held": held}
    return lambda: given


UNIFORM = lambda before: np.full(V, 1 / V)
UNIGRAM, BIGRAM = answer.baseline(TRAIN, V, 1), answer.baseline(TRAIN, V, 2)
BETTER = answer.baseline(np.concatenate([TRAIN, HELD]), V, 6)  # as a network would that has learnt more
CONTESTS = [
    ("no_entry", lambda: (FIVE, COUNTED, TRAIN, HELD)),
    ("few_held", entry(held=HELD[:1500])),
    ("leak", entry(train=np.concatenate([TRAIN, HELD]))),
    ("draws", entry(gpt=lambda before: np.random.default_rng().dirichlet(np.ones(V)))),
    ("gpt_sums", entry(gpt=lambda before: np.log(FIVE(before)))),
    ("impossible", entry(gpt=lambda before: np.eye(V)[before[-1]])),
    ("weak", entry(baseline=UNIGRAM)),
    ("untrained", entry(gpt=UNIFORM)),
    ("behind", entry(gpt=UNIGRAM)),
]


@pytest.mark.parametrize("name, function", CONTESTS, ids=[name for name, _ in CONTESTS])
def test_a_contest_that_shows_nothing_is_told_by_its_name(name, function):
    said = verdict("13p.4", function)
    assert said.kind == "look" and said.names == (name,), said


def test_the_ladder_names_what_is_beaten():
    ahead = verdict("13p.4", entry(gpt=COUNTED, baseline=FIVE))
    assert (
        ahead.kind == "right" and "counts of 2 in a row" in ahead.text and "your baseline" not in ahead.text
    )
    won = verdict("13p.4", entry(gpt=BETTER))
    assert won.kind == "right" and "beats every count" in won.text
    figures = re.findall(r"^\s*(\d\.\d+)  ", won.blocks[0].text, re.MULTILINE)
    assert len(figures) == 5 and figures == sorted(figures, reverse=True)
    assert f"{language.bits(BETTER, HELD):.3f}" == figures[-1]


# -- the report ------------------------------------------------------------------------------------------

MEASURED = {"gpt": 2.7134, "baseline": 2.4361, "parameters": 64384, "copied": 17}
SAMPLES = {"temperature 0.5": "the one " * 20, "temperature 1.0": "a tone " * 20}
PAGE = "It needs 2.71 bits, counts need 2.44 bits; 64,384 parameters, 17 letters copied. " + "and so on " * 50


def said(report=PAGE, measured=MEASURED, samples=SAMPLES):
    return find("13p.5").judge((report, measured, samples), [])


def test_a_report_whose_figures_were_measured_passes():
    assert said().kind == "right"
    assert said(PAGE.replace("2.71", "2.713").replace("64,384", "64384")).kind == "right"
    assert said(measured={k: np.float64(v) for k, v in MEASURED.items()}).kind == "right"


@pytest.mark.parametrize(
    "name, given",
    [
        ("no_figures", {"measured": {"gpt": 2.7}}),
        ("no_figures", {"measured": MEASURED | {"gpt": float("nan")}}),
        ("no_samples", {"samples": ["text"]}),
        ("few_samples", {"samples": {"one": "text"}}),
        ("one_sample", {"samples": {"a": "the one " * 20, "b": "the one " * 20}}),
        ("no_report", {"report": None}),
        ("length", {"report": "It needs 2.71 bits."}),
        ("not_quoted", {"report": PAGE.replace("2.71", "2.17")}),
        ("not_quoted", {"report": PAGE.replace("2.71", "2.7")}),
        ("not_measured", {"report": PAGE + "Another run got to 1.95 bits."}),
    ],
)
def test_a_report_that_does_not_hold_is_told_by_its_name(name, given):
    assert said(**given).names == (name,)


# -- what is given ---------------------------------------------------------------------------------------


def test_documents_come_from_the_folder_or_else_from_pythons_documentation(tmp_path):
    assert len(language.documents(str(tmp_path / "none"))) == 79
    with pytest.raises(FileError):
        language.documents(str(tmp_path))
    (tmp_path / "b.txt").write_text("zwei", encoding="utf-8")
    (tmp_path / "a.txt").write_text("één", encoding="utf-8")
    assert language.documents(str(tmp_path)) == ["één", "zwei"]
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FileError):
        language.documents(str(tmp_path))


def test_the_longest_copied_passage_is_that_of_difflib():
    rng = np.random.default_rng(0)
    for _ in range(20):
        sample, train = ("".join(rng.choice(list("abc"), size=n)) for n in (30, 60))
        found = SequenceMatcher(None, sample, train, autojunk=False).find_longest_match()
        passage = language.copied(sample, train)
        assert len(passage) == found.size and passage in sample and passage in train
    assert language.copied("", "abc") == language.copied("xyz", "abc") == ""


def test_probabilities_of_the_librarys_counts_are_its_bits():
    p = ngram_probabilities(TRAIN, HELD, V, 3)
    assert p.shape == HELD.shape and -np.log2(p).mean() == ngram_bits(TRAIN, HELD, V, 3)


def test_planted_documents_are_alike_as_the_task_says_and_others_are_not():
    corpus = planted(0)
    groups = corpus.groups()
    assert sorted(i for g in groups for i in g) == list(range(len(corpus.documents))) and len(groups) == 36
    runs = [wrong._runs(text) for text in corpus.documents]
    share = lambda i, j: len(runs[i] & runs[j]) / min(len(runs[i]), len(runs[j]))
    for kind, i, j in corpus.pairs:
        assert share(i, j) > 0.55, kind
    apart = [share(i, j) for i in range(len(runs)) for j in range(i) if not any({i, j} <= g for g in groups)]
    assert max(apart) < 0.25 and min(apart) > 0


# -- the notebook ----------------------------------------------------------------------------------------


def test_the_notebook_asks_every_milestone_and_nothing_is_tried_in_it():
    path = find_chapter(FOLDER, "13p")
    names = [p.stem[:3] for p in chapters_in(FOLDER)]
    assert names[names.index("13p") - 1] in ("13_", "12_") and names[names.index("13p") + 1] == "14_"
    cells = nbformat.read(path, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    assert begins_with_first_cell(code[0])
    asked = re.findall(r'^check\("(13p\.\d)', "\n".join(code), re.MULTILINE)
    assert asked == [f"13p.{i}" for i in range(1, 6)]
    said = "".join(str(output) for c in cells if c.cell_type == "code" for output in c.outputs)
    assert said.count("Not tried yet") >= 5 and "Look again" not in said and "stopped" not in said


def test_what_runs_in_a_graders_process_needs_no_file_of_the_answers():
    """Their folder is hidden there."""
    for i in range(1, 5):
        assert b"course.exercises" not in travel.pack(find(f"13p.{i}").calls(None)).data
    notebook = read(find_chapter(FOLDER, "13p"))
    assert not any("course.exercises" in cell["source"] for cell in notebook["cells"])


@pytest.mark.slow
def test_solved_every_check_says_right(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.from_dict(solved(read(find_chapter(FOLDER, "13p"))))
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300, resources=where).execute()
    said = [str(c.outputs) for c in notebook.cells if c.cell_type == "code" and "check(" in c.source]
    asked = [s for s in said if "✓" in s or "✗" in s or "○" in s]
    assert len(asked) == 5 and all("✓" in s for s in asked)
