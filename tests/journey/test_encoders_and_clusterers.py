"""The journey with every clusterer and with dense rows: labels, noise, terms, the model that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import AgglomerativeClustering

from coterie import KMeans, cluster_texts
from coterie.cluster import CLUSTERERS, HDBSCAN, make_clusterer
from coterie.persistence import load_model, save_model

WORDS = {
    "fruit": ["apple", "pear", "cherry", "plum", "grape", "melon"],
    "train": ["engine", "rail", "wagon", "ticket", "station", "track"],
    "stars": ["comet", "planet", "orbit", "moon", "galaxy", "nova"],
}
RNG = np.random.default_rng(0)
LABELS = [topic for topic in WORDS for _ in range(24)]
TEXTS = [" ".join(RNG.choice(WORDS[topic], 4, replace=False)) for topic in LABELS]
FINDS_K = {"hdbscan": {"min_samples": 2}, "dbscan": {"eps": 0.5}}


class LetterShares(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A dense encoder: how often each letter occurs."""

    def fit(self, X: Any, y: Any = None) -> LetterShares:
        return self

    def transform(self, X: Any) -> np.ndarray[Any, Any]:
        return np.array([[str(text).count(chr(97 + i)) for i in range(26)] for text in X], dtype=np.float32)


@pytest.mark.parametrize("clusterer", CLUSTERERS)
def test_every_clusterer_finds_three_topics(clusterer: str, tmp_path: Path) -> None:
    options = FINDS_K.get(clusterer)
    result = cluster_texts(
        TEXTS,
        clusterer=clusterer,
        n_clusters=None if options else 3,
        clusterer_options=options,
        labels=LABELS,
        n_init=5 if clusterer in ("kmeans", "minibatch", "bisecting") else None,
    )
    assert result.metrics["purity"] > 0.9
    assert result.parameters["clusterer"] == clusterer
    assert result.parameters["n_clusters"] == len(result.clusters)
    for summary in result.clusters:
        assert summary.size == np.count_nonzero(result.labels == summary.cluster)
        topic = LABELS[summary.representatives[0]]
        assert summary.terms[0][0] in WORDS[topic]
        assert (result.labels[summary.representatives] == summary.cluster).all()
    save_model(result.model, tmp_path / "model")
    loaded = load_model(tmp_path / "model").predict(TEXTS)
    again = result.model.predict(TEXTS)
    for name in ("labels", "distances", "runner_up", "margins"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(again, name))
    kept = result.labels >= 0
    assert np.mean(again.labels[kept] == result.labels[kept]) > 0.95


def test_distances_and_margins_of_labels_that_are_not_nearest() -> None:
    result = cluster_texts(TEXTS, clusterer="single", n_clusters=9, metric="euclidean")
    distances = result.model.clusterer.transform(result.matrix)
    rows = np.arange(len(TEXTS))
    np.testing.assert_array_equal(result.distances, distances[rows, result.labels])
    others = distances.copy()
    others[rows, result.labels] = np.inf
    np.testing.assert_array_equal(result.runner_up, others.argmin(axis=1))
    np.testing.assert_allclose(result.margins, others.min(axis=1) - result.distances, atol=1e-6)


def test_noise_is_minus_one_and_says_where_it_would_be() -> None:
    texts = [*TEXTS, "quark zebra", "", "apple rail comet"]
    result = cluster_texts(
        texts,
        clusterer="hdbscan",
        clusterer_options={"min_samples": 2},
        labels=[*LABELS, "x", "x", "x"],
        min_df=1,
    )
    assert result.labels[-3] == result.labels[-2] == -1
    noise = result.labels == -1
    assert result.metrics["n_noise"] == noise.sum()
    assert result.metrics["n_empty"] == 1
    assert (result.margins[noise] == 0).all()
    np.testing.assert_array_equal(result.runner_up[noise], result.model.predict(texts).labels[noise])
    assert sum(summary.size for summary in result.clusters) == (~noise).sum()
    assert not {row for c in result.clusters for row in c.representatives} & set(np.flatnonzero(noise))


def test_nothing_but_noise_is_an_error() -> None:
    with pytest.raises(ValueError, match="dbscan found no cluster: all 72 documents are noise"):
        cluster_texts(TEXTS, clusterer="dbscan", clusterer_options={"eps": 0.001, "min_samples": 70})


