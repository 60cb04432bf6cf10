"""K-means on exact, reproducible kernels."""

from coterie.cluster.auto_k import KSearch, KTrial, choose_n_clusters
from coterie.cluster.kmeans import KMeans
from coterie.cluster.minibatch import MiniBatchKMeans

__all__ = ["KMeans", "KSearch", "KTrial", "MiniBatchKMeans", "choose_n_clusters"]
