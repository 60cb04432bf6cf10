"""Lloyd's K-means from given centres for a fixed number of iterations, then labels for every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RunAnswer = tuple[Any, Any]


def _estimator(model: Any, data: dict[str, Any]) -> RunAnswer:
    def answer(fitted: Any) -> dict[str, Any]:
        return {
            "labels": np.asarray(fitted.labels_, dtype=np.int64),
            "centers": np.asarray(fitted.cluster_centers_, dtype=np.float64),
            "n_iter": int(fitted.n_iter_),
        }

    return lambda: model.fit(data["X"]), answer


def _options(data: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    start = data["start"]
    return {"n_clusters": len(start), "init": start, "n_init": 1, "max_iter": params["n_iter"], "tol": 0.0}


def coterie(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from coterie import KMeans

    return _estimator(KMeans(**_options(data, params), n_threads=n_threads), data)


def coterie_limited_to(isa: str) -> Callable[..., RunAnswer]:
    """Coterie as it runs on a CPU without the instruction sets above this one."""

    def prepare(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
        from coterie import _core

        if isa not in _core.available_isas():
            raise ImportError(f"this CPU has no {isa}")
        _core.set_isa(isa)
        return coterie(data, params, n_threads)

    return prepare


def sklearn(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from sklearn.cluster import KMeans

    return _estimator(KMeans(**_options(data, params), algorithm="lloyd"), data)


def sklearnex(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    from sklearnex.cluster import KMeans

    return _estimator(KMeans(**_options(data, params), algorithm="lloyd"), data)


def faiss(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    import faiss as library

    library.omp_set_num_threads(n_threads)
    X, start = data["X"], data["start"]
    k, d = start.shape

    def run() -> Any:
        model = library.Kmeans(
            d, k, niter=params["n_iter"], max_points_per_centroid=len(X), min_points_per_centroid=1
        )
        model.train(X, init_centroids=start)
        return model.centroids, model.assign(X)[1]

    def answer(result: Any) -> dict[str, Any]:
        return {"labels": result[1], "centers": result[0].astype(np.float64), "n_iter": params["n_iter"]}

    return run, answer


def superkmeans(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """Prunes pairs by a probabilistic test, and draws its own first centres: inexact, from another start."""
    from superkmeans import SuperKMeans

    X = data["X"]
    k, d = data["start"].shape

    def run() -> Any:
        model = SuperKMeans(
            k,
            d,
            hierarchical=False,
            iters=params["n_iter"],
            sampling_fraction=1.0,
            max_points_per_cluster=len(X),
            n_threads=n_threads,
            early_termination=False,
        )
        centers = model.train(X)
        return centers, model.assign_training_points(X, centers)

    def answer(result: Any) -> dict[str, Any]:
        centers = np.asarray(result[0], dtype=np.float64)
        return {"labels": result[1].astype(np.int64), "centers": centers, "n_iter": params["n_iter"]}

    return run, answer


def fastkmeans(data: dict[str, Any], params: dict[str, Any], n_threads: int) -> RunAnswer:
    """On torch, in float32; it draws its own first centres."""
    import torch
    from fastkmeans import FastKMeans

    torch.set_num_threads(n_threads)
    X = data["X"]
    k, d = data["start"].shape

    def run() -> Any:
        model = FastKMeans(d, k, niter=params["n_iter"], tol=0.0, gpu=False, max_points_per_centroid=len(X))
        model.train(X)
        return model.centroids, model.predict(X)

    def answer(result: Any) -> dict[str, Any]:
        centers, labels = (np.asarray(part) for part in result)
        return {
            "labels": labels.astype(np.int64),
            "centers": centers.astype(np.float64),
            "n_iter": params["n_iter"],
        }

    return run, answer


DENSE_RIVALS = {
    "coterie": coterie,
    "coterie, AVX512-VNNI": coterie_limited_to("avx512_vnni"),
    "coterie, AVX-512 only": coterie_limited_to("avx512"),
    "coterie, AVX2 only": coterie_limited_to("avx2"),
    "scikit-learn": sklearn,
    "scikit-learn-intelex": sklearnex,
    "faiss": faiss,
    "superkmeans": superkmeans,
    "fastkmeans": fastkmeans,
}
SPARSE_RIVALS = {"coterie": coterie, "scikit-learn": sklearn, "scikit-learn-intelex": sklearnex}
