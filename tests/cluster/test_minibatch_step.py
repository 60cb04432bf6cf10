"""A mini-batch step against its float64 definition, and bit for bit with itself."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
from coterie.cluster._moving_centers import ScaledCenters, WholeCenters
from reference.minibatch_step import minibatch_step


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(("n_rows", "d", "k"), [(1, 1, 1), (7, 3, 2), (257, 16, 9), (1000, 33, 31)])
def test_step_is_that_of_the_definition(
    metric: str,
    form: type,
    n_rows: int,
    d: int,
    k: int,
    every_isa: list[str],
    every_n_threads: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(d)
    X = rng.standard_normal((n_rows, d), dtype=np.float32) * (rng.random((n_rows, d)) < 0.7).astype(
        np.float32
    )
    centers = rng.standard_normal((k, d), dtype=np.float32)
    if metric == "cosine":
        centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    weight, seen = rng.integers(n_rows == 1, 3, n_rows).astype(np.float64), rng.random(k) * 10
    labels, moved, total, loss = minibatch_step(
        X.astype(np.float64), weight, centers.astype(np.float64), seen, metric == "cosine"
    )
    found = []
    for name in every_isa:
        _core.set_isa(name)
        for n in every_n_threads:
            samples = _core.Samples(rows_argument(form(X)), weight, metric, n)
            found.append(samples.minibatch_step(centers, seen))
            assert [part.tobytes() for part in found[-1][:3]] == [part.tobytes() for part in found[0][:3]]
            assert found[-1][3] == found[0][3]
    np.testing.assert_array_equal(found[0][0], labels)
    np.testing.assert_allclose(found[0][1], moved, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[0][2], total, rtol=1e-12)
    np.testing.assert_allclose(found[0][3], loss, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_centres_restricted_to_the_features_of_the_batch(
    metric: str, every_n_threads: tuple[int, ...]
) -> None:
    """The rest of a centre counts by its norm, and shrinks by the factor that is returned."""
    rng = np.random.default_rng(0)
    X = rng.random((60, 40), dtype=np.float32)
    X[:, 25:] = 0
    centers = rng.standard_normal((20, 40)).astype(np.float32)
    if metric == "cosine":
        centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    seen, norms = rng.random(20) * 10, (centers.astype(np.float64) ** 2).sum(axis=1)
    labels, moved, total, loss, *_ = _core.Samples(X, None, metric, 1).minibatch_step(centers, seen)
    for n in every_n_threads:
        part = _core.Samples(rows_argument(sp.csr_array(X[:, :25])), None, metric, n)
        found = part.minibatch_step(np.ascontiguousarray(centers[:, :25]), seen, norms)
        np.testing.assert_array_equal(found[0], labels)
        whole = np.hstack([found[1], centers[:, 25:] * found[4][:, None]])
        np.testing.assert_allclose(whole, moved, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[2], total, rtol=1e-12)
        np.testing.assert_allclose(found[3], loss, rtol=1e-6)
        np.testing.assert_allclose(found[5], (moved.astype(np.float64) ** 2).sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.0])
def test_scaled_centres_go_where_whole_ones_go(metric: str, kept: float) -> None:
    rng = np.random.default_rng(1)
    X = sp.csr_array(sp.random(400, 90, density=0.05, random_state=rng, dtype=np.float32, format="csr"))
    X.data += 0.5
    start = X[:7].toarray()
    start[0, 3] = -1
    if metric == "cosine":
        start /= np.linalg.norm(start, axis=1, keepdims=True)
    scaled, whole = ScaledCenters(start), WholeCenters(start.copy())
    seen_scaled, seen_whole = np.zeros(7), np.zeros(7)

    def samples(rows: object) -> _core.Samples:
        return _core.Samples(rows_argument(rows), None, metric, 2)

    for step in range(80):
        batch = X[rng.integers(0, 400, 30)]
        seen_scaled, *of_scaled = scaled.step(batch, samples, kept * seen_scaled, with_shift=True)
        seen_whole, *of_whole = whole.step(batch.toarray(), samples, kept * seen_whole, with_shift=True)
        np.testing.assert_allclose(seen_scaled, seen_whole, rtol=1e-12)
        np.testing.assert_allclose(of_scaled, of_whole, rtol=1e-4, atol=1e-6)
        if step == 40:
            scaled.replace(np.array([2, 6]), X[[5, 9]], metric)
            whole.replace(np.array([2, 6]), X[[5, 9]].toarray(), metric)
            np.testing.assert_allclose(scaled.whole()[[2, 6]], whole.whole()[[2, 6]], rtol=1e-6)
    np.testing.assert_allclose(scaled.whole(), whole.whole(), rtol=1e-4, atol=1e-6)
    assert not np.signbit(scaled.whole()).any()


def test_a_batch_without_nonzeros_changes_what_it_is_given_to() -> None:
    centers = ScaledCenters(np.array([[4.0, 0.0, 2.0], [9.0, 9.0, 9.0]], np.float32))
    empty = sp.csr_array((2, 3), dtype=np.float32)
    weight, loss, shift = centers.step(
        empty,
        lambda rows: _core.Samples(rows_argument(rows), None, "euclidean", 1),
        np.array([2.0, 1.0]),
        with_shift=True,
    )
    np.testing.assert_array_equal(centers.whole(), [[2.0, 0.0, 1.0], [9.0, 9.0, 9.0]])
    assert weight.tolist() == [4.0, 1.0]
    assert (loss, shift) == (40.0, 5.0)


def test_a_centre_that_wins_no_row_stays() -> None:
    X = np.array([[0.0], [1.0]], dtype=np.float32)
    centers = np.array([[0.5], [100.0]], dtype=np.float32)
    _, moved, total, *_ = _core.Samples(X, None, "euclidean", 1).minibatch_step(centers, np.array([2.0, 3.0]))
    np.testing.assert_array_equal(moved, [[0.5], [100.0]])
    np.testing.assert_array_equal(total, [4.0, 3.0])
