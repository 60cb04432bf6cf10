"""Reading texts: which format a file has, batches over several files, everything at once."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from coterie._validation import check_integer, check_option, require_extra
from coterie.io._arrow import concat_columns, concat_tables
from coterie.io._batches import Corpus, FieldPicker, RawBatch, TextBatch
from coterie.io._columnar import read_arrow, read_parquet
from coterie.io._csv import read_csv
from coterie.io._options import ReadOptions
from coterie.io._records import read_json_lines, read_plain_lines
from coterie.io._streams import ByteStream, check_readable, display_name, open_stream

FORMATS = ("auto", "jsonl", "csv", "tsv", "parquet", "arrow", "lines")
MAX_DOCUMENT_BYTES = 32 << 20

_READERS: dict[str, Callable[[ByteStream, ReadOptions], Iterator[RawBatch]]] = {
    "jsonl": read_json_lines,
    "csv": partial(read_csv, delimiter=","),
    "tsv": partial(read_csv, delimiter="\t"),
    "parquet": read_parquet,
    "arrow": read_arrow,
    "lines": read_plain_lines,
}
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".txt": "lines",
}
_PACKING_SUFFIXES = (".gz", ".zst", ".zstd")
_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow"}

PathArgument = str | os.PathLike[str]


def read_texts(
    paths: PathArgument | Sequence[PathArgument],
    *,
    text_field: str | None = None,
    id_field: str | None = None,
    label_field: str | None = None,
    format: str = "auto",
    batch_size: int = 8192,
    encoding_errors: str = "strict",
    max_document_bytes: int = MAX_DOCUMENT_BYTES,
) -> Generator[TextBatch, None, None]:
    r"""Read documents from files, batch by batch, in bounded memory.

    No row is dropped: a missing text is an empty document and is counted. What cannot be read is an error
    that names the file and the line or row.

    Parameters
    ----------
    paths : path or sequence of paths
        One or more files, read in this order; ``"-"`` is the standard input. gzip and zstd are recognised by
        content. All files must exist when the function is called; directories are refused.
    text_field : str or None, default=None
        The column that holds the documents. None: the column ``"text"``, else the only column of text in the
        first batch that has rows; that choice then holds for all files.
    id_field : str or None, default=None
        The column of document ids. None: row numbers, from 0 over all files.
    label_field : str or None, default=None
        The column of known classes, one per document; read as text, null where missing, empty or NaN.
    format : {"auto", "jsonl", "csv", "tsv", "parquet", "arrow", "lines"}, default="auto"
        ``"auto"`` looks at the content (Parquet, Arrow), then the file name, then the content again (a line
        that begins with ``{`` or a quote is JSON); anything else is plain lines.

        - jsonl: an object per line, or a bare JSON string; empty lines are skipped; of a repeated key the
          last value counts; objects inside of columns that are kept become JSON text.
        - csv, tsv: a header, then records of as many values; all values are text; empty lines are skipped. A CSV
          whose header holds no comma between names may use semicolons or tabs.
        - parquet, arrow (IPC file, IPC stream, Feather 2): text may be string, binary or dictionary columns.
        - lines: every line is a document, also an empty one; its only field is ``"text"``.
    batch_size : int, default=8192
        Most documents per batch, >= 1. A batch is also cut at 64 MiB of input and at the end of each file.
    encoding_errors : {"strict", "replace"}, default="strict"
        Bytes that are not UTF-8, and ``\ud800``-like escapes in JSON that are not characters, are an error,
        or are read as U+FFFD.
    max_document_bytes : int, default=33554432
        The longest line, CSV record, or text in Parquet and Arrow that is read; a longer one is an error.

    Yields
    ------
    TextBatch
        Batches of at least one document; none when the files are empty.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        On the call, before anything is read.
    ValueError
        When a field does not exist (the message lists those that do), a value is not text, or a file is
        damaged, truncated, wrongly encoded, longer than the limits, or nested more than 200 deep.
    OSError
        When the system cannot read a file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "news.jsonl")
    >>> _ = file.write_text('{"title": "Rates rise", "year": 2024}\n{"title": "Rates fall", "year": 2025}\n')
    >>> for batch in read_texts(file):
    ...     print(batch.texts.to_pylist(), batch.ids.to_pylist(), batch.columns["year"].to_pylist())
    ['Rates rise', 'Rates fall'] [0, 1] [2024, 2025]
    >>> folder.cleanup()
    """
    names = _check_paths(paths)
    fields = {"text_field": text_field, "id_field": id_field, "label_field": label_field}
    for parameter, value in fields.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{parameter} must be a str; got {value!r} of type {type(value).__name__}")
    check_option("format", format, FORMATS)
    check_option("encoding_errors", encoding_errors, ("strict", "replace"))
    options = ReadOptions(
        text_field,
        check_integer("batch_size", batch_size, minimum=1),
        encoding_errors,
        check_integer("max_document_bytes", max_document_bytes, minimum=1),
    )
    picker = FieldPicker(text_field, id_field, label_field, encoding_errors, options.max_document_bytes)
    require_extra("pyarrow", "cli")
    return _batches(names, format, options, picker)


def read_corpus(
    paths: PathArgument | Sequence[PathArgument],
    *,
    max_corpus_bytes: int | None = None,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> Corpus:
    r"""Read all documents of some files into memory.

    Parameters
    ----------
    paths, **options
        As for :func:`read_texts`.
    max_corpus_bytes : int or None, default=None
        The most memory the documents and columns may take; more is an error instead of a full machine. None:
        half of this machine's memory, or of what its container may use.
    progress : callable of int or None, default=None
        Called after every batch with the number of documents read so far.

    Returns
    -------
    Corpus
        Documents, ids, labels and other columns. A column whose type differs between batches is widened, or
        becomes JSON text; a column that some files lack is null for their documents. Empty files give an
        empty corpus.

    Raises
    ------
    ValueError, OSError
        As :func:`read_texts`, and when the input is larger than ``max_corpus_bytes``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "titles.txt")
    >>> _ = file.write_text("Rates rise\nRates fall\n")
    >>> read_corpus(file).texts.to_pylist()
    ['Rates rise', 'Rates fall']
    >>> folder.cleanup()
    """
    if max_corpus_bytes is None:
        limit = _memory_bytes() // 2
    else:
        limit = check_integer("max_corpus_bytes", max_corpus_bytes, minimum=1)
    batches: list[TextBatch] = []
    held = n_documents = 0
    with closing(read_texts(paths, **options)) as read:
        for batch in read:
            batches.append(batch)
            n_documents += len(batch)
            if progress is not None:
                progress(n_documents)
            held += batch.texts.nbytes + batch.ids.nbytes + batch.columns.nbytes
            if held > limit:
                raise ValueError(
                    f"the documents of {_listed_paths(paths)} take more than max_corpus_bytes={limit} of memory; "
                    "raise max_corpus_bytes, or read batches with read_texts"
                )
    return _collect(batches, has_labels=options.get("label_field") is not None)


def _collect(batches: list[TextBatch], *, has_labels: bool) -> Corpus:
    pa = require_extra("pyarrow", "cli")
    pc = require_extra("pyarrow.compute", "cli")
    texts = pa.chunked_array([batch.texts for batch in batches], pa.large_string()).combine_chunks()
    labels = None
    if has_labels:
        labels = pa.chunked_array([batch.labels for batch in batches], pa.large_string()).combine_chunks()
    ids = (
        concat_columns([batch.ids for batch in batches]).combine_chunks()
        if batches
        else pa.array([], pa.int64())
    )
    columns = concat_tables([batch.columns for batch in batches])
    n_duplicate_ids = len(ids) - pc.count_distinct(ids, mode="all").as_py()
    return Corpus(texts, ids, labels, columns, sum(batch.n_null_texts for batch in batches), n_duplicate_ids)


def _batches(
    paths: list[PathArgument], format: str, options: ReadOptions, picker: FieldPicker
) -> Generator[TextBatch, None, None]:
    pa = require_extra("pyarrow", "cli")
    row = 0
    for path in paths:
        with open_stream(path) as stream:
            reader = _READERS[_format_of(path, stream) if format == "auto" else format]
            for raw in reader(stream, options):
                try:
                    batch = picker.pick(raw, row)
                except pa.ArrowException as error:
                    raise ValueError(f"{raw.location(0)} and the rows after it: {error}") from error
                row += len(batch)
                yield batch


def _format_of(path: PathArgument, stream: ByteStream) -> str:
    head = stream.head()
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    while suffixes and suffixes[-1] in _PACKING_SUFFIXES:
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    begins_like_json = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b'"', b"[")
    return "jsonl" if begins_like_json else "lines"


def _check_paths(paths: PathArgument | Sequence[PathArgument]) -> list[PathArgument]:
    names: list[PathArgument] = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not names:
        raise ValueError("paths must name at least one file; got none")
    for name in names:
        if not isinstance(name, str | os.PathLike):
            raise TypeError(f"paths must be file names; got {name!r} of type {type(name).__name__}")
        check_readable(name)
    if sum(os.fspath(name) == "-" for name in names) > 1:
        raise ValueError("paths must name the standard input (-) only once")
    return names


def _listed_paths(paths: PathArgument | Sequence[PathArgument]) -> str:
    names = [display_name(path) for path in _check_paths(paths)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _memory_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        container = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return memory
    return min(memory, int(container)) if container.isdigit() else memory
