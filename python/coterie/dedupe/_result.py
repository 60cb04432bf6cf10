"""What was found: the document that is kept for each document, and the groups that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra

if TYPE_CHECKING:
    import pyarrow as pa

    from coterie.similarity import DuplicateGroups


@dataclass(frozen=True)
class DedupeResult:
    """What :func:`dedupe_files` found; what belongs to single documents is in the files it wrote.

    Attributes
    ----------
    n_documents : int
        Documents read.
    n_kept : int
        Documents without a near-duplicate, and one of each group.
    n_groups : int
        Groups of two documents or more.
    n_copies : int
        Dropped documents whose terms are exactly those of the one that is kept: similarity 1.
    largest_group : int
        Documents in the largest group; 0 without groups.
    n_features : int
        Distinct terms.
    method : str
        "exact" or "minhash".
    recall : float
        Probability that one pair exactly at the threshold was compared; 1 for "exact".
    groups : list of (int, list of (id, text, similarity))
        The largest groups, ties by first document: how many documents they have, and the first of them.
    timings : dict of str to float
        Seconds of the stages "vectorize", "search" and "write".
    parameters : dict
        Arguments that decide the result.
    n_null_texts, n_duplicate_ids : int
        Documents without a text, and with the id of an earlier document.
    """

    n_documents: int
    n_kept: int
    n_groups: int
    n_copies: int
    largest_group: int
    n_features: int
    method: str
    recall: float
    groups: list[tuple[int, list[tuple[Any, str, float]]]]
    timings: dict[str, float]
    parameters: dict[str, Any]
    n_null_texts: int
    n_duplicate_ids: int

    @property
    def n_dropped(self) -> int:
        """Documents that are near-duplicates of one that is kept."""
        return self.n_documents - self.n_kept

    def summary(self) -> dict[str, Any]:
        """Return everything but the examples, as ``summary.json`` has it."""
        record = asdict(self)
        del record["groups"]
        return {"n_documents": self.n_documents, "n_kept": self.n_kept, "n_dropped": self.n_dropped} | record


class KeptRows:
    """The row that is kept for each row.

    Documents without terms are compared as whole texts, less the white space around them, as they are read again.

    Parameters
    ----------
    found : DuplicateGroups
        Groups by terms.
    has_terms : ndarray of shape (n_documents,), bool
        Which documents have any.
    """

    def __init__(self, found: DuplicateGroups, has_terms: NDArray[np.bool_]) -> None:
        self.kept = np.arange(len(has_terms))
        grouped = found.labels >= 0
        self.kept[grouped] = found.representatives[found.labels[grouped]]
        self.similarities = found.similarities
        self._has_terms = has_terms
        self._rows_of_texts: dict[str, int] = {}

    def settle(self, texts: pa.LargeStringArray, first_row: int) -> NDArray[np.bool_]:
        """Take in the texts of the rows from ``first_row`` on, in order; return which of them are kept."""
        stop = first_row + len(texts)
        for row in first_row + np.flatnonzero(~self._has_terms[first_row:stop]):
            text = texts[int(row) - first_row].as_py().strip()
            self.kept[row] = self._rows_of_texts.setdefault(text, int(row))
        is_kept: NDArray[np.bool_] = self.kept[first_row:stop] == np.arange(first_row, stop)
        return is_kept

    def group_sizes(self) -> NDArray[np.int64]:
        """Return, for each row that is kept, how many documents it stands for; 0 for the others."""
        return np.bincount(self.kept, minlength=len(self.kept))


class GroupedDocuments:
    """Ids and texts of the documents that may be in a group, picked up while the input is read again.

    Parameters
    ----------
    rows : KeptRows
    """

    def __init__(self, rows: KeptRows) -> None:
        self._rows = rows
        self._maybe = np.bincount(rows.kept, minlength=len(rows.kept))[rows.kept] > 1
        self._maybe |= ~rows._has_terms
        self._ids: list[Any] = []
        self._texts: list[Any] = []

    def add(self, ids: pa.Array, texts: pa.LargeStringArray, first_row: int) -> None:
        """Note a batch."""
        pa = require_extra("pyarrow", "cli")
        chosen = pa.array(np.flatnonzero(self._maybe[first_row : first_row + len(texts)]))
        self._ids.append(ids.take(chosen))
        self._texts.append(texts.take(chosen))

    def table(self) -> pa.Table:
        """Return id, group, keep, similarity and text of every document in a group, group by group."""
        pa = require_extra("pyarrow", "cli")
        rows = np.flatnonzero(self._maybe)
        kept, sizes = self._rows.kept, self._rows.group_sizes()
        grouped = np.flatnonzero(sizes[kept[rows]] > 1)
        order = grouped[np.argsort(kept[rows[grouped]], kind="stable")]
        members = rows[order]
        _, groups = np.unique(kept[members], return_inverse=True)
        chosen = pa.array(order)
        columns: Mapping[str, Any] = {
            "id": pa.chunked_array(self._ids).take(chosen),
            "group": groups.astype(np.int32),
            "keep": kept[members] == members,
            "similarity": self._rows.similarities[members],
            "text": pa.chunked_array(self._texts, pa.large_string()).take(chosen),
        }
        return pa.table(columns)


def largest_groups(
    table: pa.Table, n_groups: int, n_members: int
) -> list[tuple[int, list[tuple[Any, str, float]]]]:
    """Return the first members of the largest groups of :meth:`GroupedDocuments.table`."""
    groups = table["group"].to_numpy()
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    shown = []
    for group in np.argsort(-sizes, kind="stable")[:n_groups]:
        members = table.slice(int(starts[group]), min(int(sizes[group]), n_members))
        names = ("id", "text", "similarity")
        shown.append(
            (
                int(sizes[group]),
                list(zip(*(members[name].to_pylist() for name in names), strict=True)),
            )
        )
    return shown
