"""The input of a run: read several times, and the same every time."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.io import read_texts

if TYPE_CHECKING:
    from coterie.io import TextBatch
    from coterie.outofcore._work import WorkFolder

STDIN = "-"


@dataclass(frozen=True)
class Input:
    """Files of documents and how they are read; names as for :func:`coterie.io.read_texts`."""

    paths: list[str]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, paths: Any, options: Mapping[str, Any]) -> Input:
        listed: Sequence[Any] = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        return cls([os.fspath(path) for path in listed], dict(options))

    def identity(self) -> list[list[Any]]:
        """Return name, size and time of change of every file."""
        found: list[list[Any]] = []
        for path in self.paths:
            if path == STDIN:
                found.append([STDIN])
                continue
            status = os.stat(path)
            found.append([str(Path(path).resolve()), status.st_size, status.st_mtime_ns])
        return found

    def readable_again(self, work: WorkFolder) -> Input:
        """Return the input with a copy on disk in place of what cannot be read twice."""
        for path in self.paths:
            if path != STDIN and not os.path.isfile(path):
                raise ValueError(
                    f"{path!r} cannot be read twice (it is no file); write it to a file, or pipe it to -"
                )
        paths = [str(work.spooled_stdin()) if path == STDIN else path for path in self.paths]
        return Input(paths, self.options)

    def batches(self) -> Generator[TextBatch, None, None]:
        """Read all documents from the start."""
        return read_texts(list(self.paths), **self.options)

    def check_unchanged(self, identity: list[list[Any]]) -> None:
        """Refuse files that changed between two readings."""
        for before, now in zip(identity, self.identity(), strict=True):
            if before != now:
                raise ValueError(
                    f"{now[0]!r} was changed while it was read; the results would not be of one corpus"
                )
