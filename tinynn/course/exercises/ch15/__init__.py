"""Exercises of chapter 15: threads. One file each; the words stand in en/15.toml."""

from . import count, launches, linear, relu, sectors, sgd  # noqa: F401
