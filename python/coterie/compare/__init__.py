"""Encoders and clusterers side by side on the same documents: quality, seconds, memory."""

from coterie.compare._compare import compare, sample_rows
from coterie.compare._results import Comparison, ComparisonRun

__all__ = ["Comparison", "ComparisonRun", "compare", "sample_rows"]
