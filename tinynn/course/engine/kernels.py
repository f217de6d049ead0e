"""A CUDA kernel to write: launched by the exercise in the interpreter, and compared with a reference.

E = KernelFill("15.1", "relu(x, y)", returns="y", level=1, minutes=5)

@E.launched                   # the host's side: arrays in, one launch or several, arrays out; it travels
                              # to where answers are graded, so it names nothing but tinynn.gpu and NumPy
def _(kernel, x, grid, block):
    y = empty(x.shape, like=x)
    launch(kernel, grid, block, x, y)
    return y

@E.cases                      # the kernel's inputs, and the launch by name
def _(rng): yield case(x, grid=3, block=4, note="12 threads for 10 elements")

@E.reference                  # as the host's side, but for the kernel; a ``**`` tells it from a kernel
def _(x, **launch): return np.maximum(x, 0)

@E.worked                     # a kernel, as all that follow: `right`, `mistake`, `two`
def relu(x, y): ...

Everything else is a `Fill`. Each input is launched in several orders of the threads; the interpreter's
first finding (race, index, barrier, ...) is the outcome, and what is found in which order, in which block,
by which thread, tells one mistake from another. Where there is a GPU, it must agree with the interpreter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from types import FunctionType
from typing import Any

import numpy as np

from ...errors import KernelError
from ...gpu import Kernel, arrays, available, cuda, simt, to_device, to_host
from ...gpu.poison import quietened, unwritten
from ...gpu.simt import report
from .call import Call, Outcome, copied
from .compare import FLOAT32, agree
from .evidence import Evidence
from .exercise import Case, Fill
from .stopped import stopped_at
from .texts import phrases
from .verdict import Text, Verdict

ORDERS: tuple[str | int, ...] = ("forward", "reversed", 7)
"""Of threads and blocks: who comes first by number, who comes last, and one at random."""

STEPS, PATIENCE = 20_000, 0.5  # accesses of a thread, and seconds, after which a loop has no end
DRAWS = 24  # fewer than functions have: each is launched in several orders
ON_GPU = 3  # inputs that a GPU is asked too: each kernel is compiled for it once


class WrongParameters(TypeError):
    """A kernel with another number of parameters than it is launched with."""


class Launched:
    """What stands between a student's kernel and its inputs: picklable, one for each check.

    Called with a function that takes ``**`` keywords, which no kernel does (a reference, or something made
    of one), it calls that function as it is.
    """

    def __init__(self, host: Callable, signature: str, gpu: bool = False) -> None:
        self.host, self.signature, self.left = by_value(host), signature, ON_GPU if gpu else 0
        self.function: Any = None
        self.over: KernelError | None = None

    def __call__(self, function: Callable, *args: Any, **launch: Any) -> Any:
        if not is_kernel(function):
            return function(*args, **launch)
        kernel = self._kernel(function)
        if self.over is not None:  # what has no end is not run again
            raise self.over
        inputs = [args, *[copied(args) for _ in ORDERS]]  # before a kernel writes into them
        values, found = in_every_order(partial(self.host, kernel), inputs, launch)
        if any(_kind(problem) in (report.ENDLESS, report.DEADLOCK) for problem in found):
            self.over = next(filter(None, found))
        value = _one(kernel, values, found)
        if self.left and gpu_is_here() and not _holes(value):
            self.left -= 1
            _must_agree_on_gpu(self.host, kernel, inputs[-1], launch, value)
        return value

    def _kernel(self, function: Any) -> Kernel:
        """The same one at each call with one function: it may be compiled."""
        if self.function is not function:
            self.function, self.over = function, None
            self.kernel = as_kernel(function, self.signature)
        return self.kernel


def by_value(host: Callable) -> Callable:
    """A copy that travels with its lines: where answers are graded, no declaration can be imported."""
    given: Any = host
    copy = FunctionType(
        given.__code__, given.__globals__, given.__name__, given.__defaults__, given.__closure__
    )
    copy.__kwdefaults__, copy.__module__ = given.__kwdefaults__, "__main__"
    return copy


def is_kernel(function: Any) -> bool:
    """Whether it can be one: it takes no keywords."""
    if isinstance(function, Kernel):
        return True
    try:
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return True
    return inspect.Parameter.VAR_KEYWORD not in kinds


def as_kernel(function: Any, signature: str = "") -> Kernel:
    """The kernel in a function, with or without ``@cuda.jit`` above it."""
    kernel = function if isinstance(function, Kernel) else cuda.jit(function)
    given = inspect.signature(kernel.function).parameters
    starred = any(p.kind is p.VAR_POSITIONAL for p in given.values())
    if signature and not starred and len(given) != signature.count(",") + 1:
        raise WrongParameters(f"`{name_of(kernel)}({', '.join(given)})` is launched as `{signature}`")
    return kernel


def name_of(kernel: Kernel) -> str:
    return kernel.__name__  # type: ignore[attr-defined]


def in_every_order(
    host: Callable, inputs: list[tuple], launch: dict[str, Any]
) -> tuple[list[Any], list[KernelError | None]]:
    """What the launch gives in each order of the threads, and what the interpreter finds."""
    values: list[Any] = []
    found: list[KernelError | None] = []
    for order, args in zip(ORDERS, inputs):
        try:
            with simt.settings(order=order, steps=STEPS, patience=PATIENCE):
                values.append(_plain(host(*args, **launch)))
            found.append(None)
        except KernelError as problem:
            _unfinished(problem)
            found.append(problem)
            if _kind(problem) in (report.ENDLESS, report.DEADLOCK):
                break
    return values, found


def _plain(value: Any) -> Any:
    """With a quiet NaN in cells that nobody wrote: the interpreter's own makes NumPy warn."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return quietened(value) if isinstance(value, np.ndarray) else value


