"""Tables of word vectors from files: word2vec text and binary, GloVe, fastText text and models, model2vec folders."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.encode._card import TOKENIZER_FILE
from coterie.encode._fasttext import MAGIC, FastTextModel, read_fasttext

MODEL2VEC_FILES = ("model.safetensors", TOKENIZER_FILE)

_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 1 << 16
_MOST_WORD_BYTES = 1 << 16
_MOST_HEADER_BYTES = 1 << 24
_TENSOR_KINDS = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}
_UNKNOWN = ("[UNK]", "<unk>", "[PAD]", "<pad>")

Table = NDArray[np.float32]


@dataclass(frozen=True)
class WordVectors:
    """Words in the order of the rows of ``table`` (n_words, dim), float32; a fastText model has no table."""

    words: list[str]
    table: Table
    count: Callable[[Sequence[str]], sp.csr_array] | None = (
        None  # None: words are found by coterie's vectorizer
    )
    fasttext: FastTextModel | None = None


def read_word_vectors(path: str | os.PathLike[str], max_words: int | None) -> WordVectors:
    """Read the first ``max_words`` vectors of a file, or all of a model2vec folder."""
    where = Path(path)
    if where.is_dir():
        return _read_model2vec(where)
    if not where.is_file():
        raise FileNotFoundError(f"file of word vectors {os.fspath(path)!r} does not exist")
    with where.open("rb") as file:
        head = file.read(4)
    if head == MAGIC:
        model = read_fasttext(where, max_words)
        return WordVectors(list(model.words), np.empty((0, model.rows.shape[1]), np.float32), fasttext=model)
    try:
        with _opened(where, head) as stream:
            words, table = _read_stream(stream, os.fspath(path), max_words or (1 << 62))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged gzip: {error}") from error
    if not words:
        raise ValueError(f"{os.fspath(path)!r} holds no word vectors")
    if not np.isfinite(table).all():
        bad = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise ValueError(f"{os.fspath(path)!r}: the vector of {words[bad][:80]!r} is not finite")
    return _without_repeats(words, table)


def _opened(path: Path, head: bytes) -> BinaryIO:
    if head.startswith(_GZIP):
        return io.BufferedReader(gzip.open(path, "rb"))
    return path.open("rb")


def _read_stream(stream: BinaryIO, name: str, most: int) -> tuple[list[str], Table]:
    first = stream.readline(_MOST_HEADER_BYTES)
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        n_words, dim = map(int, fields)
        if not 0 < dim <= _MOST_DIMENSIONS:
            raise ValueError(f"{name!r}: vectors of {dim} numbers are not understood")
        start = stream.peek(1 << 16) if isinstance(stream, io.BufferedReader) else b""
        if not _is_text_line(start, dim):
            return _read_binary(stream, name, min(n_words, most), dim)
        return _read_lines(stream, name, most, dim, b"", 2)
    dim = _count_numbers(first)
    if dim == 0:
        raise ValueError(f"{name!r} does not begin with a word and its numbers")
    return _read_lines(stream, name, most, dim, first, 1)


def _is_text_line(start: bytes, dim: int) -> bool:
    line = start.split(b"\n", 1)[0]
    parts = line.rstrip().rsplit(b" ", dim)
    return len(parts) == dim + 1 and all(_is_number(part) for part in parts[1:])


def _count_numbers(line: bytes) -> int:
    fields = line.rstrip().split(b" ")
    n = 0
    while n < len(fields) - 1 and _is_number(fields[-1 - n]):
        n += 1
    return n


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _read_lines(
    stream: BinaryIO, name: str, most: int, dim: int, first: bytes, number: int
) -> tuple[list[str], Table]:
    words: list[str] = []
    rows: list[Table] = []
    line = first or stream.readline()
    while line and len(words) < most:
        text = line.rstrip(b"\r\n ")
        if text:
            parts = text.split(b" ", 1) if text.count(b" ") == dim else text.rsplit(b" ", dim)
            numbers = b" ".join(parts[1:]).split(b" ")
            if len(numbers) != dim:
                raise ValueError(
                    f"{name!r}, line {number}: {dim} numbers are wanted after the word; got {len(numbers)}"
                )
            try:
                rows.append(np.array(numbers, dtype=np.float32))
            except ValueError:
                raise ValueError(f"{name!r}, line {number}: not all of its values are numbers") from None
            words.append(parts[0].decode("utf-8", "replace"))
        line = stream.readline()
        number += 1
    return words, np.array(rows, dtype=np.float32).reshape(len(words), dim)


def _read_binary(stream: BinaryIO, name: str, n_words: int, dim: int) -> tuple[list[str], Table]:
    words: list[str] = []
    rows: list[Table] = []
    for i in range(n_words):
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte or len(word) > _MOST_WORD_BYTES:
                raise ValueError(f"{name!r} ends or is damaged after {i} of {n_words} words")
            if byte != b"\n":
                word += byte
        data = stream.read(4 * dim)
        if len(data) != 4 * dim:
            raise ValueError(f"{name!r} ends in the middle of word {i} of {n_words}")
        words.append(word.decode("utf-8", "replace"))
        rows.append(np.frombuffer(data, "<f4"))
    return words, np.array(rows, dtype=np.float32).reshape(len(words), dim)


def _without_repeats(words: list[str], table: Table) -> WordVectors:
    first: dict[str, int] = {}
    for i, word in enumerate(words):
        first.setdefault(word, i)
    if len(first) == len(words):
        return WordVectors(words, table)
    return WordVectors(list(first), table[np.fromiter(first.values(), np.int64)])


def _read_model2vec(folder: Path) -> WordVectors:
    """Read embeddings of tokens and their tokenizer; what the folder calls weights is multiplied in."""
    for name in MODEL2VEC_FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{os.fspath(folder)!r} is not a model2vec folder: it has no {name}")
    tensors = _read_safetensors(folder / "model.safetensors")
    table = tensors.get("embeddings", tensors.get("embedding.weight"))
    if table is None or table.ndim != 2:
        raise ValueError(f"{os.fspath(folder)!r}: model.safetensors has no table named 'embeddings'")
    mapping = tensors.get("mapping")
    if mapping is not None:
        raise ValueError(f"{os.fspath(folder)!r}: a vocabulary with a mapping of tokens is not supported")
    if "weights" in tensors:
        table = table * tensors["weights"].reshape(-1, 1)
    tokenizer = require_extra("tokenizers", "onnx").Tokenizer.from_file(os.fspath(folder / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    if max(vocabulary.values()) >= len(table):
        raise ValueError(
            f"{os.fspath(folder)!r}: the tokenizer has token {max(vocabulary.values())}, the table {len(table)} rows"
        )
    ignored = {vocabulary[token] for token in _UNKNOWN if token in vocabulary}

    def count(texts: Sequence[str]) -> sp.csr_array:
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [np.array([i for i in encoding.ids if i not in ignored], np.int64) for encoding in encodings]
        indptr = np.cumsum([0, *map(len, ids)])
        flat = np.concatenate([np.empty(0, np.int64), *ids])
        counts = sp.csr_array((np.ones(len(flat), np.float32), flat, indptr), shape=(len(ids), len(table)))
        counts.sum_duplicates()
        return counts

    words = [""] * len(table)
    for word, i in vocabulary.items():
        words[i] = word
    return WordVectors(words, np.ascontiguousarray(table, dtype=np.float32), count)


def _read_safetensors(path: Path) -> dict[str, Any]:
    """Read the arrays of a safetensors file; every offset is checked against the file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if length > min(len(data) - 8, _MOST_HEADER_BYTES):
        raise ValueError(f"{os.fspath(path)!r} is not a whole safetensors file")
    try:
        header = json.loads(data[8 : 8 + length])
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        found = {}
        for name, entry in entries.items():
            if entry["dtype"] not in _TENSOR_KINDS:
                found[name] = np.empty(0, np.float32)  # such as a mapping of integers, which is refused later
                continue
            begin, end = entry["data_offsets"]
            kind = np.dtype(_TENSOR_KINDS[entry["dtype"]])
            if not 0 <= begin <= end <= len(data) - 8 - length:
                raise ValueError(f"{name}: its data lie outside of the file")
            found[name] = np.frombuffer(data[8 + length + begin : 8 + length + end], kind).reshape(
                entry["shape"]
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
    return found
