"""What vectorizers say of parameters they cannot use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from coterie import _core
from coterie.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer

TEXTS = ["the cat sat", "", "Ünï cödé", "深度学习 model", "😀 emoji text", "the \x00 nul\x00byte"]


def test_wrong_ranges() -> None:
    with pytest.raises(ValueError, match="string object received"):
        CountVectorizer().fit("a single string")
    with pytest.raises(ValueError, match="string object received"):
        HashingVectorizer().transform("a single string")
    with pytest.raises(ValueError, match="Cannot vectorize empty sequence"):
        HashingVectorizer().transform([])
    with pytest.raises(ValueError, match="lower boundary larger"):
        CountVectorizer(ngram_range=(2, 1)).fit(TEXTS)
    with pytest.raises(ValueError, match="max_df corresponds to < documents than min_df"):
        CountVectorizer(min_df=5, max_df=2).fit(TEXTS)
    with pytest.raises(ValueError, match="After pruning, no terms remain"):
        CountVectorizer(min_df=6).fit(TEXTS)


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"dtype": "x"}, TypeError, "dtype must be a NumPy dtype of numbers; got 'x'"),
        ({"dtype": []}, TypeError, r"dtype must be a NumPy dtype of numbers; got \[\]"),
        ({"token_pattern": None}, ValueError, "token_pattern must be a regular expression .*; got None"),
        ({"token_pattern": "(a"}, ValueError, r"token_pattern must be a regular expression .*; got '\(a'"),
        ({"ngram_range": (1,)}, ValueError, r"ngram_range must be two integers, .*; got \(1,\)"),
        ({"ngram_range": (1, 2.5)}, ValueError, r"ngram_range must be two integers, .*; got \(1, 2\.5\)"),
        ({"stop_words": ["a", 1]}, TypeError, "stop_words must hold str; got 1 of type int"),
        ({"n_threads": 2**70}, ValueError, "n_threads must be between 1 and .*; got 1180591620717411303424"),
    ],
)
@pytest.mark.parametrize("vectorizer", [CountVectorizer, HashingVectorizer, TfidfVectorizer])
def test_wrong_parameters_are_named(
    vectorizer: Any, parameters: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        vectorizer(**parameters).fit_transform(TEXTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("n_features", value) for value in (0, -1, 2**40, 2.5)],
        *[
            ("binary", "no"),
            ("ngram_range", 2),
            ("stop_words", 5),
            ("preprocessor", "lower"),
            ("norm", [1, 2]),
        ],
    ],
)
def test_hashing_without_a_fit_names_wrong_parameters(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of HashingVectorizer must be"):
        HashingVectorizer(**{name: value}).transform(TEXTS)


@pytest.mark.parametrize("n_features", [-1, 0, 2**31])
def test_the_op_refuses_columns_that_it_cannot_number(n_features: int) -> None:
    with pytest.raises(ValueError, match=f"n_features={n_features} must be between 1 and"):
        _core.hash_terms(["a"], np.array([0, 1]), n_features, True, False, "l2", "float32", 1)


@pytest.mark.parametrize("vectorizer", [CountVectorizer, TfidfVectorizer])
def test_a_wrong_dtype_is_named_by_transform_as_well(vectorizer: Any) -> None:
    fitted = vectorizer().fit(TEXTS).set_params(dtype="x")
    with pytest.raises(TypeError, match="dtype must be a NumPy dtype of numbers; got 'x'"):
        fitted.transform(TEXTS)


@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_a_term_of_infinite_idf_is_refused_where_it_occurs(norm: str | None) -> None:
    vectorizer = TfidfVectorizer(vocabulary=["red", "green"], smooth_idf=False, norm=norm).fit(["red"])
    assert np.isinf(vectorizer.idf_[1])
    assert np.isfinite(vectorizer.transform(["red", "blue"]).data).all()
    with pytest.raises(ValueError, match=r"the term of column 1, which none of the fitted documents has"):
        vectorizer.transform(["red", "green"])
    transformer = TfidfTransformer(smooth_idf=False, norm=norm).fit(np.array([[1, 0]]))
    with pytest.raises(ValueError, match=r"the term of column 1, which none of the fitted documents has"):
        transformer.transform(np.array([[1, 1]]))


@pytest.mark.parametrize("lowercase", [True, False])
def test_a_vocabulary_holds_str(lowercase: bool) -> None:
    with pytest.raises(TypeError, match="vocabulary must hold str; got 5 of type int"):
        CountVectorizer(vocabulary=["a", 5], lowercase=lowercase).fit(TEXTS)
    with pytest.raises(ValueError, match=r"vocabulary must be a one-dimensional array; .* shape \(\)"):
        CountVectorizer(vocabulary=np.array("a"), lowercase=lowercase).fit(TEXTS)
