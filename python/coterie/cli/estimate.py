"""``coterie estimate``: time and memory of ``coterie cluster``, before it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from coterie.cli import clusterer_options, options
from coterie.cli.console import print_json, reports_errors, stdout_console
from coterie.cli.documents import input_options, read_stop_words

if TYPE_CHECKING:
    from coterie.outofcore import Estimate

_PARAMETERS = (
    "n_clusters",
    "language",
    "metric",
    "min_df",
    "max_df",
    "ngram_range",
    "max_features",
    "n_init",
    "max_iter",
    "random_state",
    "n_threads",
)


@reports_errors
def estimate(
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
    n_clusters: options.NClusters = "20",
    metric: options.Metric = "cosine",
    n_init: options.NInit = 1,
    max_iter: options.MaxIter = 100,
    device: clusterer_options.Device = None,
    random_state: options.RandomState = 0,
    n_threads: options.NThreads = None,
    report: options.Report = None,
    as_json: options.AsJson = False,
) -> None:
    """Predict time and memory of coterie cluster with the same options, measured on a part of the input.

    [green]coterie estimate corpus-*.jsonl.gz --n-clusters 200[/green]
      seconds of each stage, the peak of memory, and the least --memory-limit with the disk that it takes

    [green]coterie estimate corpus.parquet --n-clusters 200 --no-report --json[/green]
      without the report; JSON to the next program
    """
    given = dict(locals())
    from coterie._device import open_device
    from coterie.outofcore import estimate as measured

    opened = None if device is None else open_device(device)
    parameters = {name: given[name] for name in _PARAMETERS} | {"stop_words": read_stop_words(stop_words)}
    defaults = ("n_clusters", "n_init", "max_iter")  # None leaves them to the library
    parameters = {n: v for n, v in parameters.items() if not (n in defaults and v is None)}
    found = measured(files, report=report is not False, **parameters, **asdict(input_options(given)))
    there = None if opened is None else _on_device(found, opened)
    if as_json:
        extra = {"total_seconds": found.total_seconds, "fits": found.fits, "device": there}
        print_json({"command": "estimate", **asdict(found), **extra})
    else:
        _show(found)
        if there is not None:
            _show_device(there)


def _on_device(found: Estimate, device: Any) -> dict[str, Any]:
    """Return what K-means takes of the device's memory, beside what is free."""
    from coterie.cluster._device_memory import device_bytes

    needed = device_bytes(found.n_documents, found.n_features, found.n_clusters, found.n_stored, lent=False)
    return {"name": device.name, "index": device.index, "bytes": needed, "free_bytes": device.free_memory}


def _show_device(there: dict[str, Any]) -> None:
    needed, free = there["bytes"], there["free_bytes"]
    verdict = "" if needed <= free else "; more than there is, so K-means needs --memory-limit"
    stdout_console().print(
        f"memory of device {there['index']} ({there['name']}): {_size(needed)} of {_size(free)} that are free{verdict}"
    )


def _show(found: Estimate) -> None:
    from rich.table import Table

    console = stdout_console()
    table = Table(box=None)
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in found.seconds.items():
        table.add_row(stage, f"{seconds:,.1f}")
    table.add_row("together", f"{found.total_seconds:,.1f}")
    console.print(table)
    whole = "all of them" if found.n_sampled >= found.n_documents else f"{found.n_sampled:,} of them"
    console.print(
        f"\nabout {found.n_documents:,} documents (measured on {whole}), {found.n_features:,} terms, "
        f"{found.n_clusters:,} clusters"
    )
    console.print(f"memory: {_size(found.peak_bytes)} of {_size(found.memory_bytes)}{_verdict(found)}")
    console.print(
        f"--memory-limit: {_size(found.least_bytes)} or more, with {_size(found.disk_bytes)} of disk beside the output"
    )


def _verdict(found: Estimate) -> str:
    return "" if found.fits else "; more than half, so coterie cluster will work from disk"


def _size(n_bytes: int) -> str:
    value: Any = n_bytes / 1e6
    return f"{value:,.0f} MB" if value < 10_000 else f"{value / 1000:,.1f} GB"
