"""Exercises of chapter 05: training that works. One file each; the words stand in en/05.toml."""

from . import adam, batches, factor, he, momentum, schedule  # noqa: F401
