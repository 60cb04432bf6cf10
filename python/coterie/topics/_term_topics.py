"""Counts of topics per term, as the compiled sampler gives and takes them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie import _core

_MAX_COUNT = 2**31 - 1


def matrix_of(counts: _core.TermTopics, n_topics: int) -> sp.csr_array:
    """Return the counts as CSR of shape (n_terms, n_topics), without a copy."""
    indptr, topic, count = counts
    return sp.csr_array((count, topic, indptr), shape=(len(indptr) - 1, n_topics))


def totals_of(counts: _core.TermTopics, n_topics: int) -> NDArray[np.int64]:
    """Return the tokens of each topic."""
    _, topic, count = counts
    return np.bincount(topic, count, minlength=n_topics).astype(np.int64)


def faded(counts: _core.TermTopics, n_topics: int, keep: float, seed: int) -> _core.TermTopics:
    """Return the counts times ``keep``, each rounded up or down at random so that its mean is kept."""
    random = np.random.Generator(np.random.Philox(key=seed)).random(len(counts[2]))
    matrix = matrix_of((counts[0], counts[1], np.floor(counts[2] * keep + random).astype(np.int32)), n_topics)
    matrix = matrix.copy()
    matrix.eliminate_zeros()
    return parts_of(matrix)


def summed(a: _core.TermTopics, b: _core.TermTopics, n_topics: int) -> _core.TermTopics:
    """Return the sum of two counts of the same terms."""
    total = matrix_of(a, n_topics).astype(np.int64) + matrix_of(b, n_topics)
    total.sort_indices()
    return parts_of(total)


def parts_of(counts: sp.csr_array) -> _core.TermTopics:
    """Return the parts of counts of shape (n_terms, n_topics); ValueError where one does not fit into int32."""
    if len(counts.data) and not 0 <= counts.data.min() <= counts.data.max() <= _MAX_COUNT:
        raise ValueError(
            f"a topic must have at most {_MAX_COUNT} tokens of one term; it has {counts.data.max():.0f}"
        )
    return counts.indptr.astype(np.int64), counts.indices.astype(np.int32), counts.data.astype(np.int32)
