"""Mini-batch K-means."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import check_boolean, check_integer, check_real
from coterie.cluster._base import (
    Centers,
    Init,
    KMeansBase,
    check_sample_weight,
    dense_rows,
    random_state_of,
    validate_rows,
    weight_of_part,
)
from coterie.cluster._moving_centers import ScaledCenters, WholeCenters


class MiniBatchKMeans(KMeansBase):
    """Mini-batch K-means: an approximation of Lloyd's algorithm that looks at a part of the rows in each step.

    The parameters, attributes and stopping rules are those of :class:`sklearn.cluster.MiniBatchKMeans`, with
    the exact labels and order-free sums of :class:`coterie.KMeans`: the same bits on any number of threads.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, between 1 and n_samples.
    init : {"k-means++", "random"}, array-like of shape (n_clusters, n_features) or callable, default="k-means++"
        As for KMeans; seeds are drawn from ``init_size`` rows.
    max_iter : int, default=100
        Most passes over the data.
    batch_size : int, default=1024
        Rows of a step.
    verbose : int, default=0
        1 prints a line for each step.
    compute_labels : bool, default=True
        Whether ``fit`` labels all rows at the end.
    random_state : int, RandomState instance or None, default=None
        Seed.
    tol : float, default=0.0
        Stop when the smoothed squared shift of the centres is at most ``tol`` times the mean variance of the
        features; 0 switches it off.
    max_no_improvement : int or None, default=10
        Stop after this many steps in a row that do not lower the smoothed inertia. None switches it off.
    init_size : int or None, default=None
        Rows from which seeds are drawn; None means max(3 * batch_size, 3 * n_clusters).
    n_init : int or "auto", default="auto"
        Seedings tried; the one with the lowest inertia on the seeding rows is kept. "auto" is 3 for "random" and
        callables, else 1.
    reassignment_ratio : float, default=0.01
        Centres that have seen less than this share of the most seen one are moved to random rows of the batch.
    metric : {"euclidean", "cosine"}, default="euclidean"
        As for KMeans.
    n_threads : int or None, default=None
        Threads; None means every core the process may use.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float32
        Centres.
    labels_ : ndarray of shape (n_samples,), int32
        Cluster of each row (after ``partial_fit``: of the last batch).
    inertia_ : float
        Sum of ``weight * squared distance`` (1 - cosine for cosine) of the labelled rows.
    n_iter_ : int
        Passes over the data, rounded up.
    n_steps_ : int
        Batches processed.

    References
    ----------
    Sculley, "Web-scale k-means clustering", WWW 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import MiniBatchKMeans
    >>> X = np.repeat(np.array([[0, 0], [9, 9]], dtype=np.float32), 50, axis=0)
    >>> model = MiniBatchKMeans(n_clusters=2, batch_size=20, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round(3).tolist())
    [0.0, 9.0]
    """

    labels_: NDArray[np.int32]
    inertia_: float

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Init = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: Any = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: int | str = "auto",
        reassignment_ratio: float = 0.01,
        metric: str = "euclidean",
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
        self.metric = metric
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster the rows of ``X`` in steps over random batches.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, finite and >= 0, not all zero.

        Returns
        -------
        self : MiniBatchKMeans
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
        n_samples = X.shape[0]
        batch_size = min(int(self.batch_size), n_samples)
        centers = self._start(self._best_seeding(X, weight, random), random, X)
        tol = self.tol * self._samples(X).mean_feature_variance() if self.tol > 0 else 0.0
        stop = _StoppingRule(n_samples, batch_size, tol, self.max_no_improvement)

        n_steps = int(self.max_iter) * n_samples // batch_size
        for step in range(n_steps):
            rows = random.randint(0, n_samples, batch_size)
            part = None if weight is None else weight[rows]
            loss, shift = self._step(centers, X[rows], part, batch_size, with_shift=tol > 0)
            self.n_steps_ = step + 1
            if self.verbose:
                print(f"Minibatch step {step + 1}/{n_steps}: mean batch inertia: {loss / batch_size}")
            if stop.reached(step, loss / batch_size, shift):
                break
        self.cluster_centers_ = centers.whole()
        self.n_iter_ = int(np.ceil(self.n_steps_ * batch_size / n_samples))

        if self.compute_labels:
            samples = self._samples(X, weight)
            self.labels_ = samples.assign(self.cluster_centers_)
            self.inertia_ = samples.inertia(self.cluster_centers_, self.labels_)
            self._warn_if_fewer_clusters(self.labels_)
        else:
            self.inertia_ = stop.smoothed_inertia * n_samples
        return self

    def partial_fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Move the centres by one batch; the first call draws the seeds from it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A batch; the first one needs at least n_clusters rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : MiniBatchKMeans
            With centres moved, ``labels_`` and ``inertia_`` those of this batch.
        """
        has_centers = hasattr(self, "cluster_centers_")
        self._check_parameters()
        X = validate_rows(self, X, reset=not has_centers)
        weight = check_sample_weight(sample_weight, X)
        if not has_centers:
            self._check_n_samples(X)
            random = random_state_of(self)
            centers = self._start(self._best_seeding(X, weight, random), random, X)
        else:
            centers = _moving(self.cluster_centers_, X)
        self._step(centers, X, weight, X.shape[0], with_shift=False)
        self.cluster_centers_ = centers.whole()
        self.n_steps_ += 1
        self.n_iter_ = self.n_steps_
        if self.compute_labels:
            samples = self._samples(X, weight)
            self.labels_ = samples.assign(self.cluster_centers_)
            self.inertia_ = samples.inertia(self.cluster_centers_, self.labels_)
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("batch_size", self.batch_size, minimum=1)
        check_boolean("compute_labels", self.compute_labels)
        check_real("reassignment_ratio", self.reassignment_ratio, minimum=0)
        if self.max_no_improvement is not None:
            check_integer("max_no_improvement", self.max_no_improvement, minimum=0)
        if self.init_size is not None:
            check_integer("init_size", self.init_size, minimum=1)

    @property
    def _weight_kept(self) -> float:
        """Share of the weight of earlier rows that a step keeps."""
        return 1.0

    def _start(self, seeds: Centers, random: np.random.RandomState, X: Any) -> WholeCenters | ScaledCenters:
        self._random = random
        self._cluster_weight = np.zeros(self.n_clusters)
        self._n_since_reassignment = 0
        self.n_steps_ = 0
        return _moving(seeds, X)

    def _best_seeding(
        self, X: Any, weight: NDArray[np.float64] | None, random: np.random.RandomState
    ) -> Centers:
        size = self.init_size or 3 * max(int(self.batch_size), int(self.n_clusters))
        size = min(max(size, self.n_clusters), X.shape[0])
        best: tuple[float, Centers] | None = None
        for _ in range(self._n_init(when_random=3)):
            rows = random.choice(X.shape[0], size, replace=False) if size < X.shape[0] else slice(None)
            part, part_weight = X[rows], weight_of_part(weight, rows)
            samples = self._samples(part, part_weight)
            centers = self._initial_centers(part, samples, part_weight, random)
            if self.metric == "cosine":
                norms = np.sqrt((centers.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
                centers = dense_rows(centers / np.where(norms > 0, norms, 1))
            loss = samples.inertia(centers, samples.assign(centers))
            if best is None or loss < best[0]:
                best = loss, centers
        assert best is not None  # n_init >= 1
        return best[1]

    def _step(
        self,
        centers: WholeCenters | ScaledCenters,
        X: Any,
        weight: NDArray[np.float64] | None,
        batch_size: int,
        *,
        with_shift: bool,
    ) -> tuple[float, float]:
        """Move the centres by one batch and reassign those hardly ever seen.

        Returns the batch's inertia before the step, and the squared shift if it is asked for.
        """
        if weight is not None and not weight.any():
            return 0.0, 0.0
        self._cluster_weight, loss, shift = centers.step(
            X,
            lambda rows: self._host_samples(rows, weight),
            self._weight_kept * self._cluster_weight,
            with_shift=with_shift,
        )
        self._n_since_reassignment += batch_size
        if not self._cluster_weight.all() or self._n_since_reassignment >= 10 * self.n_clusters:
            self._n_since_reassignment = 0
            self._reassign(centers, X, weight)
        return loss, shift

    def _reassign(
        self, centers: WholeCenters | ScaledCenters, X: Any, weight: NDArray[np.float64] | None
    ) -> None:
        """Put centres with too little weight on random rows of the batch, as scikit-learn does."""
        seen = self._cluster_weight
        starved = np.flatnonzero(seen < self.reassignment_ratio * seen.max())
        usable = np.arange(X.shape[0]) if weight is None else np.flatnonzero(weight)
        most = min(len(starved), len(usable) // 2)
        if most == 0:
            return
        starved = starved[np.argsort(seen[starved], kind="stable")[:most]]
        rows = self._random.choice(usable, most, replace=False)
        centers.replace(starved, X[rows], self.metric)
        kept = np.setdiff1d(np.arange(self.n_clusters), starved)
        seen[starved] = seen[kept].min() if len(kept) else 0.0


def _moving(centers: Centers, X: Any) -> WholeCenters | ScaledCenters:
    return ScaledCenters(centers) if sp.issparse(X) else WholeCenters(centers)


class _StoppingRule:
    """Scikit-learn's: exponentially weighted averages of the mean batch inertia and of the squared shift."""

    def __init__(self, n_samples: int, batch_size: int, tol: float, max_no_improvement: int | None) -> None:
        self._alpha = min(1.0, 2.0 * batch_size / (n_samples + 1))
        self._tol = tol
        self._max_no_improvement = max_no_improvement
        self._n_no_improvement = 0
        self._least: float | None = None
        self.smoothed_inertia = 0.0
        self._smoothed_shift = 0.0

    def reached(self, step: int, mean_inertia: float, shift: float) -> bool:
        """Tell whether to stop after this step; the first step only starts the inertia's average afresh."""
        if step == 0:
            return False
        if step == 1:
            self.smoothed_inertia, self._smoothed_shift = mean_inertia, shift
        else:
            self.smoothed_inertia += self._alpha * (mean_inertia - self.smoothed_inertia)
            self._smoothed_shift += self._alpha * (shift - self._smoothed_shift)
        if self._tol > 0 and self._smoothed_shift <= self._tol:
            return True
        if self._least is None or self.smoothed_inertia < self._least:
            self._least = self.smoothed_inertia
            self._n_no_improvement = 0
        else:
            self._n_no_improvement += 1
        return self._max_no_improvement is not None and self._n_no_improvement >= self._max_no_improvement
