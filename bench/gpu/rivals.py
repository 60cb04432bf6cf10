"""Lloyd iterations of other libraries on a GPU, from given centres; each returns seconds for an iteration."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.gpu.machines import Machine


class Run(NamedTuple):
    """How many iterations a fit took before it had converged, and what is told of them."""

    n_iter: int
    note: str


Fit = Callable[[int], Any]  # runs so many iterations; may return a Run
Make = Callable[[Machine, Any, Any], Fit]  # of rows and centres
REPEATS = 3
MOST_ITERATIONS = 10
SECONDS = 3.0  # that the timed iterations of a library may take, about


def seconds_per_iteration(fit: Fit, synchronise: Callable[[], None]) -> tuple[float, str]:
    """Median over repeats of what more iterations take, so that uploads and seeding do not count; and a note."""
    told = ""

    def run(n: int) -> tuple[float, int]:
        nonlocal told
        synchronise()
        begin = time.perf_counter()
        found = fit(n)
        synchronise()
        seconds = time.perf_counter() - begin
        if not isinstance(found, Run):
            return seconds, n
        if n > 1:
            told = found.note
        return seconds, found.n_iter

    def difference(n: int) -> float:
        (less, few), (more, many) = run(1), run(1 + n)
        return (more - less) / max(many - few, 1)

    run(2)  # compiles, allocates
    guess = max(difference(1), 1e-5)
    n_iter = int(min(max(SECONDS / REPEATS / guess, 1), MOST_ITERATIONS))
    return max(statistics.median(difference(n_iter) for _ in range(REPEATS)), 1e-9), told


def coterie_fit(machine: Machine, x: Any, centers: Any) -> Fit:
    start, samples = machine.on_host(centers), machine.samples(x)

    def fit(n: int) -> Run:
        n_iter = samples.lloyd(start, n, 0.0, None)[3]
        share = samples.rows_evaluated / n_iter / len(x)
        return Run(n_iter, f"{share:.0%} of the rows looked at in {n_iter} iterations")

    return fit


def coterie_labels(machine: Machine, x: Any, centers: Any) -> Fit:
    """Labels of all rows, without what earlier iterations know of them: packing, filter, canonical comparison."""
    start, samples = machine.on_host(centers), machine.samples(x)

    def fit(n: int) -> Run:
        for _ in range(n):
            samples.assign(start)
        return Run(n, "every row meets every centre; rows are packed and labels come to the host each time")

    return fit


def torch_fit(dtype: str) -> Make:
    """Lloyd in a few lines of PyTorch, a block of rows at a time; in bfloat16 the labels are not exact."""

    def make(machine: Machine, x: Any, centers: Any) -> Fit:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        kind = getattr(torch, dtype)
        block = max(1024, (1 << 30) // len(centers) // 4)

        def fit(n: int) -> Any:
            found = centers.clone()
            for _ in range(n):
                sums, counts = torch.zeros_like(found), torch.zeros(len(found), device=x.device)
                half_norm = (found * found).sum(1) / 2
                for begin in range(0, len(x), block):
                    rows = x[begin : begin + block]
                    scores = (rows.to(kind) @ found.to(kind).T).float() - half_norm
                    labels = scores.argmax(1)
                    sums.index_add_(0, labels, rows)
                    counts.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float32))
                found = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), found)
            return found

        return fit

    return make


def flash_kmeans_fit(machine: Machine, x: Any, centers: Any) -> Fit:
    batch_kmeans = importlib.import_module("flash_kmeans").batch_kmeans_Euclid
    rows, start = x.half()[None], centers.half()[None]
    return lambda n: batch_kmeans(rows, len(centers), max_iters=n, tol=-1.0, init_centroids=start)


def fastkmeans_fit(machine: Machine, x: Any, centers: Any) -> Fit:
    estimator = importlib.import_module("fastkmeans").FastKMeans
    rows = machine.on_host(x)

    def fit(n: int) -> Any:
        return estimator(
            x.shape[1], len(centers), niter=n, tol=-1.0, gpu=True, max_points_per_centroid=None
        ).train(rows)

    return fit


def cuml_fit(machine: Machine, x: Any, centers: Any) -> Fit:
    estimator = importlib.import_module("cuml.cluster").KMeans
    start = machine.on_host(centers)
    return lambda n: estimator(
        n_clusters=len(centers), init=start, n_init=1, max_iter=n, tol=0.0, output_type="cupy"
    ).fit(x)


def cuvs_fit(machine: Machine, x: Any, centers: Any) -> Fit:
    kmeans = importlib.import_module("cuvs.cluster.kmeans")

    def fit(n: int) -> Any:
        wanted = kmeans.KMeansParams(
            n_clusters=len(centers), init_method="Array", max_iter=n, tol=0.0, n_init=1
        )
        return kmeans.fit(wanted, x, centers.clone())

    return fit


# name: (module that must be there, how to make a fit)
RIVALS: dict[str, tuple[str, Make]] = {
    "coterie": ("coterie", coterie_fit),
    "coterie, labels alone": ("coterie", coterie_labels),
    "torch float32": ("torch", torch_fit("float32")),
    "torch bfloat16": ("torch", torch_fit("bfloat16")),
    "flash-kmeans float16": ("flash_kmeans", flash_kmeans_fit),
    "fastkmeans": ("fastkmeans", fastkmeans_fit),
    "cuML": ("cuml", cuml_fit),
    "cuVS": ("cuvs", cuvs_fit),
}


def is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
