"""How an exercise is declared: a function to write, its right answers, and the mistakes known by name.

E = Fill("03.2", "relu_backward(dy, x)", returns="dx", level=1, minutes=5)

@E.cases
def _(rng): yield case(rng.normal(size=(2, 3)), rng.normal(size=(2, 3)))

@E.drawn                      # called some tens of times, always with the same seed
def _(rng): return case(*drawn.pair(rng))

@E.reference
def _(dy, x): return dy * (x > 0)

@E.worked                     # shown as it stands here, by `solution`
def relu_backward(dy, x): ...

@E.right                      # written differently, and right as well
def by_where(dy, x): ...

@E.mistake                    # its words stand in en/03.toml under its name
def mask_of_dy(dy, x): ...
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import ArgumentError
from .call import Call, Outcome, run_each
from .texts import phrases, words

TAGS = {"square", "ones", "large", "small", "float32", "strided", "again", "one", "empty", "drawn"}
"""What a case may be called: see `Case`."""

DRAWS = 48
"""Inputs that are drawn at random besides the declared ones."""

PROBES = 5
"""Arguments that are altered, one at a time, to see which of them a function ignores."""


class Case(NamedTuple):
    """One input.

    `tags` say what is special about it, so that "right only for square matrices" can be said: ``square``
    (sizes that agree hide a transpose), ``ones`` (an upstream gradient of ones hides a missing factor),
    ``large`` and ``small`` (magnitudes where a formula overflows or cancels), ``float32`` (what comes in
    as float32 goes out so), ``one`` (a single row or element), ``empty``. The engine adds ``strided`` (the
    first case again, in arrays with gaps, and a case in arrays that are transposed) and ``again`` (the
    first case a second time, for state kept between calls) and ``drawn`` (at random), and finds by itself
    which of the drawn are ``float32``, ``strided`` or ``empty``.
    """

    args: tuple
    kwargs: dict[str, Any]
    tags: frozenset[str]
    note: str = ""


def case(*args: Any, tags: str = "", note: str = "", **kwargs: Any) -> Case:
    """A case: the function's arguments, `tags` as one string, a `note` that the student reads."""
    unknown = set(tags.split()) - TAGS
    if unknown:
        raise ArgumentError("case", f"tags={tags!r}", f"words out of {', '.join(sorted(TAGS))}")
    return Case(args, kwargs, frozenset(tags.split()), note)


class Exercise:
    """What every kind of exercise has: an id that never changes, and words.

    Parameters
    ----------
    id : str
        Chapter and number: "03.2".
    level : 1, 2 or 3
        Difficulty.
    minutes : int
        An honest estimate.
    """

    kind = "exercise"
    signature: str = ""
    """Of the function to write, as the student sees it; "" where the answer is a value."""
    faces: tuple[str, ...] = ()
    """Ways to run the answer, by the number in a call (see `faces.py`); as it is, where there are none."""

    def __init__(self, id: str, *, level: int, minutes: int) -> None:
        if not re.fullmatch(r"\d\d[a-z]?\.\d+", id):
            raise ArgumentError("Exercise", f"id={id!r}", "chapter and number", 'id="03.2"')
        self.id, self.level, self.minutes = id, level, minutes
        _register(self)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id}: {self.title}>"

    @property
    def words(self) -> dict[str, Any]:
        """Title, task, hints, explanation and the rest, out of the TOML file of the chapter."""
        return words(self.id)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.signature.split("(")[0]

    @property
    def wants_function(self) -> bool:
        """Whether the answer is a function; otherwise it is a value."""
        return bool(self.signature)

    @property
    def title(self) -> str:
        return self.words.get("title", self.id)

    @property
    def hints(self) -> list[str]:
        """From a nudge over the method to pseudocode."""
        return self.words.get("hints", [])

    def calls(self, answer: Any) -> list[Call]:
        """What to ask of the answer's function. An answer that is a value is asked nothing."""
        raise NotImplementedError

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        """The verdict on `answer`, given what its function did."""
        raise NotImplementedError

    def ready(self, function: Callable) -> Callable:
        """A right answer as the library and the chapter use it."""
        return function

    def solution(self) -> str:
        """The worked answer, as a student would write it."""
        raise NotImplementedError


