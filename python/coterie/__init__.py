"""coterie: texts in, clusters out, on exact and reproducible compiled kernels."""

from coterie._version import __version__
from coterie.cluster import KMeans, MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans", "__version__"]
