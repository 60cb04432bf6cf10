"""The vectorizers against scikit-learn's: same vocabulary, same values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction import text as sklearn_text

from coterie import text as coterie_text

TEXTS = [
    ("ag_news", "train", 1500),
    ("20newsgroups", "train", 250),
    ("reuters21578", "train", 800),
    ("banking77", "train", 2000),
    ("clinc150", "train", 2000),
    ("goemotions", "train", 2000),
    ("fdu_mtl_reviews", "train", 800),
    ("thucnews_titles", "train", 2000),
    ("online_shopping_zh", "train", 1500),
    ("weibo_hot_titles", "train", 3000),
    ("arxiv_titles", "train", 3000),
    ("arxiv_abstracts", "train", 600),
]

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "bigrams": {"ngram_range": (1, 2), "min_df": 2},
    "trigrams only": {"ngram_range": (3, 3)},
    "case kept": {"lowercase": False},
    "accents unicode": {"strip_accents": "unicode"},
    "accents ascii": {"strip_accents": "ascii"},
    "stop words": {"stop_words": "english", "ngram_range": (1, 2)},
    "document frequencies": {"min_df": 3, "max_df": 0.3},
    "max_features": {"max_features": 300},
    "max_features of bigrams": {"max_features": 500, "ngram_range": (1, 2), "binary": True},
    "single characters": {"token_pattern": r"(?u)\b\w+\b"},
    "longer words": {"token_pattern": r"\w{4,}"},
    "custom pattern": {"token_pattern": r"[a-z]+|[^\W\d]", "ngram_range": (1, 2)},
    "char": {"analyzer": "char", "ngram_range": (1, 3)},
    "char_wb": {"analyzer": "char_wb", "ngram_range": (2, 4)},
    "binary": {"binary": True},
}
WEIGHTS: list[dict[str, Any]] = [
    {},
    {"sublinear_tf": True, "norm": "l1"},
    {"smooth_idf": False, "norm": None},
    {"use_idf": False},
]


def assert_same_matrix(actual: Any, expected: Any, tolerance: float) -> None:
    assert sp.issparse(actual)
    assert actual.shape == expected.shape
    expected = expected.sorted_indices()
    np.testing.assert_array_equal(actual.indptr, expected.indptr)
    np.testing.assert_array_equal(actual.indices, expected.indices)
    np.testing.assert_allclose(actual.data, expected.data, rtol=tolerance, atol=0)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(("folder", "part", "limit"), TEXTS, ids=[t[0] for t in TEXTS])
def test_counts_are_those_of_scikit_learn(
    load_rows: Callable[..., list[dict[str, Any]]], folder: str, part: str, limit: int, name: str
) -> None:
    texts = [row["text"] for row in load_rows(folder, part, limit=limit // 3)]
    ours = coterie_text.CountVectorizer(**OPTIONS[name], dtype=np.int64)
    theirs = sklearn_text.CountVectorizer(**OPTIONS[name])
    expected = theirs.fit_transform(texts)
    assert_same_matrix(ours.fit_transform(texts), expected, 0)
    assert ours.vocabulary_ == theirs.vocabulary_
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    assert_same_matrix(ours.transform(texts), expected, 0)


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize(("folder", "part", "limit"), TEXTS, ids=[t[0] for t in TEXTS])
def test_tfidf_is_that_of_scikit_learn(
    load_rows: Callable[..., list[dict[str, Any]]],
    folder: str,
    part: str,
    limit: int,
    dtype: Any,
    tolerance: float,
    weights: dict[str, Any],
) -> None:
    texts = [row["text"] for row in load_rows(folder, part, limit=limit)]
    ours = coterie_text.TfidfVectorizer(dtype=dtype, **weights)
    theirs = sklearn_text.TfidfVectorizer(dtype=np.float64, **weights)
    expected = theirs.fit_transform(texts)
    actual = ours.fit_transform(texts)
    assert actual.dtype == dtype
    assert ours.vocabulary_ == theirs.vocabulary_
    assert_same_matrix(actual, expected, tolerance)
    assert_same_matrix(ours.transform(texts[:100]), theirs.transform(texts[:100]), tolerance)
    if weights.get("use_idf", True):
        np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=1e-12)
