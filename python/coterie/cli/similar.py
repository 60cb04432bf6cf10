"""``coterie similar``: nearest neighbours of documents, and groups of near-duplicates."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coterie.cli import options
from coterie.cli.console import print_json, reports_errors, stdout_console
from coterie.cli.documents import input_options, read_documents, read_stop_words

if TYPE_CHECKING:
    import scipy.sparse as sp

    from coterie.cli.answers import DuplicatesAnswer, NeighboursAnswer
    from coterie.io import Corpus
    from coterie.text import TfidfVectorizer

_DUPLICATE_THRESHOLD = 0.9
_OF_TEXT = ("language", "min_df", "max_df", "ngram_range", "max_features", "n_threads")


@reports_errors
def similar(
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    language: options.Language = "en",
    min_df: options.MinDf = "1",
    max_df: options.MaxDf = "1.0",
    ngram_range: options.NgramRange = "1,1",
    max_features: options.MaxFeatures = None,
    stop_words: options.StopWords = "none",
    to_id: options.ToId = None,
    to_text: options.ToText = None,
    near_duplicates: options.NearDuplicates = False,
    top_k: options.TopK = 10,
    threshold: options.Threshold = None,
    metric: options.Similarity = "cosine",
    n_threads: options.NThreads = None,
    output: options.OutputFile = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the documents most alike, exactly: neighbours of some or all documents, or near-duplicates.

    [green]coterie similar articles.jsonl --id 17 --top-k 5[/green]
      the five documents most like row 17

    [green]coterie similar articles.jsonl --text "central bank raises interest rates"[/green]
      the documents most like a text of your own

    [green]coterie similar articles.jsonl --near-duplicates --threshold 0.95 --output groups.parquet[/green]
      id, group, keep (one of each group) and similarity to it, for every document that has a near-duplicate
    """
    given = dict(locals())
    from coterie.cli.progress import Stages
    from coterie.text import TfidfVectorizer

    _check_search(metric, near_duplicates, bool(to_id or to_text))
    of_text = {name: given[name] for name in _OF_TEXT}
    vectorizer = TfidfVectorizer(stop_words=read_stop_words(stop_words), **of_text)
    with _output_file(output, overwrite, files) as staged:
        with Stages(visible=not (quiet or as_json)) as stages:
            corpus = read_documents(files, input_options(given), stages, quiet=quiet, language=language)
            stages.share("vectorize", 0.0)
            matrix = vectorizer.fit_transform(corpus.texts)
            stages.share("vectorize", 1.0)
            stages.share("search", 0.0)
            answer = (
                _group(corpus, matrix, metric, threshold, n_threads)
                if near_duplicates
                else _search(corpus, matrix, vectorizer, to_id, to_text, metric, top_k, threshold, n_threads)
            )
            stages.share("search", 1.0)
        if staged is not None:
            answer.write(staged)
    if as_json:
        print_json({"command": "similar", "metric": metric, "n_documents": len(corpus), **answer.as_record()})
    elif not quiet:
        answer.show()
        if output is not None:
            stdout_console().print(f"Written to {output}", soft_wrap=True)


def _check_search(metric: str, near_duplicates: bool, has_queries: bool) -> None:
    from coterie._validation import check_option

    check_option("--metric", metric, ("cosine", "jaccard"))
    if near_duplicates and has_queries:
        raise typer.BadParameter("give either --near-duplicates or --id and --text.")


def _output_file(output: Path | None, overwrite: bool, files: list[str]) -> Any:
    if output is None:
        return nullcontext()
    from coterie.io import atomic_write

    return atomic_write(output, overwrite=overwrite, inputs=[file for file in files if file != "-"])


def _group(
    corpus: Corpus, matrix: sp.csr_array, metric: str, threshold: float | None, n_threads: int | None
) -> DuplicatesAnswer:
    from coterie.cli.answers import DuplicatesAnswer
    from coterie.similarity import near_duplicates

    least = _DUPLICATE_THRESHOLD if threshold is None else threshold
    return DuplicatesAnswer(corpus, near_duplicates(matrix, least, metric=metric, n_threads=n_threads))


def _search(
    corpus: Corpus,
    matrix: sp.csr_array,
    vectorizer: TfidfVectorizer,
    to_id: list[str] | None,
    to_text: list[str] | None,
    metric: str,
    top_k: int,
    threshold: float | None,
    n_threads: int | None,
) -> NeighboursAnswer:
    """Search among all documents: for all of them, or for those named and for texts from the command line."""
    import numpy as np
    import scipy.sparse as sp

    from coterie.cli.answers import NeighboursAnswer
    from coterie.similarity import cosine_top_k, jaccard_top_k

    top = cosine_top_k if metric == "cosine" else jaccard_top_k
    if not (to_id or to_text):
        found = top(matrix, k=top_k, threshold=threshold, n_threads=n_threads)
        return NeighboursAnswer.of(
            corpus, found, np.arange(len(corpus)), [], top_k, named=False, threshold=threshold
        )
    rows = _rows_of(corpus, to_id or [])
    asked = [matrix[rows]] if to_id else []
    asked += [vectorizer.transform(to_text)] if to_text else []
    # A document is its own nearest neighbour, or one of its copies is: ask for one more and drop it by row number.
    found = top(sp.csr_array(sp.vstack(asked)), matrix, k=top_k + 1, threshold=threshold, n_threads=n_threads)
    return NeighboursAnswer.of(corpus, found, rows, to_text or [], top_k, named=True, threshold=threshold)


def _rows_of(corpus: Corpus, ids: list[str]) -> Any:
    import numpy as np

    row_of = {str(value): row for row, value in reversed(list(enumerate(corpus.ids.to_pylist())))}
    for name in ids:
        if name not in row_of:
            raise ValueError(f"no document has the id {name!r}")
    return np.array([row_of[name] for name in ids], dtype=np.int64)
