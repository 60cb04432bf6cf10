"""From texts to explained clusters in one call: the journey of the library, step by step."""

from coterie.cluster.auto_k import KSearch, KTrial
from coterie.journey._cluster_texts import cluster_texts
from coterie.journey._results import Assignment, ClusterModel, ClusterResult, ClusterSummary

__all__ = [
    "Assignment",
    "ClusterModel",
    "ClusterResult",
    "ClusterSummary",
    "KSearch",
    "KTrial",
    "cluster_texts",
]
