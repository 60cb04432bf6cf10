"""What KMeans and MiniBatchKMeans share: validation, seeding, and everything after the fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from coterie import _core
from coterie._device import LentRows, device_of
from coterie._validation import (
    check_integer,
    check_n_threads,
    check_option,
    check_real,
    check_seed,
    check_sparse_structure,
    refuse_masked,
    rows_argument,
)

Centers = NDArray[np.float32]
Init = str | ArrayLike | Callable[..., ArrayLike]

# k-means++ looks at its sample again for every seed: above this many it would take longer than the iterations.
_MOST_CLUSTERS_FOR_KMEANS_PLUSPLUS = 64
_LEAST_TOTAL_WEIGHT, _MOST_TOTAL_WEIGHT = 1e-200, 1e200
_MAX_SEED = np.iinfo(np.int64).max


class KMeansBase(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Shared parts of the K-means estimators; not public."""

    n_clusters: int
    init: Init
    n_init: int | str
    max_iter: int
    tol: float
    verbose: int
    random_state: Any
    metric: str
    n_threads: int | None
    cluster_centers_: Centers

    def fit_predict(
        self, X: Any, y: None = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Fit and return ``labels_``; the same labels as ``fit(X).predict(X)``."""
        return self.fit(X, sample_weight=sample_weight).labels_  # type: ignore[no-any-return]

    def fit_transform(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Any:
        """Fit and return the distances of ``X`` to the centres; see ``transform``."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Return the nearest centre of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32. NaN and infinity are refused.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            The centre with the highest canonical float64 score; ties to the lowest number.
        """
        return self._finite_samples(self._check_rows(X, check_finite=False)).assign(self.cluster_centers_)

    def predict_top_two(self, X: Any) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the nearest centre and the runner-up of each row, with their distances.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.

        Returns
        -------
        labels : ndarray of shape (n_samples, 2), int32
            Nearest and second nearest; ties to the lowest number. With one cluster the second is -1.
        distances : ndarray of shape (n_samples, 2), float32
            Euclidean distances, or 1 - cosine. With one cluster the second is inf.
        """
        return self._samples(self._check_rows(X)).nearest_two(self.cluster_centers_)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the distance of each row to each centre.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, converted to float32.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters), float32
            Euclidean distances, or 1 - cosine in [0, 2]; computed in float64 and rounded once.
        """
        return self._samples(self._check_rows(X)).distances(self.cluster_centers_)

    def score(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the negative of the inertia that ``X`` has with the fitted centres."""
        X = self._check_rows(X)
        samples = self._samples(X, check_sample_weight(sample_weight, X))
        return -samples.inertia(self.cluster_centers_, samples.assign(self.cluster_centers_))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "cluster_centers_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[0])

    def _samples(self, X: Any, weight: NDArray[np.float64] | None = None) -> _core.AnySamples:
        return self._host_samples(X, weight)

    def _host_samples(self, X: Any, weight: NDArray[np.float64] | None = None) -> _core.Samples:
        return _core.Samples(rows_argument(X), weight, self.metric, check_n_threads(self.n_threads))

    def _finite_samples(self, X: Any, weight: NDArray[np.float64] | None = None) -> _core.AnySamples:
        """Measure rows that have not been checked for NaN and infinity: measuring finds them while it reads."""
        try:
            return self._samples(X, weight)
        except ValueError:
            if isinstance(X, np.ndarray):
                assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
            raise

    def _check_rows(self, X: Any, *, check_finite: bool = True) -> Any:
        check_is_fitted(self)
        return validate_rows(self, X, reset=False, check_finite=check_finite)

    def _check_parameters(self) -> None:
        check_integer("n_clusters", self.n_clusters, minimum=1)
        check_integer("max_iter", self.max_iter, minimum=1)
        check_real("tol", self.tol, minimum=0)
        check_option("metric", self.metric, ("euclidean", "cosine"))
        check_n_threads(self.n_threads)
        if not (isinstance(self.n_init, str) and self.n_init == "auto"):
            check_integer("n_init", self.n_init, minimum=1)
        if isinstance(self.init, str):
            check_option("init", self.init, ("k-means++", "k-means||", "random"))

    def _n_init(self, when_random: int) -> int:
        if self.n_init != "auto":
            if not self._init_is_drawn() and int(self.n_init) > 1:
                warnings.warn(
                    f"init is an array of centres, so one run is made instead of n_init={self.n_init}",
                    RuntimeWarning,
                    stacklevel=3,
                )
                return 1
            return int(self.n_init)
        is_random = callable(self.init) or (isinstance(self.init, str) and self.init == "random")
        return when_random if is_random else 1

    def _init_is_drawn(self) -> bool:
        return isinstance(self.init, str) or callable(self.init) or hasattr(self.init, "fit")

    def _check_n_samples(self, X: Any) -> None:
        if X.shape[0] < self.n_clusters:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")

    def _initial_centers(
        self,
        X: Any,
        samples: _core.AnySamples,
        weight: NDArray[np.float64] | None,
        random: np.random.RandomState,
        *,
        check_finite: bool = True,
    ) -> Centers:
        """Return float32 centres of shape (n_clusters, n_features) as ``init`` asks for.

        ``check_finite=False`` leaves NaN and infinity to ``Samples.lloyd``, which meets them in the norms.
        """
        if isinstance(self.init, str):
            if self.init == "k-means++" and self.n_clusters <= _MOST_CLUSTERS_FOR_KMEANS_PLUSPLUS:
                rows = samples.kmeans_plusplus(self.n_clusters, 0, int(random.randint(_MAX_SEED)))
            elif self.init != "random":
                rows = self._kmeans_parallel(X, samples, weight, int(random.randint(_MAX_SEED)))
            else:
                rows = _draw_rows(random, X.shape[0], self.n_clusters, weight)
            return dense_rows(_rows_at(X, samples, np.asarray(rows, dtype=np.int64)))
        if hasattr(self.init, "fit"):
            given = self._centers_of_fit(self.init, X, weight, random)
        else:
            given = self.init(X, self.n_clusters, random_state=random) if callable(self.init) else self.init
        centers = dense_rows(given)
        if centers.shape != (self.n_clusters, X.shape[1]):
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of clusters "
                f"{self.n_clusters} and the number of features of the data {X.shape[1]}."
            )
        if check_finite and not np.isfinite(centers).all():
            raise ValueError("init must give finite centres; got NaN or infinity")
        return centers

    def _kmeans_parallel(
        self, X: Any, samples: _core.AnySamples, weight: NDArray[np.float64] | None, seed: int
    ) -> NDArray[np.int64]:
        """Seeds by k-means||; of rows on a device, the host chooses from their sample."""
        if not isinstance(samples, _core.DeviceSamples):
            return samples.kmeans_parallel(self.n_clusters, seed)
        rows = _core.rows_to_seed_from(X.shape[0], self.n_clusters, seed)
        sample = rows_argument(_rows_at(X, samples, rows))
        host = _core.Samples(
            sample, weight_of_part(weight, rows), self.metric, check_n_threads(self.n_threads)
        )
        return rows[host.kmeans_parallel(self.n_clusters, seed)]

    def _centers_of_fit(
        self, start: Any, X: Any, weight: NDArray[np.float64] | None, random: np.random.RandomState
    ) -> Any:
        """Fit a copy of ``start`` with what this estimator knows better, and return its centres."""
        known = {"n_clusters": self.n_clusters, "metric": self.metric, "n_threads": self.n_threads}
        start = clone(start)
        known["random_state"] = int(random.randint(np.iinfo(np.int32).max))
        start.set_params(**{name: value for name, value in known.items() if name in start.get_params()})
        return start.fit(X, sample_weight=weight).cluster_centers_

    def _warn_if_fewer_clusters(self, labels: NDArray[np.int32]) -> None:
        n_found = int(np.count_nonzero(np.bincount(labels, minlength=self.n_clusters)))
        if n_found < self.n_clusters:
            warn_of_empty_clusters(n_found, self.n_clusters, stacklevel=5)


