"""Runs the rivals of a case alternately, each in its own process, after checking their answers."""

from __future__ import annotations

import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.machine import cpu_flags
from bench.peers import cases, inputs
from bench.roofline import ROOT, Ceilings

REFERENCES = (
    "tomotopy",
    "scikit-learn",
    "faiss",
    "sparse_dot_topn",
)  # the first of these that a case has is compared with
PAUSE = 0.3  # seconds between runs, for the spinning threads of the last one to sleep


def environment(rival: str, n_threads: int) -> dict[str, str]:
    """Return the environment that limits every library to n_threads."""
    variables = ("OMP", "OPENBLAS", "MKL", "POLARS", "COTERIE")
    names = [f"{v}_{'MAX' if v == 'POLARS' else 'NUM'}_THREADS" for v in variables]
    result = {**os.environ, **dict.fromkeys(names, str(n_threads))}
    if rival == "faiss" and "avx512f" in cpu_flags():
        result["OPENBLAS_CORETYPE"] = (
            "SkylakeX"  # its OpenBLAS takes newer CPUs for older ones, 3 to 10 times slower
        )
    if any((ROOT / "python/coterie").glob("_core.*.so")):  # built in place; else it is installed
        result["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(ROOT / "python"), os.environ.get("PYTHONPATH")])
        )
    return result


class Worker:
    """A rival's process, kept on the first n_threads of the cores that this process may use."""

    def __init__(self, size: str, number: int, rival: str, n_threads: int) -> None:
        arguments = [size, str(number), rival, str(n_threads)]
        cores = set(sorted(os.sched_getaffinity(0))[:n_threads])
        self.rival = rival
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.peers.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment(rival, n_threads),
            cwd=ROOT,
        )
        os.sched_setaffinity(self._process.pid, cores)
        self.started = self._read()

    def ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def answer(self) -> dict[str, Any]:
        """Return the arrays of the last run."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer"
            if "saved" not in self.ask(f"answer {path}"):
                raise RuntimeError(f"{self.rival} gave no answer")
            return dict(pickle.loads(path.read_bytes()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return dict(json.loads(line))
        self._process.wait()
        self._log.seek(0)
        last = self._log.read().strip().splitlines()[-1:]
        return {"failed": f"exit status {self._process.returncode}: {' '.join(last)}"}


def measure_case(size: str, number: int, n_threads: int, budget: float, ceilings: Ceilings) -> dict[str, Any]:
    """Return the row of one case: what each rival found, took and weighed."""
    case = cases.SIZES[size][number]
    data = inputs.load(case.input)
    workers, rivals = [], {}
    for name in case.rivals:
        worker = Worker(size, number, name, n_threads)
        if "ready" in worker.started:
            workers.append(worker)
        else:
            rivals[name] = {"note": worker.started.get("missing") or worker.started.get("failed")}
            worker.close()
    try:
        workers, answers, checked = _check(case, data, workers, budget)
        rivals |= checked
        _time(workers, rivals, budget)
    finally:
        for worker in workers:
            worker.close()
    row = {"case": case.name, "n_threads": n_threads, "rivals": rivals}
    if "coterie" in answers and "seconds" in rivals["coterie"]:
        answer, seconds = answers["coterie"], rivals["coterie"]["median"]
        work = case.work(data, case.params, answer)
        amount, unit = case.rate(data, case.params, answer)
        least = ceilings.least_seconds(work)
        row |= {"rate": amount / seconds, "unit": f"{unit}/s", "bytes": work.bytes, "flops": work.flops}
        row |= {"binds": ceilings.binds(work), "least_seconds": least, "fraction_of_ceiling": least / seconds}
    return row


def _check(
    case: cases.Case, data: Any, workers: list[Worker], budget: float
) -> tuple[list[Worker], Any, Any]:
    """Let each rival run once and compare what it found; those that pass go on to be timed.

    One whose first run alone took more than the budget is not run again: that run counts.
    """
    answers, rivals, measured = {}, {}, {}
    for worker in workers:
        first = worker.ask("run")
        if "seconds" in first:
            answers[worker.rival] = worker.answer()
        rivals[worker.rival] = {"note": first.get("failed"), "first_seconds": first.get("seconds")}
        measured[worker.rival] = {"cpu_seconds": first.get("cpu_seconds"), "peak_memory": first.get("rss")}
    reference = next((answers[name] for name in REFERENCES if name in answers), None)
    passed = []
    for worker in workers:
        if worker.rival in answers and reference is not None:
            good, finding = case.gate(answers[worker.rival], reference, data)
            rivals[worker.rival]["found"] = finding
            seconds = rivals[worker.rival]["first_seconds"]
            if good and (seconds <= budget or worker.rival == "coterie"):
                passed.append(worker)
                continue
            if good:
                rivals[worker.rival] |= measured[worker.rival] | _summary([seconds])
            else:
                rivals[worker.rival]["note"] = f"its answer does not pass; one run took {seconds:.1f} s"
        worker.close()
    return passed, answers, rivals


def _time(workers: list[Worker], rivals: dict[str, Any], budget: float) -> None:
    """Alternate runs until the budget in seconds is used, at least 3 rounds (1 when a round takes all of it)."""
    seconds: dict[str, list[float]] = {worker.rival: [] for worker in workers}
    started, rounds = time.perf_counter(), 0
    while workers and rounds < 15:
        for worker in workers if rounds % 2 == 0 else reversed(workers):
            time.sleep(PAUSE)
            taken = worker.ask("run")
            seconds[worker.rival].append(taken["seconds"])
            rivals[worker.rival] |= {"cpu_seconds": taken["cpu_seconds"], "peak_memory": taken["rss"]}
        rounds += 1
        used = time.perf_counter() - started
        if used > budget or (rounds >= 3 and used * (rounds + 1) / rounds > budget):
            break
    for name, values in seconds.items():
        rivals[name] |= _summary(values)


def _summary(seconds: list[float]) -> dict[str, Any]:
    median = statistics.median(seconds)
    return {"seconds": seconds, "median": median, "fastest": min(seconds), "slowest": max(seconds)}
