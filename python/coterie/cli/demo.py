"""``coterie demo``: the whole journey on documents that every machine with coterie has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import options
from coterie.cli.cluster import as_record, cluster_corpus, print_result, write_outputs
from coterie.cli.console import print_json, reports_errors, stdout_console

if TYPE_CHECKING:
    from coterie.cli.progress import Stages
    from coterie.io import Corpus

_TITLE = "Docstrings of Python, numpy, scipy and scikit-learn"


@reports_errors
def demo(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            rich_help_panel=options.OUTPUT,
            help="Where to write; the result of an earlier demo is replaced.",
        ),
    ] = Path("coterie-demo"),
    n_clusters: Annotated[
        str,
        typer.Option(
            "--n-clusters",
            "-k",
            parser=options.parse_n_clusters,
            metavar="N|auto",
            rich_help_panel=options.CLUSTERING,
            help="How many clusters.",
        ),
    ] = "40",
    n_threads: options.NThreads = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", rich_help_panel=options.OUTPUT, help="Write report.html.")
    ] = True,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Cluster the docstrings of Python's standard library, numpy, scipy and scikit-learn. Needs no data.

    The sources are parsed, nothing is imported. The labels are packages such as
    scipy.stats; the scores say how well the clusters, made from the words alone,
    agree with them.

    [green]coterie demo[/green]
      writes docstrings.parquet and the files of coterie cluster to ./coterie-demo
    """
    from coterie.cli.progress import Stages
    from coterie.io import OutputFolder

    with OutputFolder(output, overwrite=True) as folder, Stages(visible=not (quiet or as_json)) as stages:
        started = time.perf_counter()
        corpus, n_packages = _read_docstrings(stages)
        parameters = {"n_clusters": n_clusters, "n_threads": n_threads, "n_init": 3}
        result, timings = cluster_corpus(corpus, parameters, time.perf_counter() - started, stages)
        _write_corpus(folder.file("docstrings.parquet"), corpus)
        write_outputs(folder, corpus, result, timings, title=_TITLE, report=report)
    if as_json:
        print_json(as_record("demo", corpus, result, timings, output))
    elif not quiet:
        print_result(corpus, result, timings, output)
        console = stdout_console()
        console.print(
            f"\nNMI {result.metrics['nmi']:.3f}: {len(result.clusters)} clusters, made from words alone, against "
            f"{n_packages} packages"
        )
        if report:
            console.print(f"Open {output / 'report.html'} in a browser", soft_wrap=True)


def _read_docstrings(stages: Stages) -> tuple[Corpus, int]:
    from coterie._validation import require_extra
    from coterie.demo import collect_docstrings
    from coterie.io import Corpus

    pa = require_extra("pyarrow", "cli")
    found = collect_docstrings(stages.share)
    stages.n_documents = len(found.texts)
    corpus = Corpus(
        texts=pa.array(found.texts, pa.large_string()),
        ids=pa.array(found.names, pa.string()),
        labels=pa.array(found.labels, pa.large_string()),
        columns=pa.table({"": pa.nulls(len(found.texts))}).select([]),
        n_null_texts=0,
        n_duplicate_ids=0,
    )
    return corpus, len(set(found.labels))


def _write_corpus(path: Path, corpus: Corpus) -> None:
    from coterie._validation import require_extra

    pa = require_extra("pyarrow", "cli")
    table: Any = pa.table({"id": corpus.ids, "text": corpus.texts, "label": corpus.labels})
    require_extra("pyarrow.parquet", "cli").write_table(table, path, compression="zstd")
