"""Convolutional networks for small images: from the first one that read cheques to a residual one."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..errors import ArgumentError
from ..nn import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Identity,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    Tanh,
)
from ..nn.checks import whole
from ..tensor import Tensor


class LeNet(Sequential):
    """LeNet-5: two convolutions, each followed by a mean over 2 x 2, then three Linear layers.

    Parameters
    ----------
    channels : int
        Of the image, which is 28 x 28.
    classes : int

    Attributes
    ----------
    config : dict
        What was passed: ``LeNet(**config)`` builds the same model again.

    Notes
    -----
    The layers' sizes are the original's; its last layer measured distances, and its second convolution
    left out some connections. Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied
    to document recognition, 1998.
    """

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        channels, classes = whole("LeNet", "channels", channels), whole("LeNet", "classes", classes)
        super().__init__(
            Conv2d(channels, 6, 5, padding=2), Tanh(), AvgPool2d(2),  # (N, 6, 14, 14)
            Conv2d(6, 16, 5), Tanh(), AvgPool2d(2),  # (N, 16, 5, 5)
            Flatten(), Linear(400, 120), Tanh(), Linear(120, 84), Tanh(), Linear(84, classes),
        )  # fmt: skip
        self.config = {"channels": channels, "classes": classes}


class DigitCNN(Sequential):
    """Three convolutions of 3 x 3 with the largest of 2 x 2 between them, then two Linear layers.

    Parameters
    ----------
    channels : int
        Of the image.
    classes : int
    size : int
        Height and width of the image, 18 or more: 28 for digits, 32 for small photographs.

    Attributes
    ----------
    config : dict
        What was passed: ``DigitCNN(**config)`` builds the same model again.

    Examples
    --------
    >>> DigitCNN()(np.zeros((5, 1, 28, 28), np.float32)).shape
    (5, 10)
    """

    def __init__(self, channels: int = 1, classes: int = 10, size: int = 28) -> None:
        channels, classes = whole("DigitCNN", "channels", channels), whole("DigitCNN", "classes", classes)
        size = whole("DigitCNN", "size", size, 18)
        last = ((size - 2) // 2 - 2) // 2 - 2  # rows that are left: 3 of 28
        super().__init__(
            Conv2d(channels, 32, 3), ReLU(), MaxPool2d(2),
            Conv2d(32, 64, 3), ReLU(), MaxPool2d(2),
            Conv2d(64, 64, 3), ReLU(),
            Flatten(), Linear(64 * last * last, 64), ReLU(), Linear(64, classes),
        )  # fmt: skip
        self.config = {"channels": channels, "classes": classes, "size": size}


class ResidualBlock(Module):
    """relu(x + f(x)), where f is convolution, batch norm, relu, convolution, batch norm.

    With a stride, or with more channels than came in, x passes a convolution of 1 x 1 to fit.
    Source: He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016.
    """

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(width)
        fits = stride == 1 and channels == width
        self.downsample: Module = (
            Identity()
            if fits
            else Sequential(Conv2d(channels, width, 1, stride, bias=False), BatchNorm2d(width))
        )

    def forward(self, x: Any) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x))


class ResNet(Sequential):
    """A residual network for images of about 32 x 32: a convolution, stages of blocks, the mean of the image.

    Parameters
    ----------
    channels : int
        Of the image.
    classes : int
    widths : sequence of int
        Channels of each stage; each stage after the first halves height and width.
    blocks : int
        Residual blocks in each stage. (16, 32, 64) with 3 is the ResNet-20 of the source.

    Attributes
    ----------
    config : dict
        What was passed, as plain values: ``ResNet(**config)`` builds the same model again.

    Notes
    -----
    Source: He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, section 4.2.
    """

    def __init__(
        self, channels: int = 3, classes: int = 10, widths: Any = (16, 32, 64), blocks: int = 1
    ) -> None:
        channels, classes = whole("ResNet", "channels", channels), whole("ResNet", "classes", classes)
        blocks = whole("ResNet", "blocks", blocks)
        if not isinstance(widths, (tuple, list)) or not widths:
            raise ArgumentError(
                "ResNet", f"widths={widths!r}", "the channels of each stage", "widths=(16, 32)"
            )
        widths = [whole("ResNet", "width", n) for n in widths]
        super().__init__(
            Conv2d(channels, widths[0], 3, padding=1, bias=False), BatchNorm2d(widths[0]), ReLU()
        )
        before = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                self.append(ResidualBlock(before, width, stride=2 if stage and not block else 1))
                before = width
        self.append(AdaptiveAvgPool2d(1)).append(Flatten()).append(Linear(before, classes))
        self.config = {"channels": channels, "classes": classes, "widths": widths, "blocks": blocks}
