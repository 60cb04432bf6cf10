"""Spectral clustering of the graph of nearest neighbours."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.base import BaseEstimator, ClusterMixin
from threadpoolctl import threadpool_limits

from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import check_integer, check_integer_or_auto, check_n_threads
from coterie.cluster._base import random_state_of, validate_rows
from coterie.cluster._neighbour_graph import check_metric, nearest_neighbour_graph
from coterie.cluster.kmeans import KMeans

_MOST_AUTO = 50  # clusters that "auto" can choose
_TOLERANCE = 1e-6
_FEW_ROWS = 512  # with fewer, or that many clusters for the rows, all eigenvectors are computed


class SpectralClustering(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """K-means on the leading eigenvectors of the graph of nearest neighbours.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters, between 1 and n_samples. "auto" takes the widest gap among the 2nd to 51st eigenvalues:
        into so many parts, two at least, the graph falls apart most clearly.
    n_neighbors : int, default=10
        Neighbours of each row in the graph, >= 1; an edge counts half if only one of its ends has it among them.
    metric : {"euclidean", "cosine", "jaccard", "weighted_jaccard"}, default="euclidean"
        How the neighbours are found. An edge has weight 1 for "euclidean", else the similarity (negative ones as 0).
    n_init : int, default=10
        Starts of K-means; the best is kept.
    random_state : int, RandomState instance or None, default=None
        Starts the eigensolver and K-means.
    n_threads : int or None, default=None
        None means all cores.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each row.
    n_clusters_ : int
        How many were asked for, or chosen.
    eigenvalues_ : ndarray of shape (n_eigenvalues,), float64
        Of the normalised adjacency, largest first: 1 for each connected part of the graph, and at least -1.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.SpectralClustering

    Notes
    -----
    With the adjacency A and its row sums D, the eigenvectors are those of D^-1/2 A D^-1/2; each row of the first
    n_clusters is scaled to unit length. A row without edges is a part of its own; of more
    parts than clusters the largest count. Cost: the neighbour search, and
    n_samples * n_neighbors per step of the Lanczos iteration.

    References
    ----------
    Ng, Jordan and Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001. von Luxburg, "A tutorial on
    spectral clustering", 2007 (the gap).

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.cluster import SpectralClustering
    >>> angle = np.arange(60) * (2 * np.pi / 60)
    >>> ring = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> labels = SpectralClustering(2, n_neighbors=4, random_state=0).fit_predict(np.concatenate([ring, 3 * ring]))
    >>> len(set(labels[:60])), len(set(labels[60:])), bool(labels[0] == labels[60])
    (1, 1, False)
    """

    labels_: NDArray[np.int32]
    n_clusters_: int
    eigenvalues_: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: int | str = 8,
        *,
        n_neighbors: int = 10,
        metric: str = "euclidean",
        n_init: int = 10,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.n_init = n_init
        self.random_state = random_state
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None) -> Self:
        """Cluster the rows of ``X``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.
        y : None
            Ignored.

        Returns
        -------
        self : SpectralClustering

        Raises
        ------
        ValueError
            For a parameter out of range, fewer rows than clusters, NaN or infinity.
        TypeError
            For a parameter of the wrong kind.
        """
        check_integer_or_auto("n_clusters", self.n_clusters, minimum=1)
        check_integer("n_neighbors", self.n_neighbors, minimum=1)
        check_integer("n_init", self.n_init, minimum=1)
        check_metric(self.metric)
        check_n_threads(self.n_threads)
        X = validate_rows(self, X, reset=True)
        n_samples = X.shape[0]
        n_vectors = min(_MOST_AUTO + 1, n_samples) if isinstance(self.n_clusters, str) else self.n_clusters
        if n_samples < max(n_vectors, 2):
            raise ValueError(f"n_samples={n_samples} should be >= n_clusters={self.n_clusters} and >= 2.")
        random = random_state_of(self)
        adjacency, degree = _adjacency(
            nearest_neighbour_graph(X, self.metric, self.n_neighbors, self.n_threads)
        )
        start = random.uniform(-1, 1, n_samples)
        with threadpool_limits(limits=1):  # the sums of the solver then have one order
            self.eigenvalues_, vectors = _leading(adjacency, degree, int(n_vectors), start)
        k = _widest_gap(self.eigenvalues_) if isinstance(self.n_clusters, str) else int(self.n_clusters)
        embedding = vectors[:, :k]
        norms = np.linalg.norm(embedding, axis=1, keepdims=True)
        embedding = np.divide(embedding, norms, out=np.zeros_like(embedding), where=norms > 0)
        kmeans = KMeans(
            k, n_init=self.n_init, random_state=int(random.randint(2**31 - 1)), n_threads=self.n_threads
        )
        self.labels_ = kmeans.fit(embedding.astype(np.float32)).labels_
        self.n_clusters_ = k
        return self

    def fit_predict(self, X: Any, y: None = None) -> NDArray[np.int32]:
        """Fit and return ``labels_``."""
        return self.fit(X).labels_

    def __sklearn_tags__(self) -> Any:
        """Say that sparse rows are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _adjacency(graph: sp.csr_array) -> tuple[sp.csr_array, NDArray[np.float64]]:
    """Return D^-1/2 A D^-1/2 and D of the mean A of the graph and its transpose; D is 1 for a row without edges."""
    A = sp.csr_array((graph + graph.T) / 2).astype(np.float64)
    A.eliminate_zeros()
    degree = np.asarray(A.sum(axis=1)).ravel()
    A = A + sp.diags_array((degree == 0).astype(np.float64))
    degree[degree == 0] = 1.0
    scale = sp.diags_array(1.0 / np.sqrt(degree))
    return sp.csr_array(scale @ A @ scale), degree


def _leading(
    adjacency: sp.csr_array, degree: NDArray[np.float64], n_vectors: int, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest eigenvalues and their vectors, those after 1 with their largest entry made positive.

    The eigenvectors of 1 are known: sqrt(D) on one connected part each, the largest part first. A Lanczos iteration,
    which finds few of several equal eigenvalues, is left with the others.
    """
    n = adjacency.shape[0]
    n_parts, part = sp.csgraph.connected_components(adjacency, directed=False)
    rank = np.empty(n_parts, dtype=np.int64)
    rank[np.argsort(-np.bincount(part), kind="stable")] = np.arange(n_parts)
    of_parts = sp.csr_array((np.sqrt(degree), (np.arange(n), rank[part])), shape=(n, n_parts))
    lengths = np.sqrt(np.bincount(rank[part], weights=degree))
    known = (of_parts @ sp.diags_array(1.0 / lengths))[:, : min(n_parts, n_vectors)].toarray()
    n_more = n_vectors - known.shape[1]
    if n_more <= 0:
        return np.ones(n_vectors), known
    if n <= max(_FEW_ROWS, 3 * n_vectors):
        values, vectors = np.linalg.eigh(adjacency.toarray() - 2 * known @ known.T)
    else:
        others = LinearOperator(
            (n, n), lambda x: adjacency @ x - 2 * (known @ (known.T @ x)), dtype=np.float64
        )
        values, vectors = eigsh(others, n_more, which="LA", v0=start, tol=_TOLERANCE, maxiter=20 * n)
    order = np.argsort(-values, kind="stable")[:n_more]
    vectors = vectors[:, order]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(n_more)] < 0, -1.0, 1.0)
    return np.concatenate([np.ones(known.shape[1]), values[order]]), np.hstack([known, vectors])


def _widest_gap(values: NDArray[np.float64]) -> int:
    return int(np.argmax(values[1:-1] - values[2:])) + 2 if len(values) > 2 else 1
