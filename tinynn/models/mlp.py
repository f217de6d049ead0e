"""The multilayer perceptron."""

from __future__ import annotations

from ..errors import ArgumentError
from ..nn import GELU, Dropout, Flatten, Linear, ReLU, Sequential, Sigmoid, SiLU, Tanh
from ..nn.checks import number, whole

ACTIVATIONS = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid, "gelu": GELU, "silu": SiLU}


class MLP(Sequential):
    """A multilayer perceptron: Flatten, then Linear layers with an activation between each two.

    Parameters
    ----------
    *sizes : int
        Features of the input, of each hidden layer, and of the output: ``MLP(784, 256, 128, 10)``.
    activation : {"relu", "tanh", "sigmoid", "gelu", "silu"}
    dropout : float, 0 to below 1
        After each activation; 0 leaves the layer out.

    Attributes
    ----------
    config : dict
        What was passed, as plain values: ``MLP(*config["sizes"], ...)`` builds the same model again.

    Examples
    --------
    >>> MLP(64, 32, 10)(np.zeros((5, 1, 8, 8), np.float32)).shape
    (5, 10)
    """

    def __init__(self, *sizes: int, activation: str = "relu", dropout: float = 0.0) -> None:
        if len(sizes) < 2:
            raise ArgumentError(
                "MLP", f"{len(sizes)} sizes", "at least two: input and output", "MLP(64, 32, 10)"
            )
        if activation not in ACTIVATIONS:
            raise ArgumentError(
                "MLP", f"activation={activation!r}", ", ".join(ACTIVATIONS), "activation='relu'"
            )
        sizes = tuple(whole("MLP", "size", n) for n in sizes)
        dropout = number("MLP", "dropout", dropout, 0, 1, hint="dropout=0.1")
        super().__init__(Flatten())
        for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
            if i > 0:
                self.append(ACTIVATIONS[activation]())
                if dropout:
                    self.append(Dropout(dropout))
            self.append(Linear(n_in, n_out))
        self.config = {"sizes": list(sizes), "activation": activation, "dropout": dropout}
