"""reshape of an image whose channels lie last in memory: after a convolution, Flatten gives PyTorch's order.

Everything else that moves elements is a view, or a copy that NumPy makes as well. Here the copy is a
transpose of each image, and NumPy goes through it element by element.
"""

from __future__ import annotations

import numpy as np

from .kernel_order import in_c_order, turned
from .shape import Shape
from .shape import reshape_backward as numpy_reshape_backward
from .shape import reshape_forward as numpy_reshape_forward


def reshape_forward(x: np.ndarray, shape: Shape) -> tuple[np.ndarray, Shape]:
    if turned(x) and len(shape) < 4:
        return in_c_order(x).reshape(shape), x.shape
    return numpy_reshape_forward(x, shape)


def reshape_backward(dy: np.ndarray, shape: Shape) -> tuple:
    return numpy_reshape_backward(dy, shape)
