"""``coterie topics`` as a user has it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from coterie.cli.times import read_times
from coterie.cli.topic_options import parse_n_topics
from coterie.persistence import load

_LONG = [[f"{stem}{'long' * 4}{i}" for i in range(12)] for stem in ("apple", "train")]


def test_writes_what_it_promises(call, document_file, documents, tmp_path):
    call("topics", document_file, "-k", 3, "--id-field", "id", "--timestamp-field", "year", "-o", "out", "-q")
    out = tmp_path / "out"
    names = {"documents.parquet", "topics.jsonl", "metrics.json", "vocabulary.txt", "model", "report.html"}
    assert names <= {path.name for path in out.iterdir()}
    table = pq.read_table(out / "documents.parquet")
    assert table.column_names == ["id", "topic", "share", "is_empty", "mixture", "input_topic", "year"]
    assert table["id"].to_pylist() == [row["id"] for row in documents]
    mixtures = np.array(table["mixture"].to_pylist(), dtype=np.float32)
    assert mixtures.argmax(axis=1).tolist() == table["topic"].to_pylist()
    assert not any(table["is_empty"].to_pylist())
    model = load(out / "model")
    assert model.transform([row["text"] for row in documents]).tobytes() == mixtures.tobytes()
    topics = [json.loads(line) for line in (out / "topics.jsonl").read_text().splitlines()]
    assert [topic["topic"] for topic in topics] == [0, 1, 2]
    assert {topic["n_documents"] for topic in topics} == {20}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["n_topics"] == 3
    assert sum(metrics["over_time"]["n_documents"]) == 60
    assert "coterie" in (out / "report.html").read_text()
    assert "apple\t" in (out / "vocabulary.txt").read_text()


def test_long_terms_leave_the_numbers_their_room(call, write_jsonl):
    file = write_jsonl([{"text": " ".join(words)} for words in _LONG * 10])
    printed = call("topics", file, "-k", 2).stdout
    rows = [line.split() for line in printed.splitlines()[1:3]]
    assert {row[0] for row in rows} == {"0", "1"}
    assert [row[1:3] for row in rows] == [["50.0", "%"]] * 2


def test_limits_that_were_widened_are_told(call, write_jsonl):
    texts = ["red apple pie", "sweet red apple", "slow late train", "late train again"]
    file = write_jsonl([{"text": text} for text in texts])
    said = call("topics", file, "-k", 2, "--min-df", 4, "--json").stderr
    assert said.startswith("coterie: note: --min-df is 1 instead of 4")


def test_prints_topics_and_json(call, document_file):
    printed = call("topics", document_file, "-k", 3).stdout
    assert "train" in printed
    assert "60 documents, 15 terms, 3 topics" in printed
    record = json.loads(call("topics", document_file, "-k", "2:4", "--max-iter", 20, "--json").stdout)
    assert [trial["n_topics"] for trial in record["search"]["trials"]] == [2, 3, 4]
    assert record["n_topics"] == record["search"]["n_topics"] == len(record["topics"])
    assert record["over_time"] is None


def test_an_edited_vocabulary_is_used(call, document_file, tmp_path):
    (tmp_path / "terms.txt").write_text("apple\ntrain\nviolin\n")
    record = json.loads(call("topics", document_file, "-k", 3, "--vocabulary", "terms.txt", "--json").stdout)
    terms = {term["term"] for topic in record["topics"] for term in topic["terms"]}
    assert terms == {"apple", "train", "violin"}


def test_documents_without_terms_are_marked(call, write_jsonl, documents, tmp_path):
    file = write_jsonl([{"text": "!!"}, *documents[:30], {"text": None}])
    answer = call("topics", file, "-k", 2, "--output", "out", "--no-report")
    assert "2 documents without terms" in answer.stdout
    assert "1 document has no text" in answer.stderr
    marked = pq.read_table(tmp_path / "out/documents.parquet")["is_empty"].to_pylist()
    assert [row for row, empty in enumerate(marked) if empty] == [0, 31]
    assert not (tmp_path / "out/report.html").exists()


def test_a_field_that_is_no_time_is_an_error(call, write_jsonl):
    rows = [{"text": "red apple", "when": "2024-05-31"}, {"text": "slow train", "when": "soon"}]
    file = write_jsonl(rows)
    answer = call("topics", file, "--timestamp-field", "when", "--output", "out", fails=1)
    assert "timestamp field 'when' is not a time in row 1: 'soon'" in answer.stderr
    answer = call("topics", file, "--timestamp-field", "date", fails=1)
    assert "timestamp field 'date' does not exist; the other columns are: when" in answer.stderr


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([0, 86400, None], [0, 86400, np.nan]),
        ([1.5], [1.5]),
        (["2024-01-01", "2024-01-01T01:00:00+01:00", ""], [1704067200, 1704067200, np.nan]),
        (["20240101", "1704067200", "-1.5"], [1704067200, 1704067200, -1.5]),
    ],
)
def test_times_are_read(values, seconds):
    import pyarrow as pa

    np.testing.assert_array_equal(read_times(pa.table({"t": values}), "t"), seconds)


def test_arrow_times_are_read():
    import datetime

    import pyarrow as pa

    moment = datetime.datetime(2024, 1, 1, 1, tzinfo=datetime.UTC)
    table = pa.table({"t": pa.array([moment]), "d": pa.array([moment.date()]), "b": [True], "n": pa.nulls(1)})
    assert read_times(table, "t").tolist() == [1704070800]
    assert read_times(table, "d").tolist() == [1704067200]
    with pytest.raises(ValueError, match="not a time in row 0: 'True'"):
        read_times(table, "b")
    with pytest.raises(ValueError, match="has no time in any row"):
        read_times(table, "n")
    with pytest.raises(ValueError, match="not a time in row 0: '1e\\+300'"):
        read_times(pa.table({"t": [1e300]}), "t")


def test_numbers_of_topics_are_read():
    from typer import BadParameter

    assert parse_n_topics("20") == 20
    assert parse_n_topics("auto") == "auto"
    assert parse_n_topics("10:200") == [10, 18, 33, 60, 110, 200]
    assert parse_n_topics("2:3") == [2, 3]
    for wrong in ("0", "-1", "5:", "9:3", "1:2:3", "many", "2.5", "99999"):
        with pytest.raises(BadParameter):
            parse_n_topics(wrong)


def test_a_report_needs_a_folder(call, document_file):
    assert "give --output too" in call("topics", document_file, "--report", fails=2).stderr
