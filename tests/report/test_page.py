"""The report's page without a browser: refusals, escaping, sampling and the order of the map."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.manifold import trustworthiness
from sklearn.preprocessing import normalize

from coterie._excerpt import excerpt
from coterie.report import render_report
from coterie.report.dendrogram import draw_tree
from coterie.report.document_map import place_documents, sample_documents
from coterie.report.scores import describe_scores


def embedded_data(html: str) -> dict:
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)[1])


def test_same_input_gives_the_same_page(cluster, fruit_trains_music):
    result = cluster(fruit_trains_music)
    assert render_report(result, fruit_trains_music) == render_report(result, fruit_trains_music)


def test_seconds_of_the_report_are_a_stage_where_it_is_told_when_it_was_begun(cluster, fruit_trains_music):
    timings = {"read": 1.0, "cluster": 2.0}
    result = cluster(fruit_trains_music)
    told = render_report(result, fruit_trains_music, timings=timings, started=time.perf_counter() - 100)
    assert re.search(r"<dt>seconds</dt><dd>10[3-9]\.\d</dd>", told)
    assert '<th scope="row">report</th>' in told
    assert timings == {"read": 1.0, "cluster": 2.0}
    untold = render_report(result, fruit_trains_music, timings=timings)
    assert "<dt>seconds</dt><dd>3</dd>" in untold
    assert '<th scope="row">report</th>' not in untold


def test_page_names_no_other_place(cluster, fruit_trains_music):
    html = render_report(cluster(fruit_trains_music), fruit_trains_music)
    without_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert not re.search(r"https?://|src=|@import|url\(", without_scripts)
    assert "default-src 'none'" in html


def test_embedded_data_cannot_end_its_element(cluster):
    texts = ["</script><!--<script> a", "a\u2028b & 'c'", "plain a b c"]
    html = render_report(cluster(texts, 2), texts)
    block = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.S)[1]
    assert not set("<>&") & set(block)
    assert embedded_data(html)["map"]["text"] == ["</script><!--<script> a", "a b & 'c'", "plain a b c"]


@pytest.mark.parametrize("name", ["texts", "ids", "labels"])
def test_lengths_must_agree(cluster, fruit_trains_music, name):
    arguments = {"texts": fruit_trains_music} | {name: fruit_trains_music[:-1]}
    with pytest.raises(ValueError, match=rf"{name} must have one entry per document \(90\); got 89"):
        render_report(cluster(fruit_trains_music), **arguments)


def test_large_corpus_is_sampled_and_says_so(cluster, fruit_trains_music):
    html = render_report(cluster(fruit_trains_music), fruit_trains_music, n_map_documents=30)
    assert len(embedded_data(html)["map"]["text"]) == 30
    assert "A sample of 30 of the 90 documents" in html
    assert "A sample of" not in render_report(cluster(fruit_trains_music), fruit_trains_music)


@pytest.mark.parametrize("limit", [1, 7, 50, 333, 2000])
def test_sample_is_stratified_bounded_and_repeatable(limit):
    sizes = [1, 2, 40, 900, 0, 5000]
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(6), sizes)).astype(np.int32)
    rows = sample_documents(labels, 6, limit, random_state=1)
    assert rows.size == limit
    assert np.all(np.diff(rows) > 0)
    np.testing.assert_array_equal(rows, sample_documents(labels, 6, limit, random_state=1))
    if limit >= 50:
        assert set(labels[rows]) == {0, 1, 2, 3, 5}


def test_map_puts_the_documents_of_a_cluster_together(cluster, fruit_trains_music):
    result = cluster(fruit_trains_music)
    points = place_documents(result.matrix, result.model.clusterer.cluster_centers_, 0)
    assert points.dtype == np.float32
    assert np.abs(points).max() == pytest.approx(1)
    middles = np.stack([points[result.labels == number].mean(axis=0) for number in range(3)])
    nearest = np.linalg.norm(points[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == result.labels).mean() > 0.9
    np.testing.assert_array_equal(
        points, place_documents(result.matrix, result.model.clusterer.cluster_centers_, 0)
    )


def test_map_keeps_neighbours_together():
    rng = np.random.default_rng(0)
    centres = rng.random((12, 40), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    X = centres[rng.integers(0, 12, 400)] + 0.3 * rng.random((400, 40), dtype=np.float32)
    similarities = normalize(X @ centres.T)
    points = place_documents(sp.csr_array(X), centres, 0)
    assert trustworthiness(similarities, points, n_neighbors=15) > 0.99


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9])
def test_map_of_few_or_equal_documents_is_finite(cluster, n):
    for texts in (["same words"] * n, [f"word{i} shared" for i in range(n)]):
        result = cluster(texts, 1)
        assert np.isfinite(place_documents(result.matrix, result.model.clusterer.cluster_centers_, 0)).all()


def test_excerpt_is_one_printable_line():
    assert excerpt("a\n\tb\r\nc", 10) == "a b c"
    assert excerpt("x" * 11, 10) == "x" * 9 + "…"
    assert excerpt("x" * 10, 10) == "x" * 10
    assert excerpt("\x1b[2J\x07\u202e\ud800", 10) == "\ufffd[2J\ufffd\ufffd\ufffd"
    assert excerpt(" " * 10_000_000 + "end", 10) == "…"
    assert excerpt("", 5) == ""


def test_unknown_scores_are_shown_by_name():
    known, unknown = describe_scores({"ari": 0.5, "my_score": 2.0})
    assert (known.shown, describe_scores({"n_empty": 12.0})[0].shown) == ("0.500", "12")
    assert describe_scores({"silhouette": -0.0002})[0].shown == "0.000"
    assert (known.title, known.value) == ("Adjusted Rand index (ARI)", 0.5)
    assert (unknown.title, unknown.meaning, unknown.value) == ("My score", "", 2.0)


def test_trees_are_laid_out_leaf_by_leaf() -> None:
    tree = np.array([[0, 1, 0.5, 20], [2, 4, 0.7, 30], [3, 5, 0.9, 70]], dtype=float)
    drawn = draw_tree(tree)
    assert sorted(drawn.leaves) == [[0], [1], [2], [3]]
    assert drawn.x.count(None) == 3
    assert max(x for x in drawn.x if x is not None) == 0.9
    few = draw_tree(tree, most_leaves=2)
    assert sorted(few.leaves) == [[0, 1, 2], [3]]
    assert few.x.count(None) == 1
    chain = np.array([[0, 1, 1.0, 2], *[[i, 2998 + i, float(i), i + 1] for i in range(2, 3000)]])
    assert len(draw_tree(chain).leaves) == 60  # a chain of any length is drawn without recursion
