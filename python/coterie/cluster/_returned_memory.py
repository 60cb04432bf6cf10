"""Arrays whose memory goes back to the system when they go.

What is given back to malloc may stay in the process: blocks of ever other sizes, freed by another thread than asked
for them, leave holes that the next block does not fill. A limit on memory needs arrays that are mapped on their own.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LEAST_BYTES = 1 << 17  # malloc's own threshold, before it moves


def empty(n: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return ``n`` elements without values."""
    n_bytes = n * np.dtype(dtype).itemsize
    if n_bytes < _LEAST_BYTES:
        return np.empty(n, dtype)
    try:
        pages = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"unable to map {n_bytes} bytes") from error
    return np.frombuffer(pages, dtype, n)


def concatenated(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """Return lists behind each other."""
    joined = empty(sum(map(len, pieces)), np.result_type(*pieces))
    first = 0
    for piece in pieces:
        joined[first : first + len(piece)] = piece
        first += len(piece)
    return joined
