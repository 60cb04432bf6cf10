"""Labels, terms, representatives and scores from shards: the values that the whole matrix in memory gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.evaluate._dispersion import calinski_harabasz, davies_bouldin, own_distances
from coterie.evaluate._rows import Rows
from coterie.evaluate._silhouette import simplified_silhouette
from coterie.evaluate.internal import sampled_silhouette, undefined
from coterie.journey import Assignment
from coterie.journey._results import nearest_centers
from coterie.outofcore._rows import SpilledRows
from coterie.topics import representatives


@dataclass
class Explained:
    """What two passes over the shards find.

    ``sums`` (k, d) are those of the rows of each cluster, ``scaled_sums`` those of the rows as the metric sees them.
    """

    found: Assignment
    sums: NDArray[np.float64]
    scaled_sums: NDArray[np.float64]
    representatives: list[list[int]]


def assign_and_sum(spilled: SpilledRows, kmeans: Any, n_clusters: int, n_representatives: int) -> Explained:
    """Label all rows and add up the rows of each cluster, in the order of the rows."""
    n, d = spilled.shape
    found = Assignment(
        np.empty(n, np.int32), np.empty(n, np.float32), np.empty(n, np.int32), np.empty(n, np.float32)
    )
    sums = np.zeros((n_clusters, d))
    scaled = sums if kmeans.metric == "euclidean" else np.zeros((n_clusters, d))
    nearest: list[list[_Candidate]] = [[] for _ in range(n_clusters)]
    for part, rows in spilled.shards():
        here = nearest_centers(kmeans, rows)
        for name, values in vars(here).items():
            getattr(found, name)[part] = values
        _add_rows(sums, rows, here.labels, np.ones(rows.shape[0]))
        if scaled is not sums:
            _add_rows(scaled, rows, here.labels, Rows(rows, kmeans.metric, kmeans.n_threads).scale)
        chosen = representatives(
            rows, here.labels, here.distances, n_clusters=n_clusters, n_representatives=n_representatives
        )
        for c in range(n_clusters):
            offered = [_Candidate.of(rows, i, part.start, here.distances) for i in chosen[c]]
            nearest[c] = _first_distinct(nearest[c] + offered, n_representatives)
    return Explained(found, sums, scaled, [[candidate.row for candidate in of_one] for of_one in nearest])


def _add_rows(
    sums: NDArray[np.float64], rows: sp.csr_array, labels: NDArray[np.int32], weights: NDArray[np.float64]
) -> None:
    """Add rows one after the other: the order of addition, and so every bit, is that of one pass over all rows."""
    n_stored = np.diff(rows.indptr)
    places = np.repeat(labels.astype(np.int64) * sums.shape[1], n_stored) + rows.indices
    np.add.at(sums.reshape(-1), places, np.repeat(weights, n_stored) * rows.data.astype(np.float64))


@dataclass(frozen=True)
class _Candidate:
    distance: float
    row: int
    content: tuple[bytes, bytes]

    @classmethod
    def of(cls, rows: sp.csr_array, i: int, first: int, distances: NDArray[np.float32]) -> _Candidate:
        stored = slice(rows.indptr[i], rows.indptr[i + 1])
        content = rows.indices[stored].tobytes(), rows.data[stored].tobytes()
        return cls(float(distances[i]), first + i, content)


def _first_distinct(candidates: list[_Candidate], most: int) -> list[_Candidate]:
    """Nearest first, equal distances by row number, of equal rows the first."""
    chosen: dict[tuple[bytes, bytes], _Candidate] = {}
    for candidate in sorted(candidates, key=lambda c: (c.distance, c.row)):
        chosen.setdefault(candidate.content, candidate)
    return list(chosen.values())[:most]


def internal_scores(
    spilled: SpilledRows, explained: Explained, metric: str, n_threads: int | None
) -> dict[str, float]:
    """As :func:`coterie.evaluate.evaluate_internal` with its default sample."""
    found = explained.found
    present, inverse = np.unique(found.labels, return_inverse=True)
    labels = inverse.astype(np.int32)
    del inverse
    if undefined(len(present), len(labels)):
        return {}
    sizes = np.bincount(labels, minlength=len(present))
    means = sp.csr_array(explained.scaled_sums[present])
    means.data /= np.repeat(sizes, np.diff(means.indptr))
    own = np.empty(len(labels))
    for part, shard in spilled.shards():
        own[part] = own_distances(Rows(shard, metric, n_threads), means, labels[part])
    pairs = np.column_stack([found.distances, found.distances + found.margins])
    sampled = sampled_silhouette(_Sampled(spilled, metric, n_threads), labels, 2000, 0)
    return {
        "silhouette_simplified": simplified_silhouette(pairs, labels),
        **({"silhouette_sampled": sampled} if isinstance(sampled, float) else {}),
        "davies_bouldin": davies_bouldin(means, own, labels),
        "calinski_harabasz": calinski_harabasz(means, own, labels),
    }


class _Sampled:
    """The part of :class:`coterie.evaluate._rows.Rows` that a sample is drawn with."""

    def __init__(self, spilled: SpilledRows, metric: str, n_threads: int | None) -> None:
        self._spilled, self.metric, self._n_threads = spilled, metric, n_threads
        self.n_rows = spilled.shape[0]

    def take(self, index: NDArray[np.intp]) -> Any:
        rows = Rows(self._spilled[index], self.metric, self._n_threads)
        return rows.take(slice(None))
