"""Samples as the similarity ops take them: checked, float32, without stored zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import CsrParts, RowsArgument, check_sparse_structure, refuse_masked, rows_argument


def prepare_rows(name: str, X: Any, *, sparse: bool = False, check_dense_values: bool = True) -> RowsArgument:
    """Return ``X`` for the compiled ops, or raise naming what is wrong and where.

    With ``sparse`` a dense array becomes CSR. Stored zeros are dropped, so that equal rows are stored equally. Without
    ``check_dense_values`` NaN and infinity in dense rows are left to the op, which meets them anyway.
    """
    refuse_masked(name, X)
    matrix: Any = X if sp.issparse(X) else np.asarray(X)
    kind = matrix.dtype.kind
    if kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {matrix.dtype}")
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features; got {matrix.ndim}")
    if sparse and not sp.issparse(matrix):
        matrix = sp.csr_array(matrix.astype(matrix.dtype.newbyteorder("="), copy=False))
    check_sparse_structure(matrix)
    with np.errstate(over="ignore"):  # what overflows float32 is refused below, with its place
        rows = rows_argument(matrix)
    if isinstance(rows, tuple):
        _check_finite_csr(name, rows)
        return _without_zeros(rows)
    if check_dense_values:
        check_finite_dense(name, rows)
    return rows


def check_finite_dense(name: str, rows: NDArray[np.float32]) -> None:
    """Raise naming the first value that is NaN or infinite."""
    finite = np.isfinite(rows)
    if not finite.all():
        i, j = (int(at) for at in np.argwhere(~finite)[0])
        raise ValueError(f"{name} must be finite in float32; got {name}[{i}, {j}]={rows[i, j]}")


def n_rows(rows: RowsArgument) -> int:
    """Number of samples."""
    return len(rows[2]) - 1 if isinstance(rows, tuple) else rows.shape[0]


def n_columns(rows: RowsArgument) -> int:
    """Number of features."""
    return rows[3] if isinstance(rows, tuple) else rows.shape[1]


def take_rows(rows: RowsArgument, chosen: NDArray[np.int32]) -> RowsArgument:
    """Return a copy of the chosen rows, in that order."""
    if not isinstance(rows, tuple):
        return np.ascontiguousarray(rows[chosen])
    data, indices, indptr, width = rows
    csr = sp.csr_array((data, indices, indptr), shape=(len(indptr) - 1, width), copy=False)[chosen]
    return (csr.data, csr.indices.astype(np.int32, copy=False), csr.indptr.astype(np.int64), width)


def narrow_columns(*samples: CsrParts) -> tuple[CsrParts, ...]:
    """Renumber columns, in order, when most of a very wide matrix is empty; similarities do not change.

    The compiled join keeps a few bytes per column and thread.
    """
    width = samples[0][3]
    if width <= 4 * sum(len(part[1]) for part in samples) + 2**20:
        return samples
    used = np.unique(np.concatenate([np.unique(part[1]) for part in samples]))
    return tuple(
        (data, np.searchsorted(used, indices).astype(np.int32), indptr, len(used))
        for data, indices, indptr, _ in samples
    )


def _check_finite_csr(name: str, rows: CsrParts) -> None:
    data, indices, indptr, _ = rows
    finite = np.isfinite(data)
    if not finite.all():
        at = int(np.argmin(finite))
        i = int(np.searchsorted(indptr, at, side="right")) - 1
        raise ValueError(f"{name} must be finite in float32; got {name}[{i}, {indices[at]}]={data[at]}")


def _without_zeros(rows: CsrParts) -> CsrParts:
    data, indices, indptr, width = rows
    if data.all():
        return rows
    stored = np.concatenate(([0], np.cumsum(data != 0)))
    return (data[data != 0], indices[data != 0], stored[indptr].astype(np.int64), width)
