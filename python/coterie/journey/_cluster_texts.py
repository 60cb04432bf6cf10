"""The journey, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from coterie.journey._clock import Clock, Progress
from coterie.journey._documents import Encoded, check_labels, check_texts, encode, terms_of
from coterie.journey._explanation import parameters, score, summarise
from coterie.journey._grouping import group
from coterie.journey._refining import Refined, check_refining, group_automatically, refined
from coterie.journey._results import ClusterModel, ClusterResult

_OF_TEXT = ("language", "ngram_range", "max_features", "stop_words", "n_threads")


def cluster_texts(
    texts: Iterable[str],
    *,
    encoder: Any = "tfidf",
    clusterer: Any = "kmeans",
    n_clusters: int | Literal["auto"] | None = None,
    language: str = "en",
    metric: str = "cosine",
    min_df: int | float = 2,
    max_df: int | float = 0.5,
    ngram_range: tuple[int, int] = (1, 1),
    max_features: int | None = None,
    stop_words: Any = "auto",
    labels: Any = None,
    n_init: int | None = None,
    max_iter: int | None = None,
    clusterer_options: Mapping[str, Any] | None = None,
    refine: str | None = None,
    max_unassigned: float | None = None,
    random_state: Any = 0,
    n_threads: int | None = None,
    n_terms: int = 10,
    n_representatives: int = 5,
    progress: Progress | None = None,
) -> ClusterResult:
    """Cluster texts and say what the clusters are about: encode, cluster, terms, representatives, scores.

    Parameters
    ----------
    texts : iterable of str
        The documents. One whose row is zero (with TF-IDF: empty, or only stop words) takes no part in finding
        the clusters; it is assigned to the first of the equally near centres, or is noise where the clusterer
        has found noise, and is counted in ``n_empty``.
    encoder : str or estimator, default "tfidf"
        What turns texts into rows: a name that :func:`coterie.encode.make_encoder` knows, or a transformer of
        texts, of which a clone is fitted. "auto" chooses encoder, clusterer and refinement by evidence
        (:func:`coterie.auto.choose_method`), kept in ``method_search``. ``min_df`` and what follows it are for
        TF-IDF, which also gives the clusters their terms whatever the encoder.
    clusterer : str or estimator, default "kmeans"
        A name that :func:`coterie.cluster.make_clusterer` knows ("kmeans", "minibatch", "ward", "average",
        "complete", "single", "hdbscan", "dbscan", "spectral", "bisecting"), or a clusterer with ``labels_``,
        of which a clone is fitted with its own metric and number of clusters.
    n_clusters : int, "auto" or None, default None
        At most the number of documents with terms. ``"auto"`` asks
        :func:`coterie.cluster.choose_n_clusters`, whose evidence is kept in ``k_search``. None means 20, or
        as many as there are documents with terms, or what "hdbscan", "dbscan" and ``distance_threshold`` find.
    language : {"en", "zh"}, default "en"
        How texts are split into terms; "zh" needs the extra of that name.
    metric : {"cosine", "euclidean", "jaccard", "weighted_jaccard"}, default "cosine"
        The Jaccard distances need sparse rows and a clusterer that takes them; centres and scores are then
        those of the cosine.
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
    n_init : int, optional
        Starts of "kmeans", "minibatch" and "bisecting", by default 1; the best is kept.
    max_iter : int, optional
        Iterations of each start, by default 100.
    clusterer_options : mapping of str to object, optional
        Options of other clusterers by name, as :func:`coterie.cluster.make_clusterer` takes them.
    refine : "reclassify" or None, default None
        "reclassify" lets a classifier sharpen the clusters, where that makes them more predictable
        (:func:`coterie.refine.refine_labels`); ``refinement`` says what it did.
    max_unassigned : float, optional
        Leave the documents whose cluster is doubtful in none (-1), at most this share of all, in [0, 1].
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
        If there are no texts, nothing but stop words, more clusters than documents with terms, an option that
        the clusterer does not take, nothing but noise, or ``labels`` of another length.
    TypeError
        If ``texts`` is one string, or ``encoder`` or ``clusterer`` neither a name nor an estimator.

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
    asked = dict(locals())
    documents = check_texts(texts)
    classes = None if labels is None else check_labels(labels, len(documents))
    check_refining(refine, max_unassigned)
    clock = Clock(progress)
    how_to_read = {name: asked[name] for name in _OF_TEXT}
    encoded, done = _encode_and_group(documents, asked, how_to_read, clock)
    with clock.stage("explain"):
        terms = terms_of(documents, encoded, min_df, max_df, how_to_read)
        refine = None if encoded.name == "auto" else refine
        again = refined(documents, encoded, done.grouping, terms, refine, max_unassigned, random_state)
        grouping, found = again.grouping, again.grouping.found
        summaries = summarise(encoded.rows, found, grouping.n_clusters, terms, n_terms, n_representatives)
    with clock.stage("evaluate"):
        metrics = score(encoded, grouping, classes, n_threads)
    return ClusterResult(
        **vars(found),
        clusters=summaries,
        metrics=metrics,
        k_search=grouping.k_search,
        model=ClusterModel(encoded.encoder, grouping.centers, summaries),
        matrix=encoded.rows,
        timings=clock.seconds,
        parameters=parameters(encoded, grouping, terms),
        cluster_tree=grouping.tree,
        method_search=done.method_search,
        refinement=again.refinement or done.refinement,
    )


def _encode_and_group(
    documents: Any, asked: dict[str, Any], how_to_read: dict[str, Any], clock: Clock
) -> tuple[Encoded, Refined]:
    """Make rows of the documents and clusters of the rows, or leave both to the evidence."""
    encoder, clusterer, n_clusters = asked["encoder"], asked["clusterer"], asked["n_clusters"]
    random_state, n_threads = asked["random_state"], asked["n_threads"]
    by_name = isinstance(encoder, str)
    if by_name and encoder == "auto":
        with clock.stage("cluster"):
            return group_automatically(
                documents,
                clusterer,
                n_clusters,
                asked["refine"],
                asked["language"],
                random_state,
                n_threads,
                clock,
            )
    options = _options(clusterer, asked["n_init"], asked["max_iter"], asked["clusterer_options"])
    with clock.stage("vectorize" if by_name and encoder == "tfidf" else "encode"):
        limits = asked["min_df"], asked["max_df"]
        device = options.get("device", "cpu") if clusterer == "kmeans" else "cpu"
        encoded = encode(documents, encoder, *limits, how_to_read, random_state, device)
    with clock.stage("cluster"):
        grouping = group(
            encoded, clusterer, n_clusters, asked["metric"], random_state, n_threads, options, clock
        )
    return encoded, Refined(grouping, None, None)


def _options(
    clusterer: Any, n_init: int | None, max_iter: int | None, others: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the options of the clusterer, with the journey's own defaults for K-means and its kin."""
    options = dict(others or {})
    if isinstance(clusterer, str) and clusterer in ("kmeans", "minibatch", "bisecting"):
        options = {"n_init": 1, "max_iter": 100, **options}
    given = {"n_init": n_init, "max_iter": max_iter}
    return options | {name: value for name, value in given.items() if value is not None}
