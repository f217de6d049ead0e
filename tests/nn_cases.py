"""What is compared with PyTorch, written once: each case is built from `torch.nn` or from `tinynn.nn`.

Nothing here imports either. `torch_vectors/make_nn.py` runs the cases with PyTorch and stores the results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

STEPS, EVERY = 100, 5  # of an optimiser; how often its parameters are stored


@dataclass(frozen=True)
class LayerCase:
    """A module, the shape of its input (int: below which number), and whether it runs in training."""

    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    below: int = 0
    train: bool = True

    def input(self) -> np.ndarray:
        rng = np.random.default_rng(1)
        return rng.integers(self.below, size=self.shape) if self.below else rng.normal(size=self.shape)


def _deep(nn: Any) -> Any:
    inner = nn.Sequential(nn.Linear(8, 8, bias=False), nn.RMSNorm(8), nn.SiLU())
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.LayerNorm(8), nn.GELU(), inner, nn.Linear(8, 3))


def _convolutional(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.SiLU(), nn.AvgPool2d(2), nn.Conv2d(4, 3, 2),
        nn.Tanh(), nn.Flatten(), nn.Linear(27, 3),
    )  # fmt: skip


def _self_attention(nn: Any, **options: Any) -> Any:
    """Queries, keys and values from one input; the first of what comes back."""

    class Itself(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 2, **options)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    return Itself()


def _cross_attention(nn: Any) -> Any:
    """Queries of one half of the input, keys of the other; output and weights side by side."""

    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 3, batch_first=True)

        def forward(self, x: Any) -> Any:
            y, weights = self.attention(x[:, :2], x[:, 2:], x[:, 2:] * 2)
            return (y.sum() + (weights * weights).sum()) * x

    return Crossed()


def _masked_encoder(nn: Any) -> Any:
    """Both masks, True for what is left out."""
    padding, later = np.zeros((2, 4), bool), np.triu(np.ones((4, 4), bool), 1)
    padding[0, 3] = True

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.layer(x, _mask_of(nn, later), _mask_of(nn, padding))

    return Masked()


def _mask_of(nn: Any, mask: np.ndarray) -> Any:
    """A mask as the library takes it: PyTorch wants a tensor."""
    if nn.__name__.startswith("torch"):
        import torch

        return torch.from_numpy(mask)
    return mask


def _decoder(nn: Any) -> Any:
    class Decoded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerDecoderLayer(6, 2, 8, dropout=0.0, activation="gelu", norm_first=True)
            self.decoder = nn.TransformerDecoder(layer, 2, nn.LayerNorm(6))

        def forward(self, x: Any) -> Any:
            later = _mask_of(nn, np.triu(np.ones((2, 2), bool), 1))
            return self.decoder(x[:2], x[2:], later)

    return Decoded()


def _encoder(nn: Any) -> Any:
    layer = nn.TransformerEncoderLayer(6, 3, 8, dropout=0.0, activation="gelu", batch_first=True, bias=False)
    return nn.TransformerEncoder(layer, 2, nn.LayerNorm(6))


LAYERS = {
    "linear": LayerCase(lambda nn: nn.Linear(5, 3), (4, 5)),
    "linear, three axes": LayerCase(lambda nn: nn.Linear(5, 3), (2, 4, 5)),
    "linear, no bias": LayerCase(lambda nn: nn.Linear(5, 3, bias=False), (5,)),
    "flatten": LayerCase(lambda nn: nn.Flatten(), (2, 3, 2, 2)),
    "identity": LayerCase(lambda nn: nn.Identity(), (2, 3)),
    "relu": LayerCase(lambda nn: nn.ReLU(), (3, 4)),
    "leaky_relu": LayerCase(lambda nn: nn.LeakyReLU(0.2), (3, 4)),
    "sigmoid": LayerCase(lambda nn: nn.Sigmoid(), (3, 4)),
    "tanh": LayerCase(lambda nn: nn.Tanh(), (3, 4)),
    "gelu": LayerCase(lambda nn: nn.GELU(), (3, 4)),
    "gelu, tanh form": LayerCase(lambda nn: nn.GELU(approximate="tanh"), (3, 4)),
    "silu": LayerCase(lambda nn: nn.SiLU(), (3, 4)),
    "softplus": LayerCase(lambda nn: nn.Softplus(), (3, 4)),
    "softmax": LayerCase(lambda nn: nn.Softmax(dim=1), (3, 4, 2)),
    "log_softmax": LayerCase(lambda nn: nn.LogSoftmax(dim=-1), (3, 4)),
    "dropout, evaluation": LayerCase(lambda nn: nn.Dropout(0.3), (3, 4), train=False),
    "layer_norm": LayerCase(lambda nn: nn.LayerNorm(6), (4, 6)),
    "layer_norm, two axes": LayerCase(lambda nn: nn.LayerNorm((3, 2), eps=1e-3), (4, 3, 2)),
    "layer_norm, no bias": LayerCase(lambda nn: nn.LayerNorm(6, bias=False), (2, 4, 6)),
    "layer_norm, plain": LayerCase(lambda nn: nn.LayerNorm(6, elementwise_affine=False), (4, 6)),
    "rms_norm": LayerCase(lambda nn: nn.RMSNorm(6), (4, 6)),
    "rms_norm, eps": LayerCase(lambda nn: nn.RMSNorm(6, eps=0.1), (2, 4, 6)),
    "batch_norm, table": LayerCase(lambda nn: nn.BatchNorm1d(3), (5, 3)),
    "batch_norm, signal": LayerCase(lambda nn: nn.BatchNorm1d(3, momentum=0.3), (4, 3, 6)),
    "batch_norm, image": LayerCase(lambda nn: nn.BatchNorm2d(3, eps=1e-3), (4, 3, 2, 2)),
    "batch_norm, evaluation": LayerCase(lambda nn: nn.BatchNorm2d(3), (4, 3, 2, 2), train=False),
    "batch_norm, cumulative": LayerCase(lambda nn: nn.BatchNorm1d(3, momentum=None), (5, 3)),
    "batch_norm, plain": LayerCase(lambda nn: nn.BatchNorm1d(3, affine=False), (5, 3)),
    "batch_norm, no averages": LayerCase(
        lambda nn: nn.BatchNorm1d(3, track_running_stats=False), (5, 3), train=False
    ),
    "embedding": LayerCase(lambda nn: nn.Embedding(7, 3), (4, 5), below=7),
    "embedding, padding": LayerCase(lambda nn: nn.Embedding(7, 3, padding_idx=-2), (4, 5), below=7),
    "conv2d": LayerCase(lambda nn: nn.Conv2d(3, 4, 3), (2, 3, 5, 6)),
    "conv2d, options": LayerCase(
        lambda nn: nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, dilation=(1, 2), groups=2), (2, 4, 6, 7)
    ),
    "conv2d, same": LayerCase(lambda nn: nn.Conv2d(3, 3, 4, padding="same", groups=3), (2, 3, 5, 5)),
    "conv2d, no bias": LayerCase(lambda nn: nn.Conv2d(3, 4, 1, bias=False), (2, 3, 4, 3)),
    "conv1d": LayerCase(lambda nn: nn.Conv1d(3, 4, 3, stride=2, padding=1, dilation=2), (2, 3, 9)),
    "conv_transpose2d": LayerCase(lambda nn: nn.ConvTranspose2d(3, 4, 3), (2, 3, 4, 3)),
    "conv_transpose2d, options": LayerCase(
        lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (2, 4, 3, 4)
    ),
    "max_pool2d": LayerCase(lambda nn: nn.MaxPool2d(2), (2, 3, 5, 6)),
    "max_pool2d, options": LayerCase(
        lambda nn: nn.MaxPool2d(3, stride=(2, 1), padding=1, ceil_mode=True), (2, 3, 6, 5)
    ),
    "max_pool1d": LayerCase(lambda nn: nn.MaxPool1d(3, stride=2, padding=1, dilation=2), (2, 3, 9)),
    "avg_pool2d": LayerCase(lambda nn: nn.AvgPool2d(2), (2, 3, 5, 6)),
    "avg_pool2d, options": LayerCase(
        lambda nn: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), (2, 3, 6, 7)
    ),
    "avg_pool1d": LayerCase(lambda nn: nn.AvgPool1d(3, padding=1), (2, 3, 7)),
    "adaptive_avg_pool2d": LayerCase(lambda nn: nn.AdaptiveAvgPool2d((3, 2)), (2, 3, 7, 5)),
    "convolutional": LayerCase(_convolutional, (3, 2, 9, 8)),
    "group_norm": LayerCase(lambda nn: nn.GroupNorm(2, 6), (2, 6, 3)),
    "group_norm, plain": LayerCase(lambda nn: nn.GroupNorm(3, 6, eps=1e-3, affine=False), (2, 6, 2, 2)),
    "attention": LayerCase(_self_attention, (4, 2, 6)),
    "attention, batch first": LayerCase(
        lambda nn: _self_attention(nn, batch_first=True, bias=False), (2, 4, 6)
    ),
    "attention, one example": LayerCase(_self_attention, (4, 6)),
    "attention, across": LayerCase(_cross_attention, (2, 5, 6)),
    "encoder layer, masks": LayerCase(_masked_encoder, (2, 4, 6)),
    "encoder layer, norm first": LayerCase(
        lambda nn: nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, norm_first=True), (4, 2, 6)
    ),
    "encoder": LayerCase(_encoder, (2, 4, 6)),
    "decoder": LayerCase(_decoder, (5, 2, 6)),
    "deep": LayerCase(_deep, (4, 3, 4)),
}


@dataclass(frozen=True)
class RecurrentCase:
    """A recurrent layer or cell on x, with first states or without, and lengths of the sequences or none."""

    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    states: tuple[tuple[int, ...], ...] = ()  # shapes
    lengths: tuple[int, ...] | None = None

    def inputs(self) -> tuple[np.ndarray, list[np.ndarray]]:
        rng = np.random.default_rng(7)
        return rng.normal(size=self.shape), [rng.normal(size=shape) for shape in self.states]


RECURRENT = {
    "rnn": RecurrentCase(lambda nn: nn.RNN(3, 4), (5, 2, 3)),
    "rnn, relu": RecurrentCase(lambda nn: nn.RNN(3, 4, nonlinearity="relu"), (5, 2, 3), ((1, 2, 4),)),
    "rnn, all": RecurrentCase(
        lambda nn: nn.RNN(3, 4, 2, bias=False, batch_first=True, bidirectional=True),
        (3, 5, 3), ((4, 3, 4),), (2, 5, 3),
    ),
    "gru": RecurrentCase(lambda nn: nn.GRU(3, 4), (5, 2, 3), ((1, 2, 4),)),
    "gru, all": RecurrentCase(
        lambda nn: nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), (3, 5, 3), ((4, 3, 4),), (2, 5, 3)
    ),
    "lstm": RecurrentCase(lambda nn: nn.LSTM(3, 4), (5, 2, 3), ((1, 2, 4), (1, 2, 4))),
    "lstm, three layers": RecurrentCase(lambda nn: nn.LSTM(3, 4, num_layers=3), (5, 2, 3)),
    "lstm, all": RecurrentCase(
        lambda nn: nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
        (3, 5, 3), ((4, 3, 4), (4, 3, 4)), (2, 5, 3),
    ),
    "rnn cell": RecurrentCase(lambda nn: nn.RNNCell(3, 4), (2, 3), ((2, 4),)),
    "rnn cell, relu": RecurrentCase(lambda nn: nn.RNNCell(3, 4, nonlinearity="relu"), (2, 3)),
    "gru cell": RecurrentCase(lambda nn: nn.GRUCell(3, 4), (2, 3), ((2, 4),)),
    "gru cell, no bias": RecurrentCase(lambda nn: nn.GRUCell(3, 4, bias=False), (2, 3)),
    "lstm cell": RecurrentCase(lambda nn: nn.LSTMCell(3, 4), (2, 3), ((2, 4), (2, 4))),
}  # fmt: skip


def flat(output: Any) -> list:
    """The tensors in what a recurrent layer returns, in order: y, h_n and perhaps c_n."""
    return [output] if not isinstance(output, tuple) else [t for part in output for t in flat(part)]


K = 4
LOSSES = {
    "cross_entropy": (lambda nn: nn.CrossEntropyLoss(), "classes"),
    "cross_entropy, options": (
        lambda nn: nn.CrossEntropyLoss(label_smoothing=0.2, ignore_index=1, reduction="sum"),
        "classes",
    ),
    "cross_entropy, each": (lambda nn: nn.CrossEntropyLoss(reduction="none"), "classes"),
    "nll_loss": (lambda nn: nn.NLLLoss(ignore_index=2), "classes"),
    "bce_with_logits": (lambda nn: nn.BCEWithLogitsLoss(), "shares"),
    "mse": (lambda nn: nn.MSELoss(), "values"),
    "l1": (lambda nn: nn.L1Loss(reduction="sum"), "values"),
    "huber": (lambda nn: nn.HuberLoss(delta=0.5), "values"),
}


def loss_inputs(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, K))
    targets = {
        "classes": rng.integers(K, size=6),
        "shares": rng.random((6, K)),
        "values": rng.normal(size=(6, K)),
    }
    return x, targets[kind]


OPTIMISERS: dict[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda optim, p: optim.SGD(p, lr=0.1),
    "sgd, momentum": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.9),
    "sgd, nesterov": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    "sgd, decay": lambda optim, p: optim.SGD(p, lr=0.1, weight_decay=0.1),
    "sgd, all": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
    "rmsprop": lambda optim, p: optim.RMSprop(p),
    "rmsprop, all": lambda optim, p: optim.RMSprop(
        p, lr=0.02, alpha=0.9, eps=1e-4, momentum=0.5, weight_decay=0.01
    ),
    "adam": lambda optim, p: optim.Adam(p, lr=0.01),
    "adam, all": lambda optim, p: optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "adamw": lambda optim, p: optim.AdamW(p, lr=0.02),
    "adamw, all": lambda optim, p: optim.AdamW(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2),
    "groups": lambda optim, p: optim.Adam(
        [{"params": [p[0]], "lr": 0.1}, {"params": [p[1]], "weight_decay": 0.1}], lr=0.01
    ),
}


def start() -> list[np.ndarray]:
    """Two parameters before the first step."""
    rng = np.random.default_rng(3)
    return [rng.normal(size=(2, 3)), rng.normal(size=3)]


def gradient(step: int, index: int, p: np.ndarray) -> np.ndarray:
    """A bowl with noise: reproducible, and dependent on where the parameter is."""
    noise = np.random.default_rng([4, step, index]).normal(size=p.shape)
    return 2 * (p - 1) + noise


RATES = 60  # how many learning rates of a schedule are stored
SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "step": lambda s, o: s.StepLR(o, step_size=7, gamma=0.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=40, eta_min=0.01),
    "linear": lambda s, o: s.LinearLR(o),
    "linear, options": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=20),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=61),
    "one cycle, options": lambda s, o: s.OneCycleLR(
        o, 0.5, total_steps=61, pct_start=0.4, anneal_strategy="linear", base_momentum=0.8,
        max_momentum=0.9, div_factor=10, final_div_factor=100,
    ),
    "one cycle, momentum kept": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=61, cycle_momentum=False),
}  # fmt: skip

INITS: dict[str, tuple[tuple[int, ...], Callable[[Any, Any], Any]]] = {
    "uniform": ((300, 200), lambda init, w: init.uniform_(w, -0.2, 0.4)),
    "normal": ((300, 200), lambda init, w: init.normal_(w, 0.5, 0.1)),
    "trunc_normal": ((300, 200), lambda init, w: init.trunc_normal_(w, 0.1, 1.5, -2.0, 1.0)),
    "xavier_uniform": ((300, 200), lambda init, w: init.xavier_uniform_(w)),
    "xavier_normal": ((300, 200), lambda init, w: init.xavier_normal_(w, gain=5 / 3)),
    "kaiming_uniform": ((300, 200), lambda init, w: init.kaiming_uniform_(w, a=0.1)),
    "kaiming_uniform, fan_out": (
        (30, 20, 5, 5),
        lambda init, w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"),
    ),
    "kaiming_normal": ((30, 20, 5, 5), lambda init, w: init.kaiming_normal_(w, nonlinearity="relu")),
    "kaiming_normal, tanh": ((300, 200), lambda init, w: init.kaiming_normal_(w, nonlinearity="tanh")),
    "orthogonal": ((300, 200), lambda init, w: init.orthogonal_(w, gain=2.0)),
}
DEFAULTS: dict[str, Callable[[Any], Any]] = {
    "linear weight": lambda nn: nn.Linear(200, 300).weight,
    "linear bias": lambda nn: nn.Linear(16, 60000).bias,
    "embedding weight": lambda nn: nn.Embedding(300, 200).weight,
    "lstm weight": lambda nn: nn.LSTM(200, 100).weight_ih_l0,
    "gru bias": lambda nn: nn.GRU(2, 3000).bias_hh_l0,
    "conv weight": lambda nn: nn.Conv2d(40, 60, 5).weight,
    "conv bias": lambda nn: nn.Conv1d(8, 60000, 2).bias,
    "conv_transpose weight": lambda nn: nn.ConvTranspose2d(40, 60, 5).weight,
}
GAINS = ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]


def all_layers(nn: Any) -> Any:
    """Every kind of layer that has a state, for its keys and shapes."""
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.LayerNorm(4), nn.RMSNorm(4)),
        nn.ModuleList([nn.Embedding(5, 4), nn.BatchNorm2d(2), nn.Linear(4, 2, bias=False)]),
        nn.Dropout(0.5),
        nn.BatchNorm1d(3, affine=False),
        nn.LayerNorm(4, elementwise_affine=False),
        nn.ModuleList([nn.RNN(3, 4, 2), nn.GRU(3, 4, bias=False), nn.LSTM(3, 4, 2, bidirectional=True)]),
        nn.ModuleList([nn.RNNCell(3, 4), nn.GRUCell(3, 4), nn.LSTMCell(3, 4, bias=False)]),
        nn.Sequential(
            nn.Conv2d(4, 6, (3, 2), groups=2), nn.Conv1d(2, 3, 5), nn.ConvTranspose2d(4, 6, 3, groups=2)
        ),
        nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2, nn.LayerNorm(4)),
        nn.TransformerDecoderLayer(4, 2, 8, bias=False),
        nn.GroupNorm(2, 4),
    )
