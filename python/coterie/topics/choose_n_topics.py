"""How many topics: fits over a range of numbers, what speaks for each, and a choice with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from coterie._validation import check_integer, check_n_threads
from coterie.topics._cluster_sums import check_csr_rows
from coterie.topics.coherence import topic_coherence, topic_diversity
from coterie.topics.latent_dirichlet_allocation import LatentDirichletAllocation

_HELD_OUT = 0.1  # share of the documents
_N_TOP_TERMS = 10
_T_95 = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
}  # Student's t, two-sided, by degrees of freedom; beyond, 2.5


@dataclass(frozen=True)
class Estimate:
    """A mean over the runs with its 95 % interval.

    Attributes
    ----------
    mean : float
        Over the runs.
    low, high : float
        mean -/+ Student's t times the standard error; equal to the mean with one run.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class TopicTrial:
    """What speaks for one number of topics.

    Attributes
    ----------
    n_topics : int
        The number.
    perplexity : Estimate
        Of held-out documents, by completion; lower is better.
    aic, bic : Estimate
        Information criteria of the fitted documents: 2 p - 2 L and p ln(n) - 2 L, with L the log-likelihood of the
        tokens given the mixtures and p = n_topics * n_features parameters (topics and their prior); n counts
        documents. Lower is better.
    umass, npmi : Estimate
        Mean coherence of the topics' first ten terms, see :func:`topic_coherence`; higher is better.
    diversity : Estimate
        Share of different terms among the topics' first ten, in (0, 1]; see :func:`topic_diversity`.
    stability : Estimate or None
        Mean overlap of the topics of two runs after the best matching, in [0, 1]; None with one run.
    """

    n_topics: int
    perplexity: Estimate
    aic: Estimate
    bic: Estimate
    umass: Estimate
    npmi: Estimate
    diversity: Estimate
    stability: Estimate | None


@dataclass(frozen=True)
class TopicSearch:
    """The outcome of :func:`choose_n_topics`.

    Attributes
    ----------
    n_topics : int
        The number that was chosen.
    reason : str
        Why, in a sentence.
    trials : list of TopicTrial
        In increasing number of topics.
    """

    n_topics: int
    reason: str
    trials: list[TopicTrial]

    def __str__(self) -> str:
        """Return the reason."""
        return f"{self.n_topics} topics: {self.reason}"


def choose_n_topics(
    X: Any,
    n_topics: Iterable[int] | None = None,
    *,
    n_runs: int = 3,
    max_iter: int = 150,
    random_state: int = 0,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> TopicSearch:
    """Compare numbers of topics and choose one.

    A tenth of the documents is held out. For each number, ``n_runs`` models with different seeds are fitted to the
    rest. The choice is the smallest number whose topic quality, coherence (NPMI) times diversity, is within one
    standard error of the best: held-out likelihood alone keeps growing long after topics have become hard to read
    (Chang et al. 2009). Where no number has a positive coherence, the lowest perplexity decides.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Counts of terms.
    n_topics : iterable of int, optional
        Numbers to try, each >= 1. By default 5, 10, 20, 35, 60 and 100, as far as there are ten documents for each.
    n_runs : int, default=3
        Models for each number, >= 1. Intervals and stability need two or more.
    max_iter : int, default=150
        Iterations of each model.
    random_state : int, default=0
        Seed; the same seed gives the same outcome on any number of threads.
    n_threads : int, optional
        None means all cores.
    progress : callable, optional
        Called with the finished share in [0, 1].

    Returns
    -------
    TopicSearch

    Raises
    ------
    ValueError
        For entries that are no counts, fewer than two terms, fewer than 20 documents with two or more tokens, or a
        number below 1 or above the number of documents.
    TypeError
        For numbers that are not an iterable of integers.

    References
    ----------
    Dieng, Ruiz and Blei, "Topic modeling in embedding spaces", TACL 2020 (topic quality). Chang et al., "Reading tea
    leaves: how humans interpret topic models", NIPS 2009.

    Examples
    --------
    >>> from coterie import CountVectorizer
    >>> texts = ["red apple red cherry", "sweet red apple pie", "slow train late train", "late bus slow train"] * 10
    >>> X = CountVectorizer().fit_transform(texts)
    >>> search = choose_n_topics(X, [1, 2], n_runs=2)
    >>> [trial.n_topics for trial in search.trials]
    [1, 2]
    >>> search.trials[1].perplexity.mean < search.trials[0].perplexity.mean
    True
    """
    counts = _check_counts(X)
    check_integer("n_runs", n_runs, minimum=1)
    check_integer("max_iter", max_iter, minimum=1)
    seed = check_integer("random_state", random_state, minimum=0)
    check_n_threads(n_threads)
    numbers = _numbers(n_topics, counts.shape[0])
    train, held_out = _split(counts, seed)
    trials = []
    for i, k in enumerate(numbers):
        runs = []
        for run in range(n_runs):
            lda = LatentDirichletAllocation(
                k, max_iter=max_iter, random_state=seed + run, n_threads=n_threads
            ).fit(train)
            runs.append(_Run.of(lda, train, held_out))
            if progress is not None:
                progress((i * n_runs + run + 1) / (len(numbers) * n_runs))
        trials.append(_trial(k, runs, train.shape))
    chosen, reason = _choose(trials, n_runs)
    return TopicSearch(chosen, reason, trials)


@dataclass(frozen=True)
class _Run:
    perplexity: float
    log_likelihood: float
    umass: float
    npmi: float
    diversity: float
    topics: NDArray[np.float32]

    @classmethod
    def of(cls, lda: LatentDirichletAllocation, train: sp.csr_array, held_out: sp.csr_array) -> _Run:
        topics = lda.topic_word_distribution_.astype(np.float32)
        first = np.argsort(-topics, axis=1, kind="stable")[:, :_N_TOP_TERMS]
        coherence = {m: float(topic_coherence(train, first, measure=m).mean()) for m in ("umass", "npmi")}
        return cls(
            lda.perplexity(held_out),
            lda._log_likelihood(train),
            coherence["umass"],
            coherence["npmi"],
            topic_diversity(first),
            topics,
        )


def _check_counts(X: Any) -> sp.csr_array:
    counts = check_csr_rows(X)
    least = counts.data.min(initial=0)
    if least < 0:
        raise ValueError(f"X must hold counts, >= 0; got {least:g}")
    if counts.shape[1] < 2:
        raise ValueError(f"X must have at least two terms; got shape {counts.shape}")
    return counts


def _numbers(n_topics: Iterable[int] | None, n_documents: int) -> list[int]:
    if n_topics is None:
        numbers = [k for k in (5, 10, 20, 35, 60, 100) if k * 10 <= n_documents] or [2, 3, 5]
    else:
        if not isinstance(n_topics, Iterable):
            raise TypeError(f"n_topics must be an iterable of integers; got {n_topics!r}")
        numbers = sorted({check_n_topics(k, n_documents) for k in n_topics})
    if not numbers:
        raise ValueError("n_topics must have at least one number; got none")
    return numbers


def check_n_topics(n_topics: object, n_documents: int) -> int:
    """Return the number if it is an integer from 1 to the number of documents."""
    k = check_integer("n_topics", n_topics, minimum=1)
    if k > n_documents:
        raise ValueError(f"n_topics must be at most the number of documents, {n_documents}; got {k}")
    return k


def _split(counts: sp.csr_array, seed: int) -> tuple[sp.csr_array, sp.csr_array]:
    usable = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() >= 2)
    if len(usable) < 20:
        raise ValueError(f"X must have at least 20 documents of two or more tokens; got {len(usable)}")
    order = np.random.RandomState(seed).permutation(usable)
    n_held_out = max(1, round(len(order) * _HELD_OUT))
    return counts[np.sort(order[n_held_out:])], counts[np.sort(order[:n_held_out])]


