"""How good a classifier is, label by label, and whether its probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.classify.labels import check_labels, class_names, indicator

_N_BINS = 10


@dataclass(frozen=True)
class LabelScores:
    """The scores of one label.

    Attributes
    ----------
    label : str or int
    precision : float
        Share of the documents given the label that have it, in [0, 1]; 0 where none is given it.
    recall : float
        Share of the documents that have the label and are given it, in [0, 1]; 0 where none has it.
    f1 : float
        Harmonic mean of the two; 0 where both are.
    support : int
        How many documents have it.
    """

    label: Any
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ClassificationReport:
    """The scores of a classifier.

    Attributes
    ----------
    labels : list of LabelScores
        By label.
    scores : dict of str to float
        ``accuracy`` (the share of documents with exactly the right label or labels), ``micro_f1``, ``macro_f1`` (mean
        over the labels that occur), ``weighted_f1`` (by support); with probabilities also ``brier`` (mean squared
        error of the probabilities over documents and labels) and ``calibration_error`` (by how much probability and
        frequency differ, in ten equal bins of the probability, weighted by their size).
    n_documents : int
    """

    labels: list[LabelScores]
    scores: dict[str, float]
    n_documents: int

    def __str__(self) -> str:
        """Return a table with one line per label and the overall scores."""
        width = max([len("label"), *(len(str(s.label)) for s in self.labels)])
        lines = [f"{'label':<{width}}  precision  recall      f1  support"]
        lines += [
            f"{s.label!s:<{width}}  {s.precision:9.3f}  {s.recall:6.3f}  {s.f1:6.3f}  {s.support:7d}"
            for s in self.labels
        ]
        return "\n".join([*lines, *(f"{name} {value:.4f}" for name, value in self.scores.items())])


def classification_report(
    labels_true: Any, labels_pred: Any, *, classes: Any = None, probabilities: Any = None
) -> ClassificationReport:
    """Compare predicted with true labels.

    Parameters
    ----------
    labels_true, labels_pred : iterables of length n_documents
        Single labels or collections of labels, as for :func:`coterie.classify.check_labels`.
    classes : array-like of shape (n_labels,), optional
        The labels of the columns of ``probabilities``.
    probabilities : array-like of shape (n_documents, n_labels), optional
        As from :meth:`coterie.classify.LinearClassifier.predict_proba`.

    Returns
    -------
    ClassificationReport

    Raises
    ------
    ValueError
        If labels are missing, the lengths differ, or probabilities come without their classes or in another shape.

    Examples
    --------
    >>> from coterie.classify import classification_report
    >>> report = classification_report(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    >>> report.scores["accuracy"], [round(s.f1, 3) for s in report.labels]
    (0.75, [0.667, 0.8])
    """
    true, multi_label = check_labels(labels_true)
    found, _ = check_labels(labels_pred, n_documents=len(true), multi_label=multi_label)
    names = class_names([*true, *found], multi_label)
    has, given = indicator(true, names, multi_label), indicator(found, names, multi_label)
    hits, n_given, support = (has & given).sum(axis=0), given.sum(axis=0), has.sum(axis=0)
    precision = hits / np.maximum(n_given, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(n_given + support, 1)
    scores = {
        "accuracy": float((has == given).all(axis=1).mean()),
        "micro_f1": float(2 * hits.sum() / max(n_given.sum() + support.sum(), 1)),
        "macro_f1": float(f1[support > 0].mean()) if support.any() else 0.0,
        "weighted_f1": float((f1 * support).sum() / max(support.sum(), 1)),
    }
    if probabilities is not None:
        scores |= _calibration_scores(true, multi_label, classes, np.asarray(probabilities, dtype=np.float64))
    by_label = zip(
        names.tolist(), precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), strict=True
    )
    return ClassificationReport([LabelScores(*entry) for entry in by_label], scores, len(true))


def _calibration_scores(
    true: list[Any], multi_label: bool, classes: Any, probabilities: NDArray[np.float64]
) -> dict[str, float]:
    if classes is None:
        raise ValueError("classes must be given with probabilities: they name its columns")
    if probabilities.shape != (len(true), len(classes)):
        raise ValueError(
            f"probabilities must have shape {(len(true), len(classes))}; got {probabilities.shape}"
        )
    has = indicator(true, np.asarray(classes), multi_label)
    bins = np.minimum((probabilities * _N_BINS).astype(np.int64), _N_BINS - 1).ravel()
    gap = np.abs(np.bincount(bins, probabilities.ravel(), _N_BINS) - np.bincount(bins, has.ravel(), _N_BINS))
    return {
        "brier": float(np.mean((probabilities - has) ** 2)),
        "calibration_error": float(gap.sum() / probabilities.size),
    }
