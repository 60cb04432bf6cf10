"""Weighted micro-clusters: many rows condensed to a few thousand, for algorithms that need all pairs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from coterie.cluster._pairwise import condensed_distances
from coterie.cluster._tree import number_by_first
from coterie.cluster.kmeans import KMeans
from coterie.evaluate._dispersion import cluster_means
from coterie.evaluate._rows import Rows

_MAX_ITER = 5  # micro-clusters need not be at rest


@dataclass(frozen=True)
class MicroClusters:
    """Means of groups of rows; with "cosine" the means of the rows at unit length, which are shorter than 1."""

    labels: NDArray[np.int32]
    means: Any
    weights: NDArray[np.float64]


def micro_clusters(
    X: Any, metric: str, n_clusters: int, random_state: Any, n_threads: int | None
) -> MicroClusters:
    """Condense rows by a few iterations of K-means from random rows."""
    kmeans = KMeans(
        n_clusters,
        init="random",
        n_init=1,
        max_iter=_MAX_ITER,
        metric=metric,
        random_state=random_state,
        n_threads=n_threads,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # repeated rows leave some of them empty
        labels = number_by_first(kmeans.fit(X).labels_)
    weights = np.bincount(labels).astype(np.float64)
    means = cluster_means(Rows(X, metric, n_threads), labels, len(weights))
    means = sp.csr_array(means) if sp.issparse(means) else means
    return MicroClusters(labels, means.astype(np.float32), weights)


def distances_between(
    micro: MicroClusters, metric: str, linkage: str, n_threads: int | None
) -> NDArray[np.float64]:
    """Return the condensed distances of the means.

    Exact for the rows they stand for: Ward's, and the average cosine distance, since the mean of <x, y> over two
    groups is the product of their means. The others are distances between the means.
    """
    if metric == "euclidean" or linkage == "ward":
        return condensed_distances(micro.means, "euclidean", n_threads)
    if linkage != "average":
        return condensed_distances(micro.means, "cosine", n_threads)
    means = micro.means.astype(np.float64)
    squares = means.multiply(means) if sp.issparse(means) else means * means
    norms = np.asarray(squares.sum(axis=1)).ravel()
    squared = condensed_distances(micro.means, "euclidean", n_threads) ** 2
    first, second = np.triu_indices(len(norms), k=1)
    products = (norms[first] + norms[second] - squared) / 2.0
    return np.asarray(np.clip(1.0 - products, 0.0, 2.0))
