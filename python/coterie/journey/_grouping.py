"""How many clusters there are to be, and which documents are in which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone

from coterie._device import is_read_there
from coterie._validation import check_integer, check_integer_or_auto
from coterie.cluster import KMeans, MiniBatchKMeans
from coterie.cluster.auto_k import KSearch, choose_n_clusters
from coterie.cluster.factory import make_clusterer, takes_n_clusters
from coterie.cluster.nearest_centers import NearestCenters
from coterie.journey._clock import Clock
from coterie.journey._documents import Encoded
from coterie.journey._results import Assignment, nearest_centers

_DEFAULT_N_CLUSTERS = 20
_BLOCK = 4_194_304  # distances to all centres at a time


@dataclass(frozen=True)
class Grouping:
    """Who is where: ``centers`` predicts, ``clusterer`` is what was fitted (the same for K-means)."""

    name: str
    clusterer: Any
    centers: Any
    found: Assignment
    n_clusters: int
    metric: str
    k_search: KSearch | None
    tree: NDArray[np.float64] | None


def group(
    encoded: Encoded,
    clusterer: Any,
    n_clusters: int | str | None,
    metric: str,
    random_state: Any,
    n_threads: int | None,
    options: Mapping[str, Any],
    clock: Clock,
) -> Grouping:
    """Fit the clusterer to the rows that are not zero and assign all of them."""
    rows, filled = encoded.rows, encoded.filled
    if len(filled) == 0:
        raise ValueError(f"texts must have one that encoder {encoded.name!r} knows something of; got none")
    with_content = rows if len(filled) == rows.shape[0] else rows[filled]
    search = None
    if isinstance(clusterer, str):
        if "jaccard" in metric and not sp.issparse(rows):
            raise ValueError(f"metric={metric!r} compares sets of terms; encoder {encoded.name!r} gives none")
        name, shared = clusterer, {"random_state": random_state, "n_threads": n_threads}
        k = n_clusters
        if takes_n_clusters(name) and "distance_threshold" not in options:
            how_to_search = {"metric": _metric_of_centers(metric), **shared}
            k, search = decide_n_clusters(n_clusters, with_content, rows.shape[0], how_to_search, clock)
        estimator = make_clusterer(name, n_clusters=k, metric=metric, options=options, **shared)
    else:
        name, estimator = _given(clusterer, n_clusters, options)
        metric = str(estimator.get_params().get("metric", "euclidean"))
    if isinstance(estimator, KMeans) and with_content is rows:
        rows = with_content = _where_read(encoded, estimator.device)
    estimator.fit(with_content)
    tree = getattr(estimator, "cluster_tree_", None)
    if isinstance(estimator, KMeans | MiniBatchKMeans):
        found, centers = nearest_centers(estimator, rows), estimator
    else:
        labels = np.asarray(estimator.labels_, dtype=np.int32)
        if labels.max() < 0:
            raise ValueError(f"{name} found no cluster: all {len(labels)} documents are noise")
        centers = NearestCenters(_metric_of_centers(metric), n_threads=n_threads).fit(with_content, labels)
        found = with_labels(centers, rows, filled, labels)
    return Grouping(name, estimator, centers, found, len(centers.cluster_centers_), metric, search, tree)


def _where_read(encoded: Encoded, device: object) -> Any:
    """Return the rows where K-means on ``device`` reads them: on a GPU, if the encoder left them on that one."""
    there = encoded.on_device
    return encoded.rows if there is None or not is_read_there(device, there) else there


def _given(clusterer: Any, n_clusters: object, options: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the name and a clone of an estimator, which has its own parameters."""
    if not (hasattr(clusterer, "fit") and hasattr(clusterer, "get_params")):
        raise TypeError(f"clusterer must be a name or an estimator with fit; got {clusterer!r}")
    if n_clusters is not None or options:
        raise ValueError(
            "n_clusters, n_init, max_iter and clusterer_options must be None where clusterer is an estimator, "
            f"which has its own; got n_clusters={n_clusters!r}, {dict(options)!r}"
        )
    return type(clusterer).__name__, clone(clusterer)


def _metric_of_centers(metric: str) -> str:
    return "euclidean" if metric == "euclidean" else "cosine"


def default_n_clusters(n_filled: int) -> int:
    """Return how many clusters there are when nobody says: at most one for each document with terms."""
    return max(1, min(_DEFAULT_N_CLUSTERS, n_filled))


def decide_n_clusters(
    wanted: int | str | None,
    X: Any,
    n_documents: int,
    how_to_search: dict[str, Any],
    clock: Clock,
) -> tuple[int, KSearch | None]:
    if wanted is None:
        return default_n_clusters(X.shape[0]), None
    if isinstance(wanted, str):
        check_integer_or_auto("n_clusters", wanted, minimum=1)
        search = choose_n_clusters(
            X, progress=lambda share: clock.report("cluster", 0.9 * share), **how_to_search
        )
        return search.n_clusters, search
    k = check_integer("n_clusters", wanted, minimum=1)
    if k > X.shape[0]:
        raise ValueError(
            f"n_clusters must be at most the number of documents with terms, {X.shape[0]} of {n_documents}; got {k}"
        )
    return k, None


def with_labels(
    centers: NearestCenters, rows: Any, filled: NDArray[np.intp], labels: NDArray[np.int32]
) -> Assignment:
    """Describe labels that need not be those of the nearest centres; rows left out of the fit get those."""
    nearest, near = centers.predict_top_two(rows)
    own = nearest[:, 0].copy()
    if labels.min() < 0:  # a clusterer that knows noise: a row without content is that
        own[:] = -1
    own[filled] = labels
    distances, runner_up, to_other = near[:, 0].copy(), nearest[:, 1].copy(), near[:, 1].copy()
    elsewhere = own != nearest[:, 0]
    runner_up[elsewhere], to_other[elsewhere] = nearest[elsewhere, 0], near[elsewhere, 0]
    members = np.flatnonzero(elsewhere & (own >= 0))
    size = max(1, _BLOCK // len(centers.cluster_centers_))
    for start in range(0, len(members), size):
        part = members[start : start + size]
        distances[part] = centers.transform(rows[part])[np.arange(len(part)), own[part]]
    return Assignment(own, distances, runner_up, to_other - distances)
