"""Chapter 08: a series to forecast, a task of memory, and gradients on their way back through time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, optim
from ..data import sunspots
from ..tensor import Tensor, no_grad
from .descend import descend

# -- a series to forecast ----------------------------------------------------------------------------------

PARTS = {"training": slice(12, 221), "validation": slice(221, 265), "test": slice(265, 309)}
"""The years to learn from (1712 to 1920: the first twelve only are read), to choose by, and to judge by."""


class Series(NamedTuple):
    """Sunspots by year; `z` are the numbers scaled by mean and standard deviation of the training years."""

    years: np.ndarray
    counts: np.ndarray
    z: np.ndarray
    mean: float
    std: float

    def unscaled(self, z: np.ndarray) -> np.ndarray:
        return z * self.std + self.mean


def series() -> Series:
    years, counts = sunspots()
    seen = counts[: PARTS["training"].stop]
    mean, std = float(seen.mean()), float(seen.std())
    return Series(years, counts, ((counts - mean) / std).astype(np.float32), mean, std)


def error(data: Series, forecast: np.ndarray, part: str) -> float:
    """Root of the mean squared error, in sunspots; `forecast[i]` is for year i, from the years before."""
    off = forecast[PARTS[part]] - data.counts[PARTS[part]]
    return float(np.sqrt(np.mean(off.astype(float) ** 2)))


def last_year(data: Series) -> np.ndarray:
    """Persistence: each year will be as the one before it."""
    return np.concatenate([[np.nan], data.counts[:-1]])


def linear(data: Series, order: int) -> np.ndarray:
    """The best linear formula of the last `order` years, by least squares on the training years."""
    z = data.z.astype(float)
    rows = np.stack([np.append(z[i - order : i], 1.0) for i in range(order, len(z))])  # (years, order + 1)
    learnt = rows[: PARTS["training"].stop - order]
    weights = np.linalg.lstsq(learnt, z[order : PARTS["training"].stop], rcond=None)[0]
    return data.unscaled(np.concatenate([np.full(order, np.nan), rows @ weights]))


class Forecaster(nn.Module):
    """A recurrent layer, and a linear layer that reads from its state how much next year differs."""

    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.rnn: Any = nn.RNN(1, hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Tensor]:
        h, state = self.rnn(x, state)  # (T, N, H), (1, N, H)
        return x + self.head(h), state  # (T, N, 1): this year, and the change


def forecast(net: nn.Module, data: Series) -> np.ndarray:
    """The net reads the years one by one and says the next, from the beginning to the end."""
    with no_grad():
        y, _ = net(Tensor(data.z[:-1, None, None]))
    return data.unscaled(np.concatenate([[np.nan], y.data.ravel()]))


WARM = 11  # years of each window that are read and not judged: the state begins at 0


def windows(data: Series, length: int = 44, every: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of the training years and of the years after each, (length, N, 1) both."""
    starts = range(0, PARTS["training"].stop - length, every)
    x, y = (np.stack([data.z[s + k : s + k + length] for s in starts], axis=1) for k in (0, 1))
    return x[:, :, None], y[:, :, None]


def window_loss(net: nn.Module, x: np.ndarray, y: np.ndarray) -> Tensor:
    """Mean squared error, from the year on at which the state knows something."""
    out, _ = net(Tensor(x))
    return F.mse_loss(out[WARM:], Tensor(y[WARM:]))


def fit(net: nn.Module, data: Series, steps: int = 200, lr: float = 0.01) -> list[float]:
    """Train on the windows; the net ends as it was where validation was best. The losses."""
    x, y = windows(data)
    optimiser, losses, best, kept = optim.Adam(net.parameters(), lr=lr), [], np.inf, None
    for step in range(1, steps + 1):
        loss = window_loss(net, x, y)
        losses.append(descend(loss, optimiser, max_norm=1.0))
        if step % 10 == 0 and (now := error(data, forecast(net, data), "validation")) < best:
            best, kept = now, {name: p.data.copy() for name, p in net.named_parameters()}
    for name, p in net.named_parameters():
        if kept is not None:
            p.data[...] = kept[name]
    return losses


def trained(seed: int, data: Series, steps: int = 200) -> Forecaster:
    manual_seed(seed)
    net = Forecaster()
    fit(net, data, steps)
    return net


def years_won(data: Series, one: np.ndarray, other: np.ndarray, part: str = "test") -> tuple[int, int]:
    """In how many years `one` is nearer than `other`, and of how many."""
    truth = data.counts[PARTS[part]]
    nearer = np.abs(one[PARTS[part]] - truth) < np.abs(other[PARTS[part]] - truth)
    return int(nearer.sum()), len(nearer)


# -- a task of memory --------------------------------------------------------------------------------------


