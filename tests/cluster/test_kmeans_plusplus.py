"""Seeding draws exactly the rows of its definition, on every instruction set and thread count."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from reference.kmeans_plusplus import kmeans_plusplus
from reference.philox import philox4x32

METRICS = ["euclidean", "cosine"]


def test_reference_generator_gives_the_published_words() -> None:  # Random123, kat_vectors
    ones = 0xFFFFFFFF
    assert philox4x32([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox4x32([ones] * 4, [ones] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0]
    assert philox4x32(pi[:4], pi[4:]) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def drawn(
    X: object, weight: np.ndarray | None, k: int, trials: int, seed: int, metric: str, n: int
) -> list[int]:
    return _core.Samples(rows_argument(X), weight, metric, n).kmeans_plusplus(k, trials, seed).tolist()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("n_rows", "d", "k", "trials"),
    [(1, 1, 1, 1), (9, 3, 9, 2), (700, 17, 20, 4), (1300, 5, 12, 9), (550, 257, 24, 3)],
)
def test_dense_rows_are_those_of_the_definition(
    metric: str,
    n_rows: int,
    d: int,
    k: int,
    trials: int,
    every_isa: list[str],
    every_n_threads: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(n_rows)
    X = rng.standard_normal((n_rows, d), dtype=np.float32)
    weight = rng.integers(1, 4, n_rows).astype(np.float64)
    for seed in (0, 2**63 + 12345):
        wanted = kmeans_plusplus(X.astype(np.float64), weight, k, trials, seed, metric == "cosine")
        for name in every_isa:
            _core.set_isa(name)
            for n in every_n_threads:
                assert drawn(X, weight, k, trials, seed, metric, n) == wanted


@pytest.mark.parametrize(
    ("offset", "scale"), [(0, 1), (1e4, 1), (1e4, 1e-3), (0, 1e-22), (0, 1e17), (1e18, 1e12)]
)
def test_distances_that_a_filter_spares_change_no_seed(
    offset: float, scale: float, every_isa: list[str], every_n_threads: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(1)
    groups = rng.standard_normal((12, 260))[rng.integers(0, 12, 555)]
    X = (offset + scale * (groups + 0.3 * rng.standard_normal((555, 260)))).astype(np.float32)
    X[::9] = X[1]
    X[5::40] = 0
    _core.set_isa("portable")  # canonical distances of every row
    wanted = drawn(X, None, 30, 9, 3, "euclidean", 1)
    for name in every_isa:
        _core.set_isa(name)
        for n in every_n_threads:
            assert drawn(X, None, 30, 9, 3, "euclidean", n) == wanted


@pytest.mark.parametrize("metric", METRICS)
def test_sparse_rows_are_those_of_the_definition(
    metric: str, every_isa: list[str], every_n_threads: tuple[int, ...]
) -> None:
    X = np.random.default_rng(0).integers(0, 3, (600, 11)).astype(np.float32)  # sums are exact in any order
    X[::7] = 0
    wanted = kmeans_plusplus(X.astype(np.float64), np.ones(600), 15, 3, 5, metric == "cosine")
    for name in every_isa:
        _core.set_isa(name)
        for n in every_n_threads:
            assert drawn(sp.csr_array(X), None, 15, 3, 5, metric, n) == wanted


def test_rows_that_all_coincide_are_drawn_by_weight() -> None:
    X = np.ones((40, 3), dtype=np.float32)
    weight = np.zeros(40)
    weight[[3, 30]] = 1
    assert set(drawn(X, weight, 6, 2, 1, "euclidean", 2)) <= {3, 30}
    assert drawn(X, weight, 6, 2, 1, "euclidean", 2) == kmeans_plusplus(
        X.astype(np.float64), weight, 6, 2, 1, False
    )


def test_more_seeds_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="n_samples=2 must be >= n_clusters=3"):
        drawn(np.ones((2, 2), dtype=np.float32), None, 3, 1, 0, "euclidean", 1)
