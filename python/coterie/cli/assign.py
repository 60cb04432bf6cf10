"""``coterie assign``: label new documents with a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import options
from coterie.cli.console import print_json, reports_errors, stdout_console
from coterie.cli.documents import InputOptions, read_documents

if TYPE_CHECKING:
    from coterie.io import Corpus
    from coterie.journey import Assignment


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
    from coterie.cli.progress import Stages
    from coterie.io import atomic_write, write_assignments
    from coterie.persistence import load_model

    fitted = load_model(_model_folder(model))
    with Stages(visible=not (quiet or as_json)) as stages:
        inputs = InputOptions(text_field, id_field, None, format, encoding_errors, max_document_bytes)
        if output is None:
            corpus = read_documents(files, inputs, stages, quiet=quiet)
            assignment = fitted.predict(corpus.texts)
        else:
            names = [file for file in files if file != "-"]
            with atomic_write(output, overwrite=overwrite, inputs=names) as staged:
                corpus = read_documents(files, inputs, stages, quiet=quiet)
                assignment = fitted.predict(corpus.texts)
                write_assignments(staged, corpus.ids, assignment, corpus.columns)
    if as_json:
        print_json(
            {"command": "assign", "n_documents": len(corpus), "assignments": _rows(corpus, assignment)}
        )
    elif not quiet:
        _print_counts(fitted.summaries, corpus, assignment, output)


def _model_folder(path: Path) -> Path:
    return path / "model" if (path / "model").is_dir() else path


def _rows(corpus: Corpus, assignment: Assignment) -> list[dict[str, Any]]:
    columns = {
        "id": corpus.ids.to_pylist(),
        "cluster": assignment.labels.tolist(),
        "distance": assignment.distances.tolist(),
        "runner_up": assignment.runner_up.tolist(),
        "margin": assignment.margins.tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _print_counts(summaries: Any, corpus: Corpus, assignment: Assignment, output: Path | None) -> None:
    import numpy as np

    from coterie.cli.tables import clusters_table

    console = stdout_console()
    counts = np.bincount(assignment.labels, minlength=len(summaries)).tolist()
    sizes = dict(enumerate(counts))
    console.print(clusters_table(summaries, sizes, console.width))
    console.print(
        f"\n{len(corpus):,} documents in {sum(size > 0 for size in counts):,} of {len(sizes):,} clusters"
    )
    if output is not None:
        console.print(f"Written to {output}", soft_wrap=True)
