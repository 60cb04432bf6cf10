"""Clusters that several clusterings of different kinds agree on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from coterie._reclassify import reclassified
from coterie._validation import check_seed
from coterie.auto._views import N_ITER
from coterie.cluster import KMeans
from coterie.encode.lsa import LsaEncoder
from coterie.topics import DirichletMixture

if TYPE_CHECKING:
    from coterie.auto._corpus import Corpus

Labels = NDArray[np.int32]

# K-means on rows, as many votes for each number and as many again reclassified: that times the clusters wanted. Finer
# clusters are purer, and which of them belong together is what the votes agree on (Fred and Jain, "Combining multiple
# clusterings using evidence accumulation", PAMI 2005).
_FINER = (1.0, 4 / 3, 5 / 3, 2.0)
_N_OF_ROWS = len(_FINER)
_N_OF_MIXTURES = 4
# Where few clusters are wanted a clustering says little about a document, and costs little: then there are more rounds
# of all kinds of votes, until their clusters are so many in all.
_MOST_ROUNDS = 4
_CLUSTERS_IN_ALL = 1000
_ALPHA = 1.0  # any sizes of clusters are as likely as any others
_BETAS = (0.3, 0.1, 0.03, 0.01)
_ENOUGH = 0.9  # of the clusters that are wanted
_MOST_TRIED = 2000  # documents that decide beta, or two for each cluster
_N_RECLASSIFIED = 2  # rounds of reclassification
_N_INIT = 10
_MAX_ITER = 100
_MOST_COMPONENTS = 256


def n_rounds(n_clusters: int) -> int:
    """Return how often all kinds of votes are to be taken."""
    of_a_round = (2 * sum(_FINER) + _N_OF_MIXTURES) * n_clusters
    return min(max(round(_CLUSTERS_IN_ALL / of_a_round), 1), _MOST_ROUNDS)


def votes(corpus: Corpus, n_clusters: int, seed: int) -> list[Labels]:
    """Return clusterings by distance, by a classifier of each of these, and by mixtures of words.

    They err in different ways: distances follow whole documents, classifiers and mixtures single words.
    """
    size = (n_rounds(n_clusters), _N_OF_ROWS + _N_OF_MIXTURES)
    seeds = check_seed(seed).randint(2**31 - 1, size=size)
    return [labels for row in seeds.tolist() for labels in _round_of_votes(corpus, n_clusters, row)]


def _round_of_votes(corpus: Corpus, n_clusters: int, seeds: list[int]) -> list[Labels]:
    found: list[Labels] = []
    most = max(n_clusters, corpus.n_documents // 3)
    for i, finer in enumerate(_FINER):
        rows = corpus.views[i % len(corpus.views)]
        n_rows = min(round(finer * n_clusters), most)
        labels, margins = by_kmeans(rows, n_rows, seeds[i], 1, corpus.n_threads)
        found += [labels, reclassified(corpus.weights, labels, margins, _N_RECLASSIFIED, corpus.n_threads)]
    for i in range(_N_OF_MIXTURES):
        mixture = mixture_of(corpus.counts, n_clusters, corpus.beta, seeds[_N_OF_ROWS + i], corpus.n_threads)
        found.append(mixture.labels_)
    return found


def chosen_beta(counts: sp.csr_array, n_clusters: int, seed: int, n_threads: int | None) -> float:
    """Return how many terms documents of one cluster need not share: the likeliest that keeps the clusters wanted.

    Documents decide, as in empirical Bayes; but where terms are few the likeliest mixture has few clusters, which is
    no answer to a question for many.
    """
    n, n_tried = counts.shape[0], max(_MOST_TRIED, 2 * n_clusters)
    if n > n_tried:
        counts = counts[np.sort(np.random.RandomState(seed).permutation(n)[:n_tried])]
    best, choice = (-1.0, -np.inf), _BETAS[0]
    for beta in _BETAS:
        mixture = mixture_of(counts, n_clusters, beta, seed, n_threads)
        found = min(mixture.n_clusters_ / n_clusters, _ENOUGH), mixture.log_likelihood_
        if found > best:
            best, choice = found, beta
    return choice


def mixture_of(
    counts: sp.csr_array, n_clusters: int, beta: float, seed: int, n_threads: int | None
) -> DirichletMixture:
    mixture = DirichletMixture(n_clusters, alpha=_ALPHA, beta=beta, random_state=seed, n_threads=n_threads)
    return mixture.fit(counts)


def agreed(
    clusterings: list[Labels], n_clusters: int, seed: int, n_threads: int | None
) -> tuple[Labels, NDArray[np.float64]]:
    """Cluster documents by the clusters they are in (Strehl and Ghosh, JMLR 2002).

    Documents times clusters is a matrix like documents times terms, and is factorised like one; a small cluster tells
    more than a large one, as a rare term does.
    """
    members = sp.csr_array(sp.hstack([_one_hot(labels) for labels in clusterings], format="csr"))
    n_components = min(max(n_clusters, 2), _MOST_COMPONENTS)
    encoder = LsaEncoder(n_components, n_iter=N_ITER, random_state=seed, n_threads=n_threads)
    rows = encoder.fit_transform(members)
    return by_kmeans(rows, n_clusters, seed, _N_INIT, n_threads)


def by_kmeans(
    rows: Any, n_clusters: int, seed: int, n_init: int, n_threads: int | None
) -> tuple[Labels, NDArray[np.float64]]:
    """Return the clusters by K-means and how much nearer each row is to its own centre than to the next."""
    kmeans = KMeans(
        n_clusters,
        metric="cosine",
        n_init=n_init,
        max_iter=_MAX_ITER,
        random_state=seed,
        n_threads=n_threads,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said once, of the clusters that come out
        kmeans.fit(rows)
    _, distances = kmeans.predict_top_two(rows)
    return kmeans.labels_, (distances[:, 1] - distances[:, 0]).astype(np.float64)


def _one_hot(labels: Labels) -> sp.csr_array:
    _, columns = np.unique(labels, return_inverse=True)
    n = len(labels)
    ones = np.ones(n, np.float32)
    return sp.csr_array((ones, columns.astype(np.int32), np.arange(n + 1)), shape=(n, int(columns.max()) + 1))
