"""Exercises of chapter 06: does it generalise? One file each; the words stand in en/06.toml."""

from . import counts, dropout, leak, prepare, size  # noqa: F401
