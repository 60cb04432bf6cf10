"""LsaEncoder: deterministic to the bit, on texts and matrices, short and long."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from coterie import KMeans, TextClusterer, TfidfVectorizer
from coterie.encode import CooccurrenceEncoder, LsaEncoder, make_encoder
from reference import truncated_svd as reference

TEXTS = [f"{a} {b}" for a in ("red", "green", "sweet") for b in ("apple", "cherry")] + [
    f"{a} {b}" for a in ("slow", "late", "fast") for b in ("train", "trains")
]


def bits(rows: np.ndarray) -> list[int]:
    return rows.view(np.int32).ravel().tolist()


def test_bits_are_those_of_one_thread(n_threads: int) -> None:
    rows = LsaEncoder(8, n_threads=n_threads).fit_transform(TEXTS)
    assert bits(rows) == bits(LsaEncoder(8, n_threads=1).fit_transform(TEXTS))


def test_fit_transform_is_fit_then_transform() -> None:
    for texts in (TEXTS, iter(TEXTS)):
        encoder = LsaEncoder(6)
        rows = encoder.fit_transform(texts)
        assert bits(rows) == bits(encoder.transform(TEXTS))
    assert rows.dtype == np.float32
    assert len(encoder.get_feature_names_out()) == rows.shape[1] == encoder.n_components_
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)


def test_the_rows_are_those_of_the_normalised_graph_less_its_constant_direction() -> None:
    X = sp.csr_array(TfidfVectorizer().fit_transform(TEXTS))  # no common word: 1 occurs twice
    encoder = LsaEncoder(20, unit_rows=False, n_iter=30)
    rows = encoder.fit_transform(X)
    normalized = reference.degree_normalized(X.toarray())
    constant = X.sum(axis=0) / np.linalg.norm(X.sum(axis=0))
    deflated = normalized - np.outer(normalized @ constant, constant)
    vectors, values = reference.truncated_svd(deflated, encoder.n_components_)
    np.testing.assert_allclose(encoder.singular_values_, values, rtol=1e-4)
    wanted = deflated @ vectors
    np.testing.assert_allclose(rows @ rows.T, wanted @ wanted.T, atol=1e-4)


def test_without_degrees_it_is_plain_latent_semantic_analysis() -> None:
    X = sp.csr_array(
        sp.random(200, 60, density=0.2, random_state=np.random.default_rng(0), dtype=np.float32, format="csr")
    )
    encoder = LsaEncoder(5, degree_normalize=False, unit_rows=False, n_iter=40)
    rows = encoder.fit_transform(X)
    exact = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(X)
    np.testing.assert_allclose(encoder.singular_values_, exact.singular_values_, rtol=1e-4)
    np.testing.assert_allclose(rows @ rows.T, exact.transform(X) @ exact.transform(X).T, atol=2e-2)


def test_short_texts_bring_pieces_of_words_and_long_ones_do_not() -> None:
    assert len(LsaEncoder().fit(TEXTS).vectorizers_) == 2
    assert len(LsaEncoder(char_ngram_range=None).fit(TEXTS).vectorizers_) == 1
    words = [f"word{i:03d}" for i in range(200)]
    rng = np.random.default_rng(0)
    long_texts = [" ".join(rng.choice(words, 60, replace=False)) for _ in range(40)]
    assert len(LsaEncoder().fit(long_texts).vectorizers_) == 1


def test_a_text_without_known_terms_is_a_row_of_zeros() -> None:
    encoder = LsaEncoder(4).fit(TEXTS)
    rows = encoder.transform(["", "!!!", "red"])
    assert not rows[:2].any()
    assert np.linalg.norm(rows[2]) == pytest.approx(1)


def test_it_separates_in_a_pipeline() -> None:
    pipeline = make_pipeline(LsaEncoder(8), KMeans(2, n_init=5, random_state=0))
    labels = pipeline.fit_predict(TEXTS)
    assert set(labels[:6].tolist()).isdisjoint(labels[6:].tolist())
    restored = pickle.loads(pickle.dumps(pipeline))
    assert restored.predict(TEXTS).tolist() == labels.tolist()
    assert clone(LsaEncoder(5, n_iter=2)).get_params()["n_iter"] == 2


def test_the_factory_knows_it() -> None:
    encoder = make_encoder("lsa", random_state=7, n_threads=1)
    assert isinstance(encoder, LsaEncoder)
    assert (encoder.random_state, encoder.n_threads) == (7, 1)


def test_chinese_uses_characters() -> None:
    pytest.importorskip("rjieba")
    encoder = LsaEncoder(2, language="zh").fit(["天气很好", "天气不好", "股票上涨", "股票下跌"])
    assert encoder.vectorizers_[1].ngram_range == (1, 2)


def test_tiny_corpora_have_fewer_components() -> None:
    rows = LsaEncoder().fit_transform(["one fish", "two fish"])
    assert rows.shape[1] == 1
    assert LsaEncoder().fit_transform(["apples"]).shape == (1, 1)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="n_components must be >= 1; got 0"):
        LsaEncoder(0).fit(TEXTS)
    with pytest.raises(TypeError, match="X must be an iterable of str, not one str"):
        LsaEncoder().fit("one text")
    with pytest.raises(ValueError, match="char_ngram_range must be one of 'auto'; got 'words'"):
        LsaEncoder(char_ngram_range="words").fit(TEXTS)
    with pytest.raises(TypeError, match="char_ngram_range must be 'auto', two integers or None; got 3"):
        LsaEncoder(char_ngram_range=3).fit(TEXTS)
    with pytest.raises(TypeError, match=r"two integers or None; got array\(3\)"):
        LsaEncoder(char_ngram_range=np.array(3)).fit(TEXTS)
    with pytest.raises(ValueError, match="char_ngram_range must be >= 3; got 2"):
        LsaEncoder(char_ngram_range=(3, 2)).fit(TEXTS)
    with pytest.raises(ValueError, match=r"'max_df' parameter of TfidfVectorizer must be .* Got -1 instead"):
        LsaEncoder(max_df=-1).fit(TEXTS)
    with pytest.raises(TypeError, match="unit_rows must be True or False; got 'no'"):
        LsaEncoder(unit_rows="no").fit(TEXTS)
    with pytest.raises(ValueError, match="language must be one of 'en', 'zh'; got 'fr'"):
        LsaEncoder(language="fr").fit(TEXTS)
    with pytest.raises(ValueError, match="no negative entries; got -1"):
        LsaEncoder().fit(sp.csr_array(np.array([[1.0, -1.0]])))
    with pytest.raises(ValueError, match="at least one weight above 0"):
        LsaEncoder().fit(sp.csr_array((3, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="X must be texts, as in the fit"):
        LsaEncoder(2).fit(TEXTS).transform(sp.csr_array((1, 4)))
    with pytest.raises(ValueError, match="X must have 4 columns; got 3"):
        LsaEncoder(1).fit(sp.csr_array(np.ones((3, 4)))).transform(sp.csr_array(np.ones((1, 3))))


@pytest.mark.parametrize("make", [LsaEncoder, CooccurrenceEncoder, TextClusterer])
def test_tags_tell_what_is_taken(make) -> None:
    taken = get_tags(make()).input_tags
    if make is LsaEncoder:
        assert taken.sparse
        assert taken.positive_only
    else:
        assert taken.string
        assert not taken.two_d_array


@pytest.mark.parametrize("make", [LsaEncoder, CooccurrenceEncoder])
@pytest.mark.parametrize("nothing", [None, 5])
def test_what_is_no_iterable_is_named(make, nothing) -> None:
    with pytest.raises(TypeError, match=f"X must be an iterable of documents; got {nothing}"):
        make().fit(nothing)
