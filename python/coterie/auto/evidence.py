"""Which way to cluster texts, decided by evidence from the texts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from coterie._validation import check_integer, check_option, check_seed
from coterie.auto._corpus import CANDIDATES, METHODS, Corpus, check_n_clusters, checked_texts, cluster
from coterie.refine import Refinement, refine_labels

_SUBSAMPLE = 0.8
_N_RUNS = 3
# Rounds of a consensus's votes: a trial is to tell methods apart, which more rounds would only make dearer.
_ROUNDS = 1
# Student's t, one-sided 95 %, for the differences of _N_RUNS runs on the same subsamples.
_T_95 = 2.920


@dataclass(frozen=True)
class MethodTrial:
    """The evidence for one way to cluster, from runs on different subsamples with different seeds.

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
        Mean adjusted Rand index between the runs on the documents they share, in [-0.5, 1].
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
    sample_size: int = 1500,
    random_state: Any = 0,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> MethodSearch:
    """Choose how to cluster texts by what the texts tell, without true classes.

    Each method clusters three subsamples (80 % of a sample) from different seeds, with and without reclassification.
    The evidence is how much the terms of a left-out document tell about its cluster
    (:func:`coterie.refine.predictive_information`), in nats and as a share of the clusters' entropy. Nats favour
    clusters of even sizes, which have more to tell; shares favour few large ones, which are easy to tell. So a method
    is better than another only if it has more of both on the same subsamples, by a one-sided t-test at 95 %. The
    consensus is chosen, because votes that err in different ways err less together, unless a method is better than
    that; of several, the one with the most nats. Where the consensus is not tried, the first of ``methods`` has its
    place.

    Parameters
    ----------
    texts : iterable of str
    n_clusters : int
        How many clusters are wanted, >= 2.
    language : {"en", "zh"}, default="en"
    methods : tuple of str, default=("consensus", "lsa", "mixture")
        Which of these and "tfidf" to try.
    sample_size : int, default=1500
        At most so many documents are looked at, >= 50; with many clusters at least 10 for each.
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
    check_n_clusters(n_clusters, len(documents))
    for method in methods:
        check_option("methods", method, METHODS)
    check_integer("sample_size", sample_size, minimum=50)
    seeds = check_seed(random_state).randint(2**31 - 1, size=2).tolist()
    corpus = Corpus.of(documents, n_clusters, methods, language, seeds[0], n_threads)
    return search(corpus, n_clusters, sample_size, seeds[1], methods, progress)


def search(
    corpus: Corpus,
    n_clusters: int,
    sample_size: int,
    seed: int,
    methods: tuple[str, ...],
    progress: Callable[[float], None] | None,
) -> MethodSearch:
    rng = np.random.RandomState(seed)
    n = corpus.n_documents
    size = max(sample_size, 10 * n_clusters)
    sampled = np.sort(rng.permutation(n)[:size])
    n_part = max(min(len(sampled), n_clusters + 1), int(_SUBSAMPLE * len(sampled)))
    parts = [np.sort(rng.permutation(sampled)[:n_part]) for _ in range(_N_RUNS)]
    seeds = rng.randint(2**31 - 1, size=_N_RUNS).tolist()
    trials: list[MethodTrial] = []
    for done, method in enumerate(methods):
        trials += _try(corpus, method, n_clusters, parts, seeds)
        if progress is not None:
            progress((done + 1) / len(methods))
    return decide(trials, len(sampled))


def _try(
    corpus: Corpus, method: str, n_clusters: int, parts: list[NDArray[np.intp]], seeds: list[int]
) -> list[MethodTrial]:
    """Run a method on every part; return the evidence for it as it is and refined."""
    labels_of: tuple[list[NDArray[np.int32]], ...] = ([], [])  # as they are, refined
    evidence: tuple[list[tuple[float, float]], ...] = ([], [])
    seconds = []
    for part, seed in zip(parts, seeds, strict=True):
        started = time.perf_counter()
        inside = corpus.part(part)
        labels, margins = cluster(inside, method, n_clusters, seed, _ROUNDS)
        clustered = time.perf_counter()
        found = _refined(inside, labels, margins, seed)
        before = 0.0 if found is None else found.information_before
        after = before if found is None else max(found.information_before, found.information_after)
        refined = labels if found is None else found.labels
        for i, (clusters, nats) in enumerate(((labels, before), (refined, after))):
            labels_of[i].append(clusters)
            evidence[i].append((nats, _share(nats, clusters)))
        seconds.append((clustered - started, time.perf_counter() - started))
    trials = []
    for i, runs in enumerate(evidence):
        informations, shares = zip(*runs, strict=True)
        mean_seconds = float(np.mean([pair[i] for pair in seconds]))
        stability = _stability(parts, labels_of[i])
        trials.append(MethodTrial(method, i == 1, informations, shares, stability, mean_seconds))
    return trials


def _share(nats: float, labels: NDArray[np.int32]) -> float:
    sizes = np.unique(labels, return_counts=True)[1] / len(labels)
    entropy = -float(np.sum(sizes * np.log(sizes)))
    return nats / entropy if entropy > 0 else 0.0


def _refined(
    corpus: Corpus, labels: NDArray[np.int32], margins: NDArray[np.float64], seed: int
) -> Refinement | None:
    if len(np.unique(labels)) < 2:
        return None
    return refine_labels(corpus.weights, labels, margins, random_state=seed, n_threads=corpus.n_threads)


def _stability(parts: list[NDArray[np.intp]], labels: list[NDArray[np.int32]]) -> float:
    agreements = []
    for a, b in combinations(range(len(parts)), 2):
        _, in_a, in_b = np.intersect1d(parts[a], parts[b], assume_unique=True, return_indices=True)
        agreements.append(adjusted_rand_score(labels[a][in_a], labels[b][in_b]))
    return float(np.mean(agreements))


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
    """Whether the mean of the differences is more than their chance allows."""
    differences = np.subtract(a, b)
    mean, n = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    return mean > 0 and mean > _T_95 * error
