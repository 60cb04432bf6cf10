"""Similarities of given pairs: those of the neighbour searches, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from similarity_inputs import scores_of, sparse_rows

from coterie import _core
from coterie.similarity import near_duplicates
from coterie.similarity._arguments import prepare_rows
from coterie.similarity._top_k import token_sets
from reference.pair_similarities import pair_similarities


def pairs(n: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, n, 400).astype(np.int32), rng.integers(0, n, 400).astype(np.int32)


@pytest.mark.parametrize("measure", ["cosine", "dense cosine", "jaccard", "weighted jaccard"])
def test_pairs_have_the_scores_of_all_pairs(measure: str, isa: str, n_threads: int) -> None:
    X: Any = sparse_rows(90, 70, 0.2, 5, signed=measure == "cosine")
    X = sp.csr_array(sp.vstack([X, sp.csr_array((2, 70), dtype=np.float32)]))
    if measure == "dense cosine":
        X = X.toarray()
    kind = {"dense cosine": "cosine", "weighted jaccard": "weighted"}.get(measure, measure)
    rows = prepare_rows("X", X) if kind == "cosine" else token_sets("X", X, weighted=kind == "weighted")
    first, second = pairs(92, 1)
    found = _core.pair_similarities(rows, kind == "cosine", first, second, n_threads)
    wanted = pair_similarities(scores_of(X, X, kind), first, second)
    np.testing.assert_array_equal(found.view(np.int32), (wanted + 0).view(np.int32))


def test_a_pair_of_a_row_that_is_not_there_is_refused() -> None:
    rows = prepare_rows("X", np.eye(3))
    one, far = np.zeros(1, np.int32), np.array([3], np.int32)
    with pytest.raises(ValueError, match="pair 0 must be two rows of 3; got 0 and 3"):
        _core.pair_similarities(rows, True, one, far, 1)


@pytest.mark.parametrize("method", ["exact", "minhash"])
def test_groups_say_how_similar_their_rows_are_to_the_first(method: str) -> None:
    X = np.zeros((5, 12), dtype=np.float32)
    X[0, :8] = X[1, :8] = X[3, :8] = 1
    X[1, 8] = 1
    X[3, 8:11] = 1  # joined to row 0 through row 1 alone
    X[4, 11] = 1
    found = near_duplicates(sp.csr_array(X), 0.8, metric="jaccard", method=method, n_hashes=256)
    assert found.labels.tolist() == [0, 0, -1, 0, -1]
    np.testing.assert_array_equal(found.similarities, np.float32([1, 8 / 9, 1, 8 / 11, 1]))
