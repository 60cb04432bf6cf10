"""The documents in the forms that the methods take, and the methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import check_integer_or_auto, check_n_threads, check_one_column, check_option
from coterie.auto._consensus import agreed, by_kmeans, chosen_beta, mixture_of, votes
from coterie.auto._views import N_ITER, near_neighbours, views_of
from coterie.cluster.auto_k import KSearch, choose_n_clusters
from coterie.encode.lsa import LsaEncoder
from coterie.text import CountVectorizer

# The clusters, and how clearly each document is in its own.
Clusters = tuple[NDArray[np.int32], NDArray[np.float64]]

METHODS = ("consensus", "lsa", "tfidf", "mixture")
# Those that are tried unless others are named: TF-IDF rows without neighbours are what "lsa" starts from.
CANDIDATES = ("consensus", "lsa", "mixture")
_N_COMPONENTS = 256
_N_INIT = 10
_BETA = 0.1  # where no mixture is asked for


@dataclass(frozen=True)
class Corpus:
    """Documents in the forms that the methods take: weights of terms, counts of words, dense rows of some kinds."""

    encoder: LsaEncoder
    n_clusters: int  # that are wanted
    k_search: KSearch | None  # how that was decided, where nobody said
    weights: sp.csr_array
    counts: sp.csr_array
    views: tuple[NDArray[np.float32], ...]  # none where no method needs them
    beta: float  # of the mixtures
    n_threads: int | None

    @classmethod
    def of(
        cls,
        texts: list[str],
        n_clusters: int | str,
        methods: tuple[str, ...],
        language: str,
        seed: int,
        n_threads: int | None,
    ) -> Corpus:
        """Return what the methods need to find so many clusters, or "auto"; they need nothing to find one."""
        check_option("language", language, ("en", "zh"))
        check_n_threads(n_threads)
        encoder = LsaEncoder(
            _N_COMPONENTS, language=language, n_iter=N_ITER, random_state=seed, n_threads=n_threads
        )
        rows = encoder.fit_transform(texts)
        k_search = (
            choose_n_clusters(rows, random_state=seed, n_threads=n_threads) if n_clusters == "auto" else None
        )
        k = int(n_clusters) if k_search is None else k_search.n_clusters
        methods = methods if k > 1 else ()
        weights = encoder.term_weights(texts)
        words = encoder.vectorizers_[0]
        counter = CountVectorizer(
            language=language, stop_words="auto", vocabulary=words.vocabulary_, n_threads=n_threads
        )
        counts = sp.csr_array(counter.transform(texts))
        views: tuple[NDArray[np.float32], ...] = ()
        if "consensus" in methods:
            views = views_of(texts, encoder, rows, weights, seed, n_threads)
        elif "lsa" in methods:
            views = (near_neighbours(rows, seed, n_threads),)
        mixes = "consensus" in methods or "mixture" in methods
        beta = chosen_beta(counts, k, seed, n_threads) if mixes else _BETA
        return cls(encoder, k, k_search, weights, counts, views, beta, n_threads)

    def part(self, chosen: NDArray[np.intp]) -> Corpus:
        return replace(
            self,
            weights=self.weights[chosen],
            counts=self.counts[chosen],
            views=tuple(rows[chosen] for rows in self.views),
        )

    @property
    def n_documents(self) -> int:
        return int(self.weights.shape[0])

    @property
    def words(self) -> sp.csr_array:
        return self.weights[:, : self.counts.shape[1]]


def cluster(corpus: Corpus, method: str, n_clusters: int, seed: int) -> Clusters:
    """Cluster by one method."""
    if method == "consensus":
        return agreed(votes(corpus, n_clusters, seed), n_clusters, seed, corpus.n_threads)
    if method == "mixture":
        mixture = mixture_of(corpus.counts, n_clusters, corpus.beta, seed, corpus.n_threads)
        top = np.sort(mixture.predict_proba(corpus.counts), axis=1)
        return mixture.labels_, top[:, -1] - (top[:, -2] if top.shape[1] > 1 else 0.0)
    if method == "lsa":  # dense rows are short, so that starts cost little
        return by_kmeans(corpus.views[0], n_clusters, seed, _N_INIT, corpus.n_threads)
    return by_kmeans(corpus.words, n_clusters, seed, 1, corpus.n_threads)


def checked_texts(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts must be an iterable of str, not one {type(texts).__name__}")
    check_one_column("texts", texts)
    documents: list[str] = (
        texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
    )  # Arrow has its own str
    if not documents:
        raise ValueError("texts must have at least one document; got 0")
    return documents


def check_n_clusters(n_clusters: object, n_documents: int) -> None:
    check_integer_or_auto("n_clusters", n_clusters, minimum=2)
    if n_clusters != "auto" and int(n_clusters) > n_documents:  # type: ignore[call-overload]
        raise ValueError(
            f"n_clusters must be at most the number of documents, {n_documents}; got {n_clusters}"
        )
