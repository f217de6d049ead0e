"""Tokenizers, padded and windowed sequences, and the texts in the package: nothing lost, nothing leaks."""

import datetime
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_data import FILES
from make_text import LANGUAGES, PYTHON, cldr_dates, cldr_words, read_zip, rows_text, side

from tinynn import data
from tinynn.data import (
    BPETokenizer,
    CharTokenizer,
    SequenceBatches,
    Streams,
    Vocabulary,
    Windows,
    mask,
    pad_sequence,
)
from tinynn.data.words import date_pieces
from tinynn.errors import ArgumentError, DtypeError, FileError, RangeError, ShapeError, TinynnError

CODE = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x) * 2\n" * 5
TOKENIZERS = [CharTokenizer.train(CODE), BPETokenizer.train(CODE, 300), Vocabulary.train([CODE])]
name = lambda thing: type(thing).__name__


# ---------------------------------------------------------------- tokenizers


def test_characters_are_numbered_by_their_code_points():
    tokenizer = CharTokenizer.train("banana")
    assert tokenizer.chars == "abn" and tokenizer.encode("nab").tolist() == [2, 0, 1]
    assert tokenizer.encode("").dtype == np.int64


@settings(max_examples=200)
@given(st.text(st.characters()))
def test_byte_pairs_give_any_text_back(text):
    tokenizer = TOKENIZERS[1]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=50)
@given(st.text(min_size=1), st.integers(256, 300))
def test_whatever_it_was_trained_on(text, size):
    tokenizer = BPETokenizer.train(text, size)
    assert 256 <= len(tokenizer) <= size
    assert tokenizer.decode(tokenizer.encode(text)) == text


def slowly(text, steps):
    """Byte pairs as the definition has it: count all pairs anew for each merge."""
    from tinynn.data.bpe import PIECE, _join

    words = [list(piece.encode()) for piece in PIECE.findall(text)]
    merges = []
    for new in range(256, 256 + steps):
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda p: (-counts[p], p), default=None)
        if best is None or counts[best] < 2:
            break
        merges.append(best)
        words = [_join(word, best, new) for word in words]
    return merges


@settings(max_examples=100, deadline=None)
@given(st.text("ab c", max_size=60).filter(bool))
def test_the_pair_that_is_joined_is_the_most_frequent_and_the_first_of_equals(text):
    assert BPETokenizer.train(text, 270).merges == slowly(text, 14)


def test_the_same_on_a_text_of_some_length():
    text = data.joined(data.python_docs())[:20_000]
    assert BPETokenizer.train(text, 356).merges == slowly(text, 100)


def test_byte_pairs_make_text_shorter_and_a_megabyte_is_no_matter():
    text = data.joined(data.python_source().train)[:1_000_000]
    start = time.process_time()
    tokenizer = BPETokenizer.train(text, 1024)
    tokens = tokenizer.encode(text)
    assert time.process_time() - start < 10  # 0.8 s
    assert len(text) / len(tokens) > 2.5 and tokenizer.decode(tokens) == text


def test_bytes_that_are_no_text_are_shown_and_not_refused():
    assert BPETokenizer([]).decode([0xC3, 0x28]) == "\ufffd("


def test_a_vocabulary_knows_frequent_words_first_and_the_rest_as_unknown():
    words = Vocabulary.train(["the film was good", "The film was bad.", "the end"], min_count=2)
    assert words.words == ["<pad>", "<unknown>", "the", "film", "was"]
    assert words.encode("the play was good").tolist() == [2, 1, 4, 1]
    assert words.decode([2, 1, 4, 0, 0]) == "the <unknown> was"
    assert "film" in words and "play" not in words and "<pad>" not in words
    assert len(Vocabulary.train(["a b c d"], size=4)) == 4
    assert Vocabulary.train([["It isn't"], "it isn't."]).words[2:] == [".", "It isn't", "isn't", "it"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=name)
def test_a_file_gives_the_same_tokenizer_back(tokenizer, tmp_path):
    path = tokenizer.save(tmp_path / "new" / "tokens.json")
    again = type(tokenizer).load(path)
    assert again.encode(CODE).tolist() == tokenizer.encode(CODE).tolist() and len(again) == len(tokenizer)
    assert json.loads(path.read_text())["kind"] == name(tokenizer)
    assert [p.name for p in path.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize("kind", [CharTokenizer, BPETokenizer, Vocabulary])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"[1]", b"{}", b"\xff", b'{"kind": "other"}', b'{"kind": "BPETokenizer", "merges": [[1]]}'],
)
def test_another_file_is_refused_with_its_name(kind, content, tmp_path):
    path = tmp_path / "tokens.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=r"tokens\.json"):
        kind.load(path)


