"""Hierarchical, density-based, spectral and bisecting clustering against SciPy and scikit-learn."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist
from sklearn import cluster as sklearn_cluster
from sklearn.metrics import adjusted_rand_score, pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

from coterie.cluster import (
    DBSCAN,
    HDBSCAN,
    BisectingKMeans,
    HierarchicalClustering,
    KMeans,
    NearestCenters,
    SpectralClustering,
)
from coterie.cluster._pairwise import condensed_distances
from estimator_checks import parametrize_with_checks

ALL = [
    HierarchicalClustering(3),
    HierarchicalClustering(3, linkage="average", metric="cosine"),
    DBSCAN(),
    DBSCAN(metric="cosine", eps=0.05),
    HDBSCAN(),
    HDBSCAN(metric="cosine"),
    SpectralClustering(3),
    BisectingKMeans(3),
    BisectingKMeans(3, metric="cosine"),
]
METRICS = ("euclidean", "cosine", "jaccard", "weighted_jaccard")


EXPECTED_FAILURES = {
    f"check_sample_weight_equivalence_on_{kind}_data": "seeds are drawn by position, as in KMeans"
    for kind in ("dense", "sparse")
}


def expected_failures(estimator: Any) -> dict[str, str]:
    return EXPECTED_FAILURES if isinstance(estimator, BisectingKMeans) else {}


@parametrize_with_checks(ALL, expected_failed_checks=expected_failures)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def documents(n: int = 240, n_topics: int = 6, seed: int = 0) -> tuple[sp.csr_array, NDArray[np.int64]]:
    """Sparse rows of topics that share few columns, and the topics."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, n_topics, n)
    rows = np.zeros((n, 20 * n_topics), dtype=np.float32)
    for i, t in enumerate(topic):
        rows[i, 20 * t + rng.choice(20, 8, replace=False)] = rng.uniform(0.5, 1, 8)
        rows[i, rng.choice(20 * n_topics, 2)] += 0.3
    return sp.csr_array(rows), topic


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_condensed_distances_follow_their_definitions(metric: str, is_sparse: bool) -> None:
    X, _ = documents(50)
    dense = X.toarray().astype(float)
    dense[7] = 0
    dense[8] = dense[9]
    if metric == "weighted_jaccard":
        wanted = np.array(
            [
                1 - np.minimum(a, b).sum() / max(np.maximum(a, b).sum(), 1e-9)
                for i, a in enumerate(dense)
                for b in dense[i + 1 :]
            ]
        )
    elif metric == "cosine":
        wanted = pairwise_distances(dense, metric="cosine")[np.triu_indices(50, k=1)]
        wanted[[i for i, pair in enumerate(zip(*np.triu_indices(50, k=1), strict=True)) if 7 in pair]] = 1
    else:
        wanted = pdist(dense != 0, "jaccard") if metric == "jaccard" else pdist(dense)
        if metric == "jaccard":  # SciPy's distance of two empty sets is 0, and only row 7 is empty
            assert not np.isnan(wanted).any()
    rows = dense.astype(np.float32)
    found = condensed_distances(sp.csr_array(rows) if is_sparse else rows, metric, None)
    np.testing.assert_allclose(found, wanted, atol=2e-7)


@pytest.mark.parametrize("linkage", ["ward", "average", "complete", "single"])
def test_hierarchical_is_that_of_scipy(linkage: str) -> None:
    X = np.random.default_rng(1).normal(size=(90, 6)).astype(np.float32)
    wanted = scipy_linkage(X.astype(float), linkage)
    found = HierarchicalClustering(5, linkage=linkage).fit(X)
    np.testing.assert_array_equal(found.children_, wanted[:, :2].astype(int))
    np.testing.assert_allclose(found.linkage_matrix_, wanted, rtol=1e-5)
    for k in (1, 5, 90):
        labels = fcluster(wanted, k, "maxclust")
        assert adjusted_rand_score(found.cut(k), labels) == 1.0
    assert adjusted_rand_score(found.labels_, fcluster(wanted, 5, "maxclust")) == 1.0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("linkage", ["ward", "average", "complete"])
