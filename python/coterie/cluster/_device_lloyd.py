"""What ``_core.StreamedLloyd`` is here, for rows that pass through a device, which keeps no sums from pass to pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import RowsArgument
from coterie.cluster import partial


class DeviceLloyd:
    """Centres and sums of a fit; the device is sent the centres and gives what a pass adds to the sums."""

    def __init__(
        self, room: _core.DevicePass, data_range: partial.DataRange, metric: str, n_clusters: int
    ) -> None:
        self._room, self._k = room, n_clusters
        self._nothing = partial.no_rows(data_range, metric)
        self._scales = data_range.scales(metric)
        self._n_features = data_range.n_features

    def start(self, centers: NDArray[np.float32], are_new: bool) -> None:
        """Go on from these centres, in unit length if they are new; what is known of rows is forgotten."""
        self._centers = self._nothing.start_centers(centers) if are_new else centers
        self._sums = np.zeros((self._k, self._n_features), np.int64)
        self._weight = np.zeros(self._k, np.int64)
        self._has_rows = self._is_last = False

    def begin(self, is_last: bool) -> None:
        """Begin a pass; the last one finds labels and inertia and leaves the sums as they are."""
        self._is_last = is_last
        self._room.begin(self._centers, self._has_rows, is_last)

    def add(self, rows: RowsArgument, weight: NDArray[np.float64] | None, labels: NDArray[np.int32]) -> None:
        """Take the next rows; their labels change until the pass is finished."""
        self._room.add(rows, weight, labels)

    def finish(self) -> _core.StreamedPass:
        """Return what the pass found."""
        sums, weight, changed, scored, candidates, inertia, norms, name = self._room.finish()
        if not self._is_last:
            self._sums += sums
            self._weight += weight
            self._has_rows = True
        return changed, scored, candidates, inertia, norms, name

    def cluster_weight(self) -> NDArray[np.int64]:
        """Return the weight of each cluster as an integer."""
        return self._weight

    def own_distances(self, block: _core.Samples, labels: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the distance of each row to the centre of its cluster."""
        return block.own_distances(self._centers, labels)

    def update_centers(
        self, moved: _core.Samples, source: NDArray[np.int32], target: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Make the centres the means, as if the moved rows were in other clusters; return how far they went."""
        sums, weight = self._sums, self._weight
        if moved.n_samples:
            difference: Any = moved.moved_rows(self._k, *self._scales, source, target)
            sums, weight = sums + difference[0], weight + difference[1]
        self._centers, shift = self._nothing.new_centers(self._centers, *self._scales, sums, weight)
        return shift

    def centers(self) -> NDArray[np.float32]:
        """Return the centres."""
        return self._centers
