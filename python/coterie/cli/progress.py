"""Progress on a terminal: one bar per stage with documents, rate and time left. In a pipe, nothing."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text


class _DocumentsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        done = f"{int(task.completed):,}"
        return Text(f"{done} documents" if task.total is None else f"{done}/{int(task.total):,} documents")


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:,.0f}/s", style="dim")


class Stages:
    """The stages of a command, shown one under the other while they run.

    Parameters
    ----------
    visible : bool
        False shows nothing, and so does a stderr that is not a terminal.
    """

    def __init__(self, *, visible: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _DocumentsColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not (visible and sys.stderr.isatty()),
        )
        self._tasks: dict[str, TaskID] = {}
        self.n_documents: int | None = None

    def __enter__(self) -> Stages:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def count(self, stage: str, n_documents: int, *, note: str = "") -> None:
        """Show how many documents a stage of unknown length has done, and a note on it."""
        shown = f"{stage} ({note})" if note else stage
        self._progress.update(self._task(stage, None), completed=n_documents, description=shown)

    def share(self, stage: str, done: float) -> None:
        """Show which share of ``n_documents`` a stage has done, from 0 to 1."""
        total = self.n_documents or 1
        self._progress.update(self._task(stage, total), total=total, completed=done * total)

    def _task(self, stage: str, total: int | None) -> TaskID:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        return self._tasks[stage]
