"""The report of a topic model as one HTML file: terms, documents, a map, topics over time, the search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._excerpt import excerpt
from coterie._version import __version__
from coterie.report._html import render_page
from coterie.report._names import name_terms
from coterie.report.page import COLOURS, MOST_OPEN_CARDS, finite, plain, with_report
from coterie.topics import TopicResult, TopicSearch, TopicsOverTime

_TITLE_LENGTH = 120
_TERM_LENGTH = 60
_DOCUMENT_LENGTH = 400
_MOST_DRAWN = 12  # topics whose course over time is drawn


def render_topics_report(
    result: TopicResult,
    texts: Sequence[str],
    *,
    title: str = "Topics",
    ids: Sequence[object] | None = None,
    over_time: TopicsOverTime | None = None,
    timings: dict[str, float] | None = None,
    started: float | None = None,
) -> str:
    """Render topics as one HTML page that needs no network and no other file.

    Every text that comes from the documents is escaped; the page's content security policy lets no script run but its
    own two and no request leave.

    Parameters
    ----------
    result : TopicResult
        What :func:`coterie.topics.find_topics` returned.
    texts : sequence of str, of length n_documents
        The documents, in the same order.
    title : str, default="Topics"
        Heading of the page, for example the name of the file.
    ids : sequence of length n_documents, optional
        Names of the documents; row numbers, counted from 0, when absent.
    over_time : TopicsOverTime, optional
        Shows how much each topic is written about, period by period.
    timings : dict of str to float, optional
        Seconds per stage to show instead of ``result.timings``.
    started : float, optional
        When the report was begun, by :func:`time.perf_counter`: the seconds since are shown as one more stage,
        "report".

    Returns
    -------
    str
        A complete HTML document, about 5 MB, most of it the plotting library.

    Raises
    ------
    ValueError
        When ``texts`` or ``ids`` have another length than the result.
    ModuleNotFoundError
        When the "cli" extra (jinja2, plotly) is not installed.

    Examples
    --------
    >>> from coterie.topics import find_topics
    >>> texts = ["red apple red cherry", "sweet red apple pie", "slow train late train", "late bus slow train"] * 10
    >>> page = render_topics_report(find_topics(texts, n_topics=2), texts)
    >>> page.startswith("<!DOCTYPE html>")
    True
    """
    n_documents = len(result.labels)
    for name, values in (("texts", texts), ("ids", ids)):
        if values is not None and len(values) != n_documents:
            raise ValueError(f"{name} must have one entry per document ({n_documents}); got {len(values)}")
    names = range(n_documents) if ids is None else ids
    topics = _describe(result, texts, names)
    drawings = {
        "map": _map(result, topics),
        "over_time": _course(over_time, topics),
        "search": _curves(result.search),
    }
    stages = with_report(result.timings if timings is None else timings, started)
    page = {
        "title": excerpt(title, _TITLE_LENGTH),
        "version": __version__,
        "n_documents": n_documents,
        "n_terms": result.matrix.shape[1],
        "topics": topics,
        "cards_are_open": len(topics) <= MOST_OPEN_CARDS,
        "metrics": {name: finite(value) for name, value in result.metrics.items()},
        "search": None if result.search is None else str(result.search),
        "has_times": over_time is not None,
        "seconds": sum(stages.values()),
        "timings": stages,
        "parameters": {name: plain(value) for name, value in result.parameters.items()},
        "text_language": "zh" if result.parameters.get("language") == "zh" else "",
    }
    return render_page("topics", page=page, drawings=drawings)


def _describe(result: TopicResult, texts: Sequence[str], names: Sequence[object]) -> list[dict[str, Any]]:
    largest = max(topic.share for topic in result.topics)
    described = []
    for topic in result.topics:
        terms = [(excerpt(term, _TERM_LENGTH), float(weight)) for term, weight in topic.terms]
        heaviest = max((weight for _, weight in terms), default=1.0)
        described.append(
            {
                "number": topic.topic,
                "share": topic.share,
                "relative_share": topic.share / largest if largest > 0 else 0.0,
                "size": topic.size,
                "coherence": finite(topic.coherence),
                "colour": COLOURS[topic.topic % len(COLOURS)],
                "name": ", ".join(name_terms((term for term, _ in terms), 3)) or f"topic {topic.topic}",
                "terms": [(term, weight, weight / heaviest) for term, weight in terms],
                "documents": [
                    {
                        "name": excerpt(str(names[row]), _TITLE_LENGTH),
                        "text": excerpt(str(texts[row]), _DOCUMENT_LENGTH),
                        "share": float(result.mixtures[row, topic.topic]),
                    }
                    for row in topic.documents
                ],
            }
        )
    return described


def _map(result: TopicResult, topics: list[dict[str, Any]]) -> dict[str, Any]:
    points = place_topics(result.model.named_steps["topics"].components_)
    return {
        "x": [round(float(x), 4) for x in points[:, 0]],
        "y": [round(float(y), 4) for y in points[:, 1]],
        "name": [topic["name"] for topic in topics],
        "term": [topic["terms"][0][0] if topic["terms"] else topic["name"] for topic in topics],
        "share": [round(topic["share"], 5) for topic in topics],
        "colour": [topic["colour"] for topic in topics],
    }


def place_topics(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay topics out on a plane by their Hellinger distances (classical scaling); within [-1, 1].

    Parameters
    ----------
    components : ndarray of shape (n_topics, n_features)
        Weights >= 0 of the terms.

    Returns
    -------
    ndarray of shape (n_topics, 2), float64
        Of each axis, the coordinate that is farthest from 0 is positive.
    """
    roots = np.sqrt(components / components.sum(axis=1, keepdims=True))
    squared = np.maximum(1 - roots @ roots.T, 0)  # squared Hellinger distances
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    points = np.zeros((len(components), 2))
    for axis in range(min(2, len(components))):
        column = vectors[:, -1 - axis] * np.sqrt(max(values[-1 - axis], 0.0))
        points[:, axis] = column * (1 if column[np.abs(column).argmax()] >= 0 else -1)
    extent = np.abs(points).max()
    return points / extent if extent > 1e-9 else np.zeros_like(points)


def _course(over_time: TopicsOverTime | None, topics: list[dict[str, Any]]) -> dict[str, Any] | None:
    if over_time is None:
        return None
    drawn = sorted(topics, key=lambda topic: -topic["share"])[:_MOST_DRAWN]
    return {
        "starts": [datetime.fromtimestamp(s, UTC).isoformat() for s in over_time.starts.tolist()],
        "sizes": over_time.sizes.tolist(),
        "topics": [
            {
                "name": topic["name"],
                "colour": topic["colour"],
                "shares": [finite(share) for share in over_time.shares[:, topic["number"]]],
            }
            for topic in drawn
        ],
    }


def _curves(search: TopicSearch | None) -> dict[str, Any] | None:
    if search is None:
        return None
    curves: dict[str, Any] = {}
    for name in ("perplexity", "aic", "bic", "npmi", "umass", "diversity", "stability"):
        estimates = [getattr(trial, name) for trial in search.trials]
        curves[name] = {
            "mean": [None if e is None else finite(e.mean) for e in estimates],
            "error": [None if e is None else finite(e.high - e.mean) for e in estimates],
        }
    return {"n_topics": [t.n_topics for t in search.trials], "chosen": search.n_topics, "curves": curves}
