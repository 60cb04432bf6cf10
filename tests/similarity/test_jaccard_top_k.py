"""jaccard_top_k against the float64 definition, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_inputs import assert_neighbours, scores_of, sparse_rows
from sklearn.feature_extraction.text import CountVectorizer

from coterie import _core
from coterie.similarity import jaccard_top_k

SIZES = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257)
LIMITS = ((1, None), (5, None), (80, None), (None, 0.2), (4, 0.5), (None, 0.0), (3, 1e-9))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_definition(n: int, weighted: bool, isa: str) -> None:
    X, Y = sparse_rows(n, 50, 0.15, n), sparse_rows(80, 50, 0.1, 5)
    measure = "weighted" if weighted else "jaccard"
    scores, own = scores_of(X, Y, measure), scores_of(X, X, measure)
    for k, threshold in LIMITS:
        options = {"k": k, "threshold": threshold, "weighted": weighted}
        assert_neighbours(jaccard_top_k(X, Y, **options), scores, k, threshold, False)
        assert_neighbours(jaccard_top_k(X, **options), own, k, threshold, True)
        assert_neighbours(jaccard_top_k(X.toarray(), **options), own, k, threshold, True)


@pytest.mark.parametrize("weighted", [False, True])
def test_same_bits_on_any_threads_and_instruction_set(weighted: bool, every_isa: list[str]) -> None:
    X = sparse_rows(600, 150, 0.06, 3)
    wanted = None
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in (1, 2, 3, 7):
            found = jaccard_top_k(X, k=7, threshold=0.05, weighted=weighted, n_threads=n_threads)
            bits = (found.indptr.tobytes(), found.flat_indices.tobytes(), found.flat_similarities.tobytes())
            wanted = wanted or bits
            assert bits == wanted


@pytest.mark.parametrize("low", [-44, -6])
def test_weights_of_any_magnitude(low: int) -> None:
    rng = np.random.default_rng(5)
    X = (rng.random((60, 30)) * 10.0 ** rng.integers(low, 38, (60, 30))).astype(np.float32)
    X[rng.random(X.shape) < 0.7] = 0
    A = sp.csr_array(X)
    for k, threshold in ((59, None), (5, None), (None, 0.5)):
        found = jaccard_top_k(A, k=k, threshold=threshold, weighted=True)
        assert_neighbours(found, scores_of(A, A, "weighted"), k, threshold, True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.frozensets(st.integers(0, 12), max_size=8), min_size=2, max_size=12), st.integers(1, 12))
def test_ranks_as_exact_fractions_do(sets: list[frozenset[int]], k: int) -> None:
    X = np.zeros((len(sets), 13), dtype=np.float32)
    for i, members in enumerate(sets):
        X[i, list(members)] = 1
    found = jaccard_top_k(X, k=k)
    for i, a in enumerate(sets):
        exact = [Fraction(len(a & b), len(a | b)) if a | b else Fraction(0) for b in sets]
        order = sorted((j for j in range(len(sets)) if j != i), key=lambda j: (-exact[j], j))[:k]
        assert found.row(i)[0].tolist() == order
        assert found.row(i)[1].tolist() == [np.float32(float(exact[j])) for j in order]


def test_equal_rows_are_fully_similar_and_empty_rows_are_not() -> None:
    X = np.array([[0.1, 0.7, 0.3], [0.1, 0.7, 0.3], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    for weighted in (False, True):
        found = jaccard_top_k(X, k=1, weighted=weighted)
        assert found.similarities.ravel().tolist() == [1, 1, 0, 0]
        assert found.indices.ravel().tolist() == [1, 0, 0, 0]


def test_text_equals_the_definition(load_rows: Callable[..., Any]) -> None:
    texts = [row["text"] for row in load_rows("thucnews_titles", "train", limit=500)]
    X = sp.csr_array(CountVectorizer(analyzer="char", dtype=np.float32).fit_transform(texts))
    for measure in ("jaccard", "weighted"):
        scores = scores_of(X, X, measure)
        for k, threshold in ((10, None), (None, 0.4)):
            found = jaccard_top_k(X, k=k, threshold=threshold, weighted=measure == "weighted")
            assert_neighbours(found, scores, k, threshold, True)


def nested_sets(n: int, d: int, seed: int) -> sp.csr_array:
    """Rows of one column to nearly all, so that sizes decide most pairs."""
    rng = np.random.default_rng(seed)
    mask = rng.random((n, d)) < rng.random((n, 1)) ** 3
    return sp.csr_array((mask * (0.01 + rng.random((n, d)))).astype(np.float32))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "threshold"), [(4, None), (None, 0.6), (4, 0.6), (70, 0.05), (None, 1.0)])
def test_sets_of_every_size(weighted: bool, k: int | None, threshold: float | None, isa: str) -> None:
    X, Y = nested_sets(150, 90, 0), nested_sets(333, 90, 1)
    measure = "weighted" if weighted else "jaccard"
    found = jaccard_top_k(X, Y, k=k, threshold=threshold, weighted=weighted)
    assert_neighbours(found, scores_of(X, Y, measure), k, threshold, self_join=False)
    found = jaccard_top_k(Y, k=k, threshold=threshold, weighted=weighted, n_threads=3)
    assert_neighbours(found, scores_of(Y, Y, measure), k, threshold, self_join=True)


def test_more_rows_than_one_block_of_posting_lists() -> None:
    rng = np.random.default_rng(0)
    n, d = 140_000, 400
    counts = rng.integers(1, 12, n)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    Y = sp.csr_array((np.ones(indptr[-1], np.float32), rng.integers(0, d, indptr[-1]), indptr), shape=(n, d))
    Y.sum_duplicates()
    Y.data[:] = 1
    rows = np.concatenate([np.arange(0, n, 9999), [n - 1]])
    X = Y[rows]
    shared = (X @ Y.T).toarray().astype(np.float64)
    sizes = Y.sum(axis=1).astype(np.float64)
    scores = shared / (sizes[rows][:, None] + sizes[None, :] - shared)
    for k, threshold in ((7, None), (None, 0.7), (3, 0.4)):
        found = jaccard_top_k(X, Y, k=k, threshold=threshold)
        assert_neighbours(found, scores, k, threshold, self_join=False)
