"""Density-based clustering, on exact neighbour graphs for cosine and Jaccard distances."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn import cluster as sklearn_cluster
from sklearn.base import BaseEstimator, ClusterMixin

from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import check_boolean, check_integer, check_n_threads, check_option, check_real
from coterie.cluster._base import check_sample_weight, validate_rows
from coterie.cluster._neighbour_graph import check_metric, similar_rows, symmetric
from coterie.cluster._pairwise import condensed_distances
from coterie.cluster._tree import number_by_first

_MAX_ALL_PAIRS = 4096  # rows of which HDBSCAN compares all pairs: 128 MiB of distances
_LEAST_NEIGHBOURS = 32
_LEAST_DISTANCE = 1e-12  # a graph's edge of length 0 would count as no edge


class _DensityClustering(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """What DBSCAN and HDBSCAN share."""

    labels_: NDArray[np.int32]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class DBSCAN(_DensityClustering):
    """Clusters are what core rows within ``eps`` of one another connect; the rest is noise.

    Parameters
    ----------
    eps : float, default=0.5
        Largest distance of two neighbours, > 0; at most 2 for "cosine" and 1 for the Jaccard distances.
    min_samples : int, default=5
        Least number (total weight) of neighbours, itself counted, of a core row.
    metric : {"euclidean", "cosine", "jaccard", "weighted_jaccard"}, default="euclidean"
        "euclidean" is done by :class:`sklearn.cluster.DBSCAN`, the others on the graph of all pairs within ``eps``
        that :func:`coterie.similarity.cosine_top_k` and ``jaccard_top_k`` find exactly.
    n_threads : int or None, default=None
        None means all cores. The result has the same bits for any number.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Clusters, numbered in the order of their first core rows; -1 is noise. A row that is near core rows of several
        clusters belongs to the first of them.
    core_sample_indices_ : ndarray of shape (n_core_samples,), int64
        The core rows.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.DBSCAN

    Notes
    -----
    Similarities are compared with 1 - eps as float32. Memory grows with the number of pairs within ``eps``.

    References
    ----------
    Ester, Kriegel, Sander and Xu, "A density-based algorithm for discovering clusters in large spatial databases with
    noise", KDD 1996.

    Examples
    --------
    >>> from coterie.cluster import DBSCAN
    >>> X = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0], [-1.0, -1.0]]
    >>> DBSCAN(eps=0.1, min_samples=2, metric="cosine").fit_predict(X)
    array([ 0,  0,  1,  1, -1], dtype=int32)
    """

    core_sample_indices_: NDArray[np.int64]

    def __init__(
        self,
        eps: float = 0.5,
        *,
        min_samples: int = 5,
        metric: str = "euclidean",
        n_threads: int | None = None,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.metric = metric
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster the rows of ``X``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, finite and >= 0, not all zero. None means 1.

        Returns
        -------
        self : DBSCAN

        Raises
        ------
        ValueError
            For a parameter out of range, NaN or infinity.
        TypeError
            For a parameter of the wrong kind.
        """
        metric = check_metric(self.metric)
        largest = {"euclidean": None, "cosine": 2.0}.get(metric, 1.0)
        eps = check_real("eps", self.eps, minimum=0, maximum=largest)
        if eps == 0:
            raise ValueError("eps must be > 0; got 0.0")
        min_samples = check_integer("min_samples", self.min_samples, minimum=1)
        check_n_threads(self.n_threads)
        X = validate_rows(self, X, reset=True)
        weight = check_sample_weight(sample_weight, X)
        if metric == "euclidean":
            found = sklearn_cluster.DBSCAN(eps=eps, min_samples=min_samples).fit(X, sample_weight=weight)
            self.labels_ = found.labels_.astype(np.int32)
            self.core_sample_indices_ = found.core_sample_indices_.astype(np.int64)
            return self
        graph = similar_rows(X, metric, self.n_threads, threshold=1.0 - eps).to_csr()
        graph.data = np.ones(graph.nnz, dtype=np.float32)  # a neighbour of similarity 0 is one
        own = np.ones(X.shape[0]) if weight is None else weight
        is_core = graph.astype(np.float64) @ own + own >= min_samples
        self.core_sample_indices_ = np.flatnonzero(is_core)
        self.labels_ = _connect(graph, is_core)
        return self

    def fit_predict(
        self, X: Any, y: None = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Fit and return ``labels_``."""
        return self.fit(X, sample_weight=sample_weight).labels_


def _connect(graph: sp.csr_array, is_core: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Label the components of the core rows, and each other row with the lowest label among its core neighbours."""
    core = np.flatnonzero(is_core)
    labels = np.full(graph.shape[0], -1, dtype=np.int32)
    if len(core) == 0:
        return labels
    _, component = sp.csgraph.connected_components(graph[core][:, core], directed=False)
    labels[core] = number_by_first(component)
    to_core = graph[:, core].tocoo()
    reached = np.full(graph.shape[0], np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(reached, to_core.row, labels[core][to_core.col])
    border = ~is_core & (reached < np.iinfo(np.int32).max)
    labels[border] = reached[border]
    return labels


class HDBSCAN(_DensityClustering):
    """Hierarchical density-based clustering: clusters of any density, and noise.

    The tree and the choice of clusters are those of :class:`sklearn.cluster.HDBSCAN`; for cosine and Jaccard distances
    it gets exact distances of all pairs, or beyond 4,096 rows the exact graph of nearest neighbours.

    Parameters
    ----------
    min_cluster_size : int, default=5
        Least rows of a cluster, >= 2.
    min_samples : int or None, default=None
        Neighbours, itself counted, that make a row dense; larger values give more noise. None means
        ``min_cluster_size``.
    metric : {"euclidean", "cosine", "jaccard", "weighted_jaccard"}, default="euclidean"
        Distance of two rows.
    cluster_selection_method : {"eom", "leaf"}, default="eom"
        Clusters with the largest excess of mass, or the leaves of the tree: more and smaller ones.
    cluster_selection_epsilon : float, default=0.0
        Clusters nearer to each other than this are not split.
    max_cluster_size : int or None, default=None
        Larger clusters are split where "eom" can.
    allow_single_cluster : bool, default=False
        Whether all rows may be one cluster.
    n_neighbors : int or None, default=None
        Neighbours of each row in the graph, >= min_samples, for metrics other than "euclidean". None means all pairs
        up to 4,096 rows, and max(32, 2 * min_samples) neighbours beyond.
    n_threads : int or None, default=None
        None means all cores. The result has the same bits for any number.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Clusters, numbered in the order of their first rows; -1 is noise.
    probabilities_ : ndarray of shape (n_samples,), float64
        How firmly each row belongs to its cluster, in [0, 1]; 0 for noise.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.HDBSCAN

    Notes
    -----
    On a graph of neighbours the tree is that of the graph: pairs that are not neighbours count only through chains of
    neighbours, and parts of it that are not connected are joined at the largest distance there is. Clusters
    smaller than the neighbourhoods come out as with all pairs.

    References
    ----------
    Campello, Moulavi and Sander, "Density-based clustering based on hierarchical density estimates", PAKDD 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.cluster import HDBSCAN
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(centre, 0.1, (20, 2)) for centre in (0, 3)] + [[[9.0, -9.0]]])
    >>> labels = HDBSCAN(min_cluster_size=5).fit_predict(X)
    >>> labels[0], labels[20], labels[40]
    (np.int32(0), np.int32(1), np.int32(-1))
    """

    probabilities_: NDArray[np.float64]

    def __init__(
        self,
        min_cluster_size: int = 5,
        *,
        min_samples: int | None = None,
        metric: str = "euclidean",
        cluster_selection_method: str = "eom",
        cluster_selection_epsilon: float = 0.0,
        max_cluster_size: int | None = None,
        allow_single_cluster: bool = False,
        n_neighbors: int | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.metric = metric
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.max_cluster_size = max_cluster_size
        self.allow_single_cluster = allow_single_cluster
        self.n_neighbors = n_neighbors
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
        self : HDBSCAN

        Raises
        ------
        ValueError
            For a parameter out of range, fewer rows than ``min_samples`` (or, without it, ``min_cluster_size``), NaN
            or infinity.
        TypeError
            For a parameter of the wrong kind.
        """
        min_samples = self._check_parameters()
        X = validate_rows(self, X, reset=True)
        if X.shape[0] < min_samples or X.shape[0] < 2:
            asked = "min_cluster_size" if self.min_samples is None else "min_samples"
            raise ValueError(f"n_samples={X.shape[0]} should be >= {asked}={min_samples} and >= 2.")
        is_precomputed = self.metric != "euclidean"
        rows = self._distances(X, min_samples) if is_precomputed else X
        tree = sklearn_cluster.HDBSCAN(
            min_cluster_size=int(self.min_cluster_size),
            min_samples=min_samples,
            metric="precomputed" if is_precomputed else "euclidean",
            cluster_selection_method=self.cluster_selection_method,
            cluster_selection_epsilon=float(self.cluster_selection_epsilon),
            max_cluster_size=self.max_cluster_size,
            allow_single_cluster=bool(self.allow_single_cluster),
            copy=False,
        ).fit(rows)
        self.labels_ = np.full(X.shape[0], -1, dtype=np.int32)
        kept = tree.labels_ >= 0
        self.labels_[kept] = number_by_first(tree.labels_[kept])
        self.probabilities_ = tree.probabilities_
        return self

    def _distances(self, X: Any, min_samples: int) -> Any:
        n = X.shape[0]
        if self.n_neighbors is None and n <= _MAX_ALL_PAIRS:
            full = np.zeros((n, n))
            full[np.triu_indices(n, k=1)] = condensed_distances(X, self.metric, self.n_threads)
            return full + full.T
        k = max(_LEAST_NEIGHBOURS, 2 * min_samples) if self.n_neighbors is None else int(self.n_neighbors)
        graph = similar_rows(X, self.metric, self.n_threads, k=min(k, n - 1)).to_csr().astype(np.float64)
        return _connected_distances(symmetric(graph), 2.0 if self.metric == "cosine" else 1.0)

    def _check_parameters(self) -> int:
        """Check all parameters and return min_samples."""
        size = check_integer("min_cluster_size", self.min_cluster_size, minimum=2)
        min_samples = (
            size if self.min_samples is None else check_integer("min_samples", self.min_samples, minimum=1)
        )
        check_metric(self.metric)
        check_boolean("allow_single_cluster", self.allow_single_cluster)
        check_option("cluster_selection_method", self.cluster_selection_method, ("eom", "leaf"))
        check_real("cluster_selection_epsilon", self.cluster_selection_epsilon, minimum=0)
        if self.max_cluster_size is not None:
            check_integer("max_cluster_size", self.max_cluster_size, minimum=1)
        if self.n_neighbors is not None:
            check_integer("n_neighbors", self.n_neighbors, minimum=min_samples)
        check_n_threads(self.n_threads)
        return min_samples

    def fit_predict(self, X: Any, y: None = None) -> NDArray[np.int32]:
        """Fit and return ``labels_``."""
        return self.fit(X).labels_


def _connected_distances(similarities: sp.csr_array, farthest: float) -> sp.csr_matrix:
    """Turn a graph of similarities into one of distances: connected, by edges of ``farthest``, and with a diagonal."""
    n = similarities.shape[0]
    graph = similarities.tocoo()
    n_parts, part = sp.csgraph.connected_components(similarities, directed=False)
    first = np.unique(part, return_index=True)[1]
    hub = first[np.argmax(np.bincount(part, minlength=n_parts))]
    spokes = first[first != hub]
    itself = np.arange(n)
    row = np.concatenate([graph.row, itself, spokes, np.full(len(spokes), hub)])
    column = np.concatenate([graph.col, itself, np.full(len(spokes), hub), spokes])
    near = np.maximum(1.0 - graph.data, _LEAST_DISTANCE)
    data = np.concatenate([near, np.full(n, _LEAST_DISTANCE), np.full(2 * len(spokes), farthest)])
    return sp.csr_matrix((data, (row, column)), shape=(n, n))
