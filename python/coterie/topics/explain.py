"""Why a document is in its cluster and not in the runner-up, term by term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from coterie.topics._cluster_sums import check_csr_rows

if TYPE_CHECKING:
    from coterie.journey import ClusterModel


@dataclass(frozen=True)
class Explanation:
    """The terms that decided between a document's cluster and its runner-up.

    Attributes
    ----------
    cluster : int
        The cluster the document belongs to.
    runner_up : int
        The second nearest cluster.
    margin : float
        score(cluster) - score(runner_up), >= 0 up to rounding. With metric "cosine" the score is the cosine,
        so this is the margin in distances; with "euclidean" it is <x, c> - |c|^2 / 2, so this is half the
        difference of the squared distances.
    terms : list of (str, float)
        Each term of the document with what it contributes to ``margin``, by falling contribution, equal ones
        by feature index. Positive speaks for ``cluster``, negative for ``runner_up``.
    absent : float
        What all terms that the document lacks contribute together; 0 with metric "cosine".

    Notes
    -----
    The contributions and ``absent`` sum to ``margin``.
    """

    cluster: int
    runner_up: int
    margin: float
    terms: list[tuple[str, float]]
    absent: float


def explain_assignment(model: ClusterModel, document: Any) -> Explanation:
    """Explain why a document is in its cluster rather than in the runner-up.

    With unit vectors x for the document and c, r for the two centres (metric "cosine"), term t contributes
    x_t (c_t - r_t). With metric "euclidean" it contributes x_t (c_t - r_t) - (c_t^2 - r_t^2) / 2.

    Parameters
    ----------
    model : ClusterModel
        With at least two clusters.
    document : str, or array-like or sparse matrix of shape (n_features,) or (1, n_features)
        A text, or its row as ``model.encoder`` gives it.

    Returns
    -------
    Explanation
        In float64. A text without any known term has no terms and, with metric "cosine", margin 0.

    Raises
    ------
    ValueError
        If the model has one cluster only, or the row has not one element per feature.

    Examples
    --------
    >>> from coterie import cluster_texts
    >>> from coterie.topics import explain_assignment
    >>> texts = ["a red apple", "a red cherry", "the slow train", "the fast train"]
    >>> model = cluster_texts(texts, n_clusters=2, min_df=1).model
    >>> explain_assignment(model, "red train, slow train").terms[0][0]
    'train'
    """
    centers = np.atleast_2d(model.clusterer.cluster_centers_)
    if len(centers) < 2:
        raise ValueError("model must have at least 2 clusters, or there is no runner-up; got 1")
    row = _one_row(model, document, centers.shape[1])
    labels, _ = model.clusterer.predict_top_two(row)
    own, other = int(labels[0, 0]), int(labels[0, 1])
    c, r = centers[own].astype(np.float64), centers[other].astype(np.float64)
    x = row.data.astype(np.float64)
    if model.clusterer.metric == "cosine":
        c, r, x = _unit(c), _unit(r), _unit(x)
        contributions = x * (c - r)[row.indices]
        absent = 0.0
    else:
        without_document = (r**2 - c**2) / 2
        contributions = x * (c - r)[row.indices] + without_document[row.indices]
        absent = float(without_document.sum() - without_document[row.indices].sum())
    names = model.encoder.get_feature_names_out()
    order = np.lexsort((row.indices, -contributions))
    terms = [(str(names[row.indices[i]]), float(contributions[i])) for i in order]
    return Explanation(own, other, float(contributions.sum()) + absent, terms, absent)


def _one_row(model: ClusterModel, document: Any, n_features: int) -> sp.csr_array:
    if isinstance(document, str):
        return sp.csr_array(model.encoder.transform([document]))
    if not sp.issparse(document):
        document = np.atleast_2d(np.asarray(document))
    row = check_csr_rows(document)
    if row.shape != (1, n_features):
        raise ValueError(f"document must be one row of {n_features} features; got shape {row.shape}")
    return row


def _unit(v: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    norm = np.linalg.norm(v)
    return v / norm if norm > 0 else v
