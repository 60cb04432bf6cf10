"""Groups of rows that are (nearly) the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import RowsArgument, check_n_threads, check_option, check_real
from coterie.similarity._arguments import narrow_columns, prepare_rows, take_rows
from coterie.similarity._top_k import token_sets


@dataclass(frozen=True, eq=False)
class DuplicateGroups:
    """Groups of near-duplicates.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int32
        Group of each row, numbered by first member; -1 for a row without near-duplicates.
    representatives : ndarray of shape (n_groups,), int32
        The lowest row of each group.
    metric : str
        "cosine" or "jaccard".
    threshold : float
        Least similarity of two rows that are joined.
    method : str
        "exact": the groups are the connected components of all pairs at the threshold.
    """

    labels: NDArray[np.int32]
    representatives: NDArray[np.int32]
    metric: str
    threshold: float
    method: str

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.representatives)

    @property
    def groups(self) -> list[NDArray[np.int64]]:
        """Rows of each group, increasing."""
        order = np.argsort(self.labels, kind="stable")
        starts = np.searchsorted(self.labels[order], np.arange(len(self) + 1))
        return [order[start:stop] for start, stop in pairwise(starts)]

    @property
    def keep(self) -> NDArray[np.bool_]:
        """Whether each row stays when every group is reduced to its representative."""
        kept = self.labels < 0
        kept[self.representatives] = True
        return kept


def near_duplicates(
    X: Any,
    threshold: float = 0.9,
    *,
    metric: str = "cosine",
    weighted: bool = False,
    n_threads: int | None = None,
) -> DuplicateGroups:
    """Group rows whose similarity reaches a threshold.

    Two rows are joined when their similarity, as `cosine_top_k` or `jaccard_top_k` defines it, is at least the
    threshold (both in float32); groups are the connected components, so two members may be less similar to each
    other than the threshold. The result does not depend on the number of threads or the instruction set.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Rows, such as tf-idf of the texts. Other real dtypes are converted to float32.
    threshold : float, default=0.9
        Least similarity, in (0, 1].
    metric : {"cosine", "jaccard"}, default="cosine"
        Similarity of two rows.
    weighted : bool, default=False
        For Jaccard, whether values count, or only which of them are not zero.
    n_threads : int, optional
        Threads to use; all available cores by default.

    Returns
    -------
    DuplicateGroups
        Groups of two rows or more.

    Raises
    ------
    ValueError
        If ``threshold`` or ``metric`` is out of range, ``weighted`` is used with cosine, a value is NaN, infinite or
        beyond float32 (named), or negative with weighted Jaccard.
    TypeError
        If the values are not real numbers.

    Notes
    -----
    Equal rows are found by hashing, verified, and searched once. A row without nonzero values is not a duplicate of
    anything. Pairs are united as they are found and not stored: memory is that of the search, O(n_samples) beyond
    the input.

    Examples
    --------
    >>> from coterie.similarity import near_duplicates
    >>> found = near_duplicates([[1, 0], [0, 1], [1, 0.1], [0, 2], [1, -1]])
    >>> found.labels
    array([ 0,  1,  0,  1, -1], dtype=int32)
    >>> found.representatives
    array([0, 1], dtype=int32)
    """
    least = check_real("threshold", threshold, maximum=1.0)
    if np.float32(least) <= 0:
        raise ValueError(f"threshold must be > 0; got {threshold}")
    check_option("metric", metric, ("cosine", "jaccard"))
    if weighted and metric == "cosine":
        raise ValueError("weighted is an option of metric='jaccard'; got metric='cosine'")
    threads = check_n_threads(n_threads)
    rows: RowsArgument
    rows = prepare_rows("X", X) if metric == "cosine" else token_sets("X", X, weighted=weighted)
    if isinstance(rows, tuple):
        (rows,) = narrow_columns(rows)
    first = _core.identical_rows(rows, threads)
    # A zero row can share a component with no other row, but equals other zero rows: it must lead only itself.
    empty = _is_zero(rows)
    first[empty] = np.flatnonzero(empty)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    components = _core.cosine_components if metric == "cosine" else _core.jaccard_components
    chosen = distinct.astype(np.int32)
    roots = components(rows if len(distinct) == len(first) else take_rows(rows, chosen), least, threads)
    position = np.zeros(len(first), dtype=np.int64)
    position[distinct] = np.arange(len(distinct))
    component = distinct[roots[position[first]]]
    return _grouped(component, metric, least)


def _is_zero(rows: RowsArgument) -> NDArray[np.bool_]:
    if isinstance(rows, tuple):
        return np.equal(rows[2][1:], rows[2][:-1])
    zero: NDArray[np.bool_] = np.logical_not(np.any(rows, axis=1))
    return zero


def _grouped(component: NDArray[np.int64], metric: str, threshold: float) -> DuplicateGroups:
    """Number the components of two rows or more; ``component[i]`` is the lowest row of the component of row i."""
    sizes = np.bincount(component, minlength=len(component))
    representatives = np.flatnonzero(sizes >= 2)
    number = np.full(len(component), -1, dtype=np.int32)
    number[representatives] = np.arange(len(representatives), dtype=np.int32)
    return DuplicateGroups(
        labels=number[component],
        representatives=representatives.astype(np.int32),
        metric=metric,
        threshold=threshold,
        method="exact",
    )
