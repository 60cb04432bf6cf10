"""The one place that tells users what was wrong with an argument: parameter, value got, value wanted."""

from __future__ import annotations

import importlib
import numbers
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_MOST_INTEGER = np.iinfo(np.int64).max
_MOST_THREADS = np.iinfo(np.int32).max

# What the compiled ops take for samples: float32 rows, or (data f32, indices i32, indptr i64, n_features).
CsrParts = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], int]
RowsArgument = NDArray[np.float32] | CsrParts


def check_integer(name: str, value: object, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return ``value`` as int that fits int64, or raise naming the parameter. bool is refused."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; got {value!r} of type {type(value).__name__}")
    result = int(value)
    if (minimum is not None and result < minimum) or (maximum is not None and result > maximum):
        raise ValueError(f"{name} must be {_range(minimum, maximum)}; got {result}")
    if abs(result) > _MOST_INTEGER:
        least = -_MOST_INTEGER if minimum is None else minimum
        raise ValueError(f"{name} must be {_range(least, _MOST_INTEGER)}; got {result}")
    return result


def check_boolean(name: str, value: object) -> bool:
    """Return ``value`` as bool, or raise naming the parameter. What merely counts as true is refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {value!r} of type {type(value).__name__}")
    return bool(value)


def check_seed(random_state: object) -> np.random.RandomState:
    """Return the generator that ``random_state`` means, or raise naming it."""
    from sklearn.utils import check_random_state  # a second's import that most commands need not wait for

    try:
        random: np.random.RandomState = check_random_state(random_state)
    except (TypeError, ValueError):
        wanted = "None, a RandomState or an integer between 0 and 2**32 - 1"
        raise ValueError(f"random_state must be {wanted}; got {random_state!r}") from None
    return random


def check_integer_or_auto(name: str, value: object, *, minimum: int) -> None:
    """Refuse what is neither "auto" nor an integer."""
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f"{name} must be an integer or 'auto'; got {value!r}")
    else:
        check_integer(name, value, minimum=minimum)


def check_one_column(name: str, documents: object) -> None:
    """Refuse a table, whose columns would be taken for documents, and what cannot be gone through."""
    shape = getattr(documents, "shape", None)
    if isinstance(shape, tuple) and len(shape) > 1:
        kind = type(documents).__name__
        raise TypeError(
            f"{name} must be one column of documents; got a {kind} of shape {shape}: pick a column"
        )
    if not hasattr(documents, "__iter__") or shape == ():
        raise TypeError(f"{name} must be an iterable of documents; got {documents!r}")


def check_real(
    name: str, value: object, *, minimum: float | None = None, maximum: float | None = None
) -> float:
    """Return ``value`` as a finite float within the closed range, or raise naming the parameter."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; got {value!r} of type {type(value).__name__}")
    result = float(value)
    out_of_range = (minimum is not None and result < minimum) or (maximum is not None and result > maximum)
    if not np.isfinite(result) or out_of_range:
        raise ValueError(f"{name} must be a finite number {_range(minimum, maximum)}; got {result}")
    return result


def check_option(name: str, value: object, options: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``options``, or raise listing them."""
    if not isinstance(value, str) or value not in options:
        wanted = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {wanted}; got {value!r}")
    return value


def check_n_threads(n_threads: object) -> int:
    """Return the value the compiled ops take: 0 for None (all cores the process may use)."""
    if n_threads is None:
        return 0
    result = check_integer("n_threads", n_threads, minimum=1)
    return check_integer("n_threads", result, maximum=_MOST_THREADS)


def rows_argument(X: Any) -> RowsArgument:
    """Prepare samples for a compiled op, copying only what has another dtype or layout.

    ``X`` is a two-dimensional NumPy array or any SciPy sparse matrix, of checked shape and finite values.
    CSR with unsorted or duplicate column indices is copied, sorted and summed; the argument is not changed.
    """
    if np.iscomplexobj(X):
        raise TypeError("X must hold real numbers; got complex ones")
    if not sp.issparse(X):
        dense = np.asarray(X, dtype=np.float32)
        rows_are_contiguous = dense.ndim == 2 and (dense.shape[1] <= 1 or dense.strides[1] == dense.itemsize)
        if rows_are_contiguous and (
            dense.shape[0] <= 1 or dense.strides[0] >= dense.shape[1] * dense.itemsize
        ):
            return dense
        return np.ascontiguousarray(dense)
    check_sparse_structure(X)
    csr = summed_once(sp.csr_array(X) if not isinstance(X, sp.csr_array | sp.csr_matrix) else X)
    if csr.shape[1] > np.iinfo(np.int32).max:
        raise ValueError(f"X must have fewer than 2**31 features; got {csr.shape[1]}")
    return (
        np.ascontiguousarray(csr.data, dtype=np.float32),
        np.ascontiguousarray(csr.indices, dtype=np.int32),
        np.ascontiguousarray(csr.indptr, dtype=np.int64),
        int(csr.shape[1]),
    )


def summed_once(csr: Any) -> Any:
    """Return CSR whose columns are sorted and stored once in each row: itself, or a copy."""
    if csr.has_canonical_format:
        return csr
    csr = csr.copy()
    csr.sum_duplicates()
    return csr


def check_sparse_structure(X: Any) -> None:
    """Refuse sparse matrices whose index arrays do not describe their data, before anything reads them.

    SciPy trusts these arrays; reading through a wrong one is undefined behaviour in its compiled code.
    """
    if not sp.issparse(X):
        return
    matrix: Any = X
    if matrix.format == "coo":
        for name, places, size in (
            ("row", matrix.row, matrix.shape[0]),
            ("col", matrix.col, matrix.shape[1]),
        ):
            if len(places) and (places.min() < 0 or places.max() >= size):
                raise ValueError(f"X.{name} must be within [0, {size}); got {places.min()} to {places.max()}")
    if matrix.format not in ("csr", "csc"):
        return
    n_major, n_minor = matrix.shape if matrix.format == "csr" else matrix.shape[::-1]
    indptr, indices = np.asarray(matrix.indptr), np.asarray(matrix.indices)
    if len(indptr) != n_major + 1 or indptr[0] != 0:
        raise ValueError(f"X.indptr must have {n_major + 1} elements and start at 0; got {len(indptr)}")
    if np.any(np.diff(indptr) < 0):
        raise ValueError(
            f"X.indptr must not decrease; it does after row {int(np.argmax(np.diff(indptr) < 0))}"
        )
    if indptr[-1] > min(len(indices), len(matrix.data)):
        raise ValueError(
            f"X.indptr ends at {indptr[-1]}, beyond the {min(len(indices), len(matrix.data))} stored elements"
        )
    used = indices[: indptr[-1]]
    if len(used) and (used.min() < 0 or used.max() >= n_minor):
        raise ValueError(f"X.indices must be within [0, {n_minor}); got {used.min()} to {used.max()}")


def refuse_masked(name: str, values: object) -> None:
    """Refuse an array of which something is masked: everything that reads it would take what lies under the mask."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        n_masked = np.count_nonzero(np.ma.getmaskarray(values))
        raise ValueError(f"{name} must hold no masked values; got {n_masked}: fill them or drop their rows")


def require_extra(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say in one sentence which extra brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise  # the module is there; something that it imports is not
        raise ModuleNotFoundError(
            f'{module} is not installed; it comes with the "{extra}" extra: pip install "coterie[{extra}]"',
            name=error.name,
        ) from None


def _range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None and maximum is None:
        return "a finite value"
    if maximum is None:
        return f">= {minimum}"
    if minimum is None:
        return f"<= {maximum}"
    return f"between {minimum} and {maximum}"
