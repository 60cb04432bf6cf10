"""Vectorizers and whole models come back with the same vocabulary, weights and assignments, bit for bit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from coterie import CountVectorizer, HashingVectorizer, KMeans, TfidfTransformer, TfidfVectorizer
from coterie.journey import ClusterModel, ClusterSummary
from coterie.persistence import load, load_model, save, save_model

TEXTS = [
    "Rates rise as the central bank acts",
    "The central bank holds its rates",
    "Noodles with soup, 面条 and ÄPFEL",
    "soup and noodles; Äpfel",
    "",
    "lone \ud800 surrogate and a NUL \0 here",
]
OTHER = ["the bank serves noodles", "", "rates RATES rates äpfel", "nothing known"]


def assert_same_matrix(X: Any, Y: Any) -> None:
    assert X.shape == Y.shape
    assert X.dtype == Y.dtype
    for a, b in ((X.data, Y.data), (X.indices, Y.indices), (X.indptr, Y.indptr)):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(),
        TfidfVectorizer(min_df=2, max_df=0.9, sublinear_tf=True, norm="l1", dtype=np.float64),
        TfidfVectorizer(ngram_range=(1, 3), stop_words="english", max_features=9),
        TfidfVectorizer(stop_words=["the", "面条"], use_idf=False, tf="relative", n_threads=2),
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 3), strip_accents="unicode", dtype=np.dtype("float32")
        ),
        TfidfVectorizer(vocabulary={"bank": 1, "rates": 0, "unseen": 2}),
        TfidfVectorizer(vocabulary=["bank", "rates"], token_pattern=r"[a-z]+"),
        TfidfVectorizer(smooth_idf=False, lowercase=False, binary=True),
        CountVectorizer(binary=True, ngram_range=(1, 2)),
        CountVectorizer(dtype=np.int64),
        HashingVectorizer(n_features=64, alternate_sign=False),
    ],
)
def test_vectorizers_come_back(tmp_path: Path, vectorizer: Any) -> None:
    vectorizer.fit(TEXTS)
    save(vectorizer, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded) is type(vectorizer)
    assert loaded.get_params() == vectorizer.get_params()
    assert_same_matrix(loaded.transform(TEXTS + OTHER), vectorizer.transform(TEXTS + OTHER))
    if not isinstance(vectorizer, HashingVectorizer):
        assert loaded.vocabulary_ == vectorizer.vocabulary_
        assert loaded.get_feature_names_out().tolist() == vectorizer.get_feature_names_out().tolist()
        assert loaded.document_frequency_.tolist() == vectorizer.document_frequency_.tolist()
        assert loaded.n_documents_ == 6


def test_chinese_vectorizer_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("rjieba")
    vectorizer = TfidfVectorizer(language="zh", stop_words="auto").fit(
        ["我们喜欢吃面条", "银行提高利率", "利率与面条"]
    )
    save(vectorizer, tmp_path / "model")
    assert_same_matrix(
        load(tmp_path / "model").transform(["面条的利率"]), vectorizer.transform(["面条的利率"])
    )


def test_transformer_comes_back(tmp_path: Path) -> None:
    counts = sp.csr_array(np.array([[1, 0, 2], [0, 1, 1]], dtype=np.float32))
    for i, transformer in enumerate((TfidfTransformer(), TfidfTransformer(use_idf=False, norm=None))):
        transformer.fit(counts)
        save(transformer, tmp_path / str(i))
        assert_same_matrix(load(tmp_path / str(i)).transform(counts), transformer.transform(counts))


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=8), binary=st.booleans())
def test_any_vocabulary_comes_back(texts: list[str], binary: bool) -> None:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), binary=binary, lowercase=False)
    vectorizer.fit([*texts, "ab"])
    with tempfile.TemporaryDirectory() as folder:
        save(vectorizer, folder)
        loaded = load(folder)
    assert loaded.vocabulary_ == vectorizer.vocabulary_
    assert_same_matrix(loaded.transform(texts), vectorizer.transform(texts))


@pytest.mark.parametrize("parameter", ["tokenizer", "preprocessor", "analyzer", "strip_accents"])
def test_callables_are_not_saved(tmp_path: Path, parameter: str) -> None:
    options: dict[str, Any] = {parameter: str.split if parameter in ("tokenizer", "analyzer") else str.lower}
    vectorizer = TfidfVectorizer(**({"token_pattern": None} if parameter == "tokenizer" else {}), **options)
    with pytest.raises(TypeError, match=f"estimator.{parameter} is <method .*never executes code"):
        save(vectorizer.fit(TEXTS), tmp_path / "model")
    with pytest.raises(NotFittedError):
        save(TfidfVectorizer(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def cluster_model(metric: str = "cosine", n_clusters: int = 2) -> ClusterModel:
    vectorizer = TfidfVectorizer().fit(TEXTS)
    kmeans = KMeans(n_clusters, metric=metric, random_state=0).fit(vectorizer.transform(TEXTS))
    summaries = [
        ClusterSummary(
            cluster, int((kmeans.labels_ == cluster).sum()), [("bank", 1.5), ("ÄPFEL \ud800", 0.25)], [0, 2]
        )
        for cluster in range(n_clusters)
    ]
    return ClusterModel(vectorizer, kmeans, summaries)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("n_clusters", [1, 3])
def test_model_comes_back(tmp_path: Path, metric: str, n_clusters: int) -> None:
    model = cluster_model(metric, n_clusters)
    save_model(model, tmp_path / "model")
    for read in (load, load_model):
        loaded = read(tmp_path / "model")
        assert loaded.summaries == model.summaries
        saved, again = model.predict(TEXTS + OTHER), loaded.predict(TEXTS + OTHER)
        for name in ("labels", "distances", "runner_up", "margins"):
            assert getattr(saved, name).tobytes() == getattr(again, name).tobytes()


def test_model_on_real_data(tmp_path: Path, load_rows: Any) -> None:
    texts = [row["text"] for row in load_rows("ag_news", limit=1000)]
    vectorizer = TfidfVectorizer(min_df=2, stop_words="english")
    kmeans = KMeans(8, metric="cosine", random_state=0).fit(vectorizer.fit_transform(texts))
    model = ClusterModel(vectorizer, kmeans, [ClusterSummary(i, 0, [], []) for i in range(8)])
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.predict(texts).distances.tobytes() == model.predict(texts).distances.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(cluster_model(), tmp_path / "model")
    return tmp_path / "model"


def rewrite(folder: Path, name: str, change: Any) -> None:
    """Change a JSON file and put its new size and hash into the manifest."""
    value = json.loads((folder / name).read_text())
    changed = change(value)
    data = json.dumps(value if changed is None else changed).encode()
    (folder / name).write_bytes(data)
    if name != "manifest.json":
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda terms: [*terms, "one more"], r"idf length = \d+ must be equal to vocabulary size"),
        (lambda terms: terms[:-1], r"idf length = \d+ must be equal to vocabulary size"),
        (lambda terms: [*terms[:-1], terms[0]], "a term occurs twice"),
        (lambda terms: [*terms[:-1], 3], "a list of terms is wanted"),
        (lambda terms: {"a": 1}, "a list of terms is wanted"),
        (lambda terms: [], "vocabulary"),
    ],
)
def test_vocabulary_that_does_not_fit(folder: Path, change: Any, match: str) -> None:
    rewrite(folder, "vectorizer.vocabulary_.json", change)
    with pytest.raises(ValueError, match=rf"is refused: vectorizer.*{match}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda summaries: summaries[:-1], "there are 1 summaries for 2 clusters"),
        (lambda summaries: {}, "a list of summaries is wanted"),
        (lambda summaries: summaries[::-1], "cluster 0: a number, a size"),
        (lambda summaries: summaries[0].pop("size") and None, "cluster 0: the fields .* are wanted"),
        (lambda summaries: summaries[1].update(size=-1), "cluster 1: a number, a size"),
        (lambda summaries: summaries[1].update(terms=[["a", "b"]]), "cluster 1: a number, a size"),
        (lambda summaries: summaries[1].update(terms=[["a", 1]]), "cluster 1: a number, a size"),
        (lambda summaries: summaries[1].update(representatives=[-1]), "cluster 1: a number, a size"),
        (
            lambda summaries: summaries.append(3) or (summaries.pop(0) and None),
            "cluster 0: a number|a JSON object",
        ),
    ],
)
def test_summaries_that_do_not_fit(folder: Path, change: Any, match: str) -> None:
    rewrite(folder, "summaries.json", change)
    with pytest.raises(ValueError, match=rf"is refused: .*({match})"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda parts: parts.pop("kmeans"), "the fields .* are wanted"),
        (
            lambda parts: parts.update(kmeans=parts["vectorizer"]),
            "a vectorizer and K-means centres are wanted",
        ),
        (
            lambda parts: parts.update(vectorizer=parts["kmeans"]),
            "a vectorizer and K-means centres are wanted",
        ),
        (lambda parts: parts["vectorizer"]["parameters"].update(input="filename"), "would read files"),
        (lambda parts: parts["vectorizer"]["parameters"].update(norm="l7"), "norm"),
        (lambda parts: parts["vectorizer"]["parameters"].update(token_pattern="(?P<"), "missing group name"),
        (lambda parts: parts["vectorizer"]["parameters"].update(token_pattern="(" * 5000), "vectorizer"),
        (lambda parts: parts["vectorizer"]["parameters"].update(token_pattern="x{9999999999}"), "vectorizer"),
        (lambda parts: parts["vectorizer"]["parameters"].update(ngram_range=[1, 2]), "ngram_range"),
        (lambda parts: parts["vectorizer"]["parameters"].update(tokenizer="os.system"), "tokenizer"),
        (lambda parts: parts["vectorizer"]["attributes"].pop("idf_"), "use_idf=True without idf_"),
        (
            lambda parts: parts["vectorizer"]["attributes"].update(n_documents_=1),
            "outside of 0 to 1 documents",
        ),
    ],
)
def test_parts_that_do_not_fit(folder: Path, change: Any, match: str) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        change(manifest["parts"])

    rewrite(folder, "manifest.json", edit)
    with pytest.raises(ValueError, match=rf"is refused: .*{match}"):
        load_model(folder)


def test_a_model_that_does_not_fit_is_not_saved(tmp_path: Path) -> None:
    model = cluster_model()
    other = CountVectorizer().fit(["only four terms here"])
    with pytest.raises(ValueError, match=r"the vectorizer gives 4 features, the centres have \d+"):
        save_model(dataclasses.replace(model, encoder=other), tmp_path / "model")
    with pytest.raises(ValueError, match=r"there are 0 summaries for 2 clusters"):
        save_model(dataclasses.replace(model, summaries=[]), tmp_path / "model")
    with pytest.raises(NotFittedError):
        save_model(dataclasses.replace(model, clusterer=KMeans()), tmp_path / "model")
    assert not (tmp_path / "model").exists()
