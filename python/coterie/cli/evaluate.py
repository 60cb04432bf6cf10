"""``coterie evaluate``: score a table of assignments against true labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli import options
from coterie.cli.console import print_json, reports_errors, stdout_console, warn


@reports_errors
def evaluate(
    assignments: Annotated[
        Path,
        typer.Argument(
            metavar="ASSIGNMENTS",
            show_default=False,
            help="assignments.parquet of coterie cluster, or any Parquet, CSV or JSON lines file with both columns.",
        ),
    ],
    label_field: Annotated[
        str,
        typer.Option(
            "--label-field",
            metavar="NAME",
            rich_help_panel=options.INPUT,
            help="Column with the true classes.",
        ),
    ] = "label",
    cluster_field: Annotated[
        str,
        typer.Option(
            "--cluster-field", metavar="NAME", rich_help_panel=options.INPUT, help="Column with the clusters."
        ),
    ] = "cluster",
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Score clusters against true classes: NMI, ARI, V-measure, purity, F1.

    [green]coterie evaluate out/assignments.parquet --label-field label[/green]
      scores what coterie cluster wrote; rows without a label are left out, and counted

    [green]coterie evaluate predictions.csv --cluster-field predicted --label-field topic --json[/green]
      any other table with two columns
    """
    from coterie.evaluate import evaluate as score

    labels, clusters = _read_columns(assignments, [label_field, cluster_field])
    known = [
        row
        for row, (label, cluster) in enumerate(zip(labels, clusters, strict=True))
        if None not in (label, cluster)
    ]
    if not known:
        raise ValueError(f"{assignments}: no row has both {label_field!r} and {cluster_field!r}")
    n_left_out = len(labels) - len(known)
    if n_left_out and not quiet:
        lack, are = ("lacks", "is") if n_left_out == 1 else ("lack", "are")
        warn(f"{n_left_out:,} of {len(labels):,} rows {lack} a label or a cluster and {are} left out")
    scores = score([labels[row] for row in known], [clusters[row] for row in known])
    if as_json:
        print_json(
            {
                "command": "evaluate",
                "n_documents": len(known),
                "n_left_out": n_left_out,
                "metrics": dict(scores),
            }
        )
    elif not quiet:
        from coterie.cli.tables import scores_table

        stdout_console().print(scores_table(scores))


def _read_columns(path: Path, names: list[str]) -> list[list[Any]]:
    from coterie._validation import require_extra

    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder; a table is wanted, such as {path / 'assignments.parquet'}"
        )
    path.stat()  # its error names the file as those of the other commands do
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        csv = require_extra("pyarrow.csv", "cli")
        delimiter = "\t" if name.endswith(".tsv") else ","
        options = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=True)
        parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        table = _parsed(path, csv.read_csv, parse_options=parsing, convert_options=options)
    elif name.endswith((".jsonl", ".ndjson", ".json")):
        table = _parsed(path, require_extra("pyarrow.json", "cli").read_json)
    else:
        pa = require_extra("pyarrow", "cli")
        try:
            table = require_extra("pyarrow.parquet", "cli").read_table(path)
        except pa.ArrowInvalid:
            raise ValueError(f"{path} is no Parquet file; that, .csv, .tsv or .jsonl is wanted") from None
    for wanted in names:
        if wanted not in table.column_names:
            found = ", ".join(repr(column) for column in table.column_names)
            raise ValueError(f"{path} has no column {wanted!r}; it has {found}")
    return [table.column(wanted).to_pylist() for wanted in names]


def _parsed(path: Path, read: Callable[..., Any], **how: Any) -> Any:
    """Read a table; what cannot be read is named, since the reader's own sentence does not say of which file."""
    from coterie._validation import require_extra

    try:
        return read(path, **how)
    except require_extra("pyarrow", "cli").ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