def test_merges_of_tokens_that_come_later_are_refused(tmp_path):
    path = BPETokenizer([(97, 98)]).save(tmp_path / "tokens.json")
    path.write_text(path.read_text().replace("97", "256"))
    with pytest.raises(FileError, match="damaged"):
        BPETokenizer.load(path)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: CharTokenizer("abc").encode("abd"), RangeError, "'d' at 2"),
        (lambda: CharTokenizer("aa"), ArgumentError, "'a' twice"),
        (lambda: CharTokenizer.train(""), ArgumentError, "empty text"),
        (lambda: CharTokenizer.train(b"abc"), DtypeError, "bytes"),
        (lambda: CharTokenizer("abc").decode([3]), RangeError, "token 3 at 0"),
        (lambda: CharTokenizer("abc").decode([[1]]), DtypeError, r"decode\(tokens\[0\]\)"),
        (lambda: CharTokenizer("abc").decode([0.5]), DtypeError, "float64"),
        (lambda: BPETokenizer.train("abc", 255), ArgumentError, "256 tokens are the bytes"),
        (lambda: BPETokenizer.train("", 300), ArgumentError, "empty text"),
        (lambda: BPETokenizer([]).decode([-1]), RangeError, "token -1"),
        (lambda: Vocabulary.train("one text"), DtypeError, r"Vocabulary.train\(\[text\]\)"),
        (lambda: Vocabulary.train(["a b"], min_count=2), ArgumentError, "min_count=1"),
        (lambda: Vocabulary.train([]), ArgumentError, "0 different words"),
        (lambda: Vocabulary(["a", "a"]), ArgumentError, "'a' twice"),
        (lambda: Vocabulary.train([3]), DtypeError, "int"),
        (lambda: pad_sequence([]), ShapeError, "no sequences"),
        (lambda: pad_sequence([[1, 2, 3], [1]], length=2), ArgumentError, "sequence 0 of length 3"),
        (lambda: pad_sequence(["abc"]), DtypeError, "encode"),
        (lambda: pad_sequence([np.zeros((2, 3)), np.zeros((2, 4))]), ShapeError, r"\(2, 3\), \(2, 4\)"),
        (lambda: mask([[1]]), ShapeError, "mask"),
        (lambda: Windows(np.arange(10), 10), ArgumentError, "at least 11"),
        (lambda: Windows("text", 3), DtypeError, "encode"),
        (lambda: Windows(np.arange(10), 0), ArgumentError, "length=64"),
        (lambda: Windows(np.arange(10), 3, batches=0), ArgumentError, "batches"),
        (lambda: Streams(np.arange(10), 4, batch_size=3), ArgumentError, "at least 13"),
        (lambda: SequenceBatches([[1]], [1], pool=0), ArgumentError, "pool"),
        (lambda: data.joined({}), ArgumentError, "no texts"),
        (lambda: data.dates(languages=("xx",)), ArgumentError, "xx"),
        (lambda: data.copy_pairs(letters="aa"), ArgumentError, "each letter once"),
        (lambda: data.add_pairs(digits=19), ArgumentError, "at most 18"),
        (lambda: data.grammar_sentiment(0), ArgumentError, "n=0"),
    ],
)
def test_what_does_not_fit_is_said(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert isinstance(caught.value, TinynnError)


# ---------------------------------------------------------------- padding, batches, windows


def test_padding_keeps_every_value_and_says_where_it_ends():
    x, lengths = pad_sequence([[5, 6, 7], [], [8]], value=-100, length=4)
    assert x.tolist() == [[5, 6, 7, -100], [-100] * 4, [8, -100, -100, -100]]
    assert lengths.tolist() == [3, 0, 1] and x.dtype == np.int64
    assert (mask(lengths, 4) == (x != -100)).all() and mask([0]).shape == (1, 0)
    wide, _ = pad_sequence([np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)])
    assert wide.shape == (2, 2, 3) and wide.dtype == np.float32 and wide[1, 1].tolist() == [0, 0, 0]


lists = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=12), min_size=1, max_size=70)


@settings(max_examples=100, deadline=None)
@given(lists, st.integers(1, 9), st.integers(1, 4), st.booleans())
def test_batches_of_sequences_hold_each_once_with_its_label(sequences, size, pool, shuffle):
    batches = SequenceBatches(
        sequences, np.arange(len(sequences)), batch_size=size, pool=pool, shuffle=shuffle, seed=0
    )
    seen = []
    for x, lengths, y in batches:
        assert x.shape == (len(y), lengths.max())
        for row, n, k in zip(x, lengths, y):
            assert row[:n].tolist() == sequences[k] and not row[n:].any()
            seen.append(int(k))
    assert sorted(seen) == list(range(len(sequences))) and (shuffle or seen == sorted(seen))


