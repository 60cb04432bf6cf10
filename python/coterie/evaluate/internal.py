"""Scores of a clustering from the data alone, without ever holding n x n or n x k numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score
from sklearn.utils import check_array

from coterie._validation import check_integer, check_option, check_seed, check_sparse_structure, refuse_masked
from coterie.evaluate._dispersion import calinski_harabasz, cluster_means, davies_bouldin, own_distances
from coterie.evaluate._rows import Rows
from coterie.evaluate._scores import Scores
from coterie.evaluate._silhouette import nearest_two, simplified_silhouette

_SCORES = ("silhouette_simplified", "silhouette_sampled", "davies_bouldin", "calinski_harabasz")


def evaluate_internal(
    X: Any,
    labels: Any,
    centers: Any = None,
    *,
    metric: str = "euclidean",
    distances: Any = None,
    sample_size: int = 2000,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Scores:
    """Score a clustering by how compact and how far apart the clusters are.

    =========================  ============================================================================
    ``silhouette_simplified``  mean of (b - a) / max(a, b), a the distance to the own centre and b to the
                               nearest other centre; in [-1, 1], higher is better. Exact over all rows.
    ``silhouette_sampled``     mean silhouette (a and b mean distances to documents, not to centres) of a
                               random sample of ``sample_size`` rows among themselves; in [-1, 1]. Exact
                               where the sample is everything.
    ``davies_bouldin``         mean over clusters of the worst (s_i + s_j) / d_ij, s the mean distance to the
                               cluster's mean and d between the means; >= 0, lower is better
    ``calinski_harabasz``      between-cluster over within-cluster dispersion, per degree of freedom; >= 0,
                               higher is better
    =========================  ============================================================================

    All follow scikit-learn's definitions; the simplified silhouette, which it lacks, is that of Hruschka,
    de Castro and Campello 2004. With ``metric="cosine"`` both silhouettes use the distance 1 - cos(x, y),
    and the other two the Euclidean definition on the rows scaled to unit length. A document alone in its
    cluster has silhouette 0.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_features)
        Dense rows are read in blocks; a sparse matrix is read as float32 CSR and never made dense.
    labels : array-like of shape (n_documents,), integer
        The cluster of each document, >= 0; with ``centers``, below their number.
    centers : array-like of shape (n_clusters, n_features), optional
        The centres that ``silhouette_simplified`` measures to; by default the cluster means.
    metric : {"euclidean", "cosine"}, default "euclidean"
    distances : array-like of shape (n_documents, 2), optional
        Distances to the own and to the nearest other centre where they are known, as from
        ``KMeans.predict_top_two``; then ``centers`` are not needed and cost O(n k) is saved.
    sample_size : int, default 2000
        Rows in the sample of ``silhouette_sampled``, >= 2.
    random_state : int, RandomState or None, default 0
        Draws the sample.
    n_threads : int, optional
        Threads for the cluster sums of sparse rows; the result has the same bits for any number.

    Returns
    -------
    Scores
        A dict of finite float. A score that is not defined is left out and ``.omitted`` says why: every
        one for a single cluster or when each document is its own cluster, ``silhouette_sampled`` when the
        sample is such.

    Raises
    ------
    ValueError
        If lengths or shapes do not fit together, a value is NaN or infinite, or a label is out of range.
    TypeError
        If ``labels`` are not integers.

    Notes
    -----
    Zero rows have cosine distance 1 to everything. Cost O(nnz k) for the simplified silhouette without
    ``distances``, O(sample_size^2) for the sampled one, O(nnz + k^2) for the others; working memory is about
    64 MB, plus k means and, for sparse rows, one copy of ``X``. Sources: Rousseeuw 1987; Davies and Bouldin
    1979; Calinski and Harabasz 1974.

    Examples
    --------
    >>> from coterie.evaluate import evaluate_internal
    >>> X = [[0.0, 0.0], [0.0, 2.0], [8.0, 0.0], [8.0, 2.0]]
    >>> scores = evaluate_internal(X, [0, 0, 1, 1])
    >>> [round(value, 3) for value in scores.values()]
    [0.876, 0.754, 0.25, 32.0]
    >>> evaluate_internal(X, [0, 0, 0, 0]).omitted["davies_bouldin"]
    'needs at least 2 clusters with documents; got 1'
    """
    check_option("metric", metric, ("euclidean", "cosine"))
    sample_size = check_integer("sample_size", sample_size, minimum=2)
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = check_array(X, accept_sparse="csr", dtype=(np.float64, np.float32), input_name="X")
    rows = Rows(checked, metric, n_threads)
    cluster_of = _check_labels(labels, rows.n_rows)
    present, inverse = np.unique(cluster_of, return_inverse=True)
    encoded = inverse.astype(np.int32)
    why = undefined(len(present), rows.n_rows)
    if why:
        return Scores(omitted=dict.fromkeys(_SCORES, why))

    means = cluster_means(rows, encoded, len(present))
    if distances is not None:
        pairs = _check_distances(distances, rows.n_rows)
    elif centers is not None:
        pairs = nearest_two(rows, _check_centers(centers, rows, cluster_of), cluster_of)
    else:
        pairs = nearest_two(rows, means, encoded)
    own = own_distances(rows, means, encoded)
    sampled = sampled_silhouette(rows, encoded, sample_size, random_state)
    scores = {
        "silhouette_simplified": simplified_silhouette(pairs, encoded),
        **({"silhouette_sampled": sampled} if isinstance(sampled, float) else {}),
        "davies_bouldin": davies_bouldin(means, own, encoded),
        "calinski_harabasz": calinski_harabasz(means, own, encoded),
    }
    return Scores(scores, {} if isinstance(sampled, float) else {"silhouette_sampled": sampled})


def undefined(n_clusters: int, n_rows: int) -> str:
    """Say why no score is defined, or return an empty string."""
    if n_clusters < 2:
        return f"needs at least 2 clusters with documents; got {n_clusters}"
    if n_clusters == n_rows:
        return f"each of the {n_rows} documents is its own cluster"
    return ""


def sampled_silhouette(
    rows: Any, labels: NDArray[np.int32], sample_size: int, random_state: Any
) -> float | str:
    """Return the score, or in words why there is none."""
    sample = np.arange(rows.n_rows)
    if sample_size < rows.n_rows:
        sample = np.sort(check_seed(random_state).choice(rows.n_rows, sample_size, replace=False))
    labels = labels[sample]
    why = undefined(len(np.unique(labels)), len(labels))
    if why:
        return f"in the sample: {why}"
    with sklearn.config_context(working_memory=64):
        return float(silhouette_score(rows.take(sample), labels, metric=rows.metric))


def _check_labels(labels: Any, n_rows: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be a one-dimensional array of integers; got {array.dtype}, shape {array.shape}"
        )
    if len(array) != n_rows:
        raise ValueError(f"labels must have one element per row of X; got {len(array)} labels, {n_rows} rows")
    if array.min() < 0:
        raise ValueError(f"labels must be >= 0; got {array.min()} (leave noise out)")
    return array.astype(np.int64, copy=False)


def _check_centers(centers: Any, rows: Rows, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    array = np.asarray(check_array(centers, dtype=np.float64, input_name="centers"))
    if array.shape[1] != rows.n_features:
        raise ValueError(f"centers must have {rows.n_features} features as X has; got {array.shape[1]}")
    if labels.max() >= len(array):
        raise ValueError(f"labels must be below the number of centers, {len(array)}; got {labels.max()}")
    return array


def _check_distances(distances: Any, n_rows: int) -> NDArray[np.float64]:
    array = np.asarray(check_array(distances, dtype=np.float64, input_name="distances"))
    if array.shape != (n_rows, 2):
        raise ValueError(f"distances must have shape ({n_rows}, 2); got {array.shape}")
    if array.min() < 0:
        raise ValueError(f"distances must be >= 0; got {array.min()}")
    return array
