"""GPU tests: skipped with the reason where there is no GPU; a table of what ran comes last.

``COTERIE_GPU_BUDGET``: seconds after which no further test is begun. With it a GPU that is missing is a failure.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from coterie import _core

HERE = Path(__file__).resolve().parent


BEGIN = time.monotonic()


def pytest_runtest_setup():
    budget = float(os.environ.get("COTERIE_GPU_BUDGET", "inf"))
    if time.monotonic() - BEGIN > budget:
        pytest.skip(f"no time left of COTERIE_GPU_BUDGET={budget:g} s")


def pytest_collection_modifyitems(items):
    """Libraries of another release warn of other things; here only bits count."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


def is_a_gpu_here():
    return any(Path("/dev", name).exists() for name in ("nvidia0", "nvidiactl", "dxg"))


@pytest.fixture(scope="session")
def device(request):
    state = _core.cuda_state()
    if state["problem"]:
        # Who asks for these tests on a machine with a GPU must not take a build without CUDA for a success.
        was_asked = request.config.option.markexpr == "gpu" and is_a_gpu_here()
        answer = pytest.fail if was_asked or "COTERIE_GPU_BUDGET" in os.environ else pytest.skip
        answer(f"no GPU: {state['problem']}")
    return _core.Device("cuda")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    result = yield  # all that others say comes before
    print_table(terminalreporter)
    return result


def print_table(terminalreporter):
    counts: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.split("[")[0]
            if "tests/gpu/" in name and (HERE / name.split("::")[0].rsplit("/", 1)[-1]).is_file():
                test = name.split("tests/gpu/")[1]
                counts.setdefault(test, Counter())[outcome] += 1
                seconds[test] += report.duration
    if all(set(c) == {"skipped"} for c in counts.values()):
        return
    facts = _core.cuda_state()
    where = ", ".join(d["name"] for d in facts["devices"]) or facts["problem"]
    terminalreporter.section(f"on {where}, {time.monotonic() - BEGIN:.0f} s")
    for test, c in sorted(counts.items()):
        found = ", ".join(f"{n} {what}" for what, n in sorted(c.items()))
        terminalreporter.line(f"{test:<75} {seconds[test]:>7.1f} s  {found}")
