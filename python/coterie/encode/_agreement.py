"""How near two encodings of the same texts are: cosine, clusters and neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.cluster import KMeans
from coterie.encode._pooling import normalize_rows
from coterie.evaluate import evaluate
from coterie.similarity import cosine_top_k

_NEIGHBOURS = 10
_MOST_CLUSTERS = 20


def cosines(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the cosine between row i of ``a`` and row i of ``b``."""
    x, y = normalize_rows(np.asarray(a, np.float32)), normalize_rows(np.asarray(b, np.float32))
    found: NDArray[np.float64] = np.einsum("ij,ij->i", x, y, dtype=np.float64)
    return found


def agreement(a: NDArray[np.float32], b: NDArray[np.float32]) -> dict[str, float]:
    """Compare encodings ``b`` of some texts with encodings ``a``: all values are 1 when they do the same.

    K-means starts from the same texts in both, so that its labels differ by the rows and not by its luck.
    """
    n, similar = len(a), cosines(a, b)
    k = max(2, min(_MOST_CLUSTERS, int(np.sqrt(n / 2))))
    _, first = np.unique(a, axis=0, return_index=True)
    start = np.random.default_rng(0).choice(np.sort(first), min(k, len(first)), replace=False)
    labels = [KMeans(len(start), init=x[start], n_init=1, metric="cosine").fit(x).labels_ for x in (a, b)]
    scores = evaluate(labels[0], labels[1])
    return {
        "n_texts": float(n),
        "cosine_mean": float(similar.mean()),
        "cosine_min": float(similar.min()),
        "clusters": float(len(start)),
        "ari": float(scores["ari"]),
        "nmi": float(scores["nmi"]),
        "neighbours": _common_neighbours(a, b),
    }


def _common_neighbours(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean share of the ten nearest other rows that both have in common."""
    k = min(_NEIGHBOURS, len(a) - 1)
    mine, theirs = (cosine_top_k(x, k=k) for x in (a, b))
    shares = [np.isin(x, y).mean() for x, y in zip(mine.indices, theirs.indices, strict=True)]
    return float(np.mean(shares))
