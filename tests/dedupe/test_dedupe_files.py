"""Files without their near-duplicates: what is kept, who stands for whom, and inputs of every kind."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from coterie.similarity import near_duplicates
from reference.jaccard_top_k import jaccard
from reference.near_duplicates import duplicate_labels

pytest.importorskip("pyarrow", reason='the extra "cli" is not installed')
import pyarrow.parquet as pq

from coterie.dedupe import dedupe_files

TITLES = [
    {"id": "a", "text": "The bank raises its rates", "year": 1},
    {"id": "b", "text": "!!!", "year": 2},
    {"id": "c", "text": "The bank raises its rates again", "year": 3},
    {"id": "d", "text": "!!!", "year": "4"},
    {"id": "e", "text": None},
    {"id": "f", "text": "its rates: the BANK raises"},
    {"id": "g", "text": "Plan A"},
    {"id": "h", "text": "Plan B"},
]


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def test_one_of_each_group_is_kept_with_its_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "titles.jsonl", TITLES)
    found = dedupe_files(file, tmp_path / "out", id_field="id")
    assert (found.n_documents, found.n_kept, found.n_dropped, found.n_groups) == (8, 5, 3, 2)
    assert (found.n_copies, found.largest_group, found.n_null_texts) == (2, 3, 1)
    kept = pq.read_table(tmp_path / "out" / "kept.parquet").to_pylist()
    assert kept == [
        {"id": "a", "text": "The bank raises its rates", "year": "1"},
        {"id": "b", "text": "!!!", "year": "2"},
        {"id": "e", "text": "", "year": None},
        {"id": "g", "text": "Plan A", "year": None},
        {"id": "h", "text": "Plan B", "year": None},
    ]
    groups = pq.read_table(tmp_path / "out" / "groups.parquet").to_pydict()
    assert groups["id"] == ["a", "c", "f", "b", "d"]
    assert groups["group"] == [0, 0, 0, 1, 1]
    assert groups["keep"] == [True, False, False, True, False]
    np.testing.assert_array_equal(np.float32(groups["similarity"]), np.float32([1, 5 / 6, 1, 1, 1]))
    assert groups["text"][2] == "its rates: the BANK raises"
    assert found.groups[0] == (
        3,
        [tuple(row) for row in zip(*(groups[n][:3] for n in ("id", "text", "similarity")), strict=True)],
    )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["n_dropped"] == 3
    assert summary["parameters"]["threshold"] == 0.8


@pytest.mark.parametrize("metric", ["jaccard", "cosine"])
@pytest.mark.parametrize("method", ["exact", "minhash"])
def test_batches_and_files_are_one_corpus(metric: str, method: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    rows = [{"text": " ".join(rng.choice(words, 6))} for _ in range(300)]
    options: dict[str, Any] = {"threshold": 0.6, "metric": metric, "method": method}
    whole = dedupe_files(write(tmp_path / "all.jsonl", rows), tmp_path / "whole", **options)
    parts = [write(tmp_path / f"{i}.jsonl.gz", rows[i : i + 70]) for i in range(0, 300, 70)]
    for n_threads in (1, 3):
        found = dedupe_files(parts, tmp_path / "parts", **options, overwrite=True, n_threads=n_threads)
        for name in ("kept.parquet", "groups.parquet"):
            assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert (found.n_kept, found.recall) == (whole.n_kept, whole.recall)
    assert 0 < whole.n_dropped < 290


def test_groups_are_those_of_all_pairs(load_rows: Callable[..., Any], tmp_path: Path) -> None:
    texts = [row["text"] for row in load_rows("weibo_hot_titles", limit=500)]
    texts += [text[:-1] for text in texts[:60]]
    file = write(tmp_path / "titles.jsonl", [{"text": text} for text in texts])
    found = dedupe_files(file, tmp_path / "out", analyzer="char", ngram_range=(2, 2), threshold=0.7)
    counts = CountVectorizer(analyzer="char", ngram_range=(2, 2), binary=True).fit_transform(texts).toarray()
    wanted = duplicate_labels(jaccard(counts, counts), counts.any(axis=1), 0.7)
    groups = pq.read_table(tmp_path / "out" / "groups.parquet").to_pydict()
    order = np.argsort(wanted, kind="stable")
    order = order[wanted[order] >= 0]
    assert groups["id"] == order.tolist()
    assert groups["group"] == wanted[order].tolist()
    assert found.n_dropped == len(order) - found.n_groups > 40


def test_only_documents_without_terms(tmp_path: Path) -> None:
    file = write(tmp_path / "odd.jsonl", [{"text": t} for t in ("?", "", "?", "", "!")])
    found = dedupe_files(file, tmp_path / "out")
    assert (found.n_documents, found.n_kept, found.n_features) == (5, 3, 1)
    assert pq.read_table(tmp_path / "out" / "groups.parquet")["group"].to_pylist() == [0, 0, 1, 1]


def test_white_space_around_documents_without_terms_is_ignored(tmp_path: Path) -> None:
    texts = ("", "?", " ", "? !", "\t\n", " ?\u3000", "?!")
    dedupe_files(write(tmp_path / "blank.jsonl", [{"text": t} for t in texts]), tmp_path / "out")
    groups = pq.read_table(tmp_path / "out" / "groups.parquet").to_pydict()
    assert (groups["id"], groups["group"]) == ([0, 2, 4, 1, 5], [0, 0, 0, 1, 1])
    assert pq.read_table(tmp_path / "out" / "kept.parquet")["text"].to_pylist() == ["", "?", "? !", "?!"]


def test_nothing_alike_leaves_an_empty_table(tmp_path: Path) -> None:
    found = dedupe_files(write(tmp_path / "a.jsonl", [{"text": "x"}, {"text": "y"}]), tmp_path / "out")
    assert (found.n_dropped, found.largest_group, found.groups) == (0, 0, [])
    table = pq.read_table(tmp_path / "out" / "groups.parquet")
    assert table.num_rows == 0
    assert table.column_names == ["id", "group", "keep", "similarity", "text"]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("a b\nc d\nb a\n"))
    writer.start()
    found = dedupe_files(pipe)
    writer.join()
    assert (found.n_documents, found.n_kept) == (3, 2)


@pytest.mark.parametrize(("change", "rows"), [("grew", TITLES + TITLES[:1]), ("shrank", TITLES[:4])])
def test_a_file_that_changes_is_refused(change: str, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    file = write(tmp_path / "titles.jsonl", TITLES)

    def progress(stage: str, n_documents: int) -> None:
        if stage == "search":
            write(file, rows)

    with pytest.raises(ValueError, match=f"{change} while it was read"):
        dedupe_files(file, tmp_path / "out", progress=progress)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 0}, "threshold must be > 0; got 0"),
        ({"threshold": 1.5}, "threshold must be .*; got 1.5"),
        ({"metric": "dice"}, "metric must be one of .*; got 'dice'"),
        ({"method": "lsh"}, "method must be one of .*; got 'lsh'"),
        ({"analyzer": "words"}, "analyzer must be one of .*; got 'words'"),
        ({"n_hashes": 0}, "n_hashes"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = write(tmp_path / "titles.jsonl", TITLES)
    with pytest.raises(ValueError, match=said):
        dedupe_files(file, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match="no documents in"):
        dedupe_files(tmp_path / "empty.jsonl")


def test_the_groups_are_those_of_near_duplicates(tmp_path: Path) -> None:
    texts = [f"w{i % 7} w{i % 5} w{i % 3} x" for i in range(40)]
    file = write(tmp_path / "t.jsonl", [{"text": text} for text in texts])
    counts = sp.csr_array(CountVectorizer(token_pattern=r"(?u)\b\w+\b").fit_transform(texts))
    wanted = near_duplicates(counts, 0.9, metric="jaccard")
    found = dedupe_files(file, threshold=0.9)
    assert found.n_kept == wanted.keep.sum()
    assert found.n_groups == len(wanted)
