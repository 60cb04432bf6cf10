"""Clusters anew from a classifier of those there are, for :mod:`coterie.refine` and :mod:`coterie.auto`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from coterie import _core
from coterie._validation import CsrParts, check_integer, check_n_threads, check_seed, rows_argument

# Rounds end when fewer documents than this share change their cluster.
_SETTLED = 0.005
CONFIDENT = 0.6  # the share of a cluster that is learnt from
_BLOCK = 4_194_304  # scores at a time: 32 MiB


def reclassified(
    X: sp.csr_array,
    labels: NDArray[np.int32],
    margins: NDArray[np.float64],
    n_rounds: int,
    n_threads: int | None,
) -> NDArray[np.int32]:
    """Return the clusters after some rounds of :func:`refine_labels`, whether they carry more information or not."""
    if len(np.unique(labels)) < 2:
        return labels
    return reclassify(X, labels, margins, CONFIDENT, n_rounds, n_threads)[0]


def reclassify(
    weights: sp.csr_array,
    given: NDArray[np.int32],
    clearness: NDArray[np.float64],
    share: float,
    max_iter: int,
    n_threads: int | None,
) -> tuple[NDArray[np.int32], int]:
    """Return the clusters when they have settled or the rounds are used up, and the number of rounds."""
    is_empty = np.diff(weights.indptr) == 0
    refined, n_rounds, n_changed = given, 0, len(given)
    # one cluster may swallow all others; then there is nothing left to learn
    while n_rounds < max_iter and n_changed >= _SETTLED * len(given) and n_present(refined) > 1:
        best, clearness = _learn(weights, refined, clearness, share, n_threads)
        moved = np.where(is_empty, given, best).astype(np.int32)
        n_changed = int(np.count_nonzero(moved != refined))
        refined = moved
        n_rounds += 1
    return refined, n_rounds


def n_present(labels: NDArray[np.int32]) -> int:
    """Return how many clusters have documents."""
    return len(np.unique(labels[labels >= 0]))


def _learn(
    weights: sp.csr_array,
    labels: NDArray[np.int32],
    clearness: NDArray[np.float64],
    share: float,
    n_threads: int | None,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the best cluster of every document and how far it is ahead, by a classifier of the clearest ones."""
    rows = _clearest(labels, clearness, share)
    learnt = np.full_like(labels, -1)
    learnt[rows] = labels[rows]
    best, ahead = np.empty_like(labels), np.empty(len(labels))
    for start, scores in _scores(weights, learnt, weights, int(labels.max()) + 1, n_threads):
        part = slice(start, start + len(scores))
        best[part] = scores.argmax(axis=1)
        ahead[part] = _margins(scores)
    return best, ahead


def _clearest(labels: NDArray[np.int32], clearness: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """Return the rows, in their order, of this share of each cluster, two at least."""
    order = np.lexsort((-clearness, labels))
    order = order[np.count_nonzero(labels < 0) :]
    sizes = np.bincount(labels[order])
    first = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - np.repeat(first, sizes)
    n_wanted = np.maximum(2, np.round(share * sizes))
    return np.sort(order[rank < np.repeat(n_wanted, sizes)])


def _scores(
    weights: sp.csr_array,
    labels: NDArray[np.int32],
    rows: sp.csr_array,
    n_clusters: int,
    n_threads: int | None,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the first of some rows and their log scores of all clusters; -inf for clusters that were not seen.

    Learnt are the rows of ``weights`` that have a label.
    """
    threads = check_n_threads(n_threads)
    told = _core.complement_weights(cast(CsrParts, rows_argument(weights)), labels, n_clusters, threads)
    is_absent = np.bincount(labels[labels >= 0], minlength=n_clusters) == 0
    size = max(1, _BLOCK // n_clusters)
    for start in range(0, rows.shape[0], size):
        data, indices, indptr, n_terms = cast(CsrParts, rows_argument(rows[start : start + size]))
        unit = _unit(data)
        scaled = (data if unit == 1 else data / np.float32(unit), indices, indptr, n_terms)
        scores = _core.project_rows(scaled, told, False, threads).astype(np.float64)
        scores *= unit
        scores[:, is_absent] = -np.inf
        yield start, scores


def _unit(weights: NDArray[np.float32]) -> float:
    """Return the power of two that weights are divided by so that no sum leaves the range of float32."""
    exponent = int(np.frexp(weights.max(initial=0))[1])
    return 1.0 if abs(exponent) < 60 else float(np.ldexp(1.0, exponent - 1))


def left_out_scores(
    weights: sp.csr_array, labels: NDArray[np.int32], n_folds: int, random_state: Any, n_threads: int | None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield rows and their scores by a classifier of the other folds."""
    check_integer("n_folds", n_folds, minimum=2)
    if len(labels) < n_folds:
        raise ValueError(f"n_folds must be at most the number of documents, {len(labels)}; got {n_folds}")
    seed = int(check_seed(random_state).randint(2**31 - 1))
    n_clusters = int(labels.max()) + 1
    for _, left_out in KFold(n_folds, shuffle=True, random_state=seed).split(labels):
        learnt = labels.copy()
        learnt[left_out] = -1
        for start, scores in _scores(weights, learnt, weights[left_out], n_clusters, n_threads):
            yield left_out[start : start + len(scores)], scores


def _margins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best score less the second best of each row."""
    top = np.partition(scores, -2, axis=1)[:, -2:]
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(top[:, 1] - top[:, 0], nan=0.0, posinf=0.0)
