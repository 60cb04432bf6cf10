"""``coterie classify``: train a classifier of documents, label new ones with it, and score it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli import choices, options
from coterie.cli.assign import model_folder
from coterie.cli.console import print_json, reports_errors, stdout_console, warn
from coterie.cli.documents import InputOptions, read_documents

if TYPE_CHECKING:
    from coterie.io import Corpus

TRAINING = "Training"

Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL", show_default=False, help="Folder that coterie classify train wrote."),
]
LabelField = Annotated[
    str,
    typer.Option(
        "--label-field",
        metavar="NAME",
        rich_help_panel=options.INPUT,
        help="Column with the label of each document, or with its list of labels.",
    ),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        metavar="TEXT",
        rich_help_panel=options.INPUT,
        help="Splits a column of text into several labels, such as ',' for 'sports,local'.",
    ),
]
DropMissing = Annotated[
    bool,
    typer.Option(
        "--drop-missing",
        rich_help_panel=options.INPUT,
        help="Leave documents without a label out, and count them; otherwise they are an error.",
    ),
]


ClassifierFolder = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FOLDER", rich_help_panel=options.OUTPUT, help="Folder for the classifier."
    ),
]
Clusters = Annotated[
    Path | None,
    typer.Option(
        "--clusters",
        metavar="MODEL",
        rich_help_panel=TRAINING,
        help="Learn the clusters of a model of coterie cluster instead of labels; FILE are documents like those "
        "it was made from.",
    ),
]
Encoder = Annotated[
    str,
    typer.Option(
        "--encoder",
        parser=choices.parse_encoder,
        metavar="NAME",
        rich_help_panel=TRAINING,
        help="What turns texts into numbers: tfidf, lsa, cooccurrence, onnx:DIR or static:FILE.",
    ),
]
Regularization = Annotated[
    float,
    typer.Option("--C", min=1e-6, rich_help_panel=TRAINING, help="Inverse strength of regularisation."),
]
Balanced = Annotated[bool, typer.Option("--balanced", rich_help_panel=TRAINING, help="Weigh rare labels up.")]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        min=0.0,
        max=1.0,
        rich_help_panel=TRAINING,
        help="Least probability of a label where documents have several. Default: for each label that with the "
        "best F1 on documents left out.",
    ),
]
MinProbability = Annotated[
    float,
    typer.Option(
        "--min-probability",
        min=0.0,
        max=1.0,
        help="Leave the label of a document empty when its probability is lower; for single labels.",
    ),
]


@reports_errors
def train(
    files: options.Files,
    output: ClassifierFolder,
    text_field: options.TextField = None,
    label_field: LabelField = "label",
    label_separator: LabelSeparator = None,
    drop_missing: DropMissing = False,
    clusters: Clusters = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    language: options.Language = "en",
    encoder: Encoder = "tfidf",
    regularization: Regularization = 1.0,
    balanced: Balanced = False,
    threshold: Threshold = None,
    copy_encoder: options.CopyEncoder = False,
    random_state: options.RandomState = 0,
    n_threads: options.NThreads = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier on documents with known labels.

    [green]coterie classify train news.jsonl --label-field topic --output topics/[/green]
      one label per document; with a column of lists each document has any number of labels

    [green]coterie classify train articles.jsonl --clusters out/model --output topics/[/green]
      the clusters that coterie cluster found become the labels
    """
    from coterie.classify import make_classifier
    from coterie.cli.progress import Stages
    from coterie.persistence import save

    how: dict[str, Any] = {
        "encoder": encoder,
        "language": language,
        "random_state": random_state,
        "n_threads": n_threads,
        "C": regularization,
        "class_weight": "balanced" if balanced else None,
        "thresholds": "f1" if threshold is None else threshold,
    }
    inputs = InputOptions(text_field, None, None, format, encoding_errors, max_document_bytes)
    with Stages(visible=not (quiet or as_json)) as stages:
        corpus = read_documents(files, inputs, stages, quiet=quiet, language=language)
        if clusters is None:
            rows, labels = _labels(corpus, label_field, label_separator, drop_missing, quiet)
            classifier = make_classifier(**how).fit([corpus.texts[row].as_py() for row in rows], labels)
            n_documents = len(rows)
        else:
            classifier = _from_clusters(clusters, corpus.texts.to_pylist(), how)
            n_documents = len(corpus)
        save(classifier, output, overwrite=overwrite, copy_encoder=copy_encoder)
    if as_json:
        print_json(_record(classifier, n_documents, output))
    elif not quiet:
        record = _record(classifier, n_documents, output)
        kind = "several labels per document" if record["multi_label"] else "one label per document"
        numbers = "{n_documents:,} documents, {n_labels:,} labels ({kind}), {n_features:,} features"
        stdout_console().print(numbers.format(**record, kind=kind) + f"\nWritten to {output}", soft_wrap=True)


def _from_clusters(folder: Path, texts: list[str], how: dict[str, Any]) -> Any:
    from coterie.classify import classifier_from_clusters
    from coterie.persistence import load_model

    found = load_model(model_folder(folder)).predict(texts)
    return classifier_from_clusters(texts, found.labels, found.margins, **how)


def _record(classifier: Any, n_documents: int, output: Path) -> dict[str, Any]:
    fitted = classifier.named_steps["classifier"]
    return {
        "command": "classify train",
        "n_documents": n_documents,
        "n_labels": len(fitted.classes_),
        "multi_label": fitted.multi_label_,
        "n_features": fitted.n_features_in_,
        "output": str(output),
    }


