"""External scores: equality with scikit-learn, the definitions by brute force, invariants, errors."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from coterie.evaluate import evaluate, external

documents = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=40)
labelings = documents.map(lambda pairs: ([t for t, _ in pairs], [p for _, p in pairs]))


@given(labelings)
@settings(deadline=None)
def test_scores_are_those_of_scikit_learn(labels: tuple[list[int], list[int]]) -> None:
    true, pred = labels
    scores = evaluate(true, pred)
    assert scores["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(true, pred), abs=1e-12)
    assert scores["ari"] == pytest.approx(metrics.adjusted_rand_score(true, pred), abs=1e-12)
    assert scores["homogeneity"] == pytest.approx(metrics.homogeneity_score(true, pred), abs=1e-12)
    assert scores["completeness"] == pytest.approx(metrics.completeness_score(true, pred), abs=1e-12)
    assert scores["v_measure"] == pytest.approx(metrics.v_measure_score(true, pred), abs=1e-12)


@given(labelings)
@settings(deadline=None)
def test_pairwise_scores_count_pairs(labels: tuple[list[int], list[int]]) -> None:
    true, pred = labels
    pairs = [(true[i] == true[j], pred[i] == pred[j]) for i, j in combinations(range(len(true)), 2)]
    both = sum(t and p for t, p in pairs)
    same_class, same_cluster = sum(t for t, _ in pairs), sum(p for _, p in pairs)
    scores = evaluate(true, pred)
    assert scores["pairwise_precision"] == pytest.approx(both / same_cluster if same_cluster else 1)
    assert scores["pairwise_recall"] == pytest.approx(both / same_class if same_class else 1)
    total = same_class + same_cluster
    assert scores["pairwise_f1"] == pytest.approx(2 * both / total if total else 1)


@given(labelings)
@settings(max_examples=50, deadline=None)
def test_matched_scores_are_the_best_of_all_matchings(labels: tuple[list[int], list[int]]) -> None:
    true, pred = np.array(labels[0]), np.array(labels[1])
    classes, clusters = np.arange(6), np.arange(6)  # as many of each, so that a permutation is a matching

    def f1(i: int, j: int) -> float:
        sizes = (true == i).sum() + (pred == j).sum()
        return 2 * ((true == i) & (pred == j)).sum() / sizes if sizes else 0.0

    f1_table = np.array([[f1(i, j) * (true == i).sum() for j in clusters] for i in classes]) / len(true)
    hits = np.array([[((true == i) & (pred == j)).sum() for j in clusters] for i in classes]) / len(true)
    scores = evaluate(true, pred)
    matchings = [list(p) for p in permutations(clusters)]
    assert scores["matched_f1"] == pytest.approx(max(f1_table[classes, p].sum() for p in matchings))
    assert scores["accuracy"] == pytest.approx(max(hits[classes, p].sum() for p in matchings))
    assert scores["purity"] == pytest.approx(hits.max(axis=0).sum())


@given(labelings, st.permutations(range(6)))
@settings(deadline=None)
def test_no_score_depends_on_how_clusters_are_numbered(
    labels: tuple[list[int], list[int]], permutation: list[int]
) -> None:
    true, pred = labels
    renamed = evaluate([f"class {t}" for t in true], [permutation[p] for p in pred])
    assert renamed == pytest.approx(evaluate(true, pred), abs=1e-12)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=50), st.permutations(range(7)))
@settings(deadline=None)
def test_the_true_classes_score_one(true: list[int], permutation: list[int]) -> None:
    scores = evaluate(true, [permutation[t] for t in true])
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0))


def test_a_worked_example() -> None:
    # Manning et al., figure 16.4: three clusters of crosses, circles and diamonds
    true = list("xxxxxo" + "xooood" + "xxddd")
    pred = [0] * 6 + [1] * 6 + [2] * 5
    scores = evaluate(true, pred)
    assert scores["purity"] == pytest.approx(12 / 17)
    assert scores["pairwise_precision"] == pytest.approx(20 / 40)
    assert scores["pairwise_recall"] == pytest.approx(20 / 44)
    assert scores["accuracy"] == pytest.approx(12 / 17)


def test_labels_may_be_of_any_kind() -> None:
    wanted = evaluate([0, 0, 1, 2], [0, 1, 1, 1])
    assert evaluate(["a", "a", "b", 3], np.array(["x", "y", "y", "y"])) == wanted
    assert evaluate(np.array([0.5, 0.5, 1.5, 7.0]), (True, False, False, False)) == wanted


def test_bad_labels_are_named() -> None:
    with pytest.raises(ValueError, match="same length; got 3 and 2"):
        evaluate([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="labels_true must have no missing label; got None in row 1"):
        evaluate(["a", None], [1, 2])
    with pytest.raises(ValueError, match="labels_pred must have no missing label; got nan in row 0"):
        evaluate(["a", "b"], np.array([np.nan, 1.0]))
    with pytest.raises(ValueError, match="labels_true must have no missing label; got <NA> in row 1"):
        evaluate(pd.Series(["a", None], dtype="string"), [1, 2])
    with pytest.raises(ValueError, match="at least one element; got 0"):
        evaluate([], [])
    with pytest.raises(
        TypeError, match=r"labels_true must hold one label for each row; got \[0, 1\] in row 0"
    ):
        evaluate([[0, 1]], [[0, 1]])
    with pytest.raises(ValueError, match=r"labels_true must have one dimension; got shape \(2, 1\)"):
        evaluate(np.ones((2, 1)), [1, 2])


def test_a_table_too_large_to_match_omits_the_matched_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "_MAX_MATCHING_CELLS", 5)
    scores = evaluate([0, 1, 2], [0, 1, 1])
    assert "accuracy" not in scores
    assert "matched_f1" not in scores
    assert scores.omitted["accuracy"] == "3 classes times 2 clusters exceeds 5 cells"
