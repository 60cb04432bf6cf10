"""The neighbour graphs that density and spectral clustering stand on."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import kneighbors_graph

from coterie._validation import check_option
from coterie.similarity import Neighbours, cosine_top_k, jaccard_top_k

METRICS = ("euclidean", "cosine", "jaccard", "weighted_jaccard")


def check_metric(metric: Any) -> str:
    """Return the metric, or raise listing those there are."""
    return check_option("metric", metric, METRICS)


def similar_rows(X: Any, metric: str, n_threads: int | None, **limits: Any) -> Neighbours:
    """Search by a similarity: "cosine", "jaccard" or "weighted_jaccard"; ``limits`` are k and threshold."""
    if metric == "cosine":
        return cosine_top_k(X, n_threads=n_threads, **limits)
    return jaccard_top_k(X, weighted=metric == "weighted_jaccard", n_threads=n_threads, **limits)


def nearest_neighbour_graph(X: Any, metric: str, n_neighbors: int, n_threads: int | None) -> sp.csr_array:
    """Return the similarities of each row to its nearest others, in [0, 1]; 1 for each with "euclidean"."""
    k = min(n_neighbors, X.shape[0] - 1)
    if metric == "euclidean":
        return sp.csr_array(kneighbors_graph(X, k, mode="connectivity"))
    graph = similar_rows(X, metric, n_threads, k=k).to_csr()
    graph.data = np.maximum(graph.data, np.float32(0))
    return graph


def symmetric(graph: sp.csr_array) -> sp.csr_array:
    """Return the larger of each pair of opposite entries, a stored zero counting as an entry."""
    both = graph.tocoo()
    row, column = np.concatenate([both.row, both.col]), np.concatenate([both.col, both.row])
    data = np.concatenate([both.data, both.data])
    order = np.lexsort((-data, column, row))
    row, column, data = row[order], column[order], data[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    indptr = np.searchsorted(row[first], np.arange(graph.shape[0] + 1))
    return sp.csr_array((data[first], column[first], indptr), shape=graph.shape)
