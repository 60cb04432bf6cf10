"""Second reading: TF-IDF rows in CSR shards on disk, and how they are read back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.cluster import RowFiles
from coterie.cluster._csr_files import csr_rows
from coterie.io import atomic_write
from coterie.outofcore._input import Input
from coterie.outofcore._memory import SHARD_BYTES
from coterie.outofcore._work import WorkFolder
from coterie.text import TfidfVectorizer

_WHOLE = sys.maxsize  # rows a block: each shard is one


class SpilledRows:
    """The TF-IDF rows of all documents, in shards named after their first and last rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ends = [0]
        self.paths: list[Path] = []
        self.n_filled = self.n_stored = 0
        self.n_features = 0

    def refresh(self) -> int:
        """Find the shards that follow one another without a gap; return the number of their rows."""
        self.folder.mkdir(exist_ok=True)
        self.ends, self.paths = [0], []
        for path in sorted(self.folder.glob("rows-*.npz")):
            first, end = (int(part) for part in path.stem.split("-")[1:])
            if first != self.ends[-1]:
                break
            self.ends.append(end)
            self.paths.append(path)
        return self.ends[-1]

    @property
    def shape(self) -> tuple[int, int]:
        """Documents and terms."""
        return self.ends[-1], self.n_features

    def measure(self) -> None:
        """Count the rows with terms and the stored elements."""
        self.n_filled = self.n_stored = 0
        for _, rows in self.shards():
            self.n_filled += int(np.count_nonzero(np.diff(rows.indptr)))
            self.n_stored += rows.nnz
            self.n_features = rows.shape[1]

    def shards(self) -> Iterator[tuple[slice, sp.csr_array]]:
        """Yield all rows with their numbers."""
        places = zip(self.ends, self.ends[1:], strict=False)
        for (first, end), (name, rows) in zip(places, RowFiles(self.paths).blocks(_WHOLE), strict=True):
            if rows.shape[0] != end - first:
                raise ValueError(f"{name!r} has {rows.shape[0]} rows; its name says {end - first}")
            yield slice(first, end), rows

    def filled(self) -> RowFiles:
        """Return the rows with terms, for a fit."""
        return _FilledRows(self.paths)

    def filled_rows(self, chosen: NDArray[np.integer[Any]]) -> sp.csr_array:
        """Return some rows with terms, by their increasing numbers among those."""
        pieces, first = [], 0
        for _, rows in self.filled().blocks(_WHOLE):
            begin, end = np.searchsorted(chosen, (first, first + rows.shape[0]))
            if end > begin:
                pieces.append(rows[chosen[begin:end] - first])
            first += rows.shape[0]
        return sp.csr_array(sp.vstack(pieces))

    def __getitem__(self, chosen: NDArray[np.integer[Any]]) -> sp.csr_array:
        """Return rows by their increasing numbers."""
        pieces = []
        for part, rows in self.shards():
            begin, end = np.searchsorted(chosen, (part.start, part.stop))
            if end > begin:
                pieces.append(rows[chosen[begin:end] - part.start])
        return sp.csr_array(sp.vstack(pieces))


class _FilledRows(RowFiles):
    def blocks(self, rows_per_block: int, stored_per_block: int | None = None) -> Iterator[tuple[str, Any]]:
        for name, rows in super().blocks(rows_per_block, stored_per_block):
            places = rows.indptr[
                np.concatenate([[True], np.diff(rows.indptr) > 0])
            ]  # empty rows take no place
            yield name, csr_rows(rows.data, rows.indices, places, rows.shape[1])


def spill_rows(
    source: Input,
    vectorizer: TfidfVectorizer,
    work: WorkFolder,
    n_documents: int,
    count: Callable[[int], None],
) -> SpilledRows:
    """Write the TF-IDF rows of all documents that are not in shards yet."""
    spilled = SpilledRows(work.file("rows"))
    first = row = spilled.refresh()
    if row < n_documents:
        row, waiting, n_waiting = 0, list[sp.csr_array](), 0
        with closing(source.batches()) as batches:
            for batch in batches:
                begin, row = row, row + len(batch)
                count(row)
                if row <= first:
                    continue  # in a shard already
                if begin < first:
                    raise ValueError(
                        f"the shards in {os.fspath(spilled.folder)!r} do not end with a batch of the input"
                    )
                waiting.append(sp.csr_array(vectorizer.transform(batch.texts)))
                n_waiting += waiting[-1].nnz
                if n_waiting * 8 >= SHARD_BYTES:
                    first = _write_shard(spilled.folder, first, waiting)
                    waiting, n_waiting = [], 0
        if waiting:
            _write_shard(spilled.folder, first, waiting)
        if row != n_documents:
            raise ValueError(
                f"the input gave {row:,} documents in its second reading and {n_documents:,} in its first"
            )
        spilled.refresh()
    spilled.measure()
    return spilled


def _write_shard(folder: Path, first: int, waiting: list[sp.csr_array]) -> int:
    rows = sp.csr_array(sp.vstack(waiting)) if len(waiting) > 1 else waiting[0]
    end = first + int(rows.shape[0])
    with atomic_write(folder / f"rows-{first:015d}-{end:015d}.npz", overwrite=True) as staged:
        sp.save_npz(staged, rows, compressed=False)
    return end
