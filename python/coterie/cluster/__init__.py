"""Clustering on exact, reproducible kernels: K-means, hierarchical, density-based and spectral."""

from coterie.cluster._sources import RowFiles
from coterie.cluster.auto_k import KSearch, KTrial, choose_n_clusters
from coterie.cluster.bisecting import BisectingKMeans
from coterie.cluster.density import DBSCAN, HDBSCAN
from coterie.cluster.ema import EMAKMeans
from coterie.cluster.factory import CLUSTERERS, make_clusterer
from coterie.cluster.hierarchical import HierarchicalClustering
from coterie.cluster.kmeans import KMeans
from coterie.cluster.minibatch import MiniBatchKMeans
from coterie.cluster.nearest_centers import NearestCenters
from coterie.cluster.partial import (
    DataRange,
    Partial,
    data_range,
    merge_ranges,
    new_centers,
    partial_step,
    reduce,
)
from coterie.cluster.spectral import SpectralClustering
from coterie.cluster.two_level import TwoLevelKMeans

__all__ = [
    "CLUSTERERS",
    "DBSCAN",
    "HDBSCAN",
    "BisectingKMeans",
    "DataRange",
    "EMAKMeans",
    "HierarchicalClustering",
    "KMeans",
    "KSearch",
    "KTrial",
    "MiniBatchKMeans",
    "NearestCenters",
    "Partial",
    "RowFiles",
    "SpectralClustering",
    "TwoLevelKMeans",
    "choose_n_clusters",
    "data_range",
    "make_clusterer",
    "merge_ranges",
    "new_centers",
    "partial_step",
    "reduce",
]
