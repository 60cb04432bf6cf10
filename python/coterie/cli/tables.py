"""Clusters and scores as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from coterie._excerpt import excerpt
from coterie.report.scores import describe_scores

if TYPE_CHECKING:
    from rich.table import Table

    from coterie.journey import ClusterSummary

_TERMS_WIDTH = 46
_FIXED_WIDTH = len("cluster  documents    share  ") + 2
_LEAST_WIDTH = 20  # of the last column, on a terminal however narrow


def clusters_table(
    summaries: Sequence[ClusterSummary],
    sizes: Mapping[int, int],
    width: int,
    text_of: Callable[[int], str] | None = None,
) -> Table:
    """Return the clusters, largest first, and noise last: number, size, share, terms and the most typical document.

    ``sizes`` counts the documents of each cluster by its number; ``width`` is the console's; ``text_of`` gives the
    text of a row number, None leaves the examples out.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("cluster", "documents", "share"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("terms", no_wrap=True, overflow="ellipsis")
    terms_width = width - _FIXED_WIDTH if text_of is None else _TERMS_WIDTH
    example_width = max(_LEAST_WIDTH, width - _FIXED_WIDTH - _TERMS_WIDTH - 2)
    if text_of is not None:
        table.add_column("most typical document", no_wrap=True, overflow="ellipsis")
    n_documents = max(1, sum(sizes.values()))
    for summary in sorted(summaries, key=lambda s: (s.cluster < 0, -sizes[s.cluster])):
        size = sizes[summary.cluster]
        cells = [
            str(summary.cluster),
            f"{size:,}",
            f"{100 * size / n_documents:.1f} %",
            "(noise: in no cluster)"
            if summary.cluster < 0
            else _fitting(_first_terms(summary, terms_width), terms_width),
        ]
        if text_of is not None:
            row = next(iter(summary.representatives), None)
            cells.append("" if row is None else _fitting(text_of(row), example_width))
        table.add_row(*map(Text, cells))
    return table


def _first_terms(summary: ClusterSummary, width: int) -> str:
    """Return as many whole terms as fit, at least one."""
    from rich.cells import cell_len

    shown = ""
    for term, _ in summary.terms:
        longer = f"{shown}, {excerpt(term, width)}" if shown else excerpt(term, width)
        if shown and cell_len(longer) > width:
            break
        shown = longer
    return shown


def _fitting(text: str, width: int) -> str:
    """Return the beginning of ``text`` in at most ``width`` columns; Chinese characters take two."""
    from rich.cells import set_cell_size

    shown = excerpt(text, width)
    return set_cell_size(shown, width).rstrip()


def scores_table(scores: Mapping[str, float]) -> Table:
    """Return the scores with their full names and what their range means."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for score in describe_scores(dict(scores)):
        table.add_row(Text(score.title), score.shown, Text(score.meaning))
    return table
