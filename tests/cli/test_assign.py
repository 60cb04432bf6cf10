"""``coterie assign`` reads batch by batch, whatever it reads from."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.io import read_texts


@pytest.fixture
def model(call, document_file):
    call("cluster", document_file, "-k", 3, "-o", "out", "--no-report", "--quiet")
    return "out/model"


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("coterie.io.read_texts", lambda *a, **k: read_texts(*a, batch_size=7, **k))


def mixed(documents):
    """Documents whose columns change their type on the way."""
    rows = []
    for i, row in enumerate(documents):
        changed = {**row, "number": i if i < 20 else i / 2, "any": "x" if i % 2 else i}
        rows.append(changed | ({"late": [i]} if i > 30 else {}))
    return rows


def test_batches_give_the_table_of_all_documents(
    call, model, write_jsonl, documents, small_batches, tmp_path
):
    path = write_jsonl(mixed(documents), "mixed.jsonl")
    call("assign", model, path, "--id-field", "id", "-o", "table.parquet")
    table = pq.read_table(tmp_path / "table.parquet")
    fitted = pq.read_table(tmp_path / "out/assignments.parquet")
    assert table["cluster"] == fitted["cluster"]
    assert table["distance"] == fitted["distance"]
    assert table["id"].to_pylist() == [row["id"] for row in documents]
    assert table.schema.field("number").type == pa.float64()
    assert table["number"].to_pylist() == [i if i < 20 else i / 2 for i in range(60)]
    assert table["any"].to_pylist()[:2] == ["0", "x"]  # no common type: JSON text
    assert table["late"].to_pylist()[30:32] == [None, [31]]


def test_a_pipe_is_read_twice_where_a_table_is_written(run, call, model, document_file, tmp_path):
    run("assign", model, "-", "-o", "piped.parquet", stdin=document_file.read_bytes())
    call("assign", model, document_file, "-o", "table.parquet")
    assert pq.read_table(tmp_path / "piped.parquet") == pq.read_table(tmp_path / "table.parquet")


def test_remarks_and_empty_inputs(call, model, write_jsonl, documents, small_batches):
    rows = [*documents[:9], {**documents[0], "text": None}]
    said = call("assign", model, write_jsonl(rows, "some.jsonl"), "--id-field", "id").stderr
    assert "1 document has no text" in said
    assert "1 document carries an id" in said
    assert "no documents in" in call("assign", model, write_jsonl([], "none.jsonl"), fails=1).stderr


def test_json_holds_all_batches(call, model, document_file, small_batches):
    answer = json.loads(call("assign", model, document_file, "--json", "--id-field", "id").stdout)
    assert answer["n_documents"] == 60
    assert [row["id"] for row in answer["assignments"]] == [f"d{i}" for i in range(60)]


def test_a_classifier_is_told_from_a_cluster_model(call, document_file):
    call("classify", "train", document_file, "--label-field", "topic", "-o", "classifier", "--quiet")
    said = call("assign", "classifier", document_file, fails=1).stderr
    assert "it is a classifier, which coterie classify predict reads" in said


def test_documents_without_a_known_term_are_counted(call, model, write_jsonl, documents, small_batches):
    path = write_jsonl([*documents[:9], {"text": "zebra yak"}, {"text": None}], "some.jsonl")
    assert "2 documents have no term that the model knows" in call("assign", model, path).stderr
    assert json.loads(call("assign", model, path, "--json", "--quiet").stdout)["n_empty"] == 2
    assert "no term" not in call("assign", model, write_jsonl(documents, "known.jsonl")).stderr


@pytest.mark.slow
def test_memory_does_not_grow_with_the_input(run, model, environment, tmp_path):
    """Ten times the documents take hardly more memory, where reading all of them would take 100 MB more."""
    line = json.dumps({"text": "apple train cello " * 60}) + "\n"
    peaks = []
    for n in (12_000, 120_000):
        path = tmp_path / f"{n}.jsonl"
        path.write_text(line * n)
        program = (
            "import re, sys; from coterie.cli import main\n"
            "sys.argv = ['coterie', *sys.argv[1:]]\n"
            "try: main()\n"
            "finally:\n"
            "    status = open('/proc/self/status').read()\n"
            "    print(re.search('VmHWM:[^0-9]*([0-9]+)', status)[1], file=sys.stderr)\n"
        )
        arguments = ["assign", model, path, "-o", tmp_path / f"{n}.parquet", "--quiet"]
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=True,
        )
        peaks.append(int(done.stderr.split()[-1]))
    assert peaks[1] - peaks[0] < 60_000  # kilobytes
