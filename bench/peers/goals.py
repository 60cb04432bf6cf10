"""Goals as they were stated before anything was measured, and what was measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = dict[str, Any]  # of a report of bench.__main__


class Goal(Protocol):
    def __str__(self) -> str: ...
    def measured(self, row: Row, read_bytes_per_second: float) -> float | None:
        """Return what is to be at least ``least``, or None where nothing of it was measured."""

    @property
    def least(self) -> float: ...
    @property
    def unit(self) -> str: ...


@dataclass(frozen=True)
class Quicker:
    """At least ``least`` times as quick as the quickest of these rivals whose answers pass; none named: of all."""

    least: float
    rivals: Sequence[str] = ()
    called: str = ""
    ours: str = "coterie"
    n_threads: int = 0  # 0: any
    unit: str = "x"

    def __str__(self) -> str:
        who = "" if self.ours == "coterie" else f"{self.ours}: "
        return f"{who}>= {self.least:g}x {self.called or ' and '.join(self.rivals)}"

    def measured(self, row: Row, read_bytes_per_second: float) -> float | None:
        passed = {name: r["median"] for name, r in row["rivals"].items() if "median" in r}
        named = self.rivals or [name for name in passed if not name.startswith("coterie")]
        times = [passed[name] for name in named if name in passed]
        if not times or self.ours not in passed or self.n_threads not in (0, row["n_threads"]):
            return None
        return float(min(times) / passed[self.ours])


@dataclass(frozen=True)
class Rate:
    """At least so many megabytes a second on each core."""

    least: float
    unit: str = " MB/s"

    def __str__(self) -> str:
        return f">= {self.least:g} MB/s per core"

    def measured(self, row: Row, read_bytes_per_second: float) -> float | None:
        return row["rate"] / row["n_threads"] if "rate" in row else None


@dataclass(frozen=True)
class Bandwidth:
    """At least this share of the read bandwidth, in percent, as if every pass read the rows in float32."""

    least: float
    unit: str = " %"

    def __str__(self) -> str:
        return f">= {self.least:g} % of the read bandwidth"

    def measured(self, row: Row, read_bytes_per_second: float) -> float | None:
        if "bytes" not in row:
            return None
        seconds = row["rivals"]["coterie"]["median"]
        return float(100 * row["bytes"] / seconds / read_bytes_per_second)


def outcomes(goals: Sequence[Goal], row: Row, read_bytes_per_second: float) -> list[tuple[Goal, float]]:
    """Return the goals of which something was measured, each with that."""
    found = [(goal, goal.measured(row, read_bytes_per_second)) for goal in goals]
    return [(goal, value) for goal, value in found if value is not None]


def told(goal: Goal, value: float) -> str:
    """Return a goal, what was measured, and whether that is less."""
    measured = f"{value:,.1f}{goal.unit}"
    return f"{goal}: {measured}" if value >= goal.least else f"{goal}: **{measured}, missed**"
