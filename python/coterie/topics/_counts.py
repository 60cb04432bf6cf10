"""Documents as counts of terms: what the models of topics take."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import validate_data

from coterie._validation import CsrParts, check_sparse_structure, refuse_masked, rows_argument

_DOCUMENTS_PER_TOPIC = 10


def validate_counts(estimator: Any, X: Any, *, reset: bool) -> CsrParts:
    """Check X as scikit-learn does and return it as the compiled ops take it.

    That the entries are counts is proved by the ops, which name the first that is not.
    """
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = validate_data(
        estimator, X, reset=reset, accept_sparse="csr", dtype=np.float32, accept_large_sparse=True
    )
    return cast(CsrParts, rows_argument(sp.csr_array(checked)))


def has_enough_documents(parts: CsrParts, n_topics: int) -> bool:
    """Whether priors can be learned: of few documents for each topic, every one seems to mix all topics."""
    return bool(np.count_nonzero(np.diff(parts[2])) >= _DOCUMENTS_PER_TOPIC * n_topics)


def csr_of(parts: CsrParts) -> sp.csr_array:
    """Return the matrix behind what ops take, without a copy."""
    data, indices, indptr, n_features = parts
    return sp.csr_array((data, indices, indptr), shape=(len(indptr) - 1, n_features))
