"""near_duplicates by MinHash: a subset of the exact pairs, verified, the same on any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from similarity_inputs import sparse_rows
from sklearn.feature_extraction.text import CountVectorizer

from coterie.similarity import near_duplicates


@pytest.mark.parametrize("metric", ["cosine", "jaccard"])
@pytest.mark.parametrize("threshold", [0.4, 0.8, 1.0])
def test_groups_refine_the_exact_ones(metric: str, threshold: float) -> None:
    X = sparse_rows(800, 60, 0.08, 2)
    exact = near_duplicates(X, threshold, metric=metric)
    found = near_duplicates(X, threshold, metric=metric, method="minhash")
    assert (exact.method, found.method) == ("exact", "minhash")
    assert 0 < found.recall <= 1
    for group in found.groups:
        assert len(np.unique(exact.labels[group])) == 1
        assert exact.labels[group[0]] >= 0


def test_one_hash_of_one_band_joins_what_shares_the_least_column() -> None:
    X = sp.csr_array(np.array([[1, 1, 0], [1, 1, 0], [2, 2, 0], [0, 0, 1]], dtype=np.float32))
    assert near_duplicates(X, method="minhash", n_hashes=1).labels.tolist() == [0, 0, 0, -1]


def test_same_groups_on_any_threads_and_other_groups_with_another_seed() -> None:
    X = sparse_rows(3000, 80, 0.06, 4)
    options: dict[str, Any] = {"metric": "jaccard", "method": "minhash", "n_hashes": 8}
    wanted = near_duplicates(X, 0.5, **options, n_threads=1).labels
    for n_threads in (2, 3, 7):
        np.testing.assert_array_equal(near_duplicates(X, 0.5, **options, n_threads=n_threads).labels, wanted)
    assert not np.array_equal(near_duplicates(X, 0.5, **options, seed=1).labels, wanted)


def test_empty_rows_are_alone() -> None:
    X = sp.csr_array((5, 4), dtype=np.float32)
    assert near_duplicates(X, method="minhash").labels.tolist() == [-1] * 5


def test_dense_rows_have_no_column_sets() -> None:
    with pytest.raises(TypeError, match="needs a sparse X"):
        near_duplicates(np.eye(3), method="minhash")
    with pytest.raises(ValueError, match="method must be one of"):
        near_duplicates(np.eye(3), method="lsh")
    with pytest.raises(ValueError, match="n_hashes"):
        near_duplicates(np.eye(3), n_hashes=0)
    with pytest.raises(ValueError, match=r"n_hashes must be .* 65536.*; got 1000000000"):
        near_duplicates(np.eye(3), method="minhash", n_hashes=10**9)


def test_titles_that_differ_in_a_character_are_found(load_rows: Callable[..., Any]) -> None:
    texts = [row["text"] for row in load_rows("arxiv_titles", limit=4000)]
    copies = [text[:-1] for text in texts[:500]]
    X = sp.csr_array(
        CountVectorizer(analyzer="char_wb", ngram_range=(4, 4), dtype=np.float32).fit_transform(
            texts + copies
        )
    )
    exact = near_duplicates(X, 0.7, metric="jaccard")
    found = near_duplicates(X, 0.7, metric="jaccard", method="minhash")
    missed = (exact.labels >= 0).sum() - (found.labels >= 0).sum()
    assert 0 <= missed <= 0.05 * (exact.labels >= 0).sum()
