"""Types of the compiled module; its documentation is in the Python functions that call it."""

import numpy as np
from numpy.typing import NDArray

from coterie._validation import CsrParts

def default_thread_count() -> int: ...
def active_isa() -> str: ...
def available_isas() -> list[str]: ...
def set_isa(name: str) -> None: ...
def compiler() -> str: ...

# topics
def cluster_sums(
    X: CsrParts,
    labels: NDArray[np.int32],
    n_clusters: int,
    row_weights: NDArray[np.float64] | None,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]: ...
