"""Internal scores: equality with scikit-learn, dense and sparse, undefined cases, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn import metrics
from sklearn.preprocessing import normalize

from coterie.evaluate import _dispersion, _rows, _silhouette, evaluate_internal
from reference.evaluate_internal import simplified_silhouette

METRICS = ("euclidean", "cosine")


def blobs(seed: int, n: int = 150, d: int = 12, n_clusters: int = 5) -> tuple[np.ndarray[Any, Any], Any]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_clusters), rng.integers(0, n_clusters, n - n_clusters)])
    X = rng.normal(size=(n_clusters, d))[labels] + 0.7 * rng.normal(size=(n, d))
    X[rng.random((n, d)) < 0.5] = 0
    return X.astype(np.float32), labels


def means(X: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([X[labels == c].mean(axis=0) for c in range(labels.max() + 1)])


def wanted(X: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], metric: str) -> dict[str, float]:
    """The scores by scikit-learn's own functions, in float64."""
    X = X.astype(np.float64)
    scaled = normalize(X) if metric == "cosine" else X
    return {
        "silhouette_simplified": simplified_silhouette(scaled, labels, means(scaled, labels), metric),
        "silhouette_sampled": metrics.silhouette_score(X, labels, metric=metric),
        "davies_bouldin": metrics.davies_bouldin_score(scaled, labels),
        "calinski_harabasz": metrics.calinski_harabasz_score(scaled, labels),
    }


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("form", [np.asarray, np.float64, sp.csr_array, sp.csr_matrix, sp.coo_array])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(metric: str, form: Any, seed: int) -> None:
    X, labels = blobs(seed)
    scores = evaluate_internal(form(X), labels, metric=metric)
    assert dict(scores) == pytest.approx(wanted(X, labels, metric), rel=1e-6)
    assert scores.omitted == {}


