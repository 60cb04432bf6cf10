"""Float64 definitions of cosine similarity and of the best neighbours, to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


def dense_dot(X: NDArray[np.float32], Y: NDArray[np.float32]) -> Scores:
    """<x, y> of all pairs: partial sum j mod 8 in increasing j, then one fixed tree."""
    pad = [(0, 0), (0, -X.shape[1] % 8)]
    A, B = (np.pad(M.astype(np.float64), pad) for M in (X, Y))
    p = np.zeros((len(X), len(Y), 8))
    for j in range(0, A.shape[1], 8):
        p += A[:, None, j : j + 8] * B[None, :, j : j + 8]
    return ((p[..., 0] + p[..., 4]) + (p[..., 2] + p[..., 6])) + (
        (p[..., 1] + p[..., 5]) + (p[..., 3] + p[..., 7])
    )


def sparse_dot(X: NDArray[np.float32], Y: NDArray[np.float32]) -> Scores:
    """<x, y> of all pairs of rows that are stored sparsely: columns in increasing order, one sum."""
    sums = np.zeros((len(X), len(Y)))
    for j in np.flatnonzero(X.any(axis=0) & Y.any(axis=0)):
        sums += X[:, j, None].astype(np.float64) * Y[None, :, j].astype(np.float64)
    return sums


def cosine(dots: Scores, x_norms: Scores, y_norms: Scores) -> Scores:
    """<x, y> / (|x| |y|) within [-1, 1]; 0 for a zero row."""
    scale = x_norms[:, None] * y_norms[None, :]
    return np.clip(np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0), -1, 1)


def best(scores: Scores, k: int | None, threshold: float | None, self_join: bool) -> list[NDArray[np.int64]]:
    """For each row the columns by falling score, ties to the lowest column."""
    rows = []
    for i, row in enumerate(scores):
        order = np.lexsort((np.arange(len(row)), -row))
        if threshold is not None:
            order = order[row[order].astype(np.float32) >= np.float32(threshold)]
        rows.append(order[order != i][:k] if self_join else order[:k])
    return rows
