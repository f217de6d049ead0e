"""Exercises of chapter 08: recurrence. One file each; the words stand in en/08.toml."""

from . import backward, bug, clip, clip_inputs, decay, step  # noqa: F401
