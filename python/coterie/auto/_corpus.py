"""The documents in the forms that the methods take, and the methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import check_integer, check_n_threads, check_option
from coterie.cluster import KMeans
from coterie.encode.lsa import LsaEncoder
from coterie.text import CountVectorizer
from coterie.topics import DirichletMixture

METHODS = ("lsa", "tfidf", "mixture")
_N_INIT = 10
_MAX_ITER = 100


@dataclass(frozen=True)
class Corpus:
    """Documents in the forms that the methods take: weights of terms, rows, words alone, counts of words."""

    encoder: LsaEncoder
    weights: sp.csr_array
    rows: NDArray[np.float32]
    counts: sp.csr_array
    n_threads: int | None

    @classmethod
    def of(cls, texts: list[str], language: str, seed: int, n_threads: int | None) -> Corpus:
        check_option("language", language, ("en", "zh"))
        check_n_threads(n_threads)
        encoder = LsaEncoder(language=language, random_state=seed, n_threads=n_threads)
        rows = encoder.fit_transform(texts)
        words = encoder.vectorizers_[0]
        counter = CountVectorizer(
            language=language, stop_words="auto", vocabulary=words.vocabulary_, n_threads=n_threads
        )
        counts = sp.csr_array(counter.transform(texts))
        return cls(encoder, encoder.term_weights(texts), rows, counts, n_threads)

    def part(self, chosen: NDArray[np.intp]) -> Corpus:
        return Corpus(
            self.encoder, self.weights[chosen], self.rows[chosen], self.counts[chosen], self.n_threads
        )

    @property
    def words(self) -> sp.csr_array:
        return self.weights[:, : self.counts.shape[1]]


def cluster(
    corpus: Corpus, method: str, n_clusters: int, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the clusters by one method and how clearly each document is in its own."""
    if method == "mixture":
        mixture = DirichletMixture(n_clusters, random_state=seed, n_threads=corpus.n_threads).fit(
            corpus.counts
        )
        top = np.sort(mixture.predict_proba(corpus.counts), axis=1)
        return mixture.labels_, top[:, -1] - (top[:, -2] if top.shape[1] > 1 else 0.0)
    rows = corpus.rows if method == "lsa" else corpus.words
    n_init = _N_INIT if method == "lsa" else 1  # dense rows are short, so that starts cost little
    kmeans = KMeans(
        n_clusters,
        metric="cosine",
        n_init=n_init,
        max_iter=_MAX_ITER,
        random_state=seed,
        n_threads=corpus.n_threads,
    ).fit(rows)
    _, distances = kmeans.predict_top_two(rows)
    return kmeans.labels_, (distances[:, 1] - distances[:, 0]).astype(np.float64)


def checked_texts(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts must be an iterable of str, not one {type(texts).__name__}")
    documents: list[str] = (
        texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
    )  # Arrow has its own str
    if not documents:
        raise ValueError("texts must have at least one document; got 0")
    return documents


def check_n_clusters(n_clusters: object, n_documents: int) -> None:
    check_integer("n_clusters", n_clusters, minimum=2)
    if int(n_clusters) > n_documents:  # type: ignore[call-overload]
        raise ValueError(
            f"n_clusters must be at most the number of documents, {n_documents}; got {n_clusters}"
        )
