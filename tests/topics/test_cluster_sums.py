"""Cluster sums and class TF-IDF against their float64 definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie import _core
from coterie.topics import class_tfidf, top_terms
from coterie.topics._cluster_sums import cluster_sums
from reference import cluster_sums as reference

SIZES = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257)


def random_csr(rng: np.random.Generator, n: int, d: int, density: float = 0.3) -> sp.csr_array:
    return sp.csr_array(sp.random(n, d, density=density, random_state=rng, dtype=np.float32, format="csr"))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("n_clusters", [1, 2, 5])
def test_sums_are_those_of_the_definition(n: int, n_clusters: int) -> None:
    rng = np.random.default_rng(n)
    X = random_csr(rng, n, d=n)
    labels = rng.integers(-1, n_clusters, n).astype(np.int32)
    weights = rng.uniform(0.5, 2, n)
    wanted = reference.cluster_sums(X.toarray(), labels, n_clusters, weights)
    np.testing.assert_allclose(cluster_sums(X, labels, n_clusters, weights).toarray(), wanted, rtol=1e-15)
    unweighted = reference.cluster_sums(X.toarray(), labels, n_clusters, np.ones(n))
    np.testing.assert_allclose(cluster_sums(X, labels, n_clusters).toarray(), unweighted, rtol=1e-15)


def test_sums_have_the_same_bits_on_any_number_of_threads(every_n_threads: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X = random_csr(rng, 5000, 700, 0.05)
    labels = rng.integers(-1, 37, 5000).astype(np.int32)
    first, *others = [cluster_sums(X, labels, 37, n_threads=n) for n in every_n_threads]
    for other in others:
        assert np.array_equal(first.data.view(np.int64), other.data.view(np.int64))
        assert np.array_equal(first.indices, other.indices)
        assert np.array_equal(first.indptr, other.indptr)


def test_sums_of_rows_that_cancel_are_kept_as_zero_entries() -> None:
    X = sp.csr_array(np.array([[1, 0], [-1, 2]], dtype=np.float32))
    sums = cluster_sums(X, np.zeros(2, np.int32), 1)
    assert sums.data.tolist() == [0.0, 2.0]


def test_the_op_refuses_what_it_cannot_read() -> None:
    X = (np.ones(1, np.float32), np.zeros(1, np.int32), np.array([0, 1, 1]), 3)
    labels = np.zeros(2, np.int32)
    with pytest.raises(ValueError, match=r"labels\[1\]=4 must be between -1 and n_clusters - 1 = 1"):
        _core.cluster_sums(X, np.array([0, 4], np.int32), 2, None, 1)
    with pytest.raises(ValueError, match="n_clusters=0"):
        _core.cluster_sums(X, labels, 0, None, 1)
    with pytest.raises(ValueError, match="expected 2 elements"):
        _core.cluster_sums(X, np.zeros(3, np.int32), 2, None, 1)
    with pytest.raises(TypeError, match="labels must be a C-contiguous array of dtype int32"):
        _core.cluster_sums(X, labels.astype(np.int64), 2, None, 1)
    with pytest.raises(TypeError, match="X must be given as CSR"):
        _core.cluster_sums(np.ones((2, 3), np.float32), labels, 2, None, 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_class_tfidf_is_that_of_the_paper(seed: int, n: int, d: int, n_clusters: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.4, (n, d)).astype(np.float32)
    counts[rng.random(n) < 0.2] = 0
    labels = rng.integers(-1, n_clusters, n).astype(np.int32)
    if not counts[labels >= 0].any():
        counts[0, 0], labels[0] = 1, 0
    per_cluster = reference.cluster_sums(counts, labels, n_clusters, np.ones(n))
    weights = class_tfidf(counts, labels, n_clusters=n_clusters)
    np.testing.assert_allclose(weights.toarray(), reference.class_tfidf(per_cluster), rtol=1e-13)
    assert (weights.data > 0).all()


def test_class_tfidf_renames_with_the_clusters() -> None:
    rng = np.random.default_rng(5)
    X, labels = random_csr(rng, 200, 50), rng.integers(0, 4, 200)
    permutation = np.array([2, 0, 3, 1])
    renamed = class_tfidf(X, permutation[labels])
    np.testing.assert_allclose(renamed.toarray()[permutation], class_tfidf(X, labels).toarray(), rtol=1e-13)


def test_a_cluster_without_documents_or_terms_has_no_terms() -> None:
    X = np.array([[1, 2], [0, 0], [3, 0]], dtype=np.float32)
    terms = top_terms(class_tfidf(X, [0, 1, 0], n_clusters=4), ["a", "b"])
    assert [len(t) for t in terms] == [2, 0, 0, 0]


def test_nothing_but_empty_documents_gives_empty_rows() -> None:
    weights = class_tfidf(np.zeros((3, 4)), [0, 1, -1])
    assert weights.shape == (2, 4)
    assert weights.nnz == 0


def test_top_terms_fall_in_weight_and_ties_go_by_feature_index() -> None:
    weights = sp.csr_array(np.array([[1.0, 3.0, 3.0, 2.0, 3.0], [0, 0, 0, 0, 5.0]]))
    names = np.array(list("abcde"), dtype=object)
    assert top_terms(weights, names, 2) == [[("b", 3.0), ("c", 3.0)], [("e", 5.0)]]
    assert [t for t, _ in top_terms(weights, names, 10)[0]] == ["b", "c", "e", "d", "a"]


def test_bad_arguments_are_named() -> None:
    X = np.ones((3, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="got 2 labels, 3 rows"):
        class_tfidf(X, [0, 1])
    with pytest.raises(ValueError, match="labels must be between -1 and n_clusters - 1 = 1; got 2"):
        class_tfidf(X, [0, 1, 2], n_clusters=2)
    with pytest.raises(ValueError, match=r"labels must be between -1 .* got -2"):
        class_tfidf(X, [0, 1, -2])
    with pytest.raises(TypeError, match="labels must be a one-dimensional array of integers"):
        class_tfidf(X, [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="X must have no negative entries; got -1"):
        class_tfidf(-X, [0, 1, 1])
    with pytest.raises(ValueError, match="NaN"):
        class_tfidf(X * np.nan, [0, 1, 1])
    with pytest.raises(ValueError, match="got 3 names, 2 columns"):
        top_terms(class_tfidf(X, [0, 1, 1]), ["a", "b", "c"])
    with pytest.raises(ValueError, match="n_terms must be >= 1; got 0"):
        top_terms(class_tfidf(X, [0, 1, 1]), ["a", "b"], 0)
