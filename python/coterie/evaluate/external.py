"""Scores of a clustering against true labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    normalized_mutual_info_score,
)

from coterie.evaluate._scores import Scores

# The matching works on the dense table of classes and clusters: 200 MB of float64.
_MAX_MATCHING_CELLS = 25_000_000


def evaluate(labels_true: Any, labels_pred: Any) -> Scores:
    """Score a clustering against true labels.

    With n(i, j) documents of class i in cluster j, n(i) and n(j) the sizes, n in all:

    ====================  =================================================================================
    ``nmi``               normalised mutual information, arithmetic mean (scikit-learn)
    ``ari``               adjusted Rand index, in [-0.5, 1]; 0 for a random clustering (scikit-learn)
    ``homogeneity``       1 if each cluster holds one class only (scikit-learn)
    ``completeness``      1 if each class is in one cluster only (scikit-learn)
    ``v_measure``         harmonic mean of the two (scikit-learn); equal to ``nmi``
    ``purity``            sum over j of max over i of n(i, j), over n; grows with the number of clusters
    ``pairwise_f1``       F1 over pairs of documents: those that share a cluster against those that share a
                          class; with ``pairwise_precision`` and ``pairwise_recall``
    ``matched_f1``        clusters are matched to classes one to one (Hungarian method) so that the mean of
                          F1(i, j) = 2 n(i, j) / (n(i) + n(j)) over documents, each with the F1 of its class,
                          is largest; a class without a cluster counts 0
    ``accuracy``          the share of documents whose cluster is matched to their class, by the one-to-one
                          matching that makes it largest (Hungarian method)
    ====================  =================================================================================

    All are in [0, 1] except ``ari``, 1 is perfect, and none depends on how clusters or classes are numbered.

    Parameters
    ----------
    labels_true : array-like of shape (n_documents,)
        The classes: strings, integers or anything else that compares equal and hashes.
    labels_pred : array-like of shape (n_documents,)
        The clusters, likewise. A noise label such as -1 counts as one more cluster.

    Returns
    -------
    Scores
        A dict of float. ``matched_f1`` and ``accuracy`` are omitted, and ``.omitted`` says so, when classes
        times clusters exceeds 25 million.

    Raises
    ------
    ValueError
        If the lengths differ, there are no documents, an array has not one dimension, or a label is missing
        (None or NaN); the message names the row.

    Notes
    -----
    Cost O(n), and O(a^2 b) for the matchings of a classes to b clusters, a <= b. Sources: Rosenberg and
    Hirschberg 2007 (V-measure); Hubert and Arabie 1985 (ARI); Manning, Raghavan and Schütze 2008,
    section 16.3 (purity, pairwise F); Kuhn 1955 (matching).

    Examples
    --------
    >>> from coterie.evaluate import evaluate
    >>> scores = evaluate(["cat", "cat", "dog", "dog"], [1, 1, 0, 2])
    >>> round(scores["v_measure"], 3), scores["purity"], scores["accuracy"]
    (0.8, 1.0, 0.75)
    """
    true, pred = encode_labels("labels_true", labels_true), encode_labels("labels_pred", labels_pred)
    if len(true) != len(pred):
        raise ValueError(
            f"labels_true and labels_pred must have the same length; got {len(true)} and {len(pred)}"
        )
    if len(true) == 0:
        raise ValueError("labels_true must have at least one element; got 0")
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(true, pred)
    scores = {
        "nmi": float(normalized_mutual_info_score(true, pred)),
        "ari": float(adjusted_rand_score(true, pred)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "v_measure": float(v_measure),
    }
    table = _contingency(true, pred)
    scores["purity"] = float(table.max(axis=0).sum() / len(true))
    scores |= _pairwise(table)
    cells = table.shape[0] * table.shape[1]
    if cells > _MAX_MATCHING_CELLS:
        why = f"{table.shape[0]} classes times {table.shape[1]} clusters exceeds {_MAX_MATCHING_CELLS} cells"
        return Scores(scores, {"matched_f1": why, "accuracy": why})
    return Scores(scores | _matched(table.toarray()))


def encode_labels(name: str, labels: Any) -> NDArray[np.int64]:
    """Number the labels from 0; refuse a missing one, naming its row."""
    array = labels if isinstance(labels, list | tuple) else np.asarray(labels)
    if isinstance(array, np.ndarray):
        if array.ndim != 1:
            raise ValueError(f"{name} must have one dimension; got shape {array.shape}")
        if array.dtype.kind in "iub":
            return np.unique(array, return_inverse=True)[1].astype(np.int64, copy=False)
        array = array.tolist()
    numbers: dict[Any, int] = {}
    encoded = np.empty(len(array), dtype=np.int64)
    for i, label in enumerate(array):
        if _is_missing(label):
            raise ValueError(f"{name} must have no missing label; got {label!r} in row {i}")
        try:
            encoded[i] = numbers.setdefault(label, len(numbers))
        except TypeError:
            raise TypeError(f"{name} must hold one label for each row; got {label!r} in row {i}") from None
    return encoded


def _is_missing(label: Any) -> bool:
    # pandas.NA refuses to be compared, and pandas may not be installed
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def _contingency(true: NDArray[np.int64], pred: NDArray[np.int64]) -> sp.csc_array:
    """n(i, j): how many documents of class i are in cluster j."""
    ones = np.ones(len(true), dtype=np.int64)
    table = sp.coo_array((ones, (true, pred)), shape=(true.max() + 1, pred.max() + 1))
    return table.tocsc()


def _pairwise(table: sp.csc_array) -> dict[str, float]:
    def pairs(counts: NDArray[np.int64]) -> int:
        return int((counts * (counts - 1) // 2).sum())

    both = pairs(table.data)
    in_cluster, in_class = pairs(np.asarray(table.sum(axis=0))), pairs(np.asarray(table.sum(axis=1)))
    # no pair to find or none proposed: nothing wrong was said
    return {
        "pairwise_precision": both / in_cluster if in_cluster else 1.0,
        "pairwise_recall": both / in_class if in_class else 1.0,
        "pairwise_f1": 2 * both / (in_cluster + in_class) if in_cluster + in_class else 1.0,
    }


def _matched(table: NDArray[np.int64]) -> dict[str, float]:
    n = table.sum()
    class_sizes, cluster_sizes = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    weighted_f1 = class_sizes / n * (2 * table / (class_sizes + cluster_sizes))
    by_f1 = linear_sum_assignment(weighted_f1, maximize=True)
    by_count = linear_sum_assignment(table, maximize=True)
    return {"matched_f1": float(weighted_f1[by_f1].sum()), "accuracy": float(table[by_count].sum() / n)}
