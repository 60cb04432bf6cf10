"""Progress on a terminal: one bar per stage with documents, rate and time left. In a pipe, nothing.

K-means has no such rate: its bar is the share of documents that stayed in their cluster in the last iteration.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from coterie._iterations import iterations_told_to


class _DocumentsColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.fields["note"]:
            return Text(task.fields["note"])
        done = f"{int(task.completed):,}"
        return Text(f"{done} documents" if task.total is None else f"{done}/{int(task.total):,} documents")


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed or task.fields["note"] else f"{speed:,.0f}/s", style="dim")


class _TimeLeftColumn(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        return Text("") if task.fields["note"] else super().render(task)


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
            _TimeLeftColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not (visible and sys.stderr.isatty()),
        )
        self._tasks: dict[str, TaskID] = {}
        self._running: TaskID | None = None
        self._told = ExitStack()
        self.n_documents: int | None = None

    def __enter__(self) -> Stages:
        self._progress.start()
        if not self._progress.disable:
            self._told.enter_context(iterations_told_to(self.iteration))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._told.close()
        self._progress.stop()

    def count(self, stage: str, n_documents: int, *, note: str = "") -> None:
        """Show how many documents a stage of unknown length has done, and a note on it."""
        shown = f"{stage} ({note})" if note else stage
        self._progress.update(self._task(stage, None), completed=n_documents, description=shown)

    def share(self, stage: str, done: float) -> None:
        """Show which share of ``n_documents`` a stage has done, from 0 to 1."""
        total = self.n_documents or 1
        task = self._task(stage, total)
        self._progress.update(task, total=total, completed=done * total, note="")
        self._running = task if done < 1 else None

    def iteration(self, iteration: int, n_moved: int, n_rows: int) -> None:
        """Show an iteration of K-means in the stage that is running."""
        if self._running is not None:
            note = f"iteration {iteration}, {n_moved:,} of {n_rows:,} documents moved"
            self._progress.update(self._running, total=n_rows, completed=n_rows - n_moved, note=note)

    def _task(self, stage: str, total: int | None) -> TaskID:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, note="")
        return self._tasks[stage]
