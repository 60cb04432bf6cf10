"""The methods that are compared: each clusters texts into as many clusters as there are classes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from bench.quality import minilm
from bench.quality.sets import Documents
from coterie.auto import TextClusterer

_LSA_COMPONENTS = 100
_N_INIT = 5  # of the rivals' K-means, as in scikit-learn's own example of text clustering
_MAX_ITER = 100


@dataclass(frozen=True)
class Method:
    """A way to cluster: ``run`` takes documents and a seed and returns labels and seconds not measured by the caller.

    One that ``learns`` knows only what it reads, and gets all the texts; others know their words beforehand, and get
    those that are scored.

    ``unavailable`` says why it cannot run on some documents, or gives None. ``prepare`` does what is to be left
    out of ``run``'s time: imports, compiles, loads, and encodes, which has a clock of its own.
    """

    name: str
    run: Callable[[Documents, int], tuple[Any, float]]
    unavailable: Callable[[Documents], str | None] = lambda documents: None
    prepare: Callable[[Documents], Any] = lambda documents: None
    learns: bool = True

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("coterie ")


def _sklearn_tfidf(documents: Documents) -> Any:
    if documents.language == "zh":
        rjieba = importlib.import_module("rjieba")
        vectorizer = SklearnTfidfVectorizer(tokenizer=rjieba.cut, token_pattern=None, min_df=2, max_df=0.5)
    else:
        vectorizer = SklearnTfidfVectorizer(stop_words="english", min_df=2, max_df=0.5)
    return vectorizer


def _sklearn_kmeans(rows: Any, documents: Documents, seed: int) -> Any:
    kmeans = SklearnKMeans(documents.n_classes, n_init=_N_INIT, max_iter=_MAX_ITER, random_state=seed)
    return kmeans.fit(rows).labels_


def _sklearn_tfidf_kmeans(documents: Documents, seed: int) -> tuple[Any, float]:
    return _sklearn_kmeans(_sklearn_tfidf(documents).fit_transform(documents.texts), documents, seed), 0.0


def _sklearn_lsa_kmeans(documents: Documents, seed: int) -> tuple[Any, float]:
    weights = _sklearn_tfidf(documents).fit_transform(documents.texts)
    n_components = min(_LSA_COMPONENTS, weights.shape[1] - 1)
    lsa = make_pipeline(TruncatedSVD(n_components, random_state=seed), Normalizer(copy=False))
    return _sklearn_kmeans(lsa.fit_transform(weights), documents, seed), 0.0


def _minilm_kmeans(documents: Documents, seed: int) -> tuple[Any, float]:
    rows, seconds = minilm.embeddings(documents.scored)
    return _sklearn_kmeans(np.asarray(rows), documents, seed), seconds


def _prepare_minilm(documents: Documents) -> None:
    minilm.embeddings(documents.scored)


def _minilm_unavailable(documents: Documents) -> str | None:
    if documents.language != "en":
        return "the model knows English only"
    absent = minilm.missing()
    return f"not installed: {', '.join(absent)}" if absent else None


def _bertopic(documents: Documents, seed: int) -> tuple[Any, float]:
    rows, seconds = minilm.embeddings(documents.scored)
    return np.asarray(_bertopic_model(seed).fit_transform(documents.scored, embeddings=rows)[0]), seconds


def _bertopic_model(seed: int) -> Any:
    bertopic, umap = importlib.import_module("bertopic"), importlib.import_module("umap")
    seeded = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed)
    return bertopic.BERTopic(umap_model=seeded)


@cache
def _compile_bertopic() -> None:
    """Run once on noise: numba compiles UMAP at its first use."""
    texts = [f"word{i % 7} word{i % 11} word{i % 13}" for i in range(200)]
    _bertopic_model(0).fit_transform(texts, embeddings=np.random.RandomState(0).normal(size=(200, 384)))


def _prepare_bertopic(documents: Documents) -> None:
    _prepare_minilm(documents)
    _compile_bertopic()


def _bertopic_unavailable(documents: Documents) -> str | None:
    absent = [name for name in ("bertopic", "umap", "hdbscan") if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else _minilm_unavailable(documents)


def _coterie(method: str, refine: Any) -> Callable[[Documents, int], tuple[Any, float]]:
    def run(documents: Documents, seed: int) -> tuple[Any, float]:
        clusterer = TextClusterer(
            documents.n_classes,
            method=method,
            refine=refine,
            language=documents.language,
            random_state=seed,
            n_threads=1,
        )
        return clusterer.fit_predict(documents.texts), 0.0

    return run


DEFAULT = "coterie auto"
BASELINES = ("scikit-learn TF-IDF + K-means", "scikit-learn LSA + K-means")
MODEL = "MiniLM + K-means"
METHODS = (
    Method(BASELINES[0], _sklearn_tfidf_kmeans),
    Method(BASELINES[1], _sklearn_lsa_kmeans),
    Method(MODEL, _minilm_kmeans, _minilm_unavailable, _prepare_minilm, learns=False),
    Method("BERTopic", _bertopic, _bertopic_unavailable, _prepare_bertopic, learns=False),
    Method("coterie TF-IDF", _coterie("tfidf", False)),
    Method("coterie LSA", _coterie("lsa", False)),
    Method("coterie LSA, refined", _coterie("lsa", True)),
    Method("coterie mixture", _coterie("mixture", False)),
    Method("coterie consensus", _coterie("consensus", False)),
    Method(DEFAULT, _coterie("auto", "auto")),
)
