"""Models that several chapters and commands use: a file a family, each model in a screen of code."""

from __future__ import annotations

from .mlp import MLP

__all__ = ["MLP"]
