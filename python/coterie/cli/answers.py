"""What ``coterie similar`` found, as a table for people, as a Parquet file and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie._excerpt import excerpt
from coterie._validation import require_extra
from coterie.cli.console import counted, stdout_console

if TYPE_CHECKING:
    from coterie.io import Corpus
    from coterie.similarity import DuplicateGroups, Neighbours

_N_SHOWN = 20  # documents or groups that a person reads; --json and --output hold all
_TEXT_LENGTH = 90


@dataclass(frozen=True)
class NeighboursAnswer:
    """Pairs of a document that was asked about and one of its neighbours, best first.

    ``asked`` numbers what was asked: rows of the corpus, then the ``texts`` of the command line (-1, -2, ...).
    ``named`` are those that were asked for by name, which get an answer also where nothing is like them.
    ``threshold`` is the least similarity that was wanted, if one was.
    """

    corpus: Corpus
    texts: list[str]
    named: list[int]
    asked: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    similarity: NDArray[np.float32]
    rank: NDArray[np.int64]
    threshold: float | None

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        found: Neighbours,
        rows: NDArray[np.int64],
        texts: list[str],
        top_k: int,
        *,
        named: bool,
        threshold: float | None,
    ) -> NeighboursAnswer:
        """Keep the best ``top_k`` for each, less the document itself and what has nothing in common with it."""
        asked = np.concatenate([rows, -1 - np.arange(len(texts))])
        repeated = np.repeat(asked, found.counts)
        others = (repeated != found.flat_indices) & (found.flat_similarities > 0)
        starts = np.repeat(np.cumsum(found.counts) - found.counts, found.counts)
        passed = np.concatenate([[0], np.cumsum(others)])
        rank = passed[:-1] - passed[starts]
        kept = others & (rank < top_k)
        return cls(
            corpus,
            texts,
            asked.tolist() if named else [],
            repeated[kept],
            found.flat_indices[kept],
            found.flat_similarities[kept],
            rank[kept] + 1,
            threshold,
        )

    def _name(self, asked: int) -> Any:
        return self.corpus.ids[asked].as_py() if asked >= 0 else self.texts[-1 - asked]

    def write(self, path: Path) -> None:
        """Write the columns id, rank, neighbour and similarity as Parquet; the id of a text is the text."""
        pa = require_extra("pyarrow", "cli")
        ids = (
            pa.array([str(self._name(int(asked))) for asked in self.asked], pa.string())
            if self.texts
            else self.corpus.ids.take(pa.array(self.asked))
        )
        columns = {
            "id": ids,
            "rank": self.rank.astype(np.int32),
            "neighbour": self.corpus.ids.take(pa.array(self.neighbour)),
            "similarity": self.similarity,
        }
        require_extra("pyarrow.parquet", "cli").write_table(pa.table(columns), path, compression="zstd")

    def as_record(self) -> dict[str, Any]:
        """Return one entry for each document with neighbours, or asked for by name."""
        neighbours: dict[int, list[dict[str, Any]]] = {asked: [] for asked in self.named}
        for asked, neighbour, similarity in zip(
            self.asked.tolist(), self.neighbour.tolist(), self.similarity.tolist(), strict=True
        ):
            entry = {"id": self.corpus.ids[neighbour].as_py(), "similarity": similarity}
            neighbours.setdefault(asked, []).append(entry)
        return {
            "results": [
                {"id" if asked >= 0 else "text": self._name(asked), "neighbours": found}
                for asked, found in neighbours.items()
            ]
        }

    def show(self) -> None:
        """Print the neighbours of the first documents with their texts."""
        from rich.text import Text

        console = stdout_console()
        shown = list(dict.fromkeys([*self.named, *self.asked.tolist()]))
        for asked in shown[:_N_SHOWN]:
            name = self._name(asked)
            text = "" if asked < 0 else "  " + self.corpus.texts[asked].as_py()[: 4 * _TEXT_LENGTH]
            console.print(Text(excerpt(f"{name}{text}", _TEXT_LENGTH), style="bold"), no_wrap=True)
            mine = self.asked == asked
            if not mine.any():
                console.print(
                    f"  no document {'shares a term' if self.threshold is None else 'that similar'}"
                )
            for neighbour, similarity in zip(self.neighbour[mine], self.similarity[mine], strict=True):
                text = excerpt(self.corpus.texts[int(neighbour)].as_py(), _TEXT_LENGTH)
                line = (
                    f"  {similarity:.3f}  {excerpt(str(self.corpus.ids[int(neighbour)].as_py()), 30)}  {text}"
                )
                console.print(Text(line), no_wrap=True, overflow="ellipsis")
        if not shown:
            console.print(
                f"No two documents {'share a term' if self.threshold is None else 'are that similar'}."
            )
        if len(shown) > _N_SHOWN:
            console.print(
                f"\n{len(shown) - _N_SHOWN:,} more documents; --json or --output holds all, --id asks for one"
            )


@dataclass(frozen=True)
class DuplicatesAnswer:
    """Groups of near-duplicates."""

    corpus: Corpus
    found: DuplicateGroups

    def write(self, path: Path) -> None:
        """Write id, group, keep and similarity (to the one that is kept) as Parquet, for the documents in a group."""
        pa = require_extra("pyarrow", "cli")
        rows = np.flatnonzero(self.found.labels >= 0)
        columns = {
            "id": self.corpus.ids.take(pa.array(rows)),
            "group": self.found.labels[rows],
            "keep": self.found.keep[rows],
            "similarity": self.found.similarities[rows],
        }
        require_extra("pyarrow.parquet", "cli").write_table(pa.table(columns), path, compression="zstd")

    def as_record(self) -> dict[str, Any]:
        """Return the ids of each group, the one to keep first."""
        ids = self.corpus.ids
        groups = [[ids[int(row)].as_py() for row in group] for group in self.found.groups]
        return {"threshold": self.found.threshold, "groups": groups}

    def show(self) -> None:
        """Print the largest groups with their texts."""
        from rich.text import Text

        console = stdout_console()
        groups = sorted(self.found.groups, key=len, reverse=True)
        for group in groups[:_N_SHOWN]:
            console.print(Text(f"{len(group)} documents", style="bold"))
            for row in group[:5]:
                name = excerpt(str(self.corpus.ids[int(row)].as_py()), 30)
                line = f"  {name}  {excerpt(self.corpus.texts[int(row)].as_py(), _TEXT_LENGTH)}"
                console.print(Text(line), no_wrap=True, overflow="ellipsis")
            if len(group) > 5:
                console.print(f"  and {len(group) - 5:,} more")
        n_dropped = int((~self.found.keep).sum())
        console.print(
            f"\n{counted(len(groups), 'group')} of near-duplicates ({self.found.metric} >= {self.found.threshold:g}); "
            f"keeping one of each drops {n_dropped:,} of {len(self.corpus):,} documents"
        )
