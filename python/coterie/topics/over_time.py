"""How much each topic is written about, period by period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import check_integer


@dataclass(frozen=True)
class TopicsOverTime:
    """Mean mixtures of the documents of equal periods.

    Attributes
    ----------
    starts : ndarray of shape (n_periods,), float64
        Seconds since 1970 (UTC) at which each period begins; its end is the start of the next, or ``end``.
    end : float
        The last time.
    sizes : ndarray of shape (n_periods,), int64
        Documents of each period.
    shares : ndarray of shape (n_periods, n_topics), float64
        Mean share of each topic; rows sum to 1, or are NaN for a period without documents.
    """

    starts: NDArray[np.float64]
    end: float
    sizes: NDArray[np.int64]
    shares: NDArray[np.float64]


def topics_over_time(mixtures: Any, times: Any, *, n_periods: int = 24) -> TopicsOverTime:
    """Average the mixtures of documents over equal periods of time.

    Parameters
    ----------
    mixtures : array-like of shape (n_documents, n_topics)
        Share of each topic in each document.
    times : array-like of shape (n_documents,)
        Seconds since 1970 (UTC); NaN for a document without a time, which is left out.
    n_periods : int, default=24
        Periods between the first and the last time, >= 1; one when all times are equal.

    Returns
    -------
    TopicsOverTime

    Raises
    ------
    ValueError
        For another number of times than documents, infinite times, or none at all.

    Examples
    --------
    >>> found = topics_over_time([[1, 0], [0.5, 0.5], [0, 1]], [0.0, 1.0, 10.0], n_periods=2)
    >>> found.sizes.tolist(), found.shares.tolist()
    ([2, 1], [[0.75, 0.25], [0.0, 1.0]])
    """
    shares = np.asarray(mixtures, dtype=np.float64)
    seconds = np.asarray(times, dtype=np.float64)
    check_integer("n_periods", n_periods, minimum=1)
    if shares.ndim != 2 or seconds.shape != (len(shares),):
        raise ValueError(
            f"times must have one element per document, {len(shares)}; got shape {seconds.shape}"
        )
    known = ~np.isnan(seconds)
    if not known.any() or np.isinf(seconds).any():
        raise ValueError("times must have a finite number for some document; got none, or infinity")
    first, last = float(seconds[known].min()), float(seconds[known].max())
    n_periods = n_periods if last > first else 1
    edges = np.linspace(first, last, n_periods + 1)
    period = np.clip(np.searchsorted(edges, seconds[known], side="right") - 1, 0, n_periods - 1)
    sizes = np.bincount(period, minlength=n_periods)
    sums = np.zeros((n_periods, shares.shape[1]))
    np.add.at(sums, period, shares[known])
    with np.errstate(invalid="ignore"):
        return TopicsOverTime(edges[:-1], last, sizes.astype(np.int64), sums / sizes[:, None])
