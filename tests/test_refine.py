"""Reclassification, predictive information, outliers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.naive_bayes import ComplementNB

from coterie import KMeans, TfidfVectorizer, _core
from coterie._reclassify import left_out_scores
from coterie.encode import LsaEncoder
from coterie.evaluate import evaluate
from coterie.refine import outlier_scores, predictive_information, refine_labels, unassign


def topics(n: int, n_topics: int = 4, n_words: int = 12, seed: int = 0) -> tuple[sp.csr_array, np.ndarray]:
    """Documents of 6 words of their own topic and 3 of any."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, n_topics, n)
    X = np.zeros((n, n_topics * n_words), np.float32)
    for row, topic in zip(X, classes, strict=True):
        np.add.at(row, topic * n_words + rng.integers(0, n_words, 6), 1)
        np.add.at(row, rng.integers(0, len(row), 3), 1)
    return sp.csr_array(X), classes.astype(np.int32)


def with_errors(classes: np.ndarray, share: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(classes)) < share
    return np.where(wrong, rng.integers(0, classes.max() + 1, len(classes)), classes)


def test_wrong_assignments_are_put_right_and_kept() -> None:
    X, classes = topics(600)
    found = refine_labels(X, with_errors(classes, 0.3))
    assert found.is_kept
    assert found.information_after > found.information_before
    assert np.mean(found.labels == classes) > 0.97
    assert found.labels.dtype == np.int32
    assert str(found).startswith(f"Reclassified {found.n_moved:,} documents in {found.n_rounds} rounds")


def test_a_refinement_that_tells_no_more_is_not_kept() -> None:
    rng = np.random.default_rng(0)
    X = rng.poisson(1.0, (300, 20)).astype(np.float32)
    given = np.repeat([0, 1], [200, 100])
    X[given == 1, 0] = 5.0  # one word decides; everything else is noise
    found = refine_labels(sp.csr_array(X), given, confident=0.01)
    assert not found.is_kept
    assert found.labels.tolist() == given.tolist()
    assert found.n_moved > 0
    assert "not kept" in str(found)


def test_a_cluster_that_swallows_all_others_is_not_kept() -> None:
    labels = np.array([0] * 15 + [1] * 5)
    found = refine_labels(np.ones((20, 3)), labels)  # documents that are all alike
    assert not found.is_kept
    assert (found.n_moved, found.information_after) == (5, 0.0)
    assert np.array_equal(found.labels, labels)


def test_margins_say_whom_to_learn_from() -> None:
    X, classes = topics(400)
    given = with_errors(classes, 0.6)
    margins = (given == classes).astype(float)  # only right ones are clear
    assert np.mean(refine_labels(X, given, margins, confident=0.4).labels == classes) > 0.97


def test_documents_without_a_cluster_get_one() -> None:
    X, classes = topics(300)
    dense = X.toarray()
    dense[3] = 0
    given = with_errors(classes, 0.2)
    given[:30] = -1
    found = refine_labels(sp.csr_array(dense), given)
    assert found.is_kept
    assert np.mean(found.labels[4:30] == classes[4:30]) > 0.9
    assert found.labels[3] == -1  # it has no terms


def test_information_is_that_of_the_labels_when_they_can_be_predicted() -> None:
    X, classes = topics(2000)
    shares = np.bincount(classes) / len(classes)
    entropy = -float(np.sum(shares * np.log(shares)))
    informed = predictive_information(X, classes)
    assert 0.9 * entropy < informed <= entropy
    assert predictive_information(X, np.random.default_rng(0).permutation(classes)) < 0.02
    merged = np.where(classes == 0, 0, 1)
    assert predictive_information(X, merged) < informed
    assert predictive_information(X, with_errors(classes, 0.3)) < informed


def test_information_does_not_depend_on_how_clusters_are_numbered() -> None:
    X, classes = topics(300)
    renamed = np.array([7, 2, 5, 0])[classes]
    assert predictive_information(X, renamed) == pytest.approx(predictive_information(X, classes), rel=1e-12)


def test_outlier_scores_are_calibrated() -> None:
    X, classes = topics(3000, seed=2)
    given = with_errors(classes, 0.25)
    scores = outlier_scores(X, given)
    wrong = given != classes
    assert scores[wrong].mean() > 0.8 > 0.2 > scores[~wrong].mean()
    assert abs(scores.mean() - wrong.mean()) < 0.05
    assert ((scores >= 0) & (scores <= 1)).all()


def test_documents_without_terms_or_cluster_are_outliers() -> None:
    X, classes = topics(100)
    X = X.toarray()
    X[0] = 0
    classes[1] = -1
    assert outlier_scores(X, classes)[:2].tolist() == [1.0, 1.0]


