"""``python -m bench.quality``: cluster every labelled set with every method, write RESULTS.md and results.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from bench import machine
from bench.quality import methods, sets, tables
from bench.quality.rows import FinishedRuns, Run
from coterie.evaluate import evaluate

HERE = Path(__file__).resolve().parent
QUICK_LIMIT = 1000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"2 seeds, {QUICK_LIMIT} documents of each set, into build/quality",
    )
    parser.add_argument(
        "--only", default="", help="sets whose name contains one of these, separated by commas"
    )
    parser.add_argument("--methods", default="", help="methods whose name contains one of these, by commas")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: 5; quick: 2)")
    parser.add_argument(
        "--limit", type=int, help="documents of each set that are scored, at most (default: all)"
    )
    parser.add_argument(
        "--corpus",
        type=int,
        help="documents of each set that methods without a model read, at most (default: the scored ones)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep what an earlier run measured: OUTPUT/runs.jsonl, of coterie only where its version is the same",
    )
    parser.add_argument("--output", type=Path, help="folder (default: bench/quality; quick: build/quality)")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    limit = options.limit or (QUICK_LIMIT if options.quick else None)
    n_seeds = options.seeds or (2 if options.quick else 5)
    output = options.output or (sets.ROOT / "build" / "quality" if options.quick else HERE)
    output.mkdir(parents=True, exist_ok=True)
    described = machine.describe()
    finished = FinishedRuns(output / "runs.jsonl", resume=options.resume)
    report: dict[str, Any] = {
        "command": " ".join(["python -m bench.quality", *sys.argv[1:]]),
        "machine": described,
        "n_seeds": n_seeds,
        "sets": [],
        "rows": [],
    }
    wanted = [labelled for labelled in sets.SETS if _wanted(labelled.name, options.only)]
    if not wanted:
        raise SystemExit(f"--only {options.only}: no set has such a name")
    for labelled in wanted:
        documents = sets.load(labelled, limit, options.corpus)
        report["sets"].append(_describe(documents))
        for method in methods.METHODS:
            if _wanted(method.name, options.methods):
                report["rows"].append(_measure(documents, method, n_seeds, finished, described["coterie"]))
        text = tables.markdown(
            report
        )  # after each set, so that a run that is cut short leaves what it measured
        (output / "results.json").write_text(json.dumps(report, indent=1) + "\n")
        (output / "RESULTS.md").write_text(text)
    print(text)
    return 0


def _wanted(name: str, parts: str) -> bool:
    return any(part.strip() in name for part in parts.split(","))


def _describe(documents: sets.Documents) -> dict[str, Any]:
    return {
        "set": documents.name,
        "language": documents.language,
        "n_documents": len(documents.classes),
        "n_read": len(documents.texts),
        "n_classes": documents.n_classes,
    }


def _measure(
    documents: sets.Documents, method: methods.Method, n_seeds: int, finished: FinishedRuns, version: str
) -> dict[str, Any]:
    """Return the scores and CPU seconds of a method, one of each per seed, or why it did not run."""
    row: dict[str, Any] = {"set": documents.name, "method": method.name}
    reason = method.unavailable(documents)
    if reason is not None:
        return row | {"skipped": reason}
    n_read = len(documents.texts if method.learns else documents.scored)
    runs = []
    for seed in range(n_seeds):
        of = version if method.is_ours else None
        run = Run(documents.name, n_read, method.name, seed, of)
        scores = finished.get(run)
        if scores is None:
            method.prepare(documents)
            scores = _run(documents, method, seed)
            finished.add(run, scores)
        runs.append(scores)
    print(f"{documents.name}: {method.name}: {tables.mean(runs, 'nmi'):.3f}", file=sys.stderr, flush=True)
    return row | {"n_read": n_read, "runs": runs}


def _run(documents: sets.Documents, method: methods.Method, seed: int) -> dict[str, float]:
    """Cluster once, in one thread: CPU seconds of waiting threads would be counted against those that wait most."""
    started = time.process_time()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        labels, elsewhere = method.run(documents, seed)
    seconds = time.process_time() - started + elsewhere
    labels = labels[: len(documents.classes)]
    scores = evaluate(documents.classes, labels)
    return {name: float(scores[name]) for name in ("nmi", "ari", "accuracy")} | {
        "seconds": seconds,
        "n_clusters": float(len(set(labels.tolist()))),
    }


if __name__ == "__main__":
    sys.exit(main())
