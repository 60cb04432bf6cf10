"""A fit that fails leaves the estimator as the fit before made it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from coterie import (
    DirichletMixture,
    EMAKMeans,
    KMeans,
    LatentDirichletAllocation,
    LsaEncoder,
    MiniBatchKMeans,
    TextClusterer,
    TwoLevelKMeans,
)
from coterie.classify import LinearClassifier
from coterie.cluster import (
    DBSCAN,
    HDBSCAN,
    BisectingKMeans,
    HierarchicalClustering,
    NearestCenters,
    SpectralClustering,
)
from coterie.encode import CooccurrenceEncoder

X = np.random.default_rng(0).random((40, 4), dtype=np.float32)
WIDER = np.hstack([X, X])
COUNTS = (X * 5).astype(np.int64)
CLASSES = np.arange(40) % 2
TEXTS = [f"word{i % 7} other{i % 5} thing{i % 3} apple{i % 2}" for i in range(40)]
NEGATIVE = {"sample_weight": -np.ones(40)}
SEEDED = {"n_clusters": 3, "random_state": 0}


@pytest.mark.parametrize(
    ("estimator", "good", "bad", "options"),
    [
        (KMeans(**SEEDED), (X,), (WIDER[:2],), {}),
        (TwoLevelKMeans(**SEEDED), (X,), (WIDER,), NEGATIVE),
        (MiniBatchKMeans(**SEEDED, init=X[:3]), (X,), (WIDER,), {}),
        (EMAKMeans(**SEEDED, init=X[:3]), (X,), (WIDER,), {}),
        (BisectingKMeans(**SEEDED), (X,), (WIDER,), NEGATIVE),
        (HierarchicalClustering(3), (X,), (WIDER[:2],), {}),
        (SpectralClustering(3), (X,), (WIDER[:2],), {}),
        (DBSCAN(), (X,), (WIDER,), NEGATIVE),
        (HDBSCAN(), (X,), (WIDER[:2],), {}),
        (NearestCenters(), (X, CLASSES), (WIDER, 2 * CLASSES), {}),
        (LinearClassifier(), (X, CLASSES), (WIDER, 0 * CLASSES), {}),
        (DirichletMixture(3, random_state=0), (COUNTS,), (WIDER,), {}),
        (LatentDirichletAllocation(3, max_iter=5, random_state=0), (COUNTS,), (WIDER,), {}),
        (LsaEncoder(3), (TEXTS,), ([],), {}),
        (CooccurrenceEncoder(3), (TEXTS,), ([],), {}),
        (TextClusterer(2, method="lsa", random_state=0), (TEXTS,), (["", ""],), {}),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_failed_fit_leaves_the_earlier_one(
    estimator: Any, good: tuple[Any, ...], bad: tuple[Any, ...], options: dict[str, Any]
) -> None:
    estimator.fit(*good)
    before = {name: pickle.dumps(value) for name, value in vars(estimator).items()}
    with pytest.raises(ValueError):  # noqa: PT011 - what each says is tested beside it
        estimator.fit(*bad, **options)
    assert {name: pickle.dumps(value) for name, value in vars(estimator).items()} == before


@pytest.mark.parametrize("make", [KMeans, MiniBatchKMeans, TwoLevelKMeans, BisectingKMeans])
def test_fits_warn_of_the_line_that_called_them(make: Any) -> None:
    with pytest.warns(match="have rows") as caught:
        make(3, random_state=0).fit(np.ones((8, 2)))
    assert {warning.filename for warning in caught} == {__file__}
