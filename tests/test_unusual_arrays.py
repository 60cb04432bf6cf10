"""Arrays and sparse matrices of unusual layout are read rightly or refused before anything reads through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, LatentDirichletAllocation, LsaEncoder, TfidfTransformer
from coterie.classify import LinearClassifier
from coterie.cluster import choose_n_clusters, data_range
from coterie.evaluate import evaluate_internal
from coterie.refine import refine_labels
from coterie.similarity import cosine_top_k, jaccard_top_k
from coterie.topics import class_tfidf, representatives

X = np.random.default_rng(0).random((30, 4), dtype=np.float32)
CLASSES = np.arange(30) % 3
FITTED = TfidfTransformer().fit(X)

CALLS: dict[str, Callable[[Any], Any]] = {
    "KMeans": lambda X: KMeans(3).fit(X),
    "LinearClassifier": lambda X: LinearClassifier().fit(X, CLASSES),
    "LsaEncoder": lambda X: LsaEncoder(2).fit(X),
    "TfidfTransformer.fit": lambda X: TfidfTransformer().fit(X),
    "TfidfTransformer.transform": FITTED.transform,
    "LatentDirichletAllocation": lambda X: LatentDirichletAllocation(3).fit(X),
    "choose_n_clusters": choose_n_clusters,
    "class_tfidf": lambda X: class_tfidf(X, CLASSES),
    "cosine_top_k": lambda X: cosine_top_k(X, k=3),
    "evaluate_internal": lambda X: evaluate_internal(X, CLASSES),
    "refine_labels": lambda X: refine_labels(X, CLASSES),
    "representatives": lambda X: representatives(X, CLASSES, np.arange(30.0)),
}


def with_element(matrix: Any, name: str, at: int, value: int) -> Any:
    getattr(matrix, name)[at] = value
    return matrix


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_wrong_index_arrays_are_named(call: Callable[[Any], Any]) -> None:
    for name, at, value in (("indices", 3, -1), ("indices", 3, 99), ("indptr", 3, 0), ("indptr", 30, 10**6)):
        with pytest.raises(ValueError, match=f"X.{name}"):
            call(with_element(sp.csr_array(X), name, at, value))
    for name, value in (("row", -1), ("row", 30), ("col", 4)):
        with pytest.raises(ValueError, match=f"X.{name} must be within"):
            call(with_element(sp.coo_array(X), name, 3, value))


def twice(dense: Any) -> sp.csr_array:
    """Store each value as two halves."""
    n, d = dense.shape
    columns = np.repeat(np.tile(np.arange(d), n), 2)
    return sp.csr_array((np.repeat(dense.ravel() / 2, 2), columns, 2 * d * np.arange(n + 1)), shape=(n, d))


def test_columns_stored_twice_count_as_their_sum() -> None:
    wide = np.random.default_rng(1).random((12, 40), dtype=np.float32)
    classes = np.arange(12) % 2
    found, wanted = (
        LinearClassifier().fit(rows, classes).coef_ for rows in (twice(wide), sp.csr_array(wide))
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    assert choose_n_clusters(twice(X)) == choose_n_clusters(sp.csr_array(X))


def test_arrays_of_other_byte_order_and_kind() -> None:
    for order in (">f4", ">f8"):
        np.testing.assert_array_equal(TfidfTransformer().fit(X.astype(order)).idf_, FITTED.idf_)
        found = jaccard_top_k(X.astype(order), k=3, weighted=True)
        np.testing.assert_array_equal(found.indices, jaccard_top_k(X, k=3, weighted=True).indices)
    with pytest.raises(TypeError, match="X must hold real numbers"):
        data_range(X.astype(np.complex64))
