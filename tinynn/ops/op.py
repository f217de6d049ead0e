"""An op is a pair of functions on plain arrays, and one rule about shapes.

    forward(*arrays, **params) -> (out, cache)
    backward(dout, cache)      -> one gradient, or None, for each input array

There is one pair for each implementation. The NumPy pair is the reference: it says what the op means.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .. import backends
from ..errors import DeviceError, DtypeError, ShapeError, StateError
from ..gpu import arrays
from ..gpu.arrays import is_on_gpu

MEMO = 1024  # how many different calls an op remembers having checked


class Out(NamedTuple):
    """Shape and dtype of an output."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Spec(NamedTuple):
    """What a call returns, known without computing it: its outputs, and the work of the forward pass."""

    out: Out | tuple[Out, ...]
    flops: int


def takes_needs(backward: Callable[..., Any] | None) -> bool:
    """Whether a backward declares the third parameter ``needs``."""
    return backward is not None and "needs" in inspect.signature(backward).parameters


@dataclass(frozen=True, eq=False)
class Pair:
    """One implementation of an op.

    `backward` is None for an op without gradients. A backward that can skip work nobody asked for
    declares a third parameter ``needs``: one bool for each input array.
    A pair with a `composition` does not run: the caller evaluates the composition instead.
    """

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[..., Any] | None = None
    name: str = "numpy"
    composition: Callable[..., Any] | None = None
    takes_needs: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "takes_needs", takes_needs(self.backward))

    def pull(self, dout: Any, cache: Any, needs: tuple[bool, ...]) -> Any:
        """Call `backward`, telling it which gradients are wanted if it can use that."""
        assert self.backward is not None
        return self.backward(dout, cache, needs) if self.takes_needs else self.backward(dout, cache)


