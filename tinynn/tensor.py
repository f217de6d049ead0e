"""Tensor and the tape: an array that remembers which op made it, and `backward` through that memory."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops
from .backends import check_device, device_named, resolve, resolved
from .errors import DeviceError, DtypeError, MissingError, RangeError, ShapeError, StateError
from .gpu import arrays as places
from .ops.elementwise import number_dtype, summed
from .ops.move import move
from .ops.op import Op, Pair

_next_order = itertools.count().__next__
_order = operator.attrgetter("order")
_new = object.__new__
_FREED = object()  # stands where a cache was, once backward has used it


_paused: set[int] = set()  # threads inside `no_grad`


class Node:
    """One line of the tape: the pair that ran, its inputs, and the cache for its backward.

    `order` counts up in the order of creation, which is already a topological order. `dout` is what
    arrives during one `backward`; `outputs` is 0 for an op with a single one.
    """

    __slots__ = ("cache", "dout", "inputs", "op", "order", "outputs", "pair")

    op: Op
    pair: Pair
    inputs: tuple[Tensor, ...]
    cache: Any
    outputs: int
    order: int
    dout: Any

    def collect(self, slot: int, grad: Any) -> None:
        """Add to what has arrived from upstream; with several outputs, a tuple with a place for each."""
        if not self.outputs:
            self.dout = grad if self.dout is None else summed(self.dout, grad)
            return
        parts = list(self.dout or (None,) * self.outputs)
        parts[slot] = grad if parts[slot] is None else parts[slot] + grad
        self.dout = tuple(parts)


ELSEWHERE = {
    "amax": "tensor.max(dim=-1)",
    "astype": "tensor.to(np.float32)",
    "clamp": "tensor.clip(0.0, 1.0)",
    "clone": "tinynn.tensor(tensor)",
    "copy": "tinynn.tensor(tensor)",
    "cpu": "tensor.to('cpu')",
    "cuda": "tensor.to('cuda')",
    "double": "tensor.to(np.float64)",
    "float": "tensor.to(np.float32)",
    "long": "tensor.to(np.int64)",
    "min": "-(-tensor).max()",
    "mm": "tensor @ tensor.T",
    "numel": "tensor.size",
    "squeeze": "tensor.reshape(-1)",
    "std": "tensor.var().sqrt()",
    "t": "tensor.T",
    "unsqueeze": "tensor[:, None]",
    "view": "tensor.reshape(-1)",
}
"""What to type in place of a method that PyTorch's tensors, or NumPy's arrays, have and ours have not."""


class Tensor:
    """An n-dimensional array with gradients.

    Parameters
    ----------
    data : array_like
        Numbers. An array, of NumPy or of the GPU, keeps its dtype and its memory; Python floats become
        float32.
    requires_grad : bool
        Whether `backward` should leave a gradient in `grad`.

    Attributes
    ----------
    data : ndarray
        The plain array (in PyTorch this would be a tensor again).
    grad : Tensor or None
        Gradient of the last `backward` calls, summed; has no history of its own.

    Notes
    -----
    Equals torch.Tensor; `tensor()` copies as torch.tensor does.
    """

    __slots__ = ("__weakref__", "_node", "_slot", "data", "grad", "requires_grad")
    __array_ufunc__ = None  # ndarray + Tensor asks Tensor.__radd__

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = data if data.__class__ is np.ndarray else _to_array(data)
        if requires_grad and self.data.dtype.kind != "f":
            raise DtypeError(
                "Tensor",
                f"requires_grad=True for {self.data.dtype}",
                "a floating dtype",
                "tensor.to(np.float32)",
            )
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self._node: Node | None = None
        self._slot = 0

    # -- what it is ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements (NumPy's meaning; torch.Tensor.numel)."""
        return self.data.size

    @property
    def device(self) -> str:
        """Where the array lies: "cpu" or "cuda"."""
        return places.where_is(self.data)

    @property
    def is_leaf(self) -> bool:
        return self._node is None

    @property
    def op(self) -> str | None:
        """Name of the op on the tape that made this tensor."""
        return self._node.op.name if self._node else None

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix: the last two axes swapped (torch.Tensor.mT)."""
        if self.ndim < 2:
            raise ShapeError(
                "T", f"a tensor {self.shape}", "a matrix", "tensor.reshape(1, -1).T for a column"
            )
        return self.transpose(-1, -2)

    def __repr__(self) -> str:
        array = places.to_host(self.data)
        text = np.array2string(array, precision=4, separator=", ", prefix="tensor(", threshold=100)
        parts = [f"tensor({text}", f"shape={self.shape}", f"dtype={self.dtype}"]
        parts += [] if self.device == "cpu" else [f"device={self.device}"]
        parts += [f"op={self.op}"] if self.op else ["requires_grad=True"] if self.requires_grad else []
        return ", ".join(parts) + ")"

    def __len__(self) -> int:
        if self.ndim == 0:
            raise DtypeError(
                "len(tensor)", "a tensor without dimensions", "at least one dimension", "tensor.item()"
            )
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        """f"{loss:.3f}" formats the one number in a tensor without dimensions."""
        return format(self.item() if spec and self.ndim == 0 else str(self), spec)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._on_host("np.asarray"), dtype=dtype, copy=copy)

    def _on_host(self, where: str) -> np.ndarray:
        """The array, if it is NumPy's: nothing is copied from the GPU unasked."""
        if places.is_on_gpu(self.data):
            raise DeviceError(where, "a tensor on cuda", "one on cpu, which NumPy reads", "tensor.to('cpu')")
        return self.data

    # -- leaving the tape ------------------------------------------------------------------------

    def item(self) -> float:
        """The one number in this tensor, as a Python number; copied, and waited for, from the GPU."""
        if self.size != 1:
            raise ShapeError(
                "item", f"a tensor {self.shape} with {self.size} elements", "one element", "tensor.mean()"
            )
        return places.to_host(self.data).item()

    def numpy(self) -> np.ndarray:
        """The array, sharing memory. Refuses while gradients are recorded, as PyTorch does."""
        if self.requires_grad:
            raise StateError(
                "numpy", "a tensor that requires grad", "one that does not", "tensor.detach().numpy()"
            )  # fmt: skip
        return self._on_host("numpy")

    def tolist(self) -> Any:
        return places.to_host(self.data).tolist()

    def detach(self) -> Tensor:
        """The same data without history."""
        return Tensor(self.data)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Turn recording on or off for a leaf, and return it."""
        if self._node is not None:
            raise StateError(
                "requires_grad_", f"the result of {self.op}", "a leaf", "tensor.detach().requires_grad_()"
            )  # fmt: skip
        self.requires_grad = Tensor(self.data, requires_grad).requires_grad
        return self

    def to(self, target: Any) -> Tensor:
        """Move to a device, "cpu" or "cuda", or convert to a dtype; returns itself if nothing changes.

        The result of a move is on the tape: its gradient moves back to where this tensor lies.
        """
        if (device := device_named(target)) is not None:
            return self if device == self.device else apply(move, self, device=device)
        dtype = number_dtype("to", target)
        if dtype == self.dtype:
            return self
        return apply(ops.cast, self if dtype.kind == "f" else self.detach(), dtype=dtype)

    # -- operators: one op each ------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return apply(ops.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply(ops.add, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return apply(ops.sub, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply(ops.sub, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return apply(ops.mul, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply(ops.mul, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply(ops.div, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(ops.div, other, self)

    def __pow__(self, other: Any) -> Tensor:
        return apply(ops.pow, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply(ops.pow, other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(ops.matmul, other, self)

    def __neg__(self) -> Tensor:
        return apply(ops.neg, self)

    def __abs__(self) -> Tensor:
        return apply(ops.abs, self)

    def __getitem__(self, index: Any) -> Tensor:
        return apply(ops.index, self, index=plain_index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise StateError(
            "tensor[...] = value", "an assignment", "no change, since the tape may need the old value",
            "tinynn.functional.where(mask, value, tensor), or tensor.data[...] = value outside the tape",
        )  # fmt: skip

    # comparisons give arrays of bool: a yes or no has no gradient
    def __eq__(self, other: Any) -> Any:
        return _compare("==", operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return _compare("!=", operator.ne, self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("<=", operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(">", operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", operator.ge, self, other)

    __hash__ = object.__hash__

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in ELSEWHERE]

    # The other methods (sum, reshape, exp, ...) are the functions of the same name in `functional`.
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Tensor]: ...

    # -- the tape --------------------------------------------------------------------------------

    def backward(self, gradient: Any = None, *, create_graph: bool = False) -> None:
        """Send gradients from here back to every leaf that requires them.

        Each node, newest first, turns the gradient of its output into gradients of its inputs:
        ``dx, dw, ... = pair.backward(dout, cache)``. Leaves add what arrives to `grad`; what belongs
        to intermediates is dropped with this call, and so are the caches.

        Parameters
        ----------
        gradient : array_like, same shape as self, optional
            Upstream gradient; may be left out for a single number, where it is 1.

        Raises
        ------
        StateError
            If nothing here requires a gradient, if the tape was used before, or for second
            derivatives (`create_graph`), which this tape does not record.
        """
        if create_graph:
            raise StateError(
                "backward", "create_graph=True", "first derivatives only: gradients have no history"
            )
        if not self.requires_grad:
            raise StateError(
                "backward", "a tensor without history (plain data, detached, under no_grad, or a gradient)",
                "one computed from a leaf that requires grad", "tensor(data, requires_grad=True)",
            )  # fmt: skip
        dout = self._upstream(gradient)
        if self._node is None:
            return self._accumulate(dout, dout)
        nodes = tape(self)
        for node in nodes:
            if node.cache is _FREED:
                raise StateError(
                    "backward", f"a tape that was used before (at {node.op.name})", "a fresh forward pass",
                    "run the forward pass again, or add the losses and call backward once",
                )  # fmt: skip
        try:
            self._node.collect(self._slot, dout)
            _flow_back(nodes, dout)
        finally:
            for node in nodes:
                node.dout = None  # nothing is left of a pass that failed

    def _upstream(self, gradient: Any) -> np.ndarray:
        if gradient is None:
            if self.size != 1:
                raise ShapeError(
                    "backward", f"a tensor {self.shape} and no upstream gradient", "a single number",
                    "tensor.sum().backward(), or tensor.backward(gradient) of the tensor's shape",
                )  # fmt: skip
            return np.ones_like(self.data)
        array = _beside(gradient, self) if places.used else np.asarray(_operand(gradient), self.dtype)
        if array.shape != self.shape:
            raise ShapeError("backward", f"a gradient {array.shape}", f"the tensor's shape {self.shape}")
        return array

    def _accumulate(self, grad: Any, upstream: np.ndarray) -> None:
        """Add to `grad` without changing an array in place: gradients may share memory.

        They do not share it with `upstream`, which belongs to the caller, who may change it.
        """
        if self.grad is not None:
            grad = self.grad.data + grad
        elif grad.__class__ is upstream.__class__ and np.may_share_memory(grad, upstream):
            grad = grad.copy("K")
        self.grad = Tensor(grad)


class _Elsewhere:
    """Stands on Tensor for a method of other libraries; asked for it, names what to type instead.

    A ``__getattr__`` would do as well, but a class that has one loses Python's fast way to every attribute:
    the tape's overhead grew by a tenth.
    """

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint

    def __get__(self, tensor: Tensor | None, owner: type) -> Any:
        raise MissingError(
            "Tensor", f".{self.name}, which tensors do not have here", "another way to it", self.hint
        )


for _name, _hint in ELSEWHERE.items():
    setattr(Tensor, _name, _Elsewhere(_name, _hint))


def _flow_back(nodes: list[Node], upstream: np.ndarray) -> None:
    """Newest first, turn what arrived at each node into gradients of its inputs, and hand them on."""
    for node in reversed(nodes):
        inputs, dout = node.inputs, node.dout
        pair, cache = node.pair, node.cache
        backward: Any = pair.backward
        if dout is None:  # nothing arrived: every path to here was cut
            continue
        if pair.takes_needs:
            grads = backward(dout, cache, tuple([x.requires_grad for x in inputs]))
        else:
            grads = backward(dout, cache)
        node.cache, node.inputs, node.dout = _FREED, (), None  # memory goes back while the pass still runs
        if grads.__class__ is not tuple:
            grads = (grads,)
        if len(grads) != len(inputs):
            got, expected = f"{len(grads)} gradients", f"{len(inputs)}, one for each input"
            raise ShapeError(f"backward of {node.op.name}", got, expected)
        for x, grad in zip(inputs, grads):
            if grad is None or not x.requires_grad:
                continue
            source = x._node
            if source is None:
                x._accumulate(grad, upstream)
            elif source.dout is None and not source.outputs:
                source.dout = grad
            else:
                source.collect(x._slot, grad)


def tape(tensor: Tensor) -> list[Node]:
    """Every node that `tensor` was computed from, oldest first."""
    if tensor._node is None:
        return []
    found, nodes = {tensor._node}, [tensor._node]
    for node in nodes:  # which grows meanwhile
        for x in node.inputs:
            source = x._node
            if source is not None and source not in found:
                found.add(source)
                nodes.append(source)
    nodes.sort(key=_order)
    return nodes


def apply(op: Op, *inputs: Any, **params: Any) -> Any:
    """Run `op` on tensors and write it on the tape.

    Inputs that are no tensors are converted: Python numbers take the dtype of the tensors beside
    them. Returns a Tensor, or a tuple of them for an op with several outputs.
    """
    pair = resolved.get(op) or resolve(op)
    if pair.composition is not None:
        from . import functional

        return pair.composition(functional, *inputs, **params)
    call: tuple = ()
    arrays, recording = [], False
    for x in inputs:
        if not isinstance(x, Tensor):
            return apply(op, *_lift(inputs), **params)
        array = x.data
        arrays.append(array)
        call = (call, array.shape, array.dtype)
        if x.requires_grad:
            recording = True
    if call not in op.passed:
        op.check(arrays, params)
    out, cache = pair.forward(*arrays, **params) if params else pair.forward(*arrays)
    if not recording or pair.backward is None or (_paused and get_ident() in _paused):
        return tuple([Tensor(array) for array in out]) if out.__class__ is tuple else Tensor(out)
    node = _new(Node)
    node.op, node.pair = op, pair
    node.inputs, node.cache = inputs, cache
    node.order, node.outputs, node.dout = _next_order(), 0, None
    if out.__class__ is tuple:
        node.outputs = len(out)
        return tuple([_result(array, node, slot) for slot, array in enumerate(out)])
    result = _new(Tensor)
    result.data = out if out.__class__ is np.ndarray else _to_array(out)
    result._node, result._slot = node, 0
    result.requires_grad, result.grad = True, None
    return result


def _result(array: Any, node: Node, slot: int) -> Tensor:
    result = Tensor(array)
    if slot == 0 or result.data.dtype.kind == "f":
        result.requires_grad, result._node, result._slot = True, node, slot
    return result


_NUMBERS = (int, float, np.integer, np.floating)


def _lift(inputs: tuple) -> tuple[Tensor, ...]:
    if places.used and (like := next((x for x in inputs if _is_on_gpu(x)), None)) is not None:
        return _lift_to_gpu(inputs, like)
    dtypes = [x.dtype for x in inputs if isinstance(x, (Tensor, np.ndarray))]
    return tuple([x if isinstance(x, Tensor) else Tensor(_number_like(x, dtypes)) for x in inputs])


def _is_on_gpu(x: Any) -> bool:
    return places.is_on_gpu(x.data if isinstance(x, Tensor) else x)


def _lift_to_gpu(inputs: tuple, like: Any) -> tuple[Tensor, ...]:
    """Numbers become arrays beside the others, without a copy; arrays of NumPy stay, and are refused."""
    dtypes = [x.dtype for x in inputs if isinstance(x, (Tensor, np.ndarray)) or _is_on_gpu(x)]
    place = _operand(like)

    def lifted(x: Any) -> Tensor:
        if isinstance(x, Tensor) or _is_on_gpu(x):
            return x if isinstance(x, Tensor) else Tensor(x)
        array = _to_array(_number_like(x, dtypes))
        return Tensor(array if array.ndim else places.constant(array.item(), array.dtype, place))

    return tuple([lifted(x) for x in inputs])


def _beside(gradient: Any, tensor: Tensor) -> Any:
    """An upstream gradient as an array of the tensor's dtype, on its device."""
    array = _operand(gradient)
    if not places.is_on_gpu(array):
        array = np.asarray(array, tensor.dtype)
        array = array if array.ndim else places.constant(array.item(), array.dtype, tensor.data)
    if places.where_is(array) != tensor.device:
        got = f"a gradient on {places.where_is(array)} for a tensor on {tensor.device}"
        raise DeviceError("backward", got, "both on one device", f"gradient.to({tensor.device!r})")
    return array.astype(tensor.dtype, copy=False)


