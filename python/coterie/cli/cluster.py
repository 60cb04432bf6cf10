"""``coterie cluster``: from files to clusters, tables, a model and a report."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coterie.cli import clusterer_options, options
from coterie.cli.cluster_large import cluster_large, is_too_large, large_run
from coterie.cli.console import counted, print_json, reports_errors, stdout_console, warn
from coterie.cli.documents import (
    input_options,
    read_documents,
    read_stop_words,
    report_limits,
    report_unlabelled,
)

if TYPE_CHECKING:
    from coterie.io import Corpus, OutputFolder
    from coterie.journey import ClusterResult, ClusterSummary
    from coterie.refine import Refinement


# the arguments that are parameters of cluster_texts by the same name, and those that its clusterer_options take
_PARAMETERS = (
    "encoder",
    "clusterer",
    "n_clusters",
    "language",
    "metric",
    "min_df",
    "max_df",
    "ngram_range",
    "max_features",
    "n_init",
    "max_iter",
    "refine",
    "max_unassigned",
    "random_state",
    "n_threads",
)
_METRICS = ("n_documents", "metrics", "k_search", "method_search", "refinement", "parameters", "timings")
_CLUSTERER_OPTIONS = ("distance_threshold", "min_cluster_size", "min_samples", "eps", "n_neighbors", "device")


@reports_errors
def cluster(
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    label_field: options.LabelField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    language: options.Language = "en",
    min_df: options.MinDf = "2",
    max_df: options.MaxDf = "0.5",
    ngram_range: options.NgramRange = "1,1",
    max_features: options.MaxFeatures = None,
    stop_words: options.StopWords = "auto",
    encoder: clusterer_options.Encoder = "tfidf",
    clusterer: clusterer_options.Clusterer = "kmeans",
    n_clusters: options.NClusters = None,
    metric: options.Metric = "cosine",
    n_init: options.NInit = None,
    max_iter: options.MaxIter = None,
    distance_threshold: clusterer_options.DistanceThreshold = None,
    min_cluster_size: clusterer_options.MinClusterSize = None,
    min_samples: clusterer_options.MinSamples = None,
    eps: clusterer_options.Eps = None,
    n_neighbors: clusterer_options.NNeighbors = None,
    device: clusterer_options.Device = None,
    refine: clusterer_options.Refine = None,
    max_unassigned: clusterer_options.MaxUnassigned = None,
    random_state: options.RandomState = 0,
    n_threads: options.NThreads = None,
    memory_limit: options.MemoryLimit = None,
    resume: options.Resume = False,
    output: options.OutputFolder = None,
    copy_encoder: options.CopyEncoder = False,
    report: options.Report = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Group the documents of some files into clusters and say what each is about.

    [green]coterie cluster articles.jsonl --n-clusters 20 --output out/[/green]
      reads the column text and writes assignments, clusters, scores, a model and a report

    [green]coterie cluster reviews.parquet news.csv.gz --language zh -k 50 --label-field label[/green]
      several files, Chinese, scored against known classes; the clusters are printed

    [green]coterie cluster tickets.csv --encoder lsa --clusterer ward -k 30 --output out/[/green]
      dense rows, hierarchical clusters, and their dendrogram in the report

    [green]coterie cluster questions.jsonl --method auto -k 50 --max-unassigned 0.05[/green]
      the way to cluster is chosen by evidence; at most 5 % of the documents are left in no cluster

    [green]zcat titles.txt.gz | coterie cluster - -k auto --json[/green]
      one document per line from a pipe; the number of clusters is searched for; JSON to the next program
    """
    given = dict(locals())
    from coterie.cli.progress import Stages

    _check_output(report, resume, copy_encoder, output)
    inputs, parameters = input_options(given), _parameters(given)
    if memory_limit is not None or resume or is_too_large(files, inputs, parameters, report):
        cluster_large(files, inputs, parameters, large_run(given), as_json, quiet)
        return
    with output_folder(output, overwrite, files) as folder, Stages(visible=not (quiet or as_json)) as stages:
        started = time.perf_counter()
        corpus = read_documents(files, inputs, stages, quiet=quiet, language=language)
        result, timings = cluster_corpus(corpus, parameters, time.perf_counter() - started, stages)
        if folder is not None:
            write_outputs(folder, corpus, result, timings, title_of(files), report is not False, copy_encoder)
    if not quiet:
        report_limits(parameters, result.parameters)
    if as_json:
        print_json(as_record("cluster", corpus, result, timings, output))
    elif not quiet:
        print_result(corpus, result, timings, output)


