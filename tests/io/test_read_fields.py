"""Which columns read_texts takes for text, id and label, and what it does with values of other kinds."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from coterie.io import read_corpus, read_texts

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def json_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_default_text_field(tmp_path: Path) -> None:
    both = json_lines(tmp_path / "a.jsonl", [{"title": "no", "text": "yes"}])
    assert read_corpus(both).texts.to_pylist() == ["yes"]
    only = json_lines(tmp_path / "b.jsonl", [{"n": 1, "title": "yes", "tags": ["a"]}, {"title": None}])
    assert read_corpus(only).texts.to_pylist() == ["yes", ""]
    with pytest.raises(
        ValueError, match=r"text_field must be given: .*2 fields of text; its fields are 'a', 'b'"
    ):
        read_corpus(json_lines(tmp_path / "c.jsonl", [{"a": "x", "b": "y"}]))
    with pytest.raises(ValueError, match=r"no fields of text; its fields are 'n'"):
        read_corpus(json_lines(tmp_path / "d.jsonl", [{"n": 1}]))
    with pytest.raises(ValueError, match=r"it has no fields"):
        read_corpus(json_lines(tmp_path / "e.jsonl", [{}]))


@pytest.mark.parametrize("parameter", ["text_field", "id_field", "label_field"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "txt"])
def test_wrong_field_lists_the_fields(tmp_path: Path, parameter: str, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        json_lines(path, [{"text": "a", "title": "b"}])
    elif kind == "csv":
        path.write_text("text,title\na,b\n")
    elif kind == "parquet":
        parquet(path, text=["a"], title=["b"])
    else:
        path.write_text("a\n")
    fields = "'text'" if kind == "txt" else "'text', 'title'"
    hint = "" if kind == "txt" else r" \(did you mean 'title'\?\)"
    with pytest.raises(
        ValueError, match=f"{parameter}='titel' is not a field of .*{kind}{hint}; its fields are {fields}"
    ):
        read_corpus(path, **{parameter: "titel"})
    with pytest.raises(TypeError, match=f"{parameter} must be a str; got 3"):
        read_texts(path, **{parameter: 3})  # type: ignore[arg-type]


def test_a_field_that_a_later_file_lacks_is_an_error(tmp_path: Path) -> None:
    first = json_lines(tmp_path / "a.jsonl", [{"title": "x"}])
    second = json_lines(tmp_path / "b.jsonl", [{"body": "y"}])
    with pytest.raises(ValueError, match=r"text_field='title' is not a field of .*b\.jsonl"):
        read_corpus([first, second])
    empty = json_lines(tmp_path / "c.jsonl", [])
    assert len(read_corpus([first, empty, first])) == 2


def test_missing_texts_are_empty_documents_and_counted(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": None}, {"other": 1}, {"text": "b", "other": 2}]
    path = json_lines(tmp_path / "a.jsonl", rows)
    for batch_size in (1, 2, 10):
        corpus = read_corpus(path, batch_size=batch_size)
        assert corpus.texts.to_pylist() == ["a", "", "", "b"]
        assert corpus.n_null_texts == 2
        assert corpus.columns.to_pydict() == {"other": [None, None, 1, 2]}
    nulls = parquet(tmp_path / "a.parquet", text=pa.array(["a", None, "b"]), all=pa.nulls(3))
    assert read_corpus(nulls).texts.to_pylist() == ["a", "", "b"]
    assert read_corpus(nulls, text_field="all").texts.to_pylist() == ["", "", ""]
    assert read_corpus(nulls, text_field="all").n_null_texts == 3


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (42, "number"),
        (1e400, "number"),
        (["a"], "JSON list"),
        ({"a": 1}, "JSON object"),
        (True, "JSON boolean"),
    ],
)
def test_text_of_another_kind_names_the_line(tmp_path: Path, value: Any, kind: str) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"text": "a", "title": "t"}, {"text": value, "title": "t"}])
    with pytest.raises(
        ValueError, match=rf"text_field='text' must hold text; .*a\.jsonl:2: a {kind}; text is in \['title'\]"
    ):
        read_corpus(path)


@pytest.mark.parametrize(
    "values",
    [pa.array([1, 2]), pa.array([1.5, None]), pa.array([["a"], ["b"]]), pa.array([{"a": "b"}, None])],
)
def test_parquet_text_of_another_type(tmp_path: Path, values: Any) -> None:
    path = parquet(tmp_path / "a.parquet", text=values, n=pa.array([1, 2]))
    with pytest.raises(
        ValueError, match=r"text_field='text' must hold text; .*a\.parquet: .*text is in no field"
    ):
        read_corpus(path)


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
        *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_every_arrow_text_type(tmp_path: Path, kind: Any, suffix: str) -> None:
    values = pa.array(["ä", None, "", "ä", "b" * 300]).cast(
        kind if not pa.types.is_dictionary(kind) else pa.string()
    )
    table = pa.table(
        {"text": values.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else values}
    )
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    for batch_size in (2, 100):
        corpus = read_corpus(path, batch_size=batch_size, label_field=None)
        assert corpus.texts.type == pa.large_string()
        assert corpus.texts.to_pylist() == ["ä", "", "", "ä", "b" * 300]
        assert corpus.n_null_texts == 1


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", None])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()])
def test_every_parquet_encoding(tmp_path: Path, encoding: str | None, kind: Any) -> None:
    texts = [f"text {i // 2}" if i % 5 else None for i in range(1000)]
    table = pa.table({"text": pa.array(texts).cast(kind), "kept": pa.array(texts).cast(kind)})
    options = (
        {"use_dictionary": True}
        if encoding is None
        else {"use_dictionary": False, "column_encoding": encoding}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=300, data_page_size=64, **options)
    for batch_size in (1, 150, 8192):
        corpus = read_corpus(tmp_path / "a.parquet", batch_size=batch_size)
        assert corpus.texts.to_pylist() == [text or "" for text in texts]
        assert corpus.columns.column("kept").to_pylist() == table.column("kept").to_pylist()


def test_parquet_with_several_encodings(tmp_path: Path) -> None:
    """A column whose later row groups cannot be read as dictionaries: nothing is read twice or left out."""
    texts = [[f"{part} {i % 7}" for i in range(100)] for part in ("dictionary", "prefix")]
    for name, part in zip(("a", "b"), texts, strict=True):
        options = {"use_dictionary": True} if name == "a" else {"use_dictionary": False}
        encoding = {} if name == "a" else {"column_encoding": "DELTA_BYTE_ARRAY"}
        pq.write_table(pa.table({"text": part}), tmp_path / f"{name}.parquet", **options, **encoding)
    corpus = read_corpus([tmp_path / "a.parquet", tmp_path / "b.parquet"], batch_size=30)
    assert corpus.texts.to_pylist() == [*texts[0], *texts[1]]


def test_labels_are_text_and_missing_ones_null(tmp_path: Path) -> None:
    values = ["a", 1, 1.5, True, None, "", float("nan"), 10**30]
    path = json_lines(tmp_path / "a.jsonl", [{"text": "x", "label": value} for value in values])
    wanted = ["a", "1", "1.5", "true", None, None, None, str(10**30)]
    assert read_corpus(path, label_field="label").labels.to_pylist() == wanted
    floats = parquet(tmp_path / "a.parquet", text=["x"] * 3, label=[1.0, float("nan"), None])
    assert read_corpus(floats, label_field="label").labels.to_pylist() == ["1.0", None, None]
    encoded = parquet(tmp_path / "b.parquet", text=["x"] * 2, label=pa.array(["u", "v"]).dictionary_encode())
    assert read_corpus(encoded, label_field="label").labels.to_pylist() == ["u", "v"]
    lists = json_lines(tmp_path / "b.jsonl", [{"text": "x", "label": ["a", "b"]}])
    with pytest.raises(
        ValueError, match=r"label_field='label' must hold one label per document; .*is a list"
    ):
        read_corpus(lists, label_field="label")


def test_ids_are_row_numbers_or_a_column_and_repeats_are_counted(tmp_path: Path) -> None:
    first = json_lines(tmp_path / "a.jsonl", [{"text": "x", "key": 1}, {"text": "y", "key": 2}])
    second = json_lines(tmp_path / "b.jsonl", [{"text": "z", "key": "2"}, {"text": "z", "key": 2.5}])
    corpus = read_corpus([first, second, first], batch_size=1)
    assert corpus.ids.to_pylist() == [0, 1, 2, 3, 4, 5]
    assert corpus.ids.type == pa.int64()
    mixed = read_corpus([first, second, first], id_field="key")
    assert mixed.ids.to_pylist() == ["1", "2", "2", "2.5", "1", "2"], "one type for all of them"
    assert mixed.n_duplicate_ids == 3
    for values in (pa.array(["u", "v", "u"]).dictionary_encode(), pa.nulls(3), pa.array([b"u", None, b"u"])):
        encoded = parquet(tmp_path / "b.parquet", text=["x"] * 3, key=values)
        corpus = read_corpus(encoded, id_field="key", batch_size=2)
        assert corpus.ids.to_pylist() == values.to_pylist()
        assert corpus.n_duplicate_ids == (2 if values.null_count == 3 else 1)
    nested = parquet(tmp_path / "a.parquet", text=["x"], key=pa.array([[1, 2]]))
    with pytest.raises(ValueError, match="id_field='key' must hold single values"):
        read_corpus(nested, id_field="key")


def test_columns_that_differ_between_files_and_batches(tmp_path: Path) -> None:
    paths = [
        json_lines(tmp_path / "a.jsonl", [{"text": "x", "n": 1, "only": "a"}]),
        json_lines(tmp_path / "b.jsonl", [{"text": "y", "n": "two", "deep": {"k": [1, {"m": 2}]}}]),
        json_lines(tmp_path / "c.jsonl", [{"text": "z", "n": 3, "big": 10**30, "tags": ["u", "v"]}]),
        parquet(tmp_path / "d.parquet", text=["w"], n=[2.5]),
    ]
    corpus = read_corpus(paths)
    assert corpus.columns.to_pydict() == {
        "n": ["1", "two", "3", "2.5"],
        "only": ["a", None, None, None],
        "deep": [None, '{"k": [1, {"m": 2}]}', None, None],
        "big": [None, None, str(10**30), None],
        "tags": [None, None, ["u", "v"], None],
    }
    widened = read_corpus([paths[0], paths[3]]).columns.column("n")
    assert widened.to_pylist() == [1.0, 2.5]
    assert widened.type == pa.float64()


def test_bare_json_strings(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", ["one", None, {"text": "three", "n": 3}])
    corpus = read_corpus(path)
    assert corpus.texts.to_pylist() == ["one", "", "three"]
    assert corpus.columns.to_pydict() == {"n": [None, None, 3]}
    with pytest.raises(ValueError, match=r"a\.jsonl:1: a bare JSON string has no field 'n'"):
        read_corpus(path, text_field="n")
    for value in (3, [1], True, 1.5):
        with pytest.raises(ValueError, match=r":2: a JSON object or a JSON string is wanted"):
            read_corpus(json_lines(tmp_path / "b.jsonl", ["a", value]))


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("header", ["text{0}n", '\ufeff"text"{0}"n, and more"', "\r\ntext{0}n"])
def test_csv_of_spreadsheets_may_use_semicolons_or_tabs(tmp_path: Path, header: str, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    rows = [header, "one, with a comma{0}1", '"two{0}three"{0}2', ""]
    path.write_bytes("\r\n".join(row.format(delimiter) for row in rows).encode())
    corpus = read_corpus(path, text_field="text")
    assert corpus.texts.to_pylist() == ["one, with a comma", f"two{delimiter}three"]
    assert corpus.columns.num_columns == 1
    path.write_bytes(f"text,n{delimiter}m\na,b{delimiter}c\n".encode())
    assert read_corpus(path, text_field="text").columns.column_names == [f"n{delimiter}m"]


def test_plain_lines_and_csv_corners(tmp_path: Path) -> None:
    lines = tmp_path / "a.txt"
    lines.write_bytes("\ufeffone\r\n\n{two}\nlast".encode())
    assert read_corpus(lines).texts.to_pylist() == ["one", "", "{two}", "last"]
    table = tmp_path / "a.csv"
    table.write_bytes('\ufefftext,n\r\n"a\r\n""b"", c",1\r\n\r\n,2\r\nlast,3'.encode())
    corpus = read_corpus(table)
    assert corpus.texts.to_pylist() == ['a\r\n"b", c', "", "last"]
    assert corpus.columns.to_pydict() == {"n": ["1", "2", "3"]}
    blank = tmp_path / "b.jsonl"
    blank.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n  \n{"text": "b"}')
    assert read_corpus(blank).texts.to_pylist() == ["a", "b"]


def test_several_formats_in_one_corpus(tmp_path: Path) -> None:
    paths = [json_lines(tmp_path / "a.jsonl", ["one"]), tmp_path / "b.csv", tmp_path / "c.txt"]
    paths[1].write_text("text\ntwo\n")
    paths[2].write_text("three\n")
    assert read_corpus(paths).texts.to_pylist() == ["one", "two", "three"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt", "noname"])
def test_empty_files_have_no_documents(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert list(read_texts(tmp_path / name)) == []
    corpus = read_corpus(tmp_path / name, label_field="label")
    assert (len(corpus), len(corpus.ids), len(corpus.labels), corpus.columns.num_rows) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "format", "wanted"),
    [
        (b'{"text": "a"}\n', "auto", ["a"]),
        (b'"a"\n"b"\n', "auto", ["a", "b"]),
        (b"a,b\nc\n", "auto", ["a,b", "c"]),
        (b"text,n\nc,1\n", "csv", ["c"]),
        (b"text\tn\nc\t1\n", "tsv", ["c"]),
        (b'{"text": "a"}\n', "lines", ['{"text": "a"}']),
        (b"", "auto", []),
    ],
)
def test_standard_input_is_sniffed_or_told(
    monkeypatch: pytest.MonkeyPatch, data: bytes, format: str, wanted: list[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(data))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read_corpus("-", format=format).texts.to_pylist() == wanted
    assert not stdin.buffer.closed


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_named_pipe(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    parquet(source, text=["a", "b"]) if name == "a.parquet" else json_lines(source, ["a", "b"])
    pipe = tmp_path / name
    os.mkfifo(pipe)

    def feed() -> None:
        with open(pipe, "wb", buffering=0) as end:
            for byte in source.read_bytes():
                end.write(bytes([byte]))

    writer = threading.Thread(target=feed)
    writer.start()
    assert read_corpus(pipe).texts.to_pylist() == ["a", "b"]
    writer.join()
