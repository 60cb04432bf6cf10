"""Topic models come back from folders bit for bit, and a damaged folder is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from coterie import CountVectorizer, DirichletMixture, LatentDirichletAllocation
from coterie.persistence import load, save

TEXTS = [
    "red apple red cherry",
    "sweet red apple pie",
    "slow train late train",
    "late bus slow train",
    "",
] * 8
X = sp.csr_array(CountVectorizer().fit_transform(TEXTS))


def test_allocation(tmp_path: Path) -> None:
    lda = LatentDirichletAllocation(3, max_iter=20, random_state=0).fit(X).partial_fit(X)
    save(lda, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.get_params() == lda.get_params()
    assert loaded.transform(X).tobytes() == lda.transform(X).tobytes()
    assert loaded.components_.tobytes() == lda.components_.tobytes()
    assert loaded.partial_fit(X).components_.tobytes() == lda.partial_fit(X).components_.tobytes()


def test_mixture(tmp_path: Path) -> None:
    mixture = DirichletMixture(6, max_iter=5, random_state=0).fit(X)
    save(mixture, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.predict_proba(X).tobytes() == mixture.predict_proba(X).tobytes()
    assert loaded.labels_.tolist() == mixture.labels_.tolist()


def test_vectorizer_and_topics(tmp_path: Path) -> None:
    model = Pipeline(
        [("vectorizer", CountVectorizer()), ("topics", LatentDirichletAllocation(2, random_state=0))]
    )
    mixtures = model.fit(TEXTS).transform(TEXTS)
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").transform(TEXTS).tobytes() == mixtures.tobytes()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    lda = LatentDirichletAllocation(2, max_iter=2, random_state=0).fit(X[:, :4])
    model = Pipeline([("vectorizer", CountVectorizer().fit(TEXTS)), ("topics", lda)])
    save(model, tmp_path / "model")
    with pytest.raises(ValueError, match="the vectorizer gives 9 features, the topics have 4"):
        load(tmp_path / "model")
    with pytest.raises(NotFittedError):
        save(LatentDirichletAllocation(), tmp_path / "other")


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("topic_word_prior_", 0.0, "a prior weight of terms"),
        ("_n_samples", 0, "number of samples above 0"),
        ("doc_topic_prior_", np.array([0.5, -1.0, 0.5]), "prior weights of topics"),
        ("doc_topic_prior_", np.array([0.5, 0.5]), "prior weights of topics"),
        (
            "_term_topics",
            (np.array([0, 1]), np.array([0], np.int32), np.array([1], np.int32)),
            "rows are not 9",
        ),
        ("_term_topics", (np.array([0, 1]),), "three arrays"),
    ],
)
def test_hostile_topics_are_refused(tmp_path: Path, attribute: str, value: object, message: str) -> None:
    lda = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(X)
    setattr(lda, attribute, value)
    save(lda, tmp_path / "model")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, i, p: (d, i + 9, p), "outside of 9 columns"),
        (lambda d, i, p: (d * 0, i, p), "not integers above 0"),
        (lambda d, i, p: (d + 0.5, i, p), "not integers above 0"),
        (lambda d, i, p: (d, i[::-1].copy(), p), "do not increase"),
        (lambda d, i, p: (d, i, p[:-1]), "rows are not"),
        (lambda d, i, p: (d.astype(np.float32), i, p), "three arrays"),
    ],
)
def test_hostile_mixtures_are_refused(tmp_path: Path, change, message: str) -> None:
    mixture = DirichletMixture(4, beta=0.5, max_iter=5, random_state=0).fit(X)
    mixture._token_counts = change(*mixture._token_counts)
    save(mixture, tmp_path / "model")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "model")


def test_the_manifest_names_the_kind(tmp_path: Path) -> None:
    model = Pipeline(
        [("vectorizer", CountVectorizer()), ("topics", LatentDirichletAllocation(2, max_iter=2))]
    )
    save(model.fit(TEXTS), tmp_path / "model")
    assert json.loads((tmp_path / "model/manifest.json").read_text())["kind"] == "TopicModel"
    with pytest.raises(TypeError, match="the steps encoder, classifier or vectorizer, topics; got a, b"):
        save(Pipeline([("a", CountVectorizer()), ("b", LatentDirichletAllocation())]), tmp_path / "x")
