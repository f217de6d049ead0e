"""summary: what a model is made of and what it costs, known from shapes alone."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..gpu.arrays import beside
from ..ops.op import describe
from ..tensor import Tensor, no_grad
from ..wrappers import Meter, shapes_only, wrapped
from .checks import whole
from .module import Module
from .parameter import Parameter

HEAD = ("layer", "output", "parameters", "bytes", "FLOPs")


@dataclass
class Row:
    """One call of one module. Counts are its own, without those of the modules inside it.

    `parameters` and `bytes` (of parameters and buffers) are counted where they occur first.
    """

    name: str
    kind: str
    depth: int
    output: Any = None
    parameters: int = 0
    bytes: int = 0
    flops: int = 0

    def cells(self) -> tuple[str, ...]:
        label = f"{self.name} ({self.kind})" if self.name else self.kind
        counts = (f"{n:,}" if n else "-" for n in (self.parameters, self.bytes, self.flops))
        return label, _shape_text(self.output), *counts


@dataclass(repr=False)
class Summary:
    """A table of layers; as text in a terminal, as HTML in a notebook.

    Attributes
    ----------
    rows : list of Row
        In the order the modules were entered.
    parameters, trainable : int
        Of the whole model, each shared parameter once.
    bytes : int
        Of all parameters and buffers.
    flops : int
        Of one forward pass of this input, in evaluation.
    output : shape of what the model returns, or a tuple of shapes
    """

    model: str
    input: tuple[int, ...]
    rows: list[Row]
    parameters: int
    trainable: int
    bytes: int
    flops: int

    @property
    def output(self) -> Any:
        return self.rows[0].output

    @property
    def footer(self) -> str:
        frozen = self.parameters - self.trainable
        parts = [f"{self.parameters:,} parameters" + (f" ({frozen:,} frozen)" if frozen else "")]
        return "; ".join([*parts, f"{self.bytes:,} bytes", f"{self.flops:,} FLOPs forward"])

    def __repr__(self) -> str:
        cells = [("  " * row.depth + row.cells()[0], *row.cells()[1:]) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(HEAD, *cells)]
        lines = [
            "  ".join(
                cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))
            )
            for line in (HEAD, *cells)
        ]
        rule = "-" * max(len(line) for line in (*lines, self.footer))
        return "\n".join(
            [f"{self.model}, input {self.input}", rule, lines[0], rule, *lines[1:], rule, self.footer]
        )

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="text-align:{_align(i)}">{h}</th>' for i, h in enumerate(HEAD))
        body = "".join(f"<tr>{_html_cells(row)}</tr>" for row in self.rows)
        caption = f"<caption>{html.escape(f'{self.model}, input {self.input}')}</caption>"
        foot = f'<tfoot><tr><td colspan="5" style="text-align:left">{self.footer}</td></tr></tfoot>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>"


def _align(column: int) -> str:
    return "left" if column < 2 else "right"


def _html_cells(row: Row) -> str:
    label, *rest = map(html.escape, row.cells())
    first = f'<th scope="row" style="text-align:left;padding-left:{0.5 + 1.5 * row.depth}em">{label}</th>'
    return first + "".join(
        f'<td style="text-align:{_align(i + 1)}">{cell}</td>' for i, cell in enumerate(rest)
    )


def _shape_text(output: Any) -> str:
    shapes = output if output and isinstance(output[0], (tuple, type(None))) else (output,)
    return ", ".join("-" if shape is None else str(shape) for shape in shapes)


def summary(model: Module, input_shape: tuple[int, ...], dtype: Any = np.float32) -> Summary:
    """Output shape, parameters, bytes and FLOPs of every layer, without computing anything.

    Parameters
    ----------
    model : Module
        Stays as it is: nothing is recorded, drawn or averaged.
    input_shape : tuple of int
        With the batch: (1, 784). FLOPs are those of the whole batch.
    dtype : dtype
        Of the input: ``np.int64`` for a model that begins with an Embedding.

    Examples
    --------
    >>> summary(Sequential(Linear(784, 128), ReLU(), Linear(128, 10)), (1, 784)).parameters
    101770
    """
    x = _phantom_input(model, input_shape, dtype)
    meter, seen = Meter(), _Once()
    rows: list[Row] = []
    with ExitStack() as stack:
        stack.enter_context(no_grad())
        stack.enter_context(wrapped(shapes_only))
        stack.enter_context(wrapped(meter))
        stack.enter_context(_evaluation(model))
        for path, module in list(model.named_modules()):
            _observe(module, path, rows, seen, meter, stack)
        model(x)
    parameters = list(model.parameters())
    return Summary(
        type(model).__name__,
        x.shape,
        rows,
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(p.data.nbytes for p in parameters) + sum(b.nbytes for b in model.buffers()),
        sum(meter.flops.values()),
    )


def _phantom_input(model: Any, input_shape: Any, dtype: Any) -> Tensor:
    """Zeros of a shape, without their memory."""
    if not isinstance(model, Module):
        raise DtypeError("summary", describe(model), "a Module", "nn.Linear(784, 10)")
    if not isinstance(input_shape, (tuple, list)):
        hint = f"(1, {input_shape})" if isinstance(input_shape, int) else "(1, 784)"
        raise ShapeError(
            "summary", f"input_shape={describe(input_shape)}", "a tuple, with the batch first", hint
        )
    shape = tuple(whole("summary", "input_shape", n, 0) for n in input_shape)
    try:
        zero = np.zeros((), dtype)
        zero = next((beside(zero, p.data) for p in model.parameters()), zero)
    except TypeError:
        raise DtypeError(
            "summary", f"dtype={dtype!r}", "a dtype", "np.float32, or np.int64 for indices"
        ) from None
    return Tensor(np.broadcast_to(zero, shape))


@contextmanager
def _evaluation(model: Module) -> Iterator[None]:
    """Evaluation for a while, then each module's own mode again."""
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


class _Once:
    """Counts each array the first time it is asked about."""

    def __init__(self) -> None:
        self._ids: set[int] = set()

    def new(self, values: list) -> list:
        fresh = [v for v in values if id(v) not in self._ids]
        self._ids |= {id(v) for v in fresh}
        return fresh


def _observe(module: Module, path: str, rows: list[Row], once: _Once, meter: Meter, stack: ExitStack) -> None:
    """Write a row for each call of `module`, until `stack` closes."""
    running: list[tuple[Row, int, int]] = []

    def before(module: Module, args: tuple) -> None:
        parameters = once.new(list(module.own(Parameter).values()))
        buffers = once.new([array for _, array in module.named_buffers(recurse=False)])
        memory = sum(p.data.nbytes for p in parameters) + sum(b.nbytes for b in buffers)
        row = Row(path.rpartition(".")[2], type(module).__name__, path.count(".") + bool(path))
        row.parameters, row.bytes = sum(p.size for p in parameters), memory
        running.append((row, len(rows), sum(meter.flops.values())))
        rows.append(row)

    def after(module: Module, args: tuple, output: Any) -> None:
        row, position, at_start = running.pop()
        row.output = _shapes(output)
        row.flops = sum(meter.flops.values()) - at_start - sum(inner.flops for inner in rows[position + 1 :])

    stack.enter_context(module.register_forward_pre_hook(before))
    stack.enter_context(module.register_forward_hook(after))


def _shapes(output: Any) -> Any:
    if isinstance(output, (tuple, list)):
        return tuple(_shapes(o) for o in output)
    return getattr(output, "shape", None)
