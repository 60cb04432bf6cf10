"""``coterie compare``: encoders and clusterers side by side on the same documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie._excerpt import excerpt
from coterie.cli import choices, clusterer_options, options
from coterie.cli.console import counted, print_json, reports_errors, stdout_console, warn
from coterie.cli.documents import input_options, read_documents

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from coterie.compare import Comparison, ComparisonRun
    from coterie.io import Corpus

COMPARED = "Compared"
_SHOWN_ENCODER = 28  # columns of an encoder's name in the table
_LEAST_ENCODER = 8
_HEADINGS = {"nmi": "NMI = V"}
_PER_CLUSTERER = ("min_cluster_size", "min_samples", "eps", "n_neighbors")


Encoders = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        parser=choices.parse_encoder,
        metavar="NAME",
        rich_help_panel=COMPARED,
        show_default="tfidf and lsa",
        help="What turns documents into rows, tfidf, lsa, cooccurrence, onnx:DIR or static:FILE; repeatable.",
    ),
]
Clusterers = Annotated[
    list[str] | None,
    typer.Option(
        "--clusterer",
        parser=choices.one_of(*choices.CLUSTERERS),
        metavar="NAME",
        rich_help_panel=COMPARED,
        show_default="kmeans and ward",
        help="As for coterie cluster: kmeans, ward, hdbscan, ...; repeatable.",
    ),
]
NClusters = Annotated[
    int | None,
    typer.Option(
        "--n-clusters",
        "-k",
        min=1,
        metavar="N",
        rich_help_panel=COMPARED,
        show_default="as many as there are labels",
        help="How many clusters.",
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds", min=1, metavar="N", rich_help_panel=COMPARED, help="Runs of each, with the seeds 0, 1, ..."
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(
        "--sample",
        min=2,
        metavar="N",
        rich_help_panel=COMPARED,
        help="Compare on N documents drawn at random (always the same ones).",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=options.OUTPUT,
        help="Folder for comparison.html and comparison.json.",
    ),
]


@reports_errors
def compare(
    files: options.Files,
    text_field: options.TextField = None,
    label_field: options.LabelField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    language: options.Language = "en",
    encoder: Encoders = None,
    clusterer: Clusterers = None,
    n_clusters: NClusters = None,
    seeds: Seeds = 3,
    sample: Sample = None,
    metric: options.Metric = "cosine",
    min_cluster_size: clusterer_options.MinClusterSize = None,
    min_samples: clusterer_options.MinSamples = None,
    eps: clusterer_options.Eps = None,
    n_neighbors: clusterer_options.NNeighbors = None,
    n_threads: options.NThreads = None,
    output: Output = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Cluster the same documents by every encoder with every clusterer, and show quality, seconds and memory.

    [green]coterie compare a.jsonl --label-field topic --encoder tfidf --encoder lsa --clusterer ward -o out/[/green]
      two combinations, three seeds each, every stage in a process of its own

    [green]coterie compare titles.csv --clusterer kmeans --clusterer hdbscan -k 50 --sample 5000[/green]
      without labels: internal scores only, on a sample
    """
    given = dict(locals())
    clusterers = clusterer or ["kmeans", "ward"]
    from coterie.cli.cluster import output_folder, title_of
    from coterie.cli.progress import Stages
    from coterie.compare import compare as run_comparison

    with output_folder(output, overwrite, files) as folder, Stages(visible=not (quiet or as_json)) as stages:
        inputs = input_options(given | {"id_field": None})
        corpus = read_documents(files, inputs, stages, quiet=quiet, language=language)
        texts, labels = _chosen(corpus, sample, quiet)
        stages.n_documents = len(texts)
        comparison = run_comparison(
            texts,
            labels=labels,
            encoders=encoder or ["tfidf", "lsa"],
            clusterers=clusterers,
            n_clusters=n_clusters,
            metric=metric,
            language=language,
            seeds=range(seeds),
            clusterer_options=_options_of(clusterers, given),
            n_threads=n_threads,
            progress=stages.share,
        )
        if all(run.error is not None for run in comparison.runs):
            first = comparison.runs[0]
            raise ValueError(f"every combination failed; {first.name}: {first.error}")
        if folder is not None:
            _write(folder, comparison, title_of(files))
    if as_json:
        print_json(comparison.as_record())
    elif not quiet:
        _print(comparison, output)


def _chosen(corpus: Corpus, sample: int | None, quiet: bool) -> tuple[list[str], list[str] | None]:
    """Return the documents to compare on, those with a label where there are labels, and their labels."""
    from coterie.compare import sample_rows

    texts, labels = corpus.texts.to_pylist(), None if corpus.labels is None else corpus.labels.to_pylist()
    if labels is not None and None in labels:
        known = [row for row, label in enumerate(labels) if label is not None]
        if not known:
            raise ValueError("no document has a label")
        if not quiet:
            n_missing = len(labels) - len(known)
            have, are = ("has", "is") if n_missing == 1 else ("have", "are")
            warn(f"{counted(n_missing, 'document')} {have} no label and {are} left out")
        texts, labels = [texts[row] for row in known], [labels[row] for row in known]
    if sample is not None:
        rows = sample_rows(len(texts), sample)
        texts = [texts[row] for row in rows]
        labels = None if labels is None else [labels[row] for row in rows]
    return texts, labels


