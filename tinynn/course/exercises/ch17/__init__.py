"""Exercises of chapter 17: the real thing. One file each; the words stand in en/17.toml."""

from . import blocks, bug, limit, merge, tiled  # noqa: F401
