"""One network being trained: a step, all that the next step depends on, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ... import functional as F
from ...data import Batches, Dataset
from ...errors import DtypeError, ShapeError
from ...evaluate import Loss, evaluate
from ...nn import Module, Parameter
from ...nn.utils import named_generators
from ...ops.op import describe
from ...optim import Optimizer
from ...random import generator
from ...step import Updater
from ...tensor import Tensor
from .origin import Input, first_inputs
from .settings import Kind, Settings, memory, remember


class Record(NamedTuple):
    """One training step.

    Attributes
    ----------
    loss : float
        Of the batch, as in `tinynn.history.Step`.
    accuracy : float or None
        Of the batch; None where targets are no class labels.
    norm : float
        Length of the whole gradient.
    norms : tuple of float
        Length of the gradient in each layer that has parameters.
    settings : Settings
        What the step was made with.
    epoch, seen : int
        Passes begun, and examples taken, up to and with this step.
    val_loss, val_accuracy : float or None
        After the step, at the end of a pass, where there is validation data.
    """

    loss: float
    accuracy: float | None
    norm: float
    norms: tuple[float, ...]
    settings: Settings
    epoch: int
    seen: int
    val_loss: float | None = None
    val_accuracy: float | None = None


class Snapshot(NamedTuple):
    """All that the steps after step `at` depend on; arrays are copies."""

    at: int
    settings: Settings
    used: Settings | None
    params: list[np.ndarray]
    buffers: list[tuple[Module, str, np.ndarray]]
    optimizer: dict[str, Any]
    batch_size: int
    batches: dict[str, Any]
    randomness: list[Any]
    seen: int

    @property
    def nbytes(self) -> int:
        """Memory of the arrays; an optimiser's are taken to be as many as two for each parameter at most."""
        return 3 * sum(a.nbytes for a in self.params) + sum(a.nbytes for _, _, a in self.buffers)


