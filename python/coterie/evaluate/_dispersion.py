"""Davies-Bouldin and Calinski-Harabasz from cluster means and each row's distance to its own mean."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from coterie.evaluate._rows import BLOCK, ROUNDING, Rows
from coterie.topics._cluster_sums import cluster_sums

# float64 of shape (n_clusters, n_features): an ndarray, or a csr_array where X is sparse
Means: TypeAlias = Any


def cluster_means(rows: Rows, labels: NDArray[np.int32], n_clusters: int) -> Means:
    """Return the mean of each cluster in the coordinates of X; sparse means of sparse rows."""
    sizes = np.bincount(labels, minlength=n_clusters)
    if rows.is_sparse:
        sums = cluster_sums(rows.X, labels, n_clusters, rows.scale, rows.n_threads)
        sums.data /= np.repeat(sizes, np.diff(sums.indptr))
        return sums
    total = np.zeros((n_clusters, rows.n_features))
    for part, x in rows.blocks(width=1):
        chosen = labels[part]
        membership = sp.csr_array(
            (np.ones(len(chosen)), (chosen, np.arange(len(chosen)))), shape=(n_clusters, len(chosen))
        )
        total += membership @ x
    return total / sizes[:, None] + rows.shift


def own_distances(rows: Rows, means: Means, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the Euclidean distance of each row to the mean of its cluster, 0 where it is rounding noise."""
    own = np.empty(rows.n_rows)
    if not rows.is_sparse:
        for part, x in rows.blocks(width=1):
            mean = means[labels[part]]
            distance = np.linalg.norm(x - (mean - rows.shift), axis=1)
            extent = np.linalg.norm(x, axis=1) + np.linalg.norm(mean, axis=1) + np.linalg.norm(rows.shift)
            own[part] = np.where(distance <= ROUNDING * extent, 0.0, distance)
        return own
    squared_norms = rows.squared_norms()
    mean_squares = np.asarray(means.multiply(means).sum(axis=1)).ravel()
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(means.shape[0] + 1))
    for c in range(means.shape[0]):
        members = order[bounds[c] : bounds[c + 1]]
        mean = means[[c]].toarray().ravel()
        total = squared_norms[members] + mean_squares[c]
        squared = total - 2.0 * (rows.take(members) @ mean)
        own[members] = np.where(squared <= ROUNDING * total, 0.0, squared)
    return np.sqrt(own)


def davies_bouldin(means: Means, own: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Mean over i of max over j != i of (s_i + s_j) / d_ij, in blocks of i; 0 where all s or all d vanish."""
    n_clusters = means.shape[0]
    scatter = np.bincount(labels, weights=own, minlength=n_clusters) / np.bincount(labels)
    extent = scatter if sp.issparse(means) else scatter + np.linalg.norm(means, axis=1)
    worst = np.empty(n_clusters)
    largest_distance = 0.0
    block = max(1, BLOCK // n_clusters)
    for first in range(0, n_clusters, block):
        part = slice(first, min(first + block, n_clusters))
        between = _distances_between(means[part], means)
        if not sp.issparse(means):
            # Means that are equal differ by the rounding of their sums.
            between[between <= ROUNDING * (extent[part, None] + extent)] = 0.0
        largest_distance = max(largest_distance, between.max())
        between[between == 0] = np.inf  # the cluster itself, and clusters that nothing separates
        worst[part] = ((scatter[part, None] + scatter) / between).max(axis=1)
    if np.allclose(scatter, 0) or np.isclose(largest_distance, 0):
        return 0.0
    return float(worst.mean())


def _distances_between(some: Means, means: Means) -> NDArray[np.float64]:
    if not sp.issparse(means):
        return np.asarray(cdist(some, means))
    squares = np.asarray(means.multiply(means).sum(axis=1)).ravel()
    some_squares = np.asarray(some.multiply(some).sum(axis=1)).ravel()
    total = some_squares[:, None] + squares
    squared = total - 2.0 * (some @ means.T).toarray()
    # |a|^2 + |b|^2 - 2 <a, b> of equal means is rounding noise, not a distance
    squared[squared <= ROUNDING * total] = 0.0
    return np.asarray(np.sqrt(squared))


def calinski_harabasz(means: Means, own: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
    """(sum_c n_c |m_c - m|^2 / (k - 1)) / (sum_i |x_i - m_c(i)|^2 / (n - k)); 1 where nothing is within."""
    n, n_clusters = len(labels), means.shape[0]
    sizes = np.bincount(labels).astype(np.float64)
    within = float(own @ own)
    if within == 0.0:
        return 1.0
    center = (sizes @ means) / n
    if sp.issparse(means):
        squares = np.asarray(means.multiply(means).sum(axis=1)).ravel()
        between = float(sizes @ squares - n * (center @ center))
    else:
        between = float(sizes @ ((means - center) ** 2).sum(axis=1))
    return float((between / (n_clusters - 1)) / (within / (n - n_clusters)))
