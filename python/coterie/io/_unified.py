"""What reading all batches at once does to columns of several types, done batch by batch."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.io._arrow import as_json_column, common_type, table_of

if TYPE_CHECKING:
    import pyarrow as pa


class ColumnTypes:
    """The types of the columns of all batches together, collected in a first reading and applied in a second."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[pa.DataType, None]] = {}
        self._n_tables = 0
        self._common: dict[str, pa.DataType | None] | None = None

    def add(self, table: pa.Table) -> None:
        """Note the types of a batch's columns; a column that a batch lacks is null there."""
        pa = require_extra("pyarrow", "cli")
        types = dict(zip(table.column_names, table.schema.types, strict=True))
        for name in types:
            self._seen.setdefault(name, {pa.null(): None} if self._n_tables else {})
        for name, seen in self._seen.items():
            seen[types.get(name, pa.null())] = None
        self._n_tables += 1
        self._common = None

    def widened(self, table: pa.Table) -> pa.Table:
        """Return a batch with all columns, in order of first appearance and of the types they have in common."""
        pa = require_extra("pyarrow", "cli")
        if self._common is None:
            self._common = {name: common_type(seen) for name, seen in self._seen.items()}
        columns = {}
        for name, arrow_type in self._common.items():
            values = table.column(name) if name in table.column_names else pa.nulls(table.num_rows)
            columns[name] = as_json_column(values) if arrow_type is None else _promoted(values, arrow_type)
        return table_of(columns, table.num_rows)

    def to_json(self) -> list[Any]:
        """Return JSON values that :meth:`from_json` reads."""
        pa = require_extra("pyarrow", "cli")
        types = [[pa.field("", t) for t in seen] for seen in self._seen.values()]
        schemas = [base64.b64encode(pa.schema(fields).serialize()).decode("ascii") for fields in types]
        return [self._n_tables, list(self._seen), schemas]

    @classmethod
    def from_json(cls, value: list[Any]) -> ColumnTypes:
        """Return what :meth:`to_json` described."""
        pa = require_extra("pyarrow", "cli")
        types = cls()
        types._n_tables, names, schemas = value
        for name, schema in zip(names, schemas, strict=True):
            read = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema)))
            types._seen[name] = dict.fromkeys(read.types)
        return types


def id_table(ids: pa.Array) -> pa.Table:
    """Return ids as the one column of a table, for :class:`ColumnTypes`."""
    return require_extra("pyarrow", "cli").table({"id": ids})


class RepeatedIds:
    """Counts the documents whose id an earlier document carries too, in 8 bytes for each."""

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.int64]] = []

    def add(self, ids: pa.Array) -> None:
        """Note the ids of a batch."""
        self._hashes.append(np.array([hash(value) for value in ids.to_pylist()], np.int64))

    def count(self) -> int:
        """Return how many there are; two ids are one when their 64-bit hashes are."""
        hashes = np.concatenate(self._hashes) if self._hashes else np.empty(0, np.int64)
        return len(hashes) - len(np.unique(hashes))


def _promoted(values: Any, arrow_type: pa.DataType) -> Any:
    """Widen as concat_tables does."""
    pa = require_extra("pyarrow", "cli")
    if values.type == arrow_type:
        return values
    tables = [pa.table({"": pa.array([], arrow_type)}), pa.table({"": values})]
    return pa.concat_tables(tables, promote_options="permissive").column(0)
