"""K-means by repeated halving."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import (
    check_integer,
    check_integer_or_auto,
    check_n_threads,
    check_option,
    check_real,
)
from coterie.cluster._base import (
    KMeansBase,
    check_sample_weight,
    random_state_of,
    validate_rows,
    warn_of_empty_clusters,
)
from coterie.cluster.auto_k import KSearch, choose_n_clusters
from coterie.cluster.kmeans import KMeans


@dataclass
class _Node:
    """A cluster of the tree of splits: its rows until it is split, its centre, and the numbers of its halves."""

    rows: NDArray[np.intp]
    center: NDArray[np.float32]
    inertia: float
    halves: tuple[int, int] | None = None
    can_split: bool = True


class BisectingKMeans(KMeansBase):
    """Split the worst cluster in two by K-means until there are as many as wanted.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters, between 1 and n_samples. "auto" asks :func:`coterie.cluster.choose_n_clusters`.
    init : {"k-means++", "random"}, default="k-means++"
        How each split starts.
    n_init : int, default=1
        Starts of each split; the best is kept.
    max_iter : int, default=300
        Most iterations of each start.
    tol : float, default=1e-4
        As for :class:`KMeans`.
    bisecting_strategy : {"biggest_inertia", "largest_cluster"}, default="biggest_inertia"
        Which cluster is split next.
    random_state : int, RandomState instance or None, default=None
        Seed. The same int gives the same bits on every machine.
    metric : {"euclidean", "cosine"}, default="euclidean"
        As for :class:`KMeans`.
    n_threads : int or None, default=None
        None means all cores.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float32
        Centres.
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each row: what ``predict`` gives.
    inertia_ : float
        Sum of squared distances (of 1 - cosine) to the own centre.
    k_search_ : KSearch or None
        How ``n_clusters="auto"`` was decided.
    n_features_in_ : int
        Number of features of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only when ``X`` has string column names.

    See Also
    --------
    sklearn.cluster.BisectingKMeans

    Notes
    -----
    ``predict`` goes down the tree of splits; the leaf need not be the nearest centre of all. O(nnz log(n_clusters))
    per iteration where the splits are even, against O(nnz n_clusters) of K-means. A cluster of equal rows is not
    split; there may then be fewer clusters than asked for, which a ConvergenceWarning says.

    References
    ----------
    Steinbach, Karypis and Kumar, "A comparison of document clustering techniques", 2000.

    Examples
    --------
    >>> from coterie.cluster import BisectingKMeans
    >>> model = BisectingKMeans(n_clusters=3, random_state=0).fit([[0.0], [1.0], [10.0], [11.0], [30.0], [31.0]])
    >>> sorted(model.cluster_centers_.ravel().tolist())
    [0.5, 10.5, 30.5]
    """

    labels_: NDArray[np.int32]
    inertia_: float
    k_search_: KSearch | None

    def __init__(
        self,
        n_clusters: int | str = 8,
        *,
        init: str = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        bisecting_strategy: str = "biggest_inertia",
        random_state: Any = None,
        metric: str = "euclidean",
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters  # type: ignore[assignment]
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.bisecting_strategy = bisecting_strategy
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
        self : BisectingKMeans

        Raises
        ------
        ValueError
            For a parameter out of range, fewer rows than clusters, NaN or infinity.
        TypeError
            For a parameter of the wrong kind.
        """
        self._check_parameters()
        X = validate_rows(self, X, reset=True)
        weight = check_sample_weight(sample_weight, X)
        self.k_search_ = (
            choose_n_clusters(X, metric=self.metric, random_state=self.random_state, n_threads=self.n_threads)
            if isinstance(self.n_clusters, str)
            else None
        )
        wanted = int(self.n_clusters) if self.k_search_ is None else self.k_search_.n_clusters
        if X.shape[0] < wanted:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={wanted}.")
        random = random_state_of(self)
        one = self._kmeans(1, random).fit(X, sample_weight=weight)
        nodes = [_Node(np.arange(X.shape[0]), one.cluster_centers_[0], one.inertia_)]
        leaves = [0]
        while len(leaves) < wanted and (at := self._worst([nodes[leaf] for leaf in leaves])) is not None:
            leaves[at : at + 1] = self._split(X, weight, nodes, leaves[at], random)
        self._keep(nodes, leaves, X.shape[0])
        if len(leaves) < wanted:
            warn_of_empty_clusters(len(leaves), wanted, stacklevel=4)
        return self

    def _kmeans(self, n_clusters: int, random: np.random.RandomState) -> KMeans:
        return KMeans(
            n_clusters,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            metric=self.metric,
            random_state=int(random.randint(2**31 - 1)),
            n_threads=self.n_threads,
        )

    def _worst(self, leaves: list[_Node]) -> int | None:
        """Return the leaf to split next, the first of equals; None when none can be split."""
        by_size = self.bisecting_strategy == "largest_cluster"
        badness = [
            (len(leaf.rows) if by_size else leaf.inertia) if leaf.can_split and leaf.inertia > 0 else 0
            for leaf in leaves
        ]
        worst = int(np.argmax(badness))
        return worst if badness[worst] > 0 else None

    def _split(
        self,
        X: Any,
        weight: NDArray[np.float64] | None,
        nodes: list[_Node],
        at: int,
        random: np.random.RandomState,
    ) -> list[int]:
        """Return the numbers of the halves of a node, or its own where K-means finds no second cluster."""
        node = nodes[at]
        node.can_split = False
        if len(node.rows) == 1:
            return [at]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            two = self._kmeans(2, random).fit(X[node.rows], sample_weight=_of_rows(weight, node.rows))
        if two.labels_.min() == two.labels_.max():
            return [at]
        for side in (0, 1):
            rows = node.rows[two.labels_ == side]
            center = np.ascontiguousarray(two.cluster_centers_[side : side + 1])
            inertia = self._samples(X[rows], _of_rows(weight, rows)).inertia(
                center, np.zeros(len(rows), dtype=np.int32)
            )
            nodes.append(_Node(rows, center[0], inertia))
        node.halves = (len(nodes) - 2, len(nodes) - 1)
        node.rows = node.rows[:0]
        return list(node.halves)

    def _keep(self, nodes: list[_Node], leaves: list[int], n_samples: int) -> None:
        self.labels_ = np.empty(n_samples, dtype=np.int32)
        number = dict(zip(leaves, range(len(leaves)), strict=True))
        for leaf, label in number.items():
            self.labels_[nodes[leaf].rows] = label
        self.cluster_centers_ = np.ascontiguousarray([nodes[leaf].center for leaf in leaves])
        self.inertia_ = float(sum(nodes[leaf].inertia for leaf in leaves))
        self._node_centers = np.ascontiguousarray([node.center for node in nodes])
        # the numbers of the halves; of a leaf, -1 and its label
        halves = [node.halves or (-1, number.get(i, -1)) for i, node in enumerate(nodes)]
        self._node_halves = np.array(halves, dtype=np.int64)

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Return the cluster that each row reaches down the tree of splits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32. NaN and infinity are refused.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            Ties go to the first half of a split.
        """
        X = self._check_rows(X)
        labels = np.empty(X.shape[0], dtype=np.int32)
        waiting = [(0, np.arange(X.shape[0]))]
        while waiting:
            node, rows = waiting.pop()
            first, second = self._node_halves[node]
            if first < 0:
                labels[rows] = second
            elif len(rows):
                side = self._samples(X[rows]).assign(self._node_centers[[first, second]])
                waiting += [(first, rows[side == 0]), (second, rows[side == 1])]
        return labels

    def _check_parameters(self) -> None:
        check_integer_or_auto("n_clusters", self.n_clusters, minimum=1)
        check_integer("n_init", self.n_init, minimum=1)
        check_integer("max_iter", self.max_iter, minimum=1)
        check_real("tol", self.tol, minimum=0)
        check_option("init", self.init, ("k-means++", "random"))
        check_option("metric", self.metric, ("euclidean", "cosine"))
        check_option("bisecting_strategy", self.bisecting_strategy, ("biggest_inertia", "largest_cluster"))
        check_n_threads(self.n_threads)


def _of_rows(weight: NDArray[np.float64] | None, rows: NDArray[np.intp]) -> NDArray[np.float64] | None:
    return None if weight is None else weight[rows]
