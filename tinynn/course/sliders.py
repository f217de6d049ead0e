"""Several sliders over one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .live import _checked, _follow
from .plots import Picture


def sliders(handles: Mapping[str, tuple[Sequence[Any], Any]], picture: Callable[..., Picture]) -> None:
    """Show several sliders and a picture that follows them all, as `live.slider` does for one.

    Parameters
    ----------
    handles : mapping
        By label: the values to choose from, and where the slider stands at first, None for the first one.
    picture : callable
        ``picture(*values) -> Picture``, a value for each slider, in their order.
    """
    bars = [_checked(label, values, value) for label, (values, value) in handles.items()]
    for bar in bars:
        bar.style.description_width = (
            f"{max(map(len, handles)) / 2 + 1}em"  # all tracks begin below each other
        )
    _follow(bars, picture)
