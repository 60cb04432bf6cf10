"""Document completion: a half of each document to see, a half to predict."""

from __future__ import annotations

import numpy as np

from coterie._validation import CsrParts


def halves(counts: CsrParts) -> tuple[CsrParts, CsrParts]:
    """Deal the tokens of each row, in the order of its columns, in turn to a first and a second half."""
    data, indices, indptr, n_features = counts
    upto = np.concatenate([[0], np.cumsum(data, dtype=np.float64)]).astype(np.int64)
    before = upto[:-1] - np.repeat(upto[indptr[:-1]], np.diff(indptr))
    # of `count` tokens after `before` others, those at even places: ceil(end / 2) - ceil(begin / 2)
    first = ((before + data.astype(np.int64) + 1) // 2 - (before + 1) // 2).astype(np.float32)
    return (first, indices, indptr, n_features), (data - first, indices, indptr, n_features)
