"""What each term tells for each cluster, against the formula in float64 and itself on other threads and CPUs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from reference.complement_bayes import complement_weights


def corpus(n: int, n_terms: int, n_clusters: int, seed: int = 0) -> tuple[sp.csr_array, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = sp.random_array((n, n_terms), density=0.05, format="csr", dtype=np.float32, rng=rng)
    return X, rng.integers(-1, n_clusters, n).astype(np.int32)


@pytest.mark.parametrize(
    ("n", "n_terms", "n_clusters"), [(1, 1, 1), (40, 7, 3), (300, 1024, 1), (300, 1025, 40), (200, 5000, 9)]
)
def test_it_is_the_formula_and_the_same_everywhere(
    n: int, n_terms: int, n_clusters: int, every_n_threads: tuple[int, ...], every_isa: list[str]
) -> None:
    X, labels = corpus(n, n_terms, n_clusters)
    told = {
        (isa, n_threads): _core.complement_weights(rows_argument(X), labels, n_clusters, n_threads)
        for isa in every_isa
        if _core.set_isa(isa) is None
        for n_threads in every_n_threads
    }
    first = next(iter(told.values()))
    wanted = complement_weights(X.toarray().astype(np.float64), labels, n_clusters)
    np.testing.assert_allclose(first, wanted, rtol=1e-6, atol=1e-6)
    assert {rows.tobytes() for rows in told.values()} == {first.tobytes()}


def test_nothing_learnt_tells_nothing() -> None:
    X, labels = corpus(30, 50, 4)
    assert not _core.complement_weights(rows_argument(X), np.full_like(labels, -1), 4, 1).any()


@pytest.mark.parametrize("weight", [1e-38, 1e15, 3e38])
def test_extreme_weights_stay_finite(weight: float) -> None:
    X = sp.csr_array(np.array([[weight, 0], [weight, weight], [0, 1]], dtype=np.float32))
    told = _core.complement_weights(rows_argument(X), np.array([0, 0, 1], np.int32), 3, 1)
    assert np.isfinite(told).all()
    assert told[0, 0] >= told[0, 1]


def test_wrong_arguments_are_named() -> None:
    X, labels = corpus(30, 50, 4)
    with pytest.raises(ValueError, match="n_clusters=0 must be >= 1"):
        _core.complement_weights(rows_argument(X), labels, 0, 1)
    with pytest.raises(ValueError, match=r"labels\[\d+\]=3 must be between -1 and n_clusters - 1 = 2"):
        _core.complement_weights(rows_argument(X), labels, 3, 1)
    with pytest.raises(ValueError, match="labels"):
        _core.complement_weights(rows_argument(X), labels[1:], 4, 1)
