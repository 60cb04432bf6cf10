from coterie._version import __version__ as __version__
from coterie.cluster import KMeans as KMeans
from coterie.cluster import MiniBatchKMeans as MiniBatchKMeans

__all__: list[str]
