"""Exercises of chapter 03: backward by hand."""

from . import linear  # noqa: F401
