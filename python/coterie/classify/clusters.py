"""Clusters turned into a classifier for new documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from coterie._validation import check_real
from coterie.classify.pipeline import make_classifier


def classifier_from_clusters(
    texts: Any, labels: Any, margins: Any = None, *, confident: float = 0.8, **options: Any
) -> Pipeline:
    """Train a classifier that gives new documents the clusters of a finished clustering.

    Unlike the nearest centre, the classifier says how probable a cluster is, and weighs the words that tell the
    clusters apart. It learns from the documents that are clearly in their cluster.

    Parameters
    ----------
    texts : sequence of str, length n_documents
        The documents that were clustered.
    labels : array-like of shape (n_documents,), integer
        Their clusters; -1 means none, and such documents are left out.
    margins : array-like of shape (n_documents,), optional
        How clearly each belongs to its cluster, higher is clearer, as in :class:`coterie.journey.Assignment`. None
        takes all documents.
    confident : float, default=0.8
        The share of each cluster to learn from, those of the largest margins first, in (0, 1]; at least two documents.
    **options
        As for :func:`coterie.classify.make_classifier`.

    Returns
    -------
    Pipeline
        Fitted; its classes are the numbers of the clusters that have documents.

    Raises
    ------
    ValueError
        If the lengths differ, or fewer than two clusters have documents.

    Examples
    --------
    >>> from coterie import cluster_texts
    >>> from coterie.classify import classifier_from_clusters
    >>> texts = ["red apple", "red cherry", "sweet red apple", "slow train", "fast train", "late train"]
    >>> result = cluster_texts(texts, n_clusters=2)
    >>> classifier = classifier_from_clusters(texts, result.labels, result.margins, confident=1.0)
    >>> bool(classifier.predict(["a red thing"])[0] == result.labels[0])
    True
    """
    share = check_real("confident", confident, minimum=0, maximum=1)
    if share == 0:
        raise ValueError("confident must be > 0; got 0")
    clusters = np.asarray(labels)
    if clusters.ndim != 1 or clusters.dtype.kind not in "iu":
        raise TypeError(f"labels must be a one-dimensional array of integers; got {clusters.dtype}")
    clearness = np.zeros(len(clusters)) if margins is None else np.asarray(margins, dtype=np.float64)
    documents = list(texts)
    if not len(documents) == len(clusters) == len(clearness):
        raise ValueError(
            f"texts, labels and margins must have one length; got {len(documents)}, {len(clusters)}, {len(clearness)}"
        )
    rows = []
    for cluster in np.unique(clusters[clusters >= 0]):
        members = np.flatnonzero(clusters == cluster)
        n_kept = len(members) if margins is None else max(2, round(share * len(members)))
        rows.append(members[np.argsort(-clearness[members], kind="stable")[:n_kept]])
    if len(rows) < 2:
        raise ValueError(f"labels must have at least 2 clusters with documents; got {len(rows)}")
    chosen = np.sort(np.concatenate(rows))
    classifier = make_classifier(**options)
    return classifier.fit([documents[i] for i in chosen], clusters[chosen].tolist())
