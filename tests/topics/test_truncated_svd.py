"""The truncated SVD against LAPACK, and its bits against themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from reference import truncated_svd as reference

SIZES = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257)


def with_decay(rng: np.random.Generator, n: int, d: int, rank: int) -> np.ndarray:
    """A matrix whose singular values halve, so that each direction is well defined."""
    left, _ = np.linalg.qr(rng.standard_normal((n, rank)))
    right, _ = np.linalg.qr(rng.standard_normal((d, rank)))
    return ((left * 0.5 ** np.arange(rank)) @ right.T).astype(np.float32)


def svd(X: np.ndarray, n_components: int, n_threads: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return _core.truncated_svd(rows_argument(sp.csr_array(X)), n_components, 10, 4, None, seed, n_threads)


@pytest.mark.parametrize("n", SIZES)
def test_directions_and_values_are_those_of_lapack(n: int) -> None:
    rng = np.random.default_rng(n)
    rank = min(n, 6)
    X = with_decay(rng, n, max(n // 2, 6), rank)
    vectors, values = svd(X, rank)
    wanted_vectors, wanted_values = reference.truncated_svd(X, rank)
    np.testing.assert_allclose(values, wanted_values, rtol=1e-5)
    np.testing.assert_allclose(np.abs(np.sum(vectors * wanted_vectors, axis=0)), 1, atol=1e-4)
    largest = np.abs(vectors).argmax(axis=0)
    assert (vectors[largest, np.arange(rank)] > 0).all()


def test_directions_are_orthonormal_on_a_flat_spectrum() -> None:
    X = sp.csr_array(
        sp.random(
            400, 300, density=0.05, random_state=np.random.default_rng(1), dtype=np.float32, format="csr"
        )
    ).toarray()
    vectors, values = svd(X, 40)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(40), atol=1e-5)
    assert (np.diff(values) <= 0).all()
    exact = reference.truncated_svd(X, 40)[1]
    assert (values <= exact * (1 + 1e-6)).all()  # a projection never gains
    assert (values >= 0.95 * exact).all()


@pytest.mark.parametrize(("n", "d", "n_components"), [(5000, 700, 20), (301, 900, 61), (1100, 400, 239)])
@pytest.mark.parametrize("is_direction_known", [False, True])
def test_bits_do_not_depend_on_threads(
    n: int,
    d: int,
    n_components: int,
    is_direction_known: bool,
    every_n_threads: tuple[int, ...],
    every_isa: list[str],
) -> None:
    rng = np.random.default_rng(2)
    X = rows_argument(
        sp.csr_array(sp.random(n, d, density=0.02, random_state=rng, dtype=np.float32, format="csr"))
    )
    known = rng.random(d) if is_direction_known else None
    first_vectors, first_values = _core.truncated_svd(X, n_components, 10, 3, known, 0, 1)
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in every_n_threads:
            vectors, values = _core.truncated_svd(X, n_components, 10, 3, known, 0, n_threads)
            assert np.array_equal(vectors.view(np.int32), first_vectors.view(np.int32))
            assert np.array_equal(values.view(np.int64), first_values.view(np.int64))


def test_past_the_rank_there_is_nothing() -> None:
    X = np.outer([1, 2, 0, 3], [1, 0, 2, 2, 1]).astype(np.float32)
    vectors, values = svd(X, 4)
    assert values[0] == pytest.approx(np.linalg.norm(X), rel=1e-6)
    assert values[1:].tolist() == [0, 0, 0]
    assert not vectors[:, 1:].any()
    vectors, values = svd(np.zeros((3, 2), np.float32), 2)
    assert not values.any()
    assert not vectors.any()


def test_a_known_direction_is_left_out() -> None:
    X = with_decay(np.random.default_rng(5), 40, 20, 6)
    wanted_vectors, wanted_values = reference.truncated_svd(X, 6)
    known = 3 * np.ascontiguousarray(wanted_vectors[:, 1])
    vectors, values = _core.truncated_svd(rows_argument(sp.csr_array(X)), 5, 10, 4, known, 0, 1)
    np.testing.assert_allclose(values, np.delete(wanted_values, 1), rtol=1e-5)
    np.testing.assert_allclose(vectors, np.delete(wanted_vectors, 1, axis=1), atol=1e-4)
    with pytest.raises(ValueError, match="expected 20 elements"):
        _core.truncated_svd(rows_argument(sp.csr_array(X)), 5, 10, 4, known[1:].copy(), 0, 1)


def test_projection_is_the_product_in_unit_rows() -> None:
    rng = np.random.default_rng(3)
    X = sp.csr_array(sp.random(33, 17, density=0.3, random_state=rng, dtype=np.float32, format="csr"))
    X = sp.csr_array(sp.vstack([X, sp.csr_array((1, 17), dtype=np.float32)]))
    w = rng.standard_normal((17, 5)).astype(np.float32)
    wanted = X.toarray().astype(np.float64) @ w
    np.testing.assert_allclose(
        _core.project_rows(rows_argument(X), w, False, 2), wanted, rtol=1e-6, atol=1e-7
    )
    rows = _core.project_rows(rows_argument(X), w, True, 2)
    lengths = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(lengths[np.diff(X.indptr) > 0], 1, rtol=1e-6)
    assert not rows[-1].any()


@pytest.mark.parametrize("width", SIZES)
def test_projection_has_the_same_bits_at_every_width(
    width: int, every_n_threads: tuple[int, ...], every_isa: list[str]
) -> None:
    rng = np.random.default_rng(width)
    X = sp.csr_array(sp.random(300, 90, density=0.2, random_state=rng, dtype=np.float32, format="csr"))
    w = rng.standard_normal((90, width)).astype(np.float32)
    wanted = np.zeros((300, width))
    for i in range(300):  # in the order of the stored entries: each product is exact, each sum rounded
        for p in range(X.indptr[i], X.indptr[i + 1]):
            wanted[i] += X.data[p].astype(np.float64) * w[X.indices[p]].astype(np.float64)
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in every_n_threads:
            rows = _core.project_rows(rows_argument(X), w, False, n_threads)
            assert np.array_equal(rows.view(np.int32), wanted.astype(np.float32).view(np.int32))


def test_the_op_refuses_what_it_cannot_do() -> None:
    X = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match="n_components=3 must be between 1 and n_features=2"):
        svd(X, 3)
    with pytest.raises(ValueError, match="n_iter=0"):
        _core.truncated_svd(rows_argument(sp.csr_array(X)), 1, 0, 0, None, 0, 1)
    with pytest.raises(TypeError, match="CSR"):
        _core.truncated_svd(X, 1, 0, 1, None, 0, 1)
    with pytest.raises(ValueError, match="w has 3 rows for 2 features"):
        _core.project_rows(rows_argument(sp.csr_array(X)), np.ones((3, 1), np.float32), False, 1)
