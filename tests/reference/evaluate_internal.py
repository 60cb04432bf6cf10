"""Float64 definition of the simplified silhouette; the other scores are compared with scikit-learn's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances


def simplified_silhouette(
    X: NDArray[np.float64], labels: NDArray[np.int64], centers: NDArray[np.float64], metric: str
) -> float:
    """Mean of (b - a) / max(a, b), a to the own centre, b to the nearest other; 0 for lone documents."""
    distance = pairwise_distances(X, centers, metric=metric)
    silhouette = []
    for row, label in zip(distance, labels, strict=True):
        a, b = row[label], np.delete(row, label).min()
        lone = (labels == label).sum() == 1
        silhouette.append(0.0 if lone or max(a, b) == 0 else (b - a) / max(a, b))
    return float(np.mean(silhouette))
