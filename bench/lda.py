"""``python -m bench.lda``: CPU seconds and held-out perplexity of each LDA, iterations by iterations.

CPU time, unlike wall time, says something on a machine that does other work too. One model for each line; the input,
the rivals and the perplexity are those of ``bench.peers``. ``--publish`` measures what docs/topics.md shows: what each
library takes, and what coterie takes to come to the perplexity that it ends with.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from bench import machine
from bench.peers import gates, inputs
from bench.peers.rivals import lda
from coterie import DirichletMixture

PAGE = Path(__file__).resolve().parents[1] / "docs" / "topics.md"
BEGIN, END = "<!-- bench.lda -->", "<!-- end of bench.lda -->"
# (corpus, documents, topics, seeds, runs). scikit-learn and gensim with as many passes as end within half a minute.
PUBLISHED = (
    ("20newsgroups", 3000, 50, 3, ("tomotopy=200",)),
    ("20newsgroups", 3000, 50, 1, ("scikit-learn=10", "gensim=5")),
    ("20newsgroups", 3000, 1000, 1, ("tomotopy=50",)),
    ("arxiv_abstracts", 6000, 50, 3, ("tomotopy=200",)),
    ("arxiv_abstracts", 6000, 50, 1, ("scikit-learn=10", "gensim=3")),
    ("arxiv_abstracts", 6000, 1000, 1, ("tomotopy=50",)),
    ("arxiv_titles", 250_000, 50, 1, ("tomotopy=100", "scikit-learn=1", "gensim=1")),
    ("arxiv_titles", 250_000, 1000, 1, ("tomotopy=20",)),
)
N_HELD_OUT = 300  # documents that the perplexity is measured on
# These work in processes that outlive the fit, whose time nobody tells; with one thread they do not.
IN_PROCESSES = ("scikit-learn", "gensim")
# Numbers of iterations that are tried for a perplexity to reach, each a twelfth more than the last.
LADDER = tuple(sorted({round(5 * (13 / 12) ** i) for i in range(60)}))


@dataclass(frozen=True)
class Measured:
    """Means over the seeds, and the spread of the perplexity."""

    library: str
    iterations: int
    seconds: float
    perplexity: float
    least: float
    most: float


def cpu_seconds() -> float:
    """Return what this process and its ended children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def measure(data: lda.Data, k: int, asked: str, n_seeds: int, n_threads: int) -> Measured:
    name, _, iterations = asked.partition("=")
    seconds, found = [], []
    for seed in range(n_seeds):
        params = {"k": k, "iterations": {name: int(iterations)}, "seed": seed}
        run, answer = lda.RIVALS[name](data, params, n_threads)
        started = cpu_seconds()
        with threadpool_limits(n_threads):  # a BLAS that waits would be counted too
            result = run()
        multiprocessing.active_children()  # waits for those that have ended, whose time then counts
        seconds.append(cpu_seconds() - started)
        found.append(gates.perplexity(answer(result), data["held_out"]))
    mean = sum(found) / n_seeds
    return Measured(name, int(iterations), sum(seconds) / n_seeds, mean, min(found), max(found))


def reach(data: lda.Data, k: int, perplexity: float, n_seeds: int, n_threads: int) -> Measured:
    """Return coterie with the fewest iterations of LADDER that come to a perplexity, else with the most."""
    low, high = 0, len(LADDER) - 1
    found: dict[int, Measured] = {}
    while low < high:
        middle = (low + high) // 2
        found[middle] = measure(data, k, f"coterie={LADDER[middle]}", n_seeds, n_threads)
        low, high = (low, middle) if found[middle].perplexity <= perplexity else (middle + 1, high)
    return found.get(low) or measure(data, k, f"coterie={LADDER[low]}", n_seeds, n_threads)


