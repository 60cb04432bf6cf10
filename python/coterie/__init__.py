"""coterie: texts in, clusters out, on exact and reproducible compiled kernels."""

from coterie._version import __version__

__all__ = ["__version__"]
