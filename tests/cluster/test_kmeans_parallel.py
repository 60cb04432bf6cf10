"""k-means|| draws exactly the rows of its definition, on every instruction set and thread count."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, MiniBatchKMeans, _core
from coterie._validation import rows_argument
from reference.kmeans_parallel import kmeans_parallel


def grid(n_rows: int, d: int) -> np.ndarray:
    """Rows of small integers: every squared distance is exact however it is summed."""
    return np.random.default_rng(n_rows).integers(-4, 5, (n_rows, d)).astype(np.float32)


def drawn(X: object, weight: np.ndarray | None, k: int, seed: int, metric: str, n_threads: int) -> list[int]:
    return _core.Samples(rows_argument(X), weight, metric, n_threads).kmeans_parallel(k, seed).tolist()


@pytest.mark.parametrize(("n_rows", "d", "k"), [(1, 1, 1), (9, 3, 9), (40, 5, 30), (700, 17, 20)])
def test_rows_are_those_of_the_definition(
    n_rows: int, d: int, k: int, every_isa: list[str], every_n_threads: tuple[int, ...]
) -> None:
    X = grid(n_rows, d)
    weight = np.random.default_rng(1).integers(1, 4, n_rows).astype(np.float64)
    for seed in (0, 2**63 + 12345):
        wanted = kmeans_parallel(X.astype(np.float64), weight, k, seed)
        for name in every_isa:
            _core.set_isa(name)
            for n in every_n_threads:
                assert drawn(X, weight, k, seed, "euclidean", n) == wanted
                assert drawn(sp.csr_array(X), weight, k, seed, "euclidean", n) == wanted


def test_cosine_gives_the_same_rows_dense_and_sparse_on_any_threads(
    every_isa: list[str], every_n_threads: tuple[int, ...]
) -> None:
    X = grid(500, 12)
    X[::9] = 0
    answers = set()
    for name in every_isa:
        _core.set_isa(name)
        answers |= {tuple(drawn(X, None, 40, 3, "cosine", n)) for n in every_n_threads}
    assert len(answers) == 1
    assert len(set(answers.pop())) == 40


def test_very_many_seeds_are_distinct_rows() -> None:
    X = np.random.default_rng(0).standard_normal((6000, 4), dtype=np.float32)
    rows = drawn(X, None, 5000, 0, "euclidean", 2)
    assert len(set(rows)) == 5000


def test_rows_of_a_sample_are_rows_of_the_whole() -> None:
    X = grid(3000, 6)
    rows = _core.Samples(rows_argument(X), None, "euclidean", 2).kmeans_parallel(70, 1, 400)
    assert len(rows) == 70
    assert rows.min() >= 0
    assert rows.max() < 3000
    assert (rows >= 400).any()


def test_seeds_beat_random_rows() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 60, 300)  # many small groups are what random rows miss
    X = np.repeat(20 * rng.standard_normal((300, 8)), sizes, axis=0) + rng.standard_normal((sizes.sum(), 8))
    for init in ("k-means||", "k-means++"):
        fit = KMeans(300, init=init, random_state=0).fit(X)
        assert fit.inertia_ < 0.5 * KMeans(300, init="random", n_init=1, random_state=0).fit(X).inertia_


def test_a_fit_can_start_from_the_centres_of_another() -> None:
    X = np.random.default_rng(0).standard_normal((2000, 8), dtype=np.float32)
    start = MiniBatchKMeans(3, batch_size=256)
    fit = KMeans(12, init=start, random_state=0).fit(X)
    assert fit.cluster_centers_.shape == (12, 8)
    assert not hasattr(start, "cluster_centers_")  # a copy was fitted
    np.testing.assert_array_equal(KMeans(12, init=start, random_state=0).fit(X).labels_, fit.labels_)


def test_more_seeds_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="n_samples=2 must be >= n_clusters=3"):
        drawn(np.ones((2, 2), dtype=np.float32), None, 3, 0, "euclidean", 1)
