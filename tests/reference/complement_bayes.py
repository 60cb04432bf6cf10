"""What each term tells for each cluster by complement naive Bayes (Rennie et al., ICML 2003), in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def complement_weights(
    X: NDArray[np.float64], labels: NDArray[np.int32], n_clusters: int
) -> NDArray[np.float64]:
    counts = np.stack([X[labels == c].sum(axis=0) for c in range(n_clusters)], axis=1)
    totals = 1 + counts.sum(axis=1, keepdims=True)
    others = (totals - counts).sum(axis=0)
    return np.log(others / others.mean()) - np.log((totals - counts) / totals)
