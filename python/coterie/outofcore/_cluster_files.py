"""The journey over files larger than memory."""

from __future__ import annotations

import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from coterie._version import __version__
from coterie.cluster._blocks import parse_bytes
from coterie.io import OutputFolder, write_clusters, write_metrics
from coterie.journey import Assignment, ClusterModel, ClusterResult, ClusterSummary, KSearch
from coterie.journey._clock import Clock, Progress
from coterie.journey._explanation import parameters_of_clusterer, parameters_of_text
from coterie.outofcore._input import Input
from coterie.outofcore._memory import machine_memory, release_unused
from coterie.outofcore._outputs import Found, shown_rows, write_assignments_again
from coterie.outofcore._rows import SpilledRows
from coterie.outofcore._run import Run
from coterie.outofcore._work import WorkFolder
from coterie.persistence import save_model

PathArgument = Any


@dataclass(frozen=True)
class FilesResult:
    """What :func:`cluster_files` found out; what belongs to single documents is in the files it wrote.

    Attributes
    ----------
    n_documents : int
        Documents read.
    n_features : int
        Terms.
    clusters : list of ClusterSummary
        By cluster number.
    metrics, k_search, model, timings, parameters
        As in :class:`coterie.journey.ClusterResult`; the stages are ``"vocabulary"``, ``"vectorize"``, ``"cluster"``,
        ``"explain"``, ``"evaluate"``, ``"write"`` and ``"report"``.
    method_search, refinement : None
        What only the journey in memory has.
    texts, ids : Found
        The texts and ids, Arrow scalars, of the representatives, by row.
    n_null_texts, n_duplicate_ids, n_unlabelled : int
        Documents without a text, with the id of an earlier document, and without a label.
    """

    n_documents: int
    n_features: int
    clusters: list[ClusterSummary]
    metrics: dict[str, float]
    k_search: KSearch | None
    model: ClusterModel
    timings: dict[str, float]
    parameters: dict[str, object]
    texts: Found
    ids: Found
    n_null_texts: int
    n_duplicate_ids: int
    n_unlabelled: int
    method_search: None = None
    refinement: None = None


def cluster_files(
    paths: PathArgument,
    output: PathArgument | None = None,
    *,
    memory_limit: int | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: bool = True,
    title: str = "Clusters",
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
    device: str = "cpu",
    random_state: int = 0,
    n_threads: int | None = None,
    n_terms: int = 10,
    n_representatives: int = 5,
    progress: Progress | None = None,
    **reading: Any,
) -> FilesResult:
    """Cluster the documents of files that may be larger than memory, with the results of :func:`cluster_texts`.

    The files are read three times: for the vocabulary and its document frequencies, for the TF-IDF rows, which go to
    CSR shards in a work folder beside the output, and for the table of assignments. K-means, terms,
    representatives and scores are computed from the shards.

    Parameters
    ----------
    paths : path or sequence of paths
        As for :func:`coterie.io.read_texts`. ``"-"``, the standard input, is first copied to the work folder; a
        pipe with a name is refused, because it cannot be read again.
    output : path or None, default=None
        Folder for ``assignments.parquet``, ``clusters.jsonl``, ``metrics.json``, ``model/`` and ``report.html``, as
        ``coterie cluster`` writes them. None writes no files and keeps its shards in the folder for temporary files.
    memory_limit : int, str or None, default=None
        Most bytes that this process may hold, or a size such as "2GB". None: half of this machine's memory, or of what
        its container may use.
    resume : bool, default=False
        Go on from what an earlier call with the same arguments left in the work folder, if there is one. The results
        are those of a call that was not stopped. Without it the work is started anew.
    overwrite : bool, default=False
        Whether the outputs of an earlier run may be replaced.
    report : bool, default=True
        Whether to write ``report.html``.
    title : str, default="Clusters"
        Heading of the report.
    n_clusters, language, metric, min_df, max_df, ngram_range, max_features, stop_words, n_init, max_iter
        As for :func:`cluster_texts`. The number of clusters is searched for on the sample of that function.
    device : str, default="cpu"
        Where K-means runs, as for :class:`coterie.KMeans`: the rows pass through a GPU in blocks. The results have the
        same bits.
    random_state : int, default=0
        Seed.
    n_threads, n_terms, n_representatives, progress
        As for :func:`cluster_texts`.
    **reading
        How documents are read, as for :func:`coterie.io.read_texts`: ``text_field``, ``id_field``, ``label_field``,
        ``format``, ``encoding_errors``, ``max_document_bytes``. With ``label_field`` the clusters are scored against
        the labels that are there.

    Returns
    -------
    FilesResult

    Raises
    ------
    ValueError
        For no documents, arguments out of range, files that change while they are read, a limit that is too small (the
        message says what is needed) and, with ``resume``, an earlier call that differs.
    FileExistsError
        When the output folder holds files, or another run uses it.
    OSError
        When a file cannot be read or the disk is full. What is finished stays in the work folder for ``resume``.

    Notes
    -----
    Besides the vocabulary, 32 bytes for each cluster and term and about 120 bytes for each document are held. The work
    folder, ``output`` with ``.work`` added, takes 8 bytes for each term of each document; it is removed at the
    end. It is kept when the call is stopped by an exception or killed, as soon as the vocabulary is there. All
    values in the output are those of the journey in memory, apart from timings and the model's
    ``candidates_per_row_``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from coterie.outofcore import cluster_files
    >>> texts = ["red apple", "red cherry", "sweet red apple", "slow train", "fast train", "late train"]
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "texts.txt")
    >>> _ = file.write_text("\\n".join(texts))
    >>> result = cluster_files(file, n_clusters=2)
    >>> sorted(summary.terms[0][0] for summary in result.clusters)
    ['red', 'train']
    >>> folder.cleanup()
    """
    given = dict(locals())
    names = (
        "n_clusters language metric min_df max_df ngram_range max_features stop_words n_init max_iter device "
        "random_state n_threads n_terms n_representatives"
    )
    parameters = {name: given[name] for name in names.split()}
    source = Input.of(paths, reading)
    source.batches()  # what is wrong with the names of files and options is said before anything is made
    limit = parse_bytes("memory_limit", memory_limit) or machine_memory() // 2
    identity = _identity(source, parameters)
    with (
        _output(output, overwrite or _is_under_way(output, resume), source) as folder,
        _parent_of_work(output) as parent,
        WorkFolder(Path(parent), identity, resume=resume) as work,
    ):
        run = Run(source.readable_again(work), work, Clock(progress), limit, parameters)
        result, found, labels, rows = _explained(run, folder)
        source.check_unchanged(identity["paths"])
        if folder is not None:
            _write(run, result, found, rows, folder, labels, title if report else None)
    work.remove_all()  # now that the output is in its place
    return result


