"""near_duplicates against components of the definition's similarities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_inputs import scores_of, sparse_rows
from sklearn.feature_extraction.text import TfidfVectorizer

from coterie import _core
from coterie.similarity import DuplicateGroups, near_duplicates
from reference.near_duplicates import duplicate_labels


def wanted_labels(X: Any, metric: str, weighted: bool, threshold: float) -> Any:
    measure = "weighted" if weighted else metric
    nonzero = (X.toarray() if sp.issparse(X) else X).any(axis=1)
    return duplicate_labels(scores_of(X, X, measure), nonzero, threshold)


def noisy_copies(n: int, d: int, seed: int) -> Any:
    """Rows around few centres, some of them equal, some empty."""
    rng = np.random.default_rng(seed)
    X = rng.random((max(n // 5, 1), d))[rng.integers(0, max(n // 5, 1), n)]
    X *= rng.random((n, d)) < 0.8
    X[rng.random(n) < 0.3] = X[0]
    X[rng.random(n) < 0.1] = 0
    return X.astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 7, 16, 33, 130, 300])
@pytest.mark.parametrize("threshold", [0.3, 0.8, 0.9, 1.0])
def test_groups_are_the_components(n: int, threshold: float, isa: str) -> None:
    X = noisy_copies(n, 11, n)
    for A in (X, sp.csr_array(X)):
        found = near_duplicates(A, threshold)
        np.testing.assert_array_equal(found.labels, wanted_labels(A, "cosine", False, threshold))
    for weighted in (False, True):
        found = near_duplicates(X, threshold, metric="jaccard", weighted=weighted)
        np.testing.assert_array_equal(found.labels, wanted_labels(X, "jaccard", weighted, threshold))


def test_groups_of_many_tiles_are_the_same_everywhere(every_isa: list[str]) -> None:
    X = noisy_copies(5000, 24, 9)
    X[1000:] += np.random.default_rng(9).random((4000, 24)).astype(np.float32)
    scores = scores_of(X[::50], X[::50], "cosine")
    found = []
    for isa in every_isa:
        _core.set_isa(isa)
        labels = near_duplicates(X, 0.97).labels
        found.append(labels)
        some = labels[::50]
        i, j = np.nonzero((scores >= 0.97) & ~np.eye(100, dtype=bool))
        np.testing.assert_array_equal(some[i], some[j])
        assert (some[i] >= 0).all()
    assert all(np.array_equal(found[0], labels) for labels in found)


def check_consistent(found: DuplicateGroups) -> None:
    for number, (group, lowest) in enumerate(zip(found.groups, found.representatives, strict=True)):
        assert len(group) >= 2
        assert group[0] == lowest
        assert (np.diff(group) > 0).all()
        assert (found.labels[group] == number).all()
    assert len(found.groups) == len(found)
    assert (np.diff(found.representatives) > 0).all()
    assert found.keep.sum() == (found.labels < 0).sum() + len(found)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_small_sets(data: st.DataObject) -> None:
    sets = data.draw(st.lists(st.frozensets(st.integers(0, 9), max_size=7), min_size=1, max_size=15))
    threshold = data.draw(st.sampled_from([0.25, 0.5, 0.75, 1.0]))
    X = np.zeros((len(sets), 10), dtype=np.float32)
    for i, members in enumerate(sets):
        X[i, list(members)] = 1
    for metric in ("cosine", "jaccard"):
        found = near_duplicates(sp.csr_array(X), threshold, metric=metric)
        np.testing.assert_array_equal(found.labels, wanted_labels(sp.csr_array(X), metric, False, threshold))
        check_consistent(found)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_same_groups_on_any_threads_and_instruction_set(kind: str, every_isa: list[str]) -> None:
    X: Any = noisy_copies(900, 9, 2) if kind == "dense" else sparse_rows(900, 60, 0.08, 2)
    wanted = near_duplicates(X, 0.85, n_threads=1).labels
    assert (wanted >= 0).any()
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in (1, 2, 3, 7):
            np.testing.assert_array_equal(near_duplicates(X, 0.85, n_threads=n_threads).labels, wanted)


def test_one_text_a_hundred_thousand_times() -> None:
    row = np.array([[1, 2, 0, 3]], dtype=np.float32)
    X = np.repeat(row, 100_000, axis=0)
    X[1] = [0, 0, 1, 0]
    X[77_777] = [0, 0, 2, 0]
    for A in (X, sp.csr_array(X)):
        found = near_duplicates(A)
        check_consistent(found)
        assert found.labels[:3].tolist() == [0, 1, 0]
        assert np.bincount(found.labels).tolist() == [99_998, 2]


def test_many_rows_that_are_nearly_one() -> None:
    rng = np.random.default_rng(0)
    X = (1 + 1e-3 * rng.random((6_000, 6))).astype(np.float32)
    for A in (X, sp.csr_array(X)):
        found = near_duplicates(A, 0.99)
        assert found.representatives.tolist() == [0]
        assert (found.labels == 0).all()


def test_empty_rows_are_alone() -> None:
    X = np.zeros((4, 3), dtype=np.float32)
    for A in (X, sp.csr_array(X), np.zeros((4, 0), dtype=np.float32)):
        for metric in ("cosine", "jaccard"):
            assert near_duplicates(A, metric=metric).labels.tolist() == [-1] * 4
    assert near_duplicates(np.zeros((0, 3))).labels.tolist() == []


def test_says_how_it_was_computed() -> None:
    found = near_duplicates(np.eye(2), 0.75, metric="jaccard")
    assert (found.metric, found.threshold, found.method, found.recall) == ("jaccard", 0.75, "exact", 1)


def test_text_groups_are_the_components(load_rows: Callable[..., Any]) -> None:
    texts = [row["text"] for row in load_rows("ag_news", "train", limit=400)]
    X = sp.csr_array(TfidfVectorizer(dtype=np.float32).fit_transform(texts))
    scores = scores_of(X, X, "cosine")
    for threshold in (0.2, 0.5, 0.8):
        found = near_duplicates(X, threshold)
        check_consistent(found)
        wanted = duplicate_labels(scores, np.ones(len(texts), dtype=bool), threshold)
        np.testing.assert_array_equal(found.labels, wanted)
