"""Representative documents: nearest first, each text once."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie.topics import representatives


def test_the_nearest_documents_come_first_and_ties_by_row() -> None:
    X = np.diag(np.arange(1, 7)).astype(np.float32)
    chosen = representatives(X, [0, 0, 1, 0, 1, 0], [0.5, 0.2, 0.9, 0.2, 0.1, 0.3], n_representatives=3)
    assert chosen == [[1, 3, 5], [4, 2]]


def test_repeated_documents_are_listed_once() -> None:
    rows = np.array([[1, 2, 0], [1, 2, 0], [1, 0, 2], [1, 2, 0], [0, 0, 1]], dtype=np.float32)
    assert representatives(sp.csr_array(rows), np.zeros(5, int), np.zeros(5)) == [[0, 2, 4]]


def test_empty_documents_and_noise_stand_for_nothing() -> None:
    rows = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert representatives(rows, [0, 0, -1], [0.0, 0.5, 0.0], n_clusters=3) == [[1], [], []]


def test_every_cluster_gets_its_own_documents() -> None:
    rng = np.random.default_rng(2)
    X = sp.csr_array(sp.random(500, 80, density=0.1, random_state=rng, dtype=np.float32, format="csr"))
    labels, distances = rng.integers(0, 9, 500), rng.random(500)
    for c, rows in enumerate(representatives(X, labels, distances, n_representatives=4)):
        assert (labels[rows] == c).all()
        assert (np.diff(distances[rows]) >= 0).all()
        left_out = np.setdiff1d(np.flatnonzero((labels == c) & (np.diff(X.indptr) > 0)), rows)
        assert distances[left_out].min() >= distances[rows].max()


def test_bad_arguments_are_named() -> None:
    X = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="distances must have one element per row of X"):
        representatives(X, [0, 0, 1], [0.0, 0.1])
    with pytest.raises(ValueError, match="NaN for row 1"):
        representatives(X, [0, 0, 1], [0.0, np.nan, 0.1])
    with pytest.raises(ValueError, match="n_representatives must be >= 1; got 0"):
        representatives(X, [0, 0, 1], [0.0, 0.1, 0.2], n_representatives=0)
