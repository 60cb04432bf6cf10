"""The compiled linkage against SciPy, and weighted points against points that are repeated."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist

from coterie import _core
from coterie.cluster import _pairwise
from reference.linkage import linkage as reference_linkage

METHODS = ("ward", "average", "complete", "single")


def members(children: NDArray[np.int64], n: int) -> list[frozenset[int]]:
    made: list[frozenset[int]] = [frozenset([i]) for i in range(n)]
    for a, b in children:
        made.append(made[a] | made[b])
    return made[n:]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 31, 64, 257])
def test_equal_weights_give_the_tree_of_scipy(method: str, n: int) -> None:
    X = np.random.default_rng(n).normal(size=(n, 5))
    children, distances, weights = _core.linkage(pdist(X), np.ones(n), method)
    if n == 1:
        assert children.shape == (0, 2)
        return
    wanted = scipy_linkage(X, method)
    np.testing.assert_array_equal(children, wanted[:, :2].astype(int))
    np.testing.assert_allclose(distances, wanted[:, 2], rtol=1e-12)
    np.testing.assert_array_equal(weights, wanted[:, 3])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_a_weight_is_a_number_of_repetitions(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(14, 3)), rng.integers(1, 6, 14)
    wanted = reference_linkage(X, weights, method)
    children, distances, made = _core.linkage(pdist(X), weights.astype(float), method)
    np.testing.assert_allclose(distances, [distance for distance, _ in wanted], rtol=1e-10)
    assert members(children, len(X)) == [points for _, points in wanted]
    np.testing.assert_array_equal(made, [weights[sorted(points)].sum() for _, points in wanted])


@pytest.mark.parametrize("method", METHODS)
def test_repeated_points_in_scipy_agree(method: str) -> None:
    rng = np.random.default_rng(9)
    X, weights = rng.normal(size=(20, 4)), rng.integers(1, 8, 20)
    _, distances, _ = _core.linkage(pdist(X), weights.astype(float), method)
    repeated = scipy_linkage(np.repeat(X, weights, axis=0), method)[:, 2]
    np.testing.assert_allclose(distances, repeated[-19:], rtol=1e-9)
    assert repeated[:-19].max() < 1e-7


@pytest.mark.parametrize("method", METHODS)
def test_ties_and_equal_points_end_and_never_fall(method: str) -> None:
    X = np.array([[i // 3 % 4, i % 2] for i in range(40)], dtype=float)
    children, distances, weights = _core.linkage(pdist(X), np.ones(40), method)
    assert (np.diff(distances) >= 0).all()
    assert sorted(children.ravel()) == list(range(78))
    assert weights[-1] == 40


@pytest.mark.parametrize(
    ("distances", "weights", "method", "message"),
    [
        ([1.0], [1.0, 0.0], "ward", r"weights\[1\]=0 must be finite and > 0"),
        ([1.0], [1.0, np.nan], "ward", r"weights\[1\]=nan"),
        ([-1.0], [1.0, 1.0], "single", r"distances\[0\]=-1 must be finite and >= 0"),
        ([np.inf], [1.0, 1.0], "single", r"distances\[0\]=inf"),
        ([1.0], [1.0, 1.0], "median", "method=median must be ward"),
        ([1.0, 2.0], [1.0, 1.0], "ward", "expected 1 elements"),
        ([], [], "ward", "n_points=0 must be >= 1"),
    ],
)
def test_bad_input_is_named(distances: list[float], weights: list[float], method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.linkage(np.array(distances, dtype=float), np.array(weights, dtype=float), method)


def test_other_dtypes_and_frozen_distances_are_refused() -> None:
    with pytest.raises(TypeError, match="dtype float64"):
        _core.linkage(np.ones(1, np.float32), np.ones(2), "ward")
    frozen = np.ones(1)
    frozen.flags.writeable = False
    with pytest.raises(TypeError, match="writeable"):
        _core.linkage(frozen, np.ones(2), "ward")


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("products", [1, 400, 10**9])
def test_blocks_of_sparse_rows_change_no_bit(metric, products, monkeypatch):
    X = sp.csr_array(
        sp.random(90, 40, density=0.1, random_state=np.random.default_rng(0), dtype=np.float32, format="csr")
    )
    whole = _pairwise.condensed_distances(X, metric, 1)
    monkeypatch.setattr(_pairwise, "_PRODUCTS", products)
    ends = _pairwise._ends(X)
    assert ends[-1] == 90
    assert (len(ends) == 90, len(ends) == 1) == (products == 1, products == 10**9)
    assert _pairwise.condensed_distances(X, metric, 1).tobytes() == whole.tobytes()
