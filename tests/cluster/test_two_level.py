"""Two-level K-means: as many clusters as wanted, exact labels, the same bits on any number of threads."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from coterie import _core
from coterie._validation import rows_argument
from coterie.cluster import KMeans, TwoLevelKMeans, two_level
from coterie.cluster._fill_empty import fill_empty
from coterie.cluster.two_level import share_clusters

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    groups = 6 * rng.standard_normal((60, 10))
    return (groups[rng.integers(60, size=4000)] + rng.standard_normal((4000, 10))).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("sparse", [False, True])
def test_labels_are_those_of_the_nearest_centre(rows: np.ndarray, metric: str, sparse: bool) -> None:
    X = sp.csr_array(rows) if sparse else rows
    fit = TwoLevelKMeans(200, metric=metric, random_state=0).fit(X)
    assert fit.cluster_centers_.shape == (200, 10)
    assert fit.cell_of_cluster_.shape == (200,)
    unit = rows.astype(np.float64)
    if metric == "cosine":
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        score = unit @ fit.cluster_centers_.astype(np.float64).T
        np.testing.assert_allclose(fit.inertia_, (1 - score.max(axis=1)).sum(), rtol=1e-6)
    else:
        distance = ((unit[:, None] - fit.cluster_centers_.astype(np.float64)) ** 2).sum(axis=2)
        np.testing.assert_array_equal(fit.labels_, distance.argmin(axis=1))
        np.testing.assert_allclose(fit.inertia_, distance.min(axis=1).sum(), rtol=1e-9)
    np.testing.assert_array_equal(fit.predict(X), fit.labels_)


def test_bits_do_not_depend_on_threads(rows: np.ndarray, every_n_threads: tuple[int, ...]) -> None:
    fits = [TwoLevelKMeans(150, random_state=3, n_threads=n).fit(rows) for n in every_n_threads]
    for fit in fits[1:]:
        assert fit.cluster_centers_.tobytes() == fits[0].cluster_centers_.tobytes()
        assert fit.labels_.tobytes() == fits[0].labels_.tobytes()


def test_inertia_is_near_that_of_lloyd(rows: np.ndarray) -> None:
    exact = KMeans(200, random_state=0).fit(rows)
    assert TwoLevelKMeans(200, random_state=0).fit(rows).inertia_ < 1.15 * exact.inertia_
    refined = TwoLevelKMeans(200, random_state=0, n_lloyd=10).fit(rows)
    assert refined.inertia_ < TwoLevelKMeans(200, random_state=0).fit(rows).inertia_


def test_as_many_clusters_as_rows() -> None:
    X = np.random.default_rng(0).standard_normal((90, 3), dtype=np.float32)
    fit = TwoLevelKMeans(90, random_state=0).fit(X)
    assert sorted(fit.labels_.tolist()) == list(range(90))
    assert fit.inertia_ == 0


def test_weights_count_as_repeats_do(rows: np.ndarray) -> None:
    weight = np.random.default_rng(0).integers(0, 3, len(rows)).astype(np.float64)
    fit = TwoLevelKMeans(50, random_state=0).fit(rows, sample_weight=weight)
    repeated = np.repeat(rows, weight.astype(int), axis=0)
    np.testing.assert_allclose(fit.inertia_, -fit.score(repeated), rtol=1e-9)


@pytest.mark.parametrize(
    ("n_clusters", "demand", "n_rows", "shares"),
    [
        (10, [3.0, 1.0], [100, 100], [7, 3]),
        (10, [3.0, 1.0], [4, 100], [4, 6]),  # a full cell passes on what it cannot take
        (5, [0.0, 0.0, 1.0], [2, 0, 9], [1, 0, 4]),
        (6, [0.0, 0.0], [3, 3], [3, 3]),
        (3, [1.0, 1.0, 1.0], [5, 5, 5], [1, 1, 1]),
    ],
)
def test_shares(n_clusters: int, demand: list[float], n_rows: list[int], shares: list[int]) -> None:
    assert share_clusters(n_clusters, np.array(demand), np.array(n_rows)).tolist() == shares


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 200}, "n_samples=90 should be >= n_clusters=200"),
        ({"n_clusters": 20, "n_cells": 21}, "n_cells must be .*; got 21"),
        ({"n_clusters": 20, "n_lloyd": -1}, "n_lloyd must be .*; got -1"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TwoLevelKMeans(**options).fit(np.ones((90, 2), dtype=np.float32))


def test_fewer_clusters_are_told_once_and_of_the_whole():
    with pytest.warns(ConvergenceWarning) as told:
        TwoLevelKMeans(5, random_state=0).fit(np.ones((20, 3)))
    assert [str(one.message) for one in told] == [
        "only 1 of n_clusters=5 clusters have rows, as where fewer rows of X are distinct"
    ]


def test_the_filters_of_warnings_are_as_they_were(rows: np.ndarray) -> None:
    before = list(warnings.filters)
    for _ in range(5):  # cells are fitted side by side
        TwoLevelKMeans(400, random_state=0, n_threads=4).fit(rows)
    assert warnings.filters == before


@pytest.mark.parametrize("sparse", [False, True])
def test_a_cluster_that_another_cell_took_the_rows_of_is_filled(
    rows: np.ndarray, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = sp.csr_array(rows) if sparse else rows
    fit = TwoLevelKMeans(200, random_state=0).fit(X)
    assert np.bincount(fit.labels_, minlength=200).min() > 0
    np.testing.assert_array_equal(fit.predict(X), fit.labels_)
    np.testing.assert_allclose(fit.inertia_, -fit.score(X), rtol=1e-9)
    monkeypatch.setattr(two_level, "fill_empty", lambda *_: np.full(200, -1))
    with pytest.warns(ConvergenceWarning, match="only 199 of n_clusters=200"):
        emptier = TwoLevelKMeans(200, random_state=0).fit(X)
    assert fit.inertia_ < emptier.inertia_


class TestFillEmpty:
    def filled(self, X, centers, metric="euclidean", weight=None):
        def samples_of(rows):
            return _core.Samples(rows_argument(rows), None, metric, 2)

        samples, centers = samples_of(X), np.array(centers, np.float32)
        labels = samples.assign(centers)
        placed = fill_empty(X, samples, samples_of, weight, metric, centers, labels)
        np.testing.assert_array_equal(labels, samples.assign(centers))
        return placed.tolist(), centers.tolist(), labels.tolist()

    def test_the_farthest_rows_ties_to_the_lowest(self):
        X = np.array([[0.0], [4.0], [-5.0], [1.0], [50.0], [54.0]], np.float32)
        placed, centers, labels = self.filled(X, [[0.0], [100.0], [200.0], [50.0]])
        assert placed == [-1, 2, 1, -1]  # rows 1 and 5 are both 4 away
        assert centers == [[0.0], [-5.0], [4.0], [50.0]]
        assert labels == [0, 2, 1, 0, 3, 3]

    @pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
    def test_equal_rows_take_one_centre_and_the_next_farthest_another(self, form):
        X = form(np.array([[0.0], [9.0], [9.0], [9.0], [5.0]], np.float32))
        placed, _, labels = self.filled(X, [[0.0], [100.0], [200.0]])
        assert placed == [-1, 1, 4]
        assert labels == [0, 1, 1, 1, 2]

    def test_a_cluster_that_loses_its_only_row_gets_another(self):
        X = np.array([[10.0], [0.0], [1.0], [2.0]], np.float32)
        placed, _, labels = self.filled(X, [[13.0], [1.0], [100.0]])
        assert placed == [
            1,
            -1,
            0,
        ]  # the third takes the only row of the first, which takes the farthest that is left
        assert labels == [2, 0, 1, 1]

    def test_rows_without_weight_take_no_centre(self):
        X = np.array([[0.0], [9.0], [5.0]], np.float32)
        placed, *_ = self.filled(X, [[0.0], [100.0]], weight=np.array([1.0, 0.0, 1.0]))
        assert placed == [-1, 2]

    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    def test_what_cannot_be_filled_stays_empty(self, metric):
        X = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [3.0, 7.0]], np.float32)
        _, _, labels = self.filled(X, np.full((6, 2), 0.5**0.5), metric)
        assert len(set(labels)) == 3  # for the cosine too: the row of zeros stays alone
