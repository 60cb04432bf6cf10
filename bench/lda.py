"""``python -m bench.lda``: CPU seconds and held-out perplexity of each LDA, iterations by iterations.

CPU time, unlike wall time, says something on a machine that does other work too. One model for each line; the input,
the rivals and the perplexity are those of ``bench.peers``. ``--publish`` measures what docs/topics.md shows.
"""

from __future__ import annotations

import argparse
import resource
import warnings
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.peers import gates, inputs
from bench.peers.rivals import lda
from coterie import DirichletMixture

PAGE = Path(__file__).resolve().parents[1] / "docs" / "topics.md"
BEGIN, END = "<!-- bench.lda -->", "<!-- end of bench.lda -->"
# (corpus, documents, topics, runs); the iterations are those that bring coterie near tomotopy's perplexity
PUBLISHED = (
    ("20newsgroups", 3000, 50, ("coterie=310", "tomotopy=200", "scikit-learn=5", "gensim=5")),
    ("20newsgroups", 3000, 1000, ("coterie=220", "tomotopy=50")),
    ("arxiv_abstracts", 6000, 50, ("coterie=310", "tomotopy=200")),
    ("arxiv_abstracts", 6000, 1000, ("coterie=220", "tomotopy=50")),
    ("arxiv_titles", 250_000, 50, ("coterie=310", "tomotopy=200")),
    ("arxiv_titles", 250_000, 1000, ("coterie=220", "tomotopy=50")),
)


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
        result = run()
        seconds.append(cpu_seconds() - started)
        found.append(gates.perplexity(answer(result), data["held_out"]))
    mean = sum(found) / n_seeds
    return Measured(name, int(iterations), sum(seconds) / n_seeds, mean, min(found), max(found))


def publish(n_seeds: int, n_threads: int) -> None:
    """Measure PUBLISHED and put the table between the marks of the page."""
    described = machine.describe()
    lines = [
        BEGIN,
        f"`python -m bench.lda --publish --seeds {n_seeds}`, {described['date']}, {described['cpu']} "
        f"({described['cores']} cores), coterie {described['coterie']}; CPU seconds, means over the seeds.",
        "",
        "| corpus | topics | library | iterations | CPU s | perplexity | times coterie |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for corpus, limit, k, runs in PUBLISHED:
        data = inputs.load({"kind": "counts", "corpus": corpus, "limit": limit})
        tokens = f"{corpus}, {data['X'].sum():,.0f} tokens"
        rows = [measure(data, k, asked, n_seeds, n_threads) for asked in runs]
        for row in rows:
            lines.append(
                f"| {tokens} | {k:,} | {row.library} | {row.iterations} | {row.seconds:.2f} | "
                f"{row.perplexity:.1f} | {row.seconds / rows[0].seconds:.1f} |"
            )
            print(lines[-1], flush=True)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    PAGE.write_text(before + "\n".join([*lines, ""]) + after, encoding="utf-8")


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
    parser.add_argument("--limit", type=int, default=3000, help="documents (default: 3000)")
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
        publish(options.seeds, options.threads)
        return
    data = inputs.load({"kind": "counts", "corpus": options.corpus, "limit": options.limit})
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
