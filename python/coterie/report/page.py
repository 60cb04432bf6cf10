"""The report as one HTML file: collect what is shown, render the template, write it whole."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie._excerpt import excerpt
from coterie._validation import check_integer
from coterie._version import __version__
from coterie.journey import ClusterResult, KSearch
from coterie.report._html import render_page
from coterie.report._names import name_terms
from coterie.report.dendrogram import draw_tree
from coterie.report.document_map import place_documents, sample_documents
from coterie.report.scores import describe_scores

_TITLE_LENGTH = 120
_TERM_LENGTH = 60
_NAME_TERM_LENGTH = 24
_LABEL_LENGTH = 60
_REPRESENTATIVE_LENGTH = 400
_HOVER_LENGTH = 240
_N_LABELS = 3
MOST_OPEN_CARDS = 12  # of more clusters or topics the cards show names, and their contents when opened

# Twenty mid-tones that stand out on white and on black; further clusters repeat them with another symbol.
COLOURS = [
    "#4269d0",
    "#e89c0c",
    "#e8553f",
    "#2a9d8f",
    "#3ca951",
    "#e0629a",
    "#a463f2",
    "#4f9bd9",
    "#9c6b4e",
    "#7d8590",
    "#c42f5b",
    "#1797b3",
    "#9aa321",
    "#b5539f",
    "#5b8c3a",
    "#d9772b",
    "#6c63e0",
    "#1fa68a",
    "#a83f7d",
    "#857f2c",
]
_NOISE_COLOUR = "#8a8f99"
_SYMBOLS = [
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "cross",
    "x",
    "triangle-down",
    "pentagon",
    "star",
    "hexagon",
    "hourglass",
    "bowtie",
]


def render_report(
    result: ClusterResult,
    texts: Sequence[str],
    *,
    title: str = "Clusters",
    ids: Sequence[object] | None = None,
    labels: Sequence[object] | None = None,
    timings: dict[str, float] | None = None,
    started: float | None = None,
    n_map_documents: int = 2000,
) -> str:
    """Render a clustering as one HTML page that needs no network and no other file.

    Every text that comes from the documents is escaped; the page's content security policy lets no script run but its
    own two and no request leave.

    Parameters
    ----------
    result : ClusterResult
        What :func:`coterie.cluster_texts` returned.
    texts : sequence of str, of length n_documents
        The documents that were clustered, in the same order.
    title : str, default="Clusters"
        Heading of the page, for example the name of the file.
    ids : sequence of length n_documents, optional
        Names of the documents; row numbers, counted from 0, when absent.
    labels : sequence of length n_documents, optional
        True labels; the most frequent ones are shown with each cluster. None and "" count as no label.
    timings : dict of str to float, optional
        Seconds per stage to show instead of ``result.timings``.
    started : float, optional
        When the report was begun, by :func:`time.perf_counter`: the seconds since are shown as one more stage,
        "report". None shows no such stage, and the same arguments give the same page.
    n_map_documents : int, default=2000
        How many documents the map shows at most, >= 1. A larger corpus is sampled in proportion to the sizes of the
        clusters, small ones never left out, and the page says so.

    Returns
    -------
    str
        A complete HTML document, about 5 MB, most of it the plotting library.

    Raises
    ------
    ValueError
        When ``texts``, ``ids`` or ``labels`` have another length than the result.
    ModuleNotFoundError
        When the "cli" extra (jinja2, plotly) is not installed.

    Examples
    --------
    >>> from coterie import cluster_texts
    >>> from coterie.report import render_report
    >>> texts = ["red apple", "green apple", "fast train", "slow train"]
    >>> page = render_report(cluster_texts(texts, n_clusters=2, min_df=1), texts)
    >>> page.startswith("<!DOCTYPE html>")
    True
    """
    n_documents = len(result.labels)
    check_integer("n_map_documents", n_map_documents, minimum=1)
    for name, values in (("texts", texts), ("ids", ids), ("labels", labels)):
        if values is not None and len(values) != n_documents:
            raise ValueError(f"{name} must have one entry per document ({n_documents}); got {len(values)}")
    names = range(n_documents) if ids is None else ids
    clusters = _describe_clusters(result, texts, names, labels)
    noise = _describe_noise(result, labels)
    shown = clusters if noise is None else [*clusters, noise]
    drawings = {
        "map": _map_data(result, texts, names, shown, n_map_documents),
        "k_search": _search_curves(result.k_search),
        "dendrogram": _dendrogram(result, clusters),
    }
    stages = with_report(result.timings if timings is None else timings, started)
    page = {
        "title": excerpt(title, _TITLE_LENGTH),
        "version": __version__,
        "n_documents": n_documents,
        "n_clusters": len(result.clusters),
        "n_features": result.matrix.shape[1],
        "is_sparse": sp.issparse(result.matrix),
        "seconds": sum(stages.values()),
        "timings": stages,
        "parameters": {name: plain(value) for name, value in result.parameters.items()},
        "scores": describe_scores(result.metrics),
        "clusters": clusters,
        "noise": noise,
        "cards_are_open": len(clusters) <= MOST_OPEN_CARDS,
        "k_search": result.k_search,
        "text_language": "zh" if result.parameters.get("language") == "zh" else "",
    }
    return render_page("report", page=page, drawings=drawings)


def _describe_clusters(
    result: ClusterResult, texts: Sequence[str], names: Sequence[object], labels: Sequence[object] | None
) -> list[dict[str, Any]]:
    n_documents = max(1, len(result.labels))
    members = np.argsort(result.labels, kind="stable")
    n_noise = int(np.count_nonzero(result.labels < 0))
    ends = n_noise + np.cumsum([cluster.size for cluster in result.clusters])
    largest = max((cluster.size for cluster in result.clusters), default=0) or 1
    described = []
    for cluster, end in zip(result.clusters, ends, strict=True):
        rows = members[end - cluster.size : end]
        terms = [(excerpt(term, _TERM_LENGTH), float(weight)) for term, weight in cluster.terms]
        heaviest = max((weight for _, weight in terms), default=1.0)
        described.append(
            {
                "index": cluster.cluster,
                "number": cluster.cluster,
                "title": f"Cluster {cluster.cluster}",
                "size": cluster.size,
                "share": cluster.size / n_documents,
                "relative_size": cluster.size / largest,
                "name_terms": name_terms((term for term, _ in terms), 3),
                "terms": [(term, weight, weight / heaviest) for term, weight in terms],
                "colour": COLOURS[cluster.cluster % len(COLOURS)],
                "symbol": _SYMBOLS[cluster.cluster // len(COLOURS) % len(_SYMBOLS)],
                "distance": finite(result.distances[rows].mean()) if rows.size else None,
                "margin": finite(result.margins[rows].mean()) if rows.size else None,
                "labels": [] if labels is None else _frequent_labels([labels[row] for row in rows]),
                "representatives": [
                    {
                        "name": excerpt(str(names[row]), _TITLE_LENGTH),
                        "text": excerpt(str(texts[row]), _REPRESENTATIVE_LENGTH),
                        "distance": finite(result.distances[row]),
                    }
                    for row in cluster.representatives
                ],
            }
        )
    return described


def _describe_noise(result: ClusterResult, labels: Sequence[object] | None) -> dict[str, Any] | None:
    """Return what is shown of the documents in no cluster, or None where there are none."""
    rows = np.flatnonzero(result.labels < 0).tolist()
    if len(rows) == 0:
        return None
    return {
        "index": len(result.clusters),
        "number": -1,
        "title": "Noise",
        "size": len(rows),
        "share": len(rows) / len(result.labels),
        "name_terms": [],
        "terms": [],
        "colour": _NOISE_COLOUR,
        "symbol": "circle-open",
        "labels": [] if labels is None else _frequent_labels([labels[row] for row in rows]),
    }


def _dendrogram(result: ClusterResult, clusters: list[dict[str, Any]]) -> dict[str, Any] | None:
    if result.cluster_tree is None or len(result.cluster_tree) == 0:
        return None
    drawn = draw_tree(result.cluster_tree)
    names = []
    for leaf in drawn.leaves:
        largest = max((clusters[number] for number in leaf), key=lambda cluster: cluster["size"])
        n_documents = sum(clusters[number]["size"] for number in leaf)
        others = f" and {len(leaf) - 1} more" if len(leaf) > 1 else ""
        names.append(f"{_short_name(largest)} · {largest['number']}{others} ({n_documents:,})")
    return {"names": names, "x": drawn.x, "y": drawn.y}


def _frequent_labels(labels: list[object]) -> list[tuple[str, float]]:
    counts = Counter(str(label) for label in labels if label is not None and label != "")
    total = sum(counts.values())
    by_frequency = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(excerpt(label, _LABEL_LENGTH), count / total) for label, count in by_frequency[:_N_LABELS]]


def _map_data(
    result: ClusterResult,
    texts: Sequence[str],
    names: Sequence[object],
    clusters: list[dict[str, Any]],
    n_map_documents: int,
) -> dict[str, Any]:
    seed = result.parameters.get("random_state")
    random_state = seed if isinstance(seed, int) else 0
    index = np.where(result.labels < 0, len(result.clusters), result.labels).astype(np.int32)
    rows = sample_documents(index, len(clusters), n_map_documents, random_state)
    points = place_documents(result.matrix[rows], result.model.clusterer.cluster_centers_, random_state)
    return {
        "clusters": [
            {
                "title": cluster["title"],
                "name": _short_name(cluster),
                "colour": cluster["colour"],
                "symbol": cluster["symbol"],
            }
            for cluster in clusters
        ],
        "cluster": index[rows].tolist(),
        "x": [round(float(x), 4) for x in points[:, 0]],
        "y": [round(float(y), 4) for y in points[:, 1]],
        "distance": [finite(distance) for distance in result.distances[rows]],
        "name": [excerpt(str(names[row]), _TITLE_LENGTH) for row in rows],
        "text": [excerpt(str(texts[row]), _HOVER_LENGTH) for row in rows],
    }


def _short_name(cluster: dict[str, Any]) -> str:
    return ", ".join(excerpt(term, _NAME_TERM_LENGTH) for term in cluster["name_terms"][:2])


def _search_curves(k_search: KSearch | None) -> dict[str, Any] | None:
    if k_search is None:
        return None
    names = ("silhouette", "shuffled_silhouette", "gap", "gap_error", "stability")
    curves = {name: [finite(getattr(trial, name)) for trial in k_search.trials] for name in names}
    return {
        **curves,
        "n_clusters": [trial.n_clusters for trial in k_search.trials],
        "chosen": k_search.n_clusters,
    }


def with_report(timings: dict[str, float], started: float | None) -> dict[str, float]:
    """Add what the report has taken so far to the seconds of the stages."""
    return timings if started is None else {**timings, "report": time.perf_counter() - started}


def finite(value: float) -> float | None:
    """Round to 4 places; None for what JSON has no number for."""
    number = float(value)
    return round(number, 4) if math.isfinite(number) else None


def plain(value: object) -> str:
    """Return a parameter's value as short text."""
    if isinstance(value, list | tuple | set | frozenset) and len(value) > 8:
        return f"{len(value)} entries"
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value)
    return "none" if value is None else excerpt(str(value), _TITLE_LENGTH)
