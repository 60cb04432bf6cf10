"""``coterie cluster`` for corpora larger than memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.cli.console import print_json, warn
from coterie.cli.documents import InputOptions, report_limits, report_oddities, report_unlabelled

if TYPE_CHECKING:
    from coterie.outofcore import FilesResult

# Files smaller than this share of the memory are not looked into: their journey fits.
_SURE_SHARE = 0.02


@dataclass(frozen=True)
class LargeRun:
    """Where the results of a run go, and within which memory it is made."""

    output: Path | None
    overwrite: bool
    report: bool | None
    memory_limit: str | None
    resume: bool


def large_run(given: Mapping[str, Any]) -> LargeRun:
    """Pick it from the options of the command."""
    return LargeRun(**{f.name: given[f.name] for f in fields(LargeRun)})


@dataclass(frozen=True)
class _Shown:
    """What the printed tables ask of a corpus: its size, and the texts and ids of representatives."""

    n_documents: int
    texts: Any
    ids: Any

    def __len__(self) -> int:
        return self.n_documents


def cluster_large(
    files: list[str],
    inputs: InputOptions,
    parameters: dict[str, Any],
    run: LargeRun,
    as_json: bool,
    quiet: bool,
) -> None:
    """Cluster, write and print as ``coterie cluster`` does."""
    from coterie.cli.cluster import as_record, print_result, title_of
    from coterie.cli.progress import Stages
    from coterie.outofcore import cluster_files

    with Stages(visible=not (quiet or as_json)) as stages, _Stopped(run):
        result = cluster_files(
            files,
            run.output,
            memory_limit=run.memory_limit,
            resume=run.resume,
            overwrite=run.overwrite,
            report=run.report is not False,
            title=title_of(files),
            progress=stages.share,
            **_streamed(parameters),
            **asdict(inputs),
        )
    if not quiet:
        _remark(result)
        report_limits(parameters, result.parameters)
    corpus: Any = _Shown(result.n_documents, result.texts, result.ids)
    shown: Any = result
    if as_json:
        print_json(as_record("cluster", corpus, shown, result.timings, run.output))
    elif not quiet:
        print_result(corpus, shown, result.timings, run.output)


def _streamed(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that are given, less what names the journey that is streamed; refuse another one."""
    options = dict(parameters.get("clusterer_options", {}))
    device = options.pop("device", None)
    parameters = {**parameters, "clusterer_options": options}
    others: dict[str, Any] = {"encoder": "tfidf", "clusterer": "kmeans", "clusterer_options": {}}
    others |= {"refine": None, "max_unassigned": None}
    for name, only in others.items():
        if parameters.get(name, only) != only:
            raise ValueError(
                f"memory_limit needs {name}={only!r}, which can be streamed; got {parameters[name]!r}"
            )
    defaults = ("n_clusters", "n_init", "max_iter")  # None leaves them to the library
    streamed = {
        name: value
        for name, value in parameters.items()
        if name not in others and not (name in defaults and value is None)
    }
    return streamed if device is None else {**streamed, "device": device}


def _remark(result: FilesResult) -> None:
    report_oddities(result.n_null_texts, result.n_duplicate_ids)
    if result.n_unlabelled:
        report_unlabelled(result.n_unlabelled, result.n_documents)


class _Stopped:
    """Says with what stopped a run how to go on with it."""

    def __init__(self, run: LargeRun) -> None:
        self._output = run.output

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        too_little = isinstance(error, ValueError) and str(error).startswith("memory_limit=")
        stopped = too_little or isinstance(error, KeyboardInterrupt | OSError | MemoryError)
        if self._output is None or not stopped:
            return
        from coterie.outofcore import work_folder_of

        work = work_folder_of(self._output)
        if not work.exists():
            return
        how = f"--resume goes on from what is finished in {str(work)!r}"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(f"interrupted; {how}") from None
        if isinstance(error, MemoryError):
            raise MemoryError(f"{error}; {how}" if str(error) else how) from error
        if isinstance(error, ValueError):
            raise ValueError(f"{error}; {how}") from error
        assert isinstance(error, OSError)
        name = f": {error.filename}" if error.filename is not None else ""
        raise OSError(f"{error.strerror or error}{name}; {how}") from error


def is_too_large(
    files: list[str], inputs: InputOptions, parameters: dict[str, Any], report: bool | None
) -> bool:
    """Whether the journey in memory is estimated to take more than half of it; small files are not looked into."""
    from coterie.outofcore import _memory, estimate

    if "-" in files or not all(os.path.isfile(file) for file in files):
        return False
    if sum(os.path.getsize(file) for file in files) < _memory.machine_memory() * _SURE_SHARE:
        return False
    try:
        streamed = _streamed(parameters)
    except ValueError:  # another journey, which is made in memory
        return False
    streamed.pop("device", None)
    found = estimate(files, report=report is not False, sample_documents=10_000, **streamed, **asdict(inputs))
    if not found.fits:
        warn(
            f"this would take about {found.peak_bytes / 1e9:.1f} GB of {found.memory_bytes / 1e9:.1f} GB memory: "
            "the rows go to disk; --memory-limit says how much to use"
        )
    return not found.fits
