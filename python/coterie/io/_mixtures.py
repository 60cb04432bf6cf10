"""The mixtures of topics as a table: documents.parquet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.io._table_file import ROWS_PER_GROUP, beside_input_columns

if TYPE_CHECKING:
    import pyarrow as pa


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
    whole = beside_input_columns(table, columns, n_documents)
    pq.write_table(whole, path, compression="zstd", row_group_size=ROWS_PER_GROUP)