def _identity(source: Input, parameters: dict[str, Any]) -> dict[str, Any]:
    decisive = {name: value for name, value in parameters.items() if name not in ("n_threads", "device")}
    return {
        **decisive,
        "coterie_version": __version__,
        "paths": source.identity(),
        "reading": {name: value for name, value in source.options.items() if value is not None},
    }


def _output(output: PathArgument | None, overwrite: bool, source: Input) -> Any:
    return nullcontext() if output is None else OutputFolder(output, overwrite=overwrite, inputs=source.paths)


def _is_under_way(output: PathArgument | None, resume: bool) -> bool:
    """Whether a run that may write to ``output`` is resumed; it may have been killed while it put its files there."""
    return output is not None and resume and work_folder_of(output).exists()


def _parent_of_work(output: PathArgument | None) -> Any:
    if output is None:
        return tempfile.TemporaryDirectory(prefix="coterie-work-")
    return nullcontext(work_folder_of(output))


def work_folder_of(output: PathArgument) -> Path:
    """Return the folder of the unfinished work for an output folder: its name with ``.work`` added.

    Parameters
    ----------
    output : path

    Returns
    -------
    pathlib.Path
        Absolute.

    Examples
    --------
    >>> work_folder_of("results/out").name
    'out.work'
    """
    path = Path(output).absolute()
    return path.with_name(path.name + ".work")


def _explained(run: Run, folder: OutputFolder | None) -> tuple[FilesResult, Assignment, Any, SpilledRows]:
    corpus, vectorizer, rows = run.vectorize()
    kmeans, search = run.cluster(rows)
    found, summaries, metrics = run.explain(rows, kmeans, vectorizer, corpus)
    seed = run.parameters["random_state"]
    shown = shown_rows(found, summaries, seed if isinstance(seed, int) else 0, on_map=folder is not None)
    release_unused()
    with run.clock.stage("write"):
        table = None if folder is None else folder.file("assignments.parquet")
        texts, ids = write_assignments_again(run.source, corpus, found, shown, table)
    result = FilesResult(
        n_documents=corpus.n_documents,
        n_features=rows.shape[1],
        clusters=summaries,
        metrics=metrics,
        k_search=search,
        model=ClusterModel(vectorizer, kmeans, summaries),
        timings=run.clock.seconds,
        parameters=_parameters(vectorizer, kmeans),
        texts=texts,
        ids=ids,
        n_null_texts=corpus.n_null_texts,
        n_duplicate_ids=corpus.n_duplicate_ids,
        n_unlabelled=0 if corpus.label_codes is None else int((corpus.label_codes < 0).sum()),
    )
    return result, found, corpus.labels(), rows


def _parameters(vectorizer: Any, kmeans: Any) -> dict[str, object]:
    of_text, of_clusterer = parameters_of_text(vectorizer), parameters_of_clusterer(kmeans)
    return {"encoder": "tfidf", **of_text, "clusterer": "kmeans", **of_clusterer}


def _write(
    run: Run,
    result: FilesResult,
    found: Assignment,
    rows: SpilledRows,
    folder: OutputFolder,
    labels: Any,
    title: str | None,
) -> None:
    write_clusters(folder.file("clusters.jsonl"), result.clusters, result.texts, result.ids)
    save_model(result.model, folder.file("model"))
    if title is not None:
        from coterie.report import render_report

        started = time.perf_counter()
        with run.clock.stage("report"):
            matrix: Any = rows  # its shape and some of its rows are all that is asked for
            shown = ClusterResult(
                **vars(found),
                clusters=result.clusters,
                metrics=result.metrics,
                k_search=result.k_search,
                model=result.model,
                matrix=matrix,
                timings=result.timings,
                parameters=result.parameters,
            )
            texts, ids = cast("Any", result.texts), cast("Any", result.ids)
            page = render_report(shown, texts, title=title, ids=ids, labels=labels, started=started)
            folder.file("report.html").write_text(page, encoding="utf-8")
    record = {name: getattr(result, name) for name in ("n_documents", "metrics", "parameters", "timings")}
    record |= {"method_search": None, "refinement": None}
    record["k_search"] = None if result.k_search is None else asdict(result.k_search)
    write_metrics(folder.file("metrics.json"), record)
