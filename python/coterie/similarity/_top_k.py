"""Exact nearest neighbours by cosine and Jaccard similarity."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._device import LentRows, device_of, open_device
from coterie._validation import CsrParts, RowsArgument, check_integer, check_n_threads, check_real
from coterie.similarity._arguments import (
    check_finite_dense,
    n_columns,
    n_rows,
    narrow_columns,
    prepare_rows,
    take_rows,
)
from coterie.similarity._neighbours import Neighbours

_MOST_ON_DEVICE = 1024  # kMostNeighbours of cpp/similarity/device_best.hpp
_FEW_ROWS = 32  # kFewRows of cpp/similarity/dense_direct.cpp

Search = Callable[..., tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]]


def cosine_top_k(
    X: Any,
    Y: Any = None,
    *,
    k: int | None = None,
    threshold: float | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
) -> Neighbours:
    """Find, for each row of ``X``, the rows of ``Y`` with the largest cosine similarity.

    The answer is exact. Each similarity is <x, y> / (|x| |y|) computed in float64 in a fixed order and rounded
    once to float32; neighbours are ranked by the float64 value, ties by the lower row number. The bits do not
    depend on the number of threads or the instruction set.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows to find neighbours for. Other real dtypes are converted to float32. A float32 tensor on a GPU (PyTorch,
        CuPy, JAX, `DeviceRows`) is searched where it lies, by DLPack.
    Y : array-like or sparse matrix of shape (n_candidates, n_features), optional
        Rows to search, dense if ``X`` is dense and sparse if it is sparse, on the GPU if ``X`` is. By default ``X``
        itself; a row is then not its own neighbour.
    k : int, optional
        At most so many neighbours per row, >= 1. All other rows compete, also those of similarity 0 or below: with
        k but no threshold a row gets min(k, number of other rows) neighbours.
    threshold : float, optional
        Least similarity, in [-1, 1], compared as float32 with the float32 similarity. At least one of ``k`` and
        ``threshold`` must be given; with the threshold alone every row gets all that reach it.
    n_threads : int, optional
        Threads to use; all available cores by default.
    device : str, default="cpu"
        "cpu"; "cuda" or "cuda:N", an NVIDIA GPU, for ``k`` up to 1024 or a threshold alone; or "auto", where ``X``
        lies, else a GPU if one can do it. The bits are the same, and what is asked for is what runs.

    Returns
    -------
    Neighbours
        Row numbers in ``Y`` and similarities, best first.

    Raises
    ------
    ValueError
        If a value is NaN, infinite or beyond float32 (named), the numbers of features differ, a sparse matrix is
        malformed, or neither ``k`` nor ``threshold`` is given.
    RuntimeError
        For a device that cannot be used; the message says why.
    TypeError
        If one of ``X`` and ``Y`` is dense and the other sparse, or the values are not real numbers.

    Notes
    -----
    A zero row has similarity 0 to every row. Dense: O(n_samples n_candidates n_features) in tiles. Sparse: term by
    term over the rows that share the term, frequent terms only while they can still change the answer; on tf-idf
    most of them are never read. Memory beyond input and answer does not grow with n_samples x n_candidates.

    References
    ----------
    .. [1] R. J. Bayardo, Y. Ma and R. Srikant, "Scaling up all pairs similarity search", WWW 2007.
    .. [2] D. C. Anastasiu and G. Karypis, "L2AP: Fast cosine similarity search with prefix L-2 norm bounds",
       ICDE 2014.

    Examples
    --------
    >>> from coterie.similarity import cosine_top_k
    >>> found = cosine_top_k([[1, 0], [1, 1], [0, 1]], k=1)
    >>> found.indices.ravel()
    array([1, 0, 1], dtype=int32)
    >>> found.similarities.ravel()
    array([0.70710677, 0.70710677, 0.70710677], dtype=float32)
    """
    limit, least = _limits(Y, k, threshold, lowest=-1.0)
    if device_of(X) is not None or device_of(Y) is not None:
        return _search_on_device(X, Y, limit, least, n_threads, device)
    rows = prepare_rows("X", X, check_dense_values=False)
    others = rows if Y is None else prepare_rows("Y", Y, check_dense_values=False)
    if isinstance(rows, tuple) and isinstance(others, tuple):
        sparse_rows, sparse_others = _matched(rows, others)
        return _search(
            _core.cosine_top_k, sparse_rows, sparse_others, Y is None, limit, least, n_threads, device
        )
    if isinstance(rows, tuple) or isinstance(others, tuple):
        kinds = ("sparse" if isinstance(part, tuple) else "dense" for part in (rows, others))
        raise TypeError("X and Y must both be dense or both be sparse; got {} X and {} Y".format(*kinds))
    _check_features(rows, others)
    try:
        return _search(_core.cosine_top_k, rows, others, Y is None, limit, least, n_threads, device)
    except ValueError:
        check_finite_dense("X", rows)
        check_finite_dense("Y", others)
        raise


def jaccard_top_k(
    X: Any,
    Y: Any = None,
    *,
    k: int | None = None,
    threshold: float | None = None,
    weighted: bool = False,
    n_threads: int | None = None,
    device: str = "cpu",
) -> Neighbours:
    """Find, for each row of ``X``, the rows of ``Y`` with the largest Jaccard similarity.

    Plain, a row is the set of its nonzero columns and J(A, B) = |A and B| / |A or B|. Weighted,
    J(x, y) = sum_j min(x_j, y_j) / sum_j max(x_j, y_j). The answer is exact: the sums are computed in float64 in a
    fixed order and the quotient is rounded once to float32; neighbours are ranked by the float64 value, ties by
    the lower row number. Two different plain similarities never tie while the sets have fewer than 2**26 elements.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows to find neighbours for. Dense input is converted to CSR.
    Y : array-like or sparse matrix of shape (n_candidates, n_features), optional
        Rows to search. By default ``X`` itself; a row is then not its own neighbour.
    k : int, optional
        At most so many neighbours per row, >= 1. All other rows compete, also those of similarity 0.
    threshold : float, optional
        Least similarity, in [0, 1], compared as float32 with the float32 similarity. At least one of ``k`` and
        ``threshold`` must be given.
    weighted : bool, default=False
        Whether values count, or only which of them are not zero.
    n_threads : int, optional
        Threads to use; all available cores by default.
    device : str, default="cpu"
        "cpu"; "cuda" or "cuda:N", an NVIDIA GPU, for ``k`` up to 1024 or a threshold alone; or "auto", where ``X``
        lies, else a GPU if one can do it. The bits are the same, and what is asked for is what runs.

    Returns
    -------
    Neighbours
        Row numbers in ``Y`` and similarities, best first.

    Raises
    ------
    ValueError
        If ``weighted`` and a value is negative (named), and as `cosine_top_k` does.
    TypeError
        If the values are not real numbers.

    Notes
    -----
    An empty row has similarity 0 to every row, another empty row included. Cost and memory as the sparse
    `cosine_top_k`.

    References
    ----------
    .. [1] P. Jaccard, "The distribution of the flora in the alpine zone", New Phytologist 11(2), 1912.

    Examples
    --------
    >>> from coterie.similarity import jaccard_top_k
    >>> found = jaccard_top_k([[1, 1, 0], [3, 1, 1]], k=1)
    >>> found.similarities.ravel()
    array([0.6666667, 0.6666667], dtype=float32)
    >>> jaccard_top_k([[1, 1, 0], [3, 1, 1]], k=1, weighted=True).similarities.ravel()
    array([0.4, 0.4], dtype=float32)
    """
    limit, least = _limits(Y, k, threshold, lowest=0.0)
    for name, given in (("X", X), ("Y", Y)):
        if (place := device_of(given)) is not None:
            raise TypeError(f"{name} must be on the host, which makes it CSR; it lies on {place}")
    rows = token_sets("X", X, weighted=weighted)
    others = rows if Y is None else token_sets("Y", Y, weighted=weighted)
    rows, others = _matched(rows, others)
    return _search(_core.jaccard_top_k, rows, others, Y is None, limit, least, n_threads, device)


def token_sets(name: str, X: Any, *, weighted: bool) -> CsrParts:
    """Return ``X`` as CSR of non-negative weights, or of ones when only the pattern counts."""
    rows = prepare_rows(name, X, sparse=True)
    assert isinstance(rows, tuple)
    data, indices, indptr, width = rows
    if not weighted:
        return np.ones_like(data), indices, indptr, width
    if len(data) and data.min() < 0:
        at = int(np.argmax(data < 0))
        i = int(np.searchsorted(indptr, at, side="right")) - 1
        raise ValueError(f"weighted Jaccard needs values >= 0; got {name}[{i}, {indices[at]}]={data[at]}")
    return rows


def _limits(Y: Any, k: int | None, threshold: float | None, lowest: float) -> tuple[int, float]:
    if isinstance(Y, numbers.Integral):
        raise TypeError(f"Y must be rows; got {Y}: the number of neighbours is k={Y}")
    if k is None and threshold is None:
        raise ValueError("k or threshold must be given; got neither")
    limit = 0 if k is None else check_integer("k", k, minimum=1)
    least = -np.inf if threshold is None else check_real("threshold", threshold, minimum=lowest, maximum=1.0)
    return limit, least


def _check_features(rows: RowsArgument, others: RowsArgument) -> None:
    if n_columns(rows) != n_columns(others):
        raise ValueError(
            f"X and Y must have the same number of features; got {n_columns(rows)} and {n_columns(others)}"
        )


def _matched(rows: CsrParts, others: CsrParts) -> tuple[CsrParts, CsrParts]:
    _check_features(rows, others)
    if others is rows:
        (narrow,) = narrow_columns(rows)
        return narrow, narrow
    narrow_rows, narrow_others = narrow_columns(rows, others)
    return narrow_rows, narrow_others


def _search(
    search: Search,
    rows: RowsArgument,
    others: RowsArgument,
    self_join: bool,
    k: int,
    threshold: float,
    n_threads: int | None,
    device: str,
) -> Neighbours:
    threads = check_n_threads(n_threads)
    opened = open_device(device)
    if opened is not None and k > _MOST_ON_DEVICE:
        if device != "auto":
            raise _too_many(k, device)
        opened = None
    n_candidates = n_rows(others)
    k = min(k, n_candidates)
    excluded = np.arange(n_candidates, dtype=np.int32) if self_join else None
    # A few rows are as quickly compared with all copies as these are found.
    kept = None if n_rows(rows) <= _FEW_ROWS else _useful(others, k, threads)
    if kept is not None:
        others = take_rows(others, kept)
        if excluded is not None:
            excluded = np.full(n_candidates, -1, dtype=np.int32)
            excluded[kept] = np.arange(len(kept), dtype=np.int32)
    if n_candidates == 0:
        if not isinstance(rows, tuple):
            check_finite_dense("X", rows)
        empty = np.zeros(n_rows(rows) + 1, dtype=np.int64)
        return Neighbours(empty, np.empty(0, np.int32), np.empty(0, np.float32), 0)
    indptr, indices, similarities = search(rows, others, k, threshold, excluded, threads, opened)
    return Neighbours(indptr, indices if kept is None else kept[indices], similarities, n_candidates)


def _search_on_device(
    X: Any, Y: Any, k: int, threshold: float, n_threads: int | None, device: str
) -> Neighbours:
    """Search rows that lie on a device, all of them there."""
    check_n_threads(n_threads)
    places = {name: device_of(given) for name, given in (("X", X), ("Y", Y)) if given is not None}
    if len(set(places.values())) > 1:
        where = " and ".join(f"{name} on {place or 'the host'}" for name, place in places.items())
        raise ValueError(f"X and Y must lie on one device; got {where}")
    opened = open_device(device, X)
    assert opened is not None  # X does not lie on the CPU
    if k > _MOST_ON_DEVICE:
        raise _too_many(k, device)
    rows, others = LentRows(X), LentRows(X if Y is None else Y, "Y")
    n_candidates = others.shape[0]
    excluded = np.arange(n_candidates, dtype=np.int32) if Y is None else None
    lent = None if Y is None else others.lend(opened)
    k, threads = min(k, n_candidates), check_n_threads(n_threads)
    found = _core.cosine_top_k(rows.lend(opened), lent, k, threshold, excluded, threads, opened)
    return Neighbours(*found, n_candidates)


def _too_many(k: int, device: str) -> ValueError:
    return ValueError(f"k must be 1 to {_MOST_ON_DEVICE} with device={device!r}; got {k}")


def _useful(others: RowsArgument, k: int, n_threads: int) -> NDArray[np.int32] | None:
    """Return the rows that can be among the best k of any row, or None for all of them.

    Equal rows have equal similarities and ties go to the lowest, so of equal rows only the first k + 1 matter (one
    may be the asking row itself). Without this, k neighbours among 100,000 copies would be chosen from 100,000 ties.
    """
    if k == 0:
        return None
    first = _core.identical_rows(others, n_threads)
    if np.array_equal(first, np.arange(len(first))):
        return None
    order = np.argsort(first, kind="stable")
    starts = np.flatnonzero(np.diff(first[order], prepend=-1))
    rank = np.arange(len(first)) - np.repeat(starts, np.diff(starts, append=len(first)))
    kept = np.sort(order[rank <= k]).astype(np.int32)
    return None if len(kept) == len(first) else kept
