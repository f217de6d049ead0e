"""Exercises of chapter 04: a tape. One file each; the words stand in en/04.toml."""

from . import accumulate, broadcast, order, softplus  # noqa: F401
