"""A Parquet table that is written piece by piece, and the columns of the input beside those of a result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from coterie._validation import require_extra

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 1 << 17


class TableFile:
    """A Parquet table written piece by piece: the same bytes however it is cut.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._writer: Any = None
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0

    def __enter__(self) -> TableFile:
        return self

    def write_table(self, table: pa.Table) -> None:
        """Add rows; the names and types of the columns are the same in every call."""
        self._waiting.append(table)
        self._n_waiting += table.num_rows
        while self._n_waiting >= ROWS_PER_GROUP:
            self._write_group(ROWS_PER_GROUP)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._waiting and (self._n_waiting or self._writer is None):
            self._write_group(self._n_waiting)
        if self._writer is not None:
            self._writer.close()

    def _write_group(self, n_rows: int) -> None:
        """Write so many of the waiting rows as one group, in one chunk: where chunks end moves Parquet's pages."""
        pa = require_extra("pyarrow", "cli")
        table = pa.concat_tables(self._waiting)
        self._waiting = [table.slice(n_rows)]
        self._n_waiting = table.num_rows - n_rows
        if self._writer is None:
            pq = require_extra("pyarrow.parquet", "cli")
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table.slice(0, n_rows).combine_chunks(), row_group_size=ROWS_PER_GROUP)


def beside_input_columns(result: Mapping[str, Any], columns: pa.Table | None, n_documents: int) -> pa.Table:
    """Return the columns of a result with those of the input; one whose name is taken gets ``input_`` in front."""
    pa = require_extra("pyarrow", "cli")
    table = dict(result)
    kept = {} if columns is None else dict(zip(columns.column_names, columns.columns, strict=True))
    for name, column in kept.items():
        free_name = name
        while free_name in table or (free_name != name and free_name in kept):
            free_name = f"input_{free_name}"
        table[free_name] = column
    for name, column in table.items():
        if len(column) != n_documents:
            raise ValueError(f"column {name!r} has {len(column)} values for {n_documents} documents")
    return pa.table(table)
