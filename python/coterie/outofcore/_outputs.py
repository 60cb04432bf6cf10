"""Third reading: the table of assignments, and the texts that clusters.jsonl and the report show."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.io._results import AssignmentsFile
from coterie.io._unified import id_table
from coterie.journey import Assignment, ClusterSummary
from coterie.outofcore._corpus import Corpus
from coterie.outofcore._input import Input
from coterie.report.document_map import sample_documents

N_MAP_DOCUMENTS = 2000


class Found:
    """Values of some documents by row, where all others are not to be asked for."""

    def __init__(self, values: dict[int, Any], n_documents: int) -> None:
        self._values, self._n_documents = values, n_documents

    def __len__(self) -> int:
        return self._n_documents

    def __getitem__(self, row: Any) -> Any:
        return self._values[int(row)]


def shown_rows(
    found: Assignment, summaries: list[ClusterSummary], random_state: int, *, on_map: bool
) -> NDArray[np.int64]:
    """Return the rows whose texts are shown: representatives, and the documents on the map of the report."""
    rows = [np.array(summary.representatives, np.int64) for summary in summaries]
    if on_map:
        rows.append(sample_documents(found.labels, len(summaries), N_MAP_DOCUMENTS, random_state))
    return np.unique(np.concatenate(rows))


def write_assignments_again(
    source: Input, corpus: Corpus, found: Assignment, shown: NDArray[np.int64], path: Path | None
) -> tuple[Found, Found]:
    """Write the table of all documents to ``path`` (None: nowhere); return texts and ids of the rows shown."""
    texts, ids = dict[int, Any](), dict[int, Any]()
    with _Nothing() if path is None else AssignmentsFile(path) as file:
        first = 0
        with closing(source.batches()) as batches:
            for batch in batches:
                end = first + len(batch)
                _check_number(corpus, end, end <= corpus.n_documents)
                names = corpus.id_types.widened(id_table(batch.ids)).column("id")
                here = Assignment(**{name: values[first:end] for name, values in vars(found).items()})
                columns = corpus.types.widened(batch.columns)
                if batch.labels is not None:
                    columns = columns.append_column("label", batch.labels)
                file.write(names, here, columns)
                begin, stop = np.searchsorted(shown, (first, end))
                for row in shown[begin:stop].tolist():
                    texts[row] = _copied(batch.texts[row - first])
                    ids[row] = _copied(names[row - first])
                first = end
        _check_number(corpus, first, first == corpus.n_documents)
    return Found(texts, first), Found(ids, first)


def _check_number(corpus: Corpus, n_documents: int, is_right: bool) -> None:
    if not is_right:
        raise ValueError(
            f"the input gave {n_documents:,} documents in its last reading and {corpus.n_documents:,} in its first"
        )


class _Nothing:
    """Stands where there is no table to write."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, *_: object) -> None:
        pass


def _copied(value: Any) -> Any:
    """Return an Arrow scalar that does not keep its batch in memory."""
    return require_extra("pyarrow", "cli").scalar(value.as_py(), value.type)
