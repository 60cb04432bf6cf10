"""All pairwise distances of some rows, in the condensed form of SciPy: reproducible to the bit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from coterie import _core
from coterie._validation import check_n_threads, rows_argument
from coterie.similarity import jaccard_top_k

_BLOCK = 4_194_304  # distances held in addition to the answer
_PRODUCTS = 10_000_000  # of a block of sparse rows: SciPy multiplies them without looking for Ctrl-C


def condensed_distances(X: Any, metric: str, n_threads: int | None) -> NDArray[np.float64]:
    """Return d(i, j) for i < j, row by row: float64 of shape (n (n - 1) / 2,).

    ``metric`` is "euclidean", "cosine" (a zero row is at distance 1 from every row), "jaccard" or "weighted_jaccard".
    """
    n = X.shape[0]
    distances = np.empty(n * (n - 1) // 2)
    end = 0
    for start, block in _blocks(X, metric, n_threads):
        for offset in range(block.shape[0]):
            row = block[offset, offset + 1 :]
            distances[end : end + len(row)] = row
            end += len(row)
        assert end == (start + block.shape[0]) * (2 * n - start - block.shape[0] - 1) // 2
    return distances


def _blocks(X: Any, metric: str, n_threads: int | None) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (start, distances of the rows from start on to all rows from start on)."""
    n = X.shape[0]
    norms = _squared_norms(X) if sp.issparse(X) else None
    ends = _ends(X)
    for start, end in itertools.pairwise([0, *ends]):
        part, rest = X[start:end], X[start:]
        if metric in ("jaccard", "weighted_jaccard"):
            weighted = metric == "weighted_jaccard"
            found = jaccard_top_k(part, rest, k=n - start, weighted=weighted, n_threads=n_threads)
            yield start, 1.0 - found.to_csr().toarray().astype(np.float64)
        elif norms is None:
            samples = _core.Samples(rows_argument(rest), None, metric, check_n_threads(n_threads))
            others = normalize(part) if metric == "cosine" else part  # centres have unit length
            yield start, samples.distances(np.ascontiguousarray(others)).T
        else:
            products = (part.astype(np.float64) @ rest.astype(np.float64).T).toarray()
            yield start, _from_products(products, norms[start:end], norms[start:], metric)


def _ends(X: Any) -> list[int]:
    """Return where blocks end: by the distances they hold and, of sparse rows, by the products these take."""
    n = X.shape[0]
    size = max(1, _BLOCK // max(n, 1))
    if not sp.issparse(X):
        return [*range(size, n, size), n] if n else []
    n_rows_of_column = np.bincount(X.indices, minlength=X.shape[1])
    of_element = np.concatenate([[0], np.cumsum(n_rows_of_column[X.indices])])
    products = of_element[X.indptr]
    ends = [0]
    while ends[-1] < n:
        start = ends[-1]
        within = int(np.searchsorted(products, products[start] + _PRODUCTS, side="right")) - 1
        ends.append(min(n, start + size, max(start + 1, within)))
    return ends[1:]


def _squared_norms(X: Any) -> NDArray[np.float64]:
    rows = X.astype(np.float64)
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()


def _from_products(
    products: NDArray[np.float64], norms: NDArray[np.float64], other: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    if metric == "euclidean":
        squared = norms[:, None] + other - 2.0 * products
        # what is left of equal rows is rounding
        squared[squared <= 1e-12 * (norms[:, None] + other)] = 0.0
        return np.asarray(np.sqrt(squared))
    scale = np.sqrt(norms[:, None] * other)
    cosine = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    distances = np.clip(1.0 - cosine, 0.0, 2.0)
    distances[distances < 1e-12] = 0.0
    return distances
