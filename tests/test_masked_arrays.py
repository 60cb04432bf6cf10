"""Masked arrays: what lies under a mask is never clustered, and a mask of nothing changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from coterie import DirichletMixture, KMeans, LatentDirichletAllocation, LsaEncoder, TfidfTransformer
from coterie.classify import LinearClassifier
from coterie.cluster import (
    DBSCAN,
    HDBSCAN,
    BisectingKMeans,
    HierarchicalClustering,
    MiniBatchKMeans,
    SpectralClustering,
    TwoLevelKMeans,
    choose_n_clusters,
)
from coterie.evaluate import evaluate_internal
from coterie.similarity import cosine_top_k, jaccard_top_k, near_duplicates
from coterie.topics import representatives

LABELS = np.arange(12) % 3
COUNTS = np.random.default_rng(0).integers(0, 4, (12, 5)).astype(np.float32)
TAKERS: dict[str, Callable[[Any], Any]] = {
    "KMeans": lambda X: KMeans(2).fit(X),
    "KMeans.predict": lambda X: KMeans(2, random_state=0).fit(COUNTS).predict(X),
    "MiniBatchKMeans": lambda X: MiniBatchKMeans(2).fit(X),
    "MiniBatchKMeans.partial_fit": lambda X: MiniBatchKMeans(2).partial_fit(X),
    "TwoLevelKMeans": lambda X: TwoLevelKMeans(2).fit(X),
    "BisectingKMeans": lambda X: BisectingKMeans(2).fit(X),
    "HierarchicalClustering": lambda X: HierarchicalClustering(2).fit(X),
    "DBSCAN": lambda X: DBSCAN().fit(X),
    "HDBSCAN": lambda X: HDBSCAN().fit(X),
    "SpectralClustering": lambda X: SpectralClustering(2).fit(X),
    "DirichletMixture": lambda X: DirichletMixture(2).fit(X),
    "LatentDirichletAllocation": lambda X: LatentDirichletAllocation(2).fit(X),
    "LsaEncoder": lambda X: LsaEncoder(2).fit(X),
    "TfidfTransformer.fit": lambda X: TfidfTransformer().fit(X),
    "TfidfTransformer.transform": lambda X: TfidfTransformer().fit(COUNTS).transform(X),
    "LinearClassifier": lambda X: LinearClassifier().fit(X, LABELS),
    "cosine_top_k": lambda X: cosine_top_k(X, k=2),
    "jaccard_top_k": lambda X: jaccard_top_k(X, k=2),
    "near_duplicates": lambda X: near_duplicates(X, 0.5),
    "choose_n_clusters": lambda X: choose_n_clusters(X),
    "evaluate_internal": lambda X: evaluate_internal(X, LABELS),
    "representatives": lambda X: representatives(X, LABELS, np.ones(12)),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_masked_values_are_refused_by_name(take: Callable[[Any], Any]) -> None:
    X = np.ma.array(COUNTS, mask=np.zeros(COUNTS.shape, dtype=bool))
    X[3, 1] = X[7, 0] = np.ma.masked
    with pytest.raises(ValueError, match="X must hold no masked values; got 2"):
        take(X)


def test_masked_weights_and_centres_are_refused_by_name() -> None:
    weight = np.ma.array(np.ones(12), mask=np.arange(12) == 5)
    with pytest.raises(ValueError, match="sample_weight must hold no masked values; got 1"):
        KMeans(2).fit(COUNTS, sample_weight=weight)
    centers = np.ma.array(COUNTS[:2], mask=np.eye(2, 5, dtype=bool))
    with pytest.raises(ValueError, match="init must hold no masked values; got 2"):
        KMeans(2, init=centers).fit(COUNTS)


def test_a_mask_of_nothing_changes_nothing() -> None:
    X = np.ma.array(COUNTS, mask=np.zeros(COUNTS.shape, dtype=bool))
    masked, plain = (KMeans(3, random_state=0).fit(rows) for rows in (X, COUNTS))
    assert masked.cluster_centers_.tobytes() == plain.cluster_centers_.tobytes()
    assert type(masked.transform(X)) is np.ndarray
