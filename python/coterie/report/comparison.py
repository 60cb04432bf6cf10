"""A comparison of encoders and clusterers as one HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coterie._excerpt import excerpt
from coterie._version import __version__
from coterie.report._html import render_page

if TYPE_CHECKING:
    from coterie.compare import Comparison, ComparisonRun

# score: heading of its column
SCORES = {
    "nmi": "NMI",
    "ari": "ARI",
    "v_measure": "V-measure",
    "matched_f1": "F1",
    "purity": "purity",
    "silhouette_sampled": "silhouette",
}
_STAGES = ("encode", "cluster", "evaluate")
_NAME_LENGTH = 80


def columns_of(comparison: Comparison) -> list[str]:
    """Return the scores of ``SCORES`` that some run has, in that order.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    list of str

    Examples
    --------
    >>> from coterie.compare import Comparison, ComparisonRun
    >>> from coterie.report.comparison import columns_of
    >>> columns_of(Comparison([ComparisonRun("tfidf", "ward", scores={"ari": [0.5]})], 9, 3, {}, {}))
    ['ari']
    """
    return [name for name in SCORES if any(name in run.scores for run in comparison.runs)]


def render_comparison(comparison: Comparison, *, title: str = "Comparison") -> str:
    """Render a comparison as one HTML page that needs no network and no other file.

    Parameters
    ----------
    comparison : Comparison
        What :func:`coterie.compare.compare` returned.
    title : str, default="Comparison"
        Heading of the page, for example the name of the file.

    Returns
    -------
    str
        A complete HTML document, about 5 MB, most of it the plotting library.

    Raises
    ------
    ModuleNotFoundError
        When the "cli" extra (jinja2, plotly) is not installed.

    Examples
    --------
    >>> from coterie.compare import Comparison, ComparisonRun
    >>> from coterie.report.comparison import render_comparison
    >>> run = ComparisonRun("tfidf", "ward", seeds=[0], scores={"nmi": [0.5]}, n_clusters=[3])
    >>> page = render_comparison(Comparison([run], 9, 3, {}, {}))
    >>> page.startswith("<!DOCTYPE html>")
    True
    """
    columns = columns_of(comparison)
    best = columns[0] if columns else "nmi"
    runs = comparison.ranked(best)
    page = {
        "title": excerpt(title, 120),
        "version": __version__,
        "n_documents": comparison.n_documents,
        "n_classes": comparison.n_classes,
        "n_runs": len(runs),
        "columns": [SCORES[name] for name in columns],
        "parameters": {name: _shown(value) for name, value in comparison.parameters.items()},
        "machine": {name: _shown(value) for name, value in comparison.machine.items()},
        "runs": [_describe(run, columns) for run in runs],
        "stages": _STAGES,
    }
    return render_page("comparison", page=page, drawings=_drawings(runs, columns))


def _describe(run: ComparisonRun, columns: list[str]) -> dict[str, Any]:
    return {
        "encoder": excerpt(run.encoder, _NAME_LENGTH),
        "clusterer": run.clusterer,
        "n_clusters": _range(run.n_clusters),
        "n_runs": len(run.seeds),
        "scores": [_mean_and_range(run.scores.get(name)) for name in columns],
        "seconds": [run.mean_seconds(stage) for stage in _STAGES],
        "memory": [run.peak_memory.get(stage, 0) / 2**20 or None for stage in ("encode", "cluster")],
        "error": run.error,
    }


def _mean_and_range(values: list[float] | None) -> dict[str, float] | None:
    if not values:
        return None
    return {"mean": sum(values) / len(values), "low": min(values), "high": max(values)}


def _range(values: list[int]) -> str:
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _drawings(runs: list[ComparisonRun], columns: list[str]) -> dict[str, Any]:
    scored = [run for run in runs if run.error is None]
    return {
        "names": [f"{excerpt(run.encoder, 40)} + {run.clusterer}" for run in scored],
        "encoders": [excerpt(run.encoder, 40) for run in scored],
        "clusterers": [run.clusterer for run in scored],
        "scores": {
            SCORES[name]: [_mean_and_range(run.scores.get(name)) for run in scored]
            for name in columns
            if name != "v_measure"  # the same dots as NMI
        },
        "seconds": [(run.mean_seconds("encode") or 0) + (run.mean_seconds("cluster") or 0) for run in scored],
    }


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value)
    return "none" if value is None or value == {} else excerpt(str(value), 120)