def _options_of(clusterers: list[str], given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give each clusterer the options that it takes; one that none takes is an error."""
    from coterie.cluster.factory import options_of

    chosen = {name: given[name] for name in _PER_CLUSTERER if given[name] is not None}
    taken = {
        name: {option: chosen[option] for option in options_of(name) if option in chosen}
        for name in clusterers
    }
    for option in chosen:
        if not any(option in options for options in taken.values()):
            raise ValueError(f"{option} is no option of {', '.join(clusterers)}")
    return taken


def _write(folder: Any, comparison: Comparison, title: str) -> None:
    from coterie.io import write_metrics
    from coterie.report.comparison import render_comparison

    write_metrics(folder.file("comparison.json"), comparison.as_record())
    folder.file("comparison.html").write_text(render_comparison(comparison, title=title), encoding="utf-8")


def _print(comparison: Comparison, output: Path | None) -> None:
    console = stdout_console()
    for number, table in enumerate(comparison_tables(comparison, console)):
        if number:
            console.print()
        console.print(table)
    classes = "" if comparison.n_classes is None else f", {comparison.n_classes:,} classes"
    n_seeds = len(comparison.parameters["seeds"])
    console.print(
        f"\n{comparison.n_documents:,} documents{classes}; means of {counted(n_seeds, 'seed')}, ± half their range; "
        "silhouettes compare within an encoder only"
    )
    for run in comparison.runs:
        if run.error is not None:
            console.print(f"{run.name}: {run.error}", soft_wrap=True)
    if output is not None:
        console.print(f"Written to {output}", soft_wrap=True)


def comparison_tables(comparison: Comparison, console: Console) -> list[Table]:
    """Return the runs, best first: names, scores, seconds of encoding and clustering, peak memory.

    What is too wide for the console comes in two tables: the scores against the labels, and the rest.
    """
    from coterie.report.comparison import SCORES, columns_of

    columns = [column for column in columns_of(comparison) if column != "v_measure"]  # the same as NMI
    headings = [_HEADINGS.get(column, SCORES[column]) for column in columns]
    names = ["k", *headings, "encode s", "cluster s", "MiB"]
    rows = [_cells(run, columns) for run in comparison.ranked(columns[0] if columns else "nmi")]
    table = _table(names, rows, range(len(names)))
    n_external = sum(not column.startswith("silhouette") for column in columns)
    unbounded = console.options.update(max_width=1000)
    if n_external == 0 or console.measure(table, options=unbounded).maximum <= console.width:
        return [table]
    tables = [
        _table(names, rows, range(1 + n_external)),
        _table(names, rows, range(1 + n_external, len(names))),
    ]
    longest = max((len(cells[0]) for cells in rows), default=0)
    for table in tables:  # encoders give way, as rich takes from all columns
        excess = console.measure(table, options=unbounded).maximum - console.width
        if excess > 0:
            table.columns[0].max_width = max(_LEAST_ENCODER, longest - excess)
    return tables


def _table(names: list[str], rows: list[list[str]], shown: range) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("encoder", no_wrap=True, overflow="ellipsis", min_width=_LEAST_ENCODER)
    table.add_column("clusterer", no_wrap=True, min_width=9)
    for number in shown:
        widest = max((len(cells[2 + number]) for cells in rows if len(cells) > 2 + number), default=0)
        table.add_column(
            names[number], justify="right", no_wrap=True, min_width=max(widest, len(names[number]))
        )
    for cells in rows:
        table.add_row(*map(Text, [*cells[:2], *cells[2 + shown.start : 2 + shown.stop]]))
    return table


def _cells(run: ComparisonRun, columns: list[str]) -> list[str]:
    names = [excerpt(run.encoder, _SHOWN_ENCODER), run.clusterer]
    if run.error is not None:
        return [*names, "-", "failed"]
    seconds = [f"{run.mean_seconds(stage) or 0:,.2f}" for stage in ("encode", "cluster")]
    return [
        *names,
        f"{sum(run.n_clusters) / len(run.n_clusters):,.0f}",
        *(_mean_and_spread(run.scores.get(column)) for column in columns),
        *seconds,
        f"{max(run.peak_memory.values()) / 2**20:,.0f}",
    ]


def _mean_and_spread(values: list[float] | None) -> str:
    if not values:
        return "-"
    spread = (max(values) - min(values)) / 2
    mean = f"{sum(values) / len(values):z.3f}"
    return mean if spread < 0.0005 else f"{mean} ±{spread:.3f}".replace("±0.", "±.")
