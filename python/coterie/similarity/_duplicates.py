"""Groups of rows that are (nearly) the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._device import open_device
from coterie._validation import RowsArgument, check_integer, check_n_threads, check_option, check_real
from coterie.similarity._arguments import narrow_columns, prepare_rows, take_rows
from coterie.similarity._top_k import token_sets

# The search for the best cut into bands goes through all of them.
_MOST_HASHES = 65_536


@dataclass(frozen=True, eq=False)
class DuplicateGroups:
    """Groups of near-duplicates.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int32
        Group of each row, numbered by first member; -1 for a row without near-duplicates.
    representatives : ndarray of shape (n_groups,), int32
        The lowest row of each group.
    similarities : ndarray of shape (n_samples,), float32
        Similarity of each row to the representative of its group, below the threshold where a row is joined through
        others; 1 for representatives and for rows without near-duplicates.
    metric : str
        "cosine" or "jaccard".
    threshold : float
        Least similarity of two rows that are joined.
    method : str
        "exact": the groups are the connected components of all pairs at the threshold. "minhash": of the candidate
        pairs that were found, every one verified; groups may be missing or split, never wrongly joined.
    recall : float
        Probability that one pair exactly at the threshold was compared; 1 for "exact".
    """

    labels: NDArray[np.int32]
    representatives: NDArray[np.int32]
    similarities: NDArray[np.float32]
    metric: str
    threshold: float
    method: str
    recall: float

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
    method: str = "exact",
    n_hashes: int = 128,
    seed: int = 0,
    n_threads: int | None = None,
    device: str = "cpu",
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
    method : {"exact", "minhash"}, default="exact"
        "exact" finds every pair. "minhash" compares only rows whose MinHash signatures agree in a band, for corpora
        where all pairs are out of reach; its result says with which probability it sees a pair.
    n_hashes : int, default=128
        Hash functions of "minhash", 1 to 65,536: more of them miss fewer pairs and cost more time.
    seed : int, default=0
        Seed of the hash functions, >= 0.
    n_threads : int, optional
        Threads to use; all available cores by default.
    device : str, default="cpu"
        "cpu"; "cuda" or "cuda:N", an NVIDIA GPU, for "exact"; or "auto", a GPU if one can be used. The groups are the
        same, and what is asked for is what runs.

    Returns
    -------
    DuplicateGroups
        Groups of two rows or more.

    Raises
    ------
    ValueError
        If an option is out of range, ``weighted`` is used with cosine, a value is NaN, infinite or beyond float32
        (named), or negative with weighted Jaccard; for "minhash" on a GPU.
    RuntimeError
        For a device that cannot be used; the message says why.
    TypeError
        If the values are not real numbers, or ``X`` is dense and the metric cosine with "minhash", which hashes the
        columns that a row stores.

    Notes
    -----
    Equal rows are found by hashing, verified, and searched once. A row without nonzero values is not a duplicate of
    anything. Pairs are united as they are found and not stored: memory is that of the search, O(n_samples) beyond
    the input.

    MinHash splits the signature into bands: two column sets of Jaccard similarity J agree in a band of r hashes
    with probability J**r, in one of b bands with 1 - (1 - J**r)**b [1]_. r is the largest for which a pair at the
    threshold is seen with probability 0.95, if there is one. For cosine, J is taken to be t / (2 - t), that of two
    equally large sets with cosine t; weights that differ much from row to row make the true recall lower.

    References
    ----------
    .. [1] A. Z. Broder, "On the resemblance and containment of documents", SEQUENCES 1997.

    Examples
    --------
    >>> from coterie.similarity import near_duplicates
    >>> found = near_duplicates([[1, 0], [0, 1], [1, 0.1], [0, 2], [1, -1]])
    >>> found.labels
    array([ 0,  1,  0,  1, -1], dtype=int32)
    >>> found.representatives
    array([0, 1], dtype=int32)
    >>> found.similarities.round(3)
    array([1.   , 1.   , 0.995, 1.   , 1.   ], dtype=float32)
    """
    least = check_real("threshold", threshold, maximum=1.0)
    if np.float32(least) <= 0:
        raise ValueError(f"threshold must be > 0; got {threshold}")
    check_option("metric", metric, ("cosine", "jaccard"))
    if weighted and metric == "cosine":
        raise ValueError("weighted is an option of metric='jaccard'; got metric='cosine'")
    check_option("method", method, ("exact", "minhash"))
    check_integer("n_hashes", n_hashes, minimum=1, maximum=_MOST_HASHES)
    check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
    threads = check_n_threads(n_threads)
    opened = open_device(device)
    if opened is not None and method == "minhash":
        if device != "auto":
            raise ValueError(f"method='minhash' runs on the CPU; got device={device!r}")
        opened = None
    rows: RowsArgument
    rows = prepare_rows("X", X) if metric == "cosine" else token_sets("X", X, weighted=weighted)
    if isinstance(rows, tuple):
        (rows,) = narrow_columns(rows)
    first = _core.identical_rows(rows, threads)
    # A zero row can share a component with no other row, but equals other zero rows: it must lead only itself.
    empty = _is_zero(rows)
    first[empty] = np.flatnonzero(empty)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    searched = rows if len(distinct) == len(first) else take_rows(rows, distinct.astype(np.int32))
    bands = _Bands.exhaustive() if method == "exact" else _Bands.for_threshold(metric, least, n_hashes)
    roots = _components(searched, metric, least, bands, seed, threads, opened)
    position = np.zeros(len(first), dtype=np.int64)
    position[distinct] = np.arange(len(distinct))
    component = distinct[roots[position[first]]]
    labels, representatives = _numbered(component)
    similarities = _to_representatives(rows, metric, labels, representatives, threads)
    return DuplicateGroups(labels, representatives, similarities, metric, least, method, bands.recall)


