"""Hierarchical clustering of all rows, or of weighted micro-clusters where there are too many."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from coterie import _core
from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import (
    check_integer,
    check_integer_or_auto,
    check_n_threads,
    check_option,
    check_real,
)
from coterie.cluster._base import validate_rows
from coterie.cluster._micro_clusters import distances_between, micro_clusters
from coterie.cluster._pairwise import condensed_distances
from coterie.cluster._tree import number_by_first, roots_of_leaves, tree_of_clusters
from coterie.cluster.auto_k import KSearch, choose_n_clusters

LINKAGES = ("ward", "average", "complete", "single")
METRICS = ("euclidean", "cosine", "jaccard", "weighted_jaccard")


class HierarchicalClustering(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Agglomerative clustering: the two nearest clusters are merged until one is left, and the tree is cut.

    Up to ``max_exact`` rows the tree is that of all rows. More rows are first condensed to ``n_micro_clusters`` by
    K-means, and the tree is that of their means, each with the number of rows it stands for as its weight.

    Parameters
    ----------
    n_clusters : int, "auto" or None, default=2
        Clusters to cut the tree into; None where ``distance_threshold`` cuts it. "auto" asks
        :func:`coterie.cluster.choose_n_clusters`, whose evidence comes from K-means on a sample, by the
        cosine for the Jaccard distances.
    distance_threshold : float or None, default=None
        Clusters at this distance or farther apart are not merged; needs ``n_clusters=None``.
    linkage : {"ward", "average", "complete", "single"}, default="ward"
        The distance of two clusters: by the increase of the sum of squares (as in SciPy, the square root of twice the
        increase), or the mean, the largest or the smallest distance of their rows.
    metric : {"euclidean", "cosine", "jaccard", "weighted_jaccard"}, default="euclidean"
        Distance of two rows. With "ward" and "cosine" the rows are scaled to unit length and the distance is
        Euclidean. The Jaccard distances are 1 - J over nonzero columns (sum of minima over sum of maxima when
        weighted), not for "ward" and for ``max_exact`` rows at most.
    max_exact : int, default=8192
        Most rows of which all pairs are compared; their distances take 4 * max_exact**2 bytes.
    n_micro_clusters : int, default=2048
        To how many means more rows are condensed, at least ``n_clusters``.
    random_state : int, RandomState or None, default=0
        Draws where the micro-clusters start; not used for ``max_exact`` rows or fewer, unless by "auto".
    n_threads : int or None, default=None
        None means all cores. The result has the same bits for any number.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int32
        Clusters, numbered in the order of their first rows.
    n_clusters_ : int
        How many there are.
    children_ : ndarray of shape (n_leaves - 1, 2), int64
        What each merge joins: leaves below n_leaves, and n_leaves + m for what merge m made.
    distances_ : ndarray of shape (n_leaves - 1,), float64
        Distance of what is joined, not decreasing.
    linkage_matrix_ : ndarray of shape (n_leaves - 1, 4), float64
        The same for :func:`scipy.cluster.hierarchy.dendrogram`: children, distance, number of rows.
    cluster_tree_ : ndarray of shape (n_clusters_ - 1, 4), float64
        The merges above the cut as such a matrix, whose leaves are the clusters.
    n_leaves_ : int
        Rows, or micro-clusters.
    leaves_ : ndarray of shape (n_samples,), int32
        The leaf of each row.
    k_search_ : KSearch or None
        How ``n_clusters="auto"`` was decided.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.AgglomerativeClustering

    Notes
    -----
    There is no ``predict``: a tree says nothing about rows that are not in it. O(n_leaves^2) time and memory. From
    micro-clusters, Ward's distances and the mean cosine distances are those of all rows they stand for; mean Euclidean
    distances, complete and single linkage are between the means. Ties go to the lower number.

    References
    ----------
    Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011.

    Examples
    --------
    >>> from coterie.cluster import HierarchicalClustering
    >>> tree = HierarchicalClustering(n_clusters=2, linkage="average").fit([[0.0], [1.0], [5.0], [7.0]])
    >>> tree.labels_, tree.distances_
    (array([0, 0, 1, 1], dtype=int32), array([1. , 2. , 5.5]))
    >>> HierarchicalClustering(n_clusters=None, distance_threshold=1.5).fit_predict([[0.0], [1.0], [5.0], [7.0]])
    array([0, 0, 1, 2], dtype=int32)
    """

    labels_: NDArray[np.int32]
    n_clusters_: int
    children_: NDArray[np.int64]
    distances_: NDArray[np.float64]
    linkage_matrix_: NDArray[np.float64]
    cluster_tree_: NDArray[np.float64]
    n_leaves_: int
    leaves_: NDArray[np.int32]
    k_search_: KSearch | None

    def __init__(
        self,
        n_clusters: int | str | None = 2,
        *,
        distance_threshold: float | None = None,
        linkage: str = "ward",
        metric: str = "euclidean",
        max_exact: int = 8192,
        n_micro_clusters: int = 2048,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.distance_threshold = distance_threshold
        self.linkage = linkage
        self.metric = metric
        self.max_exact = max_exact
        self.n_micro_clusters = n_micro_clusters
        self.random_state = random_state
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None) -> Self:
        """Build the tree of the rows of ``X`` and cut it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32; sparse formats other than CSR to CSR.
        y : None
            Ignored.

        Returns
        -------
        self : HierarchicalClustering

        Raises
        ------
        ValueError
            For a parameter out of range, a combination that is not offered, fewer rows (or leaves) than clusters, more
            than ``max_exact`` rows with a Jaccard distance, NaN or infinity.
        TypeError
            For a parameter of the wrong kind.
        """
        self._check_parameters()
        X = validate_rows(self, X, reset=True)
        self.k_search_ = self._search(X)
        wanted = self.n_clusters if self.k_search_ is None else self.k_search_.n_clusters
        if wanted is not None and wanted > X.shape[0]:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={wanted}.")
        distances, weights = self._leaves(X, wanted)
        children, merged_at, merged_weights = _core.linkage(distances, weights, self.linkage)
        self.n_leaves_ = len(weights)
        self.children_, self.distances_ = children, merged_at
        self.linkage_matrix_ = np.column_stack([children.astype(np.float64), merged_at, merged_weights])
        self._cut(wanted)
        return self

    def _search(self, X: Any) -> KSearch | None:
        if self.n_clusters != "auto":
            return None
        metric = "euclidean" if self.metric == "euclidean" else "cosine"
        return choose_n_clusters(X, metric=metric, random_state=self.random_state, n_threads=self.n_threads)

    def _leaves(self, X: Any, wanted: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the condensed distances and the weights of the leaves."""
        n_samples = X.shape[0]
        if n_samples <= self.max_exact:
            self.leaves_ = np.arange(n_samples, dtype=np.int32)
            rows, metric = X, self.metric
            if self.linkage == "ward" and metric == "cosine":
                rows, metric = normalize(X), "euclidean"
            return condensed_distances(rows, metric, self.n_threads), np.ones(n_samples)
        if self.metric in ("jaccard", "weighted_jaccard"):
            raise ValueError(
                f"metric={self.metric!r} needs all pairs: n_samples must be <= max_exact={self.max_exact}; "
                f"got {n_samples}"
            )
        n_leaves = min(n_samples, max(self.n_micro_clusters, wanted or 1))
        micro = micro_clusters(X, self.metric, n_leaves, self.random_state, self.n_threads)
        self.leaves_ = micro.labels
        if wanted is not None and wanted > len(micro.weights):
            raise ValueError(
                f"n_clusters must be at most the number of micro-clusters with different rows, {len(micro.weights)}; "
                f"got {wanted}"
            )
        return distances_between(micro, self.metric, self.linkage, self.n_threads), micro.weights

    def _cut(self, wanted: Any) -> None:
        n_merges = (
            int(np.searchsorted(self.distances_, self.distance_threshold, side="left"))
            if self.distance_threshold is not None
            else self.n_leaves_ - int(wanted)
        )
        roots = roots_of_leaves(self.children_, self.n_leaves_, n_merges)
        self.labels_ = number_by_first(roots[self.leaves_])
        of_leaf = np.empty(self.n_leaves_, dtype=np.int32)
        of_leaf[self.leaves_] = self.labels_
        self.n_clusters_ = self.n_leaves_ - n_merges
        self.cluster_tree_ = tree_of_clusters(self.linkage_matrix_, roots, of_leaf, n_merges)

    def fit_predict(self, X: Any, y: None = None) -> NDArray[np.int32]:
        """Fit and return ``labels_``."""
        return self.fit(X).labels_

    def cut(self, n_clusters: int) -> NDArray[np.int32]:
        """Cut the fitted tree into another number of clusters.

        Parameters
        ----------
        n_clusters : int
            Between 1 and ``n_leaves_``.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            As ``labels_`` would be.
        """
        check_is_fitted(self)
        n_clusters = check_integer("n_clusters", n_clusters, minimum=1, maximum=self.n_leaves_)
        roots = roots_of_leaves(self.children_, self.n_leaves_, self.n_leaves_ - n_clusters)
        return number_by_first(roots[self.leaves_])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_clusters_")

    def _check_parameters(self) -> None:
        check_option("linkage", self.linkage, LINKAGES)
        check_option("metric", self.metric, METRICS)
        is_jaccard = self.metric in ("jaccard", "weighted_jaccard")
        if is_jaccard and self.linkage == "ward":
            raise ValueError(f"linkage='ward' needs metric='euclidean' or 'cosine'; got {self.metric!r}")
        check_integer("max_exact", self.max_exact, minimum=1)
        check_integer("n_micro_clusters", self.n_micro_clusters, minimum=1)
        check_n_threads(self.n_threads)
        if (self.n_clusters is None) == (self.distance_threshold is None):
            raise ValueError(
                "exactly one of n_clusters and distance_threshold must be given; got "
                f"n_clusters={self.n_clusters!r}, distance_threshold={self.distance_threshold!r}"
            )
        if self.distance_threshold is not None:
            check_real("distance_threshold", self.distance_threshold, minimum=0)
        else:
            check_integer_or_auto("n_clusters", self.n_clusters, minimum=1)

    def __sklearn_tags__(self) -> Any:
        """Say that sparse rows are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
