"""EMA K-means: one step by its formula; it follows rows that change, and is a start for Lloyd."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.cluster import EMAKMeans, KMeans, MiniBatchKMeans


def test_a_step_is_the_mean_with_decayed_weights() -> None:
    start = np.array([[0, 0], [10, 10]], dtype=np.float32)
    first, second = np.array([[1, 0], [3, 0], [9, 9]]), np.array([[5, 0], [12, 10], [12, 12]])
    model = EMAKMeans(2, init=start, n_init=1, decay=0.5, reassignment_ratio=0.0)
    model.partial_fit(first)
    np.testing.assert_array_equal(model.cluster_centers_, [[2, 0], [9, 9]])
    model.partial_fit(second)  # weights 2 and 1, halved
    np.testing.assert_allclose(
        model.cluster_centers_, [[(2 + 5) / 2, 0], [(4.5 + 24) / 2.5, (4.5 + 22) / 2.5]], rtol=1e-6
    )


def test_without_decay_it_is_mini_batch() -> None:
    X = np.random.default_rng(0).standard_normal((3000, 5), dtype=np.float32)
    options = {"batch_size": 256, "random_state": 0, "max_iter": 3}
    a, b = EMAKMeans(7, decay=1.0, **options).fit(X), MiniBatchKMeans(7, **options).fit(X)
    assert a.cluster_centers_.tobytes() == b.cluster_centers_.tobytes()


def test_narrow_integers_are_taken_for_what_they_are() -> None:
    X = np.random.default_rng(0).standard_normal((300, 5), dtype=np.float32)
    narrow = MiniBatchKMeans(np.int8(3), batch_size=np.int8(100), max_iter=np.int8(2), random_state=0).fit(X)
    wide = MiniBatchKMeans(3, batch_size=100, max_iter=2, random_state=0).fit(X)
    assert narrow.cluster_centers_.tobytes() == wide.cluster_centers_.tobytes()


def test_it_follows_rows_that_move() -> None:
    rng = np.random.default_rng(0)
    follows, remembers = EMAKMeans(1, decay=0.5), MiniBatchKMeans(1)
    for step in range(20):
        batch = rng.standard_normal((100, 2)) + step
        follows.partial_fit(batch)
        remembers.partial_fit(batch)
    assert abs(follows.cluster_centers_[0, 0] - 19) < 2 < 5 < abs(remembers.cluster_centers_[0, 0] - 19)


def test_it_starts_a_fit(every_n_threads: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X = (
        rng.standard_normal((20, 6))[rng.integers(20, size=2000)] * 5 + rng.standard_normal((2000, 6))
    ).astype(np.float32)
    fits = [
        KMeans(20, init=EMAKMeans(batch_size=256), random_state=0, n_threads=n).fit(X)
        for n in every_n_threads
    ]
    assert len({fit.labels_.tobytes() for fit in fits}) == 1
    assert fits[0].inertia_ <= fits[0].score(X) * -1 * (1 + 1e-9)
    assert fits[0].inertia_ < EMAKMeans(20, batch_size=256, random_state=0).fit(X).inertia_


@pytest.mark.parametrize("decay", [-0.1, 1.5, float("nan")])
def test_a_bad_decay_is_named(decay: float) -> None:
    with pytest.raises(ValueError, match="decay must be"):
        EMAKMeans(2, decay=decay).fit(np.ones((9, 2)))
