"""The mixtures of topics as a table: documents.parquet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_PER_GROUP = 1 << 17


def write_mixtures(
    path: str | os.PathLike[str],
    ids: Any,
    mixtures: NDArray[np.float32],
    columns: pa.Table | None = None,
    *,
    empty_documents: Any = (),
) -> None:
    """Write one row per document as Parquet: its first topic and its mixture of topics.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`, which make the writing atomic.
    ids : pyarrow.Array or sequence of shape (n_documents,)
        Document ids.
    mixtures : ndarray of shape (n_documents, n_topics), float32
        Gives the columns ``topic`` (int32, the largest share, ties to the lowest number), ``share`` (float32) and
        ``mixture`` (a list of n_topics float32).
    columns : pyarrow.Table of n_documents rows or None, default=None
        Columns kept from the input. One whose name is taken gets ``input_`` in front of it.
    empty_documents : array-like of int, default=()
        Rows without any known term: true in the column ``is_empty``, whose mixture is the prior.

    Raises
    ------
    ValueError
        When the lengths differ.
    OSError
        When the disk is full.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pyarrow.parquet as pq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "documents.parquet")
    ...     write_mixtures(path, ["a", "b"], np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32))
    ...     pq.read_table(path).to_pylist()[1]
    {'id': 'b', 'topic': 1, 'share': 0.75, 'is_empty': False, 'mixture': [0.25, 0.75]}
    """
    pa, pq = require_extra("pyarrow", "cli"), require_extra("pyarrow.parquet", "cli")
    n_documents, n_topics = mixtures.shape
    first = mixtures.argmax(axis=1)
    is_empty = np.zeros(n_documents, dtype=bool)
    is_empty[np.asarray(empty_documents, dtype=np.int64)] = True
    flat = pa.array(np.ascontiguousarray(mixtures, dtype=np.float32).reshape(-1))
    table = {
        "id": ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids),
        "topic": pa.array(first.astype(np.int32)),
        "share": pa.array(mixtures[np.arange(n_documents), first]),
        "is_empty": pa.array(is_empty),
        "mixture": pa.FixedSizeListArray.from_arrays(flat, n_topics),
    }
    kept = {} if columns is None else dict(zip(columns.column_names, columns.columns, strict=True))
    for name, column in kept.items():
        free_name = name
        while free_name in table or (free_name != name and free_name in kept):
            free_name = f"input_{free_name}"
        table[free_name] = column
    for name, column in table.items():
        if len(column) != n_documents:
            raise ValueError(f"column {name!r} has {len(column)} values for {n_documents} documents")
    pq.write_table(pa.table(table), path, compression="zstd", row_group_size=_ROWS_PER_GROUP)