def _check_output(report: bool | None, resume: bool, copy_encoder: bool, output: Path | None) -> None:
    if report and output is None:
        raise typer.BadParameter("the report needs a folder: give --output too.", param_hint="--report")
    if resume and output is None:
        raise typer.BadParameter("give the --output of the run that was stopped.", param_hint="--resume")
    if copy_encoder and output is None:
        raise typer.BadParameter("the model needs a folder: give --output too.", param_hint="--copy-encoder")


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of cluster_texts."""
    parameters = {name: given[name] for name in _PARAMETERS}
    parameters["stop_words"] = read_stop_words(given["stop_words"])
    parameters["clusterer_options"] = {n: given[n] for n in _CLUSTERER_OPTIONS if given[n] is not None}
    return parameters


def output_folder(output: Path | None, overwrite: bool, files: list[str]) -> Any:
    """Return the staged folder as a context, or one that gives None."""
    if output is None:
        return nullcontext()
    from coterie.io import OutputFolder

    return OutputFolder(output, overwrite=overwrite, inputs=files)


def title_of(files: list[str]) -> str:
    names = ["standard input" if file == "-" else Path(file).name for file in files]
    return ", ".join(names)


def cluster_corpus(
    corpus: Corpus, parameters: dict[str, Any], seconds_read: float, stages: Any
) -> tuple[ClusterResult, dict[str, float]]:
    """Cluster what was read; return the result and the seconds of all stages so far."""
    from coterie.journey import cluster_texts

    labels = None if corpus.labels is None else corpus.labels.to_pylist()
    has_missing = labels is not None and None in labels
    result = cluster_texts(
        corpus.texts, labels=None if has_missing else labels, progress=stages.share, **parameters
    )
    if labels is not None and has_missing:
        result = _score_known(result, labels)
    return result, {"read": seconds_read, **result.timings}


def _score_known(result: ClusterResult, labels: list[str | None]) -> ClusterResult:
    """Add the scores against the labels that are there."""
    from coterie.evaluate import evaluate

    known = [row for row, label in enumerate(labels) if label is not None]
    report_unlabelled(len(labels) - len(known), len(labels))
    scores = evaluate([labels[row] for row in known], result.labels[known]) if known else {}
    return replace(result, metrics={**result.metrics, **scores})


def write_outputs(
    folder: OutputFolder,
    corpus: Corpus,
    result: ClusterResult,
    timings: dict[str, float],
    title: str,
    report: bool,
    copy_encoder: bool = False,
) -> None:
    """Write everything that ``coterie cluster`` leaves; ``timings`` gains the seconds of report and files."""
    from coterie.io import write_assignments, write_clusters, write_metrics
    from coterie.persistence import can_save, save_model

    started = time.perf_counter()
    columns = corpus.columns
    if corpus.labels is not None:
        columns = columns.append_column("label", corpus.labels)
    write_assignments(folder.file("assignments.parquet"), corpus.ids, result, columns)
    write_clusters(folder.file("clusters.jsonl"), all_clusters(result), corpus.texts, corpus.ids)
    if can_save(result.model):
        save_model(result.model, folder.file("model"), copy_encoder=copy_encoder)
    else:
        encoder = type(result.model.encoder).__name__
        warn(
            f"no model/ is written: a model folder cannot hold {encoder}; pickle the ClusterModel of the Python API"
        )
    timings["write"] = time.perf_counter() - started
    if report:
        from coterie.report import render_report

        started = time.perf_counter()
        labels = None if corpus.labels is None else corpus.labels.to_pylist()
        page = render_report(
            result,
            corpus.texts,
            title=title,
            ids=corpus.ids,
            labels=labels,
            timings=timings,
            started=started,
        )
        folder.file("report.html").write_text(page, encoding="utf-8")
        timings["report"] = time.perf_counter() - started
    record = as_record("cluster", corpus, result, timings, None)
    write_metrics(
        folder.file("metrics.json"),
        {name: record[name] for name in _METRICS},
    )


def all_clusters(result: ClusterResult) -> list[ClusterSummary]:
    """Return the clusters and, as the last one, what is noise, if anything is."""
    from coterie.journey import ClusterSummary

    n_noise = int(result.metrics.get("n_noise", 0))
    return result.clusters + ([ClusterSummary(-1, n_noise, [], [])] if n_noise else [])


def as_record(
    command: str, corpus: Corpus, result: ClusterResult, timings: dict[str, float], output: Path | None
) -> dict[str, Any]:
    """Return the result as one JSON object, the same for ``--json`` and ``metrics.json``."""
    return {
        "command": command,
        "n_documents": len(corpus),
        "n_clusters": len(result.clusters),
        "output": None if output is None else str(output),
        "metrics": result.metrics,
        "clusters": [
            {
                "cluster": summary.cluster,
                "size": summary.size,
                "terms": [{"term": term, "weight": weight} for term, weight in summary.terms],
                "representatives": [
                    {"row": row, "id": corpus.ids[row].as_py(), "text": corpus.texts[row].as_py()}
                    for row in summary.representatives
                ],
            }
            for summary in all_clusters(result)
        ],
        "k_search": None if result.k_search is None else asdict(result.k_search),
        "method_search": None if result.method_search is None else asdict(result.method_search),
        "refinement": None if result.refinement is None else _numbers(result.refinement),
        "parameters": result.parameters,
        "timings": timings,
    }


def _numbers(refinement: Refinement) -> dict[str, Any]:
    return {name: value for name, value in vars(refinement).items() if name != "labels"}


def print_result(
    corpus: Corpus, result: ClusterResult, timings: dict[str, float], output: Path | None
) -> None:
    """Print the clusters, the scores and where the files lie."""
    from coterie.cli.tables import clusters_table, scores_table

    console = stdout_console()
    summaries = all_clusters(result)
    sizes = {summary.cluster: summary.size for summary in summaries}
    console.print(clusters_table(summaries, sizes, console.width, lambda row: corpus.texts[row].as_py()))
    console.print()
    console.print(scores_table(result.metrics))
    for told in (result.k_search, result.method_search, result.refinement):
        if told is not None:
            console.print(f"\n{told}")
    unit = "term" if result.parameters.get("encoder", "tfidf") == "tfidf" else "dimension"
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in timings.items())
    n_clusters = counted(len(result.clusters), "cluster")
    console.print(
        f"\n{counted(len(corpus), 'document')}, {counted(result.n_features, unit)}, {n_clusters} "
        f"in {sum(timings.values()):.1f} s ({stages})"
    )
    if output is not None:
        console.print(f"Written to {output}", soft_wrap=True)
