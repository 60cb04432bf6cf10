"""Lloyd's algorithm over rows that are read anew in every iteration; the bits are those of the fit in memory."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import check_n_threads, rows_argument
from coterie.cluster import partial
from coterie.cluster._base import weight_of_part
from coterie.cluster._blocks import (
    LEAST_ROWS,
    BlockSize,
    dense_block_size,
    iterating_bytes,
    read_blocks,
    sparse_block_size,
    stacked,
)
from coterie.cluster._device_lloyd import DeviceLloyd
from coterie.cluster._exact import exact_value
from coterie.cluster._farthest import Farthest, rows_at
from coterie.cluster._sources import Block, RowSource

_SCRATCH_BYTES = 16 << 20  # scores of blocks of rows, interpreter, thread stacks
_PINNED_BYTES = 80 << 20  # blocks on their way to a device and results from it

Lloyd = _core.StreamedLloyd | DeviceLloyd


class NonzeroCenters(NamedTuple):
    """Elements of centres that are not +0, by feature, as a CSR matrix of features has them: most are, of terms."""

    places: NDArray[np.int64]
    clusters: NDArray[np.int32]
    values: NDArray[np.float32]

    def dense(self, n_clusters: int) -> NDArray[np.float32]:
        """Return the centres, bit for bit."""
        n_features = len(self.places) - 1
        centers = np.zeros((n_clusters, n_features), np.float32)
        centers[self.clusters, np.repeat(np.arange(n_features), np.diff(self.places))] = self.values
        return centers


@dataclass
class LloydState:
    """Where a run stands between two iterations. The sums are those of the labels."""

    centers: (
        NDArray[np.float32] | NonzeroCenters | None
    )  # None while a run goes on from them, except where it saves its state
    labels: NDArray[np.int32]
    n_iter: int = 0
    n_scored: int = 0
    n_candidates: int = 0
    filter: str = "float32"
    finished: bool = False  # only the last assignment is missing
    converged: bool = False


class Stream:
    """Rows behind a source, with the operations that a fit asks of samples in memory."""

    def __init__(
        self,
        source: RowSource,
        n_clusters: int,
        metric: str,
        n_threads: int | None,
        memory_limit: int | None,
        *,
        draws_seeds: bool,
        device: _core.Device | None = None,
    ) -> None:
        self._source, self._metric, self._n_threads = source, metric, check_n_threads(n_threads)
        self._k, self._draws_seeds, self._device = n_clusters, draws_seeds, device
        self._here: _core.StreamedLloyd | None = None
        self._there: DeviceLloyd | None = None
        self._weight: NDArray[np.float64] | None = None
        self._sampled: tuple[NDArray[np.int64], Any] | None = None
        self._n_features, self._nonzeros_per_row = self._first_rows()
        self._block_size = self._blocks_within(memory_limit, 0)
        self.range = self._measure()
        self._block_size = self._blocks_within(memory_limit, self.range.n_samples)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        return self.range.n_samples, self._n_features

    def set_weight(self, weight: NDArray[np.float64] | None) -> None:
        """Take the checked weights of all rows."""
        self._weight = weight
        if weight is not None:
            rows = np.empty((len(weight), 0), np.float32)
            total = _core.Samples(rows, weight, self._metric, self._n_threads).data_range()[3]
            self.range = dataclasses.replace(self.range, total_weight_digits=total)

    def mean_feature_variance(self) -> float:
        """As ``_core.Samples.mean_feature_variance``; one pass."""
        scale, _ = _core.integer_scales(self.range.largest, self.range.n_samples, self._metric)
        sums = np.zeros(self._n_features, np.int64)
        for _, block in self._pass():
            sums += self._samples(rows_argument(block), None).feature_sums(scale)
        is_cosine = self._metric == "cosine"
        norm = float(self.range.n_nonzero) if is_cosine else exact_value(self.range.squared_norm_digits)
        return _core.variance_from_sums(self.range.n_samples, norm, sums, scale)

    def kmeans_plusplus(self, n_clusters: int, n_local_trials: int, seed: int) -> NDArray[np.int64]:
        """As ``_core.Samples.kmeans_plusplus``; one pass for the rows to draw from."""
        rows, samples = self._sample_for_seeds(n_clusters, seed)
        return rows[samples.kmeans_plusplus(n_clusters, n_local_trials, seed)]

    def kmeans_parallel(self, n_clusters: int, seed: int) -> NDArray[np.int64]:
        """As ``_core.Samples.kmeans_parallel``; one pass for the rows to draw from."""
        rows, samples = self._sample_for_seeds(n_clusters, seed)
        return rows[samples.kmeans_parallel(n_clusters, seed)]

    def _sample_for_seeds(self, n_clusters: int, seed: int) -> tuple[NDArray[np.int64], _core.Samples]:
        rows = _core.rows_to_seed_from(self.range.n_samples, n_clusters, seed)
        values = self._gathered(rows)
        self._sampled = rows, values
        return rows, self._samples(rows_argument(values), weight_of_part(self._weight, rows))

    def __getitem__(self, rows: NDArray[np.int64]) -> Any:
        """Return the rows with these numbers, in this order."""
        if self._sampled is not None:
            sampled, values = self._sampled
            self._sampled = None
            place = np.searchsorted(sampled, rows)
            if (place < len(sampled)).all() and (sampled[place] == rows).all():
                return rows_at(values, place)
        increasing, order = np.unique(rows, return_inverse=True)
        return rows_at(self._gathered(increasing), order)

    def start(self, centers: NDArray[np.float32]) -> LloydState:
        """Return the state before the first iteration."""
        return LloydState(centers, np.full(self.range.n_samples, -1, np.int32))

    def lloyd(
        self,
        state: LloydState,
        max_iter: int,
        tol: float,
        on_iteration: Callable[[int, int], None] | None,
        save: Callable[[LloydState], None] | None,
    ) -> _core.LloydRun:
        """As ``_core.Samples.lloyd``, from any state; ``save`` is called after each iteration."""
        lloyd = self._lloyd_here() if self._device is None else self._lloyd_on_device(self._device)
        centers = state.centers
        assert centers is not None  # as it was made or saved
        is_new = state.n_iter == 0
        lloyd.start(centers.dense(self._k) if isinstance(centers, NonzeroCenters) else centers, is_new)
        del centers
        state.centers = None
        while not state.finished:
            changed, _ = self._pass_of(lloyd, state, is_last=False)
            squared_shift = self._update(lloyd, state.labels)
            # From left to right: sum() would compensate.
            shift = functools.reduce(operator.add, squared_shift.tolist(), 0.0)
            state.n_iter += 1
            state.converged = changed == 0
            state.finished = state.converged or shift <= tol or state.n_iter >= max_iter
            if on_iteration is not None:
                on_iteration(state.n_iter, changed)
            if save is not None:
                state.centers = self._centers_to_save(lloyd)
                save(state)
                state.centers = None
        _, inertia = self._pass_of(lloyd, state, is_last=True)
        per_row = state.n_candidates / max(1, state.n_scored)
        return state.labels, lloyd.centers(), inertia, state.n_iter, state.converged, per_row, state.filter

    def _centers_to_save(self, lloyd: Lloyd) -> NDArray[np.float32] | NonzeroCenters:
        if self._nonzeros_per_row is None or isinstance(lloyd, DeviceLloyd):
            return lloyd.centers()
        return NonzeroCenters(*lloyd.nonzero_centers())

    def _pass_of(self, lloyd: Lloyd, state: LloydState, *, is_last: bool) -> tuple[int, float]:
        """Bring labels up to date in one pass; return how many changed and, of the last pass, the inertia."""
        lloyd.begin(is_last)
        for rows, block in self._pass():
            if isinstance(lloyd, DeviceLloyd):  # it works on a block while the next one is copied to it
                given = None if self._weight is None else self._weight[rows]
                lloyd.add(rows_argument(block), given, state.labels[rows])
            else:
                lloyd.add(self._block_samples(rows, block), rows.start, state.labels[rows])
        changed, scored, candidates, inertia_digits, norm_digits, state.filter = lloyd.finish()
        self._check_same_rows(norm_digits)
        state.n_scored += scored
        state.n_candidates += candidates
        return changed, exact_value(inertia_digits)

    def _update(self, lloyd: Lloyd, labels: NDArray[np.int32]) -> NDArray[np.float64]:
        """Move the centres to their means; where clusters are empty, in a pass that finds the farthest rows."""
        empty = np.flatnonzero(lloyd.cluster_weight() == 0)
        nothing, nowhere = partial.no_rows(self.range, self._metric), np.empty(0, np.int32)
        if len(empty) == 0:
            return lloyd.update_centers(nothing, nowhere, nowhere)
        farthest = Farthest(min(len(empty), self.range.n_samples))
        for rows, block in self._pass():
            samples = self._block_samples(rows, block)
            farthest.offer(lloyd.own_distances(samples, labels[rows]), rows.start, block)
        n_moved = int(np.count_nonzero(farthest.distance))  # the others sit on their centres
        if n_moved == 0:
            return lloyd.update_centers(nothing, nowhere, nowhere)
        row = farthest.row[:n_moved]
        weight = None if self._weight is None else self._weight[row]
        moved = self._samples(rows_argument(rows_at(farthest.values, slice(0, n_moved))), weight)
        return lloyd.update_centers(moved, labels[row], empty[:n_moved].astype(np.int32))

    def _lloyd_here(self) -> _core.StreamedLloyd:
        if self._here is None:
            is_sparse, scales = self._nonzeros_per_row is not None, self.range.scales(self._metric)
            n = self.range.n_samples
            self._here = _core.StreamedLloyd(n, self._k, is_sparse, self._metric, *scales, self._n_threads)
        return self._here

    def _lloyd_on_device(self, device: _core.Device) -> DeviceLloyd:
        if self._there is None:
            per_row, size = self._nonzeros_per_row, self._block_size
            most_rows = min(size.rows, self.range.n_samples)
            expected = 0 if per_row is None else size.nonzeros or int(most_rows * per_row) + 1
            room = _core.DevicePass(
                device,
                self._metric,
                per_row is not None,
                self._k,
                *self.range.scales(self._metric),
                most_rows,
                expected,
                self._weight is not None,
                self._n_threads,
            )
            self._there = DeviceLloyd(room, self.range, self._metric, self._k)
        return self._there

    def _pass(self) -> Iterator[tuple[slice, Block]]:
        """Yield blocks with the rows that they are; refuse a source that changed its mind."""
        n_samples, first = self.range.n_samples, 0
        for block in read_blocks(self._source, self._block_size, self._n_features):
            end = first + block.shape[0]
            if end > n_samples:
                break
            yield slice(first, end), block
            first = end
        else:
            end = first
        if end != n_samples:
            more = "at least " if end > n_samples else ""
            raise ValueError(
                f"X gave {more}{end} rows in a later pass and {n_samples} in the first; it must give the same rows "
                "every time"
            )

    def _check_same_rows(self, norms: NDArray[np.uint32]) -> None:
        """Sums of differences and their scales hold for the rows of the first pass only."""
        if not np.array_equal(norms, self.range.squared_norm_digits):
            raise ValueError(
                "X gave other rows in a later pass than in the first; it must give the same every time"
            )

    def _measure(self) -> partial.DataRange:
        ranges: list[partial.DataRange] = []
        first = n_stored = 0
        for block in read_blocks(self._source, self._block_size, self._n_features):
            samples = self._checked(first, block, None)
            is_sparse = not isinstance(block, np.ndarray)
            measured = partial.DataRange(*samples.data_range(), is_sparse=is_sparse)
            ranges = [partial.merge_ranges([*ranges, measured])]
            first += block.shape[0]
            n_stored += block.nnz if is_sparse else 0
        if not ranges:
            raise ValueError("Found array with 0 sample(s): X gave no row; a minimum of 1 is required")
        if self._nonzeros_per_row is not None:
            self._nonzeros_per_row = n_stored / first
        return ranges[0]

    def _first_rows(self) -> tuple[int, float | None]:
        """Return the number of features and, of sparse rows, the stored elements per row of the first block."""
        for block in read_blocks(self._source, BlockSize(LEAST_ROWS)):
            if block.shape[1] == 0:
                raise ValueError("Found array with 0 feature(s): a minimum of 1 is required")
            is_sparse = sp.issparse(block)
            return int(block.shape[1]), block.nnz / block.shape[0] if is_sparse else None
        raise ValueError("Found array with 0 sample(s): X gave no row; a minimum of 1 is required")

    def _gathered(self, rows: NDArray[np.int64]) -> Any:
        """Return the rows with these increasing numbers, in one pass."""
        dense: Any = None
        found = []
        for part, block in self._pass():
            begin, end = (int(place) for place in np.searchsorted(rows, (part.start, part.stop)))
            inside = rows[begin:end] - part.start
            if isinstance(block, np.ndarray):
                dense = np.empty((len(rows), self._n_features), np.float32) if dense is None else dense
                np.take(block, inside, axis=0, out=dense[begin:end])
            elif len(inside):
                found.append(block[inside])
        return stacked(found) if dense is None else dense

    def _block_samples(self, rows: slice, block: Block) -> _core.Samples:
        return self._checked(rows.start, block, None if self._weight is None else self._weight[rows])

    def _checked(self, first: int, block: Block, weight: NDArray[np.float64] | None) -> _core.Samples:
        """Prepare a block; a value that is not finite is named by its row in the whole."""
        try:
            return self._samples(rows_argument(block), weight)
        except ValueError:
            bad = ~np.isfinite(block if isinstance(block, np.ndarray) else block.toarray())
            if not bad.any():
                raise
            i, j = (int(v) for v in np.argwhere(bad)[0])
            value = block[i, j]
        raise ValueError(f"X must be finite; X[{first + i}, {j}]={value} (NaN or infinity)")

    def _samples(self, rows: Any, weight: NDArray[np.float64] | None) -> _core.Samples:
        return _core.Samples(rows, weight, self._metric, self._n_threads)

    def _blocks_within(self, limit: int | None, n_samples: int) -> BlockSize:
        per_row, what = self._nonzeros_per_row, self._described()
        if per_row is None:
            # While seeds are drawn: float32, and what a filter may hold of each row.
            per_seeding_row = 4.0 * self._n_features + _core.seed_filter_bytes(self._n_features)
            fixed = self._fixed_bytes(n_samples, per_seeding_row, 0)
            return dense_block_size(limit, fixed, self._n_features, what)
        # Sums and centres by feature have their clusters in lines of 16.
        padding = (-self._k % 16) * self._n_features * (8 + 4)
        fixed = self._fixed_bytes(n_samples, 24.0 * per_row, padding)
        return sparse_block_size(limit, fixed, per_row, self._n_features, what)

    def _fixed_bytes(self, n_samples: int, row_bytes: float, padding: int) -> int:
        """What a fit holds besides blocks of rows: in iterations, or while it draws seeds."""
        elements = self._k * self._n_features
        if self._device is None:
            iterating = iterating_bytes(n_samples, elements) + padding
        else:
            # Sums: all, those of a pass inside and on the way, the new ones. Centres: three, packed, in small.
            iterating = 16 * n_samples + elements * (4 * 8 + 5 * 4) + padding
        # The rows to draw seeds from; of each one its number, norm, and distances to eight trials.
        n_seeding = min(n_samples, 32768 + 64 * self._k) if self._draws_seeds else self._k
        pinned = 0 if self._device is None else _PINNED_BYTES
        return _SCRATCH_BYTES + pinned + max(iterating, int(n_seeding * (row_bytes + 8 * 12)))

    def _described(self) -> str:
        return f"for n_clusters={self._k} and {self._n_features} features"
