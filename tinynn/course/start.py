"""Chapter 00's digits, its broken function, and its exercises."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..data import Dataset, digits, train_val_test_split
from .check import Verdict, Verdicts, declare

GOAL = 85  # percent of the digits to look at that a rule for 3 and 8 should reach


def seen_and_new() -> tuple[Dataset, Dataset]:
    """The 1797 digits dealt into two halves: to look at and learn from, and to test on."""
    x, y = digits()
    seen, _, new = train_val_test_split(x, y, val=0, test=0.5, seed=0)
    return seen, new


def threes_and_eights(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 8, 8) of the 3s and 8s, and which of them are 8s, bool (N,)."""
    rows = np.isin(data.y, (3, 8))
    return data.x[rows, 0], data.y[rows] == 8


def score(rule: Callable[[np.ndarray], Any], images: np.ndarray, is_eight: np.ndarray) -> float:
    """The share of images where ``rule(image)`` is right, 0 to 1."""
    return float(np.mean([bool(rule(image)) == truth for image, truth in zip(images, is_eight)]))


def draw(is_eight: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Which examples to learn from: n positions at random, as many 8s as 3s if there are enough of both."""
    order = np.random.default_rng(seed).permutation(len(is_eight))
    eights, threes = order[is_eight[order]], order[~is_eight[order]]
    half = min(max(n // 2, n - len(threes)), len(eights))
    return np.concatenate([eights[:half], threes[: n - half]])


# -- 00.1: a rule that tells a 3 from an 8 -------------------------------------------------------------


def judge_rule(rule: Any) -> Verdict:
    images, is_eight = threes_and_eights(seen_and_new()[0])
    if not callable(rule):
        return Verdict("look", f"`rule` is {rule!r}, not a function: write `def rule(image):`.")
    image = images[0].copy()
    first = rule(image)
    if not np.array_equal(image, images[0]):
        return Verdict("look", "Your rule changes its image. Work on a copy: `image = image.copy()`.")
    if first is None:
        return Verdict("look", "Your rule returns `None`. Its last line should be `return` and a comparison.")
    if np.size(first) != 1:
        return Verdict("look", _too_many(np.shape(first), len(images)))
    said = [rule(image) for image in images]
    odd = [answer for answer in said if answer not in (True, False)]  # 1 and 0 are as good
    if odd:
        shown = f"{odd[0]:.2f}" if isinstance(odd[0], (float, np.floating)) else repr(odd[0])
        return Verdict(
            "look",
            f"Your rule returns `{shown}`. It should answer yes or no, `True` for an 8 and `False` for a 3: "
            "a comparison such as `ink > 2` does.",
        )
    return _looks_up(rule, said, is_eight) or _about_rule(np.array(said, dtype=bool), is_eight)


def _too_many(shape: tuple, n: int) -> str:
    start = f"Your rule returns {np.prod(shape)} answers for one image, an array of shape {shape}. "
    if shape[:1] == (n,):
        return start + "It should look at `image` alone: `images` and `is_eight` hold all of them."
    return start + "It should return one yes or no: `.sum()` makes one number of many pixels."


def _looks_up(rule: Callable, said: list, is_eight: np.ndarray) -> Verdict | None:
    """A rule that knows the labels by heart is found out on digits that it cannot know."""
    here, others = np.mean(np.array(said) == is_eight), score(rule, *threes_and_eights(seen_and_new()[1]))
    if here - others < 0.2:
        return None
    text = f"On other 3s and 8s it is right on {100 * others:.0f} of 100. Does it look the answer up?"
    return Verdict("look", text, f"Your rule is right on {100 * here:.0f} of these 100 digits")


def _about_rule(said: np.ndarray, is_eight: np.ndarray) -> Verdict:
    percent = 100 * np.mean(said == is_eight)
    result = f"Your rule is right on {percent:.0f} of 100 digits"
    if said.all() or not said.any():
        return Verdict(
            "look",
            f"It says {'8' if said[0] else '3'} to every image: the comparison always comes out the same. "
            "A pixel is from 0 (paper) to 1 (ink), so the ink in a box is at most its number of pixels.",
            result,
        )
    if percent < 40:
        return Verdict("look", "That is worse than tossing a coin. Turn the comparison round.", result)
    eights, threes = int((is_eight & ~said).sum()), int((said & ~is_eight).sum())
    misses = (
        f"{eights} of {is_eight.sum()} eights taken for a 3, {threes} of {(~is_eight).sum()} threes for an 8."
    )
    if percent >= GOAL:
        return Verdict("right", f"{misses} That reaches the aim of {GOAL}.", result)
    lopsided = abs(eights - threes) > (eights + threes) / 3
    advice = f" It says 8 too {'seldom' if eights > threes else 'often'}." if lopsided else ""
    return Verdict("said", f"{misses}{advice} The aim is {GOAL}.", result)


declare(
    "00.1",
    judge_rule,
    "Look at the two rows of digits. In which part of the image does an 8 have ink where a 3 has none?",
    "An 8 is closed on its left, a 3 is open there. The left part of an image is `image[:, 0:4]`: all rows, "
    "the first four columns. Which rows should you take, so that the tips of the 3 stay out?",
    "Count the ink in `image[2:6, 1:3]`, the middle rows near the left edge, and compare it with a number "
    "between 0.5 and 2. Try a few numbers: the check says which way you are wrong.",
)


# -- 00.2: mix the examples, keep each with its label --------------------------------------------------


def mixed_up(x, y, rng):
    """Put the examples in a random order."""
    x = rng.permutation(x)
    y = rng.permutation(y)
    return x, y


def source(function: Callable) -> str:
    """The lines of `function`, as they stand in its file."""
    return inspect.getsource(function).rstrip()


class Mixed(NamedTuple):
    """What is known about an attempt at mixing: which examples came out, and which labels."""

    x: np.ndarray
    y: np.ndarray
    n: int

    @property
    def diagnosis(self) -> str:
        whole = np.arange(self.n)
        if len(self.x) != self.n or len(self.y) != self.n:
            return f"{self.n} examples went in, {len(self.x)} images and {len(self.y)} labels came out."
        if not np.array_equal(np.sort(self.x), whole) or not np.array_equal(np.sort(self.y), whole):
            return "Some examples come out twice, others never. `rng.permutation(n)` has each number once."
        if np.array_equal(self.x, self.y):
            return "" if (self.x != whole).any() else "Every label is beside its image, in the old order."
        if np.array_equal(self.y, whole):
            return "The images are in a new order, the labels in the old one."
        if np.array_equal(self.x, whole):
            return "The labels are in a new order, the images in the old one."
        return "Images and labels are in two different orders. Draw one order and use it for both."


def judge_mixing(mix: Any) -> Verdict:
    """Two sizes, two seeds: an order that fits one size only, or is always the same, is not a random one."""
    if not callable(mix):
        return Verdict("look", f"`mixed` is {mix!r}, not a function: write `def mixed(x, y, rng):`.")
    verdict = _mix_once(mix, 60, 7)
    if verdict.kind == "right":
        verdict = _mix_once(mix, 45, 7)
    if verdict.kind == "right" and np.array_equal(_order(mix, 60, 7), _order(mix, 60, 8)):
        return Verdict("look", "The order is the same every time. Draw it from `rng`.")
    return verdict


def _numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that hold their own number, and the same numbers as labels: (n, 64), (n,)."""
    return np.repeat(np.arange(n, dtype=np.float32)[:, None], 64, axis=1), np.arange(n)


def _order(mix: Callable, n: int, seed: int) -> np.ndarray:
    return np.asarray(mix(*_numbered(n), np.random.default_rng(seed))[1])


def _mix_once(mix: Callable, n: int, seed: int) -> Verdict:
    (x, y), given = _numbered(n), _numbered(n)
    answer = mix(*given, np.random.default_rng(seed))
    if not (np.array_equal(given[0], x) and np.array_equal(given[1], y)):
        return Verdict("look", "It changes the arrays it was given. `x[order]` makes a new one.")
    if answer is None:
        return Verdict("open", "`mixed` returns `None` so far: end it with `return` and the two arrays.")
    if not isinstance(answer, tuple) or len(answer) != 2:
        return Verdict("look", "It should return two arrays: `return x, y` with the new ones.")
    new_x, new_y = (np.asarray(a) for a in answer)
    if new_x.shape[1:] != (64,) or new_y.ndim != 1:
        shapes = f"{new_x.shape} and {new_y.shape} came out; {x.shape} and {y.shape} went in"
        return Verdict("look", f"{shapes}. Put the first axis in a new order, and leave the others.")
    problem = Mixed(new_x[:, 0].astype(int), new_y.astype(int), n).diagnosis
    if problem:
        return Verdict("look", problem)
    return Verdict("right", "A new order, and every label beside its image.")


declare(
    "00.2",
    judge_mixing,
    "How many random orders does `mixed_up` draw, and how many should there be?",
    "`order = rng.permutation(len(x))` is one random order of the numbers 0 to n - 1. What is `x[order]`?",
    "Return `x[order], y[order]`, with one `order` for both.",
)


# -- 00.3: five questions --------------------------------------------------------------------------------


class Question(NamedTuple):
    """A question's right answer, the wrong ones that tell something, and what to say about all others."""

    name: str
    right: Any
    mistakes: tuple[tuple[Any, str], ...]
    refresher: str

    def judge(self, answer: Any) -> Verdict:
        if answer is None:
            return Verdict("open", headline=f"{self.name}: not tried yet")
        if same(answer, self.right):
            return Verdict("right", headline=f"{self.name}: right")
        for wrong, suggestion in self.mistakes:
            if same(answer, wrong):
                return Verdict("look", f"{suggestion} {self.refresher}", f"{self.name}: look again")
        text = f"`{answer!r}` is text: leave out the quotes. " if isinstance(answer, str) else ""
        return Verdict("look", text + self.refresher, f"{self.name}: look again")


def same(answer: Any, wanted: Any) -> bool:
    """Whether two numbers or rows of numbers are equal; a list, a tuple and an array count as the same."""
    try:
        a, b = np.asarray(answer, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError):
        return False
    return not isinstance(answer, str) and a.shape == b.shape and np.allclose(a, b)


QUESTIONS = (
    Question(
        "1 Slicing", [20, 30, 40],
        (
            ([20, 30, 40, 50], "You counted the end in."),
            ([10, 20, 30], "You counted from 1."),
            ([10, 20, 30, 40], "You counted from 1, and the end in."),
            ([30, 40], "You left out the start."),
            ([20, 30, 40, 50, 60], "You went on to the end of the list."),
        ),
        "Positions count from 0. `x[a:b]` starts at position a and stops before b: b - a elements.",
    ),
    Question(
        "2 Shapes", (5, 3),
        (
            ((8, 8), "You kept the two sizes that must agree: they are summed over and disappear."),
            ((3, 5), "You turned it round: the rows come from `a`, the columns from `b`."),
            ((5, 8, 8, 3), "You put the shapes side by side; the sizes in the middle disappear."),
            ((5, 8, 3), "You kept the 8 that both share; it is summed over and disappears."),
            ((5, 8), "That is the shape of `a`; the columns of the product come from `b`."),
            (15, "That is the number of elements; the shape says how they are arranged."),
        ),
        "`a @ b` multiplies each row of `a` with each column of `b`. In (5, 8) @ (8, 3) the inner sizes "
        "must agree, and the outer ones remain.",
    ),
    Question(
        "3 Derivative", 7,
        (
            (10, "That is the value f(2). The derivative says how fast f changes there."),
            (4, "That is the part of x² alone; 3x changes too, by 3 for each step of x."),
            (5, "You took x for the derivative of x²; the exponent comes down as a factor."),
            (3, "That is the part of 3x alone; x² changes too."),
            (8, "You may have doubled twice: the derivative of x² is 2x, and at x = 2 that is 4."),
        ),
        "The derivative of x² is 2x, that of 3x is 3, and a sum is taken term by term. Then put in x = 2.",
    ),
    Question(
        "4 Dot product", 1,
        (
            ([4, 0, -3], "You multiplied element by element, which is the first half: now add them up."),
            (7, "You lost the sign of the last term."),
            (18, "You added up each list and multiplied the sums; multiply first, element by element."),
            (9, "You added all the numbers; multiply in pairs first."),
            (3, "You dropped a product by 0 or -1: 2 times 0 is 0, and 3 times -1 is -3."),
        ),
        "The dot product multiplies first with first, second with second, third with third, and adds up.",
    ),
    Question(
        "5 Loop", 6,
        (
            (10, "You let i reach 4; `range(4)` stops before it."),
            (3, "That is the last i alone; `total` keeps what it had and adds i."),
            (4, "That is the number of rounds; each round adds i, not 1."),
            (0, "That is `total` before the loop."),
            ([0, 1, 2, 3], "Those are the values of i; `total` is their sum."),
        ),
        "`range(4)` is 0, 1, 2, 3. Write down `total` after each round.",
    ),
)  # fmt: skip


def judge_test(answers: Any) -> Verdict | Verdicts:
    if not isinstance(answers, (list, tuple)) or len(answers) != len(QUESTIONS):
        return Verdict(
            "look", f"Hand over a list of {len(QUESTIONS)} answers, with `None` for those not tried."
        )
    verdicts = Verdicts(q.judge(a) for q, a in zip(QUESTIONS, answers, strict=True))
    right, tried = sum(v.kind == "right" for v in verdicts), sum(v.kind != "open" for v in verdicts)
    if tried == len(QUESTIONS):
        verdicts.append(Verdict("said", "Chapter 01 builds on all five.", f"{right} of {tried} right"))
    return verdicts


declare("00.3", judge_test, "Each line has a name and a value. Put your answer in the place of `None`.")
