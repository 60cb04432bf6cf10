"""Cutting a tree of merges into clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def number_by_first(values: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number the distinct values 0, 1, ... in the order in which they first occur."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    return rank[inverse]


def roots_of_leaves(children: NDArray[np.int64], n_leaves: int, n_merges: int) -> NDArray[np.int64]:
    """Return which cluster each leaf is in after the first ``n_merges`` merges."""
    root = np.arange(n_leaves + n_merges, dtype=np.int64)
    for merge in range(n_merges - 1, -1, -1):
        root[children[merge]] = root[n_leaves + merge]
    return root[:n_leaves]


def tree_of_clusters(
    linkage_matrix: NDArray[np.float64], roots: NDArray[np.int64], labels: NDArray[np.int32], n_merges: int
) -> NDArray[np.float64]:
    """Return the merges after the first ``n_merges`` as a linkage matrix whose leaves are the clusters.

    ``labels`` numbers the cluster of each leaf, ``roots`` is its root.
    """
    n_leaves = len(roots)
    n_clusters = int(labels.max()) + 1
    number = np.empty(n_leaves + len(linkage_matrix), dtype=np.float64)
    number[roots] = labels
    number[n_leaves + n_merges :] = n_clusters + np.arange(len(linkage_matrix) - n_merges)
    tree = linkage_matrix[n_merges:].copy()
    tree[:, :2] = np.sort(number[tree[:, :2].astype(np.int64)], axis=1)
    return tree
