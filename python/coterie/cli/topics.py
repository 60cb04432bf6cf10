"""``coterie topics``: from files to topics, tables, a model and a report."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coterie.cli import options, topic_options
from coterie.cli.cluster import title_of
from coterie.cli.console import counted, print_json, reports_errors, stdout_console, warn
from coterie.cli.documents import input_options, read_documents, read_stop_words, report_limits

if TYPE_CHECKING:
    from coterie.io import Corpus, OutputFolder
    from coterie.topics import TopicResult, TopicsOverTime

_COLUMN_GAP = 2
_LEAST_TERMS_WIDTH = 20  # on a terminal however narrow
# the arguments that are parameters of find_topics by the same name
_PARAMETERS = (
    "n_topics",
    "language",
    "min_df",
    "max_df",
    "ngram_range",
    "max_features",
    "max_iter",
    "random_state",
    "n_threads",
)


@reports_errors
def topics(
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    timestamp_field: topic_options.TimestampField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    language: options.Language = "en",
    min_df: options.MinDf = "2",
    max_df: options.MaxDf = "0.5",
    ngram_range: options.NgramRange = "1,1",
    max_features: options.MaxFeatures = None,
    stop_words: options.StopWords = "auto",
    vocabulary: topic_options.Vocabulary = None,
    n_topics: topic_options.NTopics = None,
    max_iter: topic_options.MaxIter = 300,
    random_state: options.RandomState = 0,
    n_threads: options.NThreads = None,
    output: topic_options.OutputFolder = None,
    report: options.Report = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the topics that the documents of some files mix, and how much of each is in every document.

    [green]coterie topics articles.jsonl --n-topics 20 --output out/[/green]
      reads the column text and writes mixtures, topics, scores, a model and a report

    [green]coterie topics news.csv.gz --n-topics 10:200 --timestamp-field date -o out/[/green]
      compares six numbers of topics, and shows topics over time

    [green]coterie topics articles.jsonl --vocabulary out/vocabulary.txt --json[/green]
      counts the terms of a file that can be edited; JSON to the next program
    """
    given = dict(locals())
    from coterie.cli.progress import Stages
    from coterie.io import OutputFolder
    from coterie.text import read_vocabulary
    from coterie.topics import find_topics

    if report and output is None:
        raise typer.BadParameter("the report needs a folder: give --output too.", param_hint="--report")
    parameters = {name: given[name] for name in _PARAMETERS} | {"stop_words": read_stop_words(stop_words)}
    if vocabulary is not None:
        parameters["vocabulary"] = read_vocabulary(vocabulary)
    target = nullcontext() if output is None else OutputFolder(output, overwrite=overwrite, inputs=files)
    with target as folder, Stages(visible=not (quiet or as_json)) as stages:
        started = time.perf_counter()
        corpus = read_documents(files, input_options(given), stages, quiet=quiet, language=language)
        seconds_read = time.perf_counter() - started
        times = _times(corpus, timestamp_field)
        result = find_topics(corpus.texts, progress=stages.share, **parameters)
        if vocabulary is None and not quiet:
            report_limits(parameters, result.parameters)
        timings = {"read": seconds_read, **result.timings}
        course = None if times is None else _course(result, times, quiet)
        if folder is not None:
            write_outputs(
                folder, corpus, result, timings, course, title=title_of(files), report=report is not False
            )
    if as_json:
        print_json(as_record(corpus, result, timings, course, output))
    elif not quiet:
        print_result(corpus, result, timings, output)


def _times(corpus: Corpus, field: str | None) -> Any:
    from coterie.cli.times import read_times

    return None if field is None else read_times(corpus.columns, field)


def _course(result: TopicResult, times: Any, quiet: bool) -> TopicsOverTime:
    from coterie.topics import topics_over_time

    n_missing = int((times != times).sum())
    if n_missing and not quiet:
        have, are = ("has", "is") if n_missing == 1 else ("have", "are")
        warn(f"{counted(n_missing, 'document')} {have} no time and {are} left out of the topics over time")
    return topics_over_time(result.mixtures, times)