def recall_batch(rng: np.random.Generator, n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A sign at the first step, noise beside it at all of them; what was the sign? (T, n, 2) and (n,)."""
    x = np.zeros((steps, n, 2), np.float32)
    sign = rng.choice(np.array([-1, 1], np.float32), n)
    x[0, :, 0] = sign
    x[:, :, 1] = 0.5 * rng.normal(size=(steps, n))
    return x, sign


def layer(start: str, hidden: int = 16, inputs: int = 2) -> Any:
    """A recurrent layer by its start: "as usual", "orthogonal", "identity", or "gated", a GRU that holds.

    A GRU's state goes over to the next step in the share z of its second gate; a bias of 4 begins near 1.
    """
    if start == "gated":
        gated: Any = nn.GRU(inputs, hidden)
        gated.bias_ih_l0.data[hidden : 2 * hidden] = 4
        return gated
    plain: Any = nn.RNN(inputs, hidden)
    if start != "as usual":
        plain.bias_ih_l0.data[...], plain.bias_hh_l0.data[...] = 0, 0
        plain.weight_hh_l0.data[...] = np.eye(hidden)
    if start == "orthogonal":
        nn.init.orthogonal_(plain.weight_hh_l0)
    return plain


def recall(
    start: str, steps: int, seed: int = 0, updates: int = 150, lr: float = 0.01
) -> tuple[list[float], float, Any]:
    """Learn to say which sign came first: losses, share right of 500 new sequences, the trained layer."""
    manual_seed(seed)
    rng, recurrent, head = np.random.default_rng(seed), layer(start), nn.Linear(16, 1)
    parameters = [*recurrent.parameters(), *head.parameters()]
    optimiser, losses = optim.Adam(parameters, lr=lr), []

    def answer(x: np.ndarray) -> Tensor:
        _, last = recurrent(Tensor(x))  # (1, N, H)
        return head(last[0]).reshape(-1)

    for _ in range(updates):
        x, sign = recall_batch(rng, 32, steps)
        loss = F.mse_loss(answer(x), Tensor(sign))
        losses.append(descend(loss, optimiser, max_norm=1.0))
    x, sign = recall_batch(rng, 500, steps)
    with no_grad():
        return losses, float(np.mean(answer(x).data * sign > 0)), recurrent


# -- gradients on their way back ---------------------------------------------------------------------------


def sizes_back(recurrent: Any, x: np.ndarray) -> np.ndarray:
    """The gradient's size at the state after each step, the first step first; 1 at the last, mean over N.

    Each state gets a zero added that wants a gradient: what reaches it is what reaches the state.
    """
    cell = F.gru_cell if isinstance(recurrent, nn.GRU) else F.rnn_cell
    weights = [getattr(recurrent, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    h = Tensor(np.zeros((x.shape[1], recurrent.hidden_size), x.dtype))
    probes = [Tensor(np.zeros(h.shape, x.dtype), requires_grad=True) for _ in x]
    for x_t, probe in zip(x, probes):
        h = cell(Tensor(x_t), h, *weights) + probe
    towards = np.random.default_rng(1).normal(size=h.shape)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    (h * Tensor(towards.astype(x.dtype))).sum().backward()
    return np.array([np.linalg.norm(p.grad.data, axis=1).mean() for p in probes])  # type: ignore[union-attr]


@cache
def stretched(stretch: float, loudness: float, steps: int = 20, hidden: int = 16) -> np.ndarray:
    """`sizes_back` of a layer whose w_hh turns and stretches, and which reads noise of this loudness."""
    rng, plain = np.random.default_rng(0), layer("identity", hidden, hidden)
    nn.init.orthogonal_(plain.weight_hh_l0, gain=stretch, generator=0)
    nn.init.orthogonal_(plain.weight_ih_l0, generator=1)
    return sizes_back(plain, (loudness * rng.normal(size=(steps, 64, hidden))).astype(np.float32))


# -- explosion ---------------------------------------------------------------------------------------------

LOST = 1e6  # a loss that says that nothing is left to train

Clip = Callable[[list[np.ndarray], float], Any]


def descent(data: Series, clip: Clip, max_norm: float | None, steps: int = 80) -> list[float]:
    """The losses of plain descent at a rate of 0.3 from a start that stretches by 1.3, up to `LOST`."""
    return list(_descent(data, clip, max_norm, steps))


def _descent(data: Series, clip: Clip, max_norm: float | None, steps: int) -> Iterator[float]:
    manual_seed(0)
    net, (x, y) = Forecaster(16), windows(data)
    nn.init.orthogonal_(net.rnn.weight_hh_l0, gain=1.3)
    parameters = list(net.parameters())
    optimiser = optim.SGD(parameters, lr=0.3)
    for _ in range(steps):
        loss = window_loss(net, x, y)
        optimiser.zero_grad()
        loss.backward()
        grads = [p.grad.data for p in parameters]  # type: ignore[union-attr]
        for p, g in zip(parameters, clip(grads, max_norm) if max_norm else grads):
            p.grad = Tensor(np.asarray(g, np.float32))
        optimiser.step()
        yield loss.item()
        if not loss.item() < LOST:
            return


# -- truncation --------------------------------------------------------------------------------------------


def gradient_in_segments(net: Forecaster, data: Series, length: int) -> np.ndarray:
    """The gradient of the training years' loss, all weights in a row, backward cut after `length` years."""
    z, state = data.z[: PARTS["training"].stop], None
    net.zero_grad()
    for start in range(0, len(z) - 1, length):
        x, y = z[start : start + length], z[start + 1 : start + 1 + length]
        out, state = net(Tensor(x[: len(y), None, None]), nn.detached(state))
        (F.mse_loss(out, Tensor(y[:, None, None])) * (len(y) / (len(z) - 1))).backward()  # grads add up
    return np.concatenate([p.grad.data.ravel() for p in net.parameters()])  # type: ignore[union-attr]


def degrees_between(one: np.ndarray, other: np.ndarray) -> float:
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
