"""Chapter 09: a task that needs memory, networks for it, and how far back their gradients reach.

A sequence of T steps shows one of four symbols at each step. One of the first five steps carries a mark.
After the last step the network is to name the symbol that was marked; all others are there to be ignored.
Guessing is right once in four. (In the spirit of S. Hochreiter and J. Schmidhuber, 1997.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, ops, optim, tensor
from ..tensor import Tensor, no_grad
from .descend import descend
from .engine.verdict import Verdict
from .prediction import Prediction, predict_first

if TYPE_CHECKING:
    from .plots import Picture

SYMBOLS, EARLY = "ABCD", 5
KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
KEEPS = {"LSTM": 1, "GRU": 1}
"""The block of rows of the gate that keeps the old state: f of i, f, g, o, and z of r, z, n."""


def marked(n: int, steps: int, seed: Any = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw n sequences: x (T, N, 5), four columns for the symbols and one for the mark; y (N,)."""
    rng = np.random.default_rng(seed)
    shown, at, each = rng.integers(4, size=(steps, n)), rng.integers(min(EARLY, steps), size=n), np.arange(n)
    x = np.zeros((steps, n, 5), np.float32)
    np.put_along_axis(x, shown[..., None], 1, axis=2)
    x[at, each, 4] = 1
    return x, shown[at, each]


def in_letters(x: np.ndarray) -> str:
    """One sequence (T, 5) as text, the marked symbol in brackets: "D [A] B B C"."""
    names = [SYMBOLS[row[:4].argmax()] for row in x]
    return " ".join(f"[{name}]" if row[4] else name for name, row in zip(names, x))


class Recaller(nn.Module):
    """A recurrent layer, and a linear one over its last state: x (T, N, 5) gives scores (N, 4).

    Parameters
    ----------
    kind : "RNN", "LSTM" or "GRU"
    hidden : int
    keep : float, optional
        Where the bias of the gate that keeps starts, f of an LSTM, z of a GRU. Left out, it is drawn around 0
        like all others, as in PyTorch.
    enter : float, optional
        The same for the input gate of an LSTM.
    """

    def __init__(
        self, kind: str, hidden: int = 16, keep: float | None = None, enter: float | None = None
    ) -> None:
        super().__init__()
        self.recurrent, self.head = KINDS[kind](5, hidden), nn.Linear(hidden, 4)
        if keep is not None and kind in KEEPS:
            self._start(KEEPS[kind], hidden, keep)
        if enter is not None and kind == "LSTM":
            self._start(0, hidden, enter)

    def _start(self, block: int, hidden: int, bias: float) -> None:
        rows = slice(block * hidden, (block + 1) * hidden)
        self.recurrent.bias_ih_l0.data[rows] = bias
        self.recurrent.bias_hh_l0.data[rows] = 0

    def forward(self, x: Any) -> Tensor:
        y, _ = self.recurrent(tensor(x))  # (T, N, H)
        return self.head(y[-1])


def batches(network: nn.Module, length: int, steps: int, seed: int = 0, lr: float = 0.01) -> Iterator[float]:
    """Train on sequences of `length`, 32 new ones in each step, and give each step's loss."""
    optimiser = optim.Adam(network.parameters(), lr=lr)
    for step in range(steps):
        x, y = marked(32, length, [seed, step])
        loss = F.cross_entropy(network(x), y)
        yield descend(loss, optimiser, max_norm=1.0)  # chapter 08: a safeguard for the RNN


def share_right(network: nn.Module, length: int, n: int = 500) -> float:
    """The share of new sequences whose marked symbol is named."""
    x, y = marked(n, length, 10**6)
    with no_grad():
        return float(np.mean(network(x).data.argmax(axis=1) == y))


def trained(
    kind: str, length: int, keep: float | None = None, enter: float | None = None, *, hidden: int = 16,
    steps: int = 300, seed: int = 0, lr: float = 0.01,
) -> Recaller:  # fmt: skip
    """A network of this kind after `steps` steps."""
    manual_seed(seed)
    network = Recaller(kind, hidden, keep, enter)
    for _ in batches(network, length, steps, seed, lr):
        pass
    return network


# -- how far back gradients reach ------------------------------------------------------------------------


def reach(kind: str, length: int = 40, keep: float | None = None, seed: int = 0) -> np.ndarray:
    """The norm of the loss's gradient at the state that each step gets, first to last, before any training.

    The state is h of an RNN and a GRU, and the cell c of an LSTM. Zeros that are added to it are what the
    gradients are asked of.
    """
    manual_seed(seed)
    network = Recaller(kind, keep=keep)
    step = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}[kind](5, 16)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(step, name, getattr(network.recurrent, f"{name}_l0"))
    x, y = marked(32, length, seed)
    zeros = np.zeros((32, 16), np.float32)
    h, c, added = tensor(zeros), tensor(zeros), []
    for row in x:  # (N, 5)
        added.append(tensor(zeros.copy(), requires_grad=True))
        if kind == "LSTM":
            h, c = step(tensor(row), (h, c + added[-1]))
        else:
            h = step(tensor(row), h + added[-1])
    F.cross_entropy(network.head(h), y).backward()
    return np.array([np.linalg.norm(np.asarray(zero.grad)) for zero in added])


# -- what a trained network does -------------------------------------------------------------------------


def gates(network: Recaller, x: np.ndarray) -> dict[str, np.ndarray]:
    """The input and the forget gate, the cell and what is shown of it, at each step: (T, N, H) each."""
    layer = network.recurrent
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    zeros = np.zeros((x.shape[1], layer.hidden_size), np.float32)
    (y, _, _), (_, steps, *_) = ops.lstm.pairs["numpy"].forward(
        x, zeros, zeros, *(getattr(layer, name).data for name in names)
    )
    _, c, i, f, _, _, _ = (np.stack(part) for part in zip(*steps))
    last = f[-1] * c[-1] + i[-1] * steps[-1][4]
    return {"input": i, "forget": f, "cell": np.concatenate([c[1:], last[None]]), "shown": y}


def most_selective(network: Recaller, length: int, units: int = 6) -> np.ndarray:
    """The units whose input gate opens most at the mark, compared with all other steps."""
    x, _ = marked(200, length, 1)
    opened, mark = gates(network, x)["input"], x[:, :, 4] == 1
    more = opened[mark].mean(axis=0) - opened[~mark].mean(axis=0)  # (H,)
    return np.argsort(-more)[:units]


def two_biases() -> Picture | Verdict:
    """The losses of the LSTM of exercise 09.5 and of one that starts open, once there is a prediction."""
    if Prediction("09.5").guess is None:
        return predict_first()
    from . import plots  # the exercises' declarations import this module, and need no pictures

    curves = {}
    for keep in (0, 3):
        manual_seed(0)
        losses = list(batches(Recaller("LSTM", keep=keep), 20, 200, lr=0.02))
        curves[f"forget bias {keep}"] = {"training": losses}
    return plots.losses(curves, "Twenty steps, two ways to start")
