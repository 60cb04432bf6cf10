"""Reading the input files of a command, with progress and with remarks on what was odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coterie.cli.console import warn

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


def read_documents(files: list[str], options: InputOptions, stages: Stages, *, quiet: bool) -> Corpus:
    """Read all documents; an input without any is an error."""
    from coterie.io import read_corpus

    corpus = read_corpus(
        files,
        text_field=options.text_field,
        id_field=options.id_field,
        label_field=options.label_field,
        format=options.format,
        encoding_errors=options.encoding_errors,
        progress=lambda n_documents: stages.count("read", n_documents),
    )
    if len(corpus) == 0:
        raise ValueError(f"no documents in {', '.join(files)}")
    if corpus.n_null_texts and not quiet:
        warn(f"{corpus.n_null_texts:,} documents have no text and count as empty")
    if corpus.n_duplicate_ids and not quiet:
        warn(f"{corpus.n_duplicate_ids:,} documents carry an id that an earlier document carries too")
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
