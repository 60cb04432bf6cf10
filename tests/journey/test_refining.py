"""The journey with a method chosen by evidence, with reclassification, and with doubtful documents left out."""

from __future__ import annotations

import numpy as np
import pytest

from coterie import cluster_texts
from coterie.persistence import load_model, save_model
from test_auto import WORDS, texts_of


def test_the_method_is_chosen_and_said(tmp_path) -> None:
    texts, classes = texts_of(150)
    result = cluster_texts(texts, encoder="auto", n_clusters=3, labels=classes)
    assert result.metrics["nmi"] > 0.9
    assert result.method_search is not None
    assert result.parameters["clusterer"] == result.method_search.method
    assert result.parameters["encoder"] == "auto"
    assert len(result.clusters) == 3
    assert all(summary.terms for summary in result.clusters)
    assert (result.model.predict(texts).labels == result.labels).mean() > 0.95
    save_model(result.model, tmp_path / "model")
    restored = load_model(tmp_path / "model").predict(texts)
    assert np.array_equal(restored.labels, result.model.predict(texts).labels)
    assert list(result.timings) == ["cluster", "explain", "evaluate"]


def test_auto_also_finds_the_number_of_clusters() -> None:
    texts, _ = texts_of(150)
    result = cluster_texts(texts, encoder="auto", n_clusters="auto")
    assert result.k_search is not None
    assert len(result.clusters) == result.k_search.n_clusters


def test_one_cluster_is_one_cluster() -> None:
    texts, _ = texts_of(30)
    result = cluster_texts(texts, encoder="auto", n_clusters=1)
    assert result.labels.tolist() == [0] * 30


@pytest.mark.parametrize("encoder", ["tfidf", "lsa"])
def test_clusters_are_refined(encoder: str) -> None:
    texts, classes = texts_of(300)
    plain = cluster_texts(texts, encoder=encoder, n_clusters=3, labels=classes)
    found = cluster_texts(texts, encoder=encoder, n_clusters=3, labels=classes, refine="reclassify")
    assert plain.refinement is None
    assert found.refinement is not None
    assert found.metrics["nmi"] >= plain.metrics["nmi"] - 0.02
    if found.refinement.is_kept:
        assert found.refinement.information_after > found.refinement.information_before
    assert np.array_equal(found.labels, found.refinement.labels)
    assert (found.margins[found.labels == found.model.predict(texts).labels] >= 0).all()


def test_no_more_than_the_share_is_left_out() -> None:
    texts, _ = texts_of(150)
    rng, every = np.random.default_rng(0), " ".join(WORDS).split()
    mixed = texts + [" ".join(rng.choice(every, 3)) for _ in range(150)]
    result = cluster_texts(mixed, n_clusters=3, max_unassigned=0.05)
    n_out = int((result.labels == -1).sum())
    assert 0 < n_out <= 0.05 * len(mixed)
    assert result.metrics["n_noise"] == n_out
    assert sum(summary.size for summary in result.clusters) == len(mixed) - n_out
    assert (cluster_texts(mixed, n_clusters=3, max_unassigned=0.0).labels >= 0).all()


def test_bad_arguments_are_named() -> None:
    texts, _ = texts_of(30)
    with pytest.raises(ValueError, match="refine must be one of 'reclassify'; got 'yes'"):
        cluster_texts(texts, refine="yes")
    with pytest.raises(ValueError, match="max_unassigned must be"):
        cluster_texts(texts, max_unassigned=2.0)
    with pytest.raises(ValueError, match="clusterer must be 'kmeans' with encoder='auto'"):
        cluster_texts(texts, encoder="auto", clusterer="ward", n_clusters=3)
