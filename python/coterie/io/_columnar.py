"""Parquet and Arrow IPC (Feather): read in batches, text checked for UTF-8."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

import numpy as np

from coterie._validation import require_extra
from coterie.io._arrow import decoded_lengths, is_textual_type
from coterie.io._batches import RawBatch
from coterie.io._options import BATCH_BYTES, ReadOptions
from coterie.io._streams import ByteStream

# Rows read at once where a few bytes of the file can stand for many long texts that are decoded on reading.
EXPANDING_BATCH_SIZE = 64


@contextmanager
def _seekable(stream: ByteStream) -> Iterator[IO[bytes]]:
    """These formats are read from their end: a pipe is first copied to a temporary file."""
    if stream.compressed:
        raise ValueError(
            f"{stream.name}: Parquet and Arrow files compress their columns themselves; "
            "one that is gzip or zstd as a whole is not read: unpack it first"
        )
    file = stream.rewound()
    if file is not None:
        yield file
        return
    with tempfile.TemporaryFile(prefix="coterie-") as spool:
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.seek(0)
        yield spool


def read_parquet(stream: ByteStream, options: ReadOptions) -> Iterator[RawBatch]:
    yield from _read(stream, options, lambda file: _parquet_batches(file, options))


def read_arrow(stream: ByteStream, options: ReadOptions) -> Iterator[RawBatch]:
    """Arrow IPC, both the file (Feather 2) and the stream format."""
    yield from _read(stream, options, lambda file: _arrow_batches(file, options))


def _read(
    stream: ByteStream, options: ReadOptions, batches: Callable[[Any], Iterator[Any]]
) -> Iterator[RawBatch]:
    pa = require_extra("pyarrow", "cli")
    row = 0
    with _seekable(stream) as file:
        try:
            for batch in batches(file):
                repeated = [name for name in batch.schema.names if batch.schema.names.count(name) > 1]
                if repeated:
                    raise ValueError(f"{stream.name}: there is more than one column {repeated[0]!r}")
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield RawBatch(stream.name, columns, batch.num_rows, partial(_location, stream.name, row))
                row += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError, MemoryError) as error:
            # Damaged names give UnicodeDecodeError, types KeyError and sizes MemoryError.
            raise ValueError(
                f"{stream.name}, after row {row}: {error or 'it asks for too much memory'}"
            ) from error


def _location(source: str, first_row: int, row: int) -> str:
    return f"{source}, row {first_row + row}"


def _parquet_batches(file: Any, options: ReadOptions) -> Iterator[Any]:
    """Read texts as dictionaries: in a few bytes of the file one long text can be repeated thousands of times.

    The metadata of column chunks would tell where that is so, but pyarrow aborts on damaged ones.
    """
    pq = require_extra("pyarrow.parquet", "cli")
    pa = require_extra("pyarrow", "cli")
    opened = pq.ParquetFile(file)
    metadata, schema = opened.metadata, opened.schema_arrow
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    size = max(1, min(options.batch_size, BATCH_BYTES // max(widest, 1)))
    texts = [f.name for f in schema if is_textual_type(f.type) and not pa.types.is_dictionary(f.type)]
    n_read = 0
    try:
        for batch in pq.ParquetFile(file, read_dictionary=texts).iter_batches(batch_size=size):
            for piece in _bounded_pieces(batch):
                yield pa.record_batch(list(map(_decoded, piece.columns, schema.types)), names=schema.names)
                n_read += piece.num_rows
    except (pa.ArrowException, OSError):
        # Damaged, or encoded in a way that pyarrow does not read as a dictionary (DELTA_BYTE_ARRAY): without.
        for batch in pq.ParquetFile(file).iter_batches(batch_size=min(size, EXPANDING_BATCH_SIZE)):
            n_again = min(n_read, batch.num_rows)
            n_read -= n_again
            yield batch.slice(n_again)


def _decoded(column: Any, wanted: Any) -> Any:
    return column if column.type == wanted else column.dictionary_decode().cast(wanted)


def _arrow_batches(file: Any, options: ReadOptions) -> Iterator[Any]:
    ipc = require_extra("pyarrow.ipc", "cli")
    if file.read(6) == b"ARROW1":
        reader = ipc.open_file(file)
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        file.seek(0)
        batches = iter(ipc.open_stream(file))
    for batch in batches:
        has_views = any("view" in str(column.type) for column in batch.columns)
        size = min(options.batch_size, EXPANDING_BATCH_SIZE) if has_views else options.batch_size
        for start in range(0, batch.num_rows, size):
            yield from _bounded_pieces(batch.slice(start, size))


def _bounded_pieces(batch: Any) -> Iterator[Any]:
    """Cut a batch so that the texts of its dictionary columns, decoded, stay near the size of a batch."""
    lengths = [n for column in batch.columns if (n := decoded_lengths(column)) is not None]
    ends = np.cumsum(np.sum(lengths, axis=0)) if lengths and batch.num_rows else np.zeros(0, np.int64)
    if not len(ends) or ends[-1] <= BATCH_BYTES:
        yield batch
        return
    start = 0
    while start < batch.num_rows:
        held = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, held + BATCH_BYTES, side="right")))
        yield batch.slice(start, stop - start)
        start = stop