class Op:
    """An operation: its name, its shape rule, and its pairs.

    Parameters
    ----------
    name : str
    spec : callable
        ``spec(*arrays, **params) -> Spec``. Looks at shapes and dtypes only; raises a helpful error.
        It is remembered per call signature, so it may depend on nothing but what its own
        signature names.
    forward, backward : callable
        The NumPy pair. `backward` is None for an op without gradients.
    check_values : callable, optional
        ``check_values(*arrays, **params)``: refuses values without a meaning (a label out of range).
    kernels : dict of str to str, optional
        Backend name to the module that holds ``{name}_forward`` and ``{name}_backward``.
        The module is imported when the backend first runs the op.
    made_of : tuple of str, optional
        Ops that this fused one is made of. While one of them is replaced (`using`), `composition`
        runs instead.
    composition : callable, optional
        ``composition(F, *inputs, **params)`` written with functions of ``F`` (`tinynn.functional`).

    Examples
    --------
    >>> square = Op("square", same_shape("square"), lambda x: (x * x, x), lambda dout, x: 2 * x * dout)
    >>> y = tinynn.apply(square, x)
    """

    def __init__(
        self,
        name: str,
        spec: Callable[..., Spec],
        forward: Callable[..., tuple[Any, Any]],
        backward: Callable[..., Any] | None = None,
        *,
        check_values: Callable[..., None] | None = None,
        kernels: dict[str, str] | None = None,
        made_of: tuple[Op, ...] = (),
        composition: Callable[..., Any] | None = None,
    ) -> None:
        self.name, self.spec, self.check_values = name, spec, check_values
        self.pairs = {"numpy": Pair(forward, backward)}
        self.kernels = kernels or {}
        self.made_of, self._composition = made_of, composition
        self._replacements: list[Pair] = []
        parameters = inspect.signature(spec).parameters.values()
        inputs = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self._inputs = tuple(p.name for p in inputs)
        self._required = len([p for p in inputs if p.default is p.empty])
        self._variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self._depends = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        self._memo: dict[tuple, Spec] = {}
        # Calls that need no second look: every one in the memory, if it depends on shapes and dtypes alone.
        self.passed = self._memo if not self._depends and check_values is None else {}

    def __repr__(self) -> str:
        return f"Op({self.name!r})"

    def check(self, arrays: list, params: dict) -> Spec:
        """Run the shape rule, or recall its answer for the same shapes, dtypes and parameters."""
        key: tuple = ()
        for a in arrays:
            key = (key, a.shape, a.dtype)
        if self._depends:
            key += tuple([params.get(name, ...) for name in self._depends])  # ... stands for absent
        try:
            spec = self._memo.get(key)
        except TypeError:  # a parameter that cannot be hashed: an array used as an index
            key, spec = (), None
        if spec is None:
            spec = self.spec(*arrays, **params)
            if key:
                if len(self._memo) >= MEMO:
                    self._memo.clear()
                self._memo[key] = spec
        self._look_at_values(arrays, params)
        return spec

    def _look_at_values(self, inputs: list, params: dict) -> None:
        """Refuse values without a meaning. Not on the GPU, where a look would wait for all its work.

        ``with wrapped(checked):`` looks there too.
        """
        if self.check_values is not None and not (arrays.used and any(map(is_on_gpu, inputs))):
            self.check_values(*inputs, **params)

    def names(self, inputs: tuple) -> list[str]:
        """What messages call the inputs of a call."""
        return [f"x{i}" for i in range(len(inputs))] if self._variadic else list(self._inputs)

    def pair(self, backend: str) -> Pair:
        """The pair for `backend`, importing its kernels on first use; the reference if it has none."""
        backend = "cuda" if backend == "simt" else backend  # the same kernels, interpreted
        if backend not in self.pairs and backend in self.kernels:
            try:
                module = importlib.import_module(self.kernels[backend])
            except ImportError as error:
                got = f"{backend!r}, which does not load here ({error})"
                raise DeviceError("backend", got, "a backend that loads", 'backend("numpy")') from error
            forward = getattr(module, f"{self.name}_forward")
            pair = Pair(forward, getattr(module, f"{self.name}_backward", None), backend)
            if backend == "cuda":
                from .on_gpu import for_gpu

                pair = for_gpu(pair, self.pairs["numpy"])
            self.pairs[backend] = pair
        return self.pairs.get(backend) or self.pairs["numpy"]

    @property
    def replacement(self) -> Pair | None:
        """What `using` put in place of this op's pairs, the latest first."""
        return self._replacements[-1] if self._replacements else None

    def composed(self) -> Pair | None:
        """The composition of the parts, if one of them is replaced now."""
        if any(part.replacement or part.composed() for part in self.made_of):
            return Pair(self.pairs["numpy"].forward, None, "composed", self._composition)
        return None

    def forward(self, *arrays: np.ndarray, **params: Any) -> tuple[Any, Any]:
        """Check the arguments and run the forward function of the pair that is active now.

        Optional inputs may be None or go by name: ``ops.linear.forward(x, weight, bias=b)``.
        """
        inputs = self._by_position(arrays, params)
        plain = {name: p.item() if isinstance(p, np.generic) else p for name, p in params.items()}
        self.spec(*inputs, **plain)  # not from memory, where 1.0 and True pass for 1
        self._look_at_values(inputs, plain)
        return self._active().forward(*inputs, **plain)

    def _by_position(self, arrays: tuple, params: dict) -> list:
        """All inputs in order, taking out of `params` those that came by name."""
        inputs = [*arrays, *[params.pop(name, None) for name in self._inputs[len(arrays) :]]]
        while len(inputs) > self._required and inputs[-1] is None:
            inputs.pop()
        for x in inputs:
            if not isinstance(x, np.generic) and getattr(type(x), "__array_ufunc__", None) is None:
                hint = "np.asarray(x); and parameters by name, like axis=0"
                raise DtypeError(self.name, describe(x), "arrays", hint)
        if len(inputs) > len(self._inputs) and not self._variadic:
            raise DtypeError(self.name, f"{len(inputs)} inputs", f"{', '.join(self._inputs)}")
        return inputs

    def backward(self, dout: Any, cache: Any) -> Any:
        """Run the backward function of the pair that is active now."""
        backward = self._active().backward
        if backward is None:
            raise StateError(self.name, "a call to backward", "an op with a gradient; this one has none")
        return backward(dout, cache)

    def _active(self) -> Pair:
        pair = backends.resolved.get(self) or backends.resolve(self)
        if pair.composition:
            pair = self.pair(backends.current_backend())
            return backends.where_arrays_lie(self, pair) if arrays.used else pair
        return pair

    def using(self, forward: Callable[..., Any], backward: Callable[..., Any] | None = None) -> using:
        """Run `forward` and `backward` instead of this op's own, on every backend; see `using`."""
        return using(self, forward, backward)


