"""Choosing the number of clusters: what was tried, what was chosen and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information
from sklearn.preprocessing import normalize
from sklearn.utils import check_array

from coterie._iterations import iterations_told_to
from coterie._validation import (
    check_integer,
    check_option,
    check_seed,
    check_sparse_structure,
    refuse_masked,
    summed_once,
)
from coterie.cluster.kmeans import KMeans
from coterie.evaluate._dispersion import calinski_harabasz, cluster_means, own_distances
from coterie.evaluate._rows import Rows
from coterie.evaluate._silhouette import simplified_silhouette

_N_FITS = 3
_MAX_ITER = 15
# Below this adjusted Rand index between fits a choice is not called clear.
_STABLE = 0.5
# A finer division that shares so many times the information of a coarse one keeps that from being called clear; less
# can come from fits to samples that overlap.
_FINER_SHARE = 2.0


@dataclass(frozen=True)
class KTrial:
    """The evidence for one number of clusters, each number a mean over fits to different subsamples.

    Attributes
    ----------
    n_clusters : int
        The number of clusters tried.
    silhouette : float
        Simplified silhouette, in [-1, 1]; higher is better. It grows with ``n_clusters`` even where there are
        no clusters at all.
    shuffled_silhouette : float
        The same for the documents with their terms shuffled among them: what no structure looks like.
    gap : float
        ``silhouette - shuffled_silhouette``: what the clusters owe to the documents.
    gap_error : float
        Standard error of ``gap``.
    calinski_harabasz : float
        Calinski-Harabasz score of the first fit, >= 0; on sparse rows it favours few clusters, and it does
        not decide.
    stability : float
        Mean adjusted Rand index between the fits, in [-0.5, 1]; 1 means that the same clusters come back
        every time.
    shared_information : float
        Mutual information between the clusters of two fits less what chance gives with that many clusters, in nats:
        how much of a division comes back. It grows with ``n_clusters`` as long as finer divisions are found again.
    shared_information_error : float
        Standard error of ``shared_information``.
    """

    n_clusters: int
    silhouette: float
    shuffled_silhouette: float
    gap: float
    gap_error: float
    calinski_harabasz: float
    stability: float
    shared_information: float
    shared_information_error: float


@dataclass(frozen=True)
class KSearch:
    """A finished search for the number of clusters.

    Attributes
    ----------
    trials : list of KTrial
        One for each number of clusters tried, in increasing order; empty where nothing could be tried.
    n_clusters : int
        The choice.
    is_clear : bool
        False when the evidence does not single out a number; ``n_clusters`` is then the fallback that
        ``reason`` names.
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

    @property
    def coarser(self) -> list[KTrial]:
        """The trials with fewer clusters than chosen that come back (ARI >= 0.5) better than those next to them."""
        edges = (-1.0, *(t.stability for t in self.trials), -1.0)
        return [
            t
            for t, before, after in zip(self.trials, edges, edges[2:], strict=False)
            if t.n_clusters < self.n_clusters and t.stability >= max(before, after, _STABLE)
        ]

    def __str__(self) -> str:
        """Return the table of all trials, the choice marked with ``*``, and the reason."""
        head = "     k  silhouette  shuffled     gap  +/-    stability  shared nats  Calinski-Harabasz"
        lines = [
            f"{'*' if t.n_clusters == self.n_clusters else ' '} {t.n_clusters:4d}  {t.silhouette:10.4f}"
            f"  {t.shuffled_silhouette:8.4f}  {t.gap:6.4f}  {t.gap_error:6.4f}  {t.stability:7.3f}"
            f"  {t.shared_information:11.3f}  {t.calinski_harabasz:17.2f}"
            for t in self.trials
        ]
        return "\n".join([head, *lines, self.reason])


