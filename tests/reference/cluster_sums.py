"""Float64 definitions of cluster sums and class TF-IDF."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cluster_sums(
    X: NDArray[np.float32], labels: NDArray[np.int32], n_clusters: int, row_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """sums[c, t] = sum of row_weights[i] * X[i, t] over the rows i of cluster c."""
    weighted = row_weights[:, None] * X.astype(np.float64)
    return np.array([weighted[labels == c].sum(axis=0) for c in range(n_clusters)])


def class_tfidf(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """W(t, c) = tf(t, c) log(1 + A / f(t)) with tf a share within the cluster (Grootendorst 2022, eq. 2)."""
    per_cluster = counts.sum(axis=1, keepdims=True)
    average = counts.sum() / np.count_nonzero(per_cluster)
    frequency = counts.sum(axis=0)
    share = np.divide(counts, per_cluster, out=np.zeros_like(counts), where=per_cluster > 0)
    ratio = np.divide(average, frequency, out=np.zeros_like(frequency), where=frequency > 0)
    return share * np.log(1 + ratio)
