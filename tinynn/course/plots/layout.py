"""Where the boxes of a graph without cycles go: in layers, with few crossings, near what they belong to.

In the manner of K. Sugiyama, S. Tagawa, M. Toda, *Methods for Visual Understanding of Hierarchical System
Structures* (1981): layers by the longest path, stand-ins where an edge passes a layer, an order in each
layer by the mean place of the neighbours, then places by least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Edge = tuple[int, int]
SWEEPS = 12


@dataclass
class Layout:
    """`place[i]` is the middle of box i, `routes[k]` the points of edge k; as (along, across)."""

    place: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    length: float
    breadth: float


def layout(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], gap: float, between: float) -> Layout:
    """Places for boxes of the given sizes (along, across), and routes for edges from one box to another.

    Parameters
    ----------
    edges : sequence of (source, target)
        Boxes come in an order in which every source stands before its target.
    gap : float
        Space between two layers.
    between : float
        Space between two boxes of a layer.
    """
    layer = _layers(len(sizes), edges)
    chains, layer = _stand_ins(edges, layer)
    across = [size[1] for size in sizes] + [0.0] * (len(layer) - len(sizes))
    links = [pair for chain in chains for pair in zip(chain, chain[1:])]
    rows = _ordered(layer, links)
    where = _places(rows, links, across, between)
    starts, thick = _starts(sizes, layer, gap)
    middle = [starts[layer[i]] + thick[layer[i]] / 2 for i in range(len(layer))]
    low = min(where[i] - across[i] / 2 for i in range(len(layer)))
    high = max(where[i] + across[i] / 2 for i in range(len(layer)))
    points = [(m, w - low) for m, w in zip(middle, where)]
    routes = [[points[i] for i in chain] for chain in chains]
    return Layout(points[: len(sizes)], routes, starts[-1] + thick[-1], high - low)


def _layers(count: int, edges: Sequence[Edge]) -> list[int]:
    """One more than the highest layer of its sources; what has none stands before its first target."""
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    layer = [0] * count
    for i in range(count):
        layer[i] = max((layer[s] + 1 for s in sources[i]), default=0)
    for i in range(count):
        if not sources[i] and targets[i]:
            layer[i] = min(layer[t] for t in targets[i]) - 1
    return layer


def _stand_ins(edges: Sequence[Edge], layer: list[int]) -> tuple[list[list[int]], list[int]]:
    """Each edge as a chain of one box a layer, and the layers with those of the stand-ins added."""
    layer, chains = list(layer), []
    for source, target in edges:
        steps = range(layer[source] + 1, layer[target])
        chains.append([source, *range(len(layer), len(layer) + len(steps)), target])
        layer += steps
    return chains, layer


def _ordered(layer: list[int], links: list[Edge]) -> list[list[int]]:
    """The boxes of each layer, those with neighbours near each other side by side."""
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for i, number in enumerate(layer):
        rows[number].append(i)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        near = _neighbours(links, len(layer), sweep % 2 == 0)
        for row in rows if sweep % 2 == 0 else reversed(rows):
            rank = {i: n for other in rows for n, i in enumerate(other)}
            row.sort(key=lambda i: np.mean([rank[j] for j in near[i]]) if near[i] else rank[i])
        if _crossings(rows, links) < fewest:
            best, fewest = [list(row) for row in rows], _crossings(rows, links)
    return best


def _neighbours(links: list[Edge], count: int, before: bool) -> list[list[int]]:
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        near[b if before else a].append(a if before else b)
    return near


def _crossings(rows: list[list[int]], links: list[Edge]) -> int:
    rank = {i: n for row in rows for n, i in enumerate(row)}
    layer = {i: n for n, row in enumerate(rows) for i in row}
    ends = np.array([(layer[a], rank[a], rank[b]) for a, b in links]).reshape(-1, 3)
    same = ends[:, None, 0] == ends[None, :, 0]
    apart = (ends[:, None, 1:] - ends[None, :, 1:]).prod(axis=-1) < 0
    return int((same & apart).sum()) // 2


def _places(rows: list[list[int]], links: list[Edge], across: list[float], between: float) -> list[float]:
    """Each box near the mean of its neighbours, in the order of its layer and without overlap."""
    near = [_neighbours(links, len(across), before) for before in (True, False)]
    weight = [50.0 if sources else 1.0 for sources in near[0]]  # leaves give way to chains of ops
    place = [0.0] * len(across)
    for sweep in range(SWEEPS + 1):  # the last one goes from the end back: leaves line up with what they feed
        for row in rows if sweep % 2 else reversed(rows):
            sides = [near[(sweep + 1) % 2][i] for i in row]
            wished = [_mean_place(side, place, weight) if side else place[i] for i, side in zip(row, sides)]
            distances = [(across[a] + across[b]) / 2 + between for a, b in zip(row, row[1:])]
            for i, spot in zip(row, _apart(wished, [weight[i] for i in row], distances)):
                place[i] = spot
    return place


def _mean_place(boxes: list[int], place: list[float], weight: list[float]) -> float:
    return sum(weight[i] * place[i] for i in boxes) / sum(weight[i] for i in boxes)


def _apart(wished: list[float], weight: list[float], distances: list[float]) -> list[float]:
    """The places nearest to those wished, in weighted least squares, that keep order and distances.

    Distances taken off, this is a regression by a rising sequence: blocks that fall are pooled to their mean.
    """
    offset = np.concatenate([[0.0], np.cumsum(distances)])
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of boxes
    for mean, heavy in zip(wished - offset, weight):
        count = 1
        while blocks and blocks[-1][0] > mean:
            other, more, n = blocks.pop()
            mean = (mean * heavy + other * more) / (heavy + more)
            heavy, count = heavy + more, count + n
        blocks.append((float(mean), heavy, count))
    return list(np.repeat([m for m, _, _ in blocks], [n for _, _, n in blocks]) + offset)


def _starts(
    sizes: Sequence[tuple[float, float]], layer: list[int], gap: float
) -> tuple[list[float], list[float]]:
    """Where each layer begins, and how thick its thickest box is."""
    thick = [0.0] * (max(layer) + 1)
    for i, size in enumerate(sizes):
        thick[layer[i]] = max(thick[layer[i]], size[0])
    return [sum(thick[:n]) + gap * n for n in range(len(thick))], thick
