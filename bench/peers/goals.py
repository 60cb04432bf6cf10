"""Goals as they were stated before anything was measured, and what was measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]  # of a report of bench.__main__


@dataclass(frozen=True)
class Goal:
    stated: str
    least: float
    unit: str
    # Of a row and the measured read bandwidth in bytes per second; None where nothing of the goal was measured.
    measured: Callable[[Row, float], float | None]


def quicker(
    least: float,
    rivals: Sequence[str] = (),
    called: str = "",
    *,
    ours: str = "coterie",
    n_threads: int | None = None,
) -> Goal:
    """At least so many times as quick as the quickest of these rivals whose answers pass; none named: of all."""

    def measured(row: Row, read_bytes_per_second: float) -> float | None:
        passed = {name: r["median"] for name, r in row["rivals"].items() if "median" in r}
        named = rivals or [name for name in passed if not name.startswith("coterie")]
        times = [passed[name] for name in named if name in passed]
        if not times or ours not in passed or n_threads not in (None, row["n_threads"]):
            return None
        return float(min(times) / passed[ours])

    who = "" if ours == "coterie" else f"{ours}: "
    return Goal(f"{who}>= {least:g}x {called or ' and '.join(rivals)}", least, "x", measured)


def megabytes_per_core(least: float) -> Goal:
    """At least so many megabytes a second on each core."""
    return Goal(
        f">= {least:g} MB/s per core",
        least,
        " MB/s",
        lambda row, _: row["rate"] / row["n_threads"] if "rate" in row else None,
    )


def bandwidth(least: float) -> Goal:
    """At least this share of the read bandwidth, in percent, as if every pass read the rows in float32."""

    def measured(row: Row, read_bytes_per_second: float) -> float | None:
        if "bytes" not in row:
            return None
        return float(100 * row["bytes"] / row["rivals"]["coterie"]["median"] / read_bytes_per_second)

    return Goal(f">= {least:g} % of the read bandwidth", least, " %", measured)


def outcomes(goals: Sequence[Goal], row: Row, read_bytes_per_second: float) -> list[tuple[Goal, float]]:
    """Return the goals of which something was measured, each with that."""
    found = [(goal, goal.measured(row, read_bytes_per_second)) for goal in goals]
    return [(goal, value) for goal, value in found if value is not None]


def told(goal: Goal, value: float) -> str:
    """Return a goal, what was measured, and whether that is less."""
    measured = f"{value:,.1f}{goal.unit}"
    return f"{goal.stated}: {measured}" if value >= goal.least else f"{goal.stated}: **{measured}, missed**"
