"""Positive pointwise mutual information of terms in a window, as defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def positive_pmi(
    documents: list[list[int]], n_terms: int, window: int, smoothing: float
) -> NDArray[np.float64]:
    near = np.zeros((n_terms, n_terms))
    for document in documents:
        for p, i in enumerate(document):
            for o, j in enumerate(document):
                if 1 <= abs(p - o) <= window:
                    near[i, j] += window + 1 - abs(p - o)
    of_term = near.sum(axis=1)
    chance = np.where(of_term > 0, np.maximum(of_term, 1) ** smoothing, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(near / of_term[:, None]) - np.log(chance / chance.sum())[None, :]
    return np.where(near > 0, np.maximum(pmi, 0), 0)
