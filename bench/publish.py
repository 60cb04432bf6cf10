"""``python -m bench.publish``: put the measured tables of bench and bench/zen5 into README.md, between their marks."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from bench.roofline import ROOT

FOLDERS = ("bench", "bench/zen5")
MARKS = re.compile(r"(<!-- measured:.*?-->\n).*?(<!-- /measured -->)", re.DOTALL)

HEAD = "Median seconds, and in brackets how many times longer than coterie, by `python -m bench --threads 2`."


def table(report: dict[str, Any], folder: str) -> str:
    """Render one line per row: coterie's median, every rival's, and how many times coterie is faster."""
    machine = report["machine"]
    sets = set(machine["instruction_sets"])
    unit = "a tile unit (AMX)" if "amx_int8" in sets else "AVX-512 and no tile unit"
    dates = sorted({row["on"]["date"] for row in report["rows"]})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    source = (
        f"{machine['cpu']}, {machine['cores']} cores with {unit}, {when}; spread, quality, memory, versions and "
        f"ceilings in [{folder}/RESULTS.md]({folder}/RESULTS.md):"
    )
    lines = [source, "", "| | threads | coterie | others |", "|---|---:|---:|---|"]
    for row in report["rows"]:
        medians = {name: r["median"] for name, r in row["rivals"].items() if "median" in r}
        own = medians.pop("coterie", None)
        if own is None:
            continue
        rivals = {name: m for name, m in medians.items() if not name.startswith("coterie")}
        others = ", ".join(f"{name} {m:.3g} s ({m / own:.1f}x)" for name, m in rivals.items())
        lines.append(f"| {row['case']} | {row['n_threads']} | {own:.3g} s | {others} |")
    return "\n".join([*lines, ""])


def main() -> int:
    readme = ROOT / "README.md"
    tables = [table(json.loads((ROOT / folder / "results.json").read_text()), folder) for folder in FOLDERS]
    measured = "\n".join([HEAD, "", *tables])
    text, replaced = MARKS.subn(lambda m: m[1] + measured + m[2], readme.read_text(encoding="utf-8"))
    if replaced != 1:
        raise ValueError(f"README.md must have the marks of the measured table once; found {replaced} times")
    readme.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
