"""TF-IDF by its definition, dense and in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inverse_document_frequency(counts: NDArray[np.int64], *, smooth: bool) -> NDArray[np.float64]:
    df = np.count_nonzero(counts, axis=0)
    return np.log((len(counts) + smooth) / (df + smooth)) + 1.0


def tfidf(counts: NDArray[np.int64], idf: NDArray[np.float64], tf: str, norm: str) -> NDArray[np.float64]:
    n = counts.astype(np.float64)
    totals = n.sum(axis=1, keepdims=True)
    weights = {
        "count": n,
        "binary": (n > 0) * 1.0,
        "sublinear": np.where(n > 0, 1.0 + np.log(np.maximum(n, 1.0)), 0.0),
        "relative": n / np.where(totals == 0, 1.0, totals),
    }[tf] * idf
    order = {"none": None, "l1": 1, "l2": 2}[norm]
    if order is None or not weights.size:
        return weights
    norms = np.linalg.norm(weights, order, axis=1, keepdims=True)
    return weights / np.where(norms == 0, 1.0, norms)
