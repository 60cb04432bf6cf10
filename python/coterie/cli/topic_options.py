"""The options of ``coterie topics`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coterie.cli.options import INPUT, OUTPUT, TERMS

TOPICS = "Topics"
_MOST_TRIED = 6  # of a range


def parse_n_topics(value: str) -> int | str | list[int]:
    """Read a number, "auto", or LOW:HIGH as up to six numbers in equal ratios."""
    if value == "auto":
        return value
    parts = value.split(":")
    if len(parts) > 2 or not all(
        part.isascii() and part.isdigit() and 1 <= int(part) <= 65535 for part in parts
    ):
        raise typer.BadParameter(
            f"{value!r} is not a number of topics >= 1, a range such as 10:200, or auto."
        )
    numbers = [int(part) for part in parts]
    if len(numbers) == 1:
        return numbers[0]
    low, high = numbers
    if low > high:
        raise typer.BadParameter(f"{value!r} is not a range such as 10:200: its end is below its start.")
    steps = _MOST_TRIED - 1
    return sorted({round(low * (high / low) ** (step / steps)) for step in range(_MOST_TRIED)})


NTopics = Annotated[
    Any,
    typer.Option(
        "--n-topics",
        "-k",
        parser=parse_n_topics,
        metavar="N|LOW:HIGH|auto",
        rich_help_panel=TOPICS,
        help="How many topics; a range or auto tries several numbers and says why it chose. "
        "Default: 20, or as many as there are documents.",
    ),
]
MaxIter = Annotated[
    int,
    typer.Option("--max-iter", min=1, rich_help_panel=TOPICS, help="Iterations of the sampler."),
]
TimestampField = Annotated[
    str | None,
    typer.Option(
        "--timestamp-field",
        metavar="NAME",
        rich_help_panel=INPUT,
        help="Column with the documents' times (seconds since 1970, or ISO 8601): shows topics over time.",
    ),
]
Vocabulary = Annotated[
    Path | None,
    typer.Option(
        "--vocabulary",
        metavar="FILE",
        rich_help_panel=TERMS,
        help="Count the terms of this file, one on each line, and no others; the vocabulary.txt of an earlier run, "
        "edited, is one.",
    ),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Folder for documents.parquet, topics.jsonl, metrics.json, vocabulary.txt, model/ and report.html. "
        "Without it the topics are only printed.",
    ),
]
