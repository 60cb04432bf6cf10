"""The terms that set each cluster apart: class-based TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie._validation import check_integer
from coterie.topics._cluster_sums import check_cluster_labels, check_csr_rows, cluster_sums


def class_tfidf(
    X: Any, labels: Any, *, n_clusters: int | None = None, n_threads: int | None = None
) -> sp.csr_array:
    """Weigh the terms of each cluster by class TF-IDF.

    All documents of a cluster are taken as one long document. The weight of term t in cluster c is

        W(t, c) = tf(t, c) * log(1 + A / f(t))

    where tf(t, c) is the share of t among all terms of c, f(t) the frequency of t over all clusters and A the
    average number of terms per cluster (clusters without any are not counted). A frequency is a sum of
    entries of ``X``: counts give the formula of the paper, and TF-IDF rows let each document weigh about the
    same, however long it is.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_features)
        Term counts or TF-IDF weights, >= 0; read as float32.
    labels : array-like of shape (n_documents,), integer
        The cluster of each document; -1 means none (noise), and such rows are left out of every sum.
    n_clusters : int, optional
        The number of rows of the result; by default the largest label + 1.
    n_threads : int, optional
        Threads to use; None means all cores. The result has the same bits for any number.

    Returns
    -------
    csr_array of shape (n_clusters, n_features), float64
        The weights, > 0 where stored. A cluster without documents or terms is an empty row.

    Raises
    ------
    ValueError
        If ``X`` has negative or non-finite entries, or ``labels`` another length or values out of range.
    TypeError
        If ``labels`` are not integers.

    Notes
    -----
    Cost O(nnz), plus 12 bytes per feature and thread. Source: M. Grootendorst, "BERTopic: Neural topic
    modeling with a class-based TF-IDF procedure", 2022, equation 2. tf is normalised per cluster as in
    BERTopic's own code, so that weights compare between clusters of different size; the order of the terms
    within a cluster is that of the paper.

    Examples
    --------
    >>> from coterie.topics import class_tfidf, top_terms
    >>> X = [[2, 1, 0], [1, 1, 0], [0, 1, 3]]  # counts of "cat", "the", "dog"
    >>> weights = class_tfidf(X, [0, 0, 1])
    >>> top_terms(weights, ["cat", "the", "dog"], n_terms=1)
    [[('cat', 0.549...)], [('dog', 0.687...)]]
    """
    rows = check_csr_rows(X)
    if rows.nnz and rows.data.min() < 0:
        raise ValueError(f"X must have no negative entries; got {rows.data.min()}")
    cluster_of, n_clusters = check_cluster_labels(labels, rows.shape[0], n_clusters)
    return weigh_terms(cluster_sums(rows, cluster_of, n_clusters, n_threads=n_threads))


def weigh_terms(sums: sp.csr_array) -> sp.csr_array:
    """Turn the sums of the rows of each cluster, float64 of shape (n_clusters, n_features), into weights in place."""
    sums.eliminate_zeros()
    frequency = np.bincount(sums.indices, weights=sums.data, minlength=sums.shape[1])
    terms_per_cluster = np.asarray(sums.sum(axis=1)).ravel()
    average = terms_per_cluster.sum() / max(np.count_nonzero(terms_per_cluster), 1)
    share = sums.data / np.repeat(terms_per_cluster, np.diff(sums.indptr))
    sums.data = share * np.log1p(average / frequency[sums.indices])
    return sums


def top_terms(
    weights: sp.csr_array, feature_names: Sequence[str] | np.ndarray[Any, Any], n_terms: int = 10
) -> list[list[tuple[str, float]]]:
    """List the heaviest terms of each cluster.

    Parameters
    ----------
    weights : csr_array of shape (n_clusters, n_features)
        For example from :func:`class_tfidf`.
    feature_names : sequence of str, length n_features
    n_terms : int, default 10
        At most so many terms per cluster, >= 1; fewer where a cluster has fewer.

    Returns
    -------
    list of n_clusters lists of (str, float)
        By falling weight, equal weights by feature index; only weights > 0.

    Raises
    ------
    ValueError
        If there are not as many names as columns, or ``n_terms`` < 1.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> weights = sp.csr_array(np.array([[0.0, 0.7, 0.2], [0.5, 0.0, 0.0]]))
    >>> top_terms(weights, ["blue", "fish", "red"], n_terms=2)
    [[('fish', 0.7), ('red', 0.2)], [('blue', 0.5)]]
    """
    n_terms = check_integer("n_terms", n_terms, minimum=1)
    if len(feature_names) != weights.shape[1]:
        raise ValueError(
            f"feature_names must have one name per column of weights; got {len(feature_names)} names, "
            f"{weights.shape[1]} columns"
        )
    return [_top_of_row(weights, c, feature_names, n_terms) for c in range(weights.shape[0])]


def _top_of_row(
    weights: sp.csr_array, c: int, feature_names: Sequence[str] | np.ndarray[Any, Any], n_terms: int
) -> list[tuple[str, float]]:
    stored = slice(weights.indptr[c], weights.indptr[c + 1])
    values, columns = weights.data[stored], weights.indices[stored]
    if len(values) > n_terms:
        # everything that can be among the first n_terms, ties at the edge included
        keep = values >= np.partition(values, len(values) - n_terms)[len(values) - n_terms]
        values, columns = values[keep], columns[keep]
    order = np.lexsort((columns, -values))[:n_terms]
    return [(str(feature_names[columns[i]]), float(values[i])) for i in order if values[i] > 0]
