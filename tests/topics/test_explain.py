"""Explanations: the contributions of the terms sum to the margin, in both metrics."""

from __future__ import annotations

import numpy as np
import pytest

from coterie import cluster_texts
from coterie.journey import ClusterResult
from coterie.topics import explain_assignment

TEXTS = [
    *("red apple pie", "sweet red apple", "red cherry pie", "sweet cherry cake"),
    *("slow train late", "fast train late", "late night train", "fast night express train"),
    *("old house garden", "garden apple tree", "house with old tree", "old train house"),
]


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def result(request: pytest.FixtureRequest) -> ClusterResult:
    return cluster_texts(TEXTS, n_clusters=3, metric=request.param, min_df=1)


def test_contributions_sum_to_the_margin_of_the_scores(result: ClusterResult) -> None:
    for i, text in enumerate(TEXTS):
        explanation = explain_assignment(result.model, text)
        assert (explanation.cluster, explanation.runner_up) == (result.labels[i], result.runner_up[i])
        total = sum(value for _, value in explanation.terms) + explanation.absent
        assert explanation.margin == pytest.approx(total, abs=1e-15)
        own, other = float(result.distances[i]), float(result.distances[i] + result.margins[i])
        in_scores = other - own if result.parameters["metric"] == "cosine" else (other**2 - own**2) / 2
        assert explanation.margin == pytest.approx(in_scores, abs=2e-6)


def test_each_contribution_is_its_definition(result: ClusterResult) -> None:
    explanation = explain_assignment(result.model, TEXTS[9])
    centers = result.model.clusterer.cluster_centers_.astype(np.float64)
    x = result.matrix[[9]].toarray().ravel().astype(np.float64)
    c, r = centers[explanation.cluster], centers[explanation.runner_up]
    if result.parameters["metric"] == "cosine":
        c, r, x = (v / np.linalg.norm(v) for v in (c, r, x))
        expected = x * (c - r)
    else:
        expected = x * (c - r) - (c**2 - r**2) / 2
    vocabulary = result.model.encoder.vocabulary_
    assert {term for term, _ in explanation.terms} == {"garden", "apple", "tree"}
    for term, value in explanation.terms:
        assert value == pytest.approx(expected[vocabulary[term]], abs=1e-15)
    values = [value for _, value in explanation.terms]
    assert values == sorted(values, reverse=True)


def test_a_row_explains_as_its_text(result: ClusterResult) -> None:
    wanted = explain_assignment(result.model, TEXTS[3])
    assert explain_assignment(result.model, result.matrix[[3]]) == wanted
    assert explain_assignment(result.model, result.matrix[[3]].toarray()) == wanted


def test_a_text_without_known_terms_has_nothing_to_explain(result: ClusterResult) -> None:
    explanation = explain_assignment(result.model, "zzz")
    assert explanation.terms == []
    if result.parameters["metric"] == "cosine":
        assert explanation.margin == 0


def test_bad_arguments_are_named(result: ClusterResult) -> None:
    with pytest.raises(ValueError, match="document must be one row of"):
        explain_assignment(result.model, result.matrix[:2])
    with pytest.raises(ValueError, match="document must be one row of"):
        explain_assignment(result.model, np.ones(3))
    single = cluster_texts(TEXTS, n_clusters=1).model
    with pytest.raises(ValueError, match="at least 2 clusters"):
        explain_assignment(single, "red apple")
