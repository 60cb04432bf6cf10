"""What a journey will take, measured on a sample of its input."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import coterie
from coterie.io import read_texts
from coterie.outofcore._input import STDIN, Input
from coterie.outofcore._memory import explain_bytes, fit_bytes, machine_memory

PathArgument = Any
_SAMPLE_DOCUMENTS = 50_000
_SAMPLE_BYTES = 24 << 20
_BYTES_PER_TERM = 250
_CENTRE_BYTES = 40  # sums, centres and their copies, for each cluster and term


@dataclass(frozen=True)
class Estimate:
    """What :func:`estimate` expects.

    Attributes
    ----------
    n_documents, n_features, n_stored : int
        Documents, terms and stored elements of the TF-IDF rows.
    n_clusters : int
        Clusters; with ``n_clusters="auto"`` what the sample gave.
    seconds : dict of str to float
        Seconds of each stage: ``"start"`` (the interpreter and its imports), ``"read"``, ``"vectorize"``,
        ``"cluster"``, ``"explain"``, ``"evaluate"``, ``"write"`` and ``"report"``.
    peak_bytes : int
        Highest resident size of the process in memory.
    least_bytes : int
        The least ``memory_limit`` of :func:`cluster_files`, which streams.
    disk_bytes : int
        What its work folder takes.
    memory_bytes : int
        What this machine has, or what its container may use.
    n_sampled : int
        Documents that were looked at; all of them where the corpus is small.
    """

    n_documents: int
    n_features: int
    n_stored: int
    n_clusters: int
    seconds: dict[str, float]
    peak_bytes: int
    least_bytes: int
    disk_bytes: int
    memory_bytes: int
    n_sampled: int

    @property
    def total_seconds(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    @property
    def fits(self) -> bool:
        """Whether the journey in memory stays below half of the memory."""
        return self.peak_bytes <= self.memory_bytes // 2


def estimate(
    paths: PathArgument,
    *,
    report: bool = True,
    n_clusters: int | Literal["auto"] | None = None,
    language: str = "en",
    metric: str = "cosine",
    min_df: int | float = 2,
    max_df: int | float = 0.5,
    ngram_range: tuple[int, int] = (1, 1),
    max_features: int | None = None,
    stop_words: Any = "auto",
    n_init: int = 1,
    max_iter: int = 100,
    random_state: int = 0,
    n_threads: int | None = None,
    sample_documents: int = _SAMPLE_DOCUMENTS,
    **reading: Any,
) -> Estimate:
    """Predict time and memory of :func:`coterie.cluster_texts` over files, reading and writing included.

    Another process makes the journey on the first documents of the files, and on parts of these, with the kernels and
    threads of the real one. Seconds and bytes of a stage are extended along the line through the two largest samples,
    terms and iterations of K-means along powers of the number of documents, and how many documents there are follows
    from the share of the files that was read.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, as for :func:`coterie.io.read_texts`; not the standard input.
    report : bool, default=True
        Whether a report is made.
    n_clusters, language, metric, min_df, max_df, ngram_range, max_features, stop_words, n_init, max_iter, random_state
        As for :func:`coterie.cluster_texts`.
    n_threads : int, optional
        None means all cores.
    sample_documents : int, default=50000
        Most documents to look at, and at most 24 MiB of text; shared out among the files by their sizes. Less is
        quicker and less certain.
    **reading
        As for :func:`cluster_files`.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        For the standard input, which could not be read again; otherwise as the journey.
    OSError
        As :func:`coterie.io.read_texts`.

    Notes
    -----
    A corpus whose documents change along its files is judged by its first part. The number of iterations is what is
    least certain; ``max_iter`` bounds it. On Linux only is the peak of memory measured.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from coterie.outofcore import estimate
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "texts.txt")
    >>> _ = file.write_text("red apple\\ngreen apple\\nslow train\\nfast train\\n" * 5)
    >>> expected = estimate(file, n_clusters=2, report=False)
    >>> expected.n_documents, expected.fits
    (20, True)
    >>> folder.cleanup()
    """
    given = dict(locals())
    names = (
        "n_clusters language metric min_df max_df ngram_range max_features stop_words n_init max_iter random_state "
        "n_threads"
    )
    source = Input.of(paths, {name: value for name, value in reading.items() if value is not None})
    if STDIN in source.paths:
        raise ValueError(
            "the standard input cannot be read twice, to estimate and to cluster; write it to a file"
        )
    read_texts(list(source.paths), **source.options)  # refuses wrong names
    answer = _measured(
        {
            "paths": source.paths,
            "reading": source.options,
            "parameters": {name: given[name] for name in names.split()},
            "documents": sample_documents,
            "bytes": _SAMPLE_BYTES,
            "report": report,
        }
    )
    return _extended(answer, max_iter)


def _measured(request: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-c", "from coterie.outofcore._measure import main; main()"]
    places = [str(Path(coterie.__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        command,
        input=json.dumps(request),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"the measuring process ended with code {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        kinds = {"TypeError": TypeError, "FileNotFoundError": FileNotFoundError}
        raise kinds.get(answer["kind"], ValueError)(answer["error"])
    return answer


def _extended(answer: dict[str, Any], max_iter: int) -> Estimate:
    n, parts = answer["n_documents"], answer["parts"]
    last = parts[-1]
    n_features = _along_power(parts, n, "n_features", least=0.0, most=1.0)
    n_stored = int(last["n_stored"] / last["n"] * n)
    n_iter = min(max_iter, _along_power(parts, n, "n_iter", least=0.0, most=0.6))
    seconds = {"start": answer["start"], "read": answer["seconds"]}
    for stage in last["seconds"]:
        if stage == "cluster":
            per_iteration = _along_line(parts, n, lambda p: p["seconds"]["cluster"] / p["n_iter"])
            seconds[stage] = per_iteration * n_iter
        else:
            seconds[stage] = _along_line(parts, n, _seconds_of(stage))
    seconds["report"] = answer["report"]
    k = last["n_clusters"]
    held = answer["text_bytes"] + answer["other_bytes"]
    working = _along_line(parts, n, lambda p: p["peak"] - p["held"] - _CENTRE_BYTES * k * p["n_features"])
    held *= 2  # reading holds the batches and what they are joined to, and Arrow keeps the pages
    clustering = working + held + _CENTRE_BYTES * k * n_features
    reporting = held + 16 * n_stored + answer["report_bytes"]  # the rows, and those with terms
    peak = answer["base"] + max(clustering, reporting)
    streamed = max(fit_bytes(n, n_features, k, n_stored / max(1, n)), explain_bytes(n, n_features, k))
    return Estimate(
        n_documents=n,
        n_features=n_features,
        n_stored=n_stored,
        n_clusters=k,
        seconds=seconds,
        peak_bytes=int(peak),
        least_bytes=int(answer["base"] + _BYTES_PER_TERM * n_features + streamed),
        disk_bytes=8 * (n_stored + n),
        memory_bytes=machine_memory(),
        n_sampled=last["n"],
    )


def _seconds_of(stage: str) -> Callable[[dict[str, Any]], float]:
    def seconds(part: dict[str, Any]) -> float:
        return float(part["seconds"][stage])

    return seconds


def _along_line(parts: list[dict[str, Any]], n: int, value: Callable[[dict[str, Any]], float]) -> float:
    """Extend the line through the smallest and the largest sample; never below the larger one."""
    first, last = parts[0], parts[-1]
    here = float(value(last))
    if len(parts) == 1 or n <= last["n"]:
        return here * max(1.0, n / float(last["n"]))
    slope = max(0.0, (here - float(value(first))) / float(last["n"] - first["n"]))
    return here + slope * float(n - last["n"])


def _along_power(parts: list[dict[str, Any]], n: int, name: str, *, least: float, most: float) -> int:
    """Extend a power of the number of documents (Heaps' law for terms), with an exponent within bounds."""
    last = parts[-1]
    if len(parts) == 1 or n <= last["n"]:
        return int(last[name])
    before = parts[-2]
    exponent = math.log(max(last[name], 1) / max(before[name], 1)) / math.log(last["n"] / before["n"])
    return int(last[name] * (n / last["n"]) ** min(max(exponent, least), most))
