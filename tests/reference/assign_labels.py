"""The canonical score in NumPy: float64, partial sum j mod 8 in increasing j, one tree; argmax, ties to the lowest."""

import numpy as np


def canonical_dot(a, b):
    """Return a (n, d) times b (k, d) transposed, each dot product in the canonical order."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    n_blocks = -(-a.shape[1] // 8)
    a = np.pad(a, ((0, 0), (0, n_blocks * 8 - a.shape[1])))
    b = np.pad(b, ((0, 0), (0, n_blocks * 8 - b.shape[1])))
    p = np.zeros((len(a), len(b), 8))
    for block in range(n_blocks):
        columns = slice(8 * block, 8 * block + 8)
        p += a[:, None, columns] * b[None, :, columns]
    return ((p[..., 0] + p[..., 4]) + (p[..., 2] + p[..., 6])) + (
        (p[..., 1] + p[..., 5]) + (p[..., 3] + p[..., 7])
    )


def assign_labels(X, centers, metric="euclidean"):
    scores = canonical_dot(X, centers)
    if metric == "euclidean":
        scores = scores - np.array([canonical_dot(c[None], c[None])[0, 0] for c in centers]) / 2
    return scores.argmax(axis=1).astype(np.int32)


def assign_labels_csr(X, centers, metric="euclidean"):
    """Sparse rows: the sum over stored nonzeros in their order."""
    scores = np.zeros((X.shape[0], len(centers)))
    for i in range(X.shape[0]):
        for p in range(X.indptr[i], X.indptr[i + 1]):
            scores[i] += np.float64(X.data[p]) * centers[:, X.indices[p]].astype(np.float64)
    if metric == "euclidean":
        scores = scores - np.array([canonical_dot(c[None], c[None])[0, 0] for c in centers]) / 2
    return scores.argmax(axis=1).astype(np.int32)
