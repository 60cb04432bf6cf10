"""The comparison: one process for each encoder, one for each encoder with each clusterer."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import coterie
from coterie._validation import check_integer, check_n_threads, check_option
from coterie.cluster.factory import CLUSTERERS, takes_n_clusters
from coterie.compare._memory import describe_machine
from coterie.compare._results import Comparison, ComparisonRun
from coterie.evaluate.external import encode_labels
from coterie.journey._documents import check_texts

Progress = Callable[[str, float], None]

_PROGRAM = "from coterie.compare._jobs import main; main()"


def compare(
    texts: Iterable[str],
    *,
    labels: Any = None,
    encoders: Sequence[Any] = ("tfidf", "lsa"),
    clusterers: Sequence[str] = ("kmeans", "ward"),
    n_clusters: int | None = None,
    metric: str = "cosine",
    language: str = "en",
    seeds: Sequence[int] = (0, 1, 2),
    clusterer_options: Mapping[str, Mapping[str, Any]] | None = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Cluster the same texts by every encoder with every clusterer: quality, seconds and memory side by side.

    Each encoder runs once, in a process of its own; each clusterer then runs on its rows in another, once for each
    seed. So the peak memory of a stage is that of the stage, and nothing is warm from what ran before.

    Parameters
    ----------
    texts : iterable of str
        The documents.
    labels : array-like of shape (n_documents,), optional
        True classes. Without them there are internal scores only.
    encoders : sequence of str or estimator, default ("tfidf", "lsa")
        As for :func:`coterie.cluster_texts`; an estimator must be importable by the other process.
    clusterers : sequence of str, default ("kmeans", "ward")
        Names that :func:`coterie.cluster.make_clusterer` knows.
    n_clusters : int, optional
        By default as many as there are classes. "hdbscan" and "dbscan" find their own number.
    metric : {"cosine", "euclidean", "jaccard", "weighted_jaccard"}, default "cosine"
    language : {"en", "zh"}, default "en"
        Of the terms.
    seeds : sequence of int, default (0, 1, 2)
        One run for each. The encoder gets the first.
    clusterer_options : mapping of str to mapping, optional
        Options of the clusterers, by their names.
    n_threads : int, optional
        None means all cores.
    progress : callable, optional
        Called with what runs and the finished share of everything in [0, 1].

    Returns
    -------
    Comparison
        A combination that fails, for example because everything is noise, has an ``error`` in place of scores.

    Raises
    ------
    ValueError
        If there are no texts, encoders, clusterers or seeds, a name is unknown, labels have another length, or
        there is neither ``labels`` nor ``n_clusters``.
    TypeError
        If ``texts`` is one string.

    Notes
    -----
    NMI is normalised by the arithmetic mean and equals the V-measure. Terms for TF-IDF are in 2 documents at least and
    in half of them at most, as :func:`coterie.cluster_texts` has it.

    Examples
    --------
    >>> from coterie.compare import compare
    >>> texts = ["red apple", "sweet red apple", "red cherry", "slow train", "fast train", "late train"]
    >>> found = compare(texts, labels=[0, 0, 0, 1, 1, 1], encoders=["tfidf"], clusterers=["ward"], seeds=[0])
    >>> found.runs[0].name, found.runs[0].scores["nmi"]
    ('tfidf + ward', [1.0])
    """
    documents = [str(text) for text in check_texts(texts)]
    classes = None if labels is None else encode_labels("labels", labels).tolist()
    if classes is not None and len(classes) != len(documents):
        raise ValueError(f"labels must have one element per text; got {len(classes)} for {len(documents)}")
    for name, values in (("encoders", encoders), ("clusterers", clusterers), ("seeds", seeds)):
        if isinstance(values, str) or len(values) == 0:
            raise ValueError(f"{name} must be a sequence with at least one entry; got {values!r}")
    for clusterer in clusterers:
        check_option("clusterers", clusterer, CLUSTERERS)
    checked_seeds = [check_integer("seeds", seed, minimum=0) for seed in seeds]
    n_classes = None if classes is None else len(set(classes))
    k = n_classes if n_clusters is None else check_integer("n_clusters", n_clusters, minimum=1)
    if k is None and any(map(takes_n_clusters, clusterers)):
        raise ValueError("n_clusters must be given where there are no labels; got None")
    check_n_threads(n_threads)
    shared = {"metric": metric, "n_threads": n_threads, "language": language}
    options = {name: dict((clusterer_options or {}).get(name, {})) for name in clusterers}
    jobs = _Jobs(len(encoders) * (1 + len(clusterers)), progress)
    runs: list[ComparisonRun] = []
    with tempfile.TemporaryDirectory(prefix="coterie-compare-") as folder:
        (Path(folder) / "texts.json").write_text(json.dumps(documents), encoding="utf-8")
        for encoder in encoders:
            runs += _runs_of(
                encoder, clusterers, k, classes, checked_seeds, options, shared, Path(folder), jobs
            )
    parameters = {
        "encoders": [_name_of(encoder) for encoder in encoders],
        "clusterers": list(clusterers),
        "n_clusters": k,
        "seeds": checked_seeds,
        "clusterer_options": {name: given for name, given in options.items() if given},
        **shared,
    }
    return Comparison(runs, len(documents), n_classes, parameters, describe_machine())