def test_hierarchical_finds_the_topics(metric: str, linkage: str) -> None:
    if linkage == "ward" and "jaccard" in metric:
        with pytest.raises(ValueError, match="linkage='ward' needs metric='euclidean' or 'cosine'"):
            HierarchicalClustering(linkage=linkage, metric=metric).fit(np.eye(3))
        return
    X, topic = documents()
    found = HierarchicalClustering(6, linkage=linkage, metric=metric).fit(X)
    rows = normalize(X) if (linkage, metric) == ("ward", "cosine") else X
    distances = condensed_distances(rows, "euclidean" if linkage == "ward" else metric, None)
    np.testing.assert_allclose(found.distances_, scipy_linkage(distances, linkage)[:, 2], rtol=1e-5)
    if linkage != "complete":  # whose clusters are of equal diameter, not of one topic
        assert adjusted_rand_score(topic, found.labels_) > 0.95


@pytest.mark.parametrize("linkage", ["ward", "average", "complete", "single"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_micro_clusters_keep_what_is_far_apart(linkage: str, metric: str) -> None:
    X, topic = documents(900)
    found = HierarchicalClustering(6, linkage=linkage, metric=metric, max_exact=500, n_micro_clusters=60).fit(
        X
    )
    assert found.n_leaves_ <= 60
    assert found.linkage_matrix_[-1, 3] == 900
    if linkage in ("ward", "average"):
        assert adjusted_rand_score(topic, found.labels_) > 0.9
    assert found.n_clusters_ == 6 == len(set(found.labels_))
    assert len(np.unique(found.leaves_[found.labels_ == 0])) >= 1


def test_average_cosine_of_micro_clusters_is_exact() -> None:
    X, _ = documents(120)
    found = HierarchicalClustering(
        3, linkage="average", metric="cosine", max_exact=100, n_micro_clusters=40
    ).fit(X)
    full = pairwise_distances(X.toarray().astype(float), metric="cosine")
    first, second = (found.leaves_ == leaf for leaf in found.children_[0])
    assert found.distances_[0] == pytest.approx(full[np.ix_(first, second)].mean(), abs=1e-6)


def test_ward_of_micro_clusters_is_exact() -> None:
    X, _ = documents(120)
    found = HierarchicalClustering(3, metric="cosine", max_exact=100, n_micro_clusters=40).fit(X)
    unit = normalize(X.toarray().astype(float))
    a, b = (unit[found.leaves_ == leaf] for leaf in found.children_[0])
    both = np.concatenate([a, b])
    increase = sum(s * ((rows - rows.mean(axis=0)) ** 2).sum() for s, rows in ((1, both), (-1, a), (-1, b)))
    assert found.distances_[0] == pytest.approx(np.sqrt(2 * increase), abs=1e-6)


def test_threshold_cuts_between_distances() -> None:
    X = np.random.default_rng(2).normal(size=(40, 3))
    whole = HierarchicalClustering(1, linkage="average").fit(X)
    at = float(whole.distances_[30])
    cut = HierarchicalClustering(None, distance_threshold=at, linkage="average").fit(X)
    assert cut.n_clusters_ == 40 - 30
    assert len(cut.cluster_tree_) == 9
    np.testing.assert_array_equal(cut.cluster_tree_[:, 2], whole.distances_[30:])
    assert sorted(cut.cluster_tree_[:, :2].ravel()) == list(range(18))
    assert HierarchicalClustering(None, distance_threshold=1e9).fit(X).n_clusters_ == 1


@pytest.mark.parametrize("metric", METRICS)
def test_dbscan_is_that_of_scikit_learn(metric: str) -> None:
    X, _ = documents(200, seed=3)
    eps = {"euclidean": 1.9, "cosine": 0.45, "jaccard": 0.7, "weighted_jaccard": 0.68}[metric]
    n = X.shape[0]
    full = np.zeros((n, n))
    full[np.triu_indices(n, k=1)] = condensed_distances(X, metric, None)
    wanted = sklearn_cluster.DBSCAN(eps=eps, min_samples=6, metric="precomputed").fit(full + full.T)
    found = DBSCAN(eps, min_samples=6, metric=metric).fit(X)
    np.testing.assert_array_equal(found.labels_, wanted.labels_)
    np.testing.assert_array_equal(found.core_sample_indices_, wanted.core_sample_indices_)
    assert found.labels_.max() >= 1
    assert (found.labels_ == -1).any()


@pytest.mark.parametrize("metric", METRICS)
def test_hdbscan_is_that_of_scikit_learn(metric: str) -> None:
    X, topic = documents(200, seed=4)
    full = np.zeros((200, 200))
    full[np.triu_indices(200, k=1)] = condensed_distances(X, metric, None)
    wanted = sklearn_cluster.HDBSCAN(min_cluster_size=6, metric="precomputed", copy=True).fit(full + full.T)
    found = HDBSCAN(min_cluster_size=6, metric=metric).fit(X)
    assert adjusted_rand_score(found.labels_, wanted.labels_) > 0.999
    np.testing.assert_allclose(found.probabilities_, wanted.probabilities_, atol=1e-6)
    if metric != "euclidean":
        graph = HDBSCAN(min_cluster_size=6, metric=metric, n_neighbors=199).fit(X)
        np.testing.assert_array_equal(graph.labels_, found.labels_)
        few = HDBSCAN(min_cluster_size=6, metric=metric, n_neighbors=20).fit(X)
        clustered = few.labels_ >= 0
        assert adjusted_rand_score(topic[clustered], few.labels_[clustered]) > 0.9


@pytest.mark.parametrize("metric", METRICS)
def test_spectral_finds_the_topics_and_their_number(metric: str) -> None:
    X, topic = documents()
    for k in (6, "auto"):
        found = SpectralClustering(k, metric=metric, random_state=0).fit(X)
        assert found.n_clusters_ == 6
        assert adjusted_rand_score(topic, found.labels_) > 0.9


def test_spectral_auto_never_answers_that_there_is_one_cluster() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))  # one cloud: the first gap is the widest
    found = SpectralClustering("auto", random_state=0).fit(X)
    gaps = found.eigenvalues_[:-1] - found.eigenvalues_[1:]
    assert gaps.argmax() == 0
    assert found.n_clusters_ == gaps[1:].argmax() + 2


