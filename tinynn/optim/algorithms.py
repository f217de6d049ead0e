"""SGD, RMSprop, Adam, AdamW: the settings of each, and the op (`ops.update`) that makes its step."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..errors import ArgumentError
from ..nn.checks import number
from .arguments import Group, Params, python_number
from .optimizer import Optimizer


class SGD(Optimizer):
    """p -= lr g, or with momentum m = momentum m + g; p -= lr m. Equals torch.optim.SGD.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr : float
    momentum : float, 0 to below 1
        How much of the last step is kept.
    weight_decay : float
        Adds weight_decay p to the gradient.
    nesterov : bool
        Look one step of momentum ahead: p -= lr (g + momentum m). Needs momentum.
    """

    op = ops.sgd_update

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check(self, group: Group) -> None:
        super().check(group)
        momentum = number("SGD", "momentum", group["momentum"], 0, 1, hint="momentum=0.9")
        if group["nesterov"] and not momentum:
            raise ArgumentError("SGD", "nesterov=True and momentum=0", "a momentum above 0", "momentum=0.9")

    def arrays(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def op_settings(self, group: Group, step: int) -> dict[str, Any]:
        return {
            "lr": float(group["lr"]),
            "momentum": float(group["momentum"]),
            "nesterov": bool(group["nesterov"]),
            "weight_decay": float(group["weight_decay"]),
        }


class RMSprop(Optimizer):
    """v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps). Equals torch.optim.RMSprop.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr : float
    alpha : float, 0 to below 1
        How much of the average of g^2 is kept.
    eps : float
    weight_decay : float
        Adds weight_decay p to the gradient.
    momentum : float, 0 to below 1
        Acts on g / (sqrt(v) + eps) as SGD's does on g.
    """

    op = ops.rmsprop_update

    def __init__(
        self,
        params: Params,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)

    def check(self, group: Group) -> None:
        super().check(group)
        number("RMSprop", "alpha", group["alpha"], 0, 1, hint="alpha=0.99")
        number("RMSprop", "eps", group["eps"], hint="eps=1e-8")
        number("RMSprop", "momentum", group["momentum"], 0, 1, hint="momentum=0.9")

    def arrays(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "momentum_buffer") if group["momentum"] else ("square_avg",)

    def op_settings(self, group: Group, step: int) -> dict[str, Any]:
        return {key: float(group[key]) for key in ("lr", "alpha", "eps", "momentum", "weight_decay")}


class Adam(Optimizer):
    """Steps along the average of g, over the root of the average of g^2. Equals torch.optim.Adam.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr m_hat / (sqrt(v_hat) + eps), where the hats
    divide by 1 - b1^t and 1 - b2^t, since both averages start at 0.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr : float
    betas : (float, float), each 0 to below 1
        b1 and b2, how much of each average is kept.
    eps : float
    weight_decay : float
        Adds weight_decay p to the gradient; in AdamW decay acts on p itself.
    """

    op = ops.adam_update

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=python_number(betas), eps=eps, weight_decay=weight_decay)

    def check(self, group: Group) -> None:
        super().check(group)
        where, betas = type(self).__name__, group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ArgumentError(where, f"betas={betas!r}"[:80], "two numbers", "betas=(0.9, 0.999)")
        for beta in betas:
            number(where, "beta", beta, 0, 1, hint="betas=(0.9, 0.999)")
        number(where, "eps", group["eps"], hint="eps=1e-8")

    def arrays(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def op_settings(self, group: Group, step: int) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {
            "lr": float(group["lr"]),
            "t": step,
            "beta1": float(beta1),
            "beta2": float(beta2),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
        }


class AdamW(Adam):
    """Adam whose weight decay acts on p itself: p -= lr weight_decay p. Equals torch.optim.AdamW."""

    op = ops.adamw_update

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
