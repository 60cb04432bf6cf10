"""The k most similar rows by cosine: dense queries against dense rows, and a sparse set with itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

RunAnswer = tuple[Any, Any]


def _arrays(scores: Any, indices: Any) -> dict[str, Any]:
    return {"indices": np.asarray(indices, dtype=np.int64), "scores": np.asarray(scores, dtype=np.float64)}


def _rows_of_csr(S: Any, k: int) -> dict[str, Any]:
    """Place each row's entries, best first, into (n, k) arrays; missing places are -1 and 0."""
    S = sp.csr_matrix(S)
    rows = np.repeat(np.arange(S.shape[0]), np.diff(S.indptr))
    order = np.lexsort((S.indices, -S.data, rows))
    place = np.arange(S.nnz) - np.repeat(S.indptr[:-1], np.diff(S.indptr))
    indices, scores = np.full((S.shape[0], k), -1, dtype=np.int64), np.zeros((S.shape[0], k))
    keep = place < k
    indices[rows[keep], place[keep]] = S.indices[order][keep]
    scores[rows[keep], place[keep]] = S.data[order][keep]
    return {"indices": indices, "scores": scores}


def coterie_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from coterie.similarity import cosine_top_k

    def run() -> Any:
        return cosine_top_k(data["Q"], data["X"], k=params["k"], n_threads=n_threads)

    return run, lambda found: _arrays(found.similarities, found.indices)


def faiss_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """IndexFlatIP on rows of unit length; adding the rows is part of the work, as nothing is kept between runs."""
    import faiss as library

    library.omp_set_num_threads(n_threads)

    def run() -> Any:
        index = library.IndexFlatIP(data["X"].shape[1])
        index.add(data["X"])
        return index.search(data["Q"], params["k"])

    return run, lambda result: _arrays(*result)


def sklearn_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from sklearn.neighbors import NearestNeighbors

    def run() -> Any:
        model = NearestNeighbors(
            n_neighbors=params["k"], metric="cosine", algorithm="brute", n_jobs=n_threads
        )
        return model.fit(data["X"]).kneighbors(data["Q"])

    return run, lambda result: _arrays(1 - result[0], result[1])


def coterie_sparse(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from coterie.similarity import cosine_top_k

    def run() -> Any:
        return cosine_top_k(data["X"], data["X"], k=params["k"], n_threads=n_threads)

    return run, lambda found: _arrays(found.similarities, found.indices)


def sparse_dot_topn(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from sparse_dot_topn import sp_matmul_topn

    X = sp.csr_matrix(data["X"])

    def run() -> Any:
        return sp_matmul_topn(X, X.T.tocsr(), top_n=params["k"], sort=True, n_threads=n_threads)

    return run, lambda S: _rows_of_csr(S, params["k"])


DENSE_RIVALS = {"coterie": coterie_dense, "faiss": faiss_dense, "scikit-learn": sklearn_dense}
SPARSE_RIVALS = {"coterie": coterie_sparse, "sparse_dot_topn": sparse_dot_topn}
