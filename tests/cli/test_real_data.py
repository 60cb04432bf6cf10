"""The command line on real labelled texts, English and Chinese; prints the NMI it reached."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from coterie.evaluate import evaluate

# data set, options, classes, least NMI: about nine tenths of what was measured, far above chance
CASES = [
    ("ag_news", ["-k", 4, "--n-init", 3], 4, 0.35),
    ("20newsgroups", ["-k", 20], 20, 0.3),
    ("thucnews_titles", ["-k", 10, "--language", "zh", "--n-init", 3], 10, 0.25),
]


@pytest.mark.parametrize(("name", "options", "n_classes", "least_nmi"), CASES)
def test_clusters_of_real_texts(run, data_dir, tmp_path, name, options, n_classes, least_nmi):
    file = data_dir / name / "train.jsonl.gz"
    answer = json.loads(
        run("cluster", file, *options, "--label-field", "label", "-o", "out", "--json").stdout
    )
    nmi = answer["metrics"]["nmi"]
    print(f"{name}: NMI {nmi:.3f}, {answer['n_documents']} documents, {answer['n_clusters']} clusters")
    table = pq.read_table(tmp_path / "out/assignments.parquet")
    assert len(table) == answer["n_documents"] == sum(cluster["size"] for cluster in answer["clusters"])
    labels = table["label"].to_pylist()
    assert len(set(labels)) == n_classes
    assert evaluate(labels, table["cluster"].to_pylist())["nmi"] == pytest.approx(nmi)
    assert nmi > least_nmi
    scores = json.loads(run("evaluate", "out/assignments.parquet", "--label-field", "label", "--json").stdout)
    assert scores["metrics"]["nmi"] == pytest.approx(nmi)
    test_file = data_dir / name / "test.jsonl.gz"
    run("assign", "out/model", test_file, "-o", "test.parquet")
    assigned = pq.read_table(tmp_path / "test.parquet")
    assert evaluate(assigned["label"].to_pylist(), assigned["cluster"].to_pylist())["nmi"] > 0.8 * least_nmi


def test_number_of_threads_changes_no_bit(run, data_dir, tmp_path):
    file = data_dir / "ag_news" / "test.jsonl.gz"
    outputs = []
    for n_threads in (1, 3):
        run("cluster", file, "-k", 8, "--n-threads", n_threads, "-o", f"out{n_threads}", "--no-report")
        folder = tmp_path / f"out{n_threads}"
        outputs.append([(folder / name).read_bytes() for name in ("assignments.parquet", "clusters.jsonl")])
    assert outputs[0] == outputs[1]