def test_spectral_by_lanczos_has_the_eigenvalues_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    X, _ = documents(700)
    lanczos = SpectralClustering(6, metric="cosine", random_state=0).fit(X)
    monkeypatch.setattr("coterie.cluster.spectral._FEW_ROWS", 1000)
    whole = SpectralClustering(6, metric="cosine", random_state=0).fit(X)
    np.testing.assert_allclose(lanczos.eigenvalues_, whole.eigenvalues_, atol=1e-5)
    assert adjusted_rand_score(lanczos.labels_, whole.labels_) > 0.99


def test_spectral_keeps_rows_without_neighbours() -> None:
    X, _ = documents(60)
    rows = sp.vstack([X, sp.csr_array((3, X.shape[1]), dtype=np.float32)]).tocsr()
    found = SpectralClustering(6, metric="cosine", random_state=0).fit(rows)
    assert found.labels_.shape == (63,)


@pytest.mark.parametrize("strategy", ["biggest_inertia", "largest_cluster"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_bisecting_predicts_its_labels(strategy: str, metric: str) -> None:
    X, topic = documents()
    found = BisectingKMeans(6, bisecting_strategy=strategy, metric=metric, random_state=0, n_init=5).fit(X)
    np.testing.assert_array_equal(found.predict(X), found.labels_)
    assert sorted(set(found.labels_)) == list(range(6))
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X), found.labels_)
    if strategy == "biggest_inertia":
        assert adjusted_rand_score(topic, found.labels_) > 0.7
    own = np.take_along_axis(found.transform(X), found.labels_[:, None], axis=1).astype(float)
    wanted = (own**2 if metric == "euclidean" else own).sum()
    assert found.inertia_ == pytest.approx(wanted, rel=1e-5)


def test_bisecting_stops_at_equal_rows() -> None:
    X = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    with pytest.warns(UserWarning, match="^only 3 of n_clusters=7 clusters have rows, as where"):
        found = BisectingKMeans(7, random_state=0).fit(X)
    assert found.inertia_ == 0
    assert len(set(found.labels_)) == 3