def _number_like(x: Any, dtypes: list[np.dtype]) -> Any:
    """Give a number the dtype of the tensors beside it, unless that would lose its fraction."""
    if isinstance(x, bool) or not isinstance(x, _NUMBERS):
        return x
    kinds = "f" if isinstance(x, (float, np.floating)) else "fiu"
    dtype = next(
        (d for kind in "fiu" if kind in kinds for d in dtypes if d.kind == kind), np.dtype(np.float32)
    )
    try:
        return np.asarray(x if dtype.kind == "f" else int(x), dtype)
    except OverflowError:
        raise RangeError("Tensor", f"{x}", f"a number that {dtype} holds", "tensor.to(np.float32)") from None


def _compare(sign: str, compare: Callable[[Any, Any], Any], x: Tensor, y: Any) -> Any:
    try:
        return compare(x.data, _operand(y))
    except (TypeError, ValueError):
        expected = "numbers whose shape broadcasts with it"
        raise ShapeError(sign, f"a tensor {x.shape} and {ops.op.describe(y)}", expected) from None


def _operand(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def plain_array(x: Any) -> Any:
    """The array of a tensor, an array itself, or numbers as one; where it lies."""
    array = _operand(x)
    return array if places.is_on_gpu(array) else np.asarray(array)


def plain_index(index: Any) -> Any:
    """Replace tensors and lists in an index by arrays, which is what NumPy indexes with.

    An array of bools of the GPU comes to the host: how many it picks decides the shape of the result.

    A bool or a float becomes an array too: an op remembers what it has checked, and there True and
    1.0 would pass for 1.
    """
    if isinstance(index, tuple):
        return tuple([plain_index(i) for i in index])
    if isinstance(index, Tensor) or places.is_on_gpu(index):
        array = _operand(index)
        return places.to_host(array) if array.dtype.kind == "b" else array
    if isinstance(index, list):
        return np.asarray(index, dtype=None if index else np.intp)
    plain = index.item() if isinstance(index, np.generic) else index
    return np.asarray(plain) if isinstance(plain, (bool, float)) else plain


def _to_array(data: Any) -> Any:
    if places.used and places.is_on_gpu(data):
        return _of_numbers(data)
    if isinstance(data, Tensor):
        raise DtypeError("Tensor", "a Tensor", "numbers or an array", "tensor.detach()")
    try:
        array = np.asarray(data)
    except ValueError:
        raise ShapeError("Tensor", "rows of different lengths", "a rectangular list") from None
    except TypeError:
        if not places.is_on_gpu(data):
            raise
        places.notice()  # the first array of the GPU here, and not made by us
        return _of_numbers(data)
    array = _of_numbers(array)
    if not hasattr(data, "dtype") and array.dtype == np.float64:
        array = array.astype(np.float32)
    return array


def _of_numbers(array: Any) -> Any:
    if array.dtype.kind not in "fiub":
        hint = "np.asarray(data, dtype=np.float32)" if _holds_numbers(array) else None
        raise DtypeError("Tensor", f"data of dtype {array.dtype}", "numbers", hint)
    return array


def _holds_numbers(array: np.ndarray) -> bool:
    """Whether numbers can be read out of an array of objects or text: [1.0, None], ["0.5"]."""
    try:
        return array.ndim > 0 and array.dtype.kind != "c" and array.astype(np.float32).size > 0
    except (TypeError, ValueError):
        return False


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A new leaf with its own copy of `data`, where `data` lies or on `device`. Equals torch.tensor.

    >>> tensor([1.0, 2.0], requires_grad=True)
    """
    array = _to_array(_operand(data))
    copy = array.astype(number_dtype("tensor", dtype or array.dtype))
    if device is not None:
        copy = places.to_device(copy) if check_device(device) == "cuda" else places.to_host(copy)
    return Tensor(copy, requires_grad)


def is_recording() -> bool:
    """Whether ops are written on the tape in this thread. Equals torch.is_grad_enabled."""
    return get_ident() not in _paused


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without a tape, inside a ``with`` block or as a decorator; for this thread only."""
    thread = get_ident()
    outermost = thread not in _paused
    _paused.add(thread)
    try:
        yield
    finally:
        if outermost:
            _paused.discard(thread)
