"""Centres that mini-batches move: whole ones, and those of CSR rows, of which a step touches only its own terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie import _core
from coterie.cluster._base import Centers

MakeSamples = Callable[[Any], _core.Samples]
_LEAST_SCALE = 2.0**-20


class WholeCenters:
    """Centres of dense rows."""

    def __init__(self, centers: Centers) -> None:
        self._centers = centers

    def step(
        self, X: Any, samples_of: MakeSamples, seen: NDArray[np.float64], *, with_shift: bool
    ) -> tuple[NDArray[np.float64], float, float]:
        """Move the centres by a batch.

        Returns the weight that each has seen then, the inertia of the batch before, and the squared shift if it is
        asked for, else 0.
        """
        before = self._centers
        _, self._centers, weight, loss, _, _ = samples_of(X).minibatch_step(before, seen)
        shift = float(((self._centers.astype(np.float64) - before) ** 2).sum()) if with_shift else 0.0
        return weight, loss, shift

    def replace(self, which: NDArray[np.intp], rows: Any, metric: str) -> None:
        """Put rows of a batch in the place of some, as the metric sees them."""
        centers = self._centers.copy()
        for c, row in zip(which, rows, strict=True):
            centers[c] = _as_seen(row, metric)
        self._centers = centers

    def whole(self) -> Centers:
        """Return the centres."""
        return self._centers


class ScaledCenters:
    """Centres of CSR rows: ``scale[c] * values[c]``, their squared norms beside them.

    A step c <- (c W + sum w x) / (W + sum w) changes all features by one factor, but for those that the batch has.
    """

    def __init__(self, centers: Centers) -> None:
        self._values = np.array(centers)
        self._scale = np.ones(len(centers))
        self._squared_norm = np.array([_squared_norm(row) for row in centers])
        self._place = np.zeros(centers.shape[1], np.int32)  # of a feature among those of the batch

    def step(
        self, X: Any, samples_of: MakeSamples, seen: NDArray[np.float64], *, with_shift: bool
    ) -> tuple[NDArray[np.float64], float, float]:
        """As :meth:`WholeCenters.step`."""
        columns, batch = self._restricted(X)
        here = np.take(self._values, columns, axis=1) * self._scale[:, None].astype(np.float32)
        _, moved, weight, loss, factor, norms = samples_of(batch).minibatch_step(
            here, seen, self._squared_norm
        )
        shift = self._squared_shift(here, moved, factor) if with_shift else 0.0
        self._squared_norm = norms
        self._shrink(factor)
        moved /= self._scale[:, None].astype(np.float32)
        for row, here in zip(self._values, moved, strict=True):  # at once it would take twice as long
            row[columns] = here
        return weight, loss, shift

    def replace(self, which: NDArray[np.intp], rows: Any, metric: str) -> None:
        """As :meth:`WholeCenters.replace`; the rows are sorted in place."""
        rows.sum_duplicates()
        for c, first, end in zip(which, rows.indptr, rows.indptr[1:], strict=False):
            row = _as_seen(rows.data[first:end], metric).astype(np.float32)
            self._values[c] = 0
            self._values[c, rows.indices[first:end]] = row
            self._scale[c], self._squared_norm[c] = 1.0, _squared_norm(row)

    def whole(self) -> Centers:
        """As :meth:`WholeCenters.whole`."""
        return np.asarray(self._values * self._scale[:, None].astype(np.float32))

    def _restricted(self, X: Any) -> tuple[NDArray[np.intp], sp.csr_array]:
        """Return the features of a batch, increasing, and the batch in these features."""
        indices = X.indices[: X.indptr[-1]]
        self._place[indices] = 1
        columns = np.flatnonzero(self._place)
        if len(columns) == 0:
            columns = np.zeros(1, np.intp)
        self._place[columns] = np.arange(len(columns))
        places = self._place[indices]
        self._place[columns] = 0
        batch = sp.csr_array((X.data[: X.indptr[-1]], places, X.indptr), shape=(X.shape[0], len(columns)))
        return columns, batch

    def _shrink(self, factor: NDArray[np.float64]) -> None:
        """Multiply the scales; one that would lose digits of what is divided by it goes into the values."""
        self._scale *= factor
        for c in np.flatnonzero(self._scale < _LEAST_SCALE):
            self._values[c] = self._values[c] * np.float32(self._scale[c]) + np.float32(0)  # no -0
            self._scale[c] = 1.0

    def _squared_shift(self, before: Centers, moved: Centers, factor: NDArray[np.float64]) -> float:
        elsewhere = self._squared_norm - np.array([_squared_norm(row) for row in before])
        difference = np.array([_squared_norm(row) for row in moved - before])
        return float((difference + np.maximum(elsewhere, 0) * (1 - factor) ** 2).sum())


def _as_seen(row: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    """Return a row, of unit length for the cosine; a zero row stays one."""
    norm = np.sqrt(_squared_norm(row)) if metric == "cosine" else 1.0
    return np.asarray(row.astype(np.float64) / (norm or 1.0))


def _squared_norm(row: NDArray[np.float32]) -> float:
    wide = row.astype(np.float64)
    return float((wide * wide).sum())
