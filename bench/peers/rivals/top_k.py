"""The k most similar rows by cosine: dense queries against dense rows, and a sparse set with itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


def _best_of_chunks(
    scores_of: Callable[[slice], np.ndarray], n_queries: int, k: int, n_threads: int, rows: int = 250
) -> Any:
    """The k best of each row of the scores that scores_of(queries) gives, chunk by chunk on n_threads threads."""

    def best(start: int) -> tuple[np.ndarray, np.ndarray]:
        scores = scores_of(slice(start, min(start + rows, n_queries)))
        places = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(scores, places, axis=1)
        order = np.argsort(-found, axis=1)
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(places, order, axis=1)

    with ThreadPoolExecutor(n_threads) as pool:
        parts = list(pool.map(best, range(0, n_queries, rows)))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def usearch_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """Exact search over all rows; its distance is one minus the inner product."""
    from usearch.index import MetricKind, search

    def run() -> Any:
        return search(data["X"], data["Q"], params["k"], MetricKind.IP, exact=True, threads=n_threads)

    return run, lambda found: _arrays(1 - found.distances, found.keys.astype(np.int64))


def simsimd_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """All inner products of a chunk of queries, then NumPy's partition."""
    import simsimd

    X, Q = data["X"], data["Q"]

    def scores_of(queries: slice) -> np.ndarray:
        return np.asarray(simsimd.cdist(Q[queries], X, "dot"), dtype=np.float32)

    return lambda: _best_of_chunks(scores_of, len(Q), params["k"], n_threads), lambda found: _arrays(*found)


def numkong_dense(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """Inner products with the packed rows in float32, then NumPy's partition."""
    import numkong

    X, Q = data["X"], data["Q"]

    def run() -> Any:
        packed = numkong.dots_pack(X, dtype="f32")

        def scores_of(queries: slice) -> np.ndarray:
            return np.asarray(numkong.dots_packed(np.ascontiguousarray(Q[queries]), packed)).astype(
                np.float32
            )

        return _best_of_chunks(scores_of, len(Q), params["k"], n_threads)

    return run, lambda found: _arrays(*found)


def torch_in(dtype: str) -> Callable[..., RunAnswer]:
    """Matrix products of chunks of queries in this type, and torch's topk."""

    def prepare(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
        import torch

        torch.set_num_threads(n_threads)
        kind = getattr(torch, dtype)

        def run() -> Any:
            X, Q = torch.from_numpy(data["X"]).to(kind), torch.from_numpy(data["Q"]).to(kind)
            parts = [torch.topk(part @ X.T, params["k"]) for part in Q.split(1000)]
            return torch.cat([p.values for p in parts]).float(), torch.cat([p.indices for p in parts])

        return run, lambda found: _arrays(found[0].numpy(), found[1].numpy())

    return prepare


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


DENSE_RIVALS = {
    "coterie": coterie_dense,
    "faiss": faiss_dense,
    "scikit-learn": sklearn_dense,
    "torch, float32": torch_in("float32"),
    "torch, bfloat16": torch_in("bfloat16"),
    "usearch, exact": usearch_dense,
    "SimSIMD": simsimd_dense,
    "NumKong": numkong_dense,
}
SPARSE_RIVALS = {"coterie": coterie_sparse, "sparse_dot_topn": sparse_dot_topn}
