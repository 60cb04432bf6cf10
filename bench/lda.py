"""``python -m bench.lda``: CPU seconds and held-out perplexity of each LDA, iterations by iterations.

CPU time, unlike wall time, says something on a machine that does other work too. One model for each line; the input,
the rivals and the perplexity are those of ``bench.peers``.
"""

from __future__ import annotations

import argparse
import resource
import warnings

from bench.peers import gates, inputs
from bench.peers.rivals import lda


def cpu_seconds() -> float:
    """Return what this process and its ended children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lda", description=__doc__)
    parser.add_argument("--corpus", default="20newsgroups", choices=sorted(inputs.CORPORA))
    parser.add_argument("--limit", type=int, default=3000, help="documents (default: 3000)")
    parser.add_argument("-k", type=int, default=50, help="topics (default: 50)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1, help="runs of each; means are printed (default: 1)")
    parser.add_argument(
        "runs", nargs="+", metavar="LIBRARY=ITERATIONS", help=f"of {', '.join(lda.RIVALS)}: tomotopy=200"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    data = inputs.load({"kind": "counts", "corpus": options.corpus, "limit": options.limit})
    print(f"{data['X'].sum():,.0f} tokens of {data['X'].shape[1]:,} terms, {options.k} topics")
    for asked in options.runs:
        name, _, iterations = asked.partition("=")
        seconds, found = [], []
        for seed in range(options.seeds):
            params = {"k": options.k, "iterations": {name: int(iterations)}, "seed": seed}
            run, answer = lda.RIVALS[name](data, params, options.threads)
            started = cpu_seconds()
            result = run()
            seconds.append(cpu_seconds() - started)
            found.append(gates.perplexity(answer(result), data["held_out"]))
        spread = f" ({min(found):.1f} to {max(found):.1f})" if options.seeds > 1 else ""
        print(
            f"{name:14s} {iterations:>5s} iterations  {sum(seconds) / options.seeds:8.2f} CPU s  "
            f"perplexity {sum(found) / options.seeds:8.1f}{spread}",
            flush=True,
        )


if __name__ == "__main__":
    main()
