"""Damaged, huge and hostile files: an error that names the file and the line, in bounded memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.io import read_corpus, read_texts

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def refused(path: Path, match: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        read_corpus(path, **options)
    assert len(str(caught.value)) < 2000, "the message must not carry the document"


@pytest.mark.parametrize(
    ("name", "data", "where", "replaced"),
    [
        ("a.txt", b"fine\nbad \xff\xfe!\n", r"a\.txt:2: byte 0xff at offset 4", "bad \ufffd\ufffd!"),
        ("a.jsonl", b'"fine"\n"bad \xe4!"\n', r"a\.jsonl:2: byte 0xe4 at offset 5", "bad \ufffd!"),
        ("a.csv", b'text\n"fi\nne"\nbad \xc3\n', r"a\.csv:4: byte 0xc3 at offset 4", "bad \ufffd"),
        ("b.jsonl", b'"fine"\n"bad \\ud83d!"\n', r"b\.jsonl:2: a \\ud800-\\udfff escape", "bad \ufffd!"),
        (
            "c.jsonl",
            b'"fine"\n"\xed\xa0\x80!"\n',
            r"c\.jsonl:2: byte 0xed at offset 1",
            "\ufffd\ufffd\ufffd!",
        ),
    ],
)
def test_invalid_utf8(tmp_path: Path, name: str, data: bytes, where: str, replaced: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    refused(path, rf'{where}.*encoding_errors="replace"')
    assert read_corpus(path, encoding_errors="replace").texts.to_pylist()[1] == replaced
    with pytest.raises(ValueError, match="encoding_errors must be one of 'strict', 'replace'; got 'ignore'"):
        read_texts(path, encoding_errors="ignore")


@pytest.mark.parametrize("column", ["text", "kept", "key"])
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("encoded", [False, True])
def test_invalid_utf8_in_binary_formats(tmp_path: Path, suffix: str, column: str, encoded: bool) -> None:
    bad = pa.array([b"fine", None, b"bad \xff!"]).view(pa.string())
    good = pa.array(["a", "b", "c"])
    table = pa.table({name: bad if name == column else good for name in ("text", "kept", "key")})
    if encoded and column == "text":
        indices, dictionary = pa.array([0, None, 1], pa.int32()), bad.take([0, 2])
        values = pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)
        table = table.set_column(0, "text", values)
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    refused(path, r"row 2: byte 0xff at offset 4 is not UTF-8", id_field="key", batch_size=2)
    corpus = read_corpus(path, id_field="key", encoding_errors="replace")
    read = {"text": corpus.texts, "kept": corpus.columns.column("kept"), "key": corpus.ids}[column]
    assert read.to_pylist()[2] == "bad \ufffd!"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_named(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / name).write_bytes("\ufefftext\nmore\n".encode(encoding))
    refused(tmp_path / name, "is UTF-16; UTF-8 is read", encoding_errors="replace")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b'{"text": "a"', "not JSON: .*delimiter at column 13"),
        (b"plain", "not JSON: Expecting value at column 1"),
        (b'{"text": "a"} {"text": "b"}', "not JSON: Extra data at column 15"),
        (b'{"text": "a\tb"}', "not JSON: Invalid control character"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "4300"),
        (b"[" * 200_000, "nested more than 200 deep"),
        (b'{"text": "a", "n": ' + b'{"k":' * 200_000, "nested more than 200 deep"),
        (b'{"text": "a", "n": ' + b"[" * 201 + b"]" * 201 + b"}", "nested more than 200 deep"),
        (b'"' + b"[" * 300, "not JSON"),
        (
            b'{"text": "' + b"x" * 2000 + b'"}',
            "longer than max_document_bytes=1000; raise max_document_bytes",
        ),
    ],
)
def test_json_lines_that_are_not(tmp_path: Path, line: bytes, match: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'"fine"\n\n' + line + b'\n"fine"\n')
    limit = 1000 if "1000" in match else 32 << 20
    refused(path, rf"a\.jsonl:3: .*{match}", max_document_bytes=limit)


def test_json_depth_counts_brackets_outside_of_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        "[" * 500 + '"{' * 500,
        {"text": "wide", "n": [[]] * 500, "deep": json.loads("[" * 150 + "]" * 150)},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_corpus(path).texts.to_pylist() == [rows[0], "wide"]


@pytest.mark.parametrize("data", [b'[{"text": "a"}]', b'\xef\xbb\xbf\n [\n{"text": "a"}\n]\n'])
def test_json_array_is_refused_with_a_hint(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    refused(tmp_path / "a.json", r"a\.json holds one JSON array; .*jq")


def test_json_with_endlessly_many_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"text": "a", f"n{i}": i}) + "\n" for i in range(3000)), encoding="utf-8"
    )
    refused(path, r"a\.jsonl:1-3000: 3001 different fields; at most 2000")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b'text,n\na,1\n"b\nc",2,3\n', r"a\.csv:3: 3 values where the header names 2 columns"),
        (b"text,n\na,1\n\nb\n", r"a\.csv:4: 1 values where the header names 2 columns"),
        (b'text,n\na,1\n"never closed,2\nb,3\n', r"a\.csv:3: the record that begins here is not valid CSV"),
        (b'text,n\n"a"b,1\n', r"a\.csv:2: the record that begins here is not valid CSV"),
        (b"text,n\na\rb,1\n", r"a\.csv:2: the record that begins here is not valid CSV"),
        (b"text,text\na,b\n", r"the header names the column 'text' more than once"),
        (
            b'text,n\n"' + b"x\n" * 600,
            r"a\.csv:2: the record is longer than max_document_bytes=1000 .*not closed",
        ),
        (b"text,n\n" + b"x" * 1200, r"a\.csv:2: the line is longer than max_document_bytes=1000"),
    ],
)
def test_csv_that_is_not(tmp_path: Path, data: bytes, match: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    refused(tmp_path / "a.csv", match, max_document_bytes=1000)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_truncated_and_damaged_compression(tmp_path: Path, packing: str, name: str) -> None:
    line = {"a.txt": "text {}\n", "a.jsonl": '{{"text": "text {}"}}\n', "a.csv": '"text {}"\n'}[name]
    random = np.random.default_rng(0).integers(0, 10**9, 20_000)
    data = ("text\n" if name == "a.csv" else "").encode() + "".join(map(line.format, random)).encode()
    packed = gzip.compress(data) if packing == "gzip" else pa.compress(data, "zstd", asbytes=True)
    path = tmp_path / name
    path.write_bytes(packed)
    assert len(read_corpus(path)) == 20_000
    for cut in (len(packed) - 1, len(packed) - 8, len(packed) // 2, 20, 5):
        path.write_bytes(packed[:cut])
        refused(path, rf"{name}: the compressed data is cut off or damaged")
    if packing == "gzip":  # a zstd frame may come without a checksum
        damaged = bytearray(packed)
        damaged[-6] ^= 1
        path.write_bytes(damaged)
        refused(path, rf"{name}: the compressed data is cut off or damaged")
        path.write_bytes(packed + b"trailing")
        refused(path, rf"{name}: the compressed data is cut off or damaged")


@pytest.mark.parametrize(
    ("magic", "packing"), [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"PK\x03\x04", "zip")]
)
def test_other_packings_are_named(tmp_path: Path, magic: bytes, packing: str) -> None:
    (tmp_path / "a.txt").write_bytes(magic + b"....")
    refused(tmp_path / "a.txt", f"is {packing}; gzip and zstd are read")


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_damaged_binary_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    table = pa.table({"text": [f"text {i}" for i in range(5000)]})
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    whole = path.read_bytes()
    for data in (b"", b"PAR1", b"ARROW1", whole[: len(whole) // 2], whole[:-1], b"not this format"):
        path.write_bytes(data)
        refused(path, rf"a\.{suffix}")
    path.write_bytes(gzip.compress(whole))
    refused(path, "Parquet and Arrow files compress their columns themselves")


def test_arrow_offsets_and_indices_beyond_the_data(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    plain, encoded = pa.array(["a", "b"]), pa.array(["u", "v", "u"]).dictionary_encode()
    for column, good, bad in ((plain, [0, 1, 2], [0, 1, 10_000_000]), (encoded, [0, 1, 0], [0, 1, 70])):
        table = pa.table({"text": column})
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        assert len(read_corpus(path)) == len(column)
        data, pattern = path.read_bytes(), np.array(good, np.int32).tobytes()
        at = data.rindex(pattern)
        path.write_bytes(data[:at] + np.array(bad, np.int32).tobytes() + data[at + len(pattern) :])
        refused(path, r"a\.arrow")
        refused(path, r"a\.arrow", encoding_errors="replace")


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_long_document_in_binary_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    table = pa.table({"text": ["short", "x" * 2000]})
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    refused(
        path, "row 1: the text has 2000 bytes, more than max_document_bytes=1999", max_document_bytes=1999
    )
    assert len(read_corpus(path, max_document_bytes=2000)) == 2


def test_repeated_parquet_columns(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "more than one column 'text'")


def test_paths_are_checked_on_the_call(tmp_path: Path) -> None:
    fine = tmp_path / "a.txt"
    fine.write_text("a\n")
    with pytest.raises(FileNotFoundError, match="missing"):
        read_texts([fine, tmp_path / "missing.txt"])
    with pytest.raises(IsADirectoryError, match=r"is a directory: name the files in it"):
        read_texts([fine, tmp_path])
    with pytest.raises(ValueError, match="at least one file"):
        read_texts([])
    with pytest.raises(ValueError, match="only once"):
        read_texts(["-", "-"])
    with pytest.raises(TypeError, match="paths must be file names; got 3"):
        read_texts([3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"format must be one of .*; got 'xml'"):
        read_texts(fine, format="xml")
    with pytest.raises(ValueError, match="batch_size must be >= 1; got 0"):
        read_texts(fine, batch_size=0)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("a\n")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ModuleNotFoundError, match=r'pyarrow is not installed; .*pip install "coterie\[cli\]"'
    ):
        read_texts(tmp_path / "a.txt")


def test_unreadable_file(unprivileged_dir: Path) -> None:
    with pytest.raises(PermissionError, match=r"secret\.txt"):
        read_corpus(unprivileged_dir / "secret.txt")


def test_corpus_larger_than_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word\n" * 10_000)
    refused(
        path,
        r"a\.txt take more than max_corpus_bytes=50000 of memory",
        max_corpus_bytes=50_000,
        batch_size=10,
    )
    assert len(read_corpus(path, max_corpus_bytes=10_000_000)) == 10_000


BOMBS = [
    ("a.txt", b"", b"\0" * (1 << 20), "the line is longer than max_document_bytes"),
    ("a.jsonl", b'{"text": "', b"x" * (1 << 20), "the line is longer than max_document_bytes"),
    ("b.jsonl", b'{"n":', b"[" * (1 << 20), "the line is longer than max_document_bytes"),
    ("a.csv", b'text\n"', b"x\n" * (1 << 19), "the record is longer than max_document_bytes"),
    ("b.txt", b"", b"\n" * (1 << 20), "take more than max_corpus_bytes"),
    ("c.jsonl", b"", b'""\n' * (1 << 18), "take more than max_corpus_bytes"),
]


def test_bombs_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    for name, start, repeated, _ in BOMBS:  # two gigabytes in two megabytes
        (tmp_path / name).write_bytes(gzip.compress(start) + 2000 * gzip.compress(repeated))
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5000, np.int32)), pa.array(["x" * 1_000_000]))
    table = pa.table({"text": repeated})  # five gigabytes in a kilobyte
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", store_schema=False)
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    code = textwrap.dedent(
        """
        import sys
        from coterie.compare._memory import peak_memory
        from coterie.io import read_corpus
        import pyarrow.compute
        before = peak_memory()
        for path in sys.argv[1:]:
            try:
                read_corpus(path, max_document_bytes=1 << 20, max_corpus_bytes=2 << 20)
            except ValueError as error:
                print(error)
        print((peak_memory() - before) >> 20)
        """
    )
    paths = [tmp_path / name for name, *_ in BOMBS] + [tmp_path / "a.parquet", tmp_path / "a.arrow"]
    messages = [message for *_, message in BOMBS] + ["take more than max_corpus_bytes"] * 2
    run = subprocess.run(
        [sys.executable, "-c", code, *paths], check=True, capture_output=True, text=True, timeout=600
    )
    *errors, megabytes = run.stdout.splitlines()
    for error, path, message in zip(errors, paths, messages, strict=True):
        assert str(path) in error
        assert message in error
    assert int(megabytes) < 500
