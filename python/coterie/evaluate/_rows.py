"""Dense or sparse rows, read in blocks of float64 with the scaling that the metric asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.topics._cluster_sums import check_csr_rows

# Elements of the largest temporary array: 32 MB of float64.
BLOCK = 4_194_304
# Differences of so little, in proportion to what they are of, are taken for none.
ROUNDING = 1e-14


class Rows:
    """The rows of X as the metric sees them: with "cosine" each divided by its norm (zero rows stay zero).

    Dense rows with "euclidean" are moved by ``shift``, the mean of all rows: no distance changes, and squares
    of large offsets do not cancel.
    """

    def __init__(self, X: Any, metric: str, n_threads: int | None) -> None:
        self.metric = metric
        self.n_threads = n_threads
        self.is_sparse = sp.issparse(X)
        self.X = check_csr_rows(X) if self.is_sparse else X
        self.n_rows, self.n_features = self.X.shape
        self.shift = np.zeros(self.n_features)
        self.scale = np.ones(self.n_rows)
        if metric == "cosine":
            norms = np.sqrt(self.squared_norms())
            self.scale = np.divide(1.0, norms, out=np.ones(self.n_rows), where=norms > 0)
        elif not self.is_sparse:
            self.shift = self.X.mean(axis=0, dtype=np.float64)

    def blocks(self, width: int) -> Iterator[tuple[slice, Any]]:
        """Yield (slice, rows as float64): neither they nor rows times ``width`` exceed BLOCK elements."""
        stored = self.X.nnz // self.n_rows if self.is_sparse else self.n_features
        size = max(1, BLOCK // max(width, stored, 1))
        for start in range(0, self.n_rows, size):
            part = slice(start, min(start + size, self.n_rows))
            yield part, self.take(part)

    def take(self, index: slice | NDArray[np.intp]) -> Any:
        """Return the chosen rows as float64: an ndarray, or CSR of a sparse X."""
        if not self.is_sparse:
            return (self.X[index] - self.shift) * self.scale[index, None]
        rows = self.X[index].astype(np.float64)
        rows.data *= np.repeat(self.scale[index], np.diff(rows.indptr))
        return rows

    def squared_norms(self) -> NDArray[np.float64]:
        """Return |x|^2 of every row."""
        squares = np.empty(self.n_rows)
        for part, rows in self.blocks(1):
            if self.is_sparse:
                squares[part] = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
            else:
                squares[part] = np.einsum("ij,ij->i", rows, rows)
        if not np.isfinite(squares).all():
            row = int(np.flatnonzero(~np.isfinite(squares))[0])
            raise ValueError(f"X must have rows whose squared norm is finite; row {row} overflows")
        return squares
