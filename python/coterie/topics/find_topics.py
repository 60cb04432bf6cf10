"""From texts to topics in one call: counts, latent Dirichlet allocation, terms, documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from coterie._validation import check_integer, check_option
from coterie.text import CountVectorizer
from coterie.topics.choose_n_topics import TopicSearch, check_n_topics, choose_n_topics
from coterie.topics.coherence import topic_coherence, topic_diversity
from coterie.topics.latent_dirichlet_allocation import LatentDirichletAllocation

_N_TOPICS = 20
_COHERENCE_TERMS = 10


@dataclass(frozen=True)
class TopicSummary:
    """What one topic is about.

    Attributes
    ----------
    topic : int
        The topic's number, in [0, n_topics).
    share : float
        Its mean share of the documents with terms; the shares of all topics sum to 1.
    size : int
        Documents with terms of which it has the largest share.
    terms : list of (str, float)
        Its most probable terms with their probabilities, falling.
    documents : list of int
        Rows of the documents of which it has the largest share, falling; ties by row.
    coherence : float
        NPMI of its first ten terms over these documents, in [-1, 1].
    """

    topic: int
    share: float
    size: int
    terms: list[tuple[str, float]]
    documents: list[int]
    coherence: float


@dataclass(frozen=True)
class TopicResult:
    """Everything :func:`find_topics` found out.

    Attributes
    ----------
    topics : list of TopicSummary
        By topic number, 0 to n_topics - 1; topics are numbered by the sampler, not by size.
    mixtures : ndarray of shape (n_documents, n_topics), float32
        Share of each topic in each document; rows sum to 1. A document without terms has the prior.
    labels : ndarray of shape (n_documents,), int32
        The topic with the largest share; ties go to the lowest number.
    empty_documents : ndarray, int64
        Rows without any known term.
    metrics : dict of str to float
        ``"bound"`` (see :class:`LatentDirichletAllocation`), ``"npmi"`` and ``"umass"`` (means over the topics),
        ``"diversity"``, ``"n_empty"``.
    search : TopicSearch or None
        How the number of topics was chosen, when it was.
    model : Pipeline
        The steps ``"vectorizer"`` and ``"topics"``, fitted: ``model.transform(texts)`` gives mixtures.
    matrix : csr_array of shape (n_documents, n_features), float32
        The counts.
    timings : dict of str to float
        Seconds per stage, in order: ``"count"``, ``"search"`` if there was one, ``"topics"``, ``"explain"``.
    parameters : dict of str to object
        The arguments of the call, with what was decided from the data (``n_topics``, ``min_df``, ``max_df``).
    """

    topics: list[TopicSummary]
    mixtures: NDArray[np.float32]
    labels: NDArray[np.int32]
    empty_documents: NDArray[np.int64]
    metrics: dict[str, float]
    search: TopicSearch | None
    model: Pipeline
    matrix: sp.csr_array
    timings: dict[str, float]
    parameters: dict[str, object]


def find_topics(
    texts: Iterable[str],
    *,
    n_topics: int | Literal["auto"] | Iterable[int] | None = None,
    language: str = "en",
    min_df: int | float = 2,
    max_df: int | float = 0.5,
    ngram_range: tuple[int, int] = (1, 1),
    max_features: int | None = None,
    stop_words: Any = "auto",
    vocabulary: Iterable[str] | None = None,
    max_iter: int = 300,
    random_state: int = 0,
    n_threads: int | None = None,
    n_terms: int = 10,
    n_representatives: int = 5,
    progress: Callable[[str, float], None] | None = None,
) -> TopicResult:
    """Find the topics of texts and say what they are about.

    Parameters
    ----------
    texts : iterable of str
        The documents.
    n_topics : int, "auto", iterable of int or None, default=None
        How many topics; None is 20, or as many as there are texts. Several numbers are compared by
        :func:`choose_n_topics`, "auto" is its own range.
    language : {"en", "zh"}, default="en"
        How texts are split into terms; "zh" needs the extra of that name.
    min_df, max_df : int or float, default=2 and 0.5
        Terms in fewer or more documents (a share, if float) are ignored. Where that leaves more than half of the
        documents without any term, wider limits are tried, as in :func:`coterie.cluster_texts`.
    ngram_range : (int, int), default=(1, 1)
        Shortest and longest word n-gram.
    max_features : int, optional
        Keep only so many terms, the most frequent.
    stop_words : "auto", list of str or None, default="auto"
        "auto" is the list of the language.
    vocabulary : iterable of str, optional
        Count these terms and no others, see :func:`coterie.text.read_vocabulary`; then ``min_df``, ``max_df`` and
        ``max_features`` are not used.
    max_iter : int, default=300
        Iterations of the sampler.
    random_state : int, default=0
        The same seed gives the same result on any number of threads.
    n_threads : int, optional
        None means all cores.
    n_terms, n_representatives : int, default=10 and 5
        How much each summary lists, at most.
    progress : callable, optional
        Called with a stage of ``timings`` and its finished share in [0, 1].

    Returns
    -------
    TopicResult

    Raises
    ------
    ValueError
        If there are no texts, no terms in any of them, or more topics than texts are asked for.
    TypeError
        If ``texts`` is one string.

    Examples
    --------
    >>> texts = ["red apple red cherry", "sweet red apple pie", "slow train late train", "late bus slow train"] * 10
    >>> result = find_topics(texts, n_topics=2)
    >>> sorted(topic.terms[0][0] for topic in result.topics)
    ['red', 'train']
    >>> result.mixtures.shape
    (40, 2)
    """
    from coterie.journey._clock import Clock
    from coterie.journey._documents import check_texts

    documents = check_texts(texts)
    check_integer("n_terms", n_terms, minimum=1)
    check_integer("n_representatives", n_representatives, minimum=1)
    how_to_read = {
        "language": language,
        "ngram_range": ngram_range,
        "stop_words": stop_words,
        "n_threads": n_threads,
    }
    limits = {"min_df": min_df, "max_df": max_df, "max_features": max_features}
    clock = Clock(progress)
    with clock.stage("count"):
        vectorizer, X = _count(documents, limits, vocabulary, how_to_read)
    k, search = _n_topics(n_topics, X, random_state, n_threads, clock)
    with clock.stage("topics"):
        lda = LatentDirichletAllocation(
            k, max_iter=max_iter, random_state=random_state, n_threads=n_threads
        ).fit(X)
        mixtures = lda.transform(X)
    with clock.stage("explain"):
        topics, metrics = _summarise(X, lda, mixtures, vectorizer, n_terms, n_representatives)
    parameters = {name: getattr(vectorizer, name) for name in (*how_to_read, *limits) if name != "n_threads"}
    return TopicResult(
        topics,
        mixtures,
        mixtures.argmax(axis=1).astype(np.int32),
        lda.empty_documents_,
        metrics,
        search,
        Pipeline([("vectorizer", vectorizer), ("topics", lda)]),
        X,
        clock.seconds,
        {**parameters, "n_topics": k, "max_iter": max_iter, "random_state": random_state},
    )


def _count(
    documents: Any, limits: dict[str, Any], vocabulary: Iterable[str] | None, how_to_read: dict[str, Any]
) -> tuple[CountVectorizer, sp.csr_array]:
    if vocabulary is not None:
        vectorizer = CountVectorizer(vocabulary=list(vocabulary), **how_to_read)
        return vectorizer, sp.csr_array(vectorizer.fit_transform(documents))
    wider = [limits, {**limits, "min_df": 1}, {**limits, "min_df": 1, "max_df": 1.0}]
    for attempt in wider:
        vectorizer = CountVectorizer(**attempt, **how_to_read)
        try:
            X = sp.csr_array(vectorizer.fit_transform(documents))
        except ValueError:  # no term is left, or none was there
            if attempt is wider[-1]:
                raise
            continue
        if attempt is wider[-1] or np.count_nonzero(np.diff(X.indptr)) * 2 >= X.shape[0]:
            break
    return vectorizer, X


def _n_topics(
    wanted: Any, X: sp.csr_array, random_state: int, n_threads: int | None, clock: Any
) -> tuple[int, TopicSearch | None]:
    if wanted is None:
        return min(_N_TOPICS, X.shape[0]), None
    if isinstance(wanted, str):
        check_option("n_topics", wanted, ("auto",))
    elif not isinstance(wanted, Iterable):
        return check_n_topics(wanted, X.shape[0]), None
    with clock.stage("search"):
        search = choose_n_topics(
            X,
            None if isinstance(wanted, str) else wanted,
            random_state=random_state,
            n_threads=n_threads,
            progress=lambda share: clock.report("search", share),
        )
    return search.n_topics, search


def _summarise(
    X: sp.csr_array,
    lda: LatentDirichletAllocation,
    mixtures: NDArray[np.float32],
    vectorizer: CountVectorizer,
    n_terms: int,
    n_representatives: int,
) -> tuple[list[TopicSummary], dict[str, float]]:
    filled = np.flatnonzero(np.diff(X.indptr))
    of_filled = mixtures[filled]
    shares = of_filled.mean(axis=0, dtype=np.float64)
    sizes = np.bincount(of_filled.argmax(axis=1), minlength=len(shares))
    names = vectorizer.get_feature_names_out()
    terms = lda.top_terms(names, n_terms)
    columns = np.argsort(-lda.components_, axis=1, kind="stable")[:, :_COHERENCE_TERMS]
    npmi = topic_coherence(X, columns) if columns.shape[1] > 1 else np.zeros(len(shares))
    umass = topic_coherence(X, columns, measure="umass") if columns.shape[1] > 1 else np.zeros(len(shares))
    topics = []
    for k in range(len(shares)):
        order = np.argsort(-of_filled[:, k], kind="stable")[:n_representatives]
        rows = filled[order].tolist()
        topics.append(
            TopicSummary(k, float(shares[k]), int(sizes[k]), terms[k], rows, round(float(npmi[k]), 6))
        )
    metrics = {
        "bound": lda.bound_,
        "npmi": float(npmi.mean()),
        "umass": float(umass.mean()),
        "diversity": topic_diversity(columns),
        "n_empty": float(X.shape[0] - len(filled)),
    }
    return topics, metrics
