"""coterie: texts in, clusters out, on exact and reproducible compiled kernels."""

import importlib
from typing import TYPE_CHECKING, Any

from coterie._version import __version__

if TYPE_CHECKING:
    from coterie.cluster import KMeans, MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans", "__version__"]

# Loaded when first used (PEP 562): the estimators import scikit-learn, a second that `coterie --help` need not wait.
_HOMES = {
    "KMeans": "coterie.cluster",
    "MiniBatchKMeans": "coterie.cluster",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
