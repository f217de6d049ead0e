"""Is a backward right? Compare it with what the forward does when one number moves a little.

    dL/dx  is about  (L(x + eps) - L(x - eps)) / (2 eps)          the error shrinks with eps^2

`gradcheck` takes a function of Tensors, `gradcheck_pair` a forward and a backward on plain arrays.
L is the output weighted by random numbers, not its plain sum: upstream gradients of all ones hide
mistakes (a softmax whose rows sum to 1 would have no gradient at all).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import ArgumentError, DtypeError, GradientError, ShapeError
from .ops.op import Op, Out, Spec, describe
from .tensor import Tensor, apply, no_grad

__all__ = ["Element", "GradcheckResult", "gradcheck", "gradcheck_pair"]


@dataclass(frozen=True)
class Element:
    """One number of one input: its gradient by backward, and by differences on both sides."""

    input: int
    index: tuple[int, ...]
    backward: float
    numeric: float
    left: float
    right: float

    @property
    def error(self) -> float:
        return abs(self.backward - self.numeric)

    def __str__(self) -> str:
        place = f"input {self.input}" + (f" at index {self.index}" if self.index else "")
        values = f"backward gives {self.backward:.6g}, the central difference {self.numeric:.6g}"
        return f"{place}, {values} ({self.error:.2g} apart)"


@dataclass
class GradcheckResult:
    """Verdict of a gradient check; counts as True when the gradients agree.

    Attributes
    ----------
    compared, wrong, kinks : int
        How many elements were compared, disagree, and lie on a kink.
    worst : Element or None
        The element that is furthest off, measured against its tolerance.
    notes : list of str
        What to know about this check: float32 inputs, kinks.
    """

    compared: int = 0
    wrong: int = 0
    kinks: int = 0
    worst: Element | None = None
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.wrong == 0 and self.compared > self.kinks

    @property
    def verdict(self) -> str:
        if self:
            return f"passed: {self.compared} elements agree"
        if self.wrong:
            return f"failed: {self.wrong} of {self.compared} elements differ"
        return f"undecided: {self.compared} elements, {self.kinks} of them on a kink"

    def __str__(self) -> str:
        worst = [f"  worst (times a random upstream gradient): {self.worst}"] if self.worst else []
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join([f"gradcheck {self.verdict}", *worst, *notes])

    __repr__ = __str__


def gradcheck(
    fn: Callable[..., Any],
    *inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    seed: int = 0,
    raise_exception: bool = False,
) -> GradcheckResult:
    """Compare the gradients of `fn` with central differences.

    An element agrees when ``|backward - numeric| <= atol + rtol |numeric|``.

    Parameters
    ----------
    fn : callable
        ``fn(*inputs)`` returns a Tensor of any shape, or several. It must give the same result for
        the same inputs.
    *inputs : Tensor or ndarray, float64
        Tensors that require grad and floating arrays are checked; anything else is handed on as it is.
    eps : float
        Step of the differences.
    seed : int
        Seed of the random upstream gradient.
    raise_exception : bool
        Whether a failed check raises a GradientError instead of returning a false result.

    Returns
    -------
    GradcheckResult
        True when the gradients agree; printed, it names the worst element.

    Notes
    -----
    float32 inputs work, with a larger step and tolerance, and a warning: of their 7 digits a
    difference quotient keeps 4 at best. At a kink (relu at 0) any slope between those on the left and on the
    right counts as right. Equals torch.autograd.gradcheck.

    >>> gradcheck(lambda x, w: (x @ w).tanh(), np.random.randn(3, 4), np.random.randn(4, 2))
    """
    checked = [i for i, x in enumerate(inputs) if _is_checked(x)]
    if not checked:
        expected = "at least one floating array, or Tensor that requires grad"
        raise ArgumentError(
            "gradcheck", f"{len(inputs)} inputs, none to check", expected, "np.random.randn(3)"
        )
    arrays = [np.array(_plain(inputs[i])) for i in checked]

    def run(arrays: list[np.ndarray], recording: bool) -> tuple[tuple, list[Tensor]]:
        leaves = [Tensor(a, requires_grad=recording) for a in arrays]
        given = dict(zip(checked, leaves))
        outs = fn(*[given.get(i, x) for i, x in enumerate(inputs)])
        return _tensors(outs), leaves

    outs, leaves = run(arrays, recording=True)
    if not any(out.requires_grad for out in outs):
        got, expected = "outputs without history", "outputs that recorded ops computed from the inputs"
        raise ArgumentError("gradcheck", got, expected, "functions of tinynn.functional on Tensors")
    upstream = _upstream([out.data for out in outs], seed)
    apply(_projection(upstream), *outs).backward()
    grads = [np.zeros(x.shape, x.dtype) if x.grad is None else x.grad.data for x in leaves]

    def value(arrays: list[np.ndarray]) -> float:
        with no_grad():
            return _weighted([out.data for out in run(arrays, recording=False)[0]], upstream)

    return _verdict(value, arrays, grads, checked, (eps, atol, rtol), raise_exception)


def gradcheck_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *arrays: np.ndarray,
    params: dict[str, Any] | None = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    seed: int = 0,
    raise_exception: bool = False,
) -> GradcheckResult:
    """Compare a backward on plain arrays with central differences of its forward.

    Parameters
    ----------
    forward : callable
        ``forward(*arrays, **params) -> (out, cache)``; `out` is an array or a tuple of them.
    backward : callable
        ``backward(dout, cache)`` -> one gradient for each array, or None where there is none.
    *arrays : ndarray, float64 for those to be checked
    params : dict, optional
        Keyword arguments of `forward`.

    Notes
    -----
    The other parameters and the result are those of `gradcheck`.

    >>> gradcheck_pair(lambda x: (x * x, x), lambda dy, x: 2 * x * dy, np.random.randn(3))
    """
    params = params or {}
    checked = [i for i, a in enumerate(arrays) if _is_checked(a)]
    if not checked:
        expected = "at least one floating array"
        raise ArgumentError(
            "gradcheck_pair", f"{len(arrays)} inputs, none to check", expected, "np.random.randn(3)"
        )
    given = [np.array(a) for a in arrays]
    result = forward(*given, **params)
    if not (isinstance(result, tuple) and len(result) == 2):
        expected = "two things: the output and a cache"
        raise ShapeError("your forward", describe(result), expected, "return out, cache")
    out, cache = result
    outs = list(out) if isinstance(out, tuple) else [np.asarray(out)]
    upstream = _upstream(outs, seed)
    dout = tuple(upstream) if isinstance(out, tuple) else upstream[0]
    grads = _gradients(backward(dout, cache), given)
    for i, (now, before) in enumerate(zip(given, arrays)):
        if not np.array_equal(now, before, equal_nan=now.dtype.kind == "f"):
            hint = "x = x * 2 in place of x *= 2"
            raise ArgumentError("your pair", f"input {i} changed in place", "inputs left as they are", hint)

    def value(some: list[np.ndarray]) -> float:
        moved = dict(zip(checked, some))
        out, _ = forward(*[moved.get(i, a) for i, a in enumerate(given)], **params)
        return _weighted(list(out) if isinstance(out, tuple) else [out], upstream)

    wanted = [grads[i] for i in checked]
    return _verdict(value, [given[i] for i in checked], wanted, checked, (eps, atol, rtol), raise_exception)


# -- the comparison ----------------------------------------------------------------------------------


def _verdict(
    value: Callable[[list[np.ndarray]], float],
    arrays: list[np.ndarray],
    grads: list[np.ndarray],
    names: list[int],
    tolerances: tuple[float, float, float],
    raise_exception: bool,
) -> GradcheckResult:
    result = GradcheckResult()
    eps, atol, rtol = _suited(arrays, tolerances, result.notes)
    _require_repeatable(value, arrays)
    first_kink, furthest = None, -1.0
    for e in _elements(value, arrays, grads, names, eps):
        result.compared += 1
        kink = abs(e.right - e.left) > max(1e-3, 40 * eps, 0.05 * max(abs(e.left), abs(e.right)))
        if kink:
            result.kinks += 1
            first_kink = first_kink or e
        slack = atol + rtol * abs(e.numeric)
        low, high = sorted((e.left, e.right)) if kink else (e.numeric, e.numeric)
        wrong = not low - slack <= e.backward <= high + slack  # also when one of them is NaN
        result.wrong += wrong
        off = np.inf if np.isnan(e.error) else e.error / slack
        off = off if wrong or not kink else 0.0  # at a kink the central difference means nothing
        if off > furthest:
            furthest, result.worst = off, e
    if first_kink:
        result.notes.append(_kink_note(first_kink, result.kinks))
    if raise_exception and not result:
        got = f"a check that {result.verdict}; worst: {result.worst}"
        raise GradientError("gradcheck", got, "gradients that agree with central differences")
    return result


def _elements(
    value: Callable[[list[np.ndarray]], float],
    arrays: list[np.ndarray],
    grads: list[np.ndarray],
    names: list[int],
    eps: float,
) -> Iterator[Element]:
    """Move one number at a time, up and down, and see what the weighted output does."""
    here = value(arrays)
    for name, array, grad in zip(names, arrays, grads):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + eps
            above, up = value(arrays), float(array[index] - kept)  # eps as it could be stored
            array[index] = kept - eps
            below, down = value(arrays), float(kept - array[index])
            array[index] = kept
            right, left = (above - here) / up, (here - below) / down
            yield Element(name, index, float(grad[index]), (above - below) / (up + down), left, right)


def _suited(
    arrays: list[np.ndarray], tolerances: tuple[float, float, float], notes: list[str]
) -> tuple[float, float, float]:
    """Step and tolerances that the coarsest dtype can bear; a note if it is not float64."""
    coarsest = max((np.finfo(a.dtype) for a in arrays), key=lambda info: info.eps)
    if coarsest.eps <= np.finfo(np.float64).eps:
        return tolerances
    step = float(coarsest.eps) ** (1 / 3)  # balances rounding, eps_machine / step, and curvature, step^2
    digits = int(-2 / 3 * np.log10(coarsest.eps))
    text = (
        f"{coarsest.dtype} inputs leave a difference quotient {digits} right digits at best, so the step is "
        f"{step:.1g} and 1% is allowed; np.float64 inputs give a sharp check"
    )
    warnings.warn(f"gradcheck: {text}", stacklevel=4)
    notes.append(text)
    eps, atol, rtol = tolerances
    return max(eps, step), max(atol, 0.01), max(rtol, 0.01)


def _kink_note(e: Element, count: int) -> str:
    where = f"input {e.input} at index {e.index}" if e.index else f"input {e.input}"
    return (
        f"{count} {'element lies' if count == 1 else 'elements lie'} on a kink or a jump (first {where}: "
        f"slope {e.left:.3g} to the left, {e.right:.3g} to the right); there any slope between is right"
    )


def _require_repeatable(value: Callable[[list[np.ndarray]], float], arrays: list[np.ndarray]) -> None:
    first, second = value(arrays), value(arrays)
    if first != second and not (np.isnan(first) and np.isnan(second)):
        got = "a function that gives different results for the same inputs"
        raise ArgumentError("gradcheck", got, "the same result each time", "dropout(x, p, generator=0)")


# -- inputs, outputs and the random weights between them ------------------------------------------


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _is_checked(x: Any) -> bool:
    if isinstance(x, Tensor):
        return x.requires_grad
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f"


def _tensors(outs: Any) -> tuple[Tensor, ...]:
    """The floating Tensors among the outputs of a function."""
    several = outs if isinstance(outs, (tuple, list)) else (outs,)
    for out in several:
        if not isinstance(out, Tensor):
            expected = "a Tensor, or a tuple of them"
            raise DtypeError("gradcheck", f"a function that returns {describe(out)}", expected)
    return tuple(out for out in several if out.dtype.kind == "f")


def _upstream(outs: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """A random upstream gradient for each output, bounded away from 0 so that no element hides."""
    rng = np.random.default_rng(seed)
    signs = [rng.choice((-1.0, 1.0), out.shape) for out in outs]
    return [np.asarray(s * rng.uniform(0.5, 1.5, s.shape), out.dtype) for s, out in zip(signs, outs)]


def _weighted(outs: list[np.ndarray], upstream: list[np.ndarray]) -> float:
    return float(sum((np.asarray(out, np.float64) * u).sum() for out, u in zip(outs, upstream)))


def _projection(upstream: list[np.ndarray]) -> Op:
    """An op that weights outputs and adds them up, apart from the ops that may be under test."""

    def spec(*outs: Any) -> Spec:
        return Spec(Out((), outs[0].dtype), 0)

    def forward(*outs: np.ndarray) -> tuple[np.ndarray, None]:
        return np.asarray(_weighted(list(outs), upstream), outs[0].dtype), None

    return Op("projection", spec, forward, lambda dout, cache: tuple(dout * u for u in upstream))


def _gradients(grads: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """One gradient for each array, of its shape; None counts as zeros."""
    several = list(grads) if isinstance(grads, (tuple, list)) else [grads]
    if len(several) != len(arrays):
        raise ShapeError("your backward", f"{len(several)} gradients", f"{len(arrays)}, one for each input")
    for i, (grad, a) in enumerate(zip(several, arrays)):
        if grad is not None and np.shape(grad) != a.shape:
            raise ShapeError(
                "your backward", f"gradient {i} as {describe(grad)}", f"the input's shape {a.shape}"
            )
    return [np.zeros(a.shape) if g is None else np.asarray(g) for g, a in zip(several, arrays)]