def test_auto_keeps_its_search() -> None:
    X, topic = documents(400)
    for model in (
        BisectingKMeans("auto", metric="cosine", random_state=0),
        HierarchicalClustering("auto"),
        HierarchicalClustering("auto", metric="jaccard", linkage="average"),
        HierarchicalClustering("auto", metric="weighted_jaccard", linkage="average"),
    ):
        found = model.fit(X)
        assert found.k_search_.n_clusters == len(set(found.labels_))
        assert adjusted_rand_score(topic, found.labels_) > 0.5


def test_nearest_centers_repeat_kmeans() -> None:
    X, _ = documents()
    for metric in ("euclidean", "cosine"):
        kmeans = KMeans(6, metric=metric, random_state=0).fit(X)
        nearest = NearestCenters(metric).fit(X, kmeans.labels_)
        np.testing.assert_allclose(nearest.cluster_centers_, kmeans.cluster_centers_, atol=1e-6)
        assert adjusted_rand_score(nearest.predict(X), kmeans.labels_) > 0.99
    with pytest.raises(ValueError, match="cluster 1 has none"):
        NearestCenters().fit([[0.0], [1.0]], [0, 2])


def test_nearest_centers_fit_and_answer_in_one_call() -> None:
    X, labels = np.array([[0.0], [1.0], [9.0]]), [0, 0, 1]
    nearest = NearestCenters().fit(X, labels)
    np.testing.assert_array_equal(NearestCenters().fit_predict(X, labels), nearest.predict(X))
    np.testing.assert_array_equal(NearestCenters().fit_transform(X, labels), nearest.transform(X))
    chained = make_pipeline(NearestCenters(), KMeans(2, random_state=0)).fit(X, labels)
    assert chained.predict(X)[0] == chained.predict(X)[1] != chained.predict(X)[2]


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_any_number_of_threads_gives_the_same_bits(
    model: Any, is_sparse: bool, every_n_threads: tuple[int, ...]
) -> None:
    from sklearn.base import clone

    X, _ = documents(150)
    rows = X if is_sparse else X.toarray()
    fits = []
    for n_threads in every_n_threads:
        one = clone(model).set_params(n_threads=n_threads)
        fits.append((one.set_params(random_state=0) if "random_state" in one.get_params() else one).fit(rows))
    for other in fits[1:]:
        for name in ("labels_", "distances_", "probabilities_", "cluster_centers_", "eigenvalues_"):
            if hasattr(other, name):
                np.testing.assert_array_equal(getattr(other, name), getattr(fits[0], name))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (HierarchicalClustering(None), "exactly one of n_clusters and distance_threshold"),
        (HierarchicalClustering(2, distance_threshold=1.0), "exactly one of n_clusters"),
        (HierarchicalClustering(2, linkage="median"), "linkage must be one of 'ward'.*got 'median'"),
        (HierarchicalClustering(2, metric="l1"), "metric must be one of"),
        (HierarchicalClustering(2, metric="jaccard", linkage="single", max_exact=2), "max_exact=2; got 4"),
        (HierarchicalClustering("many"), "n_clusters must be an integer or 'auto'; got 'many'"),
        (HierarchicalClustering(5), "n_samples=4 should be >= n_clusters=5"),
        (DBSCAN(0.0), "eps must be > 0"),
        (DBSCAN(1.5, metric="jaccard"), "eps must be a finite number between 0 and 1.0; got 1.5"),
        (HDBSCAN(1), "min_cluster_size must be >= 2; got 1"),
        (HDBSCAN(9), "n_samples=4 should be >= min_cluster_size=9"),
        (HDBSCAN(2, min_samples=9), "n_samples=4 should be >= min_samples=9"),
        (HDBSCAN(2, cluster_selection_method="top"), "cluster_selection_method must be one of"),
        (SpectralClustering(5), "n_samples=4 should be >= n_clusters=5"),
        (SpectralClustering(2, n_neighbors=0), "n_neighbors must be >= 1; got 0"),
        (BisectingKMeans(2, bisecting_strategy="worst"), "bisecting_strategy must be one of"),
        (BisectingKMeans(5), "n_samples=4 should be >= n_clusters=5"),
    ],
)
def test_bad_values_are_named(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.fit(np.eye(4, dtype=np.float32))
