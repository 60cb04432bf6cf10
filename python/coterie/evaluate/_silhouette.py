"""The simplified silhouette: distances to centres in place of distances to documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.evaluate._rows import BLOCK, ROUNDING, Rows


def nearest_two(rows: Rows, centers: Any, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the distance of each row to its own centre and to the nearest other one: shape (n, 2).

    ``centers`` is an ndarray or a csr_array in the coordinates of X. Blocks of centres meet blocks of rows.
    """
    squared_norms = rows.squared_norms()
    own = np.empty(rows.n_rows)
    other = np.full(rows.n_rows, np.inf)
    block = max(1, BLOCK // rows.n_features)
    for first in range(0, centers.shape[0], block):
        chosen = centers[first : first + block]
        dense = chosen.toarray() if sp.issparse(chosen) else chosen
        for part, x in rows.blocks(width=len(dense)):
            distance = _distances(rows, x, squared_norms[part], dense)
            mine = labels[part] - first
            here = np.flatnonzero((mine >= 0) & (mine < len(dense)))
            own[part][here] = distance[here, mine[here]]
            distance[here, mine[here]] = np.inf
            np.minimum(other[part], distance.min(axis=1), out=other[part])
    return np.column_stack([own, other])


def _distances(
    rows: Rows,
    x: Any,
    squared_norms: NDArray[np.float64],
    centers: NDArray[np.float64],
) -> NDArray[np.float64]:
    if rows.metric == "cosine":
        norms = np.linalg.norm(centers, axis=1)
        scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        distance = np.clip(1.0 - (x @ centers.T) * scale, 0.0, 2.0)
        return np.asarray(np.where(distance <= ROUNDING, 0.0, distance))
    moved = centers - rows.shift
    total = squared_norms[:, None] + np.einsum("ij,ij->i", moved, moved)
    squared = total - 2.0 * (x @ moved.T)
    return np.asarray(np.sqrt(np.where(squared <= ROUNDING * total, 0.0, squared)))


def simplified_silhouette(distances: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of (b - a) / max(a, b); 0 for a document alone in its cluster and where a = b = 0."""
    own, other = distances[:, 0].astype(np.float64), distances[:, 1].astype(np.float64)
    larger = np.maximum(own, other)
    silhouette = np.divide(other - own, larger, out=np.zeros_like(own), where=larger > 0)
    silhouette[np.bincount(labels)[labels] == 1] = 0.0
    return float(silhouette.mean())
