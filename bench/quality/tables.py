"""The results as Markdown: one table of all scores, one of the means, and the goals with what was reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.quality.methods import BASELINES, DEFAULT, MODEL

# Scores of each run; "seconds" is turned into seconds for each 1,000 documents that the method read.
Rows = dict[tuple[str, str], list[dict[str, float]]]


def mean(runs: list[dict[str, float]], name: str) -> float:
    return sum(run[name] for run in runs) / len(runs)


def spread(runs: list[dict[str, float]], name: str) -> float:
    """The sample standard deviation over the seeds; 0 for one seed."""
    if len(runs) < 2:
        return 0.0
    centre = mean(runs, name)
    return (sum((run[name] - centre) ** 2 for run in runs) / (len(runs) - 1)) ** 0.5


def markdown(report: dict[str, Any]) -> str:
    """Return the page that RESULTS.md holds."""
    rows: Rows = {(r["set"], r["method"]): _per_thousand(r) for r in report["rows"] if "runs" in r}
    methods = list(dict.fromkeys(r["method"] for r in report["rows"]))
    described = report["machine"]
    lines = [
        "# Quality of clusters",
        "",
        f"`{report['command']}`, {described['date']}, {described['cpu']} ({described['cores']} cores), "
        f"coterie {described['coterie']}.",
        "",
        "Each method makes as many clusters as the set has classes; mean (standard deviation) over "
        f"{report['n_seeds']} seeds; BERTopic finds its own number, and its documents without a topic count as one "
        "more cluster. NMI (arithmetic), ARI, accuracy by the best one-to-one matching, and CPU seconds of one thread "
        "from texts to labels for each 1,000 documents read (those of MiniLM's encoder, measured once, included).",
        "",
        *_reading(report),
        *_all_scores(report, rows, methods),
        *_means(report, rows, methods),
        *_goals(report, rows),
        *_skipped(report),
    ]
    return "\n".join(lines) + "\n"


def _per_thousand(row: dict[str, Any]) -> list[dict[str, float]]:
    return [run | {"seconds": 1000 * run["seconds"] / row["n_read"]} for run in row["runs"]]


def _reading(report: dict[str, Any]) -> list[str]:
    if all(entry["n_read"] == entry["n_documents"] for entry in report["sets"]):
        return []
    return [
        "Methods that know only what they read, scikit-learn's and coterie's, cluster the scored documents together "
        "with others of the set, of which nothing but the text is used; MiniLM and BERTopic, which know their words "
        "beforehand, cluster the scored ones.",
        "",
    ]


def _all_scores(report: dict[str, Any], rows: Rows, methods: list[str]) -> list[str]:
    lines = []
    for entry in report["sets"]:
        lines += [
            f"## {entry['set']} ({entry['language']})",
            "",
            f"{entry['n_documents']:,} documents, {entry['n_classes']} classes"
            + (f"; {entry['n_read']:,} read." if entry["n_read"] > entry["n_documents"] else "."),
            "",
            "| method | NMI | ARI | accuracy | s / 1,000 |",
            "|---|---|---|---|---|",
        ]
        for method in methods:
            runs = rows.get((entry["set"], method))
            if runs is None:
                continue
            cells = [
                f"{mean(runs, name):.3f} ({spread(runs, name):.3f})" for name in ("nmi", "ari", "accuracy")
            ]
            lines.append(f"| {method} | {' | '.join(cells)} | {mean(runs, 'seconds'):.2f} |")
        lines.append("")
    return lines


def _means(report: dict[str, Any], rows: Rows, methods: list[str]) -> list[str]:
    names = [entry["set"] for entry in report["sets"]]
    english = [entry["set"] for entry in report["sets"] if entry["language"] == "en"]
    lines = [
        "## Mean over the sets",
        "",
        "| method | NMI, all | NMI, English | s / 1,000, English |",
        "|---|---|---|---|",
    ]
    for method in methods:
        cells = [_mean_over(rows, names, method, "nmi"), _mean_over(rows, english, method, "nmi")]
        cells.append(_mean_over(rows, english, method, "seconds", "{:.2f}"))
        if any(cells):
            lines.append(f"| {method} | " + " | ".join(cell or "-" for cell in cells) + " |")
    return [*lines, ""]


def _mean_over(rows: Rows, names: list[str], method: str, score: str, form: str = "{:.3f}") -> str | None:
    found = [mean(rows[name, method], score) for name in names if (name, method) in rows]
    return form.format(sum(found) / len(found)) if found and len(found) == len(names) else None


def _goals(report: dict[str, Any], rows: Rows) -> list[str]:
    lines = ["## Goals of the default (no model, nothing to choose)", ""]
    names = [e["set"] for e in report["sets"] if all((e["set"], m) in rows for m in (DEFAULT, *BASELINES))]
    if names:

        def nmi(name: str, method: str) -> float:
            return mean(rows[name, method], "nmi")

        lines += _goals_against_baselines(names, nmi)
    both = [e["set"] for e in report["sets"] if all((e["set"], m) in rows for m in (DEFAULT, MODEL))]
    if both:
        ahead = [n for n in both if mean(rows[n, DEFAULT], "nmi") >= mean(rows[n, MODEL], "nmi")]
        tenth = [
            n for n in both if mean(rows[n, DEFAULT], "seconds") <= 0.1 * mean(rows[n, MODEL], "seconds")
        ]
        total = sum(mean(rows[n, DEFAULT], "seconds") for n in both)
        of_model = sum(mean(rows[n, MODEL], "seconds") for n in both)
        lines += [
            f"- At least {MODEL} on a third of the English sets: on {len(ahead)} of {len(both)} "
            f"({', '.join(ahead) or 'none'}).",
            f"- In a tenth of its CPU time for each document: {total / of_model:.2f} of it in all, on {len(tenth)} "
            f"of {len(both)} sets, and on {len(set(ahead) & set(tenth))} of those {len(ahead)}.",
        ]
    return [*lines, ""]


def _goals_against_baselines(names: list[str], nmi: Callable[[str, str], float]) -> list[str]:
    gain = sum(nmi(n, DEFAULT) - nmi(n, BASELINES[0]) for n in names) / len(names)
    behind = {n: max(nmi(n, b) for b in BASELINES) - nmi(n, DEFAULT) for n in names}
    worst = max(behind, key=lambda name: behind[name])
    verdict = "more" if behind[worst] > 0.01 else "not more"
    return [
        f"- At least 0.08 NMI above {BASELINES[0]} on average: {gain:+.3f}.",
        f"- Never more than 0.01 NMI below the better of scikit-learn's two: {verdict}; the least favourable set is "
        f"{worst} ({-behind[worst]:+.3f}).",
    ]


def _skipped(report: dict[str, Any]) -> list[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in report["rows"]:
        if "skipped" in row:
            reasons.setdefault((row["method"], row["skipped"]), []).append(row["set"])
    if not reasons:
        return []
    lines = [f"- {method}: {reason} ({', '.join(names)})." for (method, reason), names in reasons.items()]
    return ["## Left out", "", *lines, ""]
