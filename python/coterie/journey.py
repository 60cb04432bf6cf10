"""From texts to explained clusters in one call: the journey of the library, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import check_integer, check_option
from coterie.cluster import KMeans
from coterie.cluster.auto_k import KSearch, KTrial, choose_n_clusters
from coterie.evaluate import evaluate, evaluate_internal
from coterie.evaluate.external import encode_labels
from coterie.text import TfidfVectorizer
from coterie.topics import class_tfidf, representatives, top_terms

__all__ = [
    "Assignment",
    "ClusterModel",
    "ClusterResult",
    "ClusterSummary",
    "KSearch",
    "KTrial",
    "cluster_texts",
]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ClusterSummary:
    """What one cluster is about.

    Attributes
    ----------
    cluster : int
        The cluster's number, in [0, n_clusters).
    size : int
        How many documents it holds.
    terms : list of (str, float)
        The terms that set it apart with their class TF-IDF weights (> 0), by falling weight; empty for a
        cluster without documents or without known terms.
    representatives : list of int
        Row numbers of the documents nearest to the centre, nearest first, exact repeats left out.
    """

    cluster: int
    size: int
    terms: list[tuple[str, float]]
    representatives: list[int]


@dataclass(frozen=True)
class Assignment:
    """Which cluster each document belongs to, and how clearly.

    Attributes
    ----------
    labels : ndarray of shape (n_documents,), int32
        The nearest centre of each document, in [0, n_clusters); ties go to the lowest number.
    distances : ndarray of shape (n_documents,), float32
        Distance to that centre: 1 - cosine in [0, 2], or the Euclidean distance, by the model's metric.
    runner_up : ndarray of shape (n_documents,), int32
        The second nearest centre; -1 where there is one cluster only.
    margins : ndarray of shape (n_documents,), float32
        Distance to the runner-up minus the distance to the own centre, >= 0; inf where there is no runner-up.
        A document without any known term is equally far (cosine distance 1) from every centre: margin 0.
    """

    labels: NDArray[np.int32]
    distances: NDArray[np.float32]
    runner_up: NDArray[np.int32]
    margins: NDArray[np.float32]


@dataclass(frozen=True)
class ClusterModel:
    """A fitted vectorizer and fitted centres: labels new texts without the texts it was fitted on.

    Attributes
    ----------
    vectorizer : TfidfVectorizer
        The fitted vectorizer.
    kmeans : KMeans
        The fitted centres.
    summaries : list of ClusterSummary
        What each cluster is about, by cluster number.
    """

    vectorizer: TfidfVectorizer
    kmeans: KMeans
    summaries: list[ClusterSummary]

    def predict(self, texts: Iterable[str]) -> Assignment:
        """Assign texts to the clusters.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        Assignment
            In the order of ``texts``.
        """
        return _assign(self.kmeans, self.vectorizer.transform(texts))


@dataclass(frozen=True)
class ClusterResult:
    """Everything :func:`cluster_texts` found out.

    Attributes
    ----------
    labels, distances, runner_up, margins : ndarray of shape (n_documents,)
        As in :class:`Assignment`.
    clusters : list of ClusterSummary
        By cluster number, 0 to n_clusters - 1.
    metrics : dict of str to float
        Internal scores always, external scores when true labels were given; a score that is not defined for
        this result (for example with one cluster only) is absent. ``"n_empty"`` counts the documents without
        any known term.
    k_search : KSearch or None
        How the number of clusters was chosen, when it was.
    model : ClusterModel
        Labels new texts.
    matrix : csr_array of shape (n_documents, n_features), float32
        The TF-IDF rows that were clustered.
    timings : dict of str to float
        Seconds per stage, in order: ``"vectorize"``, ``"cluster"``, ``"explain"``, ``"evaluate"``.
    parameters : dict of str to object
        The arguments of the call, with what was decided from the data (``n_clusters``, ``min_df``).
    """

    labels: NDArray[np.int32]
    distances: NDArray[np.float32]
    runner_up: NDArray[np.int32]
    margins: NDArray[np.float32]
    clusters: list[ClusterSummary]
    metrics: dict[str, float]
    k_search: KSearch | None
    model: ClusterModel
    matrix: sp.csr_array
    timings: dict[str, float]
    parameters: dict[str, object]


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
    documents = _check_texts(texts)
    classes = None if labels is None else _check_labels(labels, len(documents))
    how_to_read = {
        "language": language,
        "ngram_range": ngram_range,
        "max_features": max_features,
        "stop_words": stop_words,
        "n_threads": n_threads,
    }
    how_to_search = {"metric": metric, "random_state": random_state, "n_threads": n_threads}
    clock = _Clock(progress)
    with clock.stage("vectorize"):
        vectorizer, X = _vectorize(documents, min_df, max_df, how_to_read)
    with clock.stage("cluster"):
        filled = np.flatnonzero(np.diff(X.indptr))
        with_terms = X if len(filled) == X.shape[0] else X[filled]
        k, search = _n_clusters(n_clusters, with_terms, len(documents), how_to_search, clock)
        kmeans = KMeans(k, n_init=n_init, max_iter=max_iter, **how_to_search).fit(with_terms)
        found = _assign(kmeans, X)
    with clock.stage("explain"):
        summaries = _summarise(X, found, k, vectorizer, n_terms, n_representatives)
    with clock.stage("evaluate"):
        metrics = _score(X, found, metric, classes, n_threads)
        metrics["n_empty"] = float(X.shape[0] - len(filled))
    return ClusterResult(
        **vars(found),
        clusters=summaries,
        metrics=metrics,
        k_search=search,
        model=ClusterModel(vectorizer, kmeans, summaries),
        matrix=X,
        timings=clock.seconds,
        parameters=_parameters(vectorizer, kmeans),
    )


class _Clock:
    """Times the stages and tells the caller's progress function about them."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.report(name, 0.0)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.report(name, 1.0)

    def report(self, name: str, share: float) -> None:
        if self._progress is not None:
            self._progress(name, share)


