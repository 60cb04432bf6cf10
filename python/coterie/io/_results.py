"""The files that a clustering run leaves: assignments.parquet, clusters.jsonl, metrics.json."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.io._table_file import TableFile, beside_input_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from coterie.journey import ClusterSummary

ASSIGNMENT_COLUMNS = ("id", "cluster", "distance", "runner_up", "margin")


class AssignmentLike(Protocol):
    """What :class:`coterie.journey.Assignment` and :class:`coterie.journey.ClusterResult` share."""

    @property
    def labels(self) -> NDArray[np.int32]: ...
    @property
    def distances(self) -> NDArray[np.float32]: ...
    @property
    def runner_up(self) -> NDArray[np.int32]: ...
    @property
    def margins(self) -> NDArray[np.float32]: ...


def write_assignments(
    path: str | os.PathLike[str], ids: Any, assignment: AssignmentLike, columns: pa.Table | None = None
) -> None:
    """Write one row per document as Parquet.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`, which make the writing atomic.
    ids : pyarrow.Array or sequence of shape (n_documents,)
        Document ids.
    assignment : Assignment or ClusterResult
        Gives the columns ``cluster`` (int32), ``distance`` (float32), ``runner_up`` (int32, -1 for none) and
        ``margin`` (float32).
    columns : pyarrow.Table of n_documents rows or None, default=None
        Columns kept from the input. One whose name is taken gets ``input_`` in front of it.

    Raises
    ------
    ValueError
        When the lengths differ.
    OSError
        When the disk is full.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import pyarrow.parquet as pq
    >>> from coterie.journey import Assignment
    >>> labels, distances = np.array([0, 1], dtype=np.int32), np.array([0.2, 0.4], dtype=np.float32)
    >>> found = Assignment(labels, distances, 1 - labels, distances)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "assignments.parquet")
    ...     write_assignments(path, ["a", "b"], found)
    ...     pq.read_table(path).column_names
    ['id', 'cluster', 'distance', 'runner_up', 'margin']
    """
    pa = require_extra("pyarrow", "cli")
    ids = pa.array(ids) if not isinstance(ids, pa.Array | pa.ChunkedArray) else ids
    with AssignmentsFile(path) as file:
        file.write(ids, assignment, columns)


class AssignmentsFile(TableFile):
    """The table of :func:`write_assignments`, written piece by piece: the same bytes however it is cut.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`.
    """

    def __enter__(self) -> AssignmentsFile:
        return self

    def write(self, ids: Any, assignment: AssignmentLike, columns: pa.Table | None = None) -> None:
        """Add rows; arguments as for :func:`write_assignments`, of the same types in every call."""
        self.write_table(_assignments_table(ids, assignment, columns))


def _assignments_table(ids: Any, assignment: AssignmentLike, columns: pa.Table | None) -> pa.Table:
    values = (ids, assignment.labels, assignment.distances, assignment.runner_up, assignment.margins)
    table = dict(zip(ASSIGNMENT_COLUMNS, values, strict=True))
    return beside_input_columns(table, columns, len(assignment.labels))


def write_clusters(
    path: str | os.PathLike[str], clusters: Iterable[ClusterSummary], texts: Sequence[Any] | Any, ids: Any
) -> None:
    """Write one JSON object per cluster: ``cluster``, ``size``, ``terms``, ``representatives``.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`.
    clusters : iterable of ClusterSummary
        The representatives are row numbers.
    texts, ids : sequence or pyarrow.Array of shape (n_documents,)
        Where the text and the id of the representatives are looked up.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from coterie.journey import ClusterSummary
    >>> summary = ClusterSummary(cluster=0, size=2, terms=[("fish", 0.5)], representatives=[1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "clusters.jsonl")
    ...     write_clusters(path, [summary], ["one fish", "red fish"], ["a", "b"])
    ...     json.loads(path.read_text())["representatives"]
    [{'row': 1, 'id': 'b', 'text': 'red fish'}]
    """
    with open(path, "wb") as file:
        for summary in clusters:
            record = {
                "cluster": summary.cluster,
                "size": summary.size,
                "terms": [{"term": term, "weight": weight} for term, weight in summary.terms],
                "representatives": [
                    {"row": row, "id": _item(ids, row), "text": _item(texts, row)}
                    for row in summary.representatives
                ],
            }
            file.write(_json_bytes(record))


def write_metrics(path: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Write scores, timings and parameters as one JSON object.

    Parameters
    ----------
    path : path
        Usually from :meth:`OutputFolder.file` or :func:`atomic_write`.
    metrics : mapping
        JSON values, NumPy scalars and arrays, tuples, and mappings of them. A number that is not finite
        becomes null, because JSON has no NaN; what JSON has no form for is written as its ``str``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "metrics.json")
    ...     write_metrics(path, {"purity": np.float32(0.5), "silhouette": float("nan")})
    ...     json.loads(path.read_text())
    {'purity': 0.5, 'silhouette': None}
    """
    with open(path, "wb") as file:
        file.write(_json_bytes(dict(metrics), indent=2))


def _item(values: Any, row: int) -> Any:
    value = values[row]
    return value.as_py() if hasattr(value, "as_py") else value


def _json_bytes(value: Any, indent: int | None = None) -> bytes:
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent, default=str) + "\n"
    # A lone surrogate has no UTF-8 form; backslashreplace writes the \ud800 that JSON has for it.
    return text.encode("utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
