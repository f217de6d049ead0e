"""Exercises of chapter 00: rules or learning."""

from . import mixing, questions, rule  # noqa: F401  each declares one