def _name_of(encoder: Any) -> str:
    return encoder if isinstance(encoder, str) else type(encoder).__name__


def _runs_of(
    encoder: Any,
    clusterers: Sequence[str],
    k: int | None,
    classes: list[int] | None,
    seeds: list[int],
    options: Mapping[str, dict[str, Any]],
    shared: Mapping[str, Any],
    folder: Path,
    jobs: _Jobs,
) -> list[ComparisonRun]:
    """Encode once and cluster by every clusterer."""
    name, rows = _name_of(encoder), folder / "rows"
    for old in (rows.with_suffix(".npz"), rows.with_suffix(".npy")):
        old.unlink(missing_ok=True)
    encoded = jobs.run(
        folder,
        name,
        {"stage": "encode", "encoder": encoder, "texts": str(folder / "texts.json"), "rows": str(rows)}
        | {"seed": seeds[0], **shared},
    )
    runs = []
    for clusterer in clusterers:
        if "error" in encoded:
            jobs.skip()
            runs.append(ComparisonRun(name, clusterer, error=encoded["error"]))
            continue
        finds_k = not takes_n_clusters(clusterer) or "distance_threshold" in options[clusterer]
        job: dict[str, Any] = {
            "stage": "cluster",
            "encoder": name,
            "clusterer": clusterer,
            "rows": str(rows),
            "classes": classes,
            "seeds": seeds,
            "options": _with_defaults(clusterer, options[clusterer]),
            "n_clusters": None if finds_k else k,
        }
        found = jobs.run(folder, f"{name} + {clusterer}", job | dict(shared))
        runs.append(_as_run(name, clusterer, encoded, found))
    return runs


def _with_defaults(clusterer: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the journey's defaults."""
    defaults = {"n_init": 1, "max_iter": 100} if clusterer in ("kmeans", "minibatch", "bisecting") else {}
    return defaults | given


def _as_run(name: str, clusterer: str, encoded: dict[str, Any], found: dict[str, Any]) -> ComparisonRun:
    seconds, cpu_seconds = {"encode": [encoded["seconds"]]}, {"encode": [encoded["cpu_seconds"]]}
    if "error" in found:
        return ComparisonRun(
            name,
            clusterer,
            seconds=seconds,
            n_features=encoded["n_features"],
            error=found["error"],
            cpu_seconds=cpu_seconds,
        )
    names = [score for score in found["scores"][0] if all(score in scores for scores in found["scores"])]
    return ComparisonRun(
        name,
        clusterer,
        seeds=found["seeds"],
        n_clusters=found["n_clusters"],
        scores={score: [scores[score] for scores in found["scores"]] for score in names},
        seconds=seconds | {"cluster": found["cluster"], "evaluate": found["evaluate"]},
        peak_memory={"encode": encoded["peak"], "cluster": found["peak"]},
        n_features=encoded["n_features"],
        cpu_seconds=cpu_seconds | {"cluster": found["cluster_cpu"], "evaluate": found["evaluate_cpu"]},
    )


class _Jobs:
    """Runs jobs one after the other, each in a fresh process."""

    def __init__(self, n_jobs: int, progress: Progress | None) -> None:
        self._n_jobs = n_jobs
        self._n_done = 0
        self._progress = progress

    def run(self, folder: Path, title: str, job: dict[str, Any]) -> dict[str, Any]:
        """Return the job's answer; a process that dies leaves an answer with an error."""
        self._report(title)
        question, answer = folder / "job.pickle", folder / "answer.json"
        question.write_bytes(pickle.dumps(job))
        answer.unlink(missing_ok=True)
        command = [sys.executable, "-c", _PROGRAM, str(question), str(answer)]
        done = subprocess.run(command, capture_output=True, check=False, env=_environment())
        self._n_done += 1
        self._report(title)
        if answer.exists():
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return found
        if done.returncode < 0:
            return {"error": f"the process was ended by {signal.Signals(-done.returncode).name}"}
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        return {"error": f"the process failed: {last[0]}"}

    def skip(self) -> None:
        """Count a job that need not run."""
        self._n_done += 1

    def _report(self, title: str) -> None:
        if self._progress is not None:
            self._progress(title, min(1.0, self._n_done / self._n_jobs))


def _environment() -> dict[str, str]:
    """Return the variables under which another process finds what this one can import."""
    home = str(Path(coterie.__file__).resolve().parent.parent)
    paths = [home, *(str(Path(path).absolute()) for path in sys.path if path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def sample_rows(n_documents: int, size: int, seed: int = 0) -> list[int]:
    """Draw documents to compare on.

    Parameters
    ----------
    n_documents : int
    size : int
        How many, at most.
    seed : int, default=0
        The same seed draws the same rows.

    Returns
    -------
    list of int
        Increasing row numbers.

    Examples
    --------
    >>> from coterie.compare import sample_rows
    >>> sample_rows(3, 10), len(sample_rows(100, 10))
    ([0, 1, 2], 10)
    """
    if n_documents <= size:
        return list(range(n_documents))
    drawn: list[int] = np.sort(np.random.default_rng(seed).choice(n_documents, size, replace=False)).tolist()
    return drawn
