"""``coterie cluster --encoder --clusterer``: options, noise in every output, refusals."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest


def test_noise_is_cluster_minus_one_in_every_output(run, documents, tmp_path):
    document_file = tmp_path / "odd.jsonl"
    odd = [{"text": text, "topic": "odd"} for text in ("zebra quark", "apple train violin", "quark wig")]
    document_file.write_text("\n".join(map(json.dumps, [*documents, *odd])))
    options = ["--clusterer", "dbscan", "--eps", "0.3", "--min-samples", "4", "--label-field", "topic"]
    shown = run("cluster", document_file, *options, "-o", "out", "--report").stdout
    clusters = pq.read_table(tmp_path / "out/assignments.parquet")["cluster"].to_pylist()
    n_noise = clusters.count(-1)
    assert 0 < n_noise < len(clusters)
    lines = [json.loads(line) for line in (tmp_path / "out/clusters.jsonl").read_text().splitlines()]
    assert lines[-1] == {"cluster": -1, "size": n_noise, "terms": [], "representatives": []}
    assert sum(line["size"] for line in lines) == len(clusters)
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["metrics"]["n_noise"] == n_noise
    assert metrics["parameters"]["eps"] == 0.3
    assert "(noise: in no cluster)" in shown
    assert "Noise" in (tmp_path / "out/report.html").read_text()
    run("assign", "out", document_file, "-o", "again.parquet")
    again = pq.read_table(tmp_path / "again.parquet")["cluster"].to_pylist()
    kept = [i for i, cluster in enumerate(clusters) if cluster >= 0]
    assert [again[i] for i in kept] == [clusters[i] for i in kept]
    assert min(again) >= 0


@pytest.mark.parametrize(
    "clusterer", ["minibatch", "ward", "average", "complete", "single", "spectral", "bisecting"]
)
def test_clusterers_that_are_told_how_many(call, document_file, clusterer):
    done = call(
        "cluster", document_file, "--clusterer", clusterer, "-k", "3", "--json", "--label-field", "topic"
    )
    answer = json.loads(done.stdout)
    assert answer["n_clusters"] == 3
    assert answer["parameters"]["clusterer"] == clusterer
    assert answer["metrics"]["nmi"] > 0.8


def test_trees_are_cut_at_a_distance(call, document_file):
    options = ["--clusterer", "average", "--distance-threshold", "0.9", "--metric", "jaccard", "--json"]
    answer = json.loads(call("cluster", document_file, *options).stdout)
    assert answer["parameters"]["distance_threshold"] == 0.9
    assert answer["n_clusters"] >= 3


def test_dense_rows_are_clustered_and_their_model_assigns(run, document_file, tmp_path):
    shown = run(
        "cluster", document_file, "--encoder", "lsa", "--clusterer", "ward", "-k", "3", "-o", "out"
    ).stdout
    assert "dimensions" in shown
    assert "33.3 %" in shown
    run("assign", "out", document_file, "-o", "again.parquet")
    first, again = (pq.read_table(tmp_path / name) for name in ("out/assignments.parquet", "again.parquet"))
    assert first["cluster"] == again["cluster"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--clusterer", "ward", "--eps", "0.1"],
            "eps is no option of ward, which takes --distance-threshold",
        ),
        (
            ["--clusterer", "hdbscan", "-k", "3"],
            "n-clusters must not be given for hdbscan, which finds it; got 3",
        ),
        (["--clusterer", "dbscan", "--eps", "0.0001"], "dbscan found no cluster: all 60 documents are noise"),
        (["--metric", "jaccard"], "--metric must be 'euclidean' or 'cosine' for kmeans; got 'jaccard'"),
    ],
)
def test_refusals_say_what_was_wanted(call, document_file, arguments, message):
    assert message in call("cluster", document_file, *arguments, fails=1).stderr
