"""Clusters anew from a classifier of those there are, for :mod:`coterie.refine` and :mod:`coterie.auto`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from sklearn.naive_bayes import ComplementNB

from coterie._validation import check_integer, check_seed

# Rounds end when fewer documents than this share change their cluster.
_SETTLED = 0.005
CONFIDENT = 0.6  # the share of a cluster that is learnt from
_BLOCK = 4_194_304  # scores at a time: 32 MiB


def reclassified(
    X: sp.csr_array, labels: NDArray[np.int32], margins: NDArray[np.float64], n_rounds: int
) -> NDArray[np.int32]:
    """Return the clusters after some rounds of :func:`refine_labels`, whether they carry more information or not."""
    if len(np.unique(labels)) < 2:
        return labels
    return reclassify(X, labels, margins, CONFIDENT, n_rounds)[0]


def reclassify(
    weights: sp.csr_array,
    given: NDArray[np.int32],
    clearness: NDArray[np.float64],
    share: float,
    max_iter: int,
) -> tuple[NDArray[np.int32], int]:
    """Return the clusters when they have settled or the rounds are used up, and the number of rounds."""
    is_empty = np.diff(weights.indptr) == 0
    refined, n_rounds, n_changed = given, 0, len(given)
    # one cluster may swallow all others; then there is nothing left to learn
    while n_rounds < max_iter and n_changed >= _SETTLED * len(given) and n_present(refined) > 1:
        best, clearness = _learn(weights, refined, clearness, share)
        moved = np.where(is_empty, given, best).astype(np.int32)
        n_changed = int(np.count_nonzero(moved != refined))
        refined = moved
        n_rounds += 1
    return refined, n_rounds


def n_present(labels: NDArray[np.int32]) -> int:
    """Return how many clusters have documents."""
    return len(np.unique(labels[labels >= 0]))


def _learn(
    weights: sp.csr_array, labels: NDArray[np.int32], clearness: NDArray[np.float64], share: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the best cluster of every document and how far it is ahead, by a classifier of the clearest ones."""
    chosen = []
    for cluster in np.unique(labels[labels >= 0]):
        members = np.flatnonzero(labels == cluster)
        clearest = members[np.argsort(-clearness[members], kind="stable")]
        chosen.append(clearest[: max(2, round(share * len(members)))])
    rows = np.sort(np.concatenate(chosen))
    n, n_clusters = weights.shape[0], int(labels.max()) + 1
    best, ahead = np.empty(n, np.int32), np.empty(n)
    for start, scores in _scores(weights[rows], labels[rows], weights, n_clusters):
        part = slice(start, start + len(scores))
        best[part] = scores.argmax(axis=1)
        ahead[part] = _margins(scores)
    return best, ahead


def _scores(
    seen: sp.csr_array, labels: NDArray[np.int32], rows: sp.csr_array, n_clusters: int
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the first of some rows and their log scores of all clusters; -inf for clusters that were not seen."""
    classes = np.unique(labels)
    model = ComplementNB().fit(seen, labels) if len(classes) > 1 else None
    size = max(1, _BLOCK // n_clusters)
    for start in range(0, rows.shape[0], size):
        part = rows[start : start + size]
        scores = np.full((part.shape[0], n_clusters), -np.inf)
        scores[:, classes] = 0.0 if model is None else model.predict_joint_log_proba(part)
        yield start, scores


def left_out_scores(
    weights: sp.csr_array, labels: NDArray[np.int32], n_folds: int, random_state: Any
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield rows and their scores by a classifier of the other folds."""
    check_integer("n_folds", n_folds, minimum=2)
    if len(labels) < n_folds:
        raise ValueError(f"n_folds must be at most the number of documents, {len(labels)}; got {n_folds}")
    seed = int(check_seed(random_state).randint(2**31 - 1))
    n_clusters = int(labels.max()) + 1
    for seen, left_out in KFold(n_folds, shuffle=True, random_state=seed).split(labels):
        for start, scores in _scores(weights[seen], labels[seen], weights[left_out], n_clusters):
            yield left_out[start : start + len(scores)], scores


def _margins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best score less the second best of each row."""
    top = np.partition(scores, -2, axis=1)[:, -2:]
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(top[:, 1] - top[:, 0], nan=0.0, posinf=0.0)
