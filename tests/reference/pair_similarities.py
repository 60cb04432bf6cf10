"""Similarities of pairs of rows, read off the matrix of all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pair_similarities(
    scores: NDArray[np.float64], first: NDArray[np.int32], second: NDArray[np.int32]
) -> NDArray[np.float32]:
    """``scores`` are the canonical ones; each is rounded once."""
    return np.asarray([scores[i, j] for i, j in zip(first, second, strict=True)], dtype=np.float32)
