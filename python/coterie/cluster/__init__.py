"""K-means on exact, reproducible kernels."""

from coterie.cluster.kmeans import KMeans
from coterie.cluster.minibatch import MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans"]
