"""Connected components of the rows whose similarity reaches the threshold, by repeated relabelling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def duplicate_labels(
    scores: NDArray[np.float64], nonzero: NDArray[np.bool_], threshold: float
) -> NDArray[np.int64]:
    """Group number by first member, -1 for rows alone."""
    n = len(scores)
    joined = (scores.astype(np.float32) >= np.float32(threshold)) & nonzero[:, None] & nonzero[None, :]
    np.fill_diagonal(joined, True)
    first = np.arange(n)
    while True:
        lowest = np.array([first[joined[i]].min() for i in range(n)], dtype=np.int64)
        if np.array_equal(lowest, first):
            break
        first = lowest
    sizes = np.bincount(first, minlength=n)
    number = np.where(sizes >= 2, np.cumsum(sizes >= 2) - 1, -1)
    return number[first]