def compared(
    corpus: str, limit: int, k: int, runs: tuple[str, ...], n_seeds: int, n_threads: int
) -> list[str]:
    """Return a row of the published table for each rival."""
    data = inputs.load({"kind": "counts", "corpus": corpus, "limit": limit})
    data["held_out"] = data["held_out"][:N_HELD_OUT]
    rows = []
    for asked in runs:
        started = time.perf_counter()
        of_run = 1 if asked.startswith(IN_PROCESSES) else n_threads
        rival = measure(data, k, asked, n_seeds, of_run)
        ours = reach(data, k, rival.perplexity, n_seeds, of_run)
        times = (
            f"{rival.seconds / ours.seconds:.1f}" if ours.perplexity <= rival.perplexity else "not reached"
        )
        seeds = " (3 seeds)" if n_seeds == 3 else ""
        rows.append(
            f"| {corpus}, {data['X'].sum():,.0f} tokens | {k:,} | {rival.library}, {rival.iterations}{seeds} | "
            f"{rival.seconds:.2f} | {rival.perplexity:.1f} | {ours.iterations} | {ours.seconds:.2f} | "
            f"{ours.perplexity:.1f} | {times} |"
        )
        print(f"{rows[-1]}  ({time.perf_counter() - started:.0f} s)", flush=True)
    return rows


def publish(n_threads: int, most: int | None) -> None:
    """Measure PUBLISHED and put the table between the marks of the page; only print it if documents are limited."""
    described = machine.describe()
    lines = [
        BEGIN,
        f"`python -m bench.lda --publish --threads {n_threads}`, {described['date']}, "
        f"{described['cpu']} ({described['cores']} cores), coterie {described['coterie']}; one seed, or means over "
        "three. Each library with some iterations (passes), and coterie with the fewest that come to its perplexity; "
        f"{' and '.join(IN_PROCESSES)} beside coterie with one thread, as their processes' time cannot be counted.",
        "",
        "| corpus | topics | library, iterations | CPU s | perplexity | coterie, iterations | CPU s | perplexity "
        "| times |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for corpus, limit, k, n_seeds, runs in PUBLISHED:
        lines += compared(corpus, min(limit, most or limit), k, runs, n_seeds, n_threads)
        if most is None:  # after each corpus, so that a run that is cut short leaves what it measured
            page = PAGE.read_text(encoding="utf-8")
            before, after = page[: page.index(BEGIN)], page[page.index(END) :]
            PAGE.write_text(before + "\n".join([*lines, ""]) + after, encoding="utf-8")
    if most is not None:
        print("\n".join(lines[1:]))


def time_mixture(data: lda.Data, n_clusters: int, n_passes: int, n_threads: int) -> None:
    mixture = DirichletMixture(n_clusters, max_iter=n_passes, random_state=0, n_threads=n_threads)
    started = cpu_seconds()
    mixture.fit(data["X"])
    used = (cpu_seconds() - started) / (n_passes + 1)  # the last pass takes the most probable clusters
    n_documents, n_terms = data["X"].shape
    print(f"{n_documents:,} documents, {n_terms:,} terms, {data['X'].nnz:,} counts: {used:.2f} CPU s a pass")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lda", description=__doc__)
    parser.add_argument("--corpus", default="20newsgroups", choices=sorted(inputs.CORPORA))
    parser.add_argument(
        "--limit",
        type=int,
        help="documents (default: 3000); with --publish of each corpus, and the page stays as it is",
    )
    parser.add_argument("-k", type=int, default=50, help="topics (default: 50)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1, help="runs of each; means are printed (default: 1)")
    parser.add_argument(
        "--publish", action="store_true", help="measure what docs/topics.md shows, write it there"
    )
    parser.add_argument(
        "--mixture", type=int, help="time passes of DirichletMixture with so many clusters instead"
    )
    parser.add_argument(
        "runs", nargs="*", metavar="LIBRARY=ITERATIONS", help=f"of {', '.join(lda.RIVALS)}: tomotopy=200"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.publish:
        publish(options.threads, options.limit)
        return
    data = inputs.load({"kind": "counts", "corpus": options.corpus, "limit": options.limit or 3000})
    if options.mixture:
        time_mixture(data, options.mixture, 10, options.threads)
        return
    print(f"{data['X'].sum():,.0f} tokens of {data['X'].shape[1]:,} terms, {options.k} topics")
    for asked in options.runs:
        row = measure(data, options.k, asked, options.seeds, options.threads)
        print(
            f"{row.library:14s} {row.iterations:5d} iterations  {row.seconds:8.2f} CPU s  "
            f"perplexity {row.perplexity:8.1f} ({row.least:.1f} to {row.most:.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