def _draw_rows(
    random: np.random.RandomState, n_samples: int, n_rows: int, weight: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Draw distinct rows by their weights; those without weight only where the others do not suffice."""
    share = None if weight is None else weight / weight.sum()
    if share is None or np.count_nonzero(share) >= n_rows:
        return random.choice(n_samples, size=n_rows, replace=False, p=share)
    first, others = np.flatnonzero(share), np.flatnonzero(share == 0)
    return np.concatenate([first, random.choice(others, size=n_rows - len(first), replace=False)])


def warn_of_empty_clusters(n_found: int, n_clusters: int, *, stacklevel: int) -> None:
    """Say that fewer clusters than wanted have rows."""
    warnings.warn(
        f"only {n_found} of n_clusters={n_clusters} clusters have rows, as where fewer rows of X are distinct",
        ConvergenceWarning,
        stacklevel=stacklevel,
    )


def _rows_at(X: Any, samples: _core.AnySamples, rows: NDArray[np.int64]) -> Any:
    if isinstance(samples, _core.DeviceSamples) and isinstance(X, LentRows):
        return samples.take_rows(rows)
    return X[rows]


def dense_rows(rows: Any) -> Centers:
    """Return rows as a C-contiguous float32 array of two dimensions, from dense or sparse."""
    refuse_masked("init", rows)
    dense = rows.toarray() if sp.issparse(rows) else rows
    try:
        result: Centers = np.ascontiguousarray(dense, dtype=np.float32)
    except (TypeError, ValueError):
        raise TypeError(f"init must give centres as an array of numbers; got {dense!r:.100}") from None
    if result.ndim != 2:
        raise ValueError(f"init must give centres in two dimensions; got shape {result.shape}")
    return result


def validate_rows(estimator: Any, X: Any, *, reset: bool, check_finite: bool = True) -> Any:
    """Check samples as scikit-learn does; return float32, dense or CSR, finite. Rows on a device stay there.

    ``check_finite=False`` leaves NaN and infinity in dense rows to ``KMeansBase._finite_samples``.
    """
    place = device_of(X)
    if place is not None:
        if not hasattr(estimator, "device"):
            raise TypeError(
                f"{type(estimator).__name__} runs on the CPU and X lies on {place}; move X to the host"
            )
        lent = LentRows(X)
        if reset:
            estimator.n_features_in_ = lent.shape[1]
        elif lent.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X has {lent.shape[1]} features, but {type(estimator).__name__} is expecting "
                f"{estimator.n_features_in_} features as input"
            )
        return lent
    if not check_finite and _is_plain(estimator, X, reset):
        if reset:
            estimator.n_features_in_ = X.shape[1]
        with np.errstate(over="ignore"):
            return np.asarray(X, dtype=np.float32)
    refuse_masked("X", X)
    check_sparse_structure(X)
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinity
        return validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=np.float32,
            order=None,
            accept_large_sparse=True,
            ensure_all_finite=check_finite or sp.issparse(X),
        )


def _is_plain(estimator: Any, X: Any, reset: bool) -> bool:
    """Whether ``validate_data`` would only convert ``X``, which for small arrays takes longer than a fit."""
    if type(X) is not np.ndarray or X.ndim != 2 or X.size == 0 or X.dtype not in (np.float32, np.float64):
        return False
    if hasattr(estimator, "feature_names_in_"):
        return False
    return reset or bool(X.shape[1] == estimator.n_features_in_)


def check_sample_weight(sample_weight: ArrayLike | None, X: Any) -> NDArray[np.float64] | None:
    """Return weights as float64 of shape (n_samples,), or None; refuse negative, NaN, infinite or all zero."""
    if sample_weight is None:
        return None
    refuse_masked("sample_weight", sample_weight)
    n_samples = X.shape[0]
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(n_samples, float(weight))
    if weight.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}!")
    if not np.isfinite(weight).all():
        raise ValueError("sample_weight must be finite; got NaN or infinity")
    if (weight < 0).any():
        raise ValueError(
            f"sample_weight must be >= 0; got {weight.min()} in row {int(np.argmax(weight < 0))}"
        )
    if not weight.any():
        raise ValueError("sample_weight must not be zero for every sample")
    with np.errstate(over="ignore"):
        check_total_weight(float(weight.sum()))
    return np.ascontiguousarray(weight)


def check_total_weight(total: float) -> None:
    """Refuse sums of weights beyond which products with float32 values and their squares leave float64."""
    if not _LEAST_TOTAL_WEIGHT <= total <= _MOST_TOTAL_WEIGHT:
        wanted = f"between {_LEAST_TOTAL_WEIGHT} and {_MOST_TOTAL_WEIGHT}"
        raise ValueError(f"sample_weight must have a sum {wanted}; got {total}")


def weight_of_part(weight: NDArray[np.float64] | None, rows: Any) -> NDArray[np.float64] | None:
    """Return the weights of some rows, or None when none of them has any: then each is as good as another."""
    part = None if weight is None else weight[rows]
    return part if part is not None and part.any() else None


def random_state_of(estimator: Any) -> np.random.RandomState:
    """Return the generator that ``random_state`` means."""
    return check_seed(estimator.random_state)
