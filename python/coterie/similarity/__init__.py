"""Neighbours by cosine and Jaccard similarity, and groups of near-duplicates."""

from coterie.similarity._duplicates import DuplicateGroups, near_duplicates
from coterie.similarity._neighbours import Neighbours
from coterie.similarity._top_k import cosine_top_k, jaccard_top_k

__all__ = ["DuplicateGroups", "Neighbours", "cosine_top_k", "jaccard_top_k", "near_duplicates"]
