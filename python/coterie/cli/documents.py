"""Reading the input files of a command, with progress and with remarks on what was odd."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from coterie.cli.console import counted, warn
from coterie.cli.options import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from coterie.cli.progress import Stages
    from coterie.io import Corpus

_LOOKED_INTO, _LOOKED_INTO_CHARACTERS = 1000, 20_000  # to tell the language


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
        count = "has no text and counts" if n_null_texts == 1 else "have no text and count"
        warn(f"{counted(n_null_texts, 'document')} {count} as empty")
    if n_duplicate_ids:
        carry = "carries" if n_duplicate_ids == 1 else "carry"
        warn(f"{counted(n_duplicate_ids, 'document')} {carry} an id that an earlier document carries too")


def report_unlabelled(n_unlabelled: int, n_documents: int) -> None:
    """Remark on documents that the scores against classes leave out."""
    have = "has" if n_unlabelled == 1 else "have"
    others = n_documents - n_unlabelled
    warn(f"{counted(n_unlabelled, 'document')} {have} no label; the scores are of the other {others:,}")


def report_limits(asked: Mapping[str, Any], used: Mapping[str, Any]) -> None:
    """Remark on limits of document frequency that were widened, as in :func:`coterie.cluster_texts`."""
    names = [name for name in ("min_df", "max_df") if used.get(name, asked[name]) != asked[name]]
    if names:
        told = " and ".join(
            f"--{name.replace('_', '-')} is {used[name]} instead of {asked[name]}" for name in names
        )
        warn(f"{told}: more than half of the documents had no term left")


def report_language(texts: Any, language: str) -> None:
    """Remark on Chinese that is read as if it had spaces between its words."""
    letters = "".join(text or "" for text in texts[:_LOOKED_INTO].to_pylist())[:_LOOKED_INTO_CHARACTERS]
    n_chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    if language == "en" and 2 * n_chinese > sum(map(str.isalpha, letters)):
        warn(
            "most of the text is Chinese, whose words --language zh finds; without it they end at punctuation"
        )


def read_documents(
    files: list[str], options: InputOptions, stages: Stages, *, quiet: bool, language: str | None = None
) -> Corpus:
    """Read all documents; an input without any is an error. ``language`` is what they will be cut into words as."""
    from coterie.io import read_corpus

    corpus = read_corpus(
        files,
        **asdict(options),
        progress=lambda n_documents: stages.count("read", n_documents),
    )
    if len(corpus) == 0:
        raise ValueError(f"no documents in {', '.join(files)}")
    if language is not None and not any((text.as_py() or "").strip() for text in corpus.texts):
        raise ValueError(
            f"{counted(len(corpus), 'document')} in {', '.join(files)}, all of them without text"
        )
    if not quiet:
        report_oddities(corpus.n_null_texts, corpus.n_duplicate_ids)
        if language is not None:
            report_language(corpus.texts, language)
    stages.n_documents = len(corpus)
    return corpus


def read_stop_words(value: str) -> str | list[str] | None:
    """Turn the option's value into what the vectorizer takes: "auto", None, or the words of a file."""
    if value == "auto":
        return value
    if value == "none":
        return None
    if not os.path.exists(value):
        raise FileNotFoundError(
            f"stop_words must be auto, none or a file of words; there is no file {value!r}"
        )
    with open(value, encoding="utf-8") as lines:
        return sorted({line.strip() for line in lines} - {""})