def test_buckets_save_padding_and_orders_differ_from_epoch_to_epoch():
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 9, n) for n in rng.integers(1, 40, 1000)]
    filled = {}
    for pool in (1, 20):
        batches = SequenceBatches(sequences, np.arange(1000), batch_size=20, pool=pool, seed=1)
        epochs = [[tuple(y) for _, _, y in batches] for _ in range(2)]
        filled[pool] = sum(x.size for x, _, _ in batches)
        assert epochs[0] != epochs[1]
    assert filled[20] < 0.7 * filled[1]


def test_batches_of_sequences_go_on_where_they_were_saved():
    make = lambda: SequenceBatches([[1] * n for n in range(1, 31)], np.arange(30), batch_size=4, seed=3)
    whole = [y.tolist() for _, _, y in make()]
    first, second = make(), make()
    for i, _ in enumerate(first):
        if i == 2:
            second.load_state_dict(json.loads(json.dumps(first.state_dict())))
            break
    assert whole[3:] == [y.tolist() for _, _, y in second]


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 80), st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_targets_are_the_inputs_one_step_later(n, length, size, shuffle):
    if n <= length:
        return
    tokens = np.arange(n) + 7
    windows = Windows(tokens, length, batch_size=size, shuffle=shuffle, seed=0)
    x = np.concatenate([x for x, _ in windows])
    assert x.shape == ((n - 1) // length, length)
    assert all((y == x + 1).all() and y.max() <= tokens[-1] for x, y in windows)
    if not shuffle:
        assert x.ravel().tolist() == tokens[: x.size].tolist()


def test_windows_shift_from_epoch_to_epoch_and_an_epoch_may_be_short():
    windows = Windows(np.arange(1000), 10, batch_size=4, batches=6, seed=0)
    epochs = [np.concatenate([x for x, _ in windows]) for _ in range(2)]
    assert len(windows) == 6 and epochs[0].shape == (24, 10)
    assert len(np.unique(epochs[0])) == 240 and (epochs[0][0, 0] - epochs[1][0, 0]) % 10


def test_streams_go_on_where_the_batch_before_ended():
    batches = list(Streams(np.arange(103), 7, batch_size=4))
    assert [x.shape for x, _ in batches] == [(4, 7)] * 3 + [(4, 4)]
    joined = np.concatenate([x for x, _ in batches], axis=1)
    assert joined.tolist() == np.arange(100).reshape(4, 25).tolist()
    assert all((y == x + 1).all() and x.flags.c_contiguous for x, y in batches)


# ---------------------------------------------------------------- what lies in the package


def test_the_parts_of_the_source_share_no_file_and_follow_from_the_names():
    parts = data.python_source()
    assert [len(p) for p in parts] == [267, 15, 22]
    assert sum(map(len, parts[0].values())) == 5_776_749 and sum(map(len, parts[2].values())) == 645_212
    for part, texts in zip(parts._fields, parts):
        assert all(side(file, "python") == part for file in texts)
        assert all(text.isascii() for text in texts.values())
    assert not set(parts.train.values()) & set(parts.test.values())
    assert "def dataclass" in {**parts.train, **parts.val, **parts.test}["dataclasses.py"]


def test_the_topics_are_those_of_help():
    topics = data.python_docs()
    assert len(topics) == 79 and 'The "while" statement' in topics["while"]


def test_the_licence_of_python_lies_in_its_archive():
    licence = read_zip(FILES / "python.zip")["LICENSE.txt"]
    assert "PSF LICENSE AGREEMENT" in licence.upper() or "PYTHON SOFTWARE FOUNDATION LICENSE" in licence


def test_words_occur_once_and_in_one_part():
    split = data.language_words()
    every = [word for part in split for word in part.words]
    assert len(every) == len(set(every)) == 16_086
    assert [len(p.words) for p in split] == [11_869, 1_443, 2_774] and len(split.train.names) == 19
    assert set(split.train.y) == set(split.test.y) == set(range(19))
    found = dict(zip(split.train.words + split.test.words, np.append(split.train.y, split.test.y)))
    assert all(word == word.lower() and len(word) >= 3 for word in every)
    known = {"deutschland": "German", "suomi": "Finnish", "październik": "Polish", "october": "English"}
    assert (
        all(split.train.names[found[w]] == k for w, k in known.items() if w in found) and known.keys() & found
    )


def test_words_and_dates_are_cldrs_as_babel_has_it():
    babel = pytest.importorskip("babel")
    if babel.__version__ != "2.18.0":
        pytest.skip(f"Babel {babel.__version__} has other words")
    assert (FILES / "words.tsv").read_text("utf-8") == rows_text(("word", "language", "part"), cldr_words())
    stored = json.loads((FILES / "dates.json").read_text("utf-8"))
    assert stored == cldr_dates() and tuple(stored) == tuple(data.words.NAMES) == tuple(LANGUAGES)


def test_dates_are_written_as_babel_writes_them():
    format_date = pytest.importorskip("babel.dates").format_date
    names = json.loads((FILES / "dates.json").read_text("utf-8"))
    for text, iso in data.dates(200, seed=1):
        day = datetime.date.fromisoformat(iso)
        written = {format_date(day, kind, code) for code in names for kind in ("medium", "long", "full")}
        assert text in written


def test_dates_say_which_character_is_from_which_field():
    """Whatever the language: what is said to be a number is the day's, and what is left is in the pattern."""
    ways = json.loads((FILES / "dates.json").read_text("utf-8"))
    months = {name for way in ways.values() for kind in ("MMM", "MMMM") for name in way[kind]}
    weekdays = {name for way in ways.values() for kind in ("EEEE", "cccc") for name in way[kind]}
    rows = data.aligned_dates(500, seed=2)
    assert [row[:2] for row in rows] == data.dates(500, seed=2)
    for text, iso, fields in rows:
        part = {f: "".join(c for c, of in zip(text, fields, strict=True) if of == f) for f in "yMdE"}
        year, month, day = map(int, iso.split("-"))
        assert int(part["y"]) == year and int(part["d"]) == day
        assert part["M"] in months or int(part["M"]) == month
        assert part["E"] in weekdays | {""}


def test_pieces_of_a_date_are_the_date():
    names = json.loads((FILES / "dates.json").read_text("utf-8"))["es"]
    pieces = date_pieces(datetime.date(1987, 5, 3), "EEEE, d 'de' MMMM 'de' y", names)
    assert "".join(text for text, _ in pieces) == "domingo, 3 de mayo de 1987"
    assert [(t, f) for t, f in pieces if f != " "] == [
        ("domingo", "E"),
        ("3", "d"),
        ("mayo", "M"),
        ("1987", "y"),
    ]
    assert date_pieces(datetime.date(1987, 5, 3), "dd.MM.yy", names) == [
        ("03", "d"), (".", " "), ("05", "M"), (".", " "), ("87", "y"),
    ]  # fmt: skip


def test_pairs_are_true():
    assert all(a == b for a, b in data.copy_pairs(50))
    assert all("".join(sorted(a)) == b for a, b in data.sort_pairs(50))
    assert all(sum(map(int, a.split("+"))) == int(b) for a, b in data.add_pairs(200, digits=4))
    assert data.copy_pairs(5, seed=1) == data.copy_pairs(5, seed=1) != data.copy_pairs(5, seed=2)


def judge(sentence):
    """Read a sentence of the grammar as a person would: the last clause counts, a denial turns it round."""
    clause = sentence.split(" but ")[-1]
    praise = bool(set(clause.split()) & set(data.generated.GOOD + data.generated.LIKED))
    return praise != any(w in clause.split() for w in ("not", "wasn't", "never", "nobody"))


def test_sentences_say_what_their_label_says_and_no_word_tells_it():
    texts, y = data.grammar_sentiment(4000)
    assert [judge(t) for t in texts] == y.astype(bool).tolist() and y.mean() == 0.5
    bag = Vocabulary.train(texts)
    x = np.array([np.bincount(bag.encode(t), minlength=len(bag)) for t in texts], float)
    w = np.linalg.lstsq(x[:3000], 2.0 * y[:3000] - 1, rcond=None)[0]
    assert 0.4 < np.mean((x[3000:] @ w > 0) == y[3000:]) < 0.65  # a sum over words


def test_sunspots_are_the_series():
    years, counts = data.sunspots()
    assert years.tolist() == list(range(1700, 2009)) and counts.dtype == np.float32
    assert years[counts.argmax()] == 1957 and counts[:3].tolist() == [5, 11, 16]


def test_the_snapshot_is_made_again_by_its_command_where_that_python_is():
    import shutil
    import subprocess

    from make_text import python_text

    python = shutil.which("python3.13")
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout if python else ""
    if version.strip() != f"Python {PYTHON}":
        pytest.skip(f"no Python {PYTHON} on the path")
    assert read_zip(FILES / "python.zip") == python_text(python)
