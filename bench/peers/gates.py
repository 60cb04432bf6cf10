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
__all__ = [
    "Gate",
    "column_counts",
    "ndarray",
    "same_matrix",
    "same_neighbours",
    "same_optimum",
    "same_perplexity",
]


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


def perplexity(answer: Answer, held_out: sp.csr_matrix, n_iter: int = 50) -> float:
    """Of every second token of a document, in the order of the terms, given the others: folding in, float64."""
    topics, alpha = answer["topics"], answer["alpha"]
    log_likelihood, n_predicted = 0.0, 0
    for i in range(held_out.shape[0]):
        row = slice(held_out.indptr[i], held_out.indptr[i + 1])
        columns = np.repeat(held_out.indices[row], held_out.data[row].astype(int))
        seen, counts = np.unique(columns[::2], return_counts=True)
        mixture, of_seen = alpha.copy(), topics[:, seen]
        for _ in range(n_iter if len(seen) else 0):
            mixture = alpha + mixture * (of_seen @ (counts / (mixture @ of_seen)))
        mixture /= mixture.sum()
        log_likelihood += float(np.log(mixture @ topics[:, columns[1::2]]).sum())
        n_predicted += len(columns[1::2])
    return float(np.exp(-log_likelihood / n_predicted))


def same_perplexity(answer: Answer, reference: Answer, data: dict[str, Any]) -> tuple[bool, str]:
    """Held-out perplexity, computed here, at most 2 % above the reference's."""
    mine, theirs = perplexity(answer, data["held_out"]), perplexity(reference, data["held_out"])
    return mine <= 1.02 * theirs, f"held-out perplexity {mine:,.1f}"
