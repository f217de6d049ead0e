"""Exercises of chapter 01: a neuron, a layer."""

from . import activations, affine, broadcasting, counting, rows  # noqa: F401
