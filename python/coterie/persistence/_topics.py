"""When the state of a topic model from a folder is sound: nothing in it may lead compiled code astray."""

from __future__ import annotations

from typing import Any

import numpy as np

from coterie.topics._parameters import check_allocation


def problem_of_allocation(lda: Any) -> str | None:
    """Say what is wrong with a LatentDirichletAllocation, if anything is."""
    check_allocation(lda)
    alpha, n_topics = lda.doc_topic_prior_, lda.n_components
    if len(alpha) != n_topics or not (np.isfinite(alpha).all() and (alpha > 0).all()):
        return f"{len(alpha)} prior weights of topics, all above 0, for {n_topics} topics"
    if lda.topic_word_prior_ <= 0 or lda._n_samples < 1:
        return "a prior weight of terms and a number of samples above 0 are wanted"
    problem = _problem_of_csr(lda._term_topics, ("int64", "int32", "int32"), lda.n_features_in_, n_topics)
    return problem or _problem_of_names(lda)


def problem_of_mixture(mixture: Any) -> str | None:
    """Say what is wrong with a DirichletMixture, if anything is."""
    mixture._check_parameters()
    sizes = mixture.cluster_sizes_
    if len(sizes) != mixture.n_clusters_ or len(sizes) == 0 or sizes.min() < 1:
        return f"{len(sizes)} sizes above 0 for {mixture.n_clusters_} clusters"
    data, indices, indptr = _three(mixture._token_counts)
    kinds = ("int64", "int32", "float64")
    problem = _problem_of_csr((indptr, indices, data), kinds, mixture.n_clusters_, mixture.n_features_in_)
    return problem or _problem_of_names(mixture)


def _three(parts: Any) -> Any:
    return parts if len(parts) == 3 else (None, None, None)


def _problem_of_csr(parts: Any, kinds: tuple[str, ...], n_rows: int, n_columns: int) -> str | None:
    arrays = all(isinstance(a, np.ndarray) and a.ndim == 1 for a in parts)
    if len(parts) != 3 or not arrays or tuple(a.dtype.name for a in parts) != kinds:
        return "counts as three arrays are wanted"
    indptr, indices, counts = parts
    if (
        len(indptr) != n_rows + 1
        or indptr[0] != 0
        or (np.diff(indptr) < 0).any()
        or indptr[-1] != len(indices)
    ):
        return f"counts whose rows are not {n_rows}"
    if len(counts) != len(indices) or (len(indices) and not 0 <= indices.min() <= indices.max() < n_columns):
        return f"counts outside of {n_columns} columns"
    inside = np.ones(len(indices), dtype=bool)
    inside[indptr[:-1][indptr[:-1] < len(indices)]] = False
    if (np.diff(indices, prepend=-1)[inside] <= 0).any():
        return "columns that do not increase"
    if not np.isfinite(counts).all() or (
        len(counts) and (counts.min() < 1 or (counts != np.rint(counts)).any())
    ):
        return "counts that are not integers above 0"
    return None


def _problem_of_names(estimator: Any) -> str | None:
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and len(names) != estimator.n_features_in_:
        return f"{len(names)} feature names for {estimator.n_features_in_} features"
    return None