def choose_n_clusters(
    X: Any,
    *,
    metric: str = "cosine",
    k_max: int | None = None,
    sample_size: int = 2000,
    random_state: Any = 0,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> KSearch:
    """Choose the number of clusters of K-means, and say how clear the choice is.

    Every k of a geometric grid (2, 3, 4, 6, 8, 11, 16, ..., each about sqrt(2) times the last) is fitted to three
    subsamples, and to three samples whose terms were shuffled: each document keeps its number of terms and each
    term its occurrences, but no two terms belong together any more. The gap between the two silhouettes is
    what the clusters owe to the documents, and the largest gap decides:

    - The k next to the best whose gaps are within two standard errors (pooled over all k) of the largest cannot
      be told from it. If they span at most a factor of 2, the largest tried is not among them, the clusters
      of different fits agree (ARI >= 0.5), and no finer division shares more than twice the information from fit
      to fit, the best is a clear choice. The last keeps a coarse split, which always comes back well, from hiding the
      finer one inside it.
    - Otherwise there is no clear k, and the fallback is the largest k whose shared information is within two standard
      errors of the largest: a finer division loses nothing that comes back, and clusters are easier merged by a
      reader than split.
    - If even the largest gap is not above two standard errors, the documents cluster no better than shuffled
      ones: no clear k, and the most stable k of all is the fallback.

    Documents often divide well at several levels: news into sections, and again into stories. The choice is the fine
    one; ``reason`` names those above it, which :attr:`KSearch.coarser` holds.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_features)
        The rows to be clustered. Zero rows are left out: they belong to no cluster in particular.
    metric : {"cosine", "euclidean"}, default "cosine"
    k_max : int, optional
        The largest k to try, >= 2; by default min(200, 4 sqrt(n_documents)). Never more than a quarter of the
        documents sampled, nor than there are distinct ones.
    sample_size : int, default 2000
        At most so many documents are looked at, which bounds time and memory; >= 10.
    random_state : int, RandomState or None, default 0
        Draws the samples and the starts; the same seed gives the same search on any number of threads.
    n_threads : int, optional
        None means all cores.
    progress : callable, optional
        Called with the finished share, in (0, 1].

    Returns
    -------
    KSearch
        With fewer than 10 documents (zero rows aside) no trials, ``n_clusters`` 1 and the reason.

    Notes
    -----
    Comparing with shuffled data follows the gap statistic of Tibshirani, Walther and Hastie 2001, with the
    simplified silhouette in place of the inertia; stability follows Lange, Roth, Braun and Buhmann 2004, and the
    correction of mutual information for chance Vinh, Epps and Bailey 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.cluster.auto_k import choose_n_clusters
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(10 * np.eye(6), 50, axis=0) + rng.random((300, 6))
    >>> search = choose_n_clusters(X)
    >>> search.n_clusters, search.is_clear
    (6, True)
    """
    check_option("metric", metric, ("cosine", "euclidean"))
    sample_size = check_integer("sample_size", sample_size, minimum=10)
    refuse_masked("X", X)
    check_sparse_structure(X)
    rows = check_array(X, accept_sparse="csr", dtype=np.float32, input_name="X")
    rows = summed_once(rows) if sp.issparse(rows) else rows
    rng = check_seed(random_state)
    norms = np.sqrt(rows.multiply(rows).sum(axis=1)) if sp.issparse(rows) else np.linalg.norm(rows, axis=1)
    filled = np.flatnonzero(np.asarray(norms).ravel() > 0)
    sample = rows[filled[choose_rows(len(filled), sample_size, rng)]]
    limit = None if k_max is None else check_integer("k_max", k_max, minimum=2)
    return search_sample(sample, len(filled), metric, limit, rng, n_threads, progress)


def search_sample(
    sample: Any,
    n_documents: int,
    metric: str,
    k_max: int | None,
    rng: RandomState,
    n_threads: int | None,
    progress: Callable[[float], None] | None,
) -> KSearch:
    """As :func:`choose_n_clusters`, from a sample of the ``n_documents`` rows that are not zero."""
    if sp.issparse(sample):  # columns that the sample does not use cost time only
        sample = sample[:, np.unique(sample.indices)]
    if metric == "cosine" and n_documents:
        sample = normalize(sample)
    n = sample.shape[0]
    if n < 10:
        return KSearch([], 1, False, f"Too few documents to compare numbers of clusters: {n} with terms.", n)
    limit = min(200, int(4 * n_documents**0.5)) if k_max is None else k_max
    parts = [sample[choose_rows(n, (4 * n) // 5, rng)] for _ in range(_N_FITS)]
    shuffled = [_shuffle_terms(part, metric, rng) for part in parts]
    distinct = min(_n_distinct(part) for part in (*parts, *shuffled))
    grid = _grid(min(limit, n // 4, distinct - 1))
    if not grid:
        return KSearch([], 1, False, "The documents are all alike: there is nothing to separate.", n)
    seeds = [int(rng.randint(2**31 - 1)) for _ in range(_N_FITS)]
    trials = []
    for k in grid:
        models = [
            KMeans(
                k,
                metric=metric,
                n_init=1,
                max_iter=_MAX_ITER,
                tol=1e-3,
                random_state=seed,
                n_threads=n_threads,
            )
            for seed in seeds
        ]
        with iterations_told_to(None):
            trials.append(_try(models, sample, parts, shuffled))
        if progress is not None:
            progress(sum(grid[: len(trials)]) / sum(grid))
    return decide(trials, n)


def decide(trials: list[KTrial], n_sampled: int) -> KSearch:
    """Apply the rule of :func:`choose_n_clusters` to finished trials."""
    search = _decide(trials, n_sampled)
    if not search.coarser:
        return search
    levels = ", ".join(f"k={t.n_clusters} (ARI {t.stability:.2f})" for t in search.coarser)
    return replace(search, reason=f"{search.reason} Coarser divisions come back too: {levels}.")


def _decide(trials: list[KTrial], n_sampled: int) -> KSearch:
    best = max(trials, key=lambda t: (t.gap, -t.n_clusters))
    error = float(np.sqrt(np.mean([t.gap_error**2 for t in trials])))
    evidence = (
        f"silhouette {best.gap:.4f} above that of shuffled documents at k={best.n_clusters}, +/- {error:.4f}"
    )
    if best.gap <= 2 * error:
        choice = max(trials, key=lambda t: (t.stability, -t.n_clusters))
        reason = (
            f"No clear k: the documents cluster no better than shuffled ones ({evidence}); "
            f"k={choice.n_clusters} is the most stable (ARI {choice.stability:.2f})."
        )
        return KSearch(trials, choice.n_clusters, False, reason, n_sampled)
    alike = _next_to(trials, trials.index(best), best.gap - 2 * error)
    low, high = alike[0].n_clusters, alike[-1].n_clusters
    doubts = []
    if high > 2 * low:
        doubts.append(f"the evidence cannot tell k={low} to k={high} apart")
    if alike[-1] is trials[-1]:
        doubts.append(f"k={high} is the largest tried and more may be better")
    if best.stability < _STABLE:
        doubts.append(
            f"the clusters change from fit to fit (ARI {best.stability:.2f} at k={best.n_clusters})"
        )
    finest = _finest_shared(trials)
    most = max(t.shared_information for t in trials if t.n_clusters >= best.n_clusters)
    if most > _FINER_SHARE * best.shared_information:
        doubts.append(
            f"finer divisions come back too (they share {most:.2f} nats from fit to fit, k={best.n_clusters} "
            f"{best.shared_information:.2f})"
        )
    if doubts:
        reason = (
            f"No clear k: {', and '.join(doubts)} ({evidence}); k={finest.n_clusters} is the finest that shares as "
            f"much information from fit to fit as any ({finest.shared_information:.2f} nats)."
        )
        return KSearch(trials, finest.n_clusters, False, reason, n_sampled)
    reason = (
        f"k={best.n_clusters} has the best evidence ({evidence}), and its clusters come back from fit to fit "
        f"(ARI {best.stability:.2f})."
    )
    return KSearch(trials, best.n_clusters, True, reason, n_sampled)


def _finest_shared(trials: list[KTrial]) -> KTrial:
    """The largest k whose shared information is within two standard errors (pooled) of the largest."""
    error = float(np.sqrt(np.mean([t.shared_information_error**2 for t in trials])))
    most = max(t.shared_information for t in trials)
    return [t for t in trials if t.shared_information >= most - 2 * error][-1]


def _next_to(trials: list[KTrial], best: int, least: float) -> list[KTrial]:
    """The unbroken run of trials around the best whose gap is at least ``least``."""
    first = last = best
    while first > 0 and trials[first - 1].gap >= least:
        first -= 1
    while last + 1 < len(trials) and trials[last + 1].gap >= least:
        last += 1
    return trials[first : last + 1]


def _grid(limit: int) -> list[int]:
    """2, 3, 4, 6, 8, 11, 16, ...: 2 to the power of halves, rounded, up to ``limit``."""
    return [k for k in sorted({round(2 ** (half / 2)) for half in range(2, 17)}) if k <= limit]


def choose_rows(n: int, size: int, rng: RandomState) -> NDArray[np.intp]:
    """Draw increasing row numbers, all where there are no more than ``size``."""
    return np.sort(rng.choice(n, size, replace=False)) if size < n else np.arange(n)


def _shuffle_terms(rows: Any, metric: str, rng: RandomState) -> Any:
    """Deal the entries out anew: rows keep their number of entries and columns theirs (dense: their values)."""
    if sp.issparse(rows):
        dealt = rng.permutation(rows.nnz)
        parts = (rows.data[dealt], rows.indices[dealt], rows.indptr.copy())  # summed in place below
        shuffled = sp.csr_array(parts, shape=rows.shape)
        shuffled.sum_duplicates()
    else:
        shuffled = np.take_along_axis(rows, rng.random_sample(rows.shape).argsort(axis=0), axis=0)
    return normalize(shuffled) if metric == "cosine" else shuffled


def _n_distinct(rows: Any) -> int:
    if not sp.issparse(rows):
        return len(np.unique(rows, axis=0))
    bounds = [slice(a, b) for a, b in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)]
    return len({(rows.indices[b].tobytes(), rows.data[b].tobytes()) for b in bounds})


def _try(models: list[KMeans], sample: Any, parts: list[Any], shuffled: list[Any]) -> KTrial:
    real, null, labels = [], [], []
    for model, part, noise in zip(models, parts, shuffled, strict=True):
        null.append(_silhouette(model.fit(noise), noise))
        real.append(_silhouette(model.fit(part), part))
        labels.append(model.predict(sample))
    gaps = np.subtract(real, null)
    pairs = list(combinations(labels, 2))
    shared = [_shared_information(a, b) for a, b in pairs]
    return KTrial(
        n_clusters=models[0].n_clusters,
        silhouette=float(np.mean(real)),
        shuffled_silhouette=float(np.mean(null)),
        gap=float(gaps.mean()),
        gap_error=float(gaps.std(ddof=1) / len(gaps) ** 0.5),
        calinski_harabasz=_calinski_harabasz(models[0], parts[0]),
        stability=float(np.mean([adjusted_rand_score(a, b) for a, b in pairs])),
        shared_information=float(np.mean(shared)),
        shared_information_error=float(np.std(shared, ddof=1) / len(shared) ** 0.5),
    )


def _shared_information(a: NDArray[np.int32], b: NDArray[np.int32]) -> float:
    """Mutual information in nats less its expectation over clusterings with the same sizes."""
    table = contingency_matrix(a, b, sparse=True)
    return float(
        mutual_info_score(None, None, contingency=table) - expected_mutual_information(table, len(a))
    )


def _silhouette(model: KMeans, rows: Any) -> float:
    labels, distances = model.predict_top_two(rows)
    return simplified_silhouette(distances, labels[:, 0])


def _calinski_harabasz(model: KMeans, X: Any) -> float:
    rows = Rows(X, model.metric, model.n_threads)
    present, inverse = np.unique(model.labels_, return_inverse=True)
    labels = inverse.astype(np.int32)
    means = cluster_means(rows, labels, len(present))
    return calinski_harabasz(means, own_distances(rows, means, labels), labels)
