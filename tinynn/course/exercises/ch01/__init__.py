"""Exercises of chapter 01: a neuron, a layer."""

from . import affine, broadcasting, counting, leaky_relu, rows, sigmoid, two_layers  # noqa: F401
