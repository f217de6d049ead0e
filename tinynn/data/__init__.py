"""Data sets that need no network, and what lies between them and a network.

    train, val, test = train_val_test_split(*digits())
    for xb, yb in Batches(*train, batch_size=64, transform=Shift(1)):
        ...

Everything is plain NumPy arrays, images float32 (N, C, H, W) from 0 to 1, labels int64 (N,).
"""

from tinynn.data.batches import Batches
from tinynn.data.dataset import Dataset, digits, mnist
from tinynn.data.disk import load_cifar10, load_mnist
from tinynn.data.points import checkerboard, moons, rings, spirals
from tinynn.data.split import Split, Standardise, train_val_test_split
from tinynn.data.transforms import Compose, Cutout, Flip, Noise, Rotate, Shift, rotate, shift

__all__ = [
    "Batches",
    "Compose",
    "Cutout",
    "Dataset",
    "Flip",
    "Noise",
    "Rotate",
    "Shift",
    "Split",
    "Standardise",
    "checkerboard",
    "digits",
    "load_cifar10",
    "load_mnist",
    "mnist",
    "moons",
    "rings",
    "rotate",
    "shift",
    "spirals",
    "train_val_test_split",
]
