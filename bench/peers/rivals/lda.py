"""Counts of terms to topics, each library with the iterations that bring it to the same held-out perplexity."""

from __future__ import annotations

from typing import Any

import numpy as np

Data = dict[str, Any]


def _alpha(k: int) -> float:
    """Prior tokens of a topic in a document to start from, the same for all."""
    return 0.1 if k <= 100 else 10 / k


def _answer(topics: Any, alpha: Any) -> Data:
    rows = np.asarray(topics, dtype=np.float64) + 1e-12  # a library may give terms it has not seen no weight
    return {
        "topics": rows / rows.sum(axis=1, keepdims=True),
        "alpha": np.broadcast_to(np.asarray(alpha, dtype=np.float64), len(rows)).copy(),
    }


def coterie(data: Data, params: Data, n_threads: int) -> tuple[Any, Any]:
    from coterie import LatentDirichletAllocation

    k = params["k"]

    def run() -> Any:
        return LatentDirichletAllocation(
            k,
            doc_topic_prior=_alpha(k),
            max_iter=params["iterations"]["coterie"],
            random_state=params.get("seed", 0),
            n_threads=n_threads,
        ).fit(data["X"])

    return run, lambda lda: _answer(lda.components_, lda.doc_topic_prior_)


def tomotopy(data: Data, params: Data, n_threads: int) -> tuple[Any, Any]:
    """Collapsed Gibbs sampling over all topics with SIMD; alpha is learned every tenth iteration, its default."""
    import tomotopy as tp

    X, k = data["X"], params["k"]
    names = [str(column) for column in range(X.shape[1])]
    corpus = tp.utils.Corpus()
    for i in range(X.shape[0]):
        row = slice(X.indptr[i], X.indptr[i + 1])
        columns = np.repeat(X.indices[row], X.data[row].astype(int))
        corpus.add_doc([names[column] for column in columns])

    def run() -> Any:
        model = tp.LDAModel(k=k, alpha=_alpha(k), eta=0.01, seed=params.get("seed", 0) + 1, corpus=corpus)
        model.train(params["iterations"]["tomotopy"], workers=n_threads)
        return model

    def answer(model: Any) -> Data:
        topics = np.zeros((k, X.shape[1]))
        columns = [int(name) for name in model.used_vocabs]
        for topic in range(k):
            topics[topic, columns] = model.get_topic_word_dist(topic)
        return _answer(topics, model.alpha)

    return run, answer


def sklearn(data: Data, params: Data, n_threads: int) -> tuple[Any, Any]:
    from sklearn.decomposition import LatentDirichletAllocation

    k = params["k"]
    # in float32 its topics underflow after some passes, which then take three times as long
    X = data["X"].astype(np.float64)

    def run() -> Any:
        return LatentDirichletAllocation(
            k,
            doc_topic_prior=_alpha(k),
            topic_word_prior=0.01,
            learning_method="online",
            batch_size=256,
            max_iter=params["iterations"]["scikit-learn"],
            random_state=params.get("seed", 0),
            n_jobs=n_threads,
        ).fit(X)

    return run, lambda lda: _answer(lda.components_, _alpha(k))


def gensim(data: Data, params: Data, n_threads: int) -> tuple[Any, Any]:
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaMulticore

    X, k = data["X"], params["k"]
    corpus = list(Sparse2Corpus(X, documents_columns=False))
    names = {column: str(column) for column in range(X.shape[1])}

    def run() -> Any:
        return LdaMulticore(
            corpus,
            num_topics=k,
            id2word=names,
            workers=n_threads,
            passes=params["iterations"]["gensim"],
            alpha=_alpha(k),
            eta=0.01,
            random_state=params.get("seed", 0),
        )

    return run, lambda model: _answer(model.get_topics(), model.alpha)


RIVALS = {"coterie": coterie, "tomotopy": tomotopy, "scikit-learn": sklearn, "gensim": gensim}
