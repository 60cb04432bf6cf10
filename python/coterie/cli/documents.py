"""Reading the input files of a command, with progress and with remarks on what was odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from coterie.cli.console import warn
from coterie.cli.options import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from coterie.cli.progress import Stages
    from coterie.io import Corpus


@dataclass(frozen=True)
class InputOptions:
    """How the files of a command are read; the names are those of :func:`coterie.io.read_texts`."""

    text_field: str | None = None
    id_field: str | None = None
    label_field: str | None = None
    format: str = "auto"
    encoding_errors: str = "strict"
    max_document_bytes: int = MAX_DOCUMENT_BYTES


def input_options(given: Mapping[str, Any]) -> InputOptions:
    """Pick them from the options of a command."""
    return InputOptions(**{f.name: given[f.name] for f in fields(InputOptions) if f.name in given})


def report_oddities(n_null_texts: int, n_duplicate_ids: int) -> None:
    """Remark on what was odd about the documents."""
    if n_null_texts:
        warn(f"{n_null_texts:,} documents have no text and count as empty")
    if n_duplicate_ids:
        warn(f"{n_duplicate_ids:,} documents carry an id that an earlier document carries too")


def read_documents(files: list[str], options: InputOptions, stages: Stages, *, quiet: bool) -> Corpus:
    """Read all documents; an input without any is an error."""
    from coterie.io import read_corpus

    corpus = read_corpus(
        files,
        **asdict(options),
        progress=lambda n_documents: stages.count("read", n_documents),
    )
    if len(corpus) == 0:
        raise ValueError(f"no documents in {', '.join(files)}")
    if not quiet:
        report_oddities(corpus.n_null_texts, corpus.n_duplicate_ids)
    stages.n_documents = len(corpus)
    return corpus


def read_stop_words(value: str) -> str | list[str] | None:
    """Turn the option's value into what the vectorizer takes: "auto", None, or the words of a file."""
    if value == "auto":
        return value
    if value == "none":
        return None
    with open(value, encoding="utf-8") as lines:
        return sorted({line.strip() for line in lines} - {""})
