"""``coterie cluster`` and ``coterie assign`` on small files: outputs, pipes, refusals."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess

import numpy as np
import pyarrow.parquet as pq
import pytest


def test_writes_everything(run, document_file, documents, tmp_path):
    shown = run(
        "cluster",
        document_file,
        "-k",
        3,
        "--id-field",
        "id",
        "--label-field",
        "topic",
        "-o",
        "out",
        "--report",
    ).stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name[0] != ".") == [
        "assignments.parquet",
        "clusters.jsonl",
        "metrics.json",
        "model",
        "report.html",
    ]
    table = pq.read_table(tmp_path / "out/assignments.parquet")
    assert table.column_names[:5] == ["id", "cluster", "distance", "runner_up", "margin"]
    assert table["id"].to_pylist() == [row["id"] for row in documents]
    assert table["year"].to_pylist() == [row["year"] for row in documents]
    assert table["label"].to_pylist() == [row["topic"] for row in documents]
    pairs = set(zip(table["cluster"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert len(pairs) == 3
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["metrics"]["nmi"] == pytest.approx(1)
    assert metrics["parameters"]["n_clusters"] == 3
    assert {"read", "vectorize", "cluster"} <= set(metrics["timings"])
    clusters = [json.loads(line) for line in (tmp_path / "out/clusters.jsonl").read_text().splitlines()]
    assert [cluster["size"] for cluster in clusters] == [20, 20, 20]
    assert "documents.jsonl" in (tmp_path / "out/report.html").read_text()
    assert "Normalised mutual information" in shown
    assert "Written to out" in shown


def test_prints_plain_text_in_pipes_and_nothing_on_stderr(run, document_file):
    done = run("cluster", document_file, "-k", 3)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "33.3 %" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert run("cluster", document_file, "-k", 3, "--quiet").stdout == ""


def test_json_is_one_object_and_nothing_else(call, document_file, documents):
    done = call("cluster", document_file, "-k", 3, "--json", "--id-field", "id", "--label-field", "topic")
    answer = json.loads(done.stdout)
    assert done.stderr == ""
    assert answer["command"] == "cluster"
    assert answer["n_documents"] == 60
    assert [cluster["size"] for cluster in answer["clusters"]] == [20, 20, 20]
    texts = {row["id"]: row["text"] for row in documents}
    for cluster in answer["clusters"]:
        assert all(texts[shown["id"]] == shown["text"] for shown in cluster["representatives"])
    assert answer["metrics"]["nmi"] == pytest.approx(1)


def test_standard_input_and_every_format_give_the_same_clusters(run, document_file, documents, tmp_path):
    def terms(*arguments, **options):
        answer = json.loads(run("cluster", *arguments, "-k", 3, "--json", **options).stdout)
        return [cluster["terms"] for cluster in answer["clusters"]]

    expected = terms(document_file)
    lines = "".join(f"{row['text']}\n" for row in documents)
    assert terms("-", stdin=document_file.read_bytes()) == expected
    assert terms("-", stdin=lines) == expected
    assert terms("-", "--format", "lines", stdin=gzip.compress(lines.encode())) == expected
    with open(tmp_path / "documents.csv", "w", newline="") as file:
        table = csv.DictWriter(file, list(documents[0]))
        table.writeheader()
        table.writerows(documents)
    assert terms("documents.csv", "--text-field", "text") == expected
    (tmp_path / "half.jsonl").write_text("".join(document_file.read_text().splitlines(True)[:30]))
    (tmp_path / "rest.jsonl").write_text("".join(document_file.read_text().splitlines(True)[30:]))
    assert terms("half.jsonl", "rest.jsonl") == expected


def test_options_reach_the_clustering(call, document_file, tmp_path):
    (tmp_path / "stop.txt").write_text("apple\ntrain\n")
    answer = json.loads(
        call(
            *(
                "cluster",
                document_file,
                "--json",
                "-k",
                4,
                "--metric",
                "euclidean",
                "--min-df",
                "3",
                "--max-df",
                "0.9",
            ),
            *("--ngram-range", "1,2", "--max-features", 50, "--stop-words", "stop.txt", "--n-init", 2),
            *("--max-iter", 7, "--random-state", 5, "--n-threads", 1),
        ).stdout
    )
    parameters = answer["parameters"]
    assert parameters["metric"] == "euclidean"
    assert (parameters["min_df"], parameters["max_df"]) == (3, 0.9)
    assert parameters["ngram_range"] == [1, 2]
    assert (parameters["n_init"], parameters["max_iter"], parameters["random_state"]) == (2, 7, 5)
    assert parameters["max_features"] == 50
    assert parameters["stop_words"] == ["apple", "train"]
    terms = {entry["term"] for cluster in answer["clusters"] for entry in cluster["terms"]}
    assert any(" " in term for term in terms)
    assert not {"apple", "train"} & terms


def test_documents_without_label_are_left_out_of_the_scores(call, write_jsonl, documents):
    path = write_jsonl(
        [{"text": row["text"], "topic": row["topic"] if row["year"] > 2010 else None} for row in documents]
    )
    done = call("cluster", path, "-k", 3, "--label-field", "topic", "--json")
    assert done.stderr == "coterie: note: 11 documents have no label; the scores are of the other 49\n"
    assert json.loads(done.stdout)["metrics"]["nmi"] == pytest.approx(1)


def test_auto_says_why(call, document_file):
    done = call("cluster", document_file, "-k", "auto", "--json")
    search = json.loads(done.stdout)["k_search"]
    assert search["n_clusters"] in [trial["n_clusters"] for trial in search["trials"]]
    assert search["reason"] in " ".join(call("cluster", document_file, "-k", "auto").stdout.split())


def test_assign_repeats_the_clusters_of_the_fit(call, document_file, tmp_path):
    call("cluster", document_file, "-k", 3, "--id-field", "id", "-o", "out", "--no-report")
    assert not (tmp_path / "out/report.html").exists()
    call("assign", "out/model", document_file, "--id-field", "id", "-o", "again.parquet")
    fitted = pq.read_table(tmp_path / "out/assignments.parquet")
    again = pq.read_table(tmp_path / "again.parquet")
    for name in ("id", "cluster", "runner_up", "year"):
        assert again[name].equals(fitted[name])
    np.testing.assert_array_equal(again["distance"].to_numpy(), fitted["distance"].to_numpy())


def test_assign_labels_one_text_from_a_pipe(run, document_file):
    run("cluster", document_file, "-k", 3, "-o", "out", "--no-report")
    answer = json.loads(run("assign", "out", "-", "--json", stdin="cello and violin and opera\n").stdout)
    clusters = json.loads(run("cluster", document_file, "-k", 3, "--json").stdout)["clusters"]
    terms = [entry["term"] for entry in clusters[answer["assignments"][0]["cluster"]]["terms"]]
    assert {"cello", "violin", "opera"} <= set(terms)
    assert answer["n_documents"] == 1
    shown = run("assign", "out", "-", stdin="cello\nviolin\napple\n").stdout
    assert "3 documents in 2 of 3 clusters" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "No such file"),
        (["documents.jsonl", "--text-field", "body"], "body"),
        (["documents.jsonl", "--label-field", "class"], "class"),
        (["documents.jsonl", "-k", "61"], "61"),
        (["documents.jsonl", "--stop-words", "nowhere.txt"], "there is no file 'nowhere.txt'"),
        (["documents.jsonl", "--stop-words", "english"], "--stop-words must be auto, none or a file"),
        (["documents.jsonl", "-o", "documents.jsonl"], "documents.jsonl"),
        (["documents.jsonl", "-o", "."], "holds the input"),
        (["documents.jsonl", "-o", "documents.jsonl/out"], "documents.jsonl"),
        (["empty.jsonl"], "no documents in empty.jsonl"),
        (["broken.jsonl"], "broken.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, document_file, tmp_path, arguments, said):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "broken.jsonl").write_bytes(b'{"text": "a"}\n{"text": \n')
    before = sorted(os.listdir(tmp_path))
    assert said in call("cluster", *arguments, fails=1).stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_wrong_field_lists_the_fields_there_are(call, document_file):
    said = call("cluster", document_file, "--text-field", "txet", fails=1).stderr
    assert all(name in said for name in ("txet", "id", "text", "topic", "year"))


def test_existing_output_is_kept_unless_told(call, document_file, tmp_path):
    arguments = ("cluster", document_file, "-k", 3, "-o", "out", "--no-report")
    call(*arguments)
    before = (tmp_path / "out/clusters.jsonl").read_bytes()
    assert "--overwrite" in call(*arguments, "--random-state", 1, fails=1).stderr
    assert (tmp_path / "out/clusters.jsonl").read_bytes() == before
    call(*arguments[:3], 2, *arguments[4:], "--overwrite")
    assert len((tmp_path / "out/clusters.jsonl").read_bytes().splitlines()) == 2


def test_assign_does_not_overwrite_its_input(call, document_file, tmp_path):
    call("cluster", document_file, "-k", 3, "-o", "out", "--no-report")
    before = document_file.read_bytes()
    path = document_file.rename(tmp_path / "documents")
    said = call("assign", "out", path, "-o", path, "--overwrite", fails=1).stderr
    assert "also an input" in said
    assert path.read_bytes() == before
    assert "model" in call("assign", "documents", path, fails=1).stderr


def test_debug_shows_the_traceback(coterie_command, environment, tmp_path):
    done = subprocess.run(
        [*coterie_command, "cluster", "missing.jsonl"],
        env=environment | {"COTERIE_DEBUG": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "FileNotFoundError" in done.stderr


def test_documents_cannot_steer_the_terminal(call, write_jsonl):
    rows = [
        {"text": f"apple\x1b[2J\x1b]0;owned\x07 [red]banana[/red] {word} \u202e"}
        for word in ("pear", "plum") * 5
    ]
    path = write_jsonl(rows)
    done = call("cluster", path, "-k", 2)
    assert not set("\x1b\x07\u202e") & set(done.stdout)
    assert "[red]banana[/red]" in done.stdout
    path = write_jsonl(rows, "\x1b[31mname.jsonl")
    assert "\x1b" not in call("cluster", path, "--text-field", "\x1b[2Jx", fails=1).stderr
