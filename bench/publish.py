"""``python -m bench.publish``: put the measured table of bench/results.json into README.md, between its marks."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from bench.roofline import ROOT

MARKS = re.compile(r"(<!-- measured:.*?-->\n).*?(<!-- /measured -->)", re.DOTALL)


def table(report: dict[str, Any]) -> str:
    """Render one line per row: coterie's median, every rival's, and how many times coterie is faster."""
    lines = ["| | threads | coterie | others |", "|---|---:|---:|---|"]
    for row in report["rows"]:
        medians = {name: r["median"] for name, r in row["rivals"].items() if "median" in r}
        own = medians.pop("coterie", None)
        if own is None:
            continue
        rivals = {name: m for name, m in medians.items() if not name.startswith("coterie")}
        others = ", ".join(f"{name} {m:.3g} s ({m / own:.1f}x)" for name, m in rivals.items())
        lines.append(f"| {row['case']} | {row['n_threads']} | {own:.3g} s | {others} |")
    machine = report["machine"]
    dates = sorted({row["on"]["date"] for row in report["rows"]})
    source = (
        "Median seconds, and in brackets how many times longer than coterie. `python -m bench --threads 2`, "
        f"{' and '.join(dates)}, {machine['cpu']}, {machine['cores']} cores; spread, quality, memory, versions and "
        "ceilings in [bench/RESULTS.md](bench/RESULTS.md)."
    )
    return "\n".join([*lines, "", source, ""])


def main() -> int:
    readme = ROOT / "README.md"
    report = json.loads((ROOT / "bench" / "results.json").read_text())
    text, replaced = MARKS.subn(lambda m: m[1] + table(report) + m[2], readme.read_text(encoding="utf-8"))
    if replaced != 1:
        raise ValueError(f"README.md must have the marks of the measured table once; found {replaced} times")
    readme.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