@dataclass(frozen=True)
class _Bands:
    """How MinHash signatures are cut; no bands at all stand for the comparison of every pair."""

    n_bands: int
    rows_per_band: int
    recall: float

    @classmethod
    def exhaustive(cls) -> _Bands:
        return cls(0, 0, 1.0)

    @classmethod
    def for_threshold(cls, metric: str, threshold: float, n_hashes: int) -> _Bands:
        wanted = 0.95
        jaccard = threshold / (2 - threshold) if metric == "cosine" else threshold
        best = cls(n_hashes, 1, 1 - (1 - jaccard) ** n_hashes)
        for rows_per_band in range(2, n_hashes + 1):
            n_bands = n_hashes // rows_per_band
            recall = 1 - (1 - jaccard**rows_per_band) ** n_bands
            if recall >= wanted:
                best = cls(n_bands, rows_per_band, recall)
        return best


def _components(
    rows: RowsArgument,
    metric: str,
    threshold: float,
    bands: _Bands,
    seed: int,
    n_threads: int,
    device: _core.Device | None,
) -> NDArray[np.int32]:
    """Return the lowest row of each row's component."""
    cosine = metric == "cosine"
    if bands.n_bands == 0:
        search = _core.cosine_components if cosine else _core.jaccard_components
        return search(rows, threshold, n_threads, device)
    if not isinstance(rows, tuple):
        raise TypeError("method='minhash' with metric='cosine' needs a sparse X; got a dense one")
    return _core.minhash_components(
        rows, cosine, threshold, bands.n_bands, bands.rows_per_band, seed, n_threads
    )


def _to_representatives(
    rows: RowsArgument,
    metric: str,
    labels: NDArray[np.int32],
    representatives: NDArray[np.int32],
    n_threads: int,
) -> NDArray[np.float32]:
    """Return the similarity of each row to the one that stands for it."""
    similarities = np.ones(len(labels), dtype=np.float32)
    joined = labels >= 0
    joined[representatives] = False
    members = np.flatnonzero(joined).astype(np.int32)
    similarities[members] = _core.pair_similarities(
        rows, metric == "cosine", representatives[labels[members]], members, n_threads
    )
    return similarities


def _is_zero(rows: RowsArgument) -> NDArray[np.bool_]:
    if isinstance(rows, tuple):
        return np.equal(rows[2][1:], rows[2][:-1])
    zero: NDArray[np.bool_] = np.logical_not(np.any(rows, axis=1))
    return zero


def _numbered(component: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number the components of two rows or more; ``component[i]`` is the lowest row of the component of row i."""
    sizes = np.bincount(component, minlength=len(component))
    representatives = np.flatnonzero(sizes >= 2).astype(np.int32)
    number = np.full(len(component), -1, dtype=np.int32)
    number[representatives] = np.arange(len(representatives), dtype=np.int32)
    return number[component], representatives
