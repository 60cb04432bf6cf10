"""Choosing the number of clusters: what was tried, what was chosen and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KTrial:
    """The evidence for one number of clusters.

    Attributes
    ----------
    n_clusters : int
        The number of clusters tried.
    silhouette : float
        Mean simplified silhouette, in [-1, 1]; higher is better.
    calinski_harabasz : float
        Calinski-Harabasz score, >= 0; higher is better.
    stability : float
        Mean adjusted Rand index between clusterings from different samples, in [-0.5, 1]; 1 means that the
        same clusters come back every time.
    """

    n_clusters: int
    silhouette: float
    calinski_harabasz: float
    stability: float


@dataclass(frozen=True)
class KSearch:
    """A finished search for the number of clusters.

    Attributes
    ----------
    trials : list of KTrial
        One for each number of clusters tried, in increasing order.
    n_clusters : int
        The choice.
    is_clear : bool
        False when the evidence does not single out a number; ``n_clusters`` is then the documented fallback.
    reason : str
        One sentence of plain text that says why, with the numbers that decided.
    n_sampled : int
        How many documents the search looked at.
    """

    trials: list[KTrial]
    n_clusters: int
    is_clear: bool
    reason: str
    n_sampled: int
