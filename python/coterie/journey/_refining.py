"""What may replace or follow a clusterer: a method chosen by evidence, refinement, doubtful documents left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import check_option, check_real
from coterie.auto import MethodSearch, TextClusterer
from coterie.cluster.nearest_centers import NearestCenters
from coterie.encode.lsa import LsaEncoder
from coterie.journey._clock import Clock
from coterie.journey._documents import Encoded
from coterie.journey._grouping import Grouping, decide_n_clusters, with_labels
from coterie.refine import Refinement, outlier_scores, refine_labels, unassign


@dataclass(frozen=True)
class Refined:
    """A grouping, and what was done to it."""

    grouping: Grouping
    method_search: MethodSearch | None
    refinement: Refinement | None


def check_refining(refine: str | None, max_unassigned: float | None) -> None:
    if refine is not None:
        check_option("refine", refine, ("reclassify",))
    if max_unassigned is not None:
        check_real("max_unassigned", max_unassigned, minimum=0, maximum=1)


def group_automatically(
    documents: Any,
    clusterer: Any,
    n_clusters: int | str | None,
    refine: str | None,
    language: str,
    random_state: Any,
    n_threads: int | None,
    clock: Clock,
) -> tuple[Encoded, Refined]:
    """Cluster by the method that the texts speak for; the rows are those of latent semantic analysis."""
    if clusterer != "kmeans":
        raise ValueError(
            f"clusterer must be 'kmeans' with encoder='auto', which chooses it too; got {clusterer!r}"
        )
    shared = {"random_state": random_state, "n_threads": n_threads}
    encoder = LsaEncoder(language=language, **shared)
    encoded = Encoded("auto", encoder, encoder.fit_transform(documents))
    with_content = encoded.rows[encoded.filled]
    how_to_search = {"metric": "cosine", **shared}
    k, k_search = decide_n_clusters(n_clusters, with_content, len(documents), how_to_search, clock)
    chosen = TextClusterer(
        max(k, 2), method="auto", refine=True if refine else "auto", language=language, **shared
    ).fit(documents)
    filled = encoded.filled
    labels = _numbered(chosen.labels_[filled] if k > 1 else np.zeros(len(filled), np.int32))
    centers = NearestCenters("cosine", n_threads=n_threads).fit(with_content, labels)
    found = with_labels(centers, encoded.rows, filled, labels)
    grouping = Grouping(
        chosen.method_, chosen, centers, found, len(centers.cluster_centers_), "cosine", k_search, None
    )
    return encoded, Refined(grouping, chosen.search_, chosen.refinement_)


def refined(
    documents: Any,
    encoded: Encoded,
    grouping: Grouping,
    terms: Any,
    refine: str | None,
    max_unassigned: float | None,
    random_state: Any,
) -> Refined:
    """Reclassify, then take the most doubtful documents out, as asked for."""
    n_present = len(np.unique(grouping.found.labels[grouping.found.labels >= 0]))
    if (refine is None and max_unassigned is None) or n_present < 2:
        return Refined(grouping, None, None)
    if isinstance(encoded.encoder, LsaEncoder):
        weights = encoded.encoder.term_weights(documents)
    elif terms is not None:
        weights = terms[1]
    else:
        raise ValueError("refine and max_unassigned need texts with terms; no text has any")
    labels, refinement = grouping.found.labels, None
    how = {"random_state": random_state, "n_threads": grouping.centers.n_threads}
    if refine is not None:
        margins = np.nan_to_num(grouping.found.margins, posinf=0.0)
        refinement = refine_labels(weights, labels, margins, **how)
        labels = refinement.labels
    if max_unassigned is not None:
        scores = outlier_scores(weights, labels, **how)
        labels = unassign(labels, scores, max_unassigned=max_unassigned)
    if np.array_equal(labels, grouping.found.labels):
        return Refined(grouping, None, refinement)
    filled = encoded.filled
    numbered = _numbered(labels[filled])
    centers = NearestCenters(grouping.centers.metric, n_threads=grouping.centers.n_threads)
    centers.fit(encoded.rows[filled], numbered)
    changed = replace(
        grouping,
        centers=centers,
        found=with_labels(centers, encoded.rows, filled, numbered),
        n_clusters=len(centers.cluster_centers_),
        tree=None,
    )
    return Refined(changed, None, refinement)


def _numbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number the clusters without gaps in their order; -1 stays."""
    present = np.unique(labels[labels >= 0])
    return np.where(labels >= 0, np.searchsorted(present, labels), -1).astype(np.int32)