class using:
    """A replacement of an op's pair, in force from its creation until `stop` or the end of a ``with`` block.

    What the functions return is checked against the op's shape rule, so that a mistake is named at
    the function that made it. `calls` counts how often each ran. The latest replacement runs.
    """

    def __init__(self, op: Op, forward: Callable, backward: Callable | None) -> None:
        if (backward is None) != (op.pairs["numpy"].backward is None):
            raise StateError(
                f"{op.name}.using",
                "a forward without a backward" if backward is None else "a backward for an op without one",
                "the two together, since backward reads the cache that forward made",
                f"ops.{op.name}.using(my_forward, my_backward)",
            )
        self.op, self.calls = op, {"forward": 0, "backward": 0}
        self._forward, self._backward = forward, backward
        self._takes_needs = takes_needs(backward)
        self._pair = Pair(self._run_forward, self._run_backward if backward else None, "yours")
        self._start()

    def _start(self) -> None:
        if self._pair not in self.op._replacements:
            self.op._replacements.append(self._pair)
        backends.resolved.clear()

    def stop(self) -> None:
        """Take this replacement away; what ran before runs again."""
        if self._pair in self.op._replacements:
            self.op._replacements.remove(self._pair)
        backends.resolved.clear()

    def _run_forward(self, *inputs: np.ndarray, **params: Any) -> tuple[Any, Any]:
        self.calls["forward"] += 1
        where = f"your {self.op.name} forward"
        wanted = self.op.check(list(inputs), params).out
        result = self._forward(*inputs, **params)
        if not (isinstance(result, tuple) and len(result) == 2):
            expected = "two things: the output and a cache"
            raise ShapeError(where, describe(result), expected, "return out, cache")
        out, cache = result
        place = next(filter(is_on_gpu, inputs), None)
        if isinstance(wanted, Out):
            out = _fitting(where, "the output", out, wanted, place)
        else:
            _same_count(where, "outputs", out, wanted)
            out = tuple(
                _fitting(where, f"output {i}", o, w, place) for i, (o, w) in enumerate(zip(out, wanted))
            )
        return out, (cache, [Out(a.shape, a.dtype) for a in inputs], place)

    def _run_backward(self, dout: Any, cache: Any, needs: tuple[bool, ...] | None = None) -> tuple:
        self.calls["backward"] += 1
        cache, inputs, place = cache
        extra = (needs,) if self._takes_needs else ()
        grads = _as_tuple(self._backward(dout, cache, *extra))  # type: ignore[misc]
        where = f"your {self.op.name} backward"
        _same_count(where, "gradients", grads, inputs)
        needs = needs or (False,) * len(inputs)
        return tuple(
            None if grad is None and not needed else _fitting(where, f"gradient {i}", grad, like, place)
            for i, (grad, like, needed) in enumerate(zip(grads, inputs, needs))
        )

    def __enter__(self) -> using:
        self._start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _as_tuple(value: Any) -> tuple:
    """A one-element tuple for a single result, the tuple itself for several."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _same_count(where: str, what: str, got: Any, wanted: Any) -> None:
    count = len(got) if isinstance(got, (tuple, list)) else 1
    if count != len(wanted):
        raise ShapeError(where, f"{count} {what}", f"{len(wanted)}")


def _fitting(where: str, what: str, value: Any, like: Out, place: Any = None) -> Any:
    """`value` if it has the shape and dtype of `like`, and lies beside `place`; a number becomes an array."""
    if isinstance(value, (int, float)) and (is_on_gpu(place) or not isinstance(value, np.generic)):
        value = arrays.constant(value, like.dtype, place)
    if not hasattr(value, "dtype") or value.shape != like.shape:
        raise ShapeError(where, f"{what} as {describe(value)}", f"an array of shape {like.shape}")
    if value.dtype != like.dtype and like.dtype.kind == "f":
        got = f"{what} as {describe(value)}"
        raise DtypeError(where, got, f"{like.dtype}, as its input", f"array.astype(np.{like.dtype})")
    if arrays.where_is(value) != arrays.where_is(place):
        got, expected = f"{what} on {arrays.where_is(value)}", f"{arrays.where_is(place)}, as its input"
        raise DeviceError(where, got, expected, "NumPy's functions of the inputs, which run where those lie")
    return value


def describe(value: Any) -> str:
    """How an error message names a value: an array by shape and dtype, anything else by its type."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array {tuple(value.shape)} of {value.dtype}"
    return " ".join(f"{type(value).__name__} {value!r}".split())[:80]
