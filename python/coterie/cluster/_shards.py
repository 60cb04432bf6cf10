"""Checks of what the functions for shards are given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie import _core
from coterie._validation import check_n_threads, check_option, refuse_masked, rows_argument

_T = TypeVar("_T")


def centers_of(centers: ArrayLike) -> NDArray[np.float32]:
    """Return finite centres as float32."""
    refuse_masked("centers", centers)
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(centers, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("centers must be finite float32 values; got NaN or infinity")
    return rows


def samples_of(
    shard: Any, sample_weight: ArrayLike | None, metric: str, n_threads: int | None
) -> tuple[_core.Samples, bool]:
    """Return the prepared rows of a shard, and whether they are sparse."""
    check_option("metric", metric, ("euclidean", "cosine"))
    refuse_masked("shard", shard)
    refuse_masked("sample_weight", sample_weight)
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinity
        rows = rows_argument(shard)
    weight = None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype=np.float64)
    return _core.Samples(rows, weight, metric, check_n_threads(n_threads)), isinstance(rows, tuple)


def at_least_one(name: str, values: Iterable[_T]) -> list[_T]:
    """Return the values as a list, or raise naming them where there are none."""
    listed = list(values)
    if not listed:
        raise ValueError(f"{name} must hold at least one; got none")
    return listed