@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.integers(2, 6), st.integers(2, 6))
@example(3, 4, 2, 4)  # nothing within: only rounding takes rows from their means
@settings(max_examples=40, deadline=None)
def test_scores_hold_for_any_shape(seed: int, n: int, d: int, n_clusters: int) -> None:
    X, labels = blobs(seed, n=max(n, n_clusters + 1), d=d, n_clusters=n_clusters)
    X = np.abs(X)  # a mean that cancels to rounding noise has no direction to compare
    X[:2] = 0  # rows without any term
    for metric in METRICS:
        reference = wanted(X, labels, metric)
        centers = means(
            normalize(X.astype(np.float64)) if metric == "cosine" else X.astype(np.float64), labels
        )
        assume(pdist(centers, metric="euclidean").min() > 1e-6)  # not by rounding alone
        expected = pytest.approx(reference, rel=1e-5, abs=1e-6)
        assert dict(evaluate_internal(X, labels, metric=metric)) == expected
        assert dict(evaluate_internal(sp.csr_array(X), labels, metric=metric)) == expected


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_scores_do_not_depend_on_the_size_of_a_block(
    metric: str, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, labels = blobs(7)
    whole = evaluate_internal(form(X), labels, metric=metric)
    for module in (_dispersion, _rows, _silhouette):
        monkeypatch.setattr(module, "BLOCK", 37)
    assert evaluate_internal(form(X), labels, metric=metric) == pytest.approx(whole, rel=1e-12)


def test_scores_have_the_same_bits_on_any_number_of_threads(every_n_threads: tuple[int, ...]) -> None:
    X, labels = blobs(8, n=1000)
    first, *others = [
        evaluate_internal(sp.csr_array(X), labels, metric="cosine", n_threads=n) for n in every_n_threads
    ]
    assert all(other == first for other in others)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_centers_need_not_be_the_means(metric: str, form: Any) -> None:
    X, labels = blobs(9)
    centers = np.random.default_rng(1).normal(size=(8, X.shape[1]))  # three of them without documents
    scores = evaluate_internal(form(X), labels, centers, metric=metric)
    expected = simplified_silhouette(X.astype(np.float64), labels, centers, metric)
    assert scores["silhouette_simplified"] == pytest.approx(expected, rel=1e-6)
    without = evaluate_internal(form(X), labels, metric=metric)
    assert scores["davies_bouldin"] == without["davies_bouldin"]


def test_known_distances_are_used() -> None:
    X, labels = blobs(10)
    pairs = np.sort(np.random.default_rng(0).random((len(X), 2)), axis=1)
    expected = np.mean((pairs[:, 1] - pairs[:, 0]) / pairs[:, 1])
    assert evaluate_internal(X, labels, distances=pairs)["silhouette_simplified"] == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_do_not_depend_on_how_clusters_are_numbered(metric: str) -> None:
    X, labels = blobs(11)
    renamed = evaluate_internal(X, np.array([30, 4, 17, 0, 9])[labels], metric=metric)
    assert renamed == pytest.approx(evaluate_internal(X, labels, metric=metric), rel=1e-12)


def test_a_large_offset_does_not_drown_the_clusters() -> None:
    X, labels = blobs(12)
    X = np.round(X * 64).astype(np.float64) / 64  # exact after the shift
    far = evaluate_internal(X + 2.0**27, labels)
    assert far == pytest.approx(evaluate_internal(X, labels), rel=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_equal_means_are_at_no_distance_in_spite_of_rounding(form: Any) -> None:
    X = np.array([[0, 0], [0, 1], [0, 0], [0, 0], [1, -1], [0, -1]], dtype=np.float32)
    labels = np.array([2, 1, 0, 0, 2, 1])
    found = evaluate_internal(form(X), labels)["davies_bouldin"]
    assert found == pytest.approx(metrics.davies_bouldin_score(X, labels))


def test_the_sample_is_seeded_and_bounded() -> None:
    X, labels = blobs(13, n=400)
    one = evaluate_internal(X, labels, sample_size=100, random_state=3)
    assert one == evaluate_internal(X, labels, sample_size=100, random_state=3)
    other = evaluate_internal(X, labels, sample_size=100, random_state=4)
    assert one["silhouette_sampled"] != other["silhouette_sampled"]
    assert one["silhouette_sampled"] == pytest.approx(other["silhouette_sampled"], abs=0.1)


def test_what_is_not_defined_is_left_out_with_the_reason() -> None:
    X, _ = blobs(14, n=20)
    names = {"silhouette_simplified", "silhouette_sampled", "davies_bouldin", "calinski_harabasz"}
    single = evaluate_internal(X, np.zeros(20, int))
    assert single == {}
    assert set(single.omitted) == names
    assert single.omitted["davies_bouldin"] == "needs at least 2 clusters with documents; got 1"
    all_alone = evaluate_internal(X, np.arange(20))
    assert all_alone == {}
    assert all_alone.omitted["calinski_harabasz"] == "each of the 20 documents is its own cluster"
    rare = evaluate_internal(X, np.array([1] + [0] * 19), sample_size=2, random_state=1)
    assert set(rare) == names - {"silhouette_sampled"}
    assert rare.omitted == {
        "silhouette_sampled": "in the sample: needs at least 2 clusters with documents; got 1"
    }


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("metric", METRICS)
def test_identical_documents_give_finite_scores(form: Any, metric: str) -> None:
    X = form(np.ones((6, 3), dtype=np.float32))
    scores = evaluate_internal(X, [0, 0, 0, 1, 1, 1], metric=metric)
    assert scores["silhouette_simplified"] == 0
    assert scores["davies_bouldin"] == 0
    assert np.isfinite(list(scores.values())).all()


def test_bad_arguments_are_named() -> None:
    X, labels = blobs(15, n=20)
    with pytest.raises(ValueError, match="got 19 labels, 20 rows"):
        evaluate_internal(X, labels[:-1])
    with pytest.raises(TypeError, match="labels must be a one-dimensional array of integers"):
        evaluate_internal(X, labels.astype(str))
    with pytest.raises(ValueError, match="labels must be >= 0; got -1"):
        evaluate_internal(X, labels - 1)
    with pytest.raises(ValueError, match="labels must be below the number of centers, 2; got 4"):
        evaluate_internal(X, labels, np.ones((2, X.shape[1])))
    with pytest.raises(ValueError, match="centers must have 12 features as X has; got 3"):
        evaluate_internal(X, labels, np.ones((5, 3)))
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'cosine'; got 'l1'"):
        evaluate_internal(X, labels, metric="l1")
    with pytest.raises(ValueError, match=r"distances must have shape \(20, 2\); got \(20, 3\)"):
        evaluate_internal(X, labels, distances=np.ones((20, 3)))
    with pytest.raises(ValueError, match="distances must be >= 0; got -1"):
        evaluate_internal(X, labels, distances=-np.ones((20, 2)))
    with pytest.raises(ValueError, match="sample_size must be >= 2; got 1"):
        evaluate_internal(X, labels, sample_size=1)
    with pytest.raises(ValueError, match="NaN"):
        evaluate_internal(np.where(X > 0, np.nan, X), labels)
    X64 = X.astype(np.float64)
    X64[3] = 1e200
    with pytest.raises(ValueError, match="row 3 overflows"):
        evaluate_internal(X64, labels, metric="cosine")
