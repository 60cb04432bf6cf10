"""Rows per token to one row per text, for models that do not pool in their graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

_LEAST_WEIGHT = 1e-9


def pool(tokens: Rows, lengths: NDArray[np.int64], modes: tuple[str, ...]) -> Rows:
    """Pool (n_texts, length, dim) rows, of which the first ``lengths[i]`` >= 1 of text i count, by each mode."""
    mask = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    return np.concatenate([_MODES[mode](tokens, lengths, mask) for mode in modes], axis=1)


def _cls(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    return tokens[:, 0]


def _last(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    return tokens[np.arange(len(tokens)), lengths - 1]


def _max(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    found: Rows = np.where(mask[:, :, None], tokens, np.float32(-np.inf)).max(axis=1)
    return found


def _weighted(tokens: Rows, weights: Rows, total: Rows) -> Rows:
    """sum_l weights[i, l] tokens[i, l] / total[i]"""
    sums: Rows = np.matmul(weights[:, None, :], tokens)[:, 0]
    return np.divide(sums, np.maximum(total, np.float32(_LEAST_WEIGHT))[:, None], dtype=np.float32)


def _mean(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    return _weighted(tokens, mask.astype(np.float32), lengths.astype(np.float32))


def _mean_sqrt(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    return _weighted(tokens, mask.astype(np.float32), np.sqrt(lengths.astype(np.float32)))


def _position_mean(tokens: Rows, lengths: NDArray[np.int64], mask: NDArray[np.bool_]) -> Rows:
    weights = mask.astype(np.float32) * np.arange(1, tokens.shape[1] + 1, dtype=np.float32)
    return _weighted(tokens, weights, weights.sum(axis=1))


_MODES: dict[str, Callable[[Rows, NDArray[np.int64], NDArray[np.bool_]], Rows]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _position_mean,
    "lasttoken": _last,
}


def normalize_rows(rows: Rows) -> Rows:
    """Divide each row by its length; a zero row stays zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return (rows / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)
