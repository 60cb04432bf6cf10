"""The answer of the neighbour searches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of each row, best first.

    The neighbours of row ``i`` are at ``[indptr[i], indptr[i + 1])`` of ``flat_indices`` and
    ``flat_similarities``. Rows may have different numbers of them.

    Attributes
    ----------
    indptr : ndarray of shape (n_samples + 1,), int64
        Where each row's neighbours begin and end.
    flat_indices : ndarray of shape (n_neighbours,), int32
        Rows of the second set.
    flat_similarities : ndarray of shape (n_neighbours,), float32
        Similarity to each of them; falls within a row.
    n_candidates : int
        Number of rows of the second set.

    Examples
    --------
    >>> from coterie.similarity import cosine_top_k
    >>> found = cosine_top_k([[1, 0], [1, 1], [0, 1]], threshold=0.5)
    >>> found.counts
    array([1, 2, 1])
    >>> found.indices
    array([[ 1, -1],
           [ 0,  2],
           [ 1, -1]], dtype=int32)
    >>> found.row(1)
    (array([0, 2], dtype=int32), array([0.70710677, 0.70710677], dtype=float32))
    """

    indptr: NDArray[np.int64]
    flat_indices: NDArray[np.int32]
    flat_similarities: NDArray[np.float32]
    n_candidates: int

    def __len__(self) -> int:
        """Return the number of rows that were asked about."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of neighbours of each row, int64 of shape (n_samples,)."""
        return np.diff(self.indptr)

    @cached_property
    def indices(self) -> NDArray[np.int32]:
        """Neighbours as a rectangle, int32 of shape (n_samples, largest count); -1 where a row has fewer."""
        return self._rectangle(self.flat_indices, np.int32(-1))

    @cached_property
    def similarities(self) -> NDArray[np.float32]:
        """Similarities as a rectangle, float32 of shape (n_samples, largest count); 0 where a row has fewer."""
        return self._rectangle(self.flat_similarities, np.float32(0))

    def row(self, i: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the neighbours of row ``i`` and their similarities, best first."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"i must be a row of {len(self)}; got {i}")
        start, stop = self.indptr[i % len(self)], self.indptr[i % len(self) + 1]
        return self.flat_indices[start:stop], self.flat_similarities[start:stop]

    def to_csr(self) -> sp.csr_array:
        """Return the similarities as canonical CSR, float32 of shape (n_samples, n_candidates).

        Columns increase within a row; a neighbour of similarity 0 is a stored zero.
        """
        shape = (len(self), self.n_candidates)
        arrays = (self.flat_similarities, self.flat_indices, self.indptr)
        csr = sp.csr_array(arrays, shape=shape, copy=True)
        csr.sort_indices()
        return csr

    def _rectangle(self, flat: NDArray[T], fill: T) -> NDArray[T]:
        counts = self.counts
        width = int(counts.max(initial=0))
        rectangle = np.full((len(self), width), fill, dtype=flat.dtype)
        rectangle[np.arange(width) < counts[:, np.newaxis]] = flat
        return rectangle
