"""What ``coterie classify`` prints and writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie._validation import require_extra
from coterie.io import atomic_write

if TYPE_CHECKING:
    from rich.table import Table

    from coterie.classify import ClassificationReport
    from coterie.io import Corpus


def prediction_columns(classifier: Any, texts: Sequence[str], min_probability: float) -> dict[str, list[Any]]:
    """Return label and probability of each document, or its labels and their probabilities."""
    fitted = classifier.named_steps["classifier"]
    chances = classifier.predict_proba(texts)
    found = fitted.labels_of(chances)
    if fitted.multi_label_:
        column = {label: j for j, label in enumerate(fitted.classes_.tolist())}
        probabilities = [
            [float(row[column[label]]) for label in labels]
            for row, labels in zip(chances, found, strict=True)
        ]
        return {"labels": [list(labels) for labels in found], "probabilities": probabilities}
    best = chances.max(axis=1).tolist()
    labels = [label if p >= min_probability else None for label, p in zip(found.tolist(), best, strict=True)]
    return {"label": labels, "probability": best}


def write_predictions(
    path: Path, corpus: Corpus, columns: dict[str, list[Any]], *, overwrite: bool, inputs: list[str]
) -> None:
    """Write ids, predictions and the input's other columns; one whose name is taken gets ``input_`` in front."""
    pa = require_extra("pyarrow", "cli")
    pq = require_extra("pyarrow.parquet", "cli")
    taken = {"id", *columns}
    table = pa.table({"id": corpus.ids, **{name: pa.array(values) for name, values in columns.items()}})
    for name in corpus.columns.column_names:
        kept = f"input_{name}" if name in taken else name
        table = table.append_column(kept, corpus.columns.column(name))
    with atomic_write(path, overwrite=overwrite, inputs=inputs) as staged:
        pq.write_table(table, staged)


def label_counts(columns: dict[str, list[Any]]) -> Table:
    """Return how many documents got each label."""
    from rich.table import Table
    from rich.text import Text

    if "labels" in columns:
        given = [label for labels in columns["labels"] for label in labels or [None]]
        n_documents = len(columns["labels"])
    else:
        given, n_documents = columns["label"], len(columns["label"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("label")
    table.add_column("documents", justify="right")
    table.add_column("share", justify="right")
    for label, n in sorted(Counter(given).items(), key=lambda entry: (-entry[1], str(entry[0]))):
        name = "(none)" if label is None else str(label)
        table.add_row(Text(name), f"{n:,}", f"{100 * n / n_documents:.1f} %")
    return table


def report_tables(report: ClassificationReport) -> list[Table]:
    """Return one table by label and one of the overall scores."""
    from rich.table import Table
    from rich.text import Text

    by_label = Table(box=None, pad_edge=False, header_style="bold")
    by_label.add_column("label")
    for name in ("precision", "recall", "f1", "documents"):
        by_label.add_column(name, justify="right")
    for scores in sorted(report.labels, key=lambda scores: -scores.support):
        numbers = [f"{value:.3f}" for value in (scores.precision, scores.recall, scores.f1)]
        by_label.add_row(Text(str(scores.label)), *numbers, f"{scores.support:,}")
    overall = Table(box=None, pad_edge=False, show_header=False)
    for name, value in report.scores.items():
        overall.add_row(name, f"{value:.4f}")
    overall.add_row("documents", f"{report.n_documents:,}")
    return [by_label, overall]
