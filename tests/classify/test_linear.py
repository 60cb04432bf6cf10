"""The linear classifier: right, calibrated, thresholds per label, and a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

from coterie import TfidfVectorizer
from coterie._calibration import best_threshold, fit_sigmoid
from coterie.classify import (
    LinearClassifier,
    classification_report,
    classifier_from_clusters,
    make_classifier,
)
from coterie.encode import LsaEncoder


def blobs(n: int, k: int = 3, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, k, n)
    return rng.normal(2 * np.eye(k, 6)[classes], spread), classes


def test_weights_are_those_of_scikit_learn() -> None:
    X, classes = blobs(200)
    model = LinearClassifier(C=0.3).fit(X, classes)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    machine = LinearSVC(C=0.3, random_state=seed).fit(X, classes == 1)
    np.testing.assert_allclose(model.coef_[1], machine.coef_[0], rtol=1e-5)
    assert model.classes_.tolist() == [0, 1, 2]


def test_probabilities_mean_what_they_say() -> None:
    X, classes = blobs(6000, spread=1.6)
    model = LinearClassifier().fit(X[:3000], classes[:3000])
    probability = model.predict_proba(X[3000:])
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert np.array_equal(model.predict(X[3000:]), probability.argmax(axis=1))
    top = probability.max(axis=1)
    right = probability.argmax(axis=1) == classes[3000:]
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        inside = (top >= low) & (top < high)
        assert abs(top[inside].mean() - right[inside].mean()) < 0.08


def test_sparse_rows_give_what_dense_ones_give() -> None:
    X, classes = blobs(150)
    dense, sparse = LinearClassifier().fit(X, classes), LinearClassifier().fit(sp.csr_array(X), classes)
    np.testing.assert_allclose(dense.predict_proba(X), sparse.predict_proba(sp.csr_matrix(X)), atol=5e-3)


def test_several_labels_each_with_its_threshold() -> None:
    X, _ = blobs(900, seed=3)
    table = X[:, :3] > [0.5, 1.5, 3.0]  # common to rare
    labels = [[name for name, has in zip("abc", row, strict=True) if has] for row in table]
    model = LinearClassifier().fit(X, labels)
    assert model.multi_label_
    probability = model.predict_proba(X)
    assert probability.shape == (900, 3)
    found = model.predict(X)
    for row, chances in zip(found[:50], probability[:50], strict=True):
        wanted = {n for n, p, t in zip("abc", chances, model.thresholds_, strict=True) if p >= t}
        assert set(row) == wanted
        assert list(row) == sorted(row, key=lambda n: -chances["abc".index(n)])
    at_half = LinearClassifier(thresholds=0.5).fit(X, labels)
    assert at_half.thresholds_.tolist() == [0.5] * 3
    scores = [classification_report(labels, m.predict(X)).scores for m in (model, at_half)]
    assert scores[0]["micro_f1"] > 0.85
    assert scores[0]["macro_f1"] >= scores[1]["macro_f1"] - 0.02
    exact = [set(a) == set(b) for a, b in zip(labels, found, strict=True)]
    assert model.score(X, labels) == pytest.approx(np.mean(exact))


def test_labels_too_rare_to_leave_out_are_trained_all_the_same() -> None:
    X, classes = blobs(60)
    names = np.array(["x", "y", "z"], dtype=object)[classes]
    names[0] = "once"
    model = LinearClassifier().fit(X, names)
    assert model.classes_.tolist() == ["once", "x", "y", "z"]
    assert np.isfinite(model.predict_proba(X)).all()
    always = LinearClassifier().fit(X, [["all", name] for name in names])
    assert (always.predict_proba(X)[:, 0] > 0.9).all()


def test_it_is_an_estimator_of_scikit_learn() -> None:
    X, classes = blobs(120)
    assert clone(LinearClassifier(C=2.0)).get_params()["C"] == 2.0
    assert cross_val_score(LinearClassifier(), X, classes, cv=3).min() > 0.6
    first, second = (LinearClassifier(random_state=1).fit(X, classes) for _ in range(2))
    assert first.coef_.tobytes() == second.coef_.tobytes()


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision"])
def test_two_labels_are_scored_as_scikit_learn_scores_them(scoring: str) -> None:
    random = np.random.default_rng(2)
    X = random.normal(size=(120, 4))
    y = X[:, 0] + random.normal(size=120) > 0
    labels = np.where(y, 1, 0)  # the scorers want to know which of two names is positive
    found = cross_val_score(LinearClassifier(), X, labels, scoring=scoring)
    expected = cross_val_score(LinearSVC(random_state=0), X, labels, scoring=scoring)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert LinearClassifier().fit(X, labels).decision_function(X).shape == (120,)


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_threshold_has_a_better_f1(rows: list[tuple[int, bool]]) -> None:
    probability = np.array([p / 8 for p, _ in rows])
    positive = np.array([is_positive for _, is_positive in rows])
    chosen = best_threshold(probability, positive)
    if not positive.any():
        assert chosen == 0.5
    f1 = f1_score(positive, probability >= chosen, zero_division=0)
    for threshold in np.arange(-1, 18) / 16:
        assert max(f1, 0.1) >= f1_score(positive, probability >= threshold, zero_division=0) - 1e-12


def test_a_label_that_scores_do_not_find_is_not_given_to_all() -> None:
    rare = np.arange(200) < 3
    assert best_threshold(np.full(200, 0.02), rare) == pytest.approx(0.51)
    assert best_threshold(np.linspace(0, 0.4, 200), rare) == pytest.approx(0.7)  # ranked last
    assert best_threshold(np.linspace(0.4, 0, 200), rare) < 0.4  # ranked first


def test_rare_labels_that_say_nothing_leave_the_others_alone() -> None:
    X, classes = blobs(120)
    labels = [[str(c)] + (["rare"] if i in (3, 50, 90) else []) for i, c in enumerate(classes)]
    found = LinearClassifier(random_state=0).fit(X, labels).predict(X)
    assert sum("rare" in labels for labels in found) < 12


def test_the_sigmoid_is_that_of_the_scores() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20000)
    positive = rng.random(20000) < 1 / (1 + np.exp(-(2.0 * scores - 1.0)))
    assert fit_sigmoid(scores, positive) == pytest.approx((2.0, -1.0), abs=0.1)
    separated = fit_sigmoid(np.array([-1.0, 1.0]), np.array([False, True]))
    assert np.isfinite(separated).all()
    assert fit_sigmoid(scores, scores < 0)[0] == 0.0  # backwards: only the share is left


def test_bad_arguments_are_named() -> None:
    X, classes = blobs(20)
    with pytest.raises(ValueError, match="C must be > 0"):
        LinearClassifier(C=0).fit(X, classes)
    for endless in (1e-300, 1e300):
        with pytest.raises(ValueError, match=r"C must be a finite number between 1e-100 and 1e\+100"):
            LinearClassifier(C=endless).fit(X, classes)
    with pytest.raises(ValueError, match="max_iter must be between 1 and 2147483647; got 2147483648"):
        LinearClassifier(max_iter=2**31).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="thresholds must be one of 'f1'; got 'best'"):
        LinearClassifier(thresholds="best").fit(X, classes)
    with pytest.raises(ValueError, match="at least 2 classes to tell apart; got only 0"):
        LinearClassifier().fit(X, np.zeros(20, int))
    with pytest.raises(ValueError, match="labels are missing for 1 of 20"):
        LinearClassifier().fit(X, [None, *classes[1:].tolist()])
    with pytest.raises(ValueError, match="got 19 for 20 documents"):
        LinearClassifier().fit(X, classes[1:])
    with pytest.raises(ValueError, match="class_weight must be one of 'balanced'"):
        LinearClassifier(class_weight="even").fit(X, classes)


def test_the_report_counts_right_and_wrong() -> None:
    report = classification_report([["a"], ["a", "b"], []], [["a", "b"], ["b"], []])
    assert [(s.label, s.precision, s.recall, s.support) for s in report.labels] == [
        ("a", 1.0, 0.5, 2),
        ("b", 0.5, 1.0, 1),
    ]
    assert report.scores["accuracy"] == pytest.approx(1 / 3)
    assert report.scores["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert "label  precision" in str(report)
    with pytest.raises(ValueError, match="classes must be given"):
        classification_report(["a"], ["a"], probabilities=[[1.0]])
    with pytest.raises(ValueError, match=r"must have shape \(1, 2\)"):
        classification_report(["a"], ["a"], classes=["a", "b"], probabilities=[[1.0]])
    sure = classification_report(["a", "b"], ["a", "a"], classes=["a", "b"], probabilities=[[1, 0], [1, 0]])
    assert sure.scores["brier"] == 0.5
    assert sure.scores["calibration_error"] == pytest.approx(0.5)


def test_texts_through_one_pipeline(load_rows: Callable[..., list[dict[str, Any]]]) -> None:
    rows = load_rows("ag_news", "train", limit=1500)
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    for encoder in ("tfidf", LsaEncoder(64)):
        model = make_classifier(encoder).fit(texts[:1000], labels[:1000])
        report = classification_report(
            labels[1000:],
            model.predict(texts[1000:]),
            classes=model.classes_,
            probabilities=model.predict_proba(texts[1000:]),
        )
        assert report.scores["accuracy"] > 0.78
        assert report.scores["calibration_error"] < 0.06


def test_clusters_become_a_classifier() -> None:
    texts = [f"{a} {b}" for a in ("red", "sweet", "ripe") for b in ("apple", "cherry", "apple cherry")]
    texts += [f"{a} {b}" for a in ("slow", "late", "fast") for b in ("train", "bus", "train bus")]
    labels = np.repeat([2, 5], 9)
    model = classifier_from_clusters(texts, labels, np.ones(18), encoder=TfidfVectorizer())
    assert model.predict(["sweet cherry", "late bus"]).tolist() == [2, 5]
    with pytest.raises(ValueError, match="at least 2 clusters with documents; got 1"):
        classifier_from_clusters(texts, np.zeros(18, int))
    with pytest.raises(ValueError, match="got 18, 17, 17"):
        classifier_from_clusters(texts, labels[1:])
    with pytest.raises(TypeError, match="array of integers"):
        classifier_from_clusters(texts, labels.astype(float))


def test_indices_of_64_bits_are_taken() -> None:
    X = sp.csr_array(np.random.default_rng(0).integers(0, 4, (12, 5)).astype(np.float64))
    wide = sp.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), shape=X.shape)
    labels = np.arange(12) % 3
    narrow, given = (LinearClassifier(random_state=0).fit(rows, labels) for rows in (X, wide))
    assert given.coef_.tobytes() == narrow.coef_.tobytes()
    assert given.predict(wide).tolist() == narrow.predict(X).tolist()
