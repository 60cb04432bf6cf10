"""The weighting op against its definition, and the examples of the docstrings."""

from __future__ import annotations

import doctest
import importlib
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from tests.reference.tfidf import inverse_document_frequency, tfidf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tf", ["count", "binary", "sublinear", "relative"])
@pytest.mark.parametrize("norm", ["none", "l1", "l2"])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 0), (7, 33), (65, 257)], ids=str)
def test_weights(dtype: Any, tf: str, norm: str, shape: tuple[int, int], n_threads: int) -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 400, shape) * (rng.random(shape) < 0.3)
    X = sp.csr_array(counts.astype(dtype))
    df = np.count_nonzero(counts, axis=0).astype(np.int64)
    idf = _core.inverse_document_frequency(df, shape[0], True)
    np.testing.assert_allclose(idf, inverse_document_frequency(counts, smooth=True), rtol=1e-15)
    data = X.data.copy()
    _core.weight_rows(data, X.indices.astype(np.int32), X.indptr.astype(np.int64), tf, norm, idf, n_threads)
    expected = tfidf(counts, idf, tf, norm)[X.nonzero()]
    np.testing.assert_allclose(data, expected.astype(dtype), rtol=1e-14 if dtype == np.float64 else 1e-7)


def test_bad_matrices_are_refused() -> None:
    data, indptr = np.ones(2, dtype=np.float32), np.array([0, 2], dtype=np.int64)
    idf = np.ones(3)
    for columns in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match=r"column .* of 3"):
            _core.weight_rows(data, np.array(columns, dtype=np.int32), indptr, "count", "l2", idf, 1)
    for wrong in ([0, 3], [1, 2], [0, 3, 2]):
        with pytest.raises(ValueError, match="offsets"):
            _core.weight_rows(
                data, np.zeros(2, dtype=np.int32), np.array(wrong, dtype=np.int64), "count", "l2", idf, 1
            )


@pytest.mark.parametrize("module", ["_accumulate", "_analysis", "_count", "_hashing", "_tfidf"])
def test_docstring_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"coterie.text.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