class Mistake(NamedTuple):
    """A wrong implementation that people write, known by its name."""

    name: str
    function: Callable

    def words_in(self, exercise: Exercise) -> dict[str, str]:
        """``means``: the misconception it stands for. ``look``: what to look at."""
        return exercise.words.get("mistakes", {}).get(self.name, {})


class Fill(Exercise):
    """A function to write, compared with a reference.

    Parameters
    ----------
    signature : str
        As the student sees it: "linear_backward(dy, x, w)".
    returns : str
        Names of what comes back, in order: "dx dw db".
    tolerance : float
        Relative, for float64; float32 cases are compared to 1e-4.
    dtype_matters : bool
        Whether float32 in must give float32 out: only where the task says so.
    chained : bool
        Whether a part is computed from another, so that one mistake spoils both: two mistakes are then not
        recognised part by part.
    new : bool
        Whether the task asks for new arrays: a result that lies in an argument's memory is then wrong.
    seeded : int
        Where the function draws by an argument `seed`: results of so many numbers differ from one seed to
        another, and are the same for the same. 0 where nothing is drawn.
    """

    kind = "function"
    launches = False
    """Whether the function is a kernel, which is launched and not called: see `kernels`."""
    draws_asked = DRAWS
    """How many drawn inputs are asked; fewer where a call is slow."""
    casts = False
    """Whether `swaps` itself brings what comes back to the library's dtype: float64 is then no matter."""

    def __init__(
        self,
        id: str,
        signature: str,
        *,
        returns: str,
        level: int,
        minutes: int,
        tolerance: float = 1e-7,
        dtype_matters: bool = True,
        chained: bool = False,
        new: bool = False,
        seeded: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(id, level=level, minutes=minutes)
        self.signature, self.returns = signature, tuple(returns.split())
        self.tolerance, self.dtype_matters, self.seed = tolerance, dtype_matters, seed
        self.chained, self.new, self.seeded = chained, new, seeded
        self.mistakes: dict[str, Mistake] = {}
        self.both: dict[tuple[str, str], Callable] = {}
        self.rights: list[Callable] = []
        self.true: Callable | None = None
        self.worked_answer: Callable | None = None
        self.swap: Callable[[Callable], AbstractContextManager] | None = None
        self.train: Callable[..., Any] | None = None
        self.same: Callable[[Any, Any, tuple], bool] | None = None
        self.measure: Callable[[Any, tuple], dict[str, Any]] | None = None
        self._cases: Callable[[np.random.Generator], Iterator[Case]] | None = None
        self._draw: Callable[[np.random.Generator], Case] | None = None

    # -- declaring: each is a decorator ------------------------------------------------------------------

    def cases(self, make: Callable[[np.random.Generator], Iterator[Case]]) -> Callable:
        """The inputs, the smallest first: what is shown is the first that fails."""
        self._cases = make
        return make

    def drawn(self, make: Callable[[np.random.Generator], Case]) -> Callable:
        """One input at random, out of all that the task promises: it finds what no declared case foresees."""
        self._draw = make
        return make

    def reference(self, function: Callable) -> Callable:
        """What is true: as a rule the package's own op."""
        self.true = function
        return function

    def worked(self, function: Callable) -> Callable:
        """The answer as a student would write it."""
        self.worked_answer = function
        return function

    def right(self, function: Callable) -> Callable:
        """Another right answer, written differently: the checks must accept it."""
        self.rights.append(function)
        return function

    def accept(self, same: Callable[[Any, Any, tuple], bool]) -> Callable:
        """Where several answers are right: ``same(got, wanted, args)``, whether `got` is one of them."""
        self.same = same
        return same

    def measured(self, measure: Callable[[Any, tuple], dict[str, Any]]) -> Callable:
        """What is shown of a result where many are right: ``measure(value, args)``, by name."""
        self.measure = measure
        return measure

    def mistake(self, function: Callable) -> Callable:
        """A named mistake."""
        self.mistakes[function.__name__] = Mistake(function.__name__, function)
        return function

    def two(self, first: str, second: str) -> Callable[[Callable], Callable]:
        """Two of the mistakes at once, in one implementation."""

        def keep(function: Callable) -> Callable:
            self.both[first, second] = function
            return function

        return keep

    def swaps(self, make: Callable[[Callable], AbstractContextManager]) -> Callable:
        """How a right answer stands in for the library's: ``make(function)`` gives the `using` for it."""
        self.swap = make
        return make

    def trains(self, train: Callable[..., Any]) -> Callable:
        """How a network is trained with it: ``train(function, optimizer, seed)`` gives moments.

        See `tinynn.course.effects`, which calls it.
        """
        self.train = train
        return train

    # -- asking ------------------------------------------------------------------------------------------

    @cached_property
    def inputs(self) -> list[Case]:
        """The declared cases, then those that the engine adds."""
        assert self._cases is not None, f"{self.id} has no cases"
        declared = list(self._cases(np.random.default_rng(self.seed)))
        first = declared[0]
        strided = first._replace(args=tuple(map(_strided, first.args)), tags=first.tags | {"strided"})
        again = first._replace(tags=first.tags | {"again"})
        return [*declared, strided, *_turned(declared), again]

    def draws(self, count: int) -> list[Case]:
        """`count` inputs at random, the smallest first: always the same ones."""
        rng = np.random.default_rng([self.seed, count])
        made = [_marked(self._draw(rng)) for _ in range(count)] if self._draw else []
        return sorted(made, key=_effort)

    @cached_property
    def all_inputs(self) -> list[Case]:
        """Those of `inputs`, those drawn, and the first once more, after all that came between."""
        return [*self.inputs, *self.draws(self.draws_asked), *self.inputs[-1:]]

    @property
    def probes(self) -> list[Case]:
        """The first two cases, each argument altered by itself: a function that ignores it gives itself away.

        No answer is judged by them, since arguments may belong together (an input and its output). The note
        says which argument was altered, in which case.
        """
        return [
            c._replace(args=_with(c.args, i), tags=frozenset(), note=f"{i} {k}")
            for k, c in enumerate(self.inputs[:2])
            for i, a in enumerate(c.args[:PROBES])
            if _altered(a) is not None
        ]

    @cached_property
    def asked(self) -> list[Call]:
        """All inputs, then the probes."""
        return [*map(self.call_of, self.all_inputs), *map(self.call_of, self.probes)]

    def call_of(self, case: Case) -> Call:
        """How an answer is asked for one case."""
        return Call(case.args, case.kwargs)

    def ready(self, function: Callable) -> Callable:
        """A right answer as the library calls it, or a cell of the chapter."""
        return function

    @cached_property
    def wanted(self) -> list[Outcome]:
        """What the reference gives."""
        assert self.true is not None, f"{self.id} has no reference"
        return run_each(self.true, self.asked)

    @cached_property
    def known(self) -> dict[str, list[Outcome]]:
        """What each named mistake gives."""
        return {m.name: run_each(m.function, self.asked) for m in self.mistakes.values()}

    @cached_property
    def known_pairs(self) -> dict[tuple[str, str], list[Outcome]]:
        """What two named mistakes at once give."""
        return {names: run_each(function, self.asked) for names, function in self.both.items()}

    def calls(self, answer: Any) -> list[Call]:
        return self.asked

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        from .diagnose import judge  # the last step of the staircase: it reads declarations

        return judge(self, outcomes, answer)

    def solution(self) -> str:
        assert self.worked_answer is not None, f"{self.id} has no worked answer"
        return source_of(self.worked_answer)


def _strided(value: Any) -> Any:
    """The same array with gaps between its elements: right code does not notice."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    return np.repeat(value, 2, axis=-1)[..., ::2]


def _marked(case: Case) -> Case:
    """A drawn case with the tags that can be seen on its arrays, and a note if it has none."""
    args = tuple(np.asarray(a) if isinstance(a, np.generic) else a for a in case.args)  # of shape ()
    case = case._replace(args=args)
    arrays = [a for a in (*case.args, *case.kwargs.values()) if isinstance(a, np.ndarray)]
    kinds = {
        "float32": any(a.dtype == np.float32 for a in arrays),
        "strided": any(not a.flags.c_contiguous for a in arrays),
        "empty": any(a.size == 0 for a in arrays),
    }
    tags = case.tags | {"drawn"} | {name for name, holds in kinds.items() if holds}
    say = phrases("engine")["shown"]
    note = [say["drawn"], *(say[f"drawn_{name}"] for name in ("float32", "strided") if kinds[name])]
    return case._replace(tags=tags, note=case.note or ", ".join(note))


def _effort(case: Case) -> int:
    """How hard an input is to look at and to write down: its extent; numbers tiny or huge, gaps in memory."""
    values = (*case.args, *case.kwargs.values())
    gaps = 2 if "strided" in case.tags else 1
    return _extent(values) * gaps * (3 if any(map(_awkward, values)) else 1)


def _awkward(value: Any) -> bool:
    """Whether numbers are in it that are written with an exponent."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return False
    sizes = np.abs(value[value != 0])
    return bool(sizes.size and (sizes.min() < 1e-3 or sizes.max() >= 1e4))


def _extent(value: Any) -> int:
    """How much there is to look at in an input."""
    if isinstance(value, np.ndarray):
        return int(value.size)
    if isinstance(value, (tuple, list, dict)):
        return 1 + sum(map(_extent, value.values() if isinstance(value, dict) else value))
    return abs(value) if isinstance(value, int) and abs(value) < 1000 else 1


def _altered(value: Any) -> Any:
    """Another array of the same shape, another number; None for what is neither."""
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind in "iuf":
        return np.flip(value) * (0.75 if value.dtype.kind == "f" else 1)
    return 0.75 * value if isinstance(value, float) else None


def _with(args: tuple, i: int) -> tuple:
    return (*args[:i], _altered(args[i]), *args[i + 1 :])


def _turned(cases: list[Case]) -> list[Case]:
    """The first case with a matrix, in arrays that lie column by column in memory, as a transpose does."""
    for c in cases:
        if any(isinstance(a, np.ndarray) and a.ndim > 1 and min(a.shape) > 1 for a in c.args):
            args = tuple(
                np.asfortranarray(a) if isinstance(a, np.ndarray) and a.ndim > 1 else a for a in c.args
            )
            return [c._replace(args=args, tags=c.tags | {"strided"})]
    return []


def source_of(function: Callable) -> str:
    """The lines of a function, without its decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    return source[re.search(r"^def ", source, re.MULTILINE).start() :].rstrip()  # type: ignore[union-attr]


# -- finding ---------------------------------------------------------------------------------------------

_registered: dict[str, Exercise] = {}


def _register(exercise: Exercise) -> None:
    _registered[exercise.id] = exercise


def whole_id(name: Any) -> str:
    """The id that a student means: "3.2", "03.2" and 3.2 are the same."""
    return re.sub(r"^(\d)(?=[a-z]?\.)", r"0\1", str(name).strip())


def find(name: Any, where: str = "check") -> Exercise:
    """The exercise called `name`, importing its chapter's declarations."""
    id = whole_id(name)
    chapter = id.split(".")[0]
    if id not in _registered and chapter in chapters():
        importlib.import_module(f"tinynn.course.exercises.ch{chapter}")
    if id in _registered:
        return _registered[id]
    ids = [i for i in catalogue() if i.startswith(chapter + ".")] or list(catalogue())
    raise ArgumentError(where, repr(name), f"an exercise: {', '.join(ids)}", f'{where}("{ids[0]}")')


def chapters() -> list[str]:
    """The chapters that have declarations: a file each, or a folder with a file an exercise."""
    folder = Path(__file__).resolve().parent.parent / "exercises"
    return sorted(path.stem.removeprefix("ch") for path in folder.glob("ch*"))


def catalogue() -> dict[str, Exercise]:
    """Every exercise by its id, in the order of the course."""
    for chapter in chapters():
        importlib.import_module(f"tinynn.course.exercises.ch{chapter}")
    return dict(sorted(_registered.items(), key=lambda item: _order(item[0])))


def _order(id: str) -> tuple[str, int]:
    chapter, number = id.split(".")
    return chapter, int(number)
