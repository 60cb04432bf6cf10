"""One self-contained HTML page that shows a clustering or the topics: sizes, terms, documents, a map and scores."""

from coterie.report.page import render_report
from coterie.report.topics_page import render_topics_report

__all__ = ["render_report", "render_topics_report"]