def test_hierarchies_keep_the_tree_of_their_clusters() -> None:
    result = cluster_texts(TEXTS, clusterer="average", n_clusters=5)
    assert result.cluster_tree is not None
    assert result.cluster_tree.shape == (4, 4)
    assert result.cluster_tree[-1, 3] == len(TEXTS)
    assert cluster_texts(TEXTS, n_clusters=5).cluster_tree is None
    cut = cluster_texts(TEXTS, clusterer="ward", clusterer_options={"distance_threshold": 1.9})
    assert cut.cluster_tree is not None
    assert (cut.cluster_tree[:, 2] >= 1.9).all()


@pytest.mark.parametrize("clusterer", ["kmeans", "ward", "hdbscan"])
def test_dense_rows_get_their_terms_from_the_texts(clusterer: str) -> None:
    result = cluster_texts(
        [*TEXTS, "123"],
        encoder=LetterShares(),
        clusterer=clusterer,
        n_clusters=None if clusterer == "hdbscan" else 3,
    )
    assert result.matrix.shape == (73, 26)
    assert result.parameters["encoder"] == "LetterShares"
    assert list(result.timings) == ["encode", "cluster", "explain", "evaluate"]
    assert result.metrics["n_empty"] == 1
    assert {term for c in result.clusters for term, _ in c.terms} <= {
        w for words in WORDS.values() for w in words
    }
    assert len(result.clusters[0].terms) > 0
    assert result.model.predict(["apple"]).labels.shape == (1,)


def test_texts_without_terms_have_clusters_without_terms() -> None:
    result = cluster_texts(
        ["a b", "a c", "x y", "x z"], encoder=LetterShares(), n_clusters=2, stop_words=None
    )
    assert [summary.terms for summary in result.clusters] == [[], []]
    assert [len(summary.representatives) for summary in result.clusters] == [2, 2]


def test_estimators_of_others_are_cloned() -> None:
    other = AgglomerativeClustering(3)
    result = cluster_texts(TEXTS, encoder=LetterShares(), clusterer=other)
    assert len(result.clusters) == 3
    assert not hasattr(other, "labels_")
    assert cluster_texts(TEXTS, clusterer=KMeans(3, random_state=0)).parameters["clusterer"] == "KMeans"
    assert cluster_texts(TEXTS, clusterer=HDBSCAN(metric="jaccard")).parameters["metric"] == "jaccard"


@pytest.mark.parametrize("clusterer", ["average", "hdbscan", "dbscan", "spectral"])
@pytest.mark.parametrize("metric", ["jaccard", "weighted_jaccard"])
def test_jaccard_where_pairs_are_compared(clusterer: str, metric: str) -> None:
    options = {"hdbscan": {"min_samples": 2}, "dbscan": {"eps": 0.7}}.get(clusterer)
    result = cluster_texts(
        TEXTS,
        clusterer=clusterer,
        metric=metric,
        n_clusters=None if options else 3,
        clusterer_options=options,
        labels=LABELS,
    )
    assert result.metrics["purity"] > 0.9
    assert result.parameters["metric"] == metric


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"clusterer": "dbscan", "n_clusters": 3},
            ValueError,
            "n_clusters must not be given for dbscan, which finds it",
        ),
        ({"clusterer": "kmean"}, ValueError, "clusterer must be one of 'kmeans'.*got 'kmean'"),
        ({"clusterer": "ward", "n_init": 3}, ValueError, "n_init is no option of ward"),
        (
            {"clusterer": "ward", "metric": "jaccard"},
            ValueError,
            "metric must be 'euclidean' or 'cosine' for ward",
        ),
        (
            {"clusterer": KMeans(3), "n_clusters": 3},
            ValueError,
            "must be None where clusterer is an estimator",
        ),
        ({"clusterer": 3}, TypeError, "clusterer must be a name or an estimator with fit; got 3"),
        ({"encoder": 3}, TypeError, "encoder must be a name or an estimator with fit_transform; got 3"),
        ({"encoder": "word2vec"}, ValueError, "encoder must be one of tfidf.*got 'word2vec'"),
        (
            {"encoder": LetterShares(), "clusterer": "average", "metric": "jaccard"},
            ValueError,
            "metric='jaccard' compares sets of terms; encoder 'LetterShares' gives none",
        ),
        (
            {"clusterer": "ward", "n_clusters": 3, "clusterer_options": {"distance_threshold": 1.0}},
            ValueError,
            "n_clusters must not be given with distance_threshold; got 3",
        ),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cluster_texts(TEXTS, **arguments)


def test_a_factory_refuses_what_is_missing() -> None:
    with pytest.raises(ValueError, match="n_clusters must be given for ward; got None"):
        make_clusterer("ward")
    with pytest.raises(
        ValueError, match="eps is no option of hdbscan, which takes min_cluster_size, min_samples"
    ):
        make_clusterer("hdbscan", options={"eps": 1.0})
