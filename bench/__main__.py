"""``python -m bench``: measure coterie beside its rivals, write RESULTS.md and results.json."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from bench import machine, roofline
from bench.peers import cases, measure, tables


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", dest="size", action="store_const", const="quick", help="finish in five minutes"
    )
    size.add_argument(
        "--tiny", dest="size", action="store_const", const="tiny", help="only see whether all runs"
    )
    parser.add_argument(
        "--only",
        default="",
        help="cases whose name contains one of these, separated by semicolons: 'K-means, dense; top-10'",
    )
    parser.add_argument("--threads", default="2,1", help="thread counts, one after the other (default: 2,1)")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder to write to (default: bench for the full size, else build/bench); rows that it holds "
        "and that are not measured now stay",
    )
    parser.add_argument(
        "--budget",
        type=float,
        help="seconds for the runs of a case after the first of each rival (default: 240; quick: 12)",
    )
    parser.set_defaults(size="full")
    return parser.parse_args()


def earlier_report(results: Path, cpu: str) -> dict[str, Any]:
    """Return the report that an output folder holds, to be added to, or one without rows."""
    if not results.exists():
        return {"ceilings": {}, "rows": []}
    report: dict[str, Any] = json.loads(results.read_text())
    if report["machine"]["cpu"] != cpu:
        raise SystemExit(
            f"{results} was measured on {report['machine']['cpu']}, this is {cpu}: "
            "rows of both do not belong into one table; give another --output"
        )
    return report


def merged(
    names: list[str], earlier: list[dict[str, Any]], measured: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return rows of these cases in their order, measured now or earlier; each says when."""
    rows = {(row["case"], row["n_threads"]): row for row in [*earlier, *measured] if row["case"] in names}
    return [rows[key] for key in sorted(rows, key=lambda key: (names.index(key[0]), -key[1]))]


def write(output: Path, report: dict[str, Any]) -> None:
    (output / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    (output / "RESULTS.md").write_text(tables.markdown(report))


def main() -> int:
    options = arguments()
    thread_counts = [int(n) for n in options.threads.split(",")]
    if options.size == "quick":
        thread_counts = thread_counts[:1]
    output = options.output or (roofline.ROOT / "bench" if options.size == "full" else roofline.BUILD)
    output.mkdir(parents=True, exist_ok=True)
    budget = {"full": 240.0, "quick": 12.0, "tiny": 0.0}[options.size]
    budget = budget if options.budget is None else options.budget
    wanted = [part.strip() for part in options.only.split(";")]
    names = [case.name for case in cases.SIZES[options.size]]
    if not any(part in name for part in wanted for name in names):
        raise SystemExit(f"--only={options.only!r} is in the name of no case: {'; '.join(names)}")
    described = machine.describe()
    before = earlier_report(output / "results.json", described["cpu"])
    ceilings = {n: roofline.measure(n) for n in thread_counts}
    rows: list[dict[str, Any]] = []
    report: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "machine": described,
        "ceilings": before["ceilings"] | {str(n): dataclasses.asdict(c) for n, c in ceilings.items()},
    }
    for number, case in enumerate(cases.SIZES[options.size]):
        if not any(part in case.name for part in wanted):
            continue
        for n_threads in thread_counts:
            print(f"{case.name}, {n_threads} threads ...", file=sys.stderr, flush=True)
            row = measure.measure_case(options.size, number, n_threads, budget, ceilings[n_threads])
            rows.append(row | {"on": {"date": described["date"], "coterie": described["coterie"]}})
            # After each row: a run that is stopped keeps what it measured.
            write(output, report | {"rows": merged(names, before["rows"], rows)})
    print((output / "RESULTS.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