def _trial(k: int, runs: list[_Run], shape: tuple[int, int]) -> TopicTrial:
    n_documents, n_features = shape
    n_parameters = k * n_features
    likelihood = np.array([run.log_likelihood for run in runs])
    overlaps = [_overlap(a.topics, b.topics) for a, b in combinations(runs, 2)]
    return TopicTrial(
        k,
        _estimate([run.perplexity for run in runs]),
        _estimate(2 * n_parameters - 2 * likelihood),
        _estimate(n_parameters * np.log(n_documents) - 2 * likelihood),
        _estimate([run.umass for run in runs]),
        _estimate([run.npmi for run in runs]),
        _estimate([run.diversity for run in runs]),
        _estimate(overlaps) if overlaps else None,
    )


def _estimate(values: Any) -> Estimate:
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, mean, mean)
    half = _t_95(len(array)) * float(array.std(ddof=1)) / len(array) ** 0.5
    return Estimate(mean, mean - half, mean + half)


def _t_95(n_runs: int) -> float:
    return _T_95.get(n_runs - 1, 2.5)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean of sum_w min(a_kw, b_kw) over the best matching of topics: 1 for equal topics, 0 for disjoint ones."""
    common = np.array([np.minimum(row, b).sum(axis=1) for row in a])
    rows, columns = linear_sum_assignment(-common)
    return float(common[rows, columns].mean())


def _choose(trials: list[TopicTrial], n_runs: int) -> tuple[int, str]:
    if len(trials) == 1:
        return trials[0].n_topics, "the only number that was tried"
    quality = [trial.npmi.mean * trial.diversity.mean for trial in trials]
    best = int(np.argmax(quality))
    if quality[best] <= 0:
        lowest = min(trials, key=lambda trial: trial.perplexity.mean)
        return (
            lowest.n_topics,
            f"no number gives coherent topics; the lowest held-out perplexity, {lowest.perplexity.mean:,.0f}",
        )
    half = (trials[best].npmi.high - trials[best].npmi.low) / 2
    spread = half / _t_95(n_runs) * trials[best].diversity.mean
    chosen = next(i for i, value in enumerate(quality) if value >= quality[best] - spread)
    what = f"coherence {trials[chosen].npmi.mean:.3f} times diversity {trials[chosen].diversity.mean:.2f}"
    if chosen == best:
        return trials[chosen].n_topics, f"the best topic quality, {what}"
    return (
        trials[chosen].n_topics,
        f"{what}, within a standard error of the best, which {trials[best].n_topics} topics have",
    )
