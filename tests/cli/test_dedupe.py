"""``coterie dedupe`` as a user has it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq


def test_groups_are_printed_and_written(call, write_jsonl, tmp_path):
    path = write_jsonl(
        [
            {"key": "x", "text": "same words here"},
            {"key": "y", "text": "[red]other[/red] things"},
            {"key": "z", "text": "here: same words"},
        ]
    )
    shown = call("dedupe", path, "--id-field", "key", "-o", "unique").stdout
    assert "2 documents" in shown
    assert "  1.000  z  here: same words" in shown
    assert "leaves 2 of 3 documents and drops 1, 1 of them with" in shown
    assert "Written to unique" in shown
    assert pq.read_table(tmp_path / "unique/kept.parquet")["text"].to_pylist()[1] == "[red]other[/red] things"
    assert "--overwrite" in call("dedupe", path, "-o", "unique", fails=1).stderr
    again = call("dedupe", path, "-o", "unique", "--overwrite", "--measure", "cosine", "-q")
    assert again.stdout == ""


def test_the_standard_input_and_json(run):
    done = run("dedupe", "-", "--json", "--method", "minhash", "-t", 0.5, stdin="a b c\nd e f\na b c g\n")
    answer = json.loads(done.stdout)
    assert (answer["n_documents"], answer["n_kept"], answer["method"]) == (3, 2, "minhash")
    assert 0.9 < answer["recall"] < 1


def test_errors_name_the_option(call, write_jsonl):
    path = write_jsonl([{"text": "a"}])
    assert "threshold must be > 0" in call("dedupe", path, "--threshold", 0, fails=1).stderr
    assert "No such file" in call("dedupe", "absent.jsonl", fails=1).stderr
