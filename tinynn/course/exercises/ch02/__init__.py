"""Exercises of chapter 02: loss and descent."""

from . import (  # noqa: F401
    cross_entropy,
    cross_entropy_unstable,
    descent,
    first_loss,
    numerical,
    smoothing,
    softmax,
    softmax_inputs,
    squared_error,
)
