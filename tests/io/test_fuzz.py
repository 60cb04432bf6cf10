"""A short run of the fuzzer, in its own process because a loader that crashes would take the tests with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")


@pytest.mark.parametrize(("what", "n_rounds"), [("readers", 20), ("models", 6)])
def test_damaged_files_are_read_or_refused(what: str, n_rounds: int) -> None:
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), what, "20261122", str(n_rounds)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    outcomes = json.loads(run.stdout)
    n_refused = sum(count for name, count in outcomes.items() if name.endswith("refused"))
    n_files = len({name.split()[0] for name in outcomes})
    assert sum(outcomes.values()) == n_rounds * n_files
    assert n_refused > sum(outcomes.values()) // 2
