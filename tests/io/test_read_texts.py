"""What read_texts gives for well-formed files of every format."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from coterie.io import read_corpus, read_texts

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
ipc = pytest.importorskip("pyarrow.ipc")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = [
    {"text": "Rates rise", "label": "money", "key": 7, "year": 2024},
    {"text": "", "label": "none", "key": 8, "year": 2025},
    {"text": "面条很好吃 \x00 end", "label": "food", "key": 9, "year": 2026},
]
TABLE = pa.Table.from_pylist(ROWS)


def as_json_lines(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def as_arrow_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def as_feather(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table, sink)
    return sink.getvalue()


def as_csv(delimiter: str, ending: str) -> bytes:
    lines = [delimiter.join(ROWS[0])] + [delimiter.join(map(str, row.values())) for row in ROWS]
    return (ending.join(lines) + ending).encode()


TYPED = {
    "a.jsonl": as_json_lines(ROWS),
    "a.json": as_json_lines(ROWS).replace(b"\n", b"\r\n"),
    "a.parquet": as_parquet(TABLE),
    "a.arrow": as_arrow_stream(TABLE),
    "a.feather": as_feather(TABLE),
}
UNTYPED = {"a.csv": as_csv(",", "\r\n"), "a.tsv": as_csv("\t", "\n")}
EVERY_FORMAT = TYPED | UNTYPED


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_every_format_gives_the_same_documents(tmp_path: Path, name: str, batch_size: int) -> None:
    path = tmp_path / name
    path.write_bytes(EVERY_FORMAT[name])
    corpus = read_corpus(path, id_field="key", label_field="label", batch_size=batch_size)
    assert corpus.texts.type == pa.large_string()
    assert corpus.texts.to_pylist() == [row["text"] for row in ROWS]
    assert corpus.labels.to_pylist() == ["money", "none", "food"]
    typed = name in TYPED
    assert corpus.ids.to_pylist() == ([7, 8, 9] if typed else ["7", "8", "9"])
    years = [2024, 2025, 2026]
    assert corpus.columns.to_pydict() == {"year": years if typed else [str(year) for year in years]}
    assert (corpus.n_null_texts, corpus.n_duplicate_ids) == (0, 0)
    sizes = [len(batch) for batch in read_texts(path, batch_size=batch_size)]
    assert max(sizes) <= batch_size
    assert sum(sizes) == 3


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_compression_is_known_by_content(tmp_path: Path, name: str, packing: str) -> None:
    plain = tmp_path / name
    plain.write_bytes(EVERY_FORMAT[name])
    data = EVERY_FORMAT[name]
    half = len(data) // 2
    pack = gzip.compress if packing == "gzip" else lambda part: pa.compress(part, "zstd", asbytes=True)
    for suffix in ("", ".gz", ".zst"):  # the name may lie
        packed = tmp_path / "packed" / (name + suffix)
        packed.parent.mkdir(exist_ok=True)
        packed.write_bytes(pack(data[:half]) + pack(data[half:]))  # two members, as pigz and cat make them
        assert read_corpus(packed).texts.equals(read_corpus(plain).texts)
        assert read_corpus(packed).columns.equals(read_corpus(plain).columns)
