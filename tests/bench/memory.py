"""Memory that attention takes beyond its inputs, tiled against the plain formula: 29 MB against 1104."""

from __future__ import annotations

import tracemalloc

from .cases import floats


def attention_peaks(t: int = 4096, heads: int = 4, width: int = 32) -> dict[str, int]:
    """Most bytes that live at once during forward and backward, by each backend's pair."""
    import tinynn as tn

    found = {}
    for backend, how in (("numba", "tiled"), ("numpy", "plain")):
        with tn.backend(backend):
            leaves = [tn.tensor(floats(1, heads, t, width), requires_grad=True) for _ in range(3)]
            tn.functional.relu(leaves[0][:, :, :1])  # what a backend needs to start is not counted
            tn.memory.clear()
            tracemalloc.start()
            tn.functional.scaled_dot_product_attention(*leaves, is_causal=True).sum().backward()
            found[how] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return found
