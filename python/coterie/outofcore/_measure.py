"""A process of its own that makes the journey on samples.

A JSON request comes on the standard input, the answer goes to the standard output. A peak of memory belongs to a
process, so that it is measured in one that does nothing else.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from coterie._validation import require_extra
from coterie.io import OutputFolder, TextBatch, write_assignments, write_clusters
from coterie.io._arrow import concat_columns, concat_tables
from coterie.journey import ClusterResult, cluster_texts
from coterie.outofcore._memory import release_unused, resident_bytes
from coterie.outofcore._sample import Sample, read_sample
from coterie.persistence import save_model

_SHARES = (4, 2, 1)  # of the sample: a quarter, half, all
_MAP_DOCUMENTS = 1000


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Return the estimates of the input and, for each part of the sample, seconds, peak bytes and sizes."""
    parameters, labels_wanted = request["parameters"], request["reading"].get("label_field") is not None
    parameters["ngram_range"] = tuple(parameters["ngram_range"])
    for module in ("coterie.cli.app", "coterie.cli.progress", "plotly.offline", "jinja2"):
        require_extra(module, "cli")  # what the command holds
    cluster_texts(
        ["red apple", "green apple", "slow train", "fast train"] * 5, n_clusters=2
    )  # starts the threads
    start = _seconds_since_start()
    base = release_unused()
    sample = read_sample(request["paths"], request["reading"], request["documents"], request["bytes"])
    if sample.n_sampled == 0:
        raise ValueError(f"no documents in {', '.join(request['paths'])}")
    parts = []
    for share in _SHARES:
        n = sample.n_sampled // share
        if n >= 20 * (1 if share == 1 else 50) or share == 1:
            parts.append(_measure_part(sample, n, parameters, labels_wanted))
    answer = {name: getattr(sample, name) for name in ("text_bytes", "other_bytes", "seconds", "is_whole")}
    result, before, reset = parts[-1].pop("result"), resident_bytes(), _reset_peak()
    report, imports = _report_seconds(result, sample) if request["report"] else (0.0, 0.0)
    report_bytes = _peak() - before if reset else 0
    for part in parts[:-1]:
        part.pop("result")
    n_documents = round(sample.n_documents)
    return {
        **answer,
        "n_documents": n_documents,
        "base": base,
        "start": start + imports,
        "parts": parts,
        "report": report,
        "report_bytes": report_bytes,
    }


def _measure_part(sample: Sample, n: int, parameters: dict[str, Any], labels_wanted: bool) -> dict[str, Any]:
    texts, ids, columns, labels = _first(sample.batches, n)
    held = texts.nbytes + ids.nbytes + columns.nbytes
    elsewhere = release_unused() - held  # the whole sample and the interpreter
    reset = _reset_peak()
    classes = labels.to_pylist() if labels_wanted else None
    known = classes is not None and None not in classes
    result = cluster_texts(texts, labels=classes if known else None, **parameters)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as parent, OutputFolder(Path(parent, "out")) as output:
        write_assignments(output.file("assignments.parquet"), ids, result, columns)
        write_clusters(output.file("clusters.jsonl"), result.clusters, texts, ids)
        save_model(result.model, output.file("model"))
    seconds = {**result.timings, "write": time.perf_counter() - started}
    matrix: Any = result.matrix
    return {
        "n": n,
        "seconds": seconds,
        "peak": _peak() - elsewhere if reset else 0,
        "held": held,
        "n_features": int(matrix.shape[1]),
        "n_stored": int(matrix.nnz),
        "n_clusters": len(result.clusters),
        "n_iter": int(getattr(result.model.clusterer, "n_iter_", 1)),
        "result": result,
    }


def _first(batches: list[TextBatch], n: int) -> tuple[Any, Any, Any, Any]:
    pa = require_extra("pyarrow", "cli")
    texts = pa.chunked_array([batch.texts for batch in batches], pa.large_string())[:n]
    ids = concat_columns([batch.ids for batch in batches])[:n]
    columns = concat_tables([batch.columns for batch in batches])[:n]
    labels = None
    if batches[0].labels is not None:
        labels = pa.chunked_array([batch.labels for batch in batches], pa.large_string())[:n]
    return texts.combine_chunks(), ids.combine_chunks(), columns, labels


def _seconds_since_start() -> float:
    """Seconds since the system made this process: what the interpreter and the imports take, whatever the corpus."""
    try:
        ticks = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return time.process_time()


def _report_seconds(result: ClusterResult, sample: Sample) -> tuple[float, float]:
    """Place few documents on the map and scale up, as t-SNE takes n log n; and the seconds of the imports."""
    from coterie.report import render_report

    texts = _first(sample.batches, len(result.labels))[0]
    small, large = (min(size, len(texts)) for size in (_MAP_DOCUMENTS, 2000))
    began = time.perf_counter()
    render_report(result, texts, n_map_documents=min(60, len(texts)))
    imports = time.perf_counter() - began
    times = []
    for size in (small // 4, small):
        started = time.perf_counter()
        render_report(result, texts, n_map_documents=max(2, size))
        times.append(time.perf_counter() - started)

    def work(n: int) -> float:
        return n * float(np.log(max(2, n)))

    slope = max(0.0, times[1] - times[0]) / max(1.0, work(small) - work(small // 4))
    all_rows = max(1.0, sample.n_documents / max(1, len(texts)))
    return float(times[1] + slope * (work(large) - work(small)) + 0.002 * all_rows), imports


def _reset_peak() -> bool:
    """Make the highest resident size that of now, where the system lets a process do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else resident_bytes()


def main() -> None:
    """Answer one request."""
    try:
        print(json.dumps(measure(json.load(sys.stdin))))
    except (ValueError, OSError, TypeError) as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}))
