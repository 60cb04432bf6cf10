"""One step of mini-batch K-means (Sculley, WWW 2010): each centre becomes the weighted mean of all it has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def minibatch_step(
    X: Array, weight: Array, centers: Array, seen: Array, cosine: bool
) -> tuple[NDArray[np.int64], Array, Array, float]:
    """Return labels, moved centres, weights seen by now, and the loss before the move."""
    if cosine:
        X = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), np.finfo(float).tiny)
        distances = 1 - X @ centers.T
    else:
        distances = ((X[:, None, :] - centers) ** 2).sum(axis=2)
    labels = distances.argmin(axis=1)
    loss = float((weight * distances[np.arange(len(X)), labels]).sum())
    moved, total = centers.copy(), seen.copy()
    for c in np.unique(labels[weight > 0]):
        own = labels == c
        total[c] += weight[own].sum()
        moved[c] = (centers[c] * seen[c] + (weight[own, None] * X[own]).sum(axis=0)) / total[c]
        if cosine and (length := np.linalg.norm(moved[c])) > 0:
            moved[c] /= length
    return labels, moved, total, loss
