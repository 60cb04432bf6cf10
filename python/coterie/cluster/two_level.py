"""K-means in two levels, for many clusters."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from coterie import _core
from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import check_integer, check_n_threads
from coterie.cluster._base import (
    Centers,
    KMeansBase,
    check_sample_weight,
    random_state_of,
    validate_rows,
    weight_of_part,
)
from coterie.cluster._fill_empty import fill_empty
from coterie.cluster.kmeans import KMeans


class TwoLevelKMeans(KMeansBase):
    """K-means for tens of thousands of clusters: coarse cells first, then clusters within each cell.

    An approximation of :class:`KMeans` whose iterations cost about ``2 * sqrt(n_clusters)`` centres a row instead of
    ``n_clusters``. The labels are exact all the same: at the end every row gets the nearest of all centres, whatever
    cell it came from. It is also a start for exact Lloyd: ``KMeans(k, init=TwoLevelKMeans())``.

    Parameters
    ----------
    n_clusters : int, default=10000
        Number of clusters, between 1 and n_samples.
    n_cells : int or None, default=None
        Coarse cells; None means the rounded square root of ``n_clusters``.
    max_iter : int, default=25
        Most iterations of Lloyd's algorithm, on each level.
    n_lloyd : int, default=0
        Iterations of Lloyd's algorithm over all rows and all centres at the end.
    tol : float, default=1e-4
        As for KMeans, on each level.
    random_state : int, RandomState instance or None, default=None
        Seed. The same int gives the same bits on every machine.
    metric : {"euclidean", "cosine"}, default="euclidean"
        As for KMeans.
    n_threads : int or None, default=None
        Threads; None means every core the process may use.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float32
        Centres, those of a cell next to each other.
    cell_of_cluster_ : ndarray of shape (n_clusters,), int32
        The coarse cell that each centre came from, or of the row that an empty cluster took.
    labels_ : ndarray of shape (n_samples,), int32
        The nearest centre of each row; ties to the lowest number.
    inertia_ : float
        Sum of ``weight * squared distance`` to the own centre (``weight * (1 - cosine)`` for cosine).
    n_iter_ : int
        Most iterations that a cell took.
    n_features_in_ : int
        Number of features of ``X``.

    Notes
    -----
    A cell of inertia I gets clusters in proportion to ``I ** (d / (d + 2))`` for ``d`` features: where rows are dense
    within a cell, a cell's inertia falls with its clusters m as ``m ** (-2 / d)``, and these shares make the sum least
    (Zador). A cell never gets more clusters than it has rows. Where cells meet, the centres of one may take all rows
    of a centre of the other: as in :class:`KMeans`, such a centre moves to the row that is farthest from its own one.
    A warning says so where clusters stay empty, as when fewer rows are distinct.

    References
    ----------
    Zador, "Asymptotic quantization error of continuous signals and the quantization dimension", 1982.
    Nistér and Stewénius, "Scalable recognition with a vocabulary tree", CVPR 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import TwoLevelKMeans
    >>> X = np.random.default_rng(0).random((500, 4), dtype=np.float32)
    >>> model = TwoLevelKMeans(n_clusters=50, random_state=0).fit(X)
    >>> model.cluster_centers_.shape
    (50, 4)
    """

    init, n_init = "k-means++", 1
    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int

    def __init__(
        self,
        n_clusters: int = 10_000,
        *,
        n_cells: int | None = None,
        max_iter: int = 25,
        n_lloyd: int = 0,
        tol: float = 1e-4,
        random_state: Any = None,
        metric: str = "euclidean",
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_cells = n_cells
        self.max_iter = max_iter
        self.n_lloyd = n_lloyd
        self.tol = tol
        self.random_state = random_state
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
        self : TwoLevelKMeans
            Fitted.

        Raises
        ------
        ValueError
            For a parameter out of range, fewer rows than clusters, NaN or infinity.
        """
        self._check_parameters()
        X = validate_rows(self, X, reset=True)
        self._check_n_samples(X)
        weight = check_sample_weight(sample_weight, X)
        random = random_state_of(self)
        samples = self._host_samples(X, weight)

        cells = self._coarse_cells(X, weight, random)
        shares = self._clusters_of_cells(X, samples, cells)
        seeds = random.randint(np.iinfo(np.int32).max, size=len(shares))
        fits = self._fit_cells(X, weight, cells.labels_, shares, seeds)
        centers = np.concatenate([fit.cluster_centers_ for fit in fits])
        self.cell_of_cluster_ = np.repeat(np.arange(len(shares), dtype=np.int32), shares)
        self.n_iter_ = max([cells.n_iter_, *(fit.n_iter_ for fit in fits)])
        self._finish(X, samples, weight, cells.labels_, centers)
        self._warn_if_fewer_clusters(self.labels_)
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("n_lloyd", self.n_lloyd, minimum=0)
        if self.n_cells is not None:
            check_integer("n_cells", self.n_cells, minimum=1, maximum=self.n_clusters)

    def _coarse_cells(self, X: Any, weight: NDArray[np.float64] | None, random: Any) -> KMeans:
        n_cells = self.n_cells or max(1, round(math.sqrt(self.n_clusters)))
        kmeans = self._kmeans(n_cells, int(random.randint(np.iinfo(np.int32).max)), self.n_threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said once, of the whole
            return kmeans.fit(X, sample_weight=weight)

    def _kmeans(self, n_clusters: int, seed: int, n_threads: int | None) -> KMeans:
        return KMeans(
            n_clusters,
            max_iter=self.max_iter,
            tol=self.tol,
            metric=self.metric,
            random_state=seed,
            n_threads=n_threads,
        )

    def _clusters_of_cells(self, X: Any, samples: _core.Samples, cells: KMeans) -> NDArray[np.int64]:
        n_rows = np.bincount(cells.labels_, minlength=len(cells.cluster_centers_))
        distances = samples.own_distances(cells.cluster_centers_, cells.labels_)
        inertia = np.bincount(cells.labels_, weights=np.maximum(distances, 0), minlength=len(n_rows))
        exponent = X.shape[1] / (X.shape[1] + 2)
        return share_clusters(self.n_clusters, inertia**exponent, n_rows)

    def _fit_cells(
        self,
        X: Any,
        weight: NDArray[np.float64] | None,
        cell_of_row: NDArray[np.int32],
        shares: NDArray[np.int64],
        seeds: NDArray[np.int64],
    ) -> list[KMeans]:
        """Fit every cell with clusters of its own; cells side by side, each on one thread."""
        order = np.argsort(cell_of_row, kind="stable")
        ends = np.cumsum(np.bincount(cell_of_row, minlength=len(shares)))

        def fit(cell: int) -> KMeans:
            rows = order[ends[cell - 1] if cell else 0 : ends[cell]]
            return self._kmeans(int(shares[cell]), int(seeds[cell]), 1).fit(
                X[rows], sample_weight=weight_of_part(weight, rows)
            )

        n_workers = check_n_threads(self.n_threads) or _core.default_thread_count()
        # Around the threads: the filters are the process's, and threads would put them back in any order.
        with warnings.catch_warnings(), ThreadPoolExecutor(n_workers) as pool:
            warnings.simplefilter("ignore", ConvergenceWarning)  # said once, of the whole
            return list(pool.map(fit, np.flatnonzero(shares).tolist()))

    def _finish(
        self,
        X: Any,
        samples: _core.Samples,
        weight: NDArray[np.float64] | None,
        cell_of_row: NDArray[np.int32],
        centers: Centers,
    ) -> None:
        if self.n_lloyd > 0:
            labels, centers, *_ = samples.lloyd(centers, self.n_lloyd, 0.0, None)
        else:
            labels = samples.assign(centers)
        placed = fill_empty(
            X, samples, lambda rows: self._host_samples(rows, None), weight, self.metric, centers, labels
        )
        moved = np.flatnonzero(placed >= 0)
        self.cell_of_cluster_[moved] = cell_of_row[placed[moved]]
        self.cluster_centers_, self.labels_ = centers, labels
        self.inertia_ = samples.inertia(centers, labels)


def share_clusters(
    n_clusters: int, demand: NDArray[np.float64], n_rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Share clusters among cells in proportion to their demand, one at least and n_rows at most for a cell with rows.

    Shares are rounded by largest remainder, ties to the lowest cell; what a full cell cannot take goes to the others.
    """
    shares = np.minimum(n_rows, 1)
    while (left := n_clusters - int(shares.sum())) > 0:
        is_open = shares < n_rows
        wanted = np.where(is_open, np.maximum(demand, np.finfo(np.float64).tiny), 0.0)
        exact = left * (wanted / math.fsum(wanted))
        step = np.minimum(np.floor(exact).astype(np.int64), n_rows - shares)
        if not step.any():
            order = np.lexsort((np.arange(len(shares)), -np.where(is_open, exact, -1.0)))
            step[order[: min(left, int(is_open.sum()))]] = 1
        shares = shares + step
    return shares
