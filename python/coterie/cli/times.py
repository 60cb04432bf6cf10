"""A column of the input as times."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_times(columns: Any, name: str) -> NDArray[np.float64]:
    """Return a column as seconds since 1970 (UTC), NaN where it is null; anything that is no time is an error.

    Numbers are seconds since 1970; texts are ISO 8601, or numbers written out; a time without a zone is UTC.
    """
    if name not in columns.column_names:
        known = ", ".join(columns.column_names) or "none"
        raise ValueError(f"timestamp field {name!r} does not exist; the other columns are: {known}")
    values = columns.column(name).to_pylist()
    times = np.array([_seconds(value, name, row) for row, value in enumerate(values)], dtype=np.float64)
    if np.isnan(times).all():
        raise ValueError(f"timestamp field {name!r} has no time in any row")
    return times


def _seconds(value: Any, name: str, row: int) -> float:
    if value is None or value == "":
        return float("nan")
    wrong = ValueError(
        f"timestamp field {name!r} is not a time in row {row}: {str(value)[:80]!r}; seconds since 1970 or ISO 8601 "
        "are wanted, such as 2024-05-31T12:00:00Z"
    )
    try:
        if isinstance(value, bool):
            raise wrong
        if isinstance(value, int | float):
            moment = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        elif (
            isinstance(value, str)
            and value.strip().lstrip("-").replace(".", "", 1).isdigit()
            and len(value) != 8
        ):
            moment = datetime.fromtimestamp(float(value), UTC)
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
        else:
            raise wrong
    except (ValueError, OverflowError, OSError):
        raise wrong from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
