"""Corpora without their near-duplicates."""

from coterie.dedupe._files import dedupe_files
from coterie.dedupe._result import DedupeResult

__all__ = ["DedupeResult", "dedupe_files"]
