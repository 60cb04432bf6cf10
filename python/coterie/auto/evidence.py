"""Which way to cluster texts, decided by evidence from the texts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from sklearn.metrics import adjusted_rand_score

from coterie._validation import check_integer, check_option, check_seed
from coterie.auto._consensus import agreed, votes
from coterie.auto._corpus import (
    CANDIDATES,
    METHODS,
    Clusters,
    Corpus,
    check_n_clusters,
    checked_texts,
    cluster,
)
from coterie.refine import Refinement, refine_labels

_N_RUNS = 3
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class MethodTrial:
    """The evidence for one way to cluster, from three runs with different seeds, or one of the consensus.

    Attributes
    ----------
    method : str
        "consensus" (what several clusterings of all kinds agree on), "lsa" (K-means on rows of
        :class:`coterie.encode.LsaEncoder` with their neighbours), "tfidf" (K-means on TF-IDF rows of words) or
        "mixture" (:class:`coterie.topics.DirichletMixture`).
    refine : bool
        Whether reclassification followed.
    informations : tuple of float
        :func:`coterie.refine.predictive_information` of each run, in nats; higher is better.
    shares : tuple of float
        The same as a share of the entropy of the run's clusters, in [0, 1]; higher is better.
    stability : float
        Mean adjusted Rand index between the runs, in [-0.5, 1]. Of a consensus: between what its votes agree on and
        what two drawings of as many of them, with replacement, agree on.
    seconds : float
        Time of one run.
    """

    method: str
    refine: bool
    informations: tuple[float, ...]
    shares: tuple[float, ...]
    stability: float
    seconds: float

    @property
    def name(self) -> str:
        """The method, with "+refine" where reclassification followed."""
        return f"{self.method}+refine" if self.refine else self.method

    @property
    def information(self) -> float:
        """Mean of ``informations``."""
        return float(np.mean(self.informations))

    @property
    def share(self) -> float:
        """Mean of ``shares``."""
        return float(np.mean(self.shares))


@dataclass(frozen=True)
class MethodSearch:
    """What was tried, what was chosen and why.

    Attributes
    ----------
    trials : list of MethodTrial
    method : str
        The chosen method.
    refine : bool
        Whether it is to be refined.
    reason : str
        One sentence of plain text with the numbers that decided.
    n_sampled : int
        How many documents were looked at.
    """

    trials: list[MethodTrial]
    method: str
    refine: bool
    reason: str
    n_sampled: int

    def __str__(self) -> str:
        """Return the table of all trials, the choice marked with ``*``, and the reason."""
        lines = ["  method            nats  share  stability  seconds"]
        lines += [
            f"{'*' if (t.method, t.refine) == (self.method, self.refine) else ' '} {t.name:16s}  {t.information:5.3f}"
            f"  {t.share:5.3f}  {t.stability:9.3f}  {t.seconds:7.2f}"
            for t in self.trials
        ]
        return "\n".join([*lines, self.reason])


def choose_method(
    texts: Iterable[str],
    n_clusters: int,
    *,
    language: str = "en",
    methods: tuple[str, ...] = CANDIDATES,
    sample_size: int = 10_000,
    random_state: Any = 0,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> MethodSearch:
    """Choose how to cluster texts by what the texts tell, without true classes.

    Each method clusters the texts, or a sample of them, as it would if it were chosen: three times from different
    seeds (the consensus, which is made of many clusterings, once), with and without reclassification. The evidence is
    how much the terms of a left-out document tell about its cluster, by :func:`coterie.refine.predictive_information`:
    in nats and as a share of the clusters' entropy. Nats favour clusters of even sizes, which have more to tell;
    shares favour few large ones, which are easy to tell. So a method is better than another only if it has more of
    both, by one-sided t-tests at 95 %. The consensus is chosen, because votes that err in different ways err less
    together, unless a method is better than that; of several, the one with the most nats. Where the consensus is not
    tried, the first of ``methods`` has its place.

    Parameters
    ----------
    texts : iterable of str
    n_clusters : int
        How many clusters are wanted, >= 2.
    language : {"en", "zh"}, default="en"
    methods : tuple of str, default=("consensus", "lsa", "mixture")
        Which of these and "tfidf" to try.
    sample_size : int, default=10_000
        At most so many documents are looked at, >= 50; with many clusters at least 10 for each. Mixtures and votes are
        the better the more documents they see, so that a small sample speaks for plain rows.
    random_state : int, RandomState or None, default=0
    n_threads : int, optional
        None means all cores. It changes no choice.
    progress : callable, optional
        Called with the finished share, in (0, 1].

    Returns
    -------
    MethodSearch

    Raises
    ------
    ValueError
        If there are fewer texts than clusters, a method is unknown, or no text has a word.
    TypeError
        If ``texts`` is one string.

    Notes
    -----
    The evidence compares methods at one number of clusters. It was chosen because it depends on no representation:
    silhouettes and inertias favour the method whose own distances they are measured by. How well clusters come back is
    reported and does not decide: a coarse or one-sided division comes back best of all.

    Examples
    --------
    >>> from coterie.auto import choose_method
    >>> texts = ["red apple", "sweet apple", "red cherry", "slow train", "fast train", "late train"] * 10
    >>> choose_method(texts, 2, methods=("lsa", "tfidf")).method in ("lsa", "tfidf")
    True
    """
    documents = checked_texts(texts)
    check_integer("n_clusters", n_clusters, minimum=2)
    check_n_clusters(n_clusters, len(documents))
    for method in methods:
        check_option("methods", method, METHODS)
    check_integer("sample_size", sample_size, minimum=50)
    seeds = check_seed(random_state).randint(2**31 - 1, size=2).tolist()
    corpus = Corpus.of(documents, n_clusters, methods, language, seeds[0], n_threads)
    return search(corpus, n_clusters, sample_size, seeds[1], methods, progress)[0]


def search(
    corpus: Corpus,
    n_clusters: int,
    sample_size: int,
    seed: int,
    methods: tuple[str, ...],
    progress: Callable[[float], None] | None,
) -> tuple[MethodSearch, Clusters | None]:
    """Return what was chosen, and its clusters where all documents were looked at."""
    rng = np.random.RandomState(seed)
    size = max(sample_size, 10 * n_clusters)
    is_whole = corpus.n_documents <= size
    inside = corpus if is_whole else corpus.part(np.sort(rng.permutation(corpus.n_documents)[:size]))
    seeds = rng.randint(2**31 - 1, size=_N_RUNS).tolist()
    trials: list[MethodTrial] = []
    found: dict[str, Clusters] = {}
    for done, method in enumerate(methods):
        runs = _runs(inside, method, n_clusters, seeds)
        trials += _trials(inside, method, runs, seeds)
        found[method] = runs.made[0]
        if progress is not None:
            progress((done + 1) / len(methods))
    choice = decide(trials, inside.n_documents)
    return choice, found[choice.method] if is_whole else None


@dataclass(frozen=True)
class _Runs:
    """The clusters that a method made, what each run took, and clusters that tell how well these come back."""

    made: list[Clusters]
    seconds: list[float]
    again: list[NDArray[np.int32]]


def _runs(corpus: Corpus, method: str, n_clusters: int, seeds: list[int]) -> _Runs:
    """Cluster from each seed; the consensus, which is made of runs from many seeds, from one."""
    if method == "consensus":
        started = time.perf_counter()
        found = votes(corpus, n_clusters, seeds[0])
        clusters = agreed(found, n_clusters, seeds[0], corpus.n_threads)
        seconds = time.perf_counter() - started
        drawings = np.random.RandomState(seeds[0]).randint(len(found), size=(_N_RUNS - 1, len(found)))
        again = [
            agreed([found[vote] for vote in row], n_clusters, seed, corpus.n_threads)[0]
            for row, seed in zip(drawings.tolist(), seeds[1:], strict=True)
        ]
        return _Runs([clusters], [seconds], again)
    made, seconds_of = [], []
    for seed in seeds:
        started = time.perf_counter()
        made.append(cluster(corpus, method, n_clusters, seed))
        seconds_of.append(time.perf_counter() - started)
    return _Runs(made, seconds_of, [])


def _trials(corpus: Corpus, method: str, runs: _Runs, seeds: list[int]) -> list[MethodTrial]:
    """Return the evidence for a method as it is and refined."""
    plain, again, seconds = [], [], []
    for (labels, margins), taken, seed in zip(runs.made, runs.seconds, seeds, strict=False):
        started = time.perf_counter()
        found = refined(corpus, labels, margins, seed)
        before = 0.0 if found is None else found.information_before
        plain.append((labels, before))
        after = before if found is None else max(before, found.information_after)
        again.append((labels if found is None else found.labels, after))
        seconds.append((taken, taken + time.perf_counter() - started))
    trials = []
    for is_refined, evidence in enumerate((plain, again)):
        shares = tuple(_share(nats, labels) for labels, nats in evidence)
        stability = _stability([labels for labels, _ in evidence] + runs.again)
        mean_seconds = float(np.mean([pair[is_refined] for pair in seconds]))
        nats = tuple(nats for _, nats in evidence)
        trials.append(MethodTrial(method, bool(is_refined), nats, shares, stability, mean_seconds))
    return trials


def _share(nats: float, labels: NDArray[np.int32]) -> float:
    sizes = np.unique(labels, return_counts=True)[1] / len(labels)
    entropy = -float(np.sum(sizes * np.log(sizes)))
    return nats / entropy if entropy > 0 else 0.0


def refined(
    corpus: Corpus, labels: NDArray[np.int32], margins: NDArray[np.float64], seed: int
) -> Refinement | None:
    """Reclassify, where there are two clusters and more documents than these, so that one can be left out."""
    if len(np.unique(labels)) < 2 or len(labels) < 3:
        return None
    return refine_labels(corpus.weights, labels, margins, random_state=seed, n_threads=corpus.n_threads)


def _stability(clusterings: list[NDArray[np.int32]]) -> float:
    return float(np.mean([adjusted_rand_score(a, b) for a, b in combinations(clusterings, 2)]))


def decide(trials: list[MethodTrial], n_sampled: int) -> MethodSearch:
    """Apply the rule of :func:`choose_method` to finished trials."""
    usual = next((t for t in trials if t.method == "consensus"), trials[0])
    better = [
        t for t in trials if _is_more(t.informations, usual.informations) and _is_more(t.shares, usual.shares)
    ]
    choice = max(better, key=lambda t: t.information, default=usual)
    reason = (
        f"{choice.name}: words tell {choice.information:.3f} nats about its clusters, {choice.share:.0%} of what "
        f"there is to tell, and they come back from run to run (ARI {choice.stability:.2f})"
    )
    if choice is not usual:
        reason += (
            f"; both are more than those of {usual.name}, {usual.information:.3f} nats and {usual.share:.0%}"
        )
    elif len(trials) > 1:
        reason += "; no other method has surely more of both"
    return MethodSearch(trials, choice.method, choice.refine, reason + ".", n_sampled)


def _is_more(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether ``a`` has more than ``b`` by a one-sided t-test of two samples that vary alike; one may have one run."""
    freedom = len(a) + len(b) - 2
    if freedom == 0:
        return False
    variance = (len(a) * np.var(a) + len(b) * np.var(b)) / freedom
    error = float(np.sqrt(variance * (1 / len(a) + 1 / len(b))))
    more = float(np.mean(a) - np.mean(b))
    return more > 0 and more > float(student_t.ppf(_CONFIDENCE, freedom)) * error
