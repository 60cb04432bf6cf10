"""Parquet and Arrow IPC (Feather): read in batches, text checked for UTF-8."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

from coterie._validation import require_extra
from coterie.io._batches import RawBatch
from coterie.io._options import BATCH_BYTES, ReadOptions
from coterie.io._streams import ByteStream


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
    pq = require_extra("pyarrow.parquet", "cli")
    yield from _read(stream, options, lambda file: _parquet_batches(pq.ParquetFile(file), options))


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
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{stream.name}, after row {row}: {error}") from error


def _location(source: str, first_row: int, row: int) -> str:
    return f"{source}, row {first_row + row}"


def _parquet_batches(file: Any, options: ReadOptions) -> Iterator[Any]:
    metadata = file.metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    size = max(1, min(options.batch_size, BATCH_BYTES // max(widest, 1)))
    yield from file.iter_batches(batch_size=size)


def _arrow_batches(file: Any, options: ReadOptions) -> Iterator[Any]:
    ipc = require_extra("pyarrow.ipc", "cli")
    if file.read(6) == b"ARROW1":
        reader = ipc.open_file(file)
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        file.seek(0)
        batches = iter(ipc.open_stream(file))
    for batch in batches:
        for start in range(0, batch.num_rows, options.batch_size):
            yield batch.slice(start, options.batch_size)
