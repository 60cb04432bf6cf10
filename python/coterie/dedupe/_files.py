"""From files with near-duplicates to files without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from coterie._validation import check_n_threads, check_option, check_real, require_extra
from coterie.dedupe._result import DedupeResult, GroupedDocuments, KeptRows, largest_groups
from coterie.io import OutputFolder, read_texts, write_metrics
from coterie.io._spool import readable_again
from coterie.io._table_file import TableFile, beside_input_columns
from coterie.io._unified import ColumnTypes, RepeatedIds, id_table
from coterie.journey._clock import Clock
from coterie.similarity import near_duplicates
from coterie.text import CountVectorizer, TfidfVectorizer

if TYPE_CHECKING:
    import pyarrow as pa

PathArgument = str | os.PathLike[str]
Progress = Callable[[str, int], None]

METRICS = ("jaccard", "cosine")
METHODS = ("exact", "minhash")
ANALYZERS = ("word", "char", "char_wb")
_EVERY_WORD = r"(?u)\b\w+\b"
_N_GROUPS_SHOWN, _N_MEMBERS_SHOWN = 20, 5


def dedupe_files(
    paths: PathArgument | Sequence[PathArgument],
    output: PathArgument | None = None,
    *,
    threshold: float = 0.8,
    metric: str = "jaccard",
    method: str = "exact",
    n_hashes: int = 128,
    seed: int = 0,
    language: str = "en",
    analyzer: str = "word",
    ngram_range: tuple[int, int] = (1, 1),
    stop_words: Any = None,
    n_threads: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **reading: Any,
) -> DedupeResult:
    r"""Keep one document of each group of near-duplicates.

    Two documents are joined when the similarity of their terms reaches the threshold; a group is what is joined
    directly or through others, and its first document is kept. The files are read twice, batch by batch: for the
    terms, and for the documents that are written. The result does not depend on the number of threads.

    Parameters
    ----------
    paths : path or sequence of paths
        As for :func:`coterie.io.read_texts`. ``"-"`` and pipes, which can be read only once, are copied to a folder
        for temporary files first.
    output : path or None, default=None
        Folder for the results; None writes nothing.

        - ``kept.parquet``: ``id``, ``text`` and the other columns of every document that is kept, in input order.
        - ``groups.parquet``: ``id``, ``group`` (int32, by first document), ``keep``, ``similarity`` (float32, to the
          document that is kept, below the threshold where it is joined through others) and ``text`` of the documents
          in groups.
        - ``summary.json``: numbers and parameters.
    threshold : float, default=0.8
        Least similarity, in (0, 1].
    metric : {"jaccard", "cosine"}, default="jaccard"
        The share of common terms, or the cosine of TF-IDF weights.
    method : {"exact", "minhash"}, default="exact"
        As for :func:`coterie.near_duplicates`: all pairs, or the candidates of MinHash with banding, each verified.
    n_hashes, seed
        As for :func:`coterie.near_duplicates`.
    language, analyzer, ngram_range, stop_words
        What a term is, as for :class:`coterie.CountVectorizer`, but that words of one character count too. Runs of
        several characters (``analyzer="char_wb"``, ``ngram_range=(4, 4)``) forgive a misspelt word; runs of words
        (``ngram_range=(3, 3)``) ask for the same order.
    n_threads : int, optional
        Threads to use; all available cores by default.
    overwrite : bool, default=False
        Whether the outputs of an earlier run may be replaced.
    progress : callable of (str, int) or None, default=None
        Called with the stage ("vectorize", "search" or "write") and the number of documents it has done.
    **reading
        ``text_field``, ``id_field``, ``format``, ``encoding_errors``, ``max_document_bytes`` of
        :func:`coterie.io.read_texts`.

    Returns
    -------
    DedupeResult

    Raises
    ------
    ValueError
        For arguments out of range, no documents, or files that change while they are read; as
        :func:`coterie.io.read_texts` does.
    FileExistsError
        When ``output`` holds other files, or an earlier result and ``overwrite`` is false.
    ModuleNotFoundError
        Without pyarrow (extra "cli"), and for ``language="zh"`` without rjieba (extra "zh").

    Notes
    -----
    Documents without any term, such as "!!!" or a missing text, are duplicates when their whole texts are equal,
    but for white space around them.
    Memory: the distinct terms, and 16 bytes for each term of each document; the documents themselves are not held.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "titles.txt")
    >>> _ = file.write_text("The bank raises its rates\nBirds of the north\nThe bank raises its rates again\n")
    >>> found = dedupe_files(file, folder.name + "/out")
    >>> found.n_kept, found.n_dropped
    (2, 1)
    >>> import pyarrow.parquet as pq
    >>> pq.read_table(folder.name + "/out/kept.parquet")["text"].to_pylist()
    ['The bank raises its rates', 'Birds of the north']
    >>> pq.read_table(folder.name + "/out/groups.parquet")["similarity"].to_numpy().round(3).tolist()
    [1.0, 0.833...]
    >>> folder.cleanup()
    """
    of_text: dict[str, Any] = {
        "language": language,
        "analyzer": analyzer,
        "ngram_range": tuple(ngram_range),
        "stop_words": stop_words,
    }
    of_search: dict[str, Any] = {"threshold": threshold, "metric": metric, "method": method}
    _check(of_search, analyzer)
    check_n_threads(n_threads)
    kind = CountVectorizer if metric == "jaccard" else TfidfVectorizer
    pattern: dict[str, Any] = {"token_pattern": _EVERY_WORD} if analyzer == "word" else {}
    vectorizer = kind(**of_text, **pattern, n_threads=n_threads)
    names = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    folder = nullcontext() if output is None else OutputFolder(output, overwrite=overwrite, inputs=names)
    run = _Run(reading, progress)
    with folder as staged, readable_again(names) as again:
        matrix = run.vectorize(again, vectorizer)
        with run.clock.stage("search"):
            found = near_duplicates(matrix, **of_search, n_hashes=n_hashes, seed=seed, n_threads=n_threads)
        run.report("search", run.n_documents)
        rows = KeptRows(found, np.diff(matrix.indptr) > 0)
        n_features = matrix.shape[1]
        del matrix
        groups = run.write(again, rows, staged)
        result = _result(run, rows, groups, found.recall, n_features, of_search | of_text)
        if staged is not None:
            write_metrics(staged.file("summary.json"), result.summary())
    return result


def _check(of_search: dict[str, Any], analyzer: str) -> None:
    check_option("metric", of_search["metric"], METRICS)
    check_option("method", of_search["method"], METHODS)
    check_option("analyzer", analyzer, ANALYZERS)
    if check_real("threshold", of_search["threshold"], maximum=1.0) <= 0:
        raise ValueError(f"threshold must be > 0; got {of_search['threshold']}")


class _Run:
    """Reads the files twice and counts what is odd about them."""

    def __init__(self, reading: dict[str, Any], progress: Progress | None) -> None:
        self.clock = Clock(None)
        self.n_documents = self.n_null_texts = self.n_duplicate_ids = 0
        self._types, self._id_types = ColumnTypes(), ColumnTypes()
        self._reading = reading
        self.report: Progress = progress or (lambda stage, n_documents: None)

    def vectorize(self, paths: list[str], vectorizer: Any) -> Any:
        """Return the terms of all documents as CSR."""
        with self.clock.stage("vectorize"):
            texts = self._texts(paths)
            first = next(texts, None)
            if first is None:
                raise ValueError(f"no documents in {', '.join(paths)}")
            try:
                return vectorizer.fit_transform(_chained(first, texts))
            except ValueError as error:
                if "empty vocabulary" not in str(error):
                    raise
                return _no_terms(self.n_documents)

    def _texts(self, paths: list[str]) -> Iterator[pa.LargeStringArray]:
        ids = RepeatedIds()
        with closing(read_texts(paths, **self._reading)) as batches:
            for batch in batches:
                self.n_documents += len(batch)
                self.n_null_texts += batch.n_null_texts
                self._types.add(batch.columns)
                self._id_types.add(id_table(batch.ids))
                if self._reading.get("id_field") is not None:
                    ids.add(batch.ids)
                self.report("vectorize", self.n_documents)
                yield batch.texts
        self.n_duplicate_ids = ids.count()

    def write(self, paths: list[str], rows: KeptRows, output: OutputFolder | None) -> pa.Table:
        """Write both tables and return that of the groups."""
        with self.clock.stage("write"):
            grouped = GroupedDocuments(rows)
            row = 0
            reading = closing(read_texts(paths, **self._reading))
            with (
                nullcontext() if output is None else TableFile(output.file("kept.parquet")) as file,
                reading as batches,
            ):
                for batch in batches:
                    if row + len(batch) > self.n_documents:
                        raise ValueError(f"{', '.join(paths)} grew while it was read")
                    is_kept = rows.settle(batch.texts, row)
                    ids = self._id_types.widened(id_table(batch.ids)).column("id").combine_chunks()
                    grouped.add(ids, batch.texts, row)
                    if file is not None:
                        whole = {"id": ids, "text": batch.texts}
                        table = beside_input_columns(whole, self._types.widened(batch.columns), len(batch))
                        file.write_table(table.filter(is_kept))
                    row += len(batch)
                    self.report("write", row)
            if row != self.n_documents:
                raise ValueError(f"{', '.join(paths)} shrank while it was read")
            groups = grouped.table()
            if output is not None:
                with TableFile(output.file("groups.parquet")) as file:
                    file.write_table(groups)
        return groups


def _result(
    run: _Run,
    rows: KeptRows,
    groups: pa.Table,
    recall: float,
    n_features: int,
    parameters: dict[str, Any],
) -> DedupeResult:
    pc = require_extra("pyarrow.compute", "cli")
    sizes = rows.group_sizes()
    copies = pc.and_(pc.invert(groups["keep"]), pc.equal(groups["similarity"], 1.0))
    return DedupeResult(
        n_documents=run.n_documents,
        n_kept=int((sizes > 0).sum()),
        n_groups=int((sizes > 1).sum()),
        n_copies=pc.sum(copies).as_py() or 0,
        largest_group=int(sizes.max()) if sizes.max() > 1 else 0,
        n_features=n_features,
        method=parameters["method"],
        recall=recall,
        groups=largest_groups(groups, _N_GROUPS_SHOWN, _N_MEMBERS_SHOWN),
        timings=run.clock.seconds,
        parameters=parameters,
        n_null_texts=run.n_null_texts,
        n_duplicate_ids=run.n_duplicate_ids,
    )


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _no_terms(n_documents: int) -> Any:
    import scipy.sparse as sp

    return sp.csr_array((n_documents, 1), dtype=np.float32)
