"""What the journey finds: summaries, assignments, the model and everything together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.auto import MethodSearch
from coterie.cluster.auto_k import KSearch
from coterie.journey._documents import check_texts
from coterie.refine import Refinement


@dataclass(frozen=True)
class ClusterSummary:
    """What one cluster is about.

    Attributes
    ----------
    cluster : int
        The cluster's number, in [0, n_clusters).
    size : int
        How many documents it holds.
    terms : list of (str, float)
        The terms that set it apart with their class TF-IDF weights (> 0), by falling weight; empty for a
        cluster without documents or without known terms.
    representatives : list of int
        Row numbers of the documents nearest to the centre, nearest first, exact repeats left out.
    """

    cluster: int
    size: int
    terms: list[tuple[str, float]]
    representatives: list[int]


@dataclass(frozen=True)
class Assignment:
    """Which cluster each document belongs to, and how clearly.

    Attributes
    ----------
    labels : ndarray of shape (n_documents,), int32
        The cluster of each document, in [0, n_clusters); -1 is noise. Of predictions and of K-means it is the
        nearest centre, ties to the lowest number.
    distances : ndarray of shape (n_documents,), float32
        Distance to its centre: 1 - cosine in [0, 2], or the Euclidean distance, by the model's metric. For
        noise, to the nearest centre.
    runner_up : ndarray of shape (n_documents,), int32
        The nearest other centre, for noise the nearest of all; -1 where there is none.
    margins : ndarray of shape (n_documents,), float32
        Distance to the runner-up minus ``distances``; inf where there is no runner-up, 0 for noise. Negative
        where a clusterer other than K-means has put a document into a cluster whose centre is not the nearest.
        A document without any known term is equally far (cosine distance 1) from every centre: margin 0.
    """

    labels: NDArray[np.int32]
    distances: NDArray[np.float32]
    runner_up: NDArray[np.int32]
    margins: NDArray[np.float32]


@dataclass(frozen=True)
class ClusterModel:
    """A fitted encoder and fitted centres: labels new texts without the texts it was fitted on.

    Clusterings other than K-means have no rule for new texts; theirs is the nearest mean of the clusters
    (:class:`coterie.cluster.NearestCenters`), which need not repeat the labels of the texts that were clustered.

    Attributes
    ----------
    encoder : transformer
        The fitted encoder: texts to rows, for example :class:`coterie.TfidfVectorizer`.
    clusterer : estimator
        The fitted centres: :class:`coterie.KMeans` or what else has ``predict_top_two``.
    summaries : list of ClusterSummary
        What each cluster is about, by cluster number.
    """

    encoder: Any
    clusterer: Any
    summaries: list[ClusterSummary]

    def predict(self, texts: Iterable[str]) -> Assignment:
        """Assign texts to the clusters with the nearest centres.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        Assignment
            In the order of ``texts``.

        Raises
        ------
        ValueError
            If there are no texts.
        TypeError
            If ``texts`` is one string or a table.
        """
        return nearest_centers(self.clusterer, self.encoder.transform(check_texts(texts)))


@dataclass(frozen=True)
class ClusterResult:
    """Everything :func:`cluster_texts` found out.

    Attributes
    ----------
    labels, distances, runner_up, margins : ndarray of shape (n_documents,)
        As in :class:`Assignment`.
    clusters : list of ClusterSummary
        By cluster number, 0 to n_clusters - 1.
    metrics : dict of str to float
        Internal scores always, external scores when true labels were given; a score that is not defined for
        this result (for example with one cluster only) is absent. ``"n_empty"`` counts the documents without
        any known term, ``"n_noise"``, where there are any, those in no cluster: the internal scores leave them
        out, for the external ones they are one more cluster. ``"n_truncated"``, where there are any, counts the
        different texts of which a transformer read only the beginning.
    k_search : KSearch or None
        How the number of clusters was chosen, when it was.
    model : ClusterModel
        Labels new texts.
    matrix : csr_array or ndarray of shape (n_documents, n_features), float32
        The rows that were clustered.
    timings : dict of str to float
        Seconds per stage, in order: ``"vectorize"`` (``"encode"`` for other encoders),
        ``"cluster"``, ``"explain"``, ``"evaluate"``.
    parameters : dict of str to object
        The arguments of the call, with what was decided from the data (``n_clusters``, ``min_df``).
    cluster_tree : ndarray of shape (n_clusters - 1, 4), float64, or None
        How hierarchical clustering would merge the clusters: a linkage matrix whose leaves are the clusters.
    method_search : MethodSearch or None
        How the method was chosen, with ``encoder="auto"``.
    refinement : Refinement or None
        What reclassification did, where it was tried.
    """

    labels: NDArray[np.int32]
    distances: NDArray[np.float32]
    runner_up: NDArray[np.int32]
    margins: NDArray[np.float32]
    clusters: list[ClusterSummary]
    metrics: dict[str, float]
    k_search: KSearch | None
    model: ClusterModel
    matrix: Any
    timings: dict[str, float]
    parameters: dict[str, object]
    cluster_tree: NDArray[np.float64] | None = None
    method_search: MethodSearch | None = None
    refinement: Refinement | None = None

    @property
    def n_features(self) -> int:
        """Columns of ``matrix``."""
        return int(self.matrix.shape[1])


def nearest_centers(clusterer: Any, X: Any) -> Assignment:
    """Assign rows to the nearest of the fitted centres."""
    labels, distances = clusterer.predict_top_two(X)
    margins = np.maximum(distances[:, 1] - distances[:, 0], np.float32(0))
    return Assignment(labels[:, 0].copy(), distances[:, 0].copy(), labels[:, 1].copy(), margins)
