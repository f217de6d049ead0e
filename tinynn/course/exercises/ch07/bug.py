"""07.5: a picture of what a broken convolution does. Which line is wrong?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....data import mnist
from ....ops.conv import conv2d_forward
from ...engine.kinds import NameTheBug

if TYPE_CHECKING:
    from ...plots import Picture

Images = dict[str, np.ndarray]
NUMBER = 4  # of the digit that is shown, in mnist()


def photograph() -> np.ndarray:
    """A digit in colour, as image files hold it: (H, W, 3), white ink on dark paper."""
    ink = mnist().x[NUMBER, 0]
    return np.stack([0.9 * ink + 0.05, 0.7 * ink + 0.1, 0.4 * ink + 0.2], axis=2)


def outcomes() -> Images:
    """What a 3 x 3 mean over all channels makes of it: rightly, and with each of the mistakes."""
    image = photograph()
    first = image.transpose(2, 0, 1)  # (3, H, W)
    mean = np.full((3, 3), 1 / 9.0)
    return {
        "right": _convolved(first, mean),
        "reshaped": _convolved(image.reshape(3, *image.shape[:2]), mean),
        "kernel_flipped": _convolved(first, mean[::-1, ::-1]),
        "rows_and_columns": _convolved(image.T, mean),
        "stride_of_3": _convolved(first, mean, stride=3),
        "no_padding": _convolved(first, mean, padding=0),
    }


def _convolved(x: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 1) -> np.ndarray:
    """One filter, the same for all three channels."""
    weight = np.broadcast_to(kernel / 3, (1, 3, 3, 3)).astype(x.dtype)
    return conv2d_forward(x[None], weight, None, stride, padding)[0][0, 0]


def symptom() -> Picture:
    """The image, what should have come out, and what came out."""
    from ...convolution_pictures import panels  # pictures are loaded by whoever looks at one

    found = outcomes()
    shown = {"the image (28, 28, 3)": photograph(), "expected": found["right"], "came out": found[bug.truth]}
    words = (
        "Three images. The image: a handwritten digit, light ink on dark paper. Expected: the same digit, a "
        "little blurred, in grey. Came out, in the same size: grey clouds, most of them upright, and a light "
        "level band below the middle; no digit can be seen."
    )
    return panels(shown, words)


bug = NameTheBug(
    "07.5",
    options=("kernel_flipped", "no_padding", "reshaped", "rows_and_columns", "stride_of_3"),
    truth="reshaped",
    symptom=symptom,
    level=2,
    minutes=4,
)
