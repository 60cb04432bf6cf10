"""How well the terms of a topic belong together, and how different topics are."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie._validation import check_option
from coterie.topics._cluster_sums import check_csr_rows


def topic_coherence(X: Any, topics: Any, *, measure: str = "npmi") -> NDArray[np.float64]:
    r"""Score how often the terms of each topic occur in the same documents.

    With D(v) the documents that have term v, D(v, w) those that have both, and n documents in all, over all pairs of a
    topic's terms v before w:

    - "umass": the mean of ln((D(v, w) + 1) / D(v)) (Mimno et al. 2011), at most about 0;
    - "npmi": the mean of ln(p(v, w) / (p(v) p(w))) / -ln p(v, w) with p = D / n (Bouma 2009; Lau et al. 2014), in
      [-1, 1]; -1 for a pair that never occurs together, 1 for one that always does.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_documents, n_features)
        Counts or weights; an entry above 0 says that the document has the term.
    topics : array-like of shape (n_topics, n_terms), integer
        Columns of the first terms of each topic, most probable first; two or more for each topic.
    measure : {"npmi", "umass"}, default="npmi"

    Returns
    -------
    ndarray of shape (n_topics,), float64
        Higher is better. A term without documents makes its pairs -1 ("npmi"), or ln(1 / 1) = 0 over one assumed
        document ("umass").

    Raises
    ------
    ValueError
        For columns out of range, fewer than two terms, or no documents.
    TypeError
        For topics that are not integers.

    References
    ----------
    Mimno, Wallach, Talley, Leenders and McCallum, "Optimizing semantic coherence in topic models", EMNLP 2011. Lau,
    Newman and Baldwin, "Machine reading tea leaves", EACL 2014.

    Examples
    --------
    >>> X = [[1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]]
    >>> topic_coherence(X, [[0, 1], [2, 3], [0, 2]]).round(3)
    array([ 1. ,  0.5, -1. ])
    """
    check_option("measure", measure, ("npmi", "umass"))
    rows = check_csr_rows(X)
    terms = np.asarray(topics)
    if terms.dtype.kind not in "iu":
        raise TypeError(f"topics must be integers, columns of X; got dtype {terms.dtype}")
    if terms.ndim != 2 or terms.shape[1] < 2:
        raise ValueError(f"topics must have two or more terms in each row; got shape {terms.shape}")
    if terms.size and not 0 <= terms.min() <= terms.max() < rows.shape[1]:
        raise ValueError(
            f"topics must be columns of X, in [0, {rows.shape[1]}); got {terms.min()} to {terms.max()}"
        )
    used, place = np.unique(terms, return_inverse=True)
    has = sp.csc_array(rows > 0)[:, used].astype(np.int64)
    both = (has.T @ has).toarray()
    place = place.reshape(terms.shape)
    return np.array([_coherence(both[np.ix_(row, row)], rows.shape[0], measure) for row in place])


def _coherence(both: NDArray[np.int64], n: int, measure: str) -> float:
    first, second = np.triu_indices(len(both), 1)
    together, alone = both[first, second].astype(np.float64), both.diagonal().astype(np.float64)
    if measure == "umass":
        return float(np.log((together + 1) / np.maximum(alone[first], 1)).mean())
    scores = np.full(len(together), -1.0)
    seen = together > 0
    p = together[seen] / n
    pointwise = np.log(p * n * n / (alone[first[seen]] * alone[second[seen]]))
    scores[seen] = np.where(p < 1, pointwise / -np.log(np.where(p < 1, p, 0.5)), 1.0)
    return float(scores.mean())


def topic_diversity(topics: Any) -> float:
    """Return the share of different terms among the first terms of all topics.

    Parameters
    ----------
    topics : array-like of shape (n_topics, n_terms), integer
        Columns of the first terms of each topic.

    Returns
    -------
    float
        In (0, 1]; 1 when no two topics share a term (Dieng, Ruiz and Blei, TACL 2020).

    Examples
    --------
    >>> topic_diversity([[0, 1], [1, 2]])
    0.75
    """
    terms = np.asarray(topics)
    if terms.size == 0:
        raise ValueError("topics must have at least one term; got none")
    return len(np.unique(terms)) / terms.size
