"""Folding documents in, and their likelihood, against the definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from reference.topic_mixtures import topic_mixture


def model(rng: np.random.Generator, V: int, K: int):
    counts = sp.csr_array(rng.poisson(0.6, (V, K)))
    parts = (
        counts.indptr.astype(np.int64),
        counts.indices.astype(np.int32),
        counts.data.astype(np.int32),
    )
    totals = np.asarray(counts.sum(axis=0)).ravel().astype(np.int64)
    alpha, beta = rng.uniform(0.05, 1, K), 0.07
    phi = (counts.toarray().T + beta) / (totals[:, None] + V * beta)
    return parts, totals, alpha, beta, phi


@pytest.mark.parametrize("K", [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257])
def test_mixtures_and_likelihood_are_those_of_the_definition(K: int, isa: str) -> None:
    rng = np.random.default_rng(K)
    term_topics, totals, alpha, beta, phi = model(rng, 40, K)
    X = rng.poisson(0.5, (19, 40)).astype(np.float32)
    X[3] = 0
    parts = rows_argument(sp.csr_array(X))
    found = _core.topic_mixtures(parts, term_topics, totals, alpha, beta, 12, 0.0, 2)
    wanted = np.array([topic_mixture(x, phi, alpha, 12) for x in X])
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-7)
    likelihood = _core.mixture_log_likelihood(parts, term_topics, totals, alpha, beta, found, 2)
    np.testing.assert_allclose(likelihood, (X * np.log(found @ phi)).sum(axis=1), rtol=1e-5)


def test_tolerance_stops_early(n_threads: int) -> None:
    rng = np.random.default_rng(0)
    term_topics, totals, alpha, beta, _ = model(rng, 30, 10)
    parts = rows_argument(sp.csr_array(rng.poisson(0.7, (50, 30)).astype(np.float32)))
    once, rough, exact, long = (
        _core.topic_mixtures(parts, term_topics, totals, alpha, beta, n_iter, tol, n_threads)
        for n_iter, tol in ((1, 0.0), (500, 1e9), (500, 1e-6), (500, 0.0))
    )
    assert np.array_equal(once, rough)
    assert not np.array_equal(once, exact)
    np.testing.assert_allclose(exact, long, atol=1e-3)


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    term_topics, totals, alpha, beta, _ = model(rng, 5, 3)
    X = rows_argument(sp.csr_array(np.ones((2, 5), np.float32)))
    with pytest.raises(ValueError, match="X has 4 features; the model has 5"):
        _core.topic_mixtures(
            rows_argument(sp.csr_array(np.ones((2, 4), np.float32))),
            term_topics,
            totals,
            alpha,
            beta,
            1,
            0.0,
            1,
        )
    with pytest.raises(ValueError, match="alpha has 2 elements; n_topics=3"):
        _core.topic_mixtures(X, term_topics, totals, alpha[:2], beta, 1, 0.0, 1)
    with pytest.raises(ValueError, match="topic 2 must be below n_topics=2"):
        _core.topic_mixtures(X, term_topics, totals[:2], alpha[:2], beta, 1, 0.0, 1)
    with pytest.raises(ValueError, match=r"expected shape \(2, 3\); got \(2, 2\)"):
        _core.mixture_log_likelihood(X, term_topics, totals, alpha, beta, np.ones((2, 2), np.float32), 1)
