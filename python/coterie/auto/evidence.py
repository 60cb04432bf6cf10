"""Which way to cluster texts, decided by evidence from the texts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import check_random_state

from coterie._validation import check_integer, check_option
from coterie.auto._corpus import CANDIDATES, METHODS, Corpus, check_n_clusters, checked_texts, cluster
from coterie.refine import Refinement, refine_labels

_SUBSAMPLE = 0.8
_N_RUNS = 3


@dataclass(frozen=True)
class MethodTrial:
    """The evidence for one way to cluster, each number a mean over runs on different subsamples with different seeds.

    Attributes
    ----------
    method : str
        "consensus" (what several clusterings of all kinds agree on), "lsa" (K-means on rows of
        :class:`coterie.encode.LsaEncoder` with their neighbours), "tfidf" (K-means on TF-IDF rows of words) or
        "mixture" (:class:`coterie.topics.DirichletMixture`).
    refine : bool
        Whether reclassification followed.
    information : float
        :func:`coterie.refine.predictive_information`, in nats; higher is better.
    information_error : float
        Its standard error over the runs.
    stability : float
        Mean adjusted Rand index between the runs on the documents they share, in [-0.5, 1].
    seconds : float
        Time of one run.
    """

    method: str
    refine: bool
    information: float
    information_error: float
    stability: float
    seconds: float

    @property
    def name(self) -> str:
        """The method, with "+refine" where reclassification followed."""
        return f"{self.method}+refine" if self.refine else self.method


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
        lines = ["  method          information  +/-    stability  seconds"]
        lines += [
            f"{'*' if (t.method, t.refine) == (self.method, self.refine) else ' '} {t.name:14s}  {t.information:11.4f}"
            f"  {t.information_error:5.3f}  {t.stability:9.3f}  {t.seconds:7.2f}"
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
    (:func:`coterie.refine.predictive_information`) and how well the clusters come back on the documents that the
    subsamples share. The method with the most information is best. Of those that cannot be told from it (within the
    standard error of the difference) the consensus is chosen, because votes that err in different ways err less
    together, and where that is not among them the one whose clusters come back best.

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
    silhouettes and inertias favour the method whose own distances they are measured by.

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
    seeds = check_random_state(random_state).randint(2**31 - 1, size=2).tolist()
    corpus = Corpus.of(documents, methods, language, seeds[0], n_threads)
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
    size = max(check_integer("sample_size", sample_size, minimum=50), 10 * n_clusters)
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
    plain, refined, information, seconds = [], [], [], []
    for part, seed in zip(parts, seeds, strict=True):
        started = time.perf_counter()
        inside = corpus.part(part)
        labels, margins = cluster(inside, method, n_clusters, seed)
        clustered = time.perf_counter()
        found = _refined(inside.weights, labels, margins, seed)
        plain.append(labels)
        refined.append(labels if found is None else found.labels)
        before = 0.0 if found is None else found.information_before
        after = before if found is None else max(found.information_before, found.information_after)
        information.append((before, after))
        seconds.append((clustered - started, time.perf_counter() - started))
    trials = []
    for i, labels_of_runs in enumerate((plain, refined)):
        nats = [pair[i] for pair in information]
        trials.append(
            MethodTrial(
                method,
                i == 1,
                float(np.mean(nats)),
                float(np.std(nats, ddof=1) / len(nats) ** 0.5),
                _stability(parts, labels_of_runs),
                float(np.mean([pair[i] for pair in seconds])),
            )
        )
    return trials


def _refined(
    weights: sp.csr_array, labels: NDArray[np.int32], margins: NDArray[np.float64], seed: int
) -> Refinement | None:
    if len(np.unique(labels)) < 2:
        return None
    return refine_labels(weights, labels, margins, random_state=seed)


def _stability(parts: list[NDArray[np.intp]], labels: list[NDArray[np.int32]]) -> float:
    agreements = []
    for a, b in combinations(range(len(parts)), 2):
        _, in_a, in_b = np.intersect1d(parts[a], parts[b], assume_unique=True, return_indices=True)
        agreements.append(adjusted_rand_score(labels[a][in_a], labels[b][in_b]))
    return float(np.mean(agreements))


def decide(trials: list[MethodTrial], n_sampled: int) -> MethodSearch:
    """Apply the rule of :func:`choose_method` to finished trials."""
    best = max(trials, key=lambda t: t.information)
    alike = [
        t
        for t in trials
        if best.information - t.information <= np.hypot(best.information_error, t.information_error)
    ]
    choice = max(alike, key=lambda t: (t.method == "consensus", t.stability, t.information))
    reason = (
        f"{choice.name}: words tell {choice.information:.3f} nats about its clusters, and they come back from run to "
        f"run (ARI {choice.stability:.2f})"
    )
    others = [t.name for t in alike if t is not choice]
    if others:
        reason += f"; as informative within the error: {', '.join(others)}"
    rest = [t for t in trials if t not in alike]
    if rest:
        next_best = max(rest, key=lambda t: t.information)
        reason += f"; next is {next_best.name} with {next_best.information:.3f}"
    return MethodSearch(trials, choice.method, choice.refine, reason + ".", n_sampled)
