"""``coterie similar`` and ``coterie evaluate`` on small files."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import normalized_mutual_info_score


def expected_neighbours(texts, query, k):
    vectorizer = TfidfVectorizer().fit(texts)
    similarities = (vectorizer.transform(texts) @ vectorizer.transform([query]).T).toarray().ravel()
    order = np.argsort(-similarities, kind="stable")
    return similarities, order[:k]


@pytest.fixture
def varied(write_jsonl):
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    rows = [{"id": f"d{row}", "text": " ".join(rng.choice(words, 12))} for row in range(80)]
    return write_jsonl(rows), rows


def test_neighbours_of_one_document(call, varied):
    path, rows = varied
    texts = [row["text"] for row in rows]
    answer = json.loads(call("similar", path, "--id-field", "id", "--id", "d7", "-k", 5, "--json").stdout)
    similarities, order = expected_neighbours(texts, texts[7], 6)
    (found,) = answer["results"]
    assert found["id"] == "d7"
    assert [entry["id"] for entry in found["neighbours"]] == [rows[row]["id"] for row in order if row != 7]
    np.testing.assert_allclose(
        [entry["similarity"] for entry in found["neighbours"]],
        [similarities[row] for row in order if row != 7],
        rtol=1e-5,
    )


def test_neighbours_of_a_text(call, varied):
    path, rows = varied
    query = rows[3]["text"] + " unknownword"
    answer = json.loads(call("similar", path, "--text", query, "-k", 3, "--json").stdout)
    (found,) = answer["results"]
    assert found["text"] == query
    assert found["neighbours"][0] == {"id": 3, "similarity": pytest.approx(1, abs=1e-6)}
    assert len(found["neighbours"]) == 3


def test_neighbours_of_all_as_parquet(call, varied, tmp_path):
    path, _ = varied
    call("similar", path, "--id-field", "id", "-k", 4, "-o", "pairs.parquet")
    table = pq.read_table(tmp_path / "pairs.parquet")
    assert table.column_names == ["id", "rank", "neighbour", "similarity"]
    assert len(table) == 80 * 4
    assert table["rank"].to_pylist() == [1, 2, 3, 4] * 80
    assert not any(
        a == b for a, b in zip(table["id"].to_pylist(), table["neighbour"].to_pylist(), strict=True)
    )
    one = json.loads(call("similar", path, "--id-field", "id", "--id", "d7", "-k", 4, "--json").stdout)[
        "results"
    ][0]
    rows = table.filter(pa.compute.equal(table["id"], "d7"))
    assert rows["neighbour"].to_pylist() == [entry["id"] for entry in one["neighbours"]]
    assert "exists" in call("similar", path, "-o", "pairs.parquet", fails=1).stderr


def test_copies_are_neighbours_of_each_other(call, write_jsonl):
    path = write_jsonl([{"text": "same words here"}] * 5 + [{"text": "other things there"}] * 3)
    answer = json.loads(call("similar", path, "--id", 2, "-k", 3, "--json", "--threshold", 0.5).stdout)
    assert [entry["id"] for entry in answer["results"][0]["neighbours"]] == [0, 1, 3]
    answer = json.loads(call("similar", path, "-k", 7, "--json", "--threshold", 0.5).stdout)
    assert [len(entry["neighbours"]) for entry in answer["results"]] == [4] * 5 + [2] * 3


def test_near_duplicates(call, write_jsonl, tmp_path):
    base = "a long enough sentence about interest rates and the central bank of the country"
    rows = [{"text": base}, {"text": "nothing alike at all"}, {"text": base + " today"}, {"text": base}]
    path = write_jsonl(rows)
    answer = json.loads(call("similar", path, "--near-duplicates", "--threshold", 0.8, "--json").stdout)
    assert answer["groups"] == [[0, 2, 3]]
    call("similar", path, "--near-duplicates", "--threshold", 0.8, "-o", "groups.parquet")
    table = pq.read_table(tmp_path / "groups.parquet")
    columns = table.to_pydict()
    assert columns.pop("similarity") == pytest.approx([1, 0.927, 1], abs=1e-3)
    assert columns == {"id": [0, 2, 3], "group": [0, 0, 0], "keep": [True, False, False]}
    shown = call("similar", path, "--near-duplicates", "--threshold", 0.8).stdout
    assert "1 group of near-duplicates (cosine >= 0.8); keeping one of each drops 2 of 4 documents" in shown


def test_jaccard_counts_common_terms(call, write_jsonl):
    path = write_jsonl([{"text": "aa bb cc dd"}, {"text": "aa bb cc ee"}, {"text": "ff gg"}])
    answer = json.loads(call("similar", path, "--id", 0, "-k", 1, "--metric", "jaccard", "--json").stdout)
    assert answer["results"][0]["neighbours"] == [{"id": 1, "similarity": pytest.approx(3 / 5)}]


def test_similar_prints_texts_and_refuses_unknown_ids(call, varied):
    path, rows = varied
    shown = call("similar", path, "--id", 0, "-k", 2).stdout
    assert rows[0]["text"][:40] in shown
    assert len(shown.splitlines()) == 3
    assert "60 more documents" in call("similar", path, "-k", 1).stdout
    assert "no document has the id 'zz'" in call("similar", path, "--id", "zz", fails=1).stderr


def test_evaluate_reads_any_table(call, tmp_path):
    labels, clusters = list("aabbccdd"), [0, 0, 1, 1, 2, 2, 2, 0]
    expected = normalized_mutual_info_score(labels, clusters)
    rows = [{"topic": label, "found": cluster} for label, cluster in zip(labels, clusters, strict=True)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.csv").write_text(
        "topic,found\n" + "".join(f"{row['topic']},{row['found']}\n" for row in rows)
    )
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        arguments = ("evaluate", name, "--label-field", "topic", "--cluster-field", "found")
        answer = json.loads(call(*arguments, "--json").stdout)
        assert answer["metrics"]["nmi"] == pytest.approx(expected)
        assert answer["n_documents"] == 8
        assert f"{expected:.3f}" in call(*arguments).stdout


def test_evaluate_leaves_out_rows_without_label(call, tmp_path):
    rows = [{"label": "a", "cluster": 0}, {"label": None, "cluster": 1}, {"label": "b", "cluster": 1}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    done = call("evaluate", "a.parquet", "--json")
    assert json.loads(done.stdout)["n_left_out"] == 1
    assert "1 of 3 rows lacks a label or a cluster and is left out" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.parquet"], "coterie: No such file or directory: nowhere.parquet\n"),
        (["nowhere.csv"], "coterie: No such file or directory: nowhere.csv\n"),
        (["out"], "out is a folder; a table is wanted, such as out/assignments.parquet"),
        (["a.csv", "--label-field", "class"], "has no column 'class'; it has 'label', 'cluster'"),
        (["empty.csv"], "no row has both"),
        (["a.txt"], "a.txt"),
        (["bad.jsonl"], "bad.jsonl cannot be read: JSON parse error"),
        (["bad.csv"], "bad.csv cannot be read: CSV parse error"),
    ],
)
def test_evaluate_refusals(call, tmp_path, arguments, said):
    (tmp_path / "out").mkdir()
    (tmp_path / "a.csv").write_text("label,cluster\na,0\n")
    (tmp_path / "a.txt").write_text("not a table\n")
    (tmp_path / "bad.jsonl").write_text("not a table\n")
    (tmp_path / "bad.csv").write_text("label,cluster\na,0,1\n")
    (tmp_path / "empty.csv").write_text("label,cluster\n,\n")
    assert said in call("evaluate", *arguments, fails=1).stderr
