"""Exact sums of float64 values, as the compiled ops hand them over: any order of addition gives the same bits.

A sum is an array of 69 uint32: digit l counts ``2**(32 * l - 1074)``, and the last element tells an infinite sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST_EXPONENT = 1074


def exact_value(digits: NDArray[np.uint32]) -> float:
    """Return an exact sum rounded once, to nearest, ties to even."""
    if digits[-1]:
        return float("inf")
    try:
        return _as_integer(digits) / (1 << _LEAST_EXPONENT)
    except OverflowError:
        return float("inf")


def _as_integer(digits: NDArray[np.uint32]) -> int:
    return int.from_bytes(digits[:-1].astype("<u4").tobytes(), "little")


def add_exact(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the sum of two exact sums."""
    total = (_as_integer(a) + _as_integer(b)).to_bytes(4 * (len(a) - 1), "little")
    digits = np.frombuffer(total, "<u4").astype(np.uint32)
    return np.append(digits, np.maximum(a[-1], b[-1]))
