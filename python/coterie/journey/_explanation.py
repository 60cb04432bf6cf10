"""What the clusters are about, how good they are, and what they were made with."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie.cluster import KMeans
from coterie.evaluate import evaluate, evaluate_internal
from coterie.journey._results import Assignment, ClusterSummary
from coterie.text import TfidfVectorizer
from coterie.topics import class_tfidf, representatives, top_terms


def summarise(
    X: sp.csr_array,
    found: Assignment,
    n_clusters: int,
    vectorizer: TfidfVectorizer,
    n_terms: int,
    n_representatives: int,
) -> list[ClusterSummary]:
    weights = class_tfidf(X, found.labels, n_clusters=n_clusters, n_threads=vectorizer.n_threads)
    terms = top_terms(weights, vectorizer.get_feature_names_out(), n_terms)
    rows = representatives(
        X, found.labels, found.distances, n_clusters=n_clusters, n_representatives=n_representatives
    )
    sizes = np.bincount(found.labels, minlength=n_clusters).tolist()
    return [ClusterSummary(c, sizes[c], terms[c], rows[c]) for c in range(n_clusters)]


def score(
    X: sp.csr_array, found: Assignment, metric: str, classes: Any, n_threads: int | None
) -> dict[str, float]:
    to_other = found.distances + found.margins
    pairs = np.column_stack([found.distances, to_other]) if np.isfinite(to_other).all() else None
    scores = dict(evaluate_internal(X, found.labels, metric=metric, distances=pairs, n_threads=n_threads))
    return scores if classes is None else scores | evaluate(classes, found.labels)


def parameters(vectorizer: TfidfVectorizer, kmeans: KMeans) -> dict[str, object]:
    of_text = ("language", "min_df", "max_df", "ngram_range", "max_features", "stop_words")
    of_clusters = ("n_clusters", "metric", "n_init", "max_iter", "random_state")
    return {name: getattr(vectorizer, name) for name in of_text} | {
        name: getattr(kmeans, name) for name in of_clusters
    }
