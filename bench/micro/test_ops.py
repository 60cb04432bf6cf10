"""Single ops, many repeats: ``python -m pytest bench/micro --benchmark-only``. For work on one op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import pdist

import coterie
from coterie import _core
from coterie.similarity import cosine_top_k

N_THREADS = sorted({1, _core.default_thread_count()})


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """20,000 texts of 20 words, drawn from 20,000 words by Zipf's law."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(20_000)])
    drawn = np.minimum(rng.zipf(1.3, size=(20_000, 20)), len(words)) - 1
    return [" ".join(row) for row in words[drawn]]


@pytest.fixture(scope="module")
def dense() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((20_000, 128), dtype=np.float32)


@pytest.fixture(scope="module")
def sparse(texts: list[str]) -> sp.csr_matrix:
    return coterie.TfidfVectorizer().fit_transform(texts)


@pytest.mark.parametrize("n_threads", N_THREADS)
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2)])
def test_tfidf(benchmark: Any, texts: list[str], ngram_range: tuple[int, int], n_threads: int) -> None:
    vectorizer = coterie.TfidfVectorizer(ngram_range=ngram_range, n_threads=n_threads)
    X = benchmark(vectorizer.fit_transform, texts)
    assert X.shape[0] == len(texts)


@pytest.mark.parametrize("n_threads", N_THREADS)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("n_clusters", [10, 100])
def test_kmeans_predict(
    benchmark: Any, request: pytest.FixtureRequest, kind: str, n_clusters: int, n_threads: int
) -> None:
    X = request.getfixturevalue(kind)
    model = coterie.KMeans(
        n_clusters, init="random", max_iter=2, tol=1.0, random_state=0, n_threads=n_threads
    )
    assert benchmark(model.fit(X).predict, X).shape == (X.shape[0],)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_kmeans_plusplus(benchmark: Any, request: pytest.FixtureRequest, kind: str) -> None:
    X = request.getfixturevalue(kind)
    model = coterie.KMeans(100, max_iter=1, tol=1e9, random_state=0)
    assert benchmark(model.fit, X).cluster_centers_.shape[0] == 100


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_cosine_top_k(benchmark: Any, request: pytest.FixtureRequest, kind: str) -> None:
    X = request.getfixturevalue(kind)[:5_000]
    assert len(benchmark(cosine_top_k, X, k=10)) == 5_000


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single"])
def test_linkage(benchmark: Any, dense: np.ndarray, method: str) -> None:
    distances, weights = pdist(dense[:3_000]), np.ones(3_000)
    children, _, _ = benchmark(lambda: _core.linkage(distances.copy(), weights, method))
    assert len(children) == 2_999
