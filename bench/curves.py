"""``python -m bench.curves``: seconds as n, d, k and nnz grow, and inertia against seconds of every K-means solver.

Writes CURVES.md, growth.svg and convergence.svg beside this file (``--output`` elsewhere). Convergence is on MiniLM
embeddings of real titles where sentence-transformers and its model are installed, made once and kept in build/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.peers import inputs
from bench.quality import minilm
from coterie import EMAKMeans, KMeans, MiniBatchKMeans, TfidfVectorizer, TwoLevelKMeans, _core
from coterie._validation import rows_argument

D, K = 384, 100


@dataclass(frozen=True)
class Point:
    series: str
    x: float
    seconds: float


def iteration_seconds(X: Any, k: int, n_threads: int, n_iter: int = 6) -> float:
    """Median seconds of Lloyd's iterations after the first, from distinct rows of X as centres."""
    rows = np.random.default_rng(0).choice(X.shape[0], k, replace=False)
    start = X[rows] if isinstance(X, np.ndarray) else X[rows].toarray()
    ends: list[float] = []
    samples = _core.Samples(rows_argument(X), None, "euclidean", n_threads)
    samples.lloyd(
        np.ascontiguousarray(start, np.float32), n_iter, 0.0, lambda *_: ends.append(time.perf_counter())
    )
    return float(np.median(np.diff(ends))) if len(ends) > 1 else float("nan")


def dense_rows(n: int, d: int) -> np.ndarray:
    return inputs.load({"kind": "dense", "n": n, "d": d, "n_groups": 500})["X"]  # type: ignore[no-any-return]


