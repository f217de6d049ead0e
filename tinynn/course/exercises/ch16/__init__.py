"""Exercises of chapter 16: together. One file each; the words stand in en/16.toml."""

from . import block_sum, conflicts, detective, loads, matmul, softmax  # noqa: F401
