"""Look-alikes: pictures in different splits that a network finds nearly equal.

They catch what the comparison of detail cannot: crops, added borders, one item seen twice. Features are
taken relative to the mean of their source, so that a studio's pictures are not all alike. A
look-alike may still be another item of the same kind: a person decides, and names it by ``group``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.checks.folds import Matrix, Numbers
from datasets.manifest import SPLITS, LabelledPicture

MIN_COSINE = 0.85

_ADVICE = (
    "Where they show one item or one photograph, give them the same `group` and split the data again; "
    "different items of one kind may stay."
)


def check_lookalikes(
    rows: Sequence[LabelledPicture], numbers: Sequence[int], features: Matrix, units: Numbers
) -> Iterator[Finding]:
    """Pairs of different units and splits, the most alike first.

    Args:
        rows: N rows with readable pictures.
        numbers: Their entries' numbers.
        features: (N, D)
        units: (N,)
    """
    centred = features.copy()
    sources = np.array([row.source for row in rows])
    for source in np.unique(sources):
        centred[sources == source] -= features[sources == source].mean(axis=0)
    directions = normalize(centred)
    near = NearestNeighbors(radius=(2 - 2 * MIN_COSINE) ** 0.5, algorithm="brute").fit(directions)
    graph = near.radius_neighbors_graph(mode="distance").tocoo()
    found = sorted(
        (float(distance), int(a), int(b))
        for a, b, distance in zip(graph.row, graph.col, graph.data, strict=True)
        if a < b
    )
    for distance, a, b in found:
        splits = {rows[a].split, rows[b].split}
        named = [split for split in SPLITS if split in splits]
        if units[a] == units[b] or len(named) < 2:
            continue
        where = ", ".join(sorted({rows[a].source, rows[b].source}))
        note = f"cosine {1 - distance**2 / 2:.2f}"
        yield Finding(
            Section.LEAKAGE,
            Severity.WARNING,
            f"Perhaps one item in {' and '.join(named)} ({where})",
            _ADVICE,
            (Shown(numbers[a]), Shown(numbers[b], note)),
        )
