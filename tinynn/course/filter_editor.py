"""A filter whose nine numbers are edited beside the image that it is laid on."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..ops.conv import conv2d_forward
from .convolution_pictures import filtered
from .live import outputs
from .plots import Picture
from .views import with_view

FILTERS: dict[str, Sequence[Sequence[float]]] = {
    "one pixel": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "moved": [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
    "left edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "upper edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "sum of all": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "against the surroundings": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}
"""Where to begin, each with its nine numbers."""


def laid_on(image: np.ndarray, kernel: Any, title: str = "") -> Picture:
    """The image (H, W), the filter, and the map that it makes with a padding of half the filter."""
    weight = np.asarray(kernel, image.dtype)
    padding = weight.shape[0] // 2
    return filtered(
        image, weight, conv2d_forward(image[None, None], weight[None, None], None, 1, padding)[0][0, 0], title
    )


class FilterEditor:
    """Nine fields, a choice of filters to begin with, and a choice of images; the picture follows.

    The last line of a cell shows it.

    Parameters
    ----------
    images : dict of str to array (H, W)
        Pixels from 0 to 1, by name.
    begin : str
        The filter to begin with, one of `FILTERS`.

    Attributes
    ----------
    kernel : (3, 3)
        The numbers as they stand.
    """

    def __init__(self, images: Mapping[str, np.ndarray], begin: str = "left edges") -> None:
        self.images, self.image = dict(images), next(iter(images))
        self.kernel = np.array(FILTERS[begin], float)
        self.begin = begin
        self._places: list[Any] = []
        self._filling = False

    def picture(self) -> Picture:
        return laid_on(self.images[self.image], self.kernel, f"sum {self.kernel.sum():g}")

    # -- showing -----------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        from IPython.display import display

        note = "Run this cell to edit the nine numbers, beside a choice of filters and of images."
        data = {"text/html": f"<small>{html.escape(note)}</small>", "text/plain": note}
        display(with_view(data, self._panel()), raw=True)
        # The picture is an output of its own: it outlives the kernel, and the fields do not.
        self._places = [
            display(d, metadata=about, raw=True, display_id=True) for d, about in outputs(self.picture())
        ]

    def _panel(self) -> Any:
        import ipywidgets as widgets

        style: dict[str, Any] = {"style": {"description_width": "initial"}, "layout": {"width": "22em"}}
        self.start = widgets.Dropdown(
            options=list(FILTERS), value=self.begin, description="begin with", **style
        )
        self.which = widgets.Dropdown(options=list(self.images), description="image", **style)
        self.fields = [
            widgets.FloatText(
                value=v, step=1, tooltip=f"row {i // 3}, column {i % 3} of the filter",
                layout={"width": "4.5em"},
            )
            for i, v in enumerate(self.kernel.ravel())
        ]  # fmt: skip
        self.start.observe(self._begin, names="value")
        self.which.observe(self._changed, names="value")
        for field in self.fields:
            field.observe(self._changed, names="value")
        grid = widgets.GridBox(self.fields, layout={"grid_template_columns": "repeat(3, 5em)"})
        return widgets.HBox([grid, widgets.VBox([self.start, self.which])])

    def _begin(self, _: Any) -> None:
        """Nine new numbers at once, and one new picture."""
        self._filling = True
        for field, value in zip(self.fields, np.ravel(FILTERS[self.start.value])):
            field.value = float(value)
        self._filling = False
        self._changed()

    def _changed(self, _: Any = None) -> None:
        if self._filling:
            return
        self.image = self.which.value
        numbers = [field.value for field in self.fields]
        self.kernel = np.nan_to_num(np.array(numbers, float), nan=0, posinf=0, neginf=0).reshape(3, 3)
        for place, (data, about) in zip(self._places, outputs(self.picture())):
            place.update(data, metadata=about, raw=True)
