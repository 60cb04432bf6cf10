"""Inputs and comparisons shared by the similarity tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.similarity import Neighbours
from reference import cosine_top_k as reference
from reference import jaccard_top_k as jaccard_reference

Scores = NDArray[np.float64]


def scores_of(X: Any, Y: Any, measure: str) -> Scores:
    """Canonical scores of all pairs, from the float64 reference."""
    if measure == "cosine" and not sp.issparse(X):
        blocks = [np.array_split(M, len(M) // 16 + 1) for M in (X, Y)]
        norms = [np.sqrt(np.concatenate([reference.dense_dot(b, b).diagonal() for b in M])) for M in blocks]
        return reference.cosine(reference.dense_dot(X, Y), *norms)
    A, B = (M.toarray() if sp.issparse(M) else M for M in (X, Y))
    if measure == "cosine":
        norms = [np.sqrt(np.array([reference.sparse_dot(r[None], r[None])[0, 0] for r in M])) for M in (A, B)]
        return reference.cosine(reference.sparse_dot(A, B), *norms)
    if measure == "jaccard":
        A, B = ((M != 0).astype(np.float32) for M in (A, B))
    return jaccard_reference.jaccard(A, B)


def assert_neighbours(
    found: Neighbours, scores: Scores, k: int | None, threshold: float | None, self_join: bool
) -> None:
    """Compare with the reference bit for bit."""
    wanted = reference.best(scores, k, threshold, self_join)
    assert found.n_candidates == scores.shape[1]
    np.testing.assert_array_equal(found.counts, [len(row) for row in wanted])
    for i, row in enumerate(wanted):
        indices, similarities = found.row(i)
        np.testing.assert_array_equal(indices, row, err_msg=f"row {i}")
        np.testing.assert_array_equal(
            similarities.view(np.int32), (scores[i, row].astype(np.float32) + 0).view(np.int32)
        )


def sparse_rows(n: int, d: int, density: float, seed: int, *, signed: bool = False) -> sp.csr_array:
    """Random CSR whose column frequencies fall like those of words."""
    rng = np.random.default_rng(seed)
    share = density * d / (1.0 + np.arange(d)) / (1.0 / (1.0 + np.arange(d))).sum()
    mask = rng.random((n, d)) < np.minimum(share * 2, 0.9)
    values = rng.standard_normal((n, d)) if signed else rng.random((n, d)) + 0.01
    return sp.csr_array((mask * values).astype(np.float32))
