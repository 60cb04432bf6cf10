"""The report as a page with everything, and as the table of docs/encode.md."""

from __future__ import annotations

import re
from typing import Any

from bench.roofline import ROOT

MARKS = re.compile(r"(<!-- measured: encode.*?-->\n).*?(<!-- /measured -->)", re.DOTALL)
REFERENCE = "sentence-transformers torch float32"


def page(report: dict[str, Any]) -> str:
    """Render every number, a table for each kind of texts."""
    unit = _unit(report)
    lines = [
        "# Encoding by MiniLM\n",
        _conditions(report),
        f"\nMedian {unit} and spread; ratio to {REFERENCE}; cosine and ARI of 20 clusters compare with its rows:"
        " by K-means from the same start, and with the centres of its rows kept.",
    ]
    for kind, found in report["kinds"].items():
        lines += [f"\n## {_described(kind, found)}\n"]
        lines += [f"| | {unit} | spread | ratio | cosine (least) | ARI | same centres |"]
        lines += ["|---|---:|---:|---:|---:|---:|---:|"]
        for name, result in found["rivals"].items():
            if "documents_per_second" not in result:
                lines.append(
                    f"| {name} | {result.get('note', 'not timed: its rows do not pass')} | | | | | |"
                )
                continue
            seconds = sorted(result["seconds"])
            spread = (seconds[-1] - seconds[0]) / seconds[len(seconds) // 2]
            lines.append(
                f"| {name} | {result['documents_per_second']:,.0f} | {spread:.0%} | {_ratio(found, result)} |"
                f" {result['cosine']:.5f} ({result['cosine_min']:.5f}) | {result['ari']:.3f} |"
                f" {result['ari_same_centres']:.4f} |"
            )
    return "\n".join(lines) + "\n"


def summary(report: dict[str, Any]) -> str:
    """Render one table: a row for each rival, a rate, a ratio and an agreement of clusters for each kind."""
    kinds = report["kinds"]
    lines = [
        f"{_conditions(report)} Median {_unit(report)}, the ratio to sentence-transformers in float32, and how far 20"
        " clusters agree with those of its rows (ARI).",
        "",
        *(f"- {_described(kind, found)}" for kind, found in kinds.items()),
        "",
        "| | " + " | ".join(f"{kind} | ARI" for kind in kinds) + " |",
        "|---" + "|---:|---:" * len(kinds) + "|",
    ]
    names = dict.fromkeys(name for found in kinds.values() for name in found["rivals"])
    for name in names:
        cells = []
        for found in kinds.values():
            result = found["rivals"].get(name, {})
            timed = "documents_per_second" in result
            cells += (
                [
                    f"{result['documents_per_second']:,.0f} ({_ratio(found, result)})",
                    f"{result['ari']:.3f}",
                ]
                if timed
                else [result.get("note", "not measured"), ""]
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def publish(report: dict[str, Any]) -> None:
    """Put the summary into docs/encode.md, between its marks."""
    path = ROOT / "docs" / "encode.md"
    text, replaced = MARKS.subn(
        lambda m: m[1] + summary(report) + "\n" + m[2], path.read_text(encoding="utf-8")
    )
    if replaced != 1:
        raise ValueError(f"{path} must have the marks of the measured table once; found {replaced} times")
    path.write_text(text, encoding="utf-8")


def _unit(report: dict[str, Any]) -> str:
    return "documents/s" if report["clock"] == "wall" else f"documents per {report['threads']} CPU seconds"


def _conditions(report: dict[str, Any]) -> str:
    described = report["machine"]
    own, peers = (
        ", ".join(f"{name} {version}" for name, version in report[key].items() if version)
        for key in ("packages", "peer_packages")
    )
    return (
        f"`{report['command']}`, {described['date']}, {described['cpu']}, {described['cores']} cores,"
        f" {report['threads']} threads, load before {described['load_average_before']}. coterie with {own}; its peers"
        f" with {peers}."
    )


def _described(kind: str, found: dict[str, Any]) -> str:
    mean = found["n_words"] / found["n_texts"]
    return f"{kind}: {found['n_texts']:,} texts of {mean:.0f} words on average ({', '.join(found['sets'])})"


def _ratio(found: dict[str, Any], result: dict[str, Any]) -> str:
    own = found["rivals"].get(REFERENCE, {}).get("documents_per_second")
    return f"{result['documents_per_second'] / own:.2f}x" if own else ""
