"""``python -m bench.journey``: `coterie cluster` from a file to a report, as a user runs it. Time and peak memory."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, roofline
from bench.peers import inputs


def run(command: list[str], n_threads: int | None) -> tuple[float, int]:
    """Run the command to its end; return wall seconds and its largest resident size in bytes."""
    environment = dict(os.environ)
    if n_threads is not None:
        environment["COTERIE_NUM_THREADS"] = environment["OMP_NUM_THREADS"] = str(n_threads)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.journey", description=__doc__)
    parser.add_argument("--input", default="arxiv_titles/train.jsonl.gz", help="a file of the data folder")
    parser.add_argument("--n-clusters", type=int, default=100)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    source = inputs.data_folder() / options.input
    runs = []
    for _ in range(options.runs):
        folder = Path(tempfile.mkdtemp())
        command = [sys.executable, "-m", "coterie", "cluster", str(source), "--text-field", "text"]
        command += ["--n-clusters", str(options.n_clusters), "--output", str(folder / "out"), "--report"]
        try:
            seconds, memory = run(command, options.threads)
            report = (folder / "out" / "report.html").stat().st_size
        finally:
            shutil.rmtree(folder)
        runs.append({"seconds": seconds, "peak_memory_mib": memory / 2**20, "report_bytes": report})
        print(f"{seconds:.1f} s, {memory / 2**20:,.0f} MiB at most, report of {report / 1e6:.1f} MB")
    result = {"machine": machine.describe(), "input": options.input, "options": vars(options), "runs": runs}
    roofline.BUILD.mkdir(parents=True, exist_ok=True)
    (roofline.BUILD / "journey.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
