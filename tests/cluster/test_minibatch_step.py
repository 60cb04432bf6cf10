"""A mini-batch step against its float64 definition, and bit for bit with itself."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from coterie._validation import rows_argument
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


def test_a_centre_that_wins_no_row_stays() -> None:
    X = np.array([[0.0], [1.0]], dtype=np.float32)
    centers = np.array([[0.5], [100.0]], dtype=np.float32)
    _, moved, total, _ = _core.Samples(X, None, "euclidean", 1).minibatch_step(centers, np.array([2.0, 3.0]))
    np.testing.assert_array_equal(moved, [[0.5], [100.0]])
    np.testing.assert_array_equal(total, [4.0, 3.0])
