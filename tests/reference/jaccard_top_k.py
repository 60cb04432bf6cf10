"""Float64 definition of the weighted Jaccard similarity, to the bit; plain Jaccard is that of 0/1 rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def jaccard(X: NDArray[np.float32], Y: NDArray[np.float32]) -> NDArray[np.float64]:
    """sum_j min(x_j, y_j) / sum_j max(x_j, y_j) of all pairs, the latter as |x| + |y| - sum of min."""
    sums = np.zeros((len(X), len(Y)))
    x_size, y_size = np.zeros(len(X)), np.zeros(len(Y))
    for j in range(X.shape[1]):
        sums += np.minimum(X[:, j, None], Y[None, :, j]).astype(np.float64)
        x_size += X[:, j]
        y_size += Y[:, j]
    most = x_size[:, None] + y_size[None, :] - sums
    return np.minimum(np.divide(sums, most, out=np.zeros_like(sums), where=most > 0), 1)
