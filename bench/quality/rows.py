"""Finished runs, one line of JSON each, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One method on one set with one seed; ``version`` is that of the code measured, None for other libraries."""

    set: str
    n_documents: int
    method: str
    seed: int
    version: str | None


class FinishedRuns:
    """The runs in a file, and those that are added to it."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._scores: dict[Run, dict[str, float]] = {}
        if not resume:
            path.unlink(missing_ok=True)
        elif path.is_file():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                self._scores[Run(**entry["run"])] = entry["scores"]

    def get(self, run: Run) -> dict[str, float] | None:
        return self._scores.get(run)

    def add(self, run: Run, scores: dict[str, float]) -> None:
        self._scores[run] = scores
        entry: dict[str, Any] = {"run": vars(run), "scores": scores}
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
