"""Clusters that refine themselves: iterative reclassification, how predictable clusters are, and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score
from sklearn.utils import check_array

from coterie._calibration import fit_sigmoid
from coterie._reclassify import CONFIDENT, left_out_scores, n_present, reclassify
from coterie._validation import (
    check_integer,
    check_option,
    check_real,
    check_sparse_structure,
    refuse_masked,
    summed_once,
)

__all__ = [
    "Refinement",
    "outlier_scores",
    "predictive_information",
    "refine_labels",
    "unassign",
]


@dataclass(frozen=True)
class Refinement:
    """What :func:`refine_labels` did, and whether it helped.

    Attributes
    ----------
    labels : ndarray of shape (n_documents,), int32
        The refined clusters if they are kept, else the given ones.
    is_kept : bool
        Whether the refined clusters carry more predictive information than the given ones.
    information_before, information_after : float
        :func:`predictive_information` of the given and of the refined clusters, in nats.
    n_rounds : int
        How often a classifier was trained.
    n_moved : int
        Documents whose cluster differs between the given and the refined ones.
    """

    labels: NDArray[np.int32]
    is_kept: bool
    information_before: float
    information_after: float
    n_rounds: int
    n_moved: int

    def __str__(self) -> str:
        """Return one sentence that says what was done and why."""
        numbers = f"{self.information_before:.3f} nats before, {self.information_after:.3f} after"
        if self.is_kept:
            return (
                f"Reclassified {self.n_moved:,} documents in {self.n_rounds} rounds: words tell more about the "
                f"clusters ({numbers})."
            )
        return f"Reclassification was not kept: words tell no more about its clusters ({numbers})."


def refine_labels(
    X: Any,
    labels: Any,
    margins: Any = None,
    *,
    method: str = "reclassify",
    confident: float = CONFIDENT,
    max_iter: int = 5,
    n_folds: int = 3,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Refinement:
    """Refine clusters by iterative reclassification, where that makes them more predictable.

    A linear classifier (complement naive Bayes) learns the clusters from the documents that are most clearly in them
    and assigns every document anew; the classifier's own margins then say which are clear, and so on until nothing
    moves. Clusters found by distance follow what is common to whole documents; the classifier weighs each term by how
    well it tells the clusters apart. The result is kept only if its :func:`predictive_information` is larger, so
    that clusters that merely grew at the cost of others are turned down.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_terms)
        Weights of terms in documents, >= 0, such as TF-IDF rows.
    labels : array-like of shape (n_documents,), integer
        The clusters; -1 means none: such documents are not learnt from, and are assigned. A document without terms
        keeps what it has.
    margins : array-like of shape (n_documents,), optional
        How clearly each document is in its cluster, higher is clearer, for the first round. None: all count alike.
    method : {"reclassify"}, default="reclassify"
    confident : float, default=0.6
        The share of each cluster that is learnt from, in (0, 1]; at least two documents.
    max_iter : int, default=5
        Most rounds, >= 1; they end when less than 0.5 % of the documents move.
    n_folds : int, default=3
        Folds of the predictive information, >= 2.
    random_state : int, RandomState or None, default=0
        Draws the folds.
    n_threads : int, optional
        None means all cores; the result has the same bits for any number.

    Returns
    -------
    Refinement

    Raises
    ------
    ValueError
        If ``X`` has negative or non-finite entries, a length differs, or fewer than two clusters have documents.
    TypeError
        If ``labels`` are not integers.

    Notes
    -----
    Memory 4 bytes per cluster and term.

    References
    ----------
    Rakib, Zeh, Jankowska and Milios, "Enhancement of short text clustering by iterative classification", NLDB 2020.
    Rennie, Shih, Teevan and Karger, "Tackling the poor assumptions of naive Bayes text classifiers", ICML 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import TfidfVectorizer
    >>> from coterie.refine import refine_labels
    >>> texts = ["red apple", "sweet apple", "red cherry", "slow train", "fast train", "late train"] * 5
    >>> labels = np.array([0, 0, 0, 1, 1, 1] * 5)
    >>> labels[2] = 1  # a cherry among the trains
    >>> refine_labels(TfidfVectorizer().fit_transform(texts), labels).labels[:6].tolist()
    [0, 0, 0, 1, 1, 1]
    """
    check_option("method", method, ("reclassify",))
    share = check_real("confident", confident, minimum=0, maximum=1)
    if share == 0:
        raise ValueError("confident must be > 0; got 0")
    check_integer("max_iter", max_iter, minimum=1)
    weights, given = _check(X, labels)
    clearness = _check_margins(margins, len(given))
    refined, n_rounds = reclassify(weights, given, clearness, share, max_iter, n_threads)
    how = {"n_folds": n_folds, "random_state": random_state, "n_threads": n_threads}
    before = predictive_information(weights, given, **how)
    # where one cluster has swallowed all others there is nothing to tell
    after = predictive_information(weights, refined, **how) if n_present(refined) > 1 else 0.0
    is_kept = after > before
    n_moved = int(np.count_nonzero(refined != given))
    return Refinement(refined if is_kept else given, is_kept, before, after, n_rounds, n_moved)


def predictive_information(
    X: Any, labels: Any, *, n_folds: int = 3, random_state: Any = 0, n_threads: int | None = None
) -> float:
    """Measure how much the terms of a document tell about its cluster, without knowing true classes.

    Each document's cluster is predicted by a classifier (complement naive Bayes) that learnt from the others; the
    result is the mutual information between clusters and predictions. Clusters that words cannot predict carry
    little, and so does one that holds nearly everything, which anyone can predict. It compares clusterings of
    the same documents into the same number of clusters, however they were made; more clusters can carry more.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_terms)
        Weights of terms in documents, >= 0.
    labels : array-like of shape (n_documents,), integer
        The clusters; documents with -1 are left out.
    n_folds : int, default=3
        Parts that are left out in turn, >= 2 and at most the number of documents.
    random_state : int, RandomState or None, default=0
        Draws the parts.
    n_threads : int, optional
        None means all cores; the result has the same bits for any number.

    Returns
    -------
    float
        In nats, from 0 to the logarithm of the number of clusters.

    Raises
    ------
    ValueError
        As :func:`refine_labels`, and if there are fewer documents than folds.

    Examples
    --------
    >>> from coterie import TfidfVectorizer
    >>> from coterie.refine import predictive_information
    >>> X = TfidfVectorizer().fit_transform(["red apple", "slow train"] * 20)
    >>> round(predictive_information(X, [0, 1] * 20), 3)
    0.693
    >>> predictive_information(X, [0, 0, 1, 1] * 10) < 0.2
    True
    """
    weights, given = _check(X, labels)
    weights, given = weights[given >= 0], given[given >= 0]
    predicted = np.empty_like(given)
    for left_out, scores in left_out_scores(weights, given, n_folds, random_state, n_threads):
        predicted[left_out] = scores.argmax(axis=1)
    return max(0.0, float(mutual_info_score(given, predicted)))


def outlier_scores(
    X: Any, labels: Any, *, n_folds: int = 3, random_state: Any = 0, n_threads: int | None = None
) -> NDArray[np.float64]:
    """Score how doubtful each document's cluster is, as a probability.

    Each document is scored by a classifier that learnt from the others; how far its own cluster is ahead of the best
    other is turned into the probability that the classifier would not put it there (Platt scaling): among
    the documents with a score near 0.3, about 30 % are put elsewhere.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_terms)
        Weights of terms in documents, >= 0.
    labels : array-like of shape (n_documents,), integer
        The clusters; -1 means none.
    n_folds : int, default=3
        Parts that are left out in turn, >= 2.
    random_state : int, RandomState or None, default=0
        Draws the parts.
    n_threads : int, optional
        None means all cores; the result has the same bits for any number.

    Returns
    -------
    scores : ndarray of shape (n_documents,), float64
        In [0, 1]; 1 for documents without a cluster or without terms.

    Raises
    ------
    ValueError
        As :func:`predictive_information`.

    Examples
    --------
    >>> from coterie import TfidfVectorizer
    >>> from coterie.refine import outlier_scores
    >>> texts = ["red apple", "slow train"] * 20 + ["slow train"]
    >>> scores = outlier_scores(TfidfVectorizer().fit_transform(texts), [0, 1] * 20 + [0])
    >>> int(scores.argmax()), bool(scores[0] < 0.1)
    (40, True)
    """
    weights, given = _check(X, labels)
    known = np.flatnonzero((given >= 0) & (np.diff(weights.indptr) > 0))
    inside, clusters = weights[known], given[known]
    ahead = np.empty(len(known))
    for left_out, scores in left_out_scores(inside, clusters, n_folds, random_state, n_threads):
        own = scores[np.arange(len(left_out)), clusters[left_out]].copy()
        scores[np.arange(len(left_out)), clusters[left_out]] = -np.inf
        ahead[left_out] = own - scores.max(axis=1)
    # the margin is what is turned into a probability, so it needs a scale that long and short documents share
    ahead /= inside.sum(axis=1, dtype=np.float64)
    scale = np.median(np.abs(ahead))
    ahead = np.clip(ahead / scale if scale > 0 else ahead, -50, 50)
    a, b = fit_sigmoid(ahead, ahead > 0)
    result = np.ones(len(given))
    result[known] = 1 / (1 + np.exp(a * ahead + b))
    return result


def unassign(
    labels: Any, scores: Any, *, max_unassigned: float = 0.05, least_score: float = 0.5
) -> NDArray[np.int32]:
    """Take the most doubtful documents out of their clusters, at most a given share of all.

    Parameters
    ----------
    labels : array-like of shape (n_documents,), integer
        The clusters; documents that have none already (-1) count towards the share.
    scores : array-like of shape (n_documents,)
        How doubtful each is, as from :func:`outlier_scores`.
    max_unassigned : float, default=0.05
        The largest share of the documents without a cluster, in [0, 1].
    least_score : float, default=0.5
        Documents with a lower score keep their cluster, in [0, 1].

    Returns
    -------
    labels : ndarray of shape (n_documents,), int32
        -1 for the documents taken out: those with the largest scores, ties in favour of taking out the first.

    Raises
    ------
    ValueError
        If the lengths differ or a share is not in [0, 1].

    Examples
    --------
    >>> from coterie.refine import unassign
    >>> unassign([0, 1, 1, 0], [0.1, 0.9, 0.7, 0.2], max_unassigned=0.25).tolist()
    [0, -1, 1, 0]
    """
    share = check_real("max_unassigned", max_unassigned, minimum=0, maximum=1)
    least = check_real("least_score", least_score, minimum=0, maximum=1)
    given, doubt = _check_labels(labels).copy(), np.asarray(scores, dtype=np.float64)
    if doubt.shape != given.shape:
        raise ValueError(f"scores must have one number per label; got {doubt.shape} for {len(given)} labels")
    n_allowed = int(share * len(given)) - int(np.count_nonzero(given == -1))
    order = np.argsort(-doubt, kind="stable")
    order = order[(given[order] >= 0) & (doubt[order] >= least)]
    given[order[: max(n_allowed, 0)]] = -1
    return given


def _check_labels(labels: Any) -> NDArray[np.int32]:
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be a one-dimensional array of integers; got {array.dtype}, shape {array.shape}"
        )
    if len(array) and array.min() < -1:
        raise ValueError(f"labels must be >= -1; got {array.min()}")
    return array.astype(np.int32)


def _check(X: Any, labels: Any) -> tuple[sp.csr_array, NDArray[np.int32]]:
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = check_array(X, accept_sparse="csr", dtype=np.float32, input_name="X")
    weights = summed_once(sp.csr_array(checked))
    if weights.nnz and weights.data.min() < 0:
        raise ValueError(f"X must have no negative entries; got {weights.data.min()}")
    given = _check_labels(labels)
    if len(given) != weights.shape[0]:
        raise ValueError(
            f"labels must have one element per row of X; got {len(given)}, {weights.shape[0]} rows"
        )
    n_clusters = n_present(given)
    if n_clusters < 2:
        raise ValueError(f"labels must have at least 2 clusters with documents; got {n_clusters}")
    return weights, given


def _check_margins(margins: Any, n_documents: int) -> NDArray[np.float64]:
    if margins is None:
        return np.zeros(n_documents)
    clearness = np.asarray(margins, dtype=np.float64)
    if clearness.shape != (n_documents,) or np.isnan(clearness).any():
        raise ValueError(
            f"margins must be {n_documents} numbers that are not NaN; got shape {clearness.shape}"
        )
    return clearness
