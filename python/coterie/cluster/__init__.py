"""K-means on exact, reproducible kernels."""

from coterie.cluster._sources import RowFiles
from coterie.cluster.auto_k import KSearch, KTrial, choose_n_clusters
from coterie.cluster.kmeans import KMeans
from coterie.cluster.minibatch import MiniBatchKMeans
from coterie.cluster.partial import (
    DataRange,
    Partial,
    data_range,
    merge_ranges,
    new_centers,
    partial_step,
    reduce,
)

__all__ = [
    "DataRange",
    "KMeans",
    "KSearch",
    "KTrial",
    "MiniBatchKMeans",
    "Partial",
    "RowFiles",
    "choose_n_clusters",
    "data_range",
    "merge_ranges",
    "new_centers",
    "partial_step",
    "reduce",
]
