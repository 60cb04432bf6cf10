"""cosine_top_k of many neighbours and of few queries, bit for bit, on every instruction set and any threads."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from similarity_inputs import Scores, assert_neighbours, scores_of

from coterie.similarity import cosine_top_k

Rows = NDArray[np.float32]
N_QUERIES, N_ROWS, N_FEATURES = 41, 1203, 200  # rows of Y in more than one group that stays in the cache
KINDS = ("spread", "ties everywhere", "copies", "one direction", "any magnitude", "opposites and zeros")


def rows_of(kind: str) -> Rows:
    rng = np.random.default_rng(17)
    rows = rng.standard_normal((N_ROWS, N_FEATURES))
    if kind == "ties everywhere":  # powers of two change no score
        rows = rows[rng.integers(0, 30, N_ROWS)] * 2.0 ** rng.integers(-20, 20, (N_ROWS, 1))
    elif kind == "copies":
        rows = rows[rng.integers(0, 200, N_ROWS)]
    elif kind == "one direction":
        rows = rows[:1] * 2.0 ** rng.integers(-20, 20, (N_ROWS, 1))
    elif kind == "any magnitude":
        rows *= 10.0 ** rng.integers(-44, 36, (N_ROWS, 1))
    elif kind == "opposites and zeros":
        rows[N_ROWS // 2 :] = -rows[: N_ROWS - N_ROWS // 2]
        rows[::7] = 0
    return np.clip(rows, -3e38, 3e38).astype(np.float32)


@cache
def sets_of(kind: str) -> tuple[Rows, Rows, Scores]:
    Y = rows_of(kind)
    X = Y[np.random.default_rng(3).permutation(N_ROWS)[:N_QUERIES]]
    X = X if kind in ("one direction", "copies") else X + np.float32(0.05)
    return X, Y, scores_of(X, Y, "cosine")


@pytest.mark.parametrize("kind", KINDS)
def test_many_neighbours_equal_the_definition(kind: str, isa: str) -> None:
    X, Y, scores = sets_of(kind)
    for k, threshold, n_threads in (
        (80, None, 1),
        (140, None, 3),
        (100, 0.01, 2),
        (400, None, 3),
        (N_ROWS, None, 1),
    ):
        found = cosine_top_k(X, Y, k=k, threshold=threshold, n_threads=n_threads)
        assert_neighbours(found, scores, k, threshold, False)


@pytest.mark.parametrize("kind", KINDS)
def test_few_queries_equal_the_definition(kind: str, isa: str) -> None:
    X, Y, scores = sets_of(kind)
    for m, k, threshold in (
        (1, 5, None),
        (3, 300, None),
        (4, 1, None),
        (9, 90, 0.0),
        (32, N_ROWS - 1, None),
        (2, None, 0.1),
    ):
        found = cosine_top_k(X[:m], Y, k=k, threshold=threshold, n_threads=1 + m % 3)
        assert_neighbours(found, scores[:m], k, threshold, False)


@pytest.mark.parametrize("kind", KINDS)
def test_self_joins_of_many_neighbours_equal_the_definition(kind: str, isa: str) -> None:
    Y = rows_of(kind)[:200]
    scores = scores_of(Y, Y, "cosine")
    for k, n_threads in ((20, 2), (100, 3), (199, 1)):
        assert_neighbours(cosine_top_k(Y, k=k, n_threads=n_threads), scores, k, None, True)


@pytest.mark.parametrize("m", [3, 40])
@pytest.mark.parametrize("k", [5, 300])
def test_values_that_are_not_finite_are_found_on_every_path(m: int, k: int) -> None:
    rows = rows_of("spread")
    bad = rows.copy()
    bad[17, 11] = np.inf
    bad[900, 2] = np.nan
    with pytest.raises(ValueError, match=r"X must be finite in float32; got X\[17, 11\]=inf"):
        cosine_top_k(bad, k=k)
    with pytest.raises(ValueError, match=r"Y must be finite in float32; got Y\[17, 11\]=inf"):
        cosine_top_k(rows[:m], bad, k=k)
    with pytest.raises(ValueError, match=r"X must be finite in float32; got X\[1, 0\]=-inf"):
        cosine_top_k([[1.0, 2.0], [-1e39, 0.0]], np.ones((0, 2)), k=k)
    with pytest.raises(ValueError, match=r"Y must be finite in float32; got Y\[0, 1\]=nan"):
        cosine_top_k(np.ones((0, 2)), [[1.0, np.nan]], k=k)
