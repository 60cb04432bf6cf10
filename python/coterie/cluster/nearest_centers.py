"""Nearest centres of clusters that another algorithm found."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import check_n_threads, check_option
from coterie.cluster._base import KMeansBase, dense_rows, validate_rows
from coterie.evaluate._dispersion import cluster_means
from coterie.evaluate._rows import Rows
from coterie.topics._cluster_sums import check_cluster_labels


class NearestCenters(KMeansBase):
    """Assign rows to the nearest mean of given clusters: prediction for clusterings that have none of their own.

    Parameters
    ----------
    metric : {"euclidean", "cosine"}, default="euclidean"
        With "cosine" the centres are the means of the rows at unit length, themselves scaled to unit length.
    n_threads : int or None, default=None
        None means all cores.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float32
        The means.
    n_clusters : int
        Their number.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.neighbors.NearestCentroid

    Notes
    -----
    ``predict`` need not repeat the labels that were given: clusters that are not convex overlap in this view.

    Examples
    --------
    >>> from coterie.cluster import NearestCenters
    >>> nearest = NearestCenters().fit([[0.0], [1.0], [9.0], [100.0]], [0, 0, 1, -1])
    >>> nearest.cluster_centers_.ravel()
    array([0.5, 9. ], dtype=float32)
    >>> nearest.predict([[3.0], [100.0]])
    array([0, 1], dtype=int32)
    """

    def __init__(self, metric: str = "euclidean", *, n_threads: int | None = None) -> None:
        self.metric = metric
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: ArrayLike, sample_weight: None = None) -> Self:
        """Take the means of the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.
        y : array-like of shape (n_samples,), integer
            Clusters from 0, each with a row at least; -1 (noise) is left out.
        sample_weight : None
            Not offered.

        Returns
        -------
        self : NearestCenters

        Raises
        ------
        ValueError
            For labels of another length or below -1, a number without rows, or no cluster at all.
        """
        self._check_parameters()
        if sample_weight is not None:
            raise ValueError("sample_weight must be None; got weights")
        X = validate_rows(self, X, reset=True)
        labels, n_clusters = check_cluster_labels(y, X.shape[0], None)
        kept = np.flatnonzero(labels >= 0)
        sizes = np.bincount(labels[kept], minlength=n_clusters)
        if not sizes.all():
            raise ValueError(f"every cluster must have a row; cluster {int(np.argmin(sizes))} has none")
        means = cluster_means(Rows(X[kept], self.metric, self.n_threads), labels[kept], n_clusters)
        centers: NDArray[np.float32] = dense_rows(means)
        if self.metric == "cosine":
            norms = np.linalg.norm(centers.astype(np.float64), axis=1, keepdims=True)
            centers = np.divide(centers, norms, out=np.zeros_like(centers), where=norms > 0, casting="unsafe")
        self.n_clusters = n_clusters
        self.cluster_centers_ = centers
        return self

    def fit_predict(self, X: Any, y: ArrayLike, sample_weight: None = None) -> NDArray[np.int32]:  # type: ignore[override]
        """Take the means of the clusters and return the nearest of each row; the same as ``fit(X, y).predict(X)``."""
        return self.fit(X, y, sample_weight).predict(X)

    def fit_transform(self, X: Any, y: ArrayLike, sample_weight: None = None) -> Any:  # type: ignore[override]
        """Take the means of the clusters and return the distances of ``X`` to them; see ``transform``."""
        return self.fit(X, y, sample_weight).transform(X)

    def _check_parameters(self) -> None:
        check_option("metric", self.metric, ("euclidean", "cosine"))
        check_n_threads(self.n_threads)
