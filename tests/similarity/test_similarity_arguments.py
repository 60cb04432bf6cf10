"""What the similarity functions refuse, and the array layouts they accept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from similarity_inputs import sparse_rows

from coterie.similarity import cosine_top_k, jaccard_top_k, near_duplicates

SEARCHES: list[Callable[..., Any]] = [
    lambda X, **o: cosine_top_k(X, k=2, **o),
    lambda X, **o: jaccard_top_k(X, k=2, **o),
    lambda X, **o: near_duplicates(X, **o),
]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_values_that_are_not_finite_are_named(search: Callable[..., Any], bad: float) -> None:
    X = np.ones((6, 4))
    X[4, 2] = bad
    for matrix in (X, sp.csr_array(X)):
        with pytest.raises(ValueError, match=re.escape("X[4, 2]=")):
            search(matrix)


def test_the_second_set_is_named() -> None:
    Y = np.ones((2, 3))
    Y[1, 0] = np.nan
    with pytest.raises(ValueError, match=re.escape("Y[1, 0]=nan")):
        cosine_top_k(np.ones((2, 3)), Y, k=1)
    with pytest.raises(ValueError, match="number of features; got 3 and 4"):
        cosine_top_k(np.ones((2, 3)), np.ones((2, 4)), k=1)
    with pytest.raises(TypeError, match="dense X and sparse Y"):
        cosine_top_k(np.ones((2, 3)), sp.csr_array(np.ones((2, 3))), k=1)


@pytest.mark.parametrize("search", SEARCHES)
def test_wrong_kinds_and_shapes(search: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="real numbers"):
        search(np.array([["a", "b"]]))
    with pytest.raises(TypeError, match="real numbers"):
        search(np.ones((2, 2), dtype=complex))
    with pytest.raises(ValueError, match="two dimensions"):
        search(np.ones(3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "k or threshold"),
        ({"k": 0}, ValueError, "k must be >= 1; got 0"),
        ({"k": 1.5}, TypeError, "k must be an integer"),
        ({"k": True}, TypeError, "k must be an integer"),
        ({"threshold": 1.5}, ValueError, "threshold"),
        ({"threshold": np.nan}, ValueError, "threshold"),
        ({"threshold": "high"}, TypeError, "threshold"),
        ({"k": 1, "n_threads": 0}, ValueError, "n_threads"),
    ],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception], message: str) -> None:
    for search in (cosine_top_k, jaccard_top_k):
        with pytest.raises(error, match=message):
            search(np.ones((3, 2)), **options)


def test_options_of_near_duplicates_are_checked() -> None:
    X = np.ones((3, 2))
    for threshold in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match="threshold must be"):
            near_duplicates(X, threshold)
    with pytest.raises(ValueError, match="metric must be one of"):
        near_duplicates(X, metric="hamming")
    with pytest.raises(ValueError, match="weighted"):
        near_duplicates(X, weighted=True)


def test_negative_weights_are_named() -> None:
    X = np.eye(3)
    X[2, 1] = -0.5
    with pytest.raises(ValueError, match=re.escape("X[2, 1]=-0.5")):
        jaccard_top_k(X, k=1, weighted=True)
    with pytest.raises(ValueError, match=re.escape("X[2, 1]=-0.5")):
        near_duplicates(X, metric="jaccard", weighted=True)
    assert jaccard_top_k(X, k=1).row(1)[0].tolist() == [2]


def malformed() -> list[sp.csr_array]:
    def broken(indices: list[int], indptr: list[int], dtype: type = np.int32) -> sp.csr_array:
        X = sp.csr_array(np.eye(3, dtype=np.float32))
        X.indices, X.indptr = np.array(indices, dtype=dtype), np.array(indptr, dtype=dtype)
        return X

    return [
        broken([0, 1, 3], [0, 1, 2, 3]),
        broken([0, -1, 2], [0, 1, 2, 3]),
        broken([0, 1, 2], [0, 2, 1, 3]),
        broken([0, 1, 2], [0, 1, 2, 9]),
        broken([0, 1, 2], [1, 1, 2, 3]),
        broken([0, 2**32 + 1, 2], [0, 1, 2, 3], np.int64),
    ]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("X", malformed())
def test_malformed_csr_is_refused(search: Callable[..., Any], X: sp.csr_array) -> None:
    with pytest.raises(ValueError, match=r"indices|indptr"):
        search(X)


def test_layouts_give_the_same_answer() -> None:
    X = np.random.default_rng(0).random((20, 7)).astype(np.float32)
    wanted = cosine_top_k(X, k=3)
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.zeros((40, 14), dtype=np.float32)
    wide[::2, ::2] = X
    backwards = np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    for same in (
        X.astype(">f4"),
        X.astype(np.float64),
        np.asfortranarray(X),
        read_only,
        wide[::2, ::2],
        backwards,
        X.tolist(),
    ):
        np.testing.assert_array_equal(cosine_top_k(same, k=3).indices, wanted.indices)


def test_sparse_layouts_give_the_same_answer() -> None:
    X = sparse_rows(40, 30, 0.2, 0)
    wanted = cosine_top_k(X, k=3)
    wide = X.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    entries = X.tocoo()
    order = np.random.default_rng(1).permutation(X.nnz)
    halves = sp.coo_array(
        (
            np.tile(entries.data[order] / 2, 2),
            (np.tile(entries.row[order], 2), np.tile(entries.col[order], 2)),
        ),
        X.shape,
    )
    unsorted = X.copy()
    for i in range(40):
        row = slice(X.indptr[i], X.indptr[i + 1])
        unsorted.indices[row], unsorted.data[row] = X.indices[row][::-1].copy(), X.data[row][::-1].copy()
    unsorted = sp.csr_array((unsorted.data, unsorted.indices, X.indptr), X.shape)
    for same in (wide, halves, halves.tocsr(), unsorted, X.tocsc(), sp.csr_matrix(X)):
        found = cosine_top_k(same, k=3)
        np.testing.assert_array_equal(found.indices, wanted.indices)
        np.testing.assert_array_equal(found.similarities, wanted.similarities)


def test_stored_zeros_are_no_elements() -> None:
    X = sp.csr_array(np.array([[1, 1, 0], [1, 1, 1]], dtype=np.float32))
    X.data[4] = 0
    assert jaccard_top_k(X, k=1).similarities.tolist() == [[1], [1]]
    assert near_duplicates(X, 1.0, metric="jaccard").labels.tolist() == [0, 0]


def test_very_wide_matrices() -> None:
    columns = np.array([5, 2**31 - 2, 5, 2**31 - 2, 70_000])
    X = sp.csr_array((np.ones(5, np.float32), columns, np.array([0, 2, 5])), shape=(2, 2**31 - 1))
    assert cosine_top_k(X, k=1).similarities[0, 0] == np.float32(2 / np.sqrt(6))


def test_the_answer_as_csr() -> None:
    X = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    csr = cosine_top_k(X, k=2).to_csr()
    assert csr.has_canonical_format
    assert csr.dtype == np.float32
    np.testing.assert_allclose(csr.toarray(), [[0, 0, 0.5**0.5], [0, 0, 0.5**0.5], [0.5**0.5, 0.5**0.5, 0]])
    assert csr.nnz == 6


def test_a_number_is_not_taken_for_rows() -> None:
    for search in (cosine_top_k, jaccard_top_k):
        with pytest.raises(TypeError, match="Y must be rows; got 3: the number of neighbours is k=3"):
            search(np.eye(4), 3)
