"""Sums of the rows of each cluster, and the checks that everything about clusters of rows shares."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import check_array

from coterie import _core
from coterie._validation import (
    CsrParts,
    check_integer,
    check_n_threads,
    check_sparse_structure,
    refuse_masked,
    rows_argument,
    summed_once,
)


def check_csr_rows(X: Any) -> sp.csr_array:
    """Return a two-dimensional finite array or sparse matrix as canonical float32 CSR."""
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = check_array(X, accept_sparse="csr", dtype=np.float32, input_name="X")
    return summed_once(sp.csr_array(checked))


def check_cluster_labels(
    labels: Any, n_samples: int, n_clusters: int | None
) -> tuple[NDArray[np.int32], int]:
    """Return the labels as int32 and the number of clusters (largest label + 1 when it was None)."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be a one-dimensional array of integers; got {array.dtype}, shape {array.shape}"
        )
    if len(array) != n_samples:
        raise ValueError(
            f"labels must have one element per row of X; got {len(array)} labels, {n_samples} rows"
        )
    largest = int(array.max(initial=-1))
    if n_clusters is None:
        n_clusters = max(largest + 1, 1)
    n_clusters = check_integer("n_clusters", n_clusters, minimum=1, maximum=np.iinfo(np.int32).max)
    smallest = int(array.min(initial=0))
    if smallest < -1 or largest >= n_clusters:
        bad = smallest if smallest < -1 else largest
        raise ValueError(f"labels must be between -1 and n_clusters - 1 = {n_clusters - 1}; got {bad}")
    return array.astype(np.int32, copy=False), n_clusters


def cluster_sums(
    X: sp.csr_array,
    labels: NDArray[np.int32],
    n_clusters: int,
    row_weights: NDArray[np.float64] | None = None,
    n_threads: int | None = None,
) -> sp.csr_array:
    """Sum the (weighted) rows of each cluster in float64: CSR of shape (n_clusters, n_features)."""
    parts = cast(CsrParts, rows_argument(X))
    data, indices, indptr = _core.cluster_sums(
        parts, np.ascontiguousarray(labels), n_clusters, row_weights, check_n_threads(n_threads)
    )
    return sp.csr_array((data, indices, indptr), shape=(n_clusters, X.shape[1]))
