"""The options of ``coterie dedupe`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coterie.cli import choices
from coterie.cli.options import OUTPUT, SEARCH, TERMS

Threshold = Annotated[
    float,
    typer.Option(
        "--threshold",
        "-t",
        min=0.0,
        max=1.0,
        rich_help_panel=SEARCH,
        help="Documents at least this similar are joined; 1 for the same terms only.",
    ),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        "--measure",
        parser=choices.one_of("jaccard", "cosine"),
        metavar="jaccard|cosine",
        rich_help_panel=SEARCH,
        help="The share of common terms (Jaccard), or the cosine of TF-IDF weights.",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        parser=choices.one_of("exact", "minhash"),
        metavar="exact|minhash",
        rich_help_panel=SEARCH,
        help="exact finds every pair; minhash compares the candidates of MinHash with banding, for long documents and "
        "runs of characters. Every pair is verified either way.",
    ),
]
NHashes = Annotated[
    int,
    typer.Option(
        "--n-hashes",
        min=1,
        max=65_536,
        metavar="N",
        rich_help_panel=SEARCH,
        help="Hash functions of minhash: more of them miss fewer pairs.",
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", rich_help_panel=SEARCH, help="Seed of minhash.")
]
Analyzer = Annotated[
    str,
    typer.Option(
        "--analyzer",
        parser=choices.one_of("word", "char", "char_wb"),
        metavar="word|char|char_wb",
        rich_help_panel=TERMS,
        help="What terms are runs of: words, characters, or characters inside words.",
    ),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Folder for kept.parquet, groups.parquet and summary.json. Without it the groups are only printed.",
    ),
]
