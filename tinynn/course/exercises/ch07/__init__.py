"""Exercises of chapter 07: convolution. One file each; the words stand in en/07.toml."""

from . import backward, bug, conv2d, places, pool, shuffle  # noqa: F401
