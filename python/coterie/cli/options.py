"""The options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import choices

INPUT = "Input"
TERMS = "Terms"
CLUSTERING = "Clustering"
OUTPUT = "Output"
SEARCH = "Search"
MEMORY = "Corpora larger than memory"
MAX_DOCUMENT_BYTES = 32 << 20
_OTHER_FORMATS = (
    ".csv",
    ".tsv",
    ".txt",
    ".json",
    ".jsonl",
    ".ndjson",
    ".xlsx",
    ".arrow",
    ".feather",
    ".gz",
    ".zst",
)


def parse_n_clusters(value: str) -> int | str:
    if value == "auto":
        return value
    return _integer(value, "a number of clusters >= 1, or auto")


def parse_document_frequency(value: str) -> int | float:
    """An integer is a number of documents, a number with a point a share of them, as in scikit-learn."""
    wanted = "a number of documents such as 2, or a share from 0.0 to 1.0"
    try:
        share = float(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not {wanted}.") from None
    if "." not in value:
        return _integer(value, wanted)
    if not 0.0 <= share <= 1.0:
        raise typer.BadParameter(f"{value!r} is not {wanted}.")
    return share


def parse_ngram_range(value: str) -> tuple[int, int]:
    parts = value.replace("-", ",").split(",")
    wanted = "a length such as 2, or a range such as 1,2"
    if len(parts) > 2:
        raise typer.BadParameter(f"{value!r} is not {wanted}.")
    low, high = _integer(parts[0], wanted), _integer(parts[-1], wanted)
    if low > high:
        raise typer.BadParameter(f"{value!r} is not {wanted}.")
    return low, high


def check_parquet_name(path: Path | None) -> Path | None:
    """Refuse the names of other formats: what is written is Parquet, whatever it is called."""
    if path is not None and path.suffix.lower() in _OTHER_FORMATS:
        raise typer.BadParameter(f"{str(path)!r} names another format; a Parquet file is written.")
    return path


def _integer(value: str, wanted: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise typer.BadParameter(f"{value!r} is not {wanted}.")
    return int(value)


FILES_HELP = (
    "JSON lines, CSV, TSV, Parquet, Arrow or plain lines (one document each), also .gz and .zst; several files are "
    "read as one; - is the standard input."
)
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        show_default=False,
        help=FILES_HELP,
    ),
]
TextField = Annotated[
    str | None,
    typer.Option(
        "--text-field",
        metavar="NAME",
        rich_help_panel=INPUT,
        help="Column with the documents. Default: the column text, else the only column of text.",
    ),
]
IdField = Annotated[
    str | None,
    typer.Option(
        "--id-field",
        metavar="NAME",
        rich_help_panel=INPUT,
        help="Column with the documents' ids. Default: row numbers from 0.",
    ),
]
LabelField = Annotated[
    str | None,
    typer.Option(
        "--label-field",
        metavar="NAME",
        rich_help_panel=INPUT,
        help="Column with the true classes, if there is one: scores the clusters against them.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        parser=choices.one_of(*choices.FORMATS),
        metavar="NAME",
        rich_help_panel=INPUT,
        help="auto, jsonl, csv, tsv, parquet, arrow or lines; auto looks at the content and the name.",
    ),
]
EncodingErrors = Annotated[
    str,
    typer.Option(
        "--encoding-errors",
        parser=choices.one_of(*choices.ENCODING_ERRORS),
        metavar="strict|replace",
        rich_help_panel=INPUT,
        help="Bytes that are not UTF-8: strict stops and names the row, replace reads them as U+FFFD.",
    ),
]
MaxDocumentBytes = Annotated[
    int,
    typer.Option(
        "--max-document-bytes",
        min=1,
        metavar="BYTES",
        rich_help_panel=INPUT,
        help="The longest line, CSV record or text that is read; a longer one is an error.",
    ),
]
Language = Annotated[
    str,
    typer.Option(
        "--language",
        parser=choices.one_of(*choices.LANGUAGES),
        metavar="en|zh",
        rich_help_panel=TERMS,
        help="How words are found and which stop words apply: en, or zh (Chinese, also mixed with English).",
    ),
]
MinDf = Annotated[
    Any,
    typer.Option(
        "--min-df",
        parser=parse_document_frequency,
        metavar="N|SHARE",
        rich_help_panel=TERMS,
        help="Drop terms in fewer documents.",
    ),
]
MaxDf = Annotated[
    Any,
    typer.Option(
        "--max-df",
        parser=parse_document_frequency,
        metavar="N|SHARE",
        rich_help_panel=TERMS,
        help="Drop terms in more documents; 0.5 is half of them.",
    ),
]
NgramRange = Annotated[
    Any,
    typer.Option(
        "--ngram-range",
        "--ngrams",
        parser=parse_ngram_range,
        metavar="LOW,HIGH",
        rich_help_panel=TERMS,
        help="Runs of words that count as a term: 1 for words, 1,2 for words and pairs.",
    ),
]
MaxFeatures = Annotated[
    int | None,
    typer.Option(
        "--max-features",
        min=1,
        metavar="N",
        rich_help_panel=TERMS,
        help="Keep only the N most frequent terms.",
    ),
]
StopWords = Annotated[
    str,
    typer.Option(
        "--stop-words",
        metavar="auto|none|FILE",
        rich_help_panel=TERMS,
        help="Words to ignore: the language's list, none, or a file with one word per line.",
    ),
]
NThreads = Annotated[
    int | None,
    typer.Option(
        "--n-threads",
        min=1,
        metavar="N",
        rich_help_panel=CLUSTERING,
        help="Default: all cores. The result is the same for any number.",
    ),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        metavar="SIZE",
        rich_help_panel=MEMORY,
        help="Most memory to use, such as 500M or 4GB: the corpus is read anew in each step, its rows wait on disk, "
        "and the results are the same. Default: in memory, within a limit of half of it where that is too large.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        rich_help_panel=MEMORY,
        help="Go on where a run with --memory-limit and the same options was stopped.",
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        callback=check_parquet_name,
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Parquet file to write the table to.",
    ),
]
MovedEncoder = Annotated[
    Path | None,
    typer.Option(
        "--encoder",
        metavar="PATH",
        rich_help_panel=INPUT,
        show_default=False,
        help="Where the model's encoder folder or file of word vectors is now, if it was moved.",
    ),
]
CopyEncoder = Annotated[
    bool,
    typer.Option(
        "--copy-encoder",
        rich_help_panel=OUTPUT,
        help="Copy the encoder's files into the model, which then stands alone (onnx:DIR, static:FILE); otherwise it "
        "names their path and SHA-256, and they have to stay.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        rich_help_panel=OUTPUT,
        help="Replace the output of an earlier run; refused without it.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON object on stdout and nothing else."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Print nothing unless something is wrong."),
]
NClusters = Annotated[
    Any,
    typer.Option(
        "--n-clusters",
        "-k",
        parser=parse_n_clusters,
        metavar="N|auto",
        rich_help_panel=CLUSTERING,
        show_default="20, or as many as there are",
        help="How many clusters; auto tries a range and says why it chose, or that there is no clear number.",
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        parser=choices.one_of(*choices.METRICS),
        metavar="NAME",
        rich_help_panel=CLUSTERING,
        help="Distance of documents: cosine or euclidean; for average, complete, single, hdbscan, dbscan and spectral "
        "also jaccard (of sets of terms) and weighted_jaccard.",
    ),
]
NInit = Annotated[
    int | None,
    typer.Option(
        "--n-init",
        min=1,
        rich_help_panel=CLUSTERING,
        show_default="1",
        help="Starts to try (kmeans, minibatch, bisecting); the best one is kept.",
    ),
]
MaxIter = Annotated[
    int | None,
    typer.Option(
        "--max-iter",
        min=1,
        rich_help_panel=CLUSTERING,
        show_default="100",
        help="Most iterations per start (kmeans, minibatch, bisecting).",
    ),
]
RandomState = Annotated[
    int,
    typer.Option(
        "--random-state",
        min=0,
        max=2**32 - 1,
        rich_help_panel=CLUSTERING,
        help="Seed; the same seed gives the same clusters on every machine.",
    ),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Folder for assignments.parquet, clusters.jsonl, metrics.json, model/ and report.html. "
        "Without it the clusters are only printed.",
    ),
]
Report = Annotated[
    bool | None,
    typer.Option(
        "--report/--no-report",
        rich_help_panel=OUTPUT,
        show_default="with --output",
        help="Write report.html: one page that works offline, 5 MB.",
    ),
]
ToId = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="ID",
        rich_help_panel=SEARCH,
        help="Neighbours of this document only (row number, or value of --id-field); repeatable.",
    ),
]
ToText = Annotated[
    list[str] | None,
    typer.Option(
        "--text", metavar="TEXT", rich_help_panel=SEARCH, help="Neighbours of this text; repeatable."
    ),
]
NearDuplicates = Annotated[
    bool,
    typer.Option(
        "--near-duplicates",
        rich_help_panel=SEARCH,
        help="Groups of documents that are (nearly) the same, joined at --threshold, by default 0.9.",
    ),
]
TopK = Annotated[
    int,
    typer.Option("--top-k", "-k", min=1, rich_help_panel=SEARCH, help="Most neighbours per document."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, rich_help_panel=SEARCH, help="Least similarity, from 0 to 1."
    ),
]
Similarity = Annotated[
    str,
    typer.Option(
        "--metric",
        parser=choices.one_of("cosine", "jaccard"),
        metavar="cosine|jaccard",
        rich_help_panel=SEARCH,
        help="cosine of TF-IDF weights, or the share of common terms (Jaccard).",
    ),
]