class Machine:
    """A model, its data, its optimiser and its random generators.

    The shared random generator is borrowed for the time of a step: what other cells draw from it between
    two steps changes nothing here, and a step here changes nothing there.
    """

    def __init__(
        self, model: Any, data: Any, loss_fn: Loss | None, menu: dict[str, Kind], settings: Settings,
        validation: Any, seed: int,
    ) -> None:  # fmt: skip
        self.x, self.y = arrays("data", data)
        self.validation = None if validation is None else arrays("validation", validation)
        self.classes = self.y.dtype.kind in "iu"
        self.menu = menu
        self.used: Settings | None = None
        self._random = np.random.default_rng(seed).bit_generator.state
        with self.randomness():
            self.model = made(model)
        self.loss_fn: Loss = loss_fn or (F.cross_entropy if self.classes else F.mse_loss)
        self.params: list[Tensor] = list(self.model.parameters())
        self.layers = [(name or "model", m) for name, m in self.model.named_modules() if m.own(Parameter)]
        self._own = [g for _, g in named_generators(self.model)]
        self._order = np.random.default_rng(seed)
        self.batches = self._batches(settings.batch_size)
        self._rest: Iterator[tuple] = iter(())
        self.seen, self._hits = 0, None
        self.optimizer: Optimizer
        self.use(settings)

    # -- a step ----------------------------------------------------------------------------------------

    def use(self, settings: Settings) -> None:
        """Make the next steps with these settings; another optimiser begins with an empty memory."""
        if self.used is None or settings.optimizer != self.used.optimizer:
            self.optimizer = self.menu[settings.optimizer].optimizer(self.params, settings)
            self.updater = Updater(self.model, self._noted_loss, self.optimizer, None, None, 0.0, 0.0)
        elif settings != self.used:
            self.menu[settings.optimizer].tell(self.optimizer, settings)
        self.used = settings

    def step(self, settings: Settings, number: int) -> Record:
        """Make step `number`; a DivergedError leaves the parameters as they were before it."""
        self.use(settings)
        batch = self._next(settings.batch_size)
        self.seen += len(batch[0])
        with self.randomness():
            self._last = batch, [g.bit_generator.state for g in self.updater.generators]
            made = self.updater.step(batch, self.batches.epoch, number)
        record = Record(
            made.loss,
            self._accuracy(),
            made.grad_norm,
            self._norms(),
            settings,
            self.batches.epoch,
            self.seen,
        )
        ends = self.batches.state_dict()["position"] == len(self.batches)
        if not ends or self.validation is None:
            return record
        with self.randomness():
            found = evaluate(self.model, self.validation, self.loss_fn)
        return record._replace(val_loss=found.loss, val_accuracy=found.accuracy)

    def first_inputs(self, update: bool) -> list[Input]:
        """Repeat the last step to see what went into the first op that made a NaN or an infinity.

        Parameters
        ----------
        update : bool
            Whether to go on to the optimiser's update, which changes the parameters.
        """
        batch, states = self._last
        with self.randomness():
            for g, state in zip(self.updater.generators, states):
                g.bit_generator.state = state
            return first_inputs(self.model, self.loss_fn, batch, self.optimizer, update)

    def _noted_loss(self, output: Any, target: Tensor) -> Tensor:
        """The loss, and beside it which answers were right, which costs no second forward pass."""
        self._hits = None
        if self.classes and isinstance(output, Tensor) and output.ndim == 2:
            self._hits = output.data.argmax(1) == target.data
        return self.loss_fn(output, target)

    def _accuracy(self) -> float | None:
        return None if self._hits is None else float(self._hits.mean())

    def _norms(self) -> tuple[float, ...]:
        return tuple(_norm(module.own(Parameter).values()) for _, module in self.layers)

    # -- batches ---------------------------------------------------------------------------------------

    def _batches(self, size: int) -> Batches:
        return Batches(self.x, self.y, batch_size=size, seed=self._order)

    def _next(self, size: int) -> tuple[np.ndarray, ...]:
        """The next batch; a new size begins a new pass over the data."""
        if size != self.batches.batch_size:
            epoch, self.batches = self.batches.epoch, self._batches(size)
            self.batches.epoch, self._rest = epoch, iter(())
        while (batch := next(self._rest, None)) is None:
            self._rest = iter(self.batches)
        return batch

    # -- randomness ------------------------------------------------------------------------------------

    @contextmanager
    def randomness(self, kept: bool = True) -> Iterator[None]:
        """The shared random generator in this run's state, and after it in the one it had.

        What is drawn counts for the run only if it is `kept`.
        """
        shared = generator().bit_generator
        outside, shared.state = shared.state, self._random
        try:
            yield
        finally:
            self._random, shared.state = shared.state if kept else self._random, outside

    # -- the way back ----------------------------------------------------------------------------------

    def snapshot(self, at: int, settings: Settings) -> Snapshot:
        """Copies of all there is after step `at`, and the settings chosen for the next one."""
        return Snapshot(
            at, settings, self.used, [p.data.copy() for p in self.params],
            [(m, name, b.copy()) for m in self.model.modules() for name, b in m.named_buffers(recurse=False)],
            memory(self.optimizer, self.model), self.batches.batch_size, self.batches.state_dict(),
            [self._random, *(g.bit_generator.state for g in self._own)], self.seen,
        )  # fmt: skip

    def restore(self, kept: Snapshot) -> None:
        """Put everything back; a snapshot can be used as often as wanted."""
        for p, array in zip(self.params, kept.params):
            _fill(p, array)
        for module, name, array in kept.buffers:
            setattr(module, name, array.copy())
        assert kept.used is not None
        self.use(kept.used)
        remember(self.optimizer, self.model, kept.optimizer)
        if kept.batch_size != self.batches.batch_size:
            self.batches = self._batches(kept.batch_size)
        self.batches.load_state_dict(kept.batches)
        self._rest, self.seen = iter(()), kept.seen
        self._random, *own = kept.randomness
        for g, state in zip(self._own, own):
            g.bit_generator.state = state


def _fill(p: Tensor, array: np.ndarray) -> None:
    """In place, so that the memory's layout stays and products round as they did."""
    p.grad = None
    if p.data.shape == array.shape and p.data.dtype == array.dtype and p.data.flags.writeable:
        p.data[...] = array
    else:
        p.data = array.copy(order="K")


def _norm(params: Any) -> float:
    squares = [float(np.vdot(p.grad.data, p.grad.data)) for p in params if p.grad is not None]
    return sum(squares) ** 0.5


# -- what a cockpit is given ----------------------------------------------------------------------------


def made(model: Any) -> Module:
    """The model itself, or what the function that makes it returns."""
    if not isinstance(model, Module) and callable(model):
        model = model()
    if not isinstance(model, Module):
        hint = "lambda: MLP(2, 16, 3), or MLP(2, 16, 3)"
        raise DtypeError("cockpit", describe(model), "a Module, or a function that makes one", hint)
    return model


def arrays(name: str, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets as arrays of one length."""
    if not isinstance(data, Dataset) and not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise DtypeError("cockpit", f"{name}={describe(data)}", "(x, y), or a Dataset", "data=spirals()")
    x, y = (np.asarray(a) for a in data)
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        got = f"{name} of shapes {x.shape} and {y.shape}"
        raise ShapeError("cockpit", got, "as many targets as inputs, at least one", "data=(x, y)")
    return x, y