@reports_errors
def predict(
    model: Model,
    files: options.Files,
    text_field: options.TextField = None,
    id_field: options.IdField = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    min_probability: MinProbability = 0.0,
    encoder: options.MovedEncoder = None,
    output: options.OutputFile = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Label new documents with a trained classifier.

    [green]coterie classify predict topics/ new.jsonl --output labelled.parquet[/green]
      writes id, label (or labels), probability and the input's other columns

    [green]echo "interest rates rise again" | coterie classify predict topics/ - --json[/green]
      one document from a pipe; the answer as JSON
    """
    from coterie.cli.classify_tables import label_counts, prediction_columns, write_predictions
    from coterie.cli.progress import Stages

    classifier = _load(model, encoder)
    with Stages(visible=not (quiet or as_json)) as stages:
        inputs = InputOptions(text_field, id_field, None, format, encoding_errors, max_document_bytes)
        corpus = read_documents(files, inputs, stages, quiet=quiet)
        columns = prediction_columns(classifier, corpus.texts.to_pylist(), min_probability)
        if output is not None:
            names = [file for file in files if file != "-"]
            write_predictions(output, corpus, columns, overwrite=overwrite, inputs=names)
    if as_json:
        ids = corpus.ids.to_pylist()
        rows = [
            dict(zip(["id", *columns], row, strict=True)) for row in zip(ids, *columns.values(), strict=True)
        ]
        print_json({"command": "classify predict", "n_documents": len(corpus), "predictions": rows})
    elif not quiet:
        console = stdout_console()
        console.print(label_counts(columns))
        if output is not None:
            console.print(f"Written to {output}", soft_wrap=True)


@reports_errors
def evaluate(
    model: Model,
    files: options.Files,
    text_field: options.TextField = None,
    label_field: LabelField = "label",
    label_separator: LabelSeparator = None,
    drop_missing: DropMissing = False,
    encoder: options.MovedEncoder = None,
    format: options.Format = "auto",
    encoding_errors: options.EncodingErrors = "strict",
    max_document_bytes: options.MaxDocumentBytes = options.MAX_DOCUMENT_BYTES,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Score a trained classifier on documents with known labels.

    [green]coterie classify evaluate topics/ held_out.jsonl --label-field topic[/green]
      precision, recall and F1 of each label, and whether probabilities mean what they say

    [green]coterie classify evaluate topics/ held_out.csv --label-field topics --label-separator , --json[/green]
      several labels in one column; JSON to the next program
    """
    from dataclasses import asdict

    from coterie.classify import classification_report
    from coterie.cli.classify_tables import report_tables
    from coterie.cli.progress import Stages

    classifier = _load(model, encoder)
    with Stages(visible=not (quiet or as_json)) as stages:
        inputs = InputOptions(text_field, None, None, format, encoding_errors, max_document_bytes)
        corpus = read_documents(files, inputs, stages, quiet=quiet)
        rows, labels = _labels(corpus, label_field, label_separator, drop_missing, quiet)
        probabilities = classifier.predict_proba([corpus.texts[row].as_py() for row in rows])
    fitted = classifier.named_steps["classifier"]
    report = classification_report(
        labels, fitted.labels_of(probabilities), classes=fitted.classes_, probabilities=probabilities
    )
    if as_json:
        print_json({"command": "classify evaluate", **asdict(report)})
    elif not quiet:
        console = stdout_console()
        for table in report_tables(report):
            console.print(table)


def _load(folder: Path, encoder: Path | None) -> Any:
    from coterie.persistence import load

    classifier = load(model_folder(folder), encoder=encoder)
    if not hasattr(classifier, "named_steps"):
        raise ValueError(
            f"{folder} holds no classifier: coterie classify train makes one, also from clusters (--clusters)"
        )
    return classifier


def _labels(
    corpus: Corpus, field: str, separator: str | None, drop_missing: bool, quiet: bool
) -> tuple[list[int], list[Any]]:
    """Return the rows to use and their labels; numbers are read as text, as everywhere on the command line."""
    from coterie.classify import check_labels

    if field not in corpus.columns.column_names:
        found = ", ".join(repr(name) for name in corpus.columns.column_names) or "no other column"
        raise ValueError(f"label_field={field!r} is not a field of the input; it has {found}")
    values = [_as_label(value, separator) for value in corpus.columns.column(field).to_pylist()]
    rows = (
        [row for row, value in enumerate(values) if value is not None] if drop_missing else range(len(values))
    )
    if len(rows) < len(values) and not quiet:
        n_missing = len(values) - len(rows)
        have, are = ("has", "is") if n_missing == 1 else ("have", "are")
        warn(f"{n_missing:,} of {len(values):,} documents {have} no label and {are} left out")
    labels, _ = check_labels([values[row] for row in rows])
    return list(rows), labels


def _as_label(value: Any, separator: str | None) -> Any:
    if isinstance(value, list):
        return None if None in value else [str(item) for item in value]
    if value is None or value == "" or value != value:
        return None
    if separator is not None:
        return [part.strip() for part in str(value).split(separator) if part.strip()]
    return str(value)


def make_group(epilog: str) -> typer.Typer:
    """Return ``coterie classify`` with its commands, whose help ends with ``epilog``."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode="rich",
        help="Train a classifier of documents, use it, score it.",
    )
    for command in (train, predict, evaluate):
        group.command(command.__name__, epilog=epilog)(command)
    return group
