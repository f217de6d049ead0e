"""Exercises of chapter 12: the block. One file each; the words stand in en/12.toml."""

from . import backward, block, bug, inputs, layer_norm, rms_norm, rotary, sinusoidal  # noqa: F401
