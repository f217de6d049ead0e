"""The exercises of chapter 11, attention."""

from . import attend, backward, heads, maps, masked, scale  # noqa: F401
