"""One self-contained HTML page that shows a clustering: sizes, terms, documents, a map and scores."""

from coterie.report.page import render_report

__all__ = ["render_report"]
