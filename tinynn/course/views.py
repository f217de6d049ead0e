"""Widgets on a page, beside what stands for them where widgets cannot be shown."""

from __future__ import annotations

from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"


def with_view(data: dict[str, Any], box: Any) -> dict[str, Any]:
    """`data` and the widgets of `box`: a page that cannot show widgets shows the rest."""
    return {**data, VIEW: box._repr_mimebundle_()[VIEW]}
