"""TextClusterer: texts in, clusters out, by the method that the texts speak for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from coterie._earlier_fit import keeps_earlier_fit
from coterie._tags import of_texts
from coterie._validation import check_integer, check_option, check_seed
from coterie.auto._corpus import CANDIDATES, METHODS, Corpus, check_n_clusters, checked_texts, cluster
from coterie.auto.evidence import refined, search
from coterie.cluster._base import warn_of_empty_clusters
from coterie.refine import Refinement


class TextClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Cluster texts without a model, by the method that the texts themselves speak for.

    Parameters
    ----------
    n_clusters : int or "auto", default=20
        Number of clusters, >= 2 and at most the number of documents; "mixture" may find fewer. "auto" asks
        :func:`coterie.cluster.choose_n_clusters` of the rows of latent semantic analysis; fewer than 10 documents are
        one cluster then.
    method : {"auto", "consensus", "lsa", "tfidf", "mixture"}, default="auto"
        "auto" asks :func:`choose_method`. "consensus" clusters the documents by how 12 to 48 clusterings of different
        kinds put them together (more where few clusters are wanted): K-means on rows of latent semantic analysis and
        of co-occurring words (of short documents: of pieces of words) with their neighbours, the same reclassified,
        and Dirichlet mixtures.
    refine : "auto" or bool, default="auto"
        Whether to reclassify (:func:`coterie.refine.refine_labels`), which keeps its result only where it helps.
        "auto" leaves that to ``method="auto"``, and is True for a method that was named.
    language : {"en", "zh"}, default="en"
        How texts are split into words; "zh" needs the extra of that name.
    sample_size : int, default=10_000
        How many documents ``method="auto"`` looks at, at most; >= 50. Where that is all of them, the clusters that the
        chosen method made of them in its trial are the result.
    random_state : int, RandomState or None, default=0
        The same seed gives the same clusters on any number of threads.
    n_threads : int or None, default=None
        Threads to use; None means all cores.

    Attributes
    ----------
    labels_ : ndarray of shape (n_documents,), int32
    margins_ : ndarray of shape (n_documents,), float64
        How clearly each document belongs to its cluster; comparable within one fit only.
    method_ : str
        The method used.
    encoder_ : LsaEncoder
        Fitted on the texts.
    k_search_ : KSearch or None
        How ``n_clusters="auto"`` was decided.
    search_ : MethodSearch or None
        Why it was used, where that was chosen.
    refinement_ : Refinement or None
        What reclassification did, where it was tried.

    Examples
    --------
    >>> from coterie.auto import TextClusterer
    >>> texts = ["red apple", "sweet apple", "red cherry", "slow train", "fast train", "late train"] * 4
    >>> labels = TextClusterer(2, method="lsa").fit_predict(texts)
    >>> bool(labels[0] == labels[2]), bool(labels[0] == labels[3])
    (True, False)
    """

    def __init__(
        self,
        n_clusters: int | str = 20,
        *,
        method: str = "auto",
        refine: Any = "auto",
        language: str = "en",
        sample_size: int = 10_000,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.refine = refine
        self.language = language
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Cluster the texts.

        Parameters
        ----------
        X : iterable of str
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are fewer texts than clusters, or no text has a word.
        TypeError
            If ``X`` is one string.

        Warns
        -----
        ConvergenceWarning
            If fewer clusters than wanted have documents, as where fewer documents are distinct.
        """
        check_option("method", self.method, ("auto", *METHODS))
        if not isinstance(self.refine, bool):
            check_option("refine", self.refine, ("auto",))
        check_integer("sample_size", self.sample_size, minimum=50)
        rng = check_seed(self.random_state)
        seeds = rng.randint(2**31 - 1, size=3).tolist()
        texts = checked_texts(X)
        check_n_clusters(self.n_clusters, len(texts))
        methods = CANDIDATES if self.method == "auto" else (self.method,)
        corpus = Corpus.of(texts, self.n_clusters, methods, self.language, seeds[0], self.n_threads)
        self.encoder_, self.k_search_, n_clusters = corpus.encoder, corpus.k_search, corpus.n_clusters
        self.search_, found = None, None
        self.method_, refine = self.method, self.refine is not False
        if n_clusters == 1:
            found = np.zeros(len(texts), np.int32), np.zeros(len(texts))
        elif self.method == "auto":
            self.search_, found = search(corpus, n_clusters, self.sample_size, seeds[1], CANDIDATES, None)
            self.method_ = self.search_.method
            refine = self.search_.refine if self.refine == "auto" else refine
        if found is None:
            found = cluster(corpus, self.method_, n_clusters, seeds[2])
        self.labels_, self.margins_ = found
        n_found = len(np.unique(self.labels_))
        if n_found < n_clusters and self.method_ != "mixture":
            warn_of_empty_clusters(n_found, n_clusters, stacklevel=4)
        self.refinement_: Refinement | None = None
        if refine:
            self.refinement_ = refined(corpus, self.labels_, self.margins_, seeds[2])
        if self.refinement_ is not None:
            self.labels_ = self.refinement_.labels
        return self

    def __sklearn_tags__(self) -> Any:
        return of_texts(super().__sklearn_tags__())
