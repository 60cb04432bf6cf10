"""The first documents of every file of an input, and what share of the file they are."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import IO, Any

from coterie._validation import require_extra
from coterie.io import TextBatch
from coterie.io._batches import FieldPicker
from coterie.io._options import ReadOptions
from coterie.io._read import _READERS, MAX_DOCUMENT_BYTES, _format_of
from coterie.io._streams import ByteStream, open_stream

_CHUNK_BYTES = 1 << 14
_BATCH_SIZE = 1024


@dataclass
class Sample:
    """Documents of a sample and estimates for all: ``n_documents``, their ``text_bytes``, seconds to read them."""

    batches: list[TextBatch]
    n_documents: float = 0.0
    text_bytes: float = 0.0
    other_bytes: float = 0.0
    seconds: float = 0.0
    is_whole: bool = True

    @property
    def n_sampled(self) -> int:
        return sum(map(len, self.batches))


def read_sample(paths: list[str], options: dict[str, Any], most_documents: int, most_bytes: int) -> Sample:
    """Read each file from its start until its share of the documents or bytes is reached."""
    sample = Sample([])
    sizes = [max(1, os.path.getsize(path)) for path in paths]
    picker = FieldPicker(
        options.get("text_field"),
        options.get("id_field"),
        options.get("label_field"),
        options.get("encoding_errors", "strict"),
        options.get("max_document_bytes", MAX_DOCUMENT_BYTES),
    )
    for path, size in zip(paths, sizes, strict=True):
        part = size / sum(sizes)
        _read_file(sample, path, picker, options, most_documents * part, most_bytes * part)
    return sample


def _read_file(
    sample: Sample,
    path: str,
    picker: FieldPicker,
    options: dict[str, Any],
    documents: float,
    text_bytes: float,
) -> None:
    read = ReadOptions(picker.text_field, _BATCH_SIZE, picker.encoding_errors, picker.max_document_bytes)
    n = n_bytes = n_other = 0
    share, started = 1.0, time.perf_counter()
    with open_stream(path) as stream:
        stream.chunk_bytes = _CHUNK_BYTES
        wanted = options.get("format", "auto")
        kind = _format_of(path, stream) if wanted == "auto" else wanted
        for raw in _READERS[kind](stream, read):
            batch = picker.pick(raw, sample.n_sampled)
            sample.batches.append(batch)
            n += len(batch)
            n_bytes += batch.texts.nbytes
            n_other += batch.ids.nbytes + batch.columns.nbytes
            if n >= documents or n_bytes >= text_bytes:
                share = _share_read(path, stream, kind, n)
                break
    scale = 1 / max(share, 1e-9)
    sample.n_documents += n * scale
    sample.text_bytes += n_bytes * scale
    sample.other_bytes += n_other * scale
    sample.seconds += (time.perf_counter() - started) * scale
    sample.is_whole &= share >= 1


def _share_read(path: str, stream: ByteStream, kind: str, n: int) -> float:
    """Return the share of the rows, where the file says how many it has, or of its bytes."""
    if kind == "parquet":
        rows: int = require_extra("pyarrow.parquet", "cli").read_metadata(path).num_rows
        return min(1.0, n / max(1, rows))
    if kind == "arrow":
        return min(1.0, n / max(1, _arrow_rows(path)))
    file: IO[bytes] = stream.file
    return min(1.0, file.tell() / max(1, os.path.getsize(path)))


def _arrow_rows(path: str) -> int:
    ipc = require_extra("pyarrow.ipc", "cli")
    with open(path, "rb") as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = ipc.open_file(file) if is_file else ipc.open_stream(file)
        if is_file:
            return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        return sum(batch.num_rows for batch in reader)
