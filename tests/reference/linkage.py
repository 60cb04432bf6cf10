"""Float64 definition of weighted agglomerative clustering: what is at distance zero is simply repeated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist


def linkage(
    X: NDArray[np.float64], weights: NDArray[np.int64], method: str
) -> list[tuple[float, frozenset[int]]]:
    """Merge the two nearest clusters until one is left; return each merge's distance and the points in it.

    Row i of X stands for weights[i] rows.
    """
    clusters = [frozenset([i]) for i in range(len(X))]
    merges = []
    while len(clusters) > 1:
        best = min(
            (_distance(X, weights, a, b, method), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters[:i])
        )
        distance, i, j = best
        merges.append((distance, clusters[i] | clusters[j]))
        clusters = [c for k, c in enumerate(clusters) if k not in (i, j)] + [clusters[i] | clusters[j]]
    return merges


def _distance(X, weights, a, b, method) -> float:
    rows_a, rows_b = (np.repeat(X[sorted(c)], weights[sorted(c)], axis=0) for c in (a, b))
    if method == "ward":  # the square root of twice the increase of the sum of squares
        apart = np.linalg.norm(rows_a.mean(axis=0) - rows_b.mean(axis=0))
        return float(apart * np.sqrt(2 * len(rows_a) * len(rows_b) / (len(rows_a) + len(rows_b))))
    pairs = cdist(rows_a, rows_b)
    return float({"single": np.min, "complete": np.max, "average": np.mean}[method](pairs))
