"""``coterie assign``: label new documents with a saved model."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import options
from coterie.cli.console import counted, print_json, reports_errors, stdout_console, warn
from coterie.cli.documents import InputOptions, input_options, report_oddities

if TYPE_CHECKING:
    from coterie.cli.progress import Stages
    from coterie.io import TextBatch
    from coterie.journey import Assignment, ClusterModel


@reports_errors
def assign(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="Folder model/ that coterie cluster wrote, or the output folder that holds it.",
        ),
    ],
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    encoder: options.MovedEncoder = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    output: options.OutputFile = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Put new documents into the clusters of a saved model.

    [green]coterie assign out/model new.jsonl --output labelled.parquet[/green]
      writes id, cluster, distance, runner_up, margin and the input's other columns

    [green]echo "interest rates rise again" | coterie assign out/model - --json[/green]
      one document from a pipe; the answer as JSON
    """
    given = dict(locals())
    from coterie.cli.progress import Stages
    from coterie.persistence import load_model

    fitted = load_model(model_folder(model), encoder=encoder)
    answer = _Answer(len(fitted.summaries), keeps_rows=as_json)
    with Stages(visible=not (quiet or as_json)) as stages:
        staging = nullcontext() if output is None else _staged(output, overwrite, files)
        with staging as staged:
            _assign_batches(fitted, files, input_options(given), staged, answer, stages)
    if not quiet:
        report_oddities(answer.n_null_texts, answer.ids.count())
        if answer.n_empty:
            have = "has" if answer.n_empty == 1 else "have"
            warn(f"{counted(answer.n_empty, 'document')} {have} no term that the model knows")
    if as_json:
        counts = {"n_documents": answer.n_documents, "n_empty": answer.n_empty}
        print_json({"command": "assign", **counts, "assignments": answer.rows})
    elif not quiet:
        _print_counts(fitted.summaries, answer, output)


def model_folder(path: Path) -> Path:
    """Return the model of an output folder, or the folder itself."""
    return path / "model" if (path / "model").is_dir() else path


def _staged(output: Path, overwrite: bool, files: list[str]) -> Any:
    from coterie.io import atomic_write

    return atomic_write(output, overwrite=overwrite, inputs=[file for file in files if file != "-"])


class _Answer:
    """What is printed: sizes of clusters, and the rows only where they are asked for."""

    def __init__(self, n_clusters: int, *, keeps_rows: bool) -> None:
        import numpy as np

        from coterie.io._unified import RepeatedIds

        self.counts = np.zeros(n_clusters, np.int64)
        self.n_documents = self.n_null_texts = self.n_empty = 0
        self.ids = RepeatedIds()
        self.rows: list[dict[str, Any]] = []
        self._keeps_rows = keeps_rows

    def add(self, batch: TextBatch, found: Assignment, *, has_ids: bool) -> None:
        """Count the documents of a batch."""
        import numpy as np

        self.counts += np.bincount(found.labels, minlength=len(self.counts))
        self.n_documents += len(batch)
        self.n_null_texts += batch.n_null_texts
        if has_ids:
            self.ids.add(batch.ids)
        if self._keeps_rows:
            columns = {
                "id": batch.ids.to_pylist(),
                "cluster": found.labels.tolist(),
                "distance": found.distances.tolist(),
                "runner_up": found.runner_up.tolist(),
                "margin": found.margins.tolist(),
            }
            self.rows += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _assign_batches(
    fitted: ClusterModel,
    files: list[str],
    inputs: InputOptions,
    staged: Path | None,
    answer: _Answer,
    stages: Stages,
) -> None:
    """Label batch by batch. A table needs the types of all columns first, so that its input is read twice."""
    from coterie.io import read_texts
    from coterie.io._results import AssignmentsFile
    from coterie.io._spool import readable_again
    from coterie.io._unified import ColumnTypes, id_table
    from coterie.journey._documents import check_texts, filled_rows
    from coterie.journey._results import nearest_centers

    types, id_types = ColumnTypes(), ColumnTypes()
    with nullcontext(files) if staged is None else readable_again(files) as paths:
        if staged is not None:
            with closing(read_texts(paths, **asdict(inputs))) as batches:
                for batch in batches:
                    types.add(batch.columns)
                    id_types.add(id_table(batch.ids))
        with nullcontext() if staged is None else AssignmentsFile(staged) as table:
            with closing(read_texts(paths, **asdict(inputs))) as batches:
                for batch in batches:
                    rows = fitted.encoder.transform(check_texts(batch.texts))
                    found = nearest_centers(fitted.clusterer, rows)
                    answer.n_empty += len(batch) - len(filled_rows(rows))
                    answer.add(batch, found, has_ids=inputs.id_field is not None)
                    if table is not None:
                        ids = id_types.widened(id_table(batch.ids)).column("id")
                        table.write(ids, found, types.widened(batch.columns))
                    stages.count("assign", answer.n_documents)
            if answer.n_documents == 0:
                raise ValueError(f"no documents in {', '.join(files)}")


def _print_counts(summaries: Any, answer: _Answer, output: Path | None) -> None:
    from coterie.cli.tables import clusters_table

    console = stdout_console()
    counts = answer.counts.tolist()
    sizes = dict(enumerate(counts))
    console.print(clusters_table(summaries, sizes, console.width))
    n_used = sum(size > 0 for size in counts)
    console.print(f"\n{counted(answer.n_documents, 'document')} in {n_used:,} of {len(sizes):,} clusters")
    if output is not None:
        console.print(f"Written to {output}", soft_wrap=True)
