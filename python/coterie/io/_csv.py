"""CSV and TSV: a header line, quoted fields that may hold newlines, every value kept as text."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator

from coterie.io._batches import RawBatch
from coterie.io._options import BATCH_BYTES, ReadOptions
from coterie.io._records import numbered_lines
from coterie.io._streams import ByteStream

_OTHER_DELIMITERS = (";", "\t")


class _Records:
    """The records of a CSV file with the line each begins at, its length bounded while it is put together."""

    def __init__(self, stream: ByteStream, options: ReadOptions, delimiter: str) -> None:
        self._stream = stream
        self._limit = options.max_document_bytes
        self._lines = numbered_lines(stream, options)
        self.first_line = 0
        self.n_characters = 0
        # The csv module has one limit for the whole process: it is never lowered, ours is checked below.
        csv.field_size_limit(max(csv.field_size_limit(), self._limit + 1))
        self._reader = csv.reader(self._counted(), delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[list[str]]:
        while True:
            self.first_line = 0
            self.n_characters = 0
            try:
                record = next(self._reader, None)
            except csv.Error as error:
                where = f"{self._stream.name}:{self.first_line}"
                raise ValueError(f"{where}: the record that begins here is not valid CSV: {error}") from None
            if record is None:
                return
            if record:
                yield record

    def _counted(self) -> Iterator[str]:
        for number, line in self._lines:
            self.first_line = self.first_line or number
            self.n_characters += len(line) + 1
            if self.n_characters > self._limit:
                raise ValueError(
                    f"{self._stream.name}:{self.first_line}: the record is longer than max_document_bytes="
                    f"{self._limit} (is a quote not closed?); raise max_document_bytes to read it"
                )
            yield line + "\n"


def read_csv(stream: ByteStream, options: ReadOptions, delimiter: str) -> Iterator[RawBatch]:
    """The first record names the columns, each later one has as many values; empty lines are no records."""
    if delimiter == ",":
        delimiter = _delimiter_of(stream)
    records = _Records(stream, options, delimiter)
    rows: list[list[str]] = []
    numbers: list[int] = []
    names: list[str] | None = None
    held = 0
    for record in records:
        if names is None:
            names = _column_names(record, stream.name)
            continue
        if len(record) != len(names):
            raise ValueError(
                f"{stream.name}:{records.first_line}: {len(record)} values where the header names "
                f"{len(names)} columns"
            )
        rows.append(record)
        numbers.append(records.first_line)
        held += records.n_characters
        if len(rows) >= options.batch_size or held >= BATCH_BYTES:
            yield _batch_of_rows(stream.name, names, rows, numbers)
            rows, numbers, held = [], [], 0
    if names is not None and rows:
        yield _batch_of_rows(stream.name, names, rows, numbers)


def _delimiter_of(stream: ByteStream) -> str:
    """Return what stands between the names of the header: a comma, or what spreadsheets write elsewhere."""
    header = (
        stream.head()
        .lstrip(codecs.BOM_UTF8 + b"\r\n")
        .partition(b"\n")[0]
        .decode(errors="replace")
        .rstrip("\r")
    )
    for delimiter in (",", *_OTHER_DELIMITERS):
        try:
            names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
        except csv.Error:  # the text after a quoted name is no such delimiter
            continue
        if len(names) > 1:
            return delimiter
    return ","


def _column_names(header: list[str], source: str) -> list[str]:
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise ValueError(f"{source}: the header names the column {repeated[0]!r} more than once")
    return header


def _batch_of_rows(source: str, names: list[str], rows: list[list[str]], numbers: list[int]) -> RawBatch:
    columns = {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return RawBatch(source, columns, len(rows), lambda row: f"{source}:{numbers[row]}")
