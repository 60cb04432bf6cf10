"""The options that say how documents become rows and rows clusters."""

from __future__ import annotations

from typing import Annotated

import typer

from coterie.cli import choices
from coterie.cli.options import CLUSTERING

Encoder = Annotated[
    str,
    typer.Option(
        "--encoder",
        "--method",
        parser=choices.parse_encoder_or_auto,
        metavar="NAME",
        rich_help_panel=CLUSTERING,
        help="What turns documents into rows: tfidf, lsa, cooccurrence, onnx:DIR (a folder of coterie export) or "
        "static:FILE (word vectors); auto tries several ways to cluster, chooses by evidence and says why.",
    ),
]
Refine = Annotated[
    str | None,
    typer.Option(
        "--refine",
        parser=choices.one_of("reclassify"),
        metavar="reclassify",
        rich_help_panel=CLUSTERING,
        help="Let a classifier sharpen the clusters, kept only where they become more predictable.",
    ),
]
MaxUnassigned = Annotated[
    float | None,
    typer.Option(
        "--max-unassigned",
        min=0.0,
        max=1.0,
        metavar="SHARE",
        rich_help_panel=CLUSTERING,
        help="Put documents whose cluster is doubtful into none (-1), at most this share, such as 0.05.",
    ),
]
Clusterer = Annotated[
    str,
    typer.Option(
        "--clusterer",
        parser=choices.one_of(*choices.CLUSTERERS),
        metavar="NAME",
        rich_help_panel=CLUSTERING,
        help="kmeans, minibatch, bisecting; ward, average, complete, single (hierarchical, with a dendrogram); "
        "hdbscan, dbscan (find the number of clusters, leave noise in cluster -1); spectral.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|cuda:N",
        rich_help_panel=CLUSTERING,
        show_default="cpu",
        help="Where K-means runs: cuda is an NVIDIA GPU, auto one if it can be used. The clusters are the same.",
    ),
]
DistanceThreshold = Annotated[
    float | None,
    typer.Option(
        "--distance-threshold",
        min=0.0,
        metavar="X",
        rich_help_panel=CLUSTERING,
        help="Cut the tree (ward, average, complete, single) at this distance instead of into --n-clusters.",
    ),
]
MinClusterSize = Annotated[
    int | None,
    typer.Option(
        "--min-cluster-size",
        min=2,
        metavar="N",
        rich_help_panel=CLUSTERING,
        show_default="5",
        help="Least documents of a cluster (hdbscan).",
    ),
]
MinSamples = Annotated[
    int | None,
    typer.Option(
        "--min-samples",
        min=1,
        metavar="N",
        rich_help_panel=CLUSTERING,
        show_default="5",
        help="Near documents that make a region dense (hdbscan: as --min-cluster-size; dbscan); more give more noise.",
    ),
]
Eps = Annotated[
    float | None,
    typer.Option(
        "--eps",
        min=0.0,
        metavar="X",
        rich_help_panel=CLUSTERING,
        show_default="0.5",
        help="Largest distance of near documents (dbscan).",
    ),
]
NNeighbors = Annotated[
    int | None,
    typer.Option(
        "--n-neighbors",
        min=1,
        metavar="N",
        rich_help_panel=CLUSTERING,
        show_default="10",
        help="Neighbours of each document in the graph (spectral).",
    ),
]
