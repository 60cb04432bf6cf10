"""The journey over files that do not fit into memory leaves the files of the journey in memory."""

import gzip
import io
import itertools
import json
import os
import random
import subprocess
import sys

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("typer")

from outofcore_corpora import assert_same_outputs, documents, in_memory, write

from coterie.io import read_texts
from coterie.outofcore import _rows, cluster_files

PLAIN = {"n_clusters": 9, "report": False}


@pytest.fixture(autouse=True)
def small_shards_and_batches(monkeypatch):
    """Many shards, and batches whose columns differ in type."""
    monkeypatch.setattr(_rows, "SHARD_BYTES", 5000)
    monkeypatch.setattr(
        "coterie.outofcore._input.read_texts", lambda *a, **k: read_texts(*a, batch_size=100, **k)
    )
    monkeypatch.setattr("coterie.io._read.read_texts", lambda *a, **k: read_texts(*a, batch_size=100, **k))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(
    ("reading", "changes"),
    [
        ({}, {}),
        ({"label_field": "label", "id_field": "name"}, {"n_init": 2}),
        ({"id_field": "year"}, {"n_clusters": 1}),
        ({}, {"n_clusters": "auto"}),
        ({}, {"ngram_range": (1, 2), "max_features": 60, "random_state": 7, "n_threads": 1}),
    ],
)
def test_the_same_files_as_in_memory(corpus, tmp_path, metric, reading, changes):
    expected = in_memory(corpus, tmp_path / "expected", reading, metric=metric, **changes)
    cluster_files(corpus, tmp_path / "found", metric=metric, **(PLAIN | changes), **reading)
    assert_same_outputs(tmp_path / "found", expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["documents.jsonl", "expected", "found"]


def test_missing_labels_are_left_out_of_the_scores(tmp_path):
    rows = documents()
    for row in rows[::7]:
        row["label"] = None
    path = write(tmp_path / "some.jsonl", rows)
    expected = in_memory(path, tmp_path / "expected", {"label_field": "label"})
    result = cluster_files(path, tmp_path / "found", label_field="label", **PLAIN)
    assert result.n_unlabelled == len(rows[::7])
    assert_same_outputs(tmp_path / "found", expected)


@pytest.mark.parametrize("n", [6, 40])
def test_limits_are_widened_where_most_documents_are_left_without_terms(tmp_path, n):
    words = (f"w{i}" for i in itertools.count())
    rows = [{"text": f"{next(words)} {next(words)} same" if i % 3 else "same twice twice"} for i in range(n)]
    path = write(tmp_path / "sparse.jsonl", rows)
    expected = in_memory(path, tmp_path / "expected", n_clusters=2)
    result = cluster_files(path, tmp_path / "found", n_clusters=2, report=False)
    assert result.parameters["min_df"] == 1
    assert_same_outputs(tmp_path / "found", expected)


def test_several_files_and_packed_ones(corpus, tmp_path):
    lines = corpus.read_bytes().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines[:300]))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[300:])))
    expected = in_memory(corpus, tmp_path / "expected")
    result = cluster_files([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"], tmp_path / "found", **PLAIN)
    assert result.n_documents == len(lines)
    for pattern in ("clusters.jsonl", "model/*.cluster_centers_.npy"):
        found, wanted = next((tmp_path / "found").glob(pattern)), next(expected.glob(pattern))
        assert found.read_bytes() == wanted.read_bytes()


def test_the_standard_input_is_read_once(corpus, tmp_path, monkeypatch):
    expected = in_memory(corpus, tmp_path / "expected")
    stream = io.TextIOWrapper(io.BytesIO(corpus.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    cluster_files("-", tmp_path / "found", **PLAIN)
    assert_same_outputs(tmp_path / "found", expected)


def test_a_pipe_with_a_name_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe' cannot be read twice"):
        cluster_files(tmp_path / "pipe", tmp_path / "found")
    assert not (tmp_path / "found").exists()


def test_the_report_is_that_of_the_journey_in_memory(corpus, tmp_path):
    from coterie import cluster_texts
    from coterie.io import read_corpus
    from coterie.report import render_report

    result = cluster_files(corpus, tmp_path / "found", label_field="label", n_clusters=9, title="Clusters")
    read = read_corpus(corpus, label_field="label")
    labels = read.labels.to_pylist()
    whole = cluster_texts(read.texts, labels=labels, n_clusters=9)
    page = render_report(whole, read.texts, ids=read.ids, labels=labels, timings=result.timings)
    found = (tmp_path / "found" / "report.html").read_text(encoding="utf-8")

    def without_times(text):  # the report's own stage is over after it is written
        return text.split("<h2")[1:-1]

    assert without_times(found)
    assert found.count("<article") == page.count("<article")
    assert [line for line in found.splitlines() if '"cluster"' in line] == [
        line for line in page.splitlines() if '"cluster"' in line
    ]


def test_without_an_output_nothing_is_left(corpus, tmp_path):
    result = cluster_files(corpus, n_clusters=9)
    assert [p.name for p in tmp_path.iterdir()] == ["documents.jsonl"]
    assert sum(c.size for c in result.clusters) == result.n_documents
    row = result.clusters[0].representatives[0]
    assert result.texts[row].as_py() == json.loads(corpus.read_text().splitlines()[row])["text"]


@pytest.mark.slow
def test_the_limit_holds(tmp_path):
    """A process within 420 MB clusters a corpus whose texts and rows alone take more than that budget leaves."""
    rng = random.Random(0)
    words = [f"word{i}" for i in range(3000)]
    path = tmp_path / "large.txt"
    with path.open("w") as file:
        for i in range(60_000):
            group = words[(i % 20) * 150 : (i % 20) * 150 + 150]
            file.write(" ".join(rng.choices(group, k=60) + rng.choices(words, k=60)) + "\n")
    assert path.stat().st_size > 50e6
    program = (
        "import re, sys; from coterie.outofcore import cluster_files\n"
        "r = cluster_files(sys.argv[1], sys.argv[2], n_clusters=20, max_iter=3, report=False,"
        " memory_limit='420MB', n_threads=2)\n"
        "print(r.n_documents, re.search('VmHWM:[^0-9]*([0-9]+)', open('/proc/self/status').read())[1])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    n_documents, peak = map(int, run.stdout.split())
    assert n_documents == 60_000
    assert peak * 1024 < 420e6
