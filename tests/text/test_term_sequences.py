"""The words of texts in order: against the definition, for every kind of input and number of threads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from coterie.text import TfidfVectorizer
from coterie.text._sequences import term_sequences
from reference import term_sequences as reference


def lists(vectorizer: Any, texts: Any) -> list[list[int]]:
    sequence, offsets = term_sequences(vectorizer, texts)
    assert (sequence.dtype, offsets.dtype) == (np.int32, np.int64)
    return [sequence[a:b].tolist() for a, b in pairwise(offsets)]


def test_sequences_are_the_known_words_in_order() -> None:
    vectorizer = TfidfVectorizer(stop_words="english").fit(["Red apple", "green apple \u0130stanbul"])
    texts = ["Apple, the RED apple!", "", "blue a the", "gr\u00fcn green", "x\ud800y red", "\u0130STANBUL"]
    wanted = reference.term_sequences(texts, vectorizer.vocabulary_)
    assert [len(found) for found in wanted] == [3, 0, 0, 1, 1, 1]
    for given in (texts, tuple(texts), iter(texts), np.array(texts, object)):
        assert lists(vectorizer, given) == wanted
    encodable = [texts[i] for i in (0, 1, 2, 3, 5)]
    wanted = reference.term_sequences(encodable, vectorizer.vocabulary_)
    pa = pytest.importorskip("pyarrow")
    for column in (pa.array(encodable), pa.chunked_array([encodable[:1], encodable[1:]])):
        assert lists(vectorizer, column) == wanted


def test_many_documents_on_many_threads(n_threads: int) -> None:
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    texts = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(1500)]
    vectorizer = TfidfVectorizer(min_df=15, n_threads=n_threads).fit(texts)
    assert 0 < len(vectorizer.vocabulary_) < 300
    assert lists(vectorizer, texts) == reference.term_sequences(texts, vectorizer.vocabulary_)


def test_other_analyzers_are_refused() -> None:
    for options in (
        {"ngram_range": (1, 2)},
        {"analyzer": "char"},
        {"tokenizer": str.split, "token_pattern": None},
    ):
        vectorizer = TfidfVectorizer(**options).fit(["red apple"])
        with pytest.raises(ValueError, match="single words"):
            term_sequences(vectorizer, ["red apple"])
    with pytest.raises(AttributeError, match="document 1 must be str"):
        term_sequences(TfidfVectorizer().fit(["red apple"]), ["red", 7])
