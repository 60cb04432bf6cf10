"""coterie: texts in, clusters out, on exact and reproducible compiled kernels."""

from coterie._exports import NAMES as NAMES
from coterie._exports import __dir__ as __dir__
from coterie._exports import __getattr__ as __getattr__
from coterie._version import __version__ as __version__

__all__ = NAMES
