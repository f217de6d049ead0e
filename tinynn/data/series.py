"""A real series of numbers in time: sunspots."""

from __future__ import annotations

import numpy as np

from tinynn.data.dataset import FILES


def sunspots() -> tuple[np.ndarray, np.ndarray]:
    """Return the years 1700 to 2008, int64 (309,), and the mean number of sunspots in each, float32 (309,).

    They rise and fall about every eleven years. These are the numbers as they were counted before the
    revision of 2015.

    Source: National Geophysical Data Center (USA), public domain, through statsmodels.
    """
    table = np.loadtxt(FILES / "sunspots.tsv", skiprows=1)
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.float32)