def growth(n_threads: int, scale: float) -> Iterator[Point]:
    """Seconds of an iteration as one size grows and the others stay."""
    n = int(200_000 * scale)
    X = dense_rows(n, D)
    for part in (8, 4, 2, 1):
        yield Point("n (d = 384, k = 100)", n // part, iteration_seconds(X[: n // part], K, n_threads))
    for d in (64, 128, 384, 768, 1024):
        yield Point(f"d (n = {n // 2:,}, k = 100)", d, iteration_seconds(dense_rows(n // 2, d), K, n_threads))
    for k in (10, 100, 1_000, 10_000, 100_000):
        if k <= n // 2:
            seconds = iteration_seconds(X, k, n_threads, n_iter=6 if k <= 1_000 else 3)
            yield Point(f"k (n = {n:,}, d = 384)", k, seconds)
    rows = TfidfVectorizer().fit_transform(inputs.texts("arxiv_titles", int(250_000 * scale)))
    for part in (8, 4, 2, 1):
        head = rows[: rows.shape[0] // part]
        yield Point("nnz (CSR titles, k = 100)", head.nnz, iteration_seconds(head, K, n_threads))


def solvers(k: int, n_threads: int) -> dict[str, tuple[tuple[int, ...], Callable[[int], Any]]]:
    """Name: budgets, and what makes the estimator of a budget (iterations, or passes over the rows)."""
    same = {"random_state": 0, "n_threads": n_threads}
    passes = {"max_no_improvement": None, "batch_size": 1024, **same}
    return {
        "KMeans": ((1, 2, 4, 8, 16, 32), lambda m: KMeans(k, max_iter=m, tol=0, **same)),
        "MiniBatchKMeans": ((1, 2, 4, 8, 16), lambda m: MiniBatchKMeans(k, max_iter=m, **passes)),
        "EMAKMeans": ((1, 2, 4, 8, 16), lambda m: EMAKMeans(k, max_iter=m, **passes)),
        "KMeans from EMAKMeans": (
            (1, 2, 4, 8, 16),
            lambda m: KMeans(
                k,
                max_iter=m,
                tol=0,
                init=EMAKMeans(max_iter=2, max_no_improvement=None, compute_labels=False),
                **same,
            ),
        ),
        "TwoLevelKMeans": ((2, 5, 25), lambda m: TwoLevelKMeans(k, max_iter=m, **same)),
    }


def convergence(X: np.ndarray, k: int, n_threads: int) -> Iterator[tuple[str, int, float, float]]:
    """Solver, budget, seconds of the fit and inertia of all rows to its centres, measured by the same function."""
    for name, (budgets, make) in solvers(k, n_threads).items():
        for budget in budgets:
            model = make(budget)
            started = time.perf_counter()
            model.fit(X)
            yield name, budget, time.perf_counter() - started, -model.score(X)


def embeddings(n: int) -> tuple[np.ndarray, str]:
    """Real embeddings where their model is installed, else generated rows; and what they are."""
    if missing := minilm.missing():
        return dense_rows(n, D), f"{n:,} generated rows of {D} ({', '.join(missing)} not installed)"
    return minilm.embeddings(inputs.texts("arxiv_titles", n))[0], f"MiniLM embeddings of {n:,} arXiv titles"


def plot(
    path: Path, panels: dict[str, dict[str, list[tuple[float, float]]]], x_label: str, y_label: str
) -> None:
    """Draw log-log lines, a panel each; deterministic SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "coterie"
    from matplotlib import pyplot, ticker

    thousands = ticker.EngFormatter()  # 100 k instead of 10^5
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.6), squeeze=False)
    for axis, (title, series) in zip(axes[0], panels.items(), strict=True):
        for name, points in series.items():
            axis.plot(*zip(*points, strict=True), marker="o", label=name)
        axis.set(
            xscale="log", yscale="log", title=title, xlabel=x_label or title.split(" ")[0], ylabel=y_label
        )
        for side in (axis.xaxis, axis.yaxis):  # no numbers upon each other
            low, high = side.get_data_interval()
            side.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
            side.set_major_formatter(thousands if low >= 1000 or high >= 10_000 else "{x:g}")
            side.set_minor_formatter(ticker.NullFormatter())
        axis.grid(True, which="both", alpha=0.25)
        if len(series) > 1:
            axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers of rows")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    points = list(growth(options.threads, options.scale))
    X, what = embeddings(int(20_000 * options.scale))
    runs = list(convergence(X, K, options.threads))
    best = min(inertia for *_, inertia in runs)

    place = machine.describe()
    lines = [
        "# Growth and convergence",
        "",
        f"Generated by `python -m bench.curves {' '.join(sys.argv[1:])}` on {place['date']}; do not edit. "
        f"{place['cpu']}, {place['cores']} cores, {options.threads} threads, load average before the run "
        f"{place['load_average_before']:.2f}.",
        "",
        "Seconds of one iteration of Lloyd's algorithm (median of those after the first) as one size grows:",
        "",
        "![growth](growth.svg)",
        "",
        "| what grows | value | seconds |",
        "|---|---:|---:|",
        *(f"| {p.series} | {p.x:,.0f} | {p.seconds:.4f} |" for p in points),
        "",
        f"Inertia against seconds of a whole fit, seeding included, k = {K}, on {what}; each point is a fit of its "
        "own with that budget of iterations or passes:",
        "",
        "![convergence](convergence.svg)",
        "",
        "| solver | budget | seconds | inertia | above the best |",
        "|---|---:|---:|---:|---:|",
        *(f"| {n} | {b} | {s:.3f} | {i:,.1f} | {i / best - 1:.2%} |" for n, b, s, i in runs),
        "",
    ]
    (options.output / "CURVES.md").write_text("\n".join(lines))
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for p in points:
        panels.setdefault(p.series, {}).setdefault("coterie", []).append((p.x, p.seconds))
    plot(options.output / "growth.svg", panels, "", "seconds per iteration")
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, _, seconds, inertia in runs:
        curves.setdefault(name, []).append((seconds, inertia))
    plot(options.output / "convergence.svg", {what: curves}, "seconds", "inertia")
    return 0


if __name__ == "__main__":
    sys.exit(main())
