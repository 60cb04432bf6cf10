"""``pytest -m gpu`` within a time limit, by itself or under compute-sanitizer; its table of what ran comes last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

from bench.gpu.build import ROOT, environment

# What a sanitizer runs: every program, on small sizes; under it a kernel is some hundred times slower.
_SANITIZED = {
    "memcheck": "every_size or adversarial or streamed or words or stay",
    "racecheck": "every_size or batches or stay",
}
_MARGIN = 20.0  # seconds for what is running when the time is up


def run_tests(budget: float, tool: str | None, selected: str | None) -> int:
    """Run the GPU tests; those not begun within ``budget`` seconds are skipped and say so. Return the exit status."""
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-p", "no:cacheprovider"]
    # Other versions of other libraries warn of other things; here only bits count.
    command += ["-o", "filterwarnings=default", "--disable-warnings"]
    chosen = selected or _SANITIZED.get(tool or "")
    if chosen:
        command += ["-k", chosen]
    if tool is not None:
        checker = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
        command = [checker, "--tool", tool, "--error-exitcode", "3", *command]
    begin = time.monotonic()
    settings = {**environment(), "COTERIE_GPU_BUDGET": str(max(budget - _MARGIN, 1.0))}
    try:
        status = subprocess.run(command, cwd=ROOT, env=settings, timeout=budget + 60, check=False).returncode
    except FileNotFoundError as error:
        raise SystemExit(f"{error.filename} is not installed") from None
    except subprocess.TimeoutExpired:
        print(f"stopped: a test did not end within {budget + 60:.0f} s", flush=True)
        status = 124
    what = f"compute-sanitizer {tool}" if tool else "pytest -m gpu"
    outcome = {0: "nothing is wrong", 3: "compute-sanitizer found errors", 124: "out of time"}
    print(f"{what}: {outcome.get(status, 'FAILED')}, {time.monotonic() - begin:.0f} s, {os.cpu_count()} CPUs")
    return status
