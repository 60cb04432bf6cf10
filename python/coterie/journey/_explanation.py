"""What the clusters are about, how good they are, and what they were made with."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie.evaluate import evaluate, evaluate_internal
from coterie.journey._documents import Encoded
from coterie.journey._grouping import Grouping
from coterie.journey._results import Assignment, ClusterSummary
from coterie.text import TfidfVectorizer
from coterie.topics import class_tfidf, representatives, top_terms

_OF_TEXT = ("language", "min_df", "max_df", "ngram_range", "max_features", "stop_words")
_NOT_SHOWN = ("n_threads", "copy_x", "verbose", "checkpoint", "resume", "memory_limit", "algorithm")


def summarise(
    X: Any,
    found: Assignment,
    n_clusters: int,
    terms: tuple[TfidfVectorizer, sp.csr_array] | None,
    n_terms: int,
    n_representatives: int,
) -> list[ClusterSummary]:
    rows = representatives(
        X, found.labels, found.distances, n_clusters=n_clusters, n_representatives=n_representatives
    )
    top: list[list[tuple[str, float]]] = [[] for _ in range(n_clusters)]
    if terms is not None:
        vectorizer, weights = terms
        of_class = class_tfidf(weights, found.labels, n_clusters=n_clusters, n_threads=vectorizer.n_threads)
        top = top_terms(of_class, vectorizer.get_feature_names_out(), n_terms)
    sizes = np.bincount(found.labels[found.labels >= 0], minlength=n_clusters).tolist()
    return [ClusterSummary(c, sizes[c], top[c], rows[c]) for c in range(n_clusters)]


def score(encoded: Encoded, grouping: Grouping, classes: Any, n_threads: int | None) -> dict[str, float]:
    """Score the clusters: from the data without the noise, against the classes with noise as one more cluster."""
    found = grouping.found
    to_other = found.distances + found.margins
    kept = np.flatnonzero(found.labels >= 0)
    all_kept = len(kept) == len(found.labels)
    rows = encoded.rows if all_kept else encoded.rows[kept]
    pairs = np.maximum(np.column_stack([found.distances, to_other])[kept], 0)
    scores = dict(
        evaluate_internal(
            rows,
            found.labels[kept],
            metric=grouping.centers.metric,
            distances=pairs if np.isfinite(pairs).all() else None,
            n_threads=n_threads,
        )
    )
    if classes is not None:
        scores |= evaluate(classes, found.labels)
    scores["n_empty"] = float(encoded.rows.shape[0] - len(encoded.filled))
    if not all_kept:
        scores["n_noise"] = float(len(found.labels) - len(kept))
    if encoded.n_truncated:
        scores["n_truncated"] = float(encoded.n_truncated)
    return scores


def parameters(
    encoded: Encoded, grouping: Grouping, terms: tuple[TfidfVectorizer, sp.csr_array] | None
) -> dict[str, object]:
    """Return what was asked for, with what was decided from the data."""
    return {
        "encoder": encoded.name,
        **({} if terms is None else parameters_of_text(terms[0])),
        "clusterer": grouping.name,
        **parameters_of_clusterer(grouping.clusterer),
        "n_clusters": grouping.n_clusters,
        "metric": grouping.metric,
    }


def parameters_of_text(vectorizer: TfidfVectorizer) -> dict[str, object]:
    return {name: getattr(vectorizer, name) for name in _OF_TEXT}


def parameters_of_clusterer(clusterer: Any) -> dict[str, object]:
    """Return the parameters that are plain values and decide about the clusters."""
    return {
        name: value
        for name, value in clusterer.get_params(deep=False).items()
        if name not in _NOT_SHOWN and isinstance(value, str | int | float | bool | None)
    }
