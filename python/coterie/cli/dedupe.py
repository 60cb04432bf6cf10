"""``coterie dedupe``: a corpus without its near-duplicates."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from coterie.cli import dedupe_options, options
from coterie.cli.console import counted, print_json, reports_errors, stdout_console
from coterie.cli.documents import input_options, read_stop_words, report_oddities

if TYPE_CHECKING:
    from coterie.dedupe import DedupeResult

_OF_SEARCH = ("threshold", "metric", "method", "n_hashes", "seed")
_OF_TEXT = ("language", "analyzer", "ngram_range", "n_threads")
_ID_LENGTH, _TEXT_LENGTH = 30, 84


@reports_errors
def dedupe(
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    language: options.Language = "en",
    analyzer: dedupe_options.Analyzer = "word",
    ngram_range: options.NgramRange = "1,1",
    stop_words: options.StopWords = "none",
    threshold: dedupe_options.Threshold = 0.8,
    metric: dedupe_options.Metric = "jaccard",
    method: dedupe_options.Method = "exact",
    n_hashes: dedupe_options.NHashes = 128,
    seed: dedupe_options.Seed = 0,
    n_threads: options.NThreads = None,
    output: dedupe_options.OutputFolder = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep one document of each group of near-duplicates, the first.

    [green]coterie dedupe articles.jsonl --output unique/[/green]
      unique/kept.parquet holds what is left, unique/groups.parquet who was dropped for whom and how similar they are

    [green]coterie dedupe titles.jsonl.gz --language zh --threshold 0.7[/green]
      Chinese titles, cut into words; the groups are only printed

    [green]coterie dedupe pages.parquet --analyzer char_wb --ngram-range 4 --method minhash -o unique/[/green]
      long pages with small changes, by runs of four characters
    """
    given = dict(locals())
    from coterie.cli.progress import Stages
    from coterie.dedupe import dedupe_files

    with Stages(visible=not (quiet or as_json)) as stages:
        found = dedupe_files(
            files,
            output,
            **{name: given[name] for name in (*_OF_SEARCH, *_OF_TEXT)},
            stop_words=read_stop_words(stop_words),
            overwrite=overwrite,
            progress=stages.count,
            **_reading(given),
        )
    if not quiet:
        report_oddities(found.n_null_texts, found.n_duplicate_ids)
    if as_json:
        print_json({"command": "dedupe", "output": output, **found.summary()})
    elif not quiet:
        _print_groups(found)
        if output is not None:
            stdout_console().print(f"Written to {output}", soft_wrap=True)


def _reading(given: dict[str, Any]) -> dict[str, Any]:
    reading = asdict(input_options(given))
    del reading["label_field"]
    return reading


def _print_groups(found: DedupeResult) -> None:
    """Print the largest groups with their first documents, and the numbers."""
    from rich.text import Text

    from coterie._excerpt import excerpt

    console = stdout_console()
    for size, members in found.groups:
        console.print(Text(f"{size:,} documents", style="bold"))
        for name, text, similarity in members:
            line = f"  {similarity:.3f}  {excerpt(str(name), _ID_LENGTH)}  {excerpt(text, _TEXT_LENGTH)}"
            console.print(Text(line), no_wrap=True, overflow="ellipsis")
        if size > len(members):
            console.print(f"  and {size - len(members):,} more")
    console.print(
        f"\n{counted(found.n_groups, 'group')} of near-duplicates ({found.parameters['metric']} >= "
        f"{found.parameters['threshold']:g}); keeping one of each leaves {found.n_kept:,} of {found.n_documents:,} "
        f"documents and drops {found.n_dropped:,}, {found.n_copies:,} of them with the very terms of what is kept"
    )
    if found.recall < 1:
        console.print(f"MinHash sees a pair exactly at the threshold with probability {found.recall:.3f}")