def write_outputs(
    folder: OutputFolder,
    corpus: Corpus,
    result: TopicResult,
    timings: dict[str, float],
    course: TopicsOverTime | None,
    *,
    title: str,
    report: bool,
) -> None:
    """Write everything that ``coterie topics`` leaves; ``timings`` gains the seconds of report and files."""
    from coterie.io import write_metrics, write_mixtures
    from coterie.persistence import save
    from coterie.text import write_vocabulary

    started = time.perf_counter()
    write_mixtures(
        folder.file("documents.parquet"),
        corpus.ids,
        result.mixtures,
        corpus.columns,
        empty_documents=result.empty_documents,
    )
    with open(folder.file("topics.jsonl"), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in _records(corpus, result))
    save(result.model, folder.file("model"))
    try:
        write_vocabulary(result.model.named_steps["vectorizer"], folder.file("vocabulary.txt"))
    except ValueError as error:
        warn(f"no vocabulary.txt is written: {error}")
    timings["write"] = time.perf_counter() - started
    if report:
        from coterie.report import render_topics_report

        started = time.perf_counter()
        page = render_topics_report(
            result,
            corpus.texts,
            title=title,
            ids=corpus.ids,
            over_time=course,
            timings=timings,
            started=started,
        )
        folder.file("report.html").write_text(page, encoding="utf-8")
        timings["report"] = time.perf_counter() - started
    record = as_record(corpus, result, timings, course, None)
    names = ("n_documents", "n_topics", "metrics", "search", "over_time", "parameters", "timings")
    write_metrics(folder.file("metrics.json"), {name: record[name] for name in names})


def as_record(
    corpus: Corpus,
    result: TopicResult,
    timings: dict[str, float],
    course: TopicsOverTime | None,
    output: Path | None,
) -> dict[str, Any]:
    """Return the result as one JSON object."""
    over_time = None
    if course is not None:
        shares = [[None if v != v else v for v in row] for row in course.shares.tolist()]
        over_time = {
            "starts": course.starts.tolist(),
            "end": course.end,
            "n_documents": course.sizes.tolist(),
            "shares": shares,
        }
    return {
        "command": "topics",
        "n_documents": len(corpus),
        "n_topics": len(result.topics),
        "output": None if output is None else str(output),
        "metrics": result.metrics,
        "topics": _records(corpus, result),
        "search": None if result.search is None else asdict(result.search),
        "over_time": over_time,
        "parameters": result.parameters,
        "timings": timings,
    }


def _records(corpus: Corpus, result: TopicResult) -> list[dict[str, Any]]:
    return [
        {
            "topic": topic.topic,
            "share": topic.share,
            "n_documents": topic.size,
            "coherence": topic.coherence,
            "terms": [{"term": term, "probability": probability} for term, probability in topic.terms],
            "documents": [
                {
                    "row": row,
                    "id": corpus.ids[row].as_py(),
                    "share": float(result.mixtures[row, topic.topic]),
                    "text": corpus.texts[row].as_py(),
                }
                for row in topic.documents
            ],
        }
        for topic in result.topics
    ]


def print_result(corpus: Corpus, result: TopicResult, timings: dict[str, float], output: Path | None) -> None:
    """Print the topics, the scores and where the files lie."""
    from rich.table import Table
    from rich.text import Text

    console = stdout_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    left = console.width
    for name in ("topic", "share", "documents", "coherence"):
        width = max(len(name), len("100.0 %"))
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
        left -= width + _COLUMN_GAP
    table.add_column("terms", no_wrap=True, overflow="ellipsis", max_width=max(left, _LEAST_TERMS_WIDTH))
    for topic in sorted(result.topics, key=lambda topic: -topic.share):
        terms = ", ".join(term for term, _ in topic.terms)
        cells = (
            f"{topic.topic}",
            f"{100 * topic.share:.1f} %",
            f"{topic.size:,}",
            f"{topic.coherence:z.3f}",
            terms,
        )
        table.add_row(*map(Text, cells))
    console.print(table)
    if result.search is not None:
        console.print(f"\n{result.search}")
    metrics = result.metrics
    console.print(
        f"\ncoherence (NPMI) {metrics['npmi']:z.3f}, diversity {metrics['diversity']:.2f}, "
        f"{counted(int(metrics['n_empty']), 'document')} without terms"
    )
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in timings.items())
    console.print(
        f"{counted(len(corpus), 'document')}, {counted(result.matrix.shape[1], 'term')}, "
        f"{counted(len(result.topics), 'topic')} "
        f"in {sum(timings.values()):.1f} s ({stages})"
    )
    if output is not None:
        console.print(f"Written to {output}", soft_wrap=True)
