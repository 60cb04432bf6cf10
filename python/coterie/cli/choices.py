"""Options that take one of some names: another one is wrong usage, said before anything is read.

The names are written here, not taken from the library, so that ``coterie --help`` need not import it; a test
compares them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import typer

FORMATS = ("auto", "jsonl", "csv", "tsv", "parquet", "arrow", "lines")
ENCODING_ERRORS = ("strict", "replace")
LANGUAGES = ("en", "zh")
METRICS = ("cosine", "euclidean", "jaccard", "weighted_jaccard")
CLUSTERERS = (
    "kmeans",
    "minibatch",
    "bisecting",
    "ward",
    "average",
    "complete",
    "single",
    "hdbscan",
    "dbscan",
    "spectral",
)
POOLINGS = ("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens")
ENCODERS = ("tfidf", "lsa", "cooccurrence", "onnx:DIR", "static:FILE")


def one_of(*names: str) -> Callable[[str], str]:
    """Return a parser that takes these names and no others."""

    def parse(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}{_meant(value, names)}")
        return value

    return parse


def parse_encoder(value: str) -> str:
    """Take the name of an encoder, with its folder or file where it has one."""
    return _encoder_among(ENCODERS, value)


def parse_encoder_or_auto(value: str) -> str:
    return _encoder_among((*ENCODERS, "auto"), value)


def _encoder_among(encoders: tuple[str, ...], value: str) -> str:
    forms = {form.partition(":")[0]: form for form in encoders}
    name, _, place = value.partition(":")
    if name not in forms:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(encoders)}{_meant(name, tuple(forms))}")
    if bool(place) != (":" in forms[name]) or (":" in value and not place):
        raise typer.BadParameter(f"{value!r} has not the form {forms[name]}.")
    return value


def _meant(value: str, names: tuple[str, ...]) -> str:
    alike = difflib.get_close_matches(value, names, n=1)
    return f"; did you mean {alike[0]}?" if alike else "."
