"""The journey, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from coterie.cluster import KMeans
from coterie.journey._clock import Clock, Progress
from coterie.journey._documents import check_labels, check_texts, vectorize
from coterie.journey._explanation import parameters, score, summarise
from coterie.journey._grouping import decide_n_clusters
from coterie.journey._results import ClusterModel, ClusterResult, nearest_centers


def cluster_texts(
    texts: Iterable[str],
    *,
    n_clusters: int | Literal["auto"] = 20,
    language: str = "en",
    metric: str = "cosine",
    min_df: int | float = 2,
    max_df: int | float = 0.5,
    ngram_range: tuple[int, int] = (1, 1),
    max_features: int | None = None,
    stop_words: Any = "auto",
    labels: Any = None,
    n_init: int = 1,
    max_iter: int = 100,
    random_state: Any = 0,
    n_threads: int | None = None,
    n_terms: int = 10,
    n_representatives: int = 5,
    progress: Progress | None = None,
) -> ClusterResult:
    """Cluster texts and say what the clusters are about: TF-IDF, K-means, terms, representatives, scores.

    Parameters
    ----------
    texts : iterable of str
        The documents. One without any known term (empty, or only stop words) takes no part in finding the
        centres; it is assigned to the first of the equally near centres and counted in ``n_empty``.
    n_clusters : int or "auto", default 20
        At most the number of documents with terms. ``"auto"`` asks
        :func:`coterie.cluster.choose_n_clusters`, whose evidence is kept in ``k_search``.
    language : {"en", "zh"}, default "en"
        How texts are split into terms; "zh" needs the extra of that name.
    metric : {"cosine", "euclidean"}, default "cosine"
    min_df, max_df : int or float, default 2 and 0.5
        Terms in fewer than ``min_df`` or more than ``max_df`` documents (a share, if float) are ignored. Where
        that leaves more than half of the documents without any term, as in tiny corpora, ``min_df`` becomes 1,
        and if that is not enough ``max_df`` becomes 1.0; ``parameters`` has the values used.
    ngram_range : (int, int), default (1, 1)
        Shortest and longest word n-gram.
    max_features : int, optional
        Keep only so many terms, the most frequent.
    stop_words : "auto", list of str or None, default "auto"
        "auto" is the list of the language.
    labels : array-like of shape (n_documents,), optional
        True classes; then ``metrics`` has the scores of :func:`coterie.evaluate.evaluate`.
    n_init : int, default 1
        Starts of K-means; the best is kept.
    max_iter : int, default 100
        Iterations of each start.
    random_state : int, RandomState or None, default 0
        The same seed gives the same result on any number of threads.
    n_threads : int, optional
        None means all cores.
    n_terms, n_representatives : int, default 10 and 5
        How much each summary lists, at most.
    progress : callable, optional
        Called with a stage of ``timings`` and its finished share in [0, 1].

    Returns
    -------
    ClusterResult

    Raises
    ------
    ValueError
        If there are no texts, nothing but stop words, more clusters than documents with terms, or ``labels`` of
        another length.
    TypeError
        If ``texts`` is one string.

    Examples
    --------
    >>> from coterie import cluster_texts
    >>> texts = ["red apple", "red cherry", "sweet red apple", "slow train", "fast train", "late train"]
    >>> result = cluster_texts(texts, n_clusters=2)
    >>> bool(result.labels[0] == result.labels[2]), bool(result.labels[0] == result.labels[4])
    (True, False)
    >>> sorted(summary.terms[0][0] for summary in result.clusters)
    ['red', 'train']
    >>> int(result.model.predict(["a train ride"]).labels[0]) == int(result.labels[3])
    True
    """
    documents = check_texts(texts)
    classes = None if labels is None else check_labels(labels, len(documents))
    how_to_read = {
        "language": language,
        "ngram_range": ngram_range,
        "max_features": max_features,
        "stop_words": stop_words,
        "n_threads": n_threads,
    }
    how_to_search = {"metric": metric, "random_state": random_state, "n_threads": n_threads}
    clock = Clock(progress)
    with clock.stage("vectorize"):
        vectorizer, X = vectorize(documents, min_df, max_df, how_to_read)
    with clock.stage("cluster"):
        filled = np.flatnonzero(np.diff(X.indptr))
        with_terms = X if len(filled) == X.shape[0] else X[filled]
        k, search = decide_n_clusters(n_clusters, with_terms, len(documents), how_to_search, clock)
        kmeans = KMeans(k, n_init=n_init, max_iter=max_iter, **how_to_search).fit(with_terms)
        found = nearest_centers(kmeans, X)
    with clock.stage("explain"):
        summaries = summarise(X, found, k, vectorizer, n_terms, n_representatives)
    with clock.stage("evaluate"):
        metrics = score(X, found, metric, classes, n_threads)
        metrics["n_empty"] = float(X.shape[0] - len(filled))
    return ClusterResult(
        **vars(found),
        clusters=summaries,
        metrics=metrics,
        k_search=search,
        model=ClusterModel(vectorizer, kmeans, summaries),
        matrix=X,
        timings=clock.seconds,
        parameters=parameters(vectorizer, kmeans),
    )
