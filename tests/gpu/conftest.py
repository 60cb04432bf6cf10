"""GPU tests: skipped with the reason where there is no GPU; a table of what ran comes last."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from coterie import _core

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def device():
    state = _core.cuda_state()
    if state["problem"]:
        pytest.skip(f"no GPU: {state['problem']}")
    return _core.Device("cuda")


def pytest_terminal_summary(terminalreporter):
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.split("[")[0]
            if (HERE / name.split("::")[0].rsplit("/", 1)[-1]).is_file() and "tests/gpu/" in name:
                counts.setdefault(name.split("tests/gpu/")[1], Counter())[outcome] += 1
    if not counts or all(set(c) == {"skipped"} for c in counts.values()):
        return
    facts = _core.cuda_state()["devices"]
    terminalreporter.section("on " + ", ".join(d["name"] for d in facts))
    for name, c in sorted(counts.items()):
        terminalreporter.line(f"{name:<70} " + ", ".join(f"{n} {what}" for what, n in sorted(c.items())))
