"""Positive mutual information of words in a window against its definition, and its bits against themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import _core
from reference import positive_pmi as reference


def documents_of(lengths: list[int], n_terms: int, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, n_terms, n).tolist() for n in lengths]


def pmi(documents: list[list[int]], n_terms: int, window: int, smoothing: float, n_threads: int = 1):
    sequence = np.array([i for document in documents for i in document], np.int32)
    offsets = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    parts = _core.positive_pmi(sequence, offsets, n_terms, window, smoothing, n_threads)
    return sp.csr_array(parts, shape=(n_terms, n_terms))


@pytest.mark.parametrize("window", [1, 2, 7, 50])
@pytest.mark.parametrize("smoothing", [0.0, 0.75, 1.0])
def test_values_are_those_of_the_definition(window: int, smoothing: float) -> None:
    documents = documents_of([0, 1, 2, 3, 17, 40, 0, 5], 12)
    found = pmi(documents, 12, window, smoothing)
    wanted = reference.positive_pmi(documents, 12, window, smoothing)
    np.testing.assert_allclose(found.toarray(), wanted, rtol=1e-6, atol=1e-7)
    assert found.has_canonical_format
    assert (found.data > 0).all()


def test_nothing_is_near_in_documents_of_one_word() -> None:
    assert pmi([[0], [1], [1]], 3, 5, 0.75).nnz == 0
    assert pmi([], 3, 5, 0.75).nnz == 0


def test_bits_do_not_depend_on_threads(every_n_threads: tuple[int, ...]) -> None:
    documents = documents_of([30] * 2000, 500)  # 60,000 places: several tasks
    first, *others = [pmi(documents, 500, 4, 0.75, n) for n in every_n_threads]
    for other in others:
        assert np.array_equal(first.indptr, other.indptr)
        assert np.array_equal(first.indices, other.indices)
        assert np.array_equal(first.data.view(np.int32), other.data.view(np.int32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"window": 0}, "window=0 must be between 1 and 1000"),
        ({"smoothing": 1.5}, "smoothing=1.5 must be between 0 and 1"),
        ({"sequence": np.array([0, 3, 1], np.int32)}, r"sequence\[1\]=3 must be a term of 3"),
        ({"offsets": np.array([0, 2], np.int64)}, "offsets must run from 0 to 3"),
        ({"offsets": np.array([0, 3, 2, 3], np.int64)}, "offsets must not decrease"),
    ],
)
def test_bad_input_is_refused(changed: dict, message: str) -> None:
    arguments = {
        "sequence": np.array([0, 2, 1], np.int32),
        "offsets": np.array([0, 3], np.int64),
        "n_terms": 3,
        "window": 2,
        "smoothing": 0.75,
        "n_threads": 1,
    }
    with pytest.raises(ValueError, match=message):
        _core.positive_pmi(**(arguments | changed))
