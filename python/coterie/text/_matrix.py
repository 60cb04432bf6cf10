"""From the arrays of the compiled ops to matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray


@dataclass(frozen=True)
class Weights:
    """Arguments of the compiled weighting."""

    tf: str = "count"
    norm: str = "none"
    idf: NDArray[np.float64] | None = None


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """Return ``dtype`` as the dtype of numbers that it means, or raise naming the parameter."""
    try:
        wanted: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted.kind not in "biufc":
        raise TypeError(f"dtype must be a NumPy dtype of numbers; got {dtype!r}")
    return wanted


def check_idf_of(columns: NDArray[np.int32], idf: NDArray[np.float64] | None) -> None:
    """Refuse rows with terms of infinite idf, whose weights would be infinite, or NaN once normalised."""
    if idf is None or np.isfinite(idf).all():
        return
    without = columns[~np.isfinite(idf[columns])]
    if len(without):
        raise ValueError(
            f"the documents have the term of column {without[0]}, which none of the fitted documents has: its idf is"
            " infinite with smooth_idf=False; use smooth_idf=True or leave it out of the vocabulary"
        )


def csr_matrix(parts: tuple[Any, Any, Any], n_features: int, dtype: Any) -> Any:
    """Wrap the arrays of a compiled op, as a matrix or array as scikit-learn's configuration asks."""
    data, indices, indptr = parts
    as_array = sklearn.get_config().get("sparse_interface") == "sparray"
    container = sp.csr_array if as_array else sp.csr_matrix
    X = container((data.astype(dtype, copy=False), indices, indptr), shape=(len(indptr) - 1, n_features))
    X.has_sorted_indices = True
    X.has_canonical_format = True
    return X
