"""Short names of encoders: each makes a working estimator, everything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from coterie import TfidfVectorizer
from coterie.encode import ENCODERS, make_encoder

TEXTS = ["the central bank raises rates", "the bank cuts rates", "a late goal wins the match"]


def test_tfidf_drops_stop_words_of_the_language() -> None:
    encoder = make_encoder("tfidf", n_threads=1)
    assert isinstance(encoder, TfidfVectorizer)
    assert encoder.n_threads == 1
    rows = clone(encoder).fit(TEXTS).transform(TEXTS)
    assert rows.shape[0] == len(TEXTS)
    np.testing.assert_allclose(rows.multiply(rows).sum(axis=1), 1.0, rtol=1e-6)
    assert "the" not in encoder.fit(TEXTS).get_feature_names_out()
    assert make_encoder("tfidf", language="zh").language == "zh"


@pytest.mark.parametrize("spec", ["", "word2vec", "TFIDF", "tfidf:", "tfidf:x", " tfidf"])
def test_other_names_are_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"spec must .*tfidf.*; got"):
        make_encoder(spec)


def test_other_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="spec must be a str; got 3"):
        make_encoder(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="language must be one of 'en', 'zh'; got 'fr'"):
        make_encoder("tfidf", language="fr")
    with pytest.raises(ValueError, match="n_threads must be >= 1; got 0"):
        make_encoder("tfidf", n_threads=0)
    assert "tfidf" in ENCODERS
