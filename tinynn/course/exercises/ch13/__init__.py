"""Exercises of chapter 13: a GPT. One file each; the words stand in en/13.toml."""

from . import caching, choose, leak, memory, windows  # noqa: F401