def _check_texts(texts: Iterable[str]) -> Any:
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts must be an iterable of str, not one {type(texts).__name__}")
    documents: Any = texts if hasattr(texts, "__len__") else list(texts)
    if len(documents) == 0:
        raise ValueError("texts must have at least one document; got 0")
    return documents


def _check_labels(labels: Any, n_documents: int) -> NDArray[np.int64]:
    classes = encode_labels("labels", labels)
    if len(classes) != n_documents:
        raise ValueError(f"labels must have one element per text; got {len(classes)} for {n_documents} texts")
    return classes


def _vectorize(
    documents: Any, min_df: int | float, max_df: int | float, options: dict[str, Any]
) -> tuple[TfidfVectorizer, sp.csr_array]:
    """Fit with these limits, or with the first wider ones that leave half of the documents with terms."""
    wider = [(min_df, max_df), (1, max_df), (1, 1.0)]
    for low, high in wider:
        vectorizer = TfidfVectorizer(min_df=low, max_df=high, **options)
        last = (low, high) == (1, 1.0)
        try:
            X = sp.csr_array(vectorizer.fit_transform(documents))
        except ValueError:  # no term is left, or none was there
            if last:
                raise
            continue
        if last or np.count_nonzero(np.diff(X.indptr)) * 2 >= X.shape[0]:
            break
    return vectorizer, X


def _n_clusters(
    wanted: int | str,
    X: sp.csr_array,
    n_documents: int,
    how_to_search: dict[str, Any],
    clock: _Clock,
) -> tuple[int, KSearch | None]:
    if isinstance(wanted, str):
        check_option("n_clusters", wanted, ("auto",))
        search = choose_n_clusters(
            X, progress=lambda share: clock.report("cluster", 0.9 * share), **how_to_search
        )
        return search.n_clusters, search
    k = check_integer("n_clusters", wanted, minimum=1)
    if k > X.shape[0]:
        raise ValueError(
            f"n_clusters must be at most the number of documents with terms, {X.shape[0]} of {n_documents}; got {k}"
        )
    return k, None


def _assign(kmeans: KMeans, X: Any) -> Assignment:
    labels, distances = kmeans.predict_top_two(X)
    margins = np.maximum(distances[:, 1] - distances[:, 0], np.float32(0))
    return Assignment(labels[:, 0].copy(), distances[:, 0].copy(), labels[:, 1].copy(), margins)


def _summarise(
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


def _score(
    X: sp.csr_array, found: Assignment, metric: str, classes: Any, n_threads: int | None
) -> dict[str, float]:
    to_other = found.distances + found.margins
    pairs = np.column_stack([found.distances, to_other]) if np.isfinite(to_other).all() else None
    scores = dict(evaluate_internal(X, found.labels, metric=metric, distances=pairs, n_threads=n_threads))
    return scores if classes is None else scores | evaluate(classes, found.labels)


def _parameters(vectorizer: TfidfVectorizer, kmeans: KMeans) -> dict[str, object]:
    of_text = ("language", "min_df", "max_df", "ngram_range", "max_features", "stop_words")
    of_clusters = ("n_clusters", "metric", "n_init", "max_iter", "random_state")
    return {name: getattr(vectorizer, name) for name in of_text} | {
        name: getattr(kmeans, name) for name in of_clusters
    }
