"""What is measured on: real corpora from the data folder, and generated dense rows. Made once, kept in build/bench.

Matrices are made by scikit-learn, so that no rival, coterie included, prepares its own input.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from bench.roofline import BUILD, ROOT

CORPORA = {
    "arxiv_titles": ["arxiv_titles/train"],
    "20newsgroups": ["20newsgroups/train", "20newsgroups/test"],
    "arxiv_abstracts": ["arxiv_abstracts/train", "arxiv_abstracts/test"],
    "english": [
        "20newsgroups/train",
        "20newsgroups/test",
        "arxiv_abstracts/train",
        "arxiv_abstracts/test",
        "fdu_mtl_reviews/train",
        "fdu_mtl_reviews/test",
        "reuters21578/train",
        "reuters21578/test",
        "arxiv_titles/train",
    ],
}


def data_folder() -> Path:
    """Return the folder of text sets; ``FileNotFoundError`` says how to name it."""
    folder = Path(os.environ.get("COTERIE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        raise FileNotFoundError(f"no data sets in {folder}; set COTERIE_DATA to the folder that has them")
    return folder


def texts(corpus: str, limit: int | None = None) -> list[str]:
    """Read the documents of a corpus, in file order."""

    def read() -> Iterator[str]:
        for part in CORPORA[corpus]:
            with gzip.open(data_folder() / f"{part}.jsonl.gz", "rt", encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)["text"]

    return [text for _, text in zip(range(limit or 2**62), read(), strict=False)]


def load(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the input that ``spec`` describes, from the cache when it was made before."""
    kind = spec["kind"]
    if kind == "texts":
        return {"texts": texts(spec["corpus"], spec.get("limit"))}
    folder = BUILD / "inputs" / "-".join(str(v) for v in spec.values())
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        makers = {"dense": _make_dense, "lsa": _make_lsa, "tfidf": _make_tfidf, "counts": _make_counts}
        makers[kind](spec, folder)
        (folder / "done").touch()
    names = sorted(folder.glob("*.np[yz]"))
    return {p.stem: np.load(p) if p.suffix == ".npy" else sp.load_npz(p) for p in names}


def _make_dense(spec: dict[str, Any], folder: Path) -> None:
    """Unit rows around ``n_groups`` directions that share a common mean, as sentence embeddings do."""
    rng = np.random.default_rng(7)
    n, d = spec["n"], spec["d"]
    groups = rng.standard_normal((spec["n_groups"], d), dtype=np.float32)
    common = rng.standard_normal(d, dtype=np.float32)
    X = 0.9 * rng.standard_normal((n, d), dtype=np.float32)
    X += groups[rng.integers(spec["n_groups"], size=n)] + 0.7 * common
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    np.save(folder / "X.npy", X)
    if k := spec.get("k"):
        np.save(folder / "start.npy", X[np.sort(rng.choice(n, k, replace=False))])
    if n_queries := spec.get("n_queries"):
        Q = X[rng.choice(n, n_queries, replace=False)] + 0.05 * rng.standard_normal(
            (n_queries, d), dtype=np.float32
        )
        np.save(folder / "Q.npy", Q / np.linalg.norm(Q, axis=1, keepdims=True))


def _make_lsa(spec: dict[str, Any], folder: Path) -> None:
    """Unit rows of a corpus's latent semantic analysis, with k of them (chosen at random) to start from."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weighted = TfidfVectorizer(dtype=np.float32).fit_transform(texts(spec["corpus"], spec.get("limit")))
    X = TruncatedSVD(spec["d"], random_state=7).fit_transform(weighted)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    X = np.ascontiguousarray((X / np.where(length > 0, length, 1))[length[:, 0] > 0], dtype=np.float32)
    np.save(folder / "X.npy", X)
    rows = np.sort(np.random.default_rng(7).choice(len(X), spec["k"], replace=False))
    np.save(folder / "start.npy", X[rows])


def _make_counts(spec: dict[str, Any], folder: Path) -> None:
    """Counts of a corpus; every tenth document, up to 1,000 of them, is held out."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(dtype=np.float32, min_df=5, max_df=0.5, stop_words="english")
    X = sp.csr_matrix(vectorizer.fit_transform(texts(spec["corpus"], spec.get("limit"))))
    X.sort_indices()
    X = X[np.asarray(X.sum(axis=1)).ravel() >= 2]
    is_held_out = np.zeros(X.shape[0], dtype=bool)
    is_held_out[np.arange(0, X.shape[0], 10)[:1000]] = True
    sp.save_npz(folder / "X.npz", X[~is_held_out], compressed=False)
    sp.save_npz(folder / "held_out.npz", X[is_held_out], compressed=False)


def _make_tfidf(spec: dict[str, Any], folder: Path) -> None:
    """TF-IDF rows of a corpus, with k of them (chosen at random, not empty) to start from."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    X = TfidfVectorizer(dtype=np.float32, min_df=spec.get("min_df", 1)).fit_transform(
        texts(spec["corpus"], spec.get("limit"))
    )
    X = sp.csr_matrix(X[X.getnnz(axis=1) > 0])
    X.sort_indices()
    sp.save_npz(folder / "X.npz", X, compressed=False)
    if k := spec.get("k"):
        rows = np.sort(np.random.default_rng(7).choice(X.shape[0], k, replace=False))
        np.save(folder / "start.npy", np.ascontiguousarray(X[rows].toarray(), dtype=np.float32))
