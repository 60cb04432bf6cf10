"""``coterie classify``: train, predict and evaluate, with single and several labels, from files and pipes."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest


@pytest.fixture
def trained(call, document_file, tmp_path):
    call("classify", "train", document_file, "--label-field", "topic", "-o", "model", "--quiet")
    return tmp_path / "model"


def test_train_predict_and_evaluate(call, document_file, tmp_path):
    done = call("classify", "train", document_file, "--label-field", "topic", "-o", "model", "--json")
    record = json.loads(done.stdout)
    assert (record["n_documents"], record["n_labels"], record["multi_label"]) == (60, 3, False)
    printed = call("classify", "predict", "model", document_file, "-o", "out.parquet")
    assert "fruit" in printed.stdout
    assert "33.3 %" in printed.stdout
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["id", "label", "probability", "input_id", "topic", "year"]
    assert table["label"].to_pylist() == table["topic"].to_pylist()
    scored = call("classify", "evaluate", "model", document_file, "--label-field", "topic", "--json")
    report = json.loads(scored.stdout)
    assert report["scores"]["accuracy"] == 1.0
    assert {"brier", "calibration_error", "macro_f1"} <= set(report["scores"])
    assert [entry["support"] for entry in report["labels"]] == [20, 20, 20]
    shown = call("classify", "evaluate", "model", document_file, "--label-field", "topic").stdout
    assert "precision" in shown
    assert "calibration_error" in shown


def test_a_text_from_a_pipe(run, document_file):
    run("classify", "train", document_file, "--label-field", "topic", "-o", "model")
    answer = run("classify", "predict", "model", "-", "--json", stdin="a train at the station\n")
    (row,) = json.loads(answer.stdout)["predictions"]
    assert row["label"] == "trains"
    assert 0.5 < row["probability"] <= 1


def test_several_labels(call, write_jsonl, documents, tmp_path):
    rows = [
        {"text": d["text"], "tags": [d["topic"], *(["late"] if d["year"] > 2040 else [])]} for d in documents
    ]
    lists = write_jsonl(rows, "lists.jsonl")
    record = json.loads(
        call("classify", "train", lists, "--label-field", "tags", "-o", "model", "--json").stdout
    )
    assert record["multi_label"]
    call("classify", "predict", "model", lists, "-o", "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    for row, labels, probabilities in zip(
        rows, table["labels"].to_pylist(), table["probabilities"].to_pylist(), strict=True
    ):
        assert row["tags"][0] in labels
        assert len(labels) == len(probabilities)
    joined = write_jsonl([{**row, "tags": ", ".join(row["tags"])} for row in rows], "joined.jsonl")
    options = ("--label-field", "tags", "--label-separator", ",")
    second = call("classify", "train", joined, *options, "-o", "other", "--json")
    assert json.loads(second.stdout)["n_labels"] == record["n_labels"] == 4
    report = json.loads(call("classify", "evaluate", "other", joined, *options, "--json").stdout)
    assert report["scores"]["micro_f1"] > 0.7


def test_clusters_become_labels(call, document_file):
    call("cluster", document_file, "-k", "3", "-o", "clustered", "--no-report", "--quiet")
    made = call("classify", "train", document_file, "--clusters", "clustered", "-o", "model", "--json")
    assert json.loads(made.stdout)["n_labels"] == 3
    rows = json.loads(call("classify", "predict", "model", document_file, "--json").stdout)["predictions"]
    assert {row["label"] for row in rows} == {0, 1, 2}


def test_documents_without_a_label(call, write_jsonl, documents):
    rows = [
        {"text": d["text"], "topic": None if i in (4, 9) else d["topic"]} for i, d in enumerate(documents)
    ]
    file = write_jsonl(rows, "holes.jsonl")
    failed = call("classify", "train", file, "--label-field", "topic", "-o", "model", fails=1)
    assert "labels are missing for 2 of 60 documents (rows 4, 9)" in failed.stderr
    done = call("classify", "train", file, "--label-field", "topic", "-o", "model", "--drop-missing")
    assert "2 of 60 documents have no label and are left out" in done.stderr
    assert done.stdout.startswith("58 documents, ")


def test_unsure_labels_are_left_empty(call, trained, document_file):
    done = call("classify", "predict", trained, document_file, "--min-probability", "1.0", "--json")
    assert {row["label"] for row in json.loads(done.stdout)["predictions"]} == {None}


def test_long_documents_are_refused_by_name(call, trained, document_file):
    options = (document_file, "--max-document-bytes", "20")
    for command in (
        ("train", *options, "--label-field", "topic", "-o", "other"),
        ("predict", "model", *options),
        ("evaluate", "model", *options, "--label-field", "topic"),
    ):
        failed = call("classify", *command, fails=1)
        assert "longer than --max-document-bytes=20; raise --max-document-bytes" in failed.stderr


def test_what_cannot_be_done_is_said(call, trained, document_file, tmp_path):
    failed = call("classify", "train", document_file, "--label-field", "tipoc", "-o", "x", fails=1)
    assert "label-field='tipoc' is not a field of the input; it has 'id', 'topic', 'year'" in failed.stderr
    failed = call("classify", "train", document_file, "--label-field", "topic", "-o", trained, fails=1)
    assert "holds an earlier result" in failed.stderr
    assert "does not exist" in call("classify", "predict", "none", document_file, fails=1).stderr
    call("cluster", document_file, "-k", "3", "-o", "clustered", "--no-report", "--quiet")
    for folder in ("clustered", "clustered/model"):
        failed = call("classify", "predict", tmp_path / folder, document_file, fails=1)
        assert "holds no classifier" in failed.stderr
    failed = call(
        "classify", "train", document_file, "--label-field", "topic", "--encoder", "glove", "-o", "y", fails=2
    )
    assert "'glove' is not one of tfidf" in failed.stderr


def test_cluster_by_the_method_that_the_texts_speak_for(call, document_file):
    options = ("--method", "auto", "-k", "3", "--max-unassigned", "0.1", "--label-field", "topic")
    record = json.loads(call("cluster", document_file, *options, "--json").stdout)
    assert record["method_search"]["method"] in ("consensus", "lsa", "mixture")
    assert record["metrics"]["nmi"] > 0.8
    shown = call("cluster", document_file, *options, "--refine", "reclassify").stdout
    assert "words tell" in shown
