"""SGD, RMSprop, Adam, AdamW: the settings of each, and the op that makes its step."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..errors import ArgumentError
from ..nn.checks import number
from .optimizer import Optimizer, Params


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

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        momentum = number("SGD", "momentum", group["momentum"], 0, 1, "momentum=0.9")
        if group["nesterov"] and not momentum:
            raise ArgumentError("SGD", "nesterov=True with momentum=0", "a momentum above 0", "momentum=0.9")

    def state_arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def _update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        ops.sgd_update.forward(
            p, g, *(state[name] for name in self.state_arrays(group)),
            lr=float(group["lr"]), momentum=float(group["momentum"]),
            nesterov=bool(group["nesterov"]), weight_decay=float(group["weight_decay"]),
        )  # fmt: skip


class RMSprop(Optimizer):
    """v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps). Equals torch.optim.RMSprop.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr : float
    alpha : float, 0 to below 1
        How slowly the average of g^2 forgets.
    eps, weight_decay, momentum : float
    """

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

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        number("RMSprop", "alpha", group["alpha"], 0, 1, "alpha=0.99")
        number("RMSprop", "eps", group["eps"], hint="eps=1e-8")
        number("RMSprop", "momentum", group["momentum"], 0, 1, "momentum=0.9")

    def state_arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", "momentum_buffer") if group["momentum"] else ("square_avg",)

    def _update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        settings = {key: float(group[key]) for key in ("lr", "alpha", "eps", "momentum", "weight_decay")}
        ops.rmsprop_update.forward(p, g, *(state[name] for name in self.state_arrays(group)), **settings)


class Adam(Optimizer):
    """Steps along the average of g, divided by the root of the average of g^2. Equals torch.optim.Adam.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr m_hat / (sqrt(v_hat) + eps), where the hats
    divide by 1 - b1^t and 1 - b2^t, since both averages start at 0.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
    lr : float
    betas : (float, float)
        b1 and b2, how slowly the averages forget.
    eps : float
    weight_decay : float
        Adds weight_decay p to the gradient; see AdamW for decay that acts on p itself.
    """

    _op = ops.adam_update

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        name, betas = type(self).__name__, group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ArgumentError(name, f"betas={betas!r}", "two numbers", "betas=(0.9, 0.999)")
        for beta in betas:
            number(name, "beta", beta, 0, 1, "betas=(0.9, 0.999)")
        number(name, "eps", group["eps"], hint="eps=1e-8")

    def state_arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        self._op.forward(
            p, g, state["exp_avg"], state["exp_avg_sq"], lr=float(group["lr"]), t=state["step"],
            beta1=float(beta1), beta2=float(beta2), eps=float(group["eps"]),
            weight_decay=float(group["weight_decay"]),
        )  # fmt: skip


class AdamW(Adam):
    """Adam whose weight decay acts on p itself: p -= lr weight_decay p. Equals torch.optim.AdamW."""

    _op = ops.adamw_update

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
