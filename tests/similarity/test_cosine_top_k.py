"""cosine_top_k against the float64 definition, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_inputs import assert_neighbours, scores_of, sparse_rows
from sklearn.feature_extraction.text import TfidfVectorizer

from coterie import _core
from coterie.similarity import Neighbours, cosine_top_k

SIZES = (1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 257)


def same(a: Neighbours, b: Neighbours) -> bool:
    return (
        np.array_equal(a.indptr, b.indptr)
        and np.array_equal(a.flat_indices, b.flat_indices)
        and a.flat_similarities.tobytes() == b.flat_similarities.tobytes()
    )


@pytest.mark.parametrize("n", SIZES)
def test_dense_self_join_equals_the_definition(n: int, isa: str) -> None:
    rng = np.random.default_rng(n)
    for d in (1, 2, 8, 9, 31, 65):
        X = rng.standard_normal((n, d)).astype(np.float32)
        scores = scores_of(X, X, "cosine")
        for k, threshold in ((1, None), (5, None), (n, None), (None, 0.2), (3, 0.1), (n + 9, -1.0)):
            found = cosine_top_k(X, k=k, threshold=threshold, n_threads=2)
            assert_neighbours(found, scores, k, threshold, True)


@pytest.mark.parametrize("n", SIZES)
def test_dense_two_sets_equal_the_definition(n: int, isa: str) -> None:
    rng = np.random.default_rng(n)
    for m, d in ((1, 3), (17, 16), (130, 33)):
        X, Y = (rng.standard_normal((rows, d)).astype(np.float32) for rows in (n, m))
        scores = scores_of(X, Y, "cosine")
        for k, threshold in ((1, None), (4, None), (m, None), (None, 0.0)):
            assert_neighbours(cosine_top_k(X, Y, k=k, threshold=threshold), scores, k, threshold, False)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("signed", [False, True])
def test_sparse_equals_the_definition(n: int, signed: bool, isa: str) -> None:
    X, Y = sparse_rows(n, 60, 0.15, n, signed=signed), sparse_rows(90, 60, 0.1, 5, signed=signed)
    scores, own = scores_of(X, Y, "cosine"), scores_of(X, X, "cosine")
    for k, threshold in ((1, None), (5, None), (90, None), (None, 0.3), (4, 0.5), (None, -0.5), (3, 1e-9)):
        assert_neighbours(cosine_top_k(X, Y, k=k, threshold=threshold), scores, k, threshold, False)
        assert_neighbours(cosine_top_k(X, k=k, threshold=threshold), own, k, threshold, True)


@pytest.mark.parametrize("n", [3, 70])
def test_many_tiles_equal_the_definition(n: int, isa: str) -> None:
    rng = np.random.default_rng(0)
    X, Y = (
        rng.standard_normal((n, 12)).astype(np.float32),
        rng.standard_normal((17_001, 12)).astype(np.float32),
    )
    scores = scores_of(X, Y, "cosine")
    for k, threshold in ((10, None), (None, 0.8), (200, 0.5)):
        assert_neighbours(cosine_top_k(X, Y, k=k, threshold=threshold), scores, k, threshold, False)


def test_many_blocks_of_posting_lists() -> None:
    rng = np.random.default_rng(1)
    n, per_row = 140_000, 3
    columns = np.sort(rng.integers(0, 100, (n, per_row)) + np.arange(per_row) * 100, axis=1)
    data = rng.random(n * per_row).astype(np.float32) + np.float32(0.1)
    Y = sp.csr_array((data, columns.ravel(), np.arange(n + 1) * per_row), shape=(n, 300))
    X = Y[rng.integers(0, n, 6)]
    scores = scores_of(X, Y, "cosine")
    for k, threshold in ((10, None), (None, 0.9), (50, 0.2)):
        assert_neighbours(cosine_top_k(X, Y, k=k, threshold=threshold), scores, k, threshold, False)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_same_bits_on_any_threads_and_instruction_set(kind: str, every_isa: list[str]) -> None:
    rng = np.random.default_rng(3)
    X: Any = rng.standard_normal((700, 40)).astype(np.float32)
    if kind == "sparse":
        X = sparse_rows(700, 200, 0.05, 3)
    for k, threshold in ((10, None), (None, 0.4)):
        _core.set_isa(every_isa[0])
        wanted = cosine_top_k(X, k=k, threshold=threshold, n_threads=1)
        for isa in every_isa:
            _core.set_isa(isa)
            for n_threads in (1, 2, 3, 7):
                assert same(wanted, cosine_top_k(X, k=k, threshold=threshold, n_threads=n_threads))


def test_self_join_of_many_tiles_has_the_same_bits(every_isa: list[str]) -> None:
    rng = np.random.default_rng(12)
    X = (rng.standard_normal((4300, 180)) + rng.standard_normal(180)).astype(np.float32)
    X[rng.integers(0, 4300, 200)] = X[7]
    asked = np.arange(0, 4300, 331)
    scores = scores_of(X[asked], X, "cosine")
    scores[np.arange(len(asked)), asked] = -2  # not its own neighbour
    for isa in every_isa[1:]:
        _core.set_isa(isa)
        for n_threads in (1, 7):
            found = cosine_top_k(X, k=8, n_threads=n_threads)
            for row, i in zip(scores, asked, strict=True):
                order = np.lexsort((np.arange(len(row)), -row))[:8]
                np.testing.assert_array_equal(found.row(i)[0], order)
                np.testing.assert_array_equal(found.row(i)[1], row[order].astype(np.float32))


def test_many_queries_have_the_same_bits(every_isa: list[str]) -> None:
    """So many that the filter on bytes is tried, some rows of which one value rules."""
    rng = np.random.default_rng(21)
    Y = rng.standard_normal((16_640, 384), dtype=np.float32)
    Y += 3 * rng.standard_normal((400, 384), dtype=np.float32)[rng.integers(0, 400, len(Y))]
    Y[rng.integers(0, len(Y), 40), 5] = 900
    X = Y[rng.permutation(len(Y))[:4200]] + np.float32(0.3)
    asked = np.append(np.flatnonzero(X[:, 5] > 800)[:3], np.arange(0, 4200, 277))
    scores = scores_of(X[asked], Y, "cosine")
    for isa in every_isa[-3:]:
        _core.set_isa(isa)
        for k, threshold in ((8, None), (None, 0.8)):
            found = cosine_top_k(X, Y, k=k, threshold=threshold)
            parts = [found.row(i) for i in asked]
            for row, (indices, similarities) in zip(scores, parts, strict=True):
                order = np.lexsort((np.arange(len(row)), -row))
                order = (
                    order[:k]
                    if threshold is None
                    else order[row[order].astype(np.float32) >= np.float32(0.8)]
                )
                np.testing.assert_array_equal(indices, order)
                np.testing.assert_array_equal(similarities, row[order].astype(np.float32))


@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-30, 1e30, 3e38])
def test_any_magnitude(scale: float, isa: str) -> None:
    rng = np.random.default_rng(4)
    X = (rng.random((40, 21)) * scale).astype(np.float32)
    Y = rng.standard_normal((50, 21)).astype(np.float32)
    for A, B in ((X, Y), (X, X), (Y, X)):
        assert_neighbours(cosine_top_k(A, B, k=5), scores_of(A, B, "cosine"), 5, None, False)
        A, B = sp.csr_array(A), sp.csr_array(B)
        assert_neighbours(cosine_top_k(A, B, k=5), scores_of(A, B, "cosine"), 5, None, False)


def adversarial_rows(kind: str, n: int, d: int, rng: np.random.Generator) -> Any:
    """Rows that rounding to bfloat16, the subtraction of a mean or float32 sums treat badly."""
    rows = rng.standard_normal((n, d))
    if kind == "near ties":
        rows = np.ones(d) + 1e-4 * rows
    elif kind == "tight groups":
        rows = 3 * rng.standard_normal((5, d))[rng.integers(0, 5, n)] + 1e-6 * rows
    elif kind == "far from the origin":
        rows = 1e7 * np.sign(rows[:1]) + 1e3 * rows
    elif kind == "halfway between bfloat16":
        rows = np.sign(rows) * (1 + 2.0**-8 * (1 + 2 * rng.integers(0, 9, (n, d))))
    elif kind == "one column rules":
        rows[:, 0] = 1e6
    elif kind == "any magnitude a row":
        rows *= 10.0 ** rng.integers(-44, 38, (n, 1))
    elif kind == "any magnitude an element":
        rows *= 10.0 ** rng.integers(-44, 38, (n, d))
    elif kind == "opposites and zero rows":
        rows[n // 2 :] = -rows[: n - n // 2]
        rows[::7] = 0
    return np.clip(rows, -3e38, 3e38).astype(np.float32)


@pytest.mark.parametrize(
    "kind",
    [
        "near ties",
        "tight groups",
        "far from the origin",
        "halfway between bfloat16",
        "one column rules",
        "any magnitude a row",
        "any magnitude an element",
        "opposites and zero rows",
    ],
)
def test_adversarial_rows_equal_the_definition(kind: str, isa: str) -> None:
    rng = np.random.default_rng(11)
    for d in (1, 32, 180):
        X, Y = adversarial_rows(kind, 90, d, rng), adversarial_rows(kind, 210, d, rng)
        for A, B in ((X, Y), (X, X)):
            scores = scores_of(A, B, "cosine")
            for k, threshold in ((1, None), (8, None), (None, 0.5), (5, -0.2)):
                found = cosine_top_k(A, None if A is B else B, k=k, threshold=threshold)
                assert_neighbours(found, scores, k, threshold, A is B)


def test_mixed_magnitudes_within_a_row() -> None:
    rng = np.random.default_rng(5)
    X = (rng.random((60, 30)) * 10.0 ** rng.integers(-40, 38, (60, 30))).astype(np.float32)
    X[rng.random(X.shape) < 0.7] = 0
    for A in (X, sp.csr_array(X)):
        scores = scores_of(A, A, "cosine")
        assert_neighbours(cosine_top_k(A, k=59), scores, 59, None, True)
        assert_neighbours(cosine_top_k(A, k=3, threshold=1e-30), scores, 3, 1e-30, True)


def test_data_far_from_the_origin_is_all_near_ties() -> None:
    X = (1e8 + 100 * np.random.default_rng(6).standard_normal((300, 5))).astype(np.float32)
    assert_neighbours(cosine_top_k(X, k=4), scores_of(X, X, "cosine"), 4, None, True)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_copies_tie_to_the_lowest_row(kind: str) -> None:
    rng = np.random.default_rng(7)
    X: Any = rng.random((6, 12)).astype(np.float32)[rng.integers(0, 6, 200)]
    X = sp.csr_array(X) if kind == "sparse" else X
    scores = scores_of(X, X, "cosine")
    for k, threshold in ((1, None), (7, None), (150, None), (None, 0.9999)):
        assert_neighbours(cosine_top_k(X, k=k, threshold=threshold), scores, k, threshold, True)


def test_a_hundred_thousand_copies() -> None:
    X = sp.csr_array(np.ones((100_000, 3), dtype=np.float32))
    found = cosine_top_k(X, k=3)
    np.testing.assert_array_equal(
        found.indices[[0, 1, 2, 3, 99_999]], [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    )
    np.testing.assert_array_equal(cosine_top_k(X.toarray(), k=3).indices, found.indices)


def test_zero_rows_have_similarity_zero() -> None:
    for X in (np.zeros((3, 2), dtype=np.float32), sp.csr_array((3, 2), dtype=np.float32)):
        found = cosine_top_k(X, k=5)
        np.testing.assert_array_equal(found.indices, [[1, 2], [0, 2], [0, 1]])
        assert not found.similarities.any()
        assert cosine_top_k(X, threshold=0.1).counts.sum() == 0


def test_zeros_stand_before_negative_similarities() -> None:
    X = sp.csr_array(np.array([[1, 0], [-1, 0], [0, 1], [0, 0]], dtype=np.float32))
    np.testing.assert_array_equal(cosine_top_k(X, k=3).row(0)[0], [2, 3, 1])


@pytest.mark.parametrize("sparse", [False, True])
def test_empty_shapes(sparse: bool) -> None:
    def make(n: int, d: int) -> Any:
        return sp.csr_array((n, d), dtype=np.float32) if sparse else np.zeros((n, d), dtype=np.float32)

    assert cosine_top_k(make(0, 4), k=2).indices.shape == (0, 0)
    assert cosine_top_k(make(3, 4), make(0, 4), k=2).indices.shape == (3, 0)
    assert cosine_top_k(make(0, 4), make(3, 4), k=2).indices.shape == (0, 0)
    assert cosine_top_k(make(1, 4), k=2).counts.tolist() == [0]
    np.testing.assert_array_equal(cosine_top_k(make(3, 0), k=1).indices, [[1], [0], [0]])
    np.testing.assert_array_equal(cosine_top_k(make(40, 0), k=1).indices, [[1]] + [[0]] * 39)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_few_distinct_values_equal_the_definition(data: st.DataObject) -> None:
    n, m, d = (data.draw(st.integers(1, 12)) for _ in range(3))
    values = st.sampled_from([0.0, 0.0, 0.0, 1.0, -1.0, 2.0, 1e-30, 1e30, 3e-39])
    X, Y = (
        np.array(data.draw(st.lists(values, min_size=r * d, max_size=r * d)), np.float32).reshape(r, d)
        for r in (n, m)
    )
    k = data.draw(st.one_of(st.none(), st.integers(1, 14)))
    threshold = data.draw(st.sampled_from([None, 0.0, 0.5, 1.0]) if k else st.sampled_from([0.0, 0.5, 1.0]))
    for A, B in ((X, Y), (sp.csr_array(X), sp.csr_array(Y))):
        found = cosine_top_k(A, B, k=k, threshold=threshold)
        scores = scores_of(A, B, "cosine")
        for i in range(n):
            order = np.lexsort((np.arange(m), -scores[i]))
            if threshold is not None:
                order = order[scores[i, order].astype(np.float32) >= np.float32(threshold)]
            np.testing.assert_array_equal(found.row(i)[0], order[:k])


def test_frequent_columns_equal_the_definition(isa: str) -> None:
    X = sparse_rows(9000, 40, 0.3, 8)
    for k, threshold in ((10, None), (10, 0.95)):
        found = cosine_top_k(X, k=k, threshold=threshold)
        asked = np.arange(0, 9000, 450)
        scores = scores_of(X[asked], X, "cosine")
        scores[np.arange(len(asked)), asked] = -2  # not its own neighbour
        for row, i in zip(scores, asked, strict=True):
            order = np.lexsort((np.arange(len(row)), -row))[:k]
            if threshold is not None:
                order = order[row[order].astype(np.float32) >= np.float32(threshold)]
            np.testing.assert_array_equal(found.row(i)[0], order)
            np.testing.assert_array_equal(found.row(i)[1], row[order].astype(np.float32))


def test_text_equals_the_definition(load_rows: Callable[..., Any]) -> None:
    texts = [row["text"] for row in load_rows("ag_news", "train", limit=400)]
    X = sp.csr_array(TfidfVectorizer(dtype=np.float32).fit_transform(texts))
    scores = scores_of(X, X, "cosine")
    for k, threshold in ((1, None), (10, None), (None, 0.3), (10, 0.7)):
        assert_neighbours(cosine_top_k(X, k=k, threshold=threshold), scores, k, threshold, True)


def test_large_text_equals_the_matrix_product(load_rows: Callable[..., Any]) -> None:
    texts = [row["text"] for row in load_rows("arxiv_titles", limit=8000)]
    X = sp.csr_array(TfidfVectorizer(dtype=np.float32).fit_transform(texts))
    wide = X.astype(np.float64)
    found = cosine_top_k(X, k=10)
    for i in range(0, 8000, 40):
        scores = (wide[[i]] @ wide.T).toarray().ravel()
        scores[i] = -1
        np.testing.assert_allclose(found.row(i)[1], np.sort(scores)[::-1][:10], atol=1e-6)
        np.testing.assert_allclose(scores[found.row(i)[0]], found.row(i)[1], atol=1e-6)


def test_rows_whose_products_cancel_tie_with_rows_in_common_with_nothing() -> None:
    """A similarity of 0 is a similarity of 0, however it comes about: ties go to the lowest row."""
    X = sp.csr_array(np.array([[1, 1, 0, 0]], np.float32))
    Y = sp.csr_array(np.array([[0, 0, 1, 0], [0, 0, 0, 1], [1, -1, 0, 0], [-1, 1, 0, 1]], np.float32))
    assert cosine_top_k(X, Y, k=1).row(0)[0].tolist() == [0]
    assert cosine_top_k(X, Y, k=3).row(0)[0].tolist() == [0, 1, 2]
