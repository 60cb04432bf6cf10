"""Float64 definitions of truncated singular value decomposition and of degree-normalised rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def truncated_svd(
    X: NDArray[np.floating], n_components: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return term vectors (columns; largest magnitude positive) and singular values, by LAPACK."""
    _, values, vectors = np.linalg.svd(X.astype(np.float64), full_matrices=False)
    term_vectors = vectors[:n_components].T
    extreme = np.take_along_axis(term_vectors, np.abs(term_vectors).argmax(axis=0)[None], axis=0)
    return term_vectors * np.sign(extreme), values[:n_components]


def degree_normalized(X: NDArray[np.floating]) -> NDArray[np.float64]:
    """Row i divided by sqrt(sum_j <x_i, x_j>); zero rows stay zero."""
    X = X.astype(np.float64)
    degree = X @ X.sum(axis=0)
    return np.divide(X, np.sqrt(degree)[:, None], out=np.zeros_like(X), where=degree[:, None] > 0)