def test_no_more_than_the_share_is_unassigned() -> None:
    scores = np.linspace(0, 1, 101)
    labels = np.zeros(101, np.int64)
    assert np.flatnonzero(unassign(labels, scores, max_unassigned=0.05) == -1).tolist() == [
        96,
        97,
        98,
        99,
        100,
    ]
    assert (unassign(labels, scores, max_unassigned=1.0) == -1).sum() == 51  # from 0.5 on
    assert (unassign(labels, scores, max_unassigned=0.0) == -1).sum() == 0
    labels[:5] = -1  # count towards the share
    assert (unassign(labels, scores, max_unassigned=0.05) == -1).sum() == 5


@pytest.mark.parametrize("n_clusters", [2, 3, 17])
def test_clusters_are_scored_by_complement_naive_bayes(n_clusters: int) -> None:
    X, _ = topics(200, n_topics=5)
    X = sp.csr_array(X * np.random.default_rng(3).random(X.shape).astype(np.float32))
    labels = np.random.default_rng(n_clusters).integers(0, n_clusters, 200).astype(np.int32)
    for left_out, scores in left_out_scores(X, labels, 3, 0, 1):
        seen = np.setdiff1d(np.arange(200), left_out)
        model = ComplementNB().fit(X[seen], labels[seen])
        wanted = model.predict_joint_log_proba(X[left_out])
        present = scores[:, model.classes_]
        np.testing.assert_allclose(
            present - present[:, :1], wanted - wanted[:, :1], atol=1e-5 * np.abs(wanted).max()
        )
        assert np.isneginf(np.delete(scores, model.classes_, axis=1)).all()


@pytest.mark.parametrize("scale", [1.0, 1e30, 1e37])
def test_large_weights_are_scored(scale: float) -> None:
    X, classes = topics(200)
    scores = outlier_scores(X * np.float32(scale), classes)
    assert np.isfinite(scores).all()
    assert np.median(scores) < 0.2


def test_bits_do_not_depend_on_threads(every_n_threads: tuple[int, ...], every_isa: list[str]) -> None:
    X, classes = topics(700)
    labels = with_errors(classes, 0.3)
    wanted, doubt = refine_labels(X, labels, n_threads=1), outlier_scores(X, labels, n_threads=1)
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in every_n_threads:
            found = refine_labels(X, labels, n_threads=n_threads)
            assert np.array_equal(found.labels, wanted.labels)
            assert found.information_after == wanted.information_after
            assert np.array_equal(outlier_scores(X, labels, n_threads=n_threads), doubt)


def test_bad_arguments_are_named() -> None:
    X, classes = topics(20)
    with pytest.raises(ValueError, match="at least 2 clusters with documents; got 1"):
        refine_labels(X, np.zeros(20, int))
    with pytest.raises(ValueError, match="got 19, 20 rows"):
        refine_labels(X, classes[1:])
    with pytest.raises(TypeError, match="one-dimensional array of integers"):
        refine_labels(X, classes.astype(float))
    with pytest.raises(ValueError, match="no negative entries"):
        predictive_information(-X, classes)
    with pytest.raises(ValueError, match="confident must be > 0"):
        refine_labels(X, classes, confident=0)
    with pytest.raises(ValueError, match="method must be one of 'reclassify'; got 'magic'"):
        refine_labels(X, classes, method="magic")
    with pytest.raises(ValueError, match="margins must be 20 numbers"):
        refine_labels(X, classes, [1.0])
    with pytest.raises(ValueError, match="n_folds must be at most the number of documents, 20; got 21"):
        predictive_information(X, classes, n_folds=21)
    with pytest.raises(ValueError, match="max_unassigned must be"):
        unassign(classes, np.zeros(20), max_unassigned=1.5)
    with pytest.raises(ValueError, match="labels must be >= -1; got -2"):
        unassign(classes - 2, np.zeros(20))


def test_on_real_news_it_does_no_harm(load_rows: Callable[..., list[dict[str, Any]]]) -> None:
    rows = load_rows("ag_news", "train", limit=1500)
    texts, classes = [row["text"] for row in rows], [row["label"] for row in rows]
    X, dense = TfidfVectorizer(stop_words="english").fit_transform(texts), LsaEncoder().fit_transform(texts)
    gains = []
    for seed in range(4):
        labels = KMeans(4, metric="cosine", n_init=5, random_state=seed).fit_predict(dense)
        before, after = (evaluate(classes, z)["nmi"] for z in (labels, refine_labels(X, labels).labels))
        gains.append(after - before)
    assert np.mean(gains) > -0.02, gains