def _one(kernel: Kernel, values: list[Any], found: list[KernelError | None]) -> Any:
    """The value that all orders give; else the first finding, marked with those of every order."""
    first = next(filter(None, found), None)
    if first is not None:
        raise marked(first, " ".join(map(place, found)))
    if not all(agree(v, values[0], FLOAT32) for v in values[1:]):
        got = "other results when the threads run in another order"
        raise marked(KernelError(name_of(kernel), got, "one result, whichever comes first"), "order")
    return values[0]


def marked(problem: KernelError, mark: str) -> KernelError:
    problem.mark = mark  # type: ignore[attr-defined]
    return problem


def _kind(problem: KernelError | None) -> str:
    return problem.finding.kind if problem is not None and problem.finding is not None else ""


def place(problem: KernelError | None) -> str:
    """Which finding it is, whatever the names and lines of the kernel are: kind, block, thread."""
    if problem is None or problem.finding is None:
        return "-"
    finding = problem.finding
    where = ",".join(map(str, (*finding.block, finding.thread)))
    return f"{finding.kind}@{where}"


def _unfinished(problem: KernelError) -> None:
    """Raise what says that the kernel is not written yet, as it was raised."""
    cause = problem.__cause__
    if isinstance(cause, NotImplementedError) or "ellipsis" in str(cause):
        raise cause  # type: ignore[misc]


# -- on a GPU, where there is one ------------------------------------------------------------------------


def gpu_is_here() -> bool:
    return arrays.stand_in is not None or available()


def _holes(value: Any) -> bool:
    """Whether there are cells that no thread wrote: a GPU has anything there."""
    values = value if isinstance(value, tuple) else (value,)
    return any(np.asarray(v).dtype.kind == "f" and np.isnan(v).any() for v in values)


def _must_agree_on_gpu(host: Callable, kernel: Kernel, args: tuple, launch: dict, value: Any) -> None:
    """The GPU runs only what the interpreter has passed on this very input."""
    there = [to_device(a) if isinstance(a, np.ndarray) else a for a in args]
    given = host(kernel, *there, **launch)
    got = tuple(map(to_host, given)) if isinstance(given, tuple) else to_host(given)
    if not agree(got, value, FLOAT32):
        got_it = "other numbers on the GPU than in the interpreter"
        raise marked(KernelError(name_of(kernel), got_it, "the same in both"), "gpu")


# -- the exercise ----------------------------------------------------------------------------------------


class KernelFill(Fill):
    """A kernel to write; see the module's first lines."""

    kind = "kernel"
    launches = True
    draws_asked = DRAWS
    host: Callable
    """``host(kernel, *inputs, **launch)`` gives the outputs."""

    def __init__(self, id: str, signature: str, *, dtype_matters: bool = False, **fill: Any) -> None:
        super().__init__(id, signature, dtype_matters=dtype_matters, **fill)

    def launched(self, host: Callable) -> Callable:
        """The host's side: a decorator."""
        self.host = host
        return host

    @cached_property
    def inputs(self) -> list[Case]:
        """Kernels compute in float32: so do the cases."""
        return [c._replace(tags=c.tags | _single(c)) for c in super().inputs]

    @cached_property
    def through(self) -> Launched:
        """One for all calls: a kernel without end is run once."""
        return Launched(self.host, self.signature)

    def call_of(self, case: Case) -> Call:
        return Call(case.args, case.kwargs, through=self.through)

    def calls(self, answer: Any) -> list[Call]:
        once = Launched(self.host, self.signature, gpu=True)
        return [call._replace(through=once) for call in self.asked]

    def ready(self, function: Callable) -> Callable:
        """``function(*inputs, **launch)``, which launches the kernel where the inputs lie."""
        if not is_kernel(function):
            return function
        kernel = as_kernel(function)

        def launcher(*args: Any, **launch: Any) -> Any:
            return self.host(kernel, *args, **launch)

        launcher.__name__ = name_of(kernel)
        return launcher

    def solution(self) -> str:
        return f"@cuda.jit\n{super().solution()}"

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Verdict:
        verdict = super().judge(answer, outcomes)
        return verdict if verdict.kind != "look" else _in_words(verdict, Evidence(self, outcomes))


def _single(case: Case) -> set[str]:
    values = (*case.args, *case.kwargs.values())
    return {"float32"} if any(getattr(a, "dtype", None) == np.float32 for a in values) else set()


# -- its verdict -----------------------------------------------------------------------------------------


def _in_words(verdict: Verdict, evidence: Evidence) -> Verdict:
    """The verdict, with the interpreter's sentence where the input that is shown has one."""
    say = phrases("kinds")["kernel"]
    exception = verdict.diagnosis == "exception"
    seen = stopped_at(evidence) if exception else evidence.failing[0]
    problem = seen.outcome.problem if seen is not None else None
    if problem is None or not problem.mark:
        return verdict.and_also(Text(say["holes"])) if _unwritten(evidence) else verdict
    if not exception:  # there the sentence stands already
        verdict = replace(verdict, blocks=(Text(problem.message, say["sentence"]), *verdict.blocks))
    return replace(verdict, headline=say["headlines"].get(_kind_in(problem.mark), verdict.headline))


def _kind_in(mark: str) -> str:
    """The kind of the first finding of all orders."""
    return next((k for k in (part.partition("@")[0] for part in mark.split()) if k != "-"), "")


def _unwritten(evidence: Evidence) -> bool:
    """Whether the first input that fails has cells that no thread wrote."""
    seen = evidence.failing[0]
    got = seen.outcome.value
    values = got if isinstance(got, tuple) else (got,)
    return any(isinstance(v, np.ndarray) and bool(unwritten(v).any()) for v in values)
