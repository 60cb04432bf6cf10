"""Texts to TF-IDF: lower-cased word tokens of two and more characters, smooth idf, rows of unit length."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

TOKEN = r"\b\w\w+\b"


def _fitted(vectorizer: Any, data: dict[str, Any]) -> tuple[Any, Any]:
    def run() -> Any:
        return vectorizer.fit_transform(data["texts"])

    def answer(X: Any) -> dict[str, Any]:
        return {"X": sp.csr_matrix(X), "terms": np.asarray(vectorizer.get_feature_names_out(), dtype=str)}

    return run, answer


def coterie(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> tuple[Any, Any]:
    from coterie import TfidfVectorizer

    options = {"ngram_range": (1, params["n"]), "min_df": params["min_df"]}
    return _fitted(TfidfVectorizer(n_threads=n_threads, **options), data)


def sklearn(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = {"ngram_range": (1, params["n"]), "min_df": params["min_df"]}
    return _fitted(TfidfVectorizer(dtype=np.float32, **options), data)


def polars(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> tuple[Any, Any]:
    """Unigrams as one lazy polars query; rows and columns are then placed into CSR with SciPy."""
    import polars as pl

    texts = pl.Series("text", data["texts"])

    def run() -> Any:
        n_documents = len(texts)
        counts = (
            pl.DataFrame({"text": texts})
            .lazy()
            .with_row_index("row")
            .select("row", term=pl.col("text").str.to_lowercase().str.extract_all(TOKEN))
            .explode("term")
            .drop_nulls("term")
            .group_by("row", "term")
            .agg(count=pl.len().cast(pl.Float32))
            .collect()
        )
        terms = (
            counts.group_by("term")
            .agg(df=pl.len())
            .filter(pl.col("df") >= params["min_df"])
            .sort("term")
            .with_row_index("column")
            .with_columns(idf=((1 + n_documents) / (1 + pl.col("df"))).log() + 1)
        )
        entries = (
            counts.join(terms, on="term")
            .with_columns(value=pl.col("count") * pl.col("idf"))
            .with_columns(value=pl.col("value") / (pl.col("value") ** 2).sum().over("row").sqrt())
        )
        shape = (n_documents, len(terms))
        where = (entries["row"].to_numpy(), entries["column"].to_numpy())
        values = entries["value"].cast(pl.Float32).to_numpy()
        return sp.coo_matrix((values, where), shape=shape).tocsr(), terms["term"]

    def answer(result: Any) -> dict[str, Any]:
        return {"X": result[0], "terms": result[1].to_numpy().astype(str)}

    return run, answer


RIVALS = {"coterie": coterie, "scikit-learn": sklearn, "polars": polars}
