"""The documents that stand for each cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import check_array

from coterie._validation import check_integer, check_sparse_structure, refuse_masked
from coterie.topics._cluster_sums import check_cluster_labels, check_csr_rows


def representatives(
    X: Any,
    labels: Any,
    distances: Any,
    *,
    n_clusters: int | None = None,
    n_representatives: int = 5,
) -> list[list[int]]:
    """Pick the documents nearest to the centre of each cluster, each text once.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_features)
        The rows that were clustered; they tell which documents repeat one another.
    labels : array-like of shape (n_documents,), integer
        The cluster of each document; -1 means none.
    distances : array-like of shape (n_documents,)
        Distance of each document to the centre of its cluster.
    n_clusters : int, optional
        By default the largest label + 1.
    n_representatives : int, default 5
        At most so many per cluster, >= 1.

    Returns
    -------
    list of n_clusters lists of int
        Row numbers, nearest first, equal distances by row number. Of documents with equal rows only the first
        is listed. Documents without any term (zero rows) are left out, so a list may be short or empty.

    Raises
    ------
    ValueError
        If ``labels`` or ``distances`` have another length than ``X`` has rows, or ``distances`` has a NaN.

    Examples
    --------
    >>> from coterie.topics import representatives
    >>> X = [[1.0, 0.0], [1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]
    >>> representatives(X, [0, 0, 0, 1], [0.1, 0.1, 0.3, 0.0], n_representatives=2)
    [[0, 2], [3]]
    """
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = check_array(X, accept_sparse="csr", dtype=np.float32, input_name="X")
    rows = check_csr_rows(checked) if sp.issparse(checked) else checked
    cluster_of, n_clusters = check_cluster_labels(labels, rows.shape[0], n_clusters)
    n_representatives = check_integer("n_representatives", n_representatives, minimum=1)
    distance = np.asarray(distances, dtype=np.float64)
    if distance.shape != (rows.shape[0],):
        raise ValueError(
            f"distances must have one element per row of X; got {distance.shape} for {rows.shape[0]} rows"
        )
    if np.isnan(distance).any():
        raise ValueError(f"distances must not be NaN; got NaN for row {int(np.isnan(distance).argmax())}")
    has_terms = np.diff(rows.indptr) > 0 if sp.issparse(rows) else rows.any(axis=1)
    # lexsort is stable: by cluster, then distance, then row number
    order = np.lexsort((distance, cluster_of))
    order = order[has_terms[order]]
    bounds = np.searchsorted(cluster_of[order], np.arange(n_clusters + 1))
    return [
        _first_distinct(rows, order[bounds[c] : bounds[c + 1]], n_representatives) for c in range(n_clusters)
    ]


def _first_distinct(rows: Any, candidates: NDArray[np.intp], n: int) -> list[int]:
    seen: set[tuple[bytes, ...]] = set()
    chosen: list[int] = []
    for i in candidates:
        row = _bytes_of(rows, i)
        if row not in seen:
            seen.add(row)
            chosen.append(int(i))
            if len(chosen) == n:
                break
    return chosen


def _bytes_of(rows: Any, i: np.intp) -> tuple[bytes, ...]:
    """Return what equal rows have in common."""
    if not sp.issparse(rows):
        return (rows[i].tobytes(),)
    stored = slice(rows.indptr[i], rows.indptr[i + 1])
    return rows.indices[stored].tobytes(), rows.data[stored].tobytes()
