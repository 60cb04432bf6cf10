"""Empty clusters of a finished assignment: each takes the row farthest from its centre, and labels stay exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import row_norms

from coterie import _core
from coterie.cluster._base import Centers, dense_rows

_SLACK = 1e-9  # of squared norms: far more than float64 scores round


def fill_empty(
    X: Any,
    samples: _core.Samples,
    samples_of: Callable[[Any], _core.Samples],
    weight: NDArray[np.float64] | None,
    metric: str,
    centers: Centers,
    labels: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Move the centres without rows, and the labels of the rows that they then get, in place.

    Ends when every cluster has rows, or no row is left that would be nearer to a centre of its own. Returns the row
    that each moved centre was put on, -1 for the others.
    """
    usable = np.ones(len(labels), bool) if weight is None else weight > 0
    if metric == "cosine":  # a row of zeros is no nearer to itself than to others
        usable &= row_norms(X, squared=True) > 0
    placed = np.full(len(centers), -1, np.int64)
    least = np.inf
    while len(empty := np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0)):
        distances = np.maximum(samples.own_distances(centers, labels), 0)
        total = float(distances.sum())
        rows = _farthest(np.where(usable, distances, 0.0), labels, len(empty))
        if len(rows) == 0 or total >= least:
            break
        least = total
        moved = dense_rows(X[rows])
        if metric == "cosine":
            norms = np.sqrt((moved.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
            moved = dense_rows(moved / np.where(norms > 0, norms, 1))
        filled = empty[: len(rows)]
        centers[filled], placed[filled] = moved, rows
        own = samples.own_distances(moved, samples.assign(moved))
        slack = _SLACK * max(1.0, float((centers.astype(np.float64) ** 2).sum(axis=1).max()))
        nearer = np.flatnonzero(own <= distances + slack)
        labels[nearer] = samples_of(X[nearer]).assign(centers)
    return placed


def _farthest(distances: NDArray[np.float64], labels: NDArray[np.int32], most: int) -> NDArray[np.int64]:
    """Return the farthest rows, ties to the lowest; of rows of a cluster at one distance the first."""
    rows = np.flatnonzero(distances)
    rows = rows[np.lexsort((rows, labels[rows], -distances[rows]))]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (distances[rows[1:]] != distances[rows[:-1]]) | (labels[rows[1:]] != labels[rows[:-1]])
    return rows[is_first][:most]
