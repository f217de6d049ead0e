"""Exercises of chapter 09: gates. One file each; the words stand in en/09.toml."""

from . import backward, bias, bug, checker, gru, lstm  # noqa: F401
