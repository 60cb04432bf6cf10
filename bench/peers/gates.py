"""Quality before speed: each gate compares an answer with the reference and says what it found.

A gate returns (passed, finding). An answer that does not pass is not timed; the finding stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy import ndarray

Answer = dict[str, Any]
Gate = Callable[[Answer, Answer, dict[str, Any]], tuple[bool, str]]
__all__ = ["Gate", "column_counts", "ndarray", "same_matrix", "same_neighbours", "same_optimum"]


def column_counts(X: sp.csr_matrix) -> ndarray:
    """Number of stored values in each column."""
    return np.bincount(X.indices, minlength=X.shape[1])


def same_matrix(answer: Answer, reference: Answer, data: dict[str, Any]) -> tuple[bool, str]:
    """Vocabulary equal (same terms, same columns), and every value within 2e-6 of the reference."""
    if list(answer["terms"]) != list(reference["terms"]):
        return False, f"{len(answer['terms'])} terms; the reference has {len(reference['terms'])} or others"
    difference = sp.csr_matrix(answer["X"] - reference["X"])
    worst = float(np.abs(difference.data).max(initial=0))
    return worst <= 2e-6, f"{len(answer['terms']):,} terms, values within {worst:.1e}"


def inertia(X: Any, labels: ndarray, centers: ndarray) -> float:
    """Sum of squared distances to the own centre, in float64."""
    if isinstance(X, ndarray):
        chunks = range(0, len(X), 10_000)
        return float(sum(((X[i : i + 10_000] - centers[labels[i : i + 10_000]]) ** 2).sum() for i in chunks))
    own = np.repeat(labels, np.diff(X.indptr))
    stored = X.data.astype(np.float64)
    products = float((stored * centers[own, X.indices]).sum())
    return float((stored**2).sum() - 2 * products + (centers**2).sum(axis=1)[labels].sum())


def same_optimum(answer: Answer, reference: Answer, data: dict[str, Any]) -> tuple[bool, str]:
    """Inertia, computed here in float64, at most 0.1 % above the reference's; label agreement is reported."""
    mine = inertia(data["X"], answer["labels"], answer["centers"])
    theirs = inertia(data["X"], reference["labels"], reference["centers"])
    excess = mine / theirs - 1
    agree = float((answer["labels"] == reference["labels"]).mean())
    finding = f"inertia {excess:+.1e}, labels {agree:.2%} equal, {answer['n_iter']} iterations"
    return excess <= 1e-3, finding


def same_neighbours(answer: Answer, reference: Answer, data: dict[str, Any]) -> tuple[bool, str]:
    """Recall: of the reference's neighbours, those whose score the answer reaches (ties count); at least 0.999."""
    k = reference["scores"].shape[1]
    kth = reference["scores"][:, k - 1 : k] - 2e-6
    wanted = (reference["scores"] > 0) & (reference["indices"] >= 0)
    got = (answer["scores"] >= kth) & (answer["scores"] > 0) & (answer["indices"] >= 0)
    recall = float(np.minimum(got.sum(axis=1), wanted.sum(axis=1)).sum() / max(wanted.sum(), 1))
    return recall >= 0.999, f"recall {recall:.4f}"
