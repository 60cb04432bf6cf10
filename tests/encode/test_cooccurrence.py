"""CooccurrenceEncoder: word vectors and their means, deterministic to the bit."""

from __future__ import annotations

import importlib.util
import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone

from coterie import KMeans
from coterie.encode import CooccurrenceEncoder, make_encoder
from coterie.evaluate import evaluate
from coterie.persistence import load, save
from coterie.text._sequences import term_sequences

WORDS = (
    "apple banana cherry grape melon peach plum pear fig lime",
    "train engine rail station wagon signal track bridge tunnel brake",
    "violin cello opera concert aria chorus tenor score flute harp",
)


def texts_of(n: int, n_words: int = 12, seed: int = 0) -> tuple[list[str], list[int]]:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, n).tolist()
    return [" ".join(rng.choice(WORDS[c].split(), n_words)) for c in classes], classes


def bits(rows: np.ndarray) -> list[int]:
    return rows.view(np.int32).ravel().tolist()


def test_bits_are_those_of_one_thread(n_threads: int) -> None:
    texts, _ = texts_of(300)
    rows = CooccurrenceEncoder(8, n_threads=n_threads).fit_transform(texts)
    assert bits(rows) == bits(CooccurrenceEncoder(8, n_threads=1).fit_transform(texts))


def test_fit_transform_is_fit_then_transform() -> None:
    texts, _ = texts_of(60)
    for given in (texts, iter(texts)):
        encoder = CooccurrenceEncoder(6)
        rows = encoder.fit_transform(given)
        assert bits(rows) == bits(encoder.transform(texts))
    assert rows.dtype == np.float32
    assert len(encoder.get_feature_names_out()) == rows.shape[1] == encoder.n_components_
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    assert bits(pickle.loads(pickle.dumps(encoder)).transform(texts)) == bits(rows)
    assert bits(clone(encoder).fit(texts).transform(texts)) == bits(rows)


def test_rows_are_weighted_means_without_the_common_direction() -> None:
    texts, _ = texts_of(80)
    encoder = CooccurrenceEncoder(5, unit_rows=False)
    rows = encoder.fit_transform(texts)
    sequence, offsets = term_sequences(encoder.vectorizers_[0], texts)
    share = np.bincount(sequence) / len(sequence)
    np.testing.assert_allclose(encoder.word_weights_, 0.001 / (0.001 + share))
    weighted = encoder.word_vectors_.astype(float) * encoder.word_weights_[:, None]
    wanted = [weighted[sequence[a:b]].sum(axis=0) for a, b in pairwise(offsets)]
    np.testing.assert_allclose(rows, wanted, atol=1e-5)
    assert (
        np.linalg.matrix_rank(encoder.word_vectors_.astype(float), tol=1e-4) == 4
    )  # of 5: one was taken out


def test_a_text_without_known_words_is_a_row_of_zeros() -> None:
    rows = CooccurrenceEncoder(4).fit(texts_of(50)[0]).transform(["", "unseen words", "apple"])
    assert not rows[:2].any()
    assert np.linalg.norm(rows[2]) == pytest.approx(1)


def test_it_separates_what_shares_no_word() -> None:
    texts, classes = texts_of(300, n_words=3)
    rows = CooccurrenceEncoder(8).fit_transform(texts)
    labels = KMeans(3, metric="cosine", n_init=5, random_state=0).fit_predict(rows)
    assert evaluate(classes, labels)["nmi"] > 0.9


def test_a_folder_keeps_it(tmp_path) -> None:
    texts, _ = texts_of(60)
    encoder = make_encoder("cooccurrence").fit(texts)
    save(encoder, tmp_path / "encoder")
    restored = load(tmp_path / "encoder")
    assert isinstance(restored, CooccurrenceEncoder)
    assert bits(restored.transform(texts)) == bits(encoder.transform(texts))


@pytest.mark.skipif(importlib.util.find_spec("rjieba") is None, reason="needs the extra zh")
def test_chinese_is_segmented() -> None:
    texts = ["\u7ea2\u8272 \u82f9\u679c \u597d\u5403", "\u706b\u8f66 \u665a\u70b9 \u4e86"] * 5
    rows = CooccurrenceEncoder(2, language="zh", max_df=1.0).fit_transform(texts)
    assert rows[0] @ rows[2] > rows[0] @ rows[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components must be >= 1; got 0"),
        ({"window": 0}, "window must be >= 1; got 0"),
        ({"window": 2000}, "window must be <= 1000; got 2000"),
        ({"sif": 0}, "sif must be > 0; got 0"),
        ({"smoothing": 2}, "smoothing must be"),
        ({"min_df": "x"}, "'min_df' parameter of TfidfVectorizer must be .* Got 'x' instead"),
        ({"random_state": "x"}, "random_state must be .*; got 'x'"),
        ({"language": "fr"}, "language must be one of 'en', 'zh'; got 'fr'"),
    ],
)
def test_bad_parameters_are_named(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CooccurrenceEncoder(**parameters).fit(["red apple", "red apple"])


def test_bad_input_is_named() -> None:
    with pytest.raises(TypeError, match="X must be an iterable of str, not one str"):
        CooccurrenceEncoder().fit("red apple")
    with pytest.raises(ValueError, match="two known words that occur near each other"):
        CooccurrenceEncoder().fit(["apple", "train"] * 3)
    with pytest.raises(TypeError, match="X must be an iterable of str, not one str"):
        CooccurrenceEncoder(2).fit(texts_of(9)[0]).transform("red apple")
