"""The vectorizers as scikit-learn estimators: checks, clone, pickle, pipelines, partial_fit and merge."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import text as sklearn_text
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from coterie.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from estimator_checks import parametrize_with_checks

TEXTS = [
    "the cat sat on the mat",
    "The dog sat on the log!",
    "",
    "cats & dogs: Ünïcödé, naïve CAFÉ",
    "a b c",
    "the cat, the cat; THE CAT",
]
VECTORIZERS = [CountVectorizer, TfidfVectorizer]


# scikit-learn yields no checks for estimators of strings; these need no samples.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_parameters_default_constructible,
]


@parametrize_with_checks([TfidfTransformer(), TfidfTransformer(use_idf=False, norm=None)])
def test_scikit_learns_checks(estimator: BaseEstimator, check: Callable[[BaseEstimator], None]) -> None:
    check(estimator)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_scikit_learns_checks_without_samples(make: Any, check: Any) -> None:
    check(make.__name__, make())


def bits(X: Any) -> tuple[Any, ...]:
    return X.shape, X.indptr.tobytes(), X.indices.tobytes(), X.data.tobytes()


@pytest.mark.parametrize("make", VECTORIZERS)
def test_pickle_deepcopy_and_clone(make: Any) -> None:
    fitted = make(ngram_range=(1, 2)).fit(TEXTS)
    expected = bits(fitted.transform(TEXTS))
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert bits(copied.transform(TEXTS)) == expected
        assert copied.vocabulary_ == fitted.vocabulary_
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.transform(TEXTS)


@pytest.mark.parametrize("make", VECTORIZERS)
def test_pickle_of_partial_fit_goes_on(make: Any) -> None:
    half = make(min_df=2, ngram_range=(1, 2)).partial_fit(TEXTS[:3])
    resumed = pickle.loads(pickle.dumps(half)).partial_fit(TEXTS[3:])
    whole = make(min_df=2, ngram_range=(1, 2)).fit(TEXTS)
    assert bits(resumed.transform(TEXTS)) == bits(whole.transform(TEXTS))


def test_vocabulary_behaves_like_an_attribute() -> None:
    vectorizer = CountVectorizer()
    assert not hasattr(vectorizer, "vocabulary_")
    vectorizer.fit(TEXTS)
    assert isinstance(vectorizer.vocabulary_, dict)
    assert vectorizer.vocabulary_ is vectorizer.vocabulary_
    assert vectorizer.vocabulary_["cat"] == list(vectorizer.get_feature_names_out()).index("cat")
    vectorizer.vocabulary_ = {"dog": 0, "cat": 1}
    assert vectorizer.transform(["cat dog cat bird"]).toarray().tolist() == [[1, 2]]
    assert vectorizer.get_feature_names_out().tolist() == ["dog", "cat"]


def test_vocabulary_parameter_is_that_of_scikit_learn() -> None:
    for vocabulary in (["sat", "on", "zebra"], {"on": 1, "sat": 0}, {"on", "sat"}, ["the cat", "sat"]):
        ours = CountVectorizer(vocabulary=vocabulary, ngram_range=(1, 2))
        theirs = sklearn_text.CountVectorizer(vocabulary=vocabulary, ngram_range=(1, 2))
        np.testing.assert_array_equal(ours.transform(TEXTS).toarray(), theirs.transform(TEXTS).toarray())
        np.testing.assert_array_equal(ours.fit_transform(TEXTS).toarray(), theirs.transform(TEXTS).toarray())
        assert ours.vocabulary_ == theirs.vocabulary_
    for bad in (["a", "a"], {"a": 0, "b": 0}, {"a": 0, "b": 2}, []):
        with pytest.raises(ValueError, match=r"Duplicate|repeated|doesn't contain|empty vocabulary"):
            CountVectorizer(vocabulary=bad).fit(TEXTS)


def test_fixed_vocabulary_learns_document_frequencies() -> None:
    vocabulary = ["the", "cat", "zebra"]
    ours = TfidfVectorizer(vocabulary=vocabulary, dtype=np.float64).fit(TEXTS)
    theirs = sklearn_text.TfidfVectorizer(vocabulary=vocabulary).fit(TEXTS)
    np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=1e-12)
    assert ours.document_frequency_.tolist() == [3, 2, 0]
    pieces = TfidfVectorizer(vocabulary=vocabulary, dtype=np.float64)
    pieces.partial_fit(TEXTS[:2]).partial_fit(TEXTS[2:])
    assert pieces.idf_.tobytes() == ours.idf_.tobytes()


@pytest.mark.parametrize("make", VECTORIZERS)
@pytest.mark.parametrize(
    "options",
    [{}, {"min_df": 2, "max_df": 0.5}, {"max_features": 5}, {"ngram_range": (1, 3)}, {"analyzer": "char_wb"}],
    ids=str,
)
def test_partial_fit_and_merge_equal_one_fit(make: Any, options: dict[str, Any]) -> None:
    parts = [TEXTS[:1], TEXTS[1:4], TEXTS[4:]]
    whole = make(**options).fit(TEXTS)
    expected = bits(whole.transform(TEXTS))
    for order in itertools.permutations(range(3)):
        grown = make(**options)
        for i in order:
            grown.partial_fit(parts[i])
        shards = [make(**options).partial_fit(parts[i]) for i in order]
        merged = shards[0].merge(shards[1], shards[2])
        for vectorizer in (grown, merged):
            assert vectorizer.vocabulary_ == whole.vocabulary_
            assert vectorizer.n_documents_ == len(TEXTS)
            np.testing.assert_array_equal(vectorizer.document_frequency_, whole.document_frequency_)
            assert bits(vectorizer.transform(TEXTS)) == expected


def test_merge_of_fitted_vectorizers() -> None:
    first, second = TfidfVectorizer().fit(TEXTS[:3]), TfidfVectorizer().fit(TEXTS[3:])
    assert bits(first.merge(second).transform(TEXTS)) == bits(TfidfVectorizer().fit_transform(TEXTS))
    with pytest.raises(ValueError, match="min_df=2"):
        TfidfVectorizer(min_df=2).fit(TEXTS).merge(TfidfVectorizer(min_df=2).fit(TEXTS))
    with pytest.raises(ValueError, match="lowercase=True and False"):
        first.merge(TfidfVectorizer(lowercase=False).fit(TEXTS))
    with pytest.raises(TypeError, match="TfidfVectorizer; got CountVectorizer"):
        first.merge(CountVectorizer().fit(TEXTS))
    with pytest.raises(NotFittedError):
        first.merge(TfidfVectorizer())


def test_a_failed_partial_fit_changes_nothing() -> None:
    vectorizer = CountVectorizer().partial_fit(TEXTS)
    before = vectorizer.document_frequency_.copy()
    with pytest.raises(AttributeError, match="document 1"):
        vectorizer.partial_fit(["new words", 7])
    assert "new" not in vectorizer.vocabulary_
    np.testing.assert_array_equal(vectorizer.document_frequency_, before)


def test_pipeline_and_set_output() -> None:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    labels = [0, 1, 0, 1, 0, 0]
    assert pipeline.fit(TEXTS, labels).predict(TEXTS).shape == (6,)
    counts = CountVectorizer(dtype=np.float64).fit_transform(TEXTS)
    ours = TfidfTransformer().set_output(transform="pandas").fit(counts.toarray())
    assert list(ours.get_feature_names_out())[:2] == ["x0", "x1"]
    assert not hasattr(CountVectorizer(), "set_output") or hasattr(
        sklearn_text.CountVectorizer(), "set_output"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    "options", [{}, {"sublinear_tf": True}, {"norm": "l1"}, {"smooth_idf": False}], ids=str
)
def test_transformer_is_that_of_scikit_learn(dtype: Any, options: dict[str, Any]) -> None:
    counts = sklearn_text.CountVectorizer(dtype=dtype).fit_transform(TEXTS)
    ours, theirs = TfidfTransformer(**options), sklearn_text.TfidfTransformer(**options)
    for X in (counts, counts.tocsc(), counts.toarray()):
        expected = theirs.fit_transform(X)
        actual = ours.fit_transform(X)
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(
            actual.toarray(), expected.toarray(), rtol=1e-6 if dtype == np.float32 else 1e-12
        )


def test_transformer_leaves_its_input_alone_unless_told() -> None:
    counts = CountVectorizer(dtype=np.float64).fit_transform(TEXTS)
    before = counts.copy()
    TfidfTransformer().fit(counts).transform(counts)
    assert (counts != before).nnz == 0


def test_relative_term_frequency() -> None:
    X = TfidfVectorizer(tf="relative", use_idf=False, norm=None, dtype=np.float64).fit_transform(TEXTS)
    counts = CountVectorizer(dtype=np.float64).fit_transform(TEXTS).toarray()
    lengths = counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(X.toarray(), counts / np.where(lengths == 0, 1, lengths), rtol=1e-15)
    with pytest.raises(ValueError, match="sublinear_tf=True needs tf='count'"):
        TfidfVectorizer(tf="relative", sublinear_tf=True).fit_transform(TEXTS)


def test_smooth_idf_off_is_log_of_the_share_plus_one() -> None:
    vectorizer = TfidfVectorizer(smooth_idf=False).fit(TEXTS)
    expected = np.log(len(TEXTS) / vectorizer.document_frequency_) + 1
    np.testing.assert_allclose(vectorizer.idf_, expected, rtol=1e-15)


def test_sparse_interface_of_the_configuration() -> None:
    if "sparse_interface" not in sklearn.get_config():
        pytest.skip("this scikit-learn has no sparse_interface option")
    with sklearn.config_context(sparse_interface="sparray"):
        assert type(CountVectorizer().fit_transform(TEXTS)).__name__ == "csr_array"
    assert type(CountVectorizer().fit_transform(TEXTS)).__name__ == "csr_matrix"


@pytest.mark.parametrize(
    "parameters", [{"language": "de"}, {"n_threads": 0}, {"stop_words": "french"}], ids=str
)
def test_wrong_parameters_are_named(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        TfidfVectorizer(**parameters).fit(TEXTS)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"binary": True, "norm": "l1"},
        {"norm": None, "alternate_sign": False, "n_features": 50},
        {"analyzer": "char_wb", "ngram_range": (2, 3), "n_features": 1000},
        {"ngram_range": (1, 3), "stop_words": "english"},
        {"tokenizer": str.split, "token_pattern": None},
    ],
    ids=str,
)
def test_hashing_is_that_of_scikit_learn(options: dict[str, Any]) -> None:
    expected = sklearn_text.HashingVectorizer(**options).transform(TEXTS)
    actual = HashingVectorizer(**options, dtype=np.float64).transform(TEXTS)
    assert actual.shape == expected.shape
    np.testing.assert_array_equal(actual.indptr, expected.indptr)
    np.testing.assert_array_equal(actual.indices, expected.indices)
    np.testing.assert_allclose(actual.data, expected.data, rtol=1e-12)
