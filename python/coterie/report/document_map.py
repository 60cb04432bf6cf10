"""Where each document stands on the two-dimensional map of the report."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.manifold import TSNE
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

_FEW_CLUSTERS = 10  # below this many centres, the similarities to them span too few directions for a picture
_N_COMPONENTS = 30
_COMPONENT_WEIGHT = 0.4
# Fewer iterations, with longer steps and coarser cells, keep the neighbourhoods of 500 with scikit-learn's own.
_N_ITERATIONS = 400
_DOCUMENTS_PER_STEP = 20  # the learning rate is the number of documents divided by this
_SHORTEST_STEP = 50.0
_CELL_ANGLE = 0.9
_PERPLEXITY = 30.0
_SMALLEST_NEIGHBOURHOOD = 8  # fewer documents are drawn on their two main axes


def sample_documents(
    labels: NDArray[np.int32], n_clusters: int, n_documents: int, random_state: int
) -> NDArray[np.int64]:
    """Draw a stratified sample of row numbers: clusters by their share, small ones never left out.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), int32
        Cluster of each row, in [0, n_clusters).
    n_clusters : int
    n_documents : int
        Upper bound of the sample's size; all rows are returned when there are no more.
    random_state : int
        Seed; the same arguments give the same sample.

    Returns
    -------
    ndarray of shape (min(n_rows, n_documents),), int64
        Increasing row numbers.
    """
    if labels.size <= n_documents:
        return np.arange(labels.size, dtype=np.int64)
    sizes = np.bincount(labels, minlength=n_clusters)
    quotas = np.minimum(sizes, n_documents // (2 * n_clusters))
    rest = sizes - quotas
    shares = (n_documents - quotas.sum()) * rest / rest.sum()
    quotas += np.floor(shares).astype(quotas.dtype)
    largest_remainders = np.argsort(np.floor(shares) - shares, kind="stable")
    quotas[largest_remainders[: n_documents - quotas.sum()]] += 1
    order = np.random.default_rng(random_state).permutation(labels.size)
    by_cluster = order[np.argsort(labels[order], kind="stable")]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    chosen = [by_cluster[start : start + quota] for start, quota in zip(starts, quotas, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def place_documents(
    X: sp.csr_array, cluster_centers: NDArray[np.float32], random_state: int
) -> NDArray[np.float32]:
    """Lay rows out on a plane so that rows alike in their similarities to all the centres stand together.

    The similarities to the centres (unit rows of ``X @ cluster_centers.T``), for few centres with the main components
    of the rows beside them, go through Barnes-Hut t-SNE started from their two main axes, on one thread: its sums
    then have one order, and a second run gives the same picture.

    Parameters
    ----------
    X : csr_array of shape (n_documents, n_features)
    cluster_centers : ndarray of shape (n_clusters, n_features)
    random_state : int

    Returns
    -------
    ndarray of shape (n_documents, 2), float32
        Coordinates in [-1, 1].

    References
    ----------
    L. van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 15, 2014.
    """
    with threadpool_limits(limits=1):
        return _place(_features(X, cluster_centers, random_state), random_state)


def _place(features: NDArray[np.float32], random_state: int) -> NDArray[np.float32]:
    axes = _main_axes(features)
    spread = float(axes[:, 0].std())
    n_documents = features.shape[0]
    if n_documents < _SMALLEST_NEIGHBOURHOOD or spread == 0:
        return _to_unit_square(axes)
    layout = TSNE(
        n_components=2,
        perplexity=min(_PERPLEXITY, (n_documents - 1) / 3),
        max_iter=_N_ITERATIONS,
        learning_rate=max(_SHORTEST_STEP, n_documents / _DOCUMENTS_PER_STEP),
        angle=_CELL_ANGLE,
        init=axes * np.float32(1e-4 / spread),
        random_state=random_state,
        n_jobs=1,
    )
    return _to_unit_square(layout.fit_transform(features))


def _features(
    X: sp.csr_array, cluster_centers: NDArray[np.float32], random_state: int
) -> NDArray[np.float32]:
    similarities: NDArray[np.float32] = normalize(np.asarray(X @ np.ascontiguousarray(cluster_centers.T)))
    if cluster_centers.shape[0] >= _FEW_CLUSTERS or min(X.shape) <= _N_COMPONENTS:
        return np.asarray(similarities, dtype=np.float32)
    svd = TruncatedSVD(_N_COMPONENTS, n_iter=2, random_state=random_state)
    components = normalize(svd.fit_transform(X)) * _COMPONENT_WEIGHT
    return np.hstack([similarities, components]).astype(np.float32)


def _main_axes(features: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = features - features.mean(axis=0)
    left, singular_values, right = np.linalg.svd(centred, full_matrices=False)
    # The sign of a singular vector is arbitrary; the largest loading is made positive.
    largest = np.abs(right).argmax(axis=1)
    signs = np.where(right[np.arange(right.shape[0]), largest] < 0, -1, 1)
    axes = np.zeros((features.shape[0], 2), dtype=np.float32)
    n_axes = min(2, singular_values.size)
    axes[:, :n_axes] = (left * singular_values * signs)[:, :n_axes]
    return axes


def _to_unit_square(points: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = points.min(axis=0), points.max(axis=0)
    half = np.maximum((high - low) / 2, np.finfo(np.float32).tiny)
    return np.asarray((points - (low + high) / 2) / half, dtype=np.float32)
