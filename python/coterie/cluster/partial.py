"""Lloyd's iteration by shards, without an engine: exact parts that add up in any order to the in-memory bits."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie import _core
from coterie._validation import check_n_threads, check_option
from coterie.cluster._base import check_total_weight
from coterie.cluster._exact import add_exact, exact_value
from coterie.cluster._shards import at_least_one, centers_of, samples_of


@dataclass(frozen=True)
class DataRange:
    """What every shard must know of the whole data before it rounds to integers.

    Attributes
    ----------
    n_samples : int
        Rows.
    n_nonzero : int
        Rows that are not all zero.
    largest : ndarray of shape (n_features,), float32
        Largest magnitude of each feature.
    total_weight_digits, squared_norm_digits : ndarray of shape (69,), uint32
        Sum of the weights and of the squared lengths of the rows, exact: digit l counts ``2**(32 * l - 1074)``; the
        last one tells an infinite sum.
    is_sparse : bool
        Whether the rows are CSR, whose canonical scores have an order of their own.
    """

    n_samples: int
    n_nonzero: int
    largest: NDArray[np.float32]
    total_weight_digits: NDArray[np.uint32]
    squared_norm_digits: NDArray[np.uint32]
    is_sparse: bool = False

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.largest)

    @property
    def total_weight(self) -> float:
        """Sum of the weights, rounded once."""
        return exact_value(self.total_weight_digits)

    def scales(self, metric: str) -> tuple[NDArray[np.float64], float]:
        """Return the powers of two that values of each feature, and weights, are multiplied with before rounding.

        Parameters
        ----------
        metric : {"euclidean", "cosine"}
            Metric of the fit.

        Returns
        -------
        feature_scale : ndarray of shape (n_features,), float64
            A power of two for each feature.
        weight_scale : float
            A power of two.
        """
        if self.total_weight != 0:
            check_total_weight(self.total_weight)
        return _core.integer_scales(self.largest, self.total_weight, metric)


@dataclass(frozen=True)
class Partial:
    """A part of a Lloyd iteration: what :func:`partial_step` makes of a shard and :func:`reduce` of several.

    Attributes
    ----------
    sums : ndarray of shape (n_clusters, n_features), int64
        Sum over the rows of each cluster of ``round(weight * value * feature_scale)``.
    cluster_weight : ndarray of shape (n_clusters,), int64
        Sum over the rows of each cluster of ``round(weight * weight_scale)``.
    n_samples : int
        Rows.
    n_changed : int
        Rows whose label is not the previous one; all of them when there was none.
    n_scored : int
        Rows that the filter scored.
    n_candidates : int
        Centres that the filter left to compare in float64, summed over these rows.
    inertia_digits : ndarray of shape (69,), uint32
        Exact sum of ``weight * squared distance`` (``weight * (1 - cosine)``) to the centres given, digits as in
        :class:`DataRange`; zero when not asked for.
    labels : ndarray of shape (n_samples,), int32, or None
        Nearest centre of each row of the shard; None after :func:`reduce`.
    filter : str
        The filter used: "float32", "bfloat16" or "int8".
    """

    sums: NDArray[np.int64]
    cluster_weight: NDArray[np.int64]
    n_samples: int
    n_changed: int
    n_scored: int
    n_candidates: int
    inertia_digits: NDArray[np.uint32]
    labels: NDArray[np.int32] | None
    filter: str

    @property
    def inertia(self) -> float:
        """Inertia with the centres given, rounded once from the exact sum."""
        return exact_value(self.inertia_digits)


def data_range(
    shard: Any, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None
) -> DataRange:
    """Return what one shard contributes to the scales of a fit.

    Parameters
    ----------
    shard : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, converted to float32; may be empty. NaN and infinity are refused.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row, finite and >= 0. None means 1.
    n_threads : int or None, default=None
        Threads; None means every core the process may use.

    Returns
    -------
    range : DataRange
        To be merged with those of the other shards by :func:`merge_ranges`.

    Examples
    --------
    >>> from coterie.cluster import data_range, merge_ranges
    >>> merge_ranges([data_range([[1.0, -3.0]]), data_range([[2.0, 1.0]])]).largest.tolist()
    [2.0, 3.0]
    """
    samples, is_sparse = samples_of(shard, sample_weight, "euclidean", n_threads)
    n_samples, n_nonzero, largest, weight, norm = samples.data_range()
    return DataRange(n_samples, n_nonzero, largest, weight, norm, is_sparse)


def merge_ranges(ranges: Iterable[DataRange]) -> DataRange:
    """Return the range of several shards together; the order does not matter.

    Parameters
    ----------
    ranges : iterable of DataRange
        At least one, all with the same number of features.

    Returns
    -------
    range : DataRange
        Of all rows.

    Raises
    ------
    ValueError
        For no range, different numbers of features, dense mixed with sparse shards.

    Examples
    --------
    >>> from coterie.cluster import data_range, merge_ranges
    >>> merge_ranges([data_range([[1.0]]), data_range([[2.0], [4.0]])]).n_samples
    3
    """

    def merged(a: DataRange, b: DataRange) -> DataRange:
        if a.n_features != b.n_features:
            raise ValueError(f"shards must have one width; got {a.n_features} and {b.n_features} features")
        if a.is_sparse != b.is_sparse:
            raise ValueError("shards must be all dense or all sparse; got both")
        return DataRange(
            a.n_samples + b.n_samples,
            a.n_nonzero + b.n_nonzero,
            np.maximum(a.largest, b.largest),
            add_exact(a.total_weight_digits, b.total_weight_digits),
            add_exact(a.squared_norm_digits, b.squared_norm_digits),
            a.is_sparse,
        )

    return functools.reduce(merged, at_least_one("ranges", ranges))


def partial_step(
    shard: Any,
    centers: ArrayLike,
    *,
    data_range: DataRange,
    sample_weight: ArrayLike | None = None,
    previous_labels: NDArray[np.int32] | None = None,
    metric: str = "euclidean",
    inertia: bool = True,
    n_threads: int | None = None,
) -> Partial:
    """Assign one shard's rows to their nearest centres and sum them up in integers.

    Parameters
    ----------
    shard : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, converted to float32.
    centers : array-like of shape (n_clusters, n_features)
        Centres, converted to float32; those of a cosine fit should have unit length.
    data_range : DataRange
        Of all shards together.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row, finite and >= 0. None means 1.
    previous_labels : ndarray of shape (n_samples,), int32, default=None
        The shard's labels in the iteration before, to count the changed ones.
    metric : {"euclidean", "cosine"}, default="euclidean"
        As in :class:`KMeans`.
    inertia : bool, default=True
        Whether to compute the inertia, which reads every row once more.
    n_threads : int or None, default=None
        Threads; None means every core the process may use.

    Returns
    -------
    partial : Partial
        The sums are those of the in-memory fit, whatever the split into shards.

    Raises
    ------
    ValueError
        For NaN or infinity, a shard or centres of another width, a weight below zero, a range without this shard.

    Notes
    -----
    No state is kept between calls and every field is a number or an array, so that any engine may run the shards
    anywhere. The cost is that of one Lloyd iteration over the shard.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.cluster import data_range, merge_ranges, new_centers, partial_step, reduce
    >>> shards = [np.array([[0.0], [2.0]]), np.array([[10.0], [12.0]])]
    >>> whole = merge_ranges(map(data_range, shards))
    >>> centers = np.array([[0.0], [9.0]], np.float32)
    >>> parts = [partial_step(shard, centers, data_range=whole) for shard in shards]
    >>> new_centers(reduce(parts), centers, data_range=whole)[0].tolist()
    [[1.0], [11.0]]
    """
    samples, is_sparse = samples_of(shard, sample_weight, metric, n_threads)
    if samples.n_features != data_range.n_features:
        raise ValueError(f"shard has {samples.n_features} features; data_range has {data_range.n_features}")
    _check_within(data_range, DataRange(*samples.data_range(), is_sparse))
    before = None if previous_labels is None else np.asarray(previous_labels)
    return step(samples, centers_of(centers), data_range.scales(metric), before, inertia=inertia)


def _check_within(whole: DataRange, shard: DataRange) -> None:
    """Refuse a shard that its range does not have: integers that are scaled for less would overflow."""
    if shard.n_samples and shard.is_sparse != whole.is_sparse:
        raise ValueError("shards must be all dense or all sparse; got both")
    if shard.total_weight > whole.total_weight:
        raise ValueError(
            f"data_range must be that of all shards; its total_weight is {whole.total_weight}, this shard's "
            f"{shard.total_weight}"
        )
    beyond = np.flatnonzero(shard.largest > whole.largest)
    if len(beyond):
        j = int(beyond[0])
        raise ValueError(
            f"data_range must be that of all shards; its largest[{j}] is {whole.largest[j]}, this shard's "
            f"{shard.largest[j]}"
        )


def step(
    samples: _core.Samples,
    centers: NDArray[np.float32],
    scales: tuple[NDArray[np.float64], float],
    previous_labels: NDArray[np.int32] | None,
    *,
    inertia: bool,
) -> Partial:
    """Return the partial of prepared samples."""
    n_samples = samples.n_samples
    before = np.full(n_samples, -1, np.int32) if previous_labels is None else previous_labels
    labels, sums, weight, changed, scored, candidates, digits, name = samples.partial_step(
        centers, *scales, before, inertia
    )
    return Partial(sums, weight, n_samples, changed, scored, candidates, digits, labels, name)


def reduce(partials: Iterable[Partial]) -> Partial:
    """Add partials up. Integers only: associative, commutative, the same bits in any order.

    Parameters
    ----------
    partials : iterable of Partial
        At least one, all with the same centres.

    Returns
    -------
    partial : Partial
        Of all shards together, without labels.

    Raises
    ------
    ValueError
        For no partial or different shapes.

    Examples
    --------
    >>> from coterie.cluster import data_range, partial_step, reduce
    >>> shard = [[1.0], [3.0]]
    >>> part = partial_step(shard, [[2.0]], data_range=data_range(shard))
    >>> reduce([part, part]).inertia
    4.0
    """

    def added(a: Partial, b: Partial) -> Partial:
        if a.sums.shape != b.sums.shape:
            raise ValueError(f"partials must have one shape; got sums of {a.sums.shape} and {b.sums.shape}")
        return Partial(
            a.sums + b.sums,
            a.cluster_weight + b.cluster_weight,
            a.n_samples + b.n_samples,
            a.n_changed + b.n_changed,
            a.n_scored + b.n_scored,
            a.n_candidates + b.n_candidates,
            add_exact(a.inertia_digits, b.inertia_digits),
            None,
            min(a.filter, b.filter),
        )

    total = functools.reduce(added, at_least_one("partials", partials))
    return dataclasses.replace(total, labels=None)


def new_centers(
    partial: Partial, centers: ArrayLike, *, data_range: DataRange, metric: str = "euclidean"
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the centres after the iteration that the reduced partial describes.

    Parameters
    ----------
    partial : Partial
        Of all shards together.
    centers : array-like of shape (n_clusters, n_features)
        The centres of the iteration; an empty cluster keeps its own.
    data_range : DataRange
        Of all shards together.
    metric : {"euclidean", "cosine"}, default="euclidean"
        As in :class:`KMeans`; cosine centres have unit length.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features), float32
        Weighted means of the clusters.
    squared_shift : ndarray of shape (n_clusters,), float64
        Squared distance that each centre moved.

    Notes
    -----
    These are the bits of an iteration of :meth:`KMeans.fit`, except that it also moves the rows farthest from their
    centres to the clusters that are empty.

    Examples
    --------
    >>> from coterie.cluster import data_range, new_centers, partial_step
    >>> shard = [[1.0], [4.0]]
    >>> whole = data_range(shard)
    >>> new_centers(partial_step(shard, [[2.0]], data_range=whole), [[2.0]], data_range=whole)
    (array([[2.5]], dtype=float32), array([0.25]))
    """
    nothing = no_rows(data_range, metric)
    return nothing.new_centers(
        centers_of(centers), *data_range.scales(metric), partial.sums, partial.cluster_weight
    )


def no_rows(data_range: DataRange, metric: str, n_threads: int | None = None) -> _core.Samples:
    """Return samples without rows, of the range's width and kind."""
    check_option("metric", metric, ("euclidean", "cosine"))
    rows: Any = np.empty((0, data_range.n_features), np.float32)
    if data_range.is_sparse:
        rows = (np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(1, np.int64), data_range.n_features)
    return _core.Samples(rows, None, metric, check_n_threads(n_threads))
