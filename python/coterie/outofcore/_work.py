"""The work folder: what a run has finished so far, each file whole, until its output is there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from coterie.io import atomic_write

_RUN = "run.json"
_SPOOLED = "stdin"
_COPY_BYTES = 1 << 20


class WorkFolder:
    """A folder beside the output that a run leaves when it is stopped and removes when it is done.

    Parameters
    ----------
    path : path
        Made when missing. A folder without ``run.json`` must be empty.
    identity : mapping
        JSON values that tell one run from another.
    resume : bool
        Keep what an earlier run with the same identity has finished; otherwise it is removed.

    Raises
    ------
    FileExistsError
        On entry: another run works there, or it holds files that coterie did not write.
    ValueError
        On entry: with ``resume``, when the earlier run differs; the message says in what.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        self._identity = json.loads(json.dumps(dict(identity)))
        self._resume = resume

    def __enter__(self) -> WorkFolder:
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"work folder {str(self.path)!r} is a file; it must be free for a folder")
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._take()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not self.has_progress:
            self.remove_all()
        os.close(self._lock)

    def remove_all(self) -> None:
        """Remove the folder, when the output is in its place."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"another run is working in {str(self.path)!r}") from None
        names = os.listdir(self.path)
        for name in names:
            if name.startswith(".coterie-staging-"):  # what a killed run was writing
                shutil.rmtree(self.path / name, ignore_errors=True)
        names = os.listdir(self.path)
        if names and _RUN not in names:
            raise FileExistsError(
                f"work folder {str(self.path)!r} holds {names[0]!r}, which coterie did not write"
            )
        if _RUN in names and self._resume:
            self._check_identity()
            return
        for name in names:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.write_json(_RUN, self._identity)

    def _check_identity(self) -> None:
        found, ours = self.read_json(_RUN), self._identity
        differing = sorted(key for key in found.keys() | ours.keys() if found.get(key) != ours.get(key))
        if differing:
            raise ValueError(
                f"the run in {str(self.path)!r} cannot be resumed: it differs in {', '.join(differing)}; "
                "without resume it is started anew"
            )

    @property
    def has_progress(self) -> bool:
        """Whether more than the name of the run and a copy of the standard input is there."""
        return any(name not in (_RUN, _SPOOLED) for name in os.listdir(self.path))

    def file(self, name: str) -> Path:
        """Return the path of a file or folder in it."""
        return self.path / name

    def remove(self, name: str) -> None:
        """Remove a file or folder, if it is there."""
        path = self.path / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def write_json(self, name: str, value: Any) -> None:
        """Write a file whole."""
        with atomic_write(self.path / name, overwrite=True) as staged:
            staged.write_text(json.dumps(value) + "\n", encoding="ascii")

    def read_json(self, name: str) -> Any:
        """Read what :meth:`write_json` wrote."""
        try:
            return json.loads((self.path / name).read_text(encoding="ascii"))
        except ValueError as error:
            raise ValueError(f"{str(self.path / name)!r} is damaged: {error}") from error

    def spooled_stdin(self) -> Path:
        """Return a copy of the standard input, which cannot be read twice; made once."""
        target = self.path / _SPOOLED
        if not target.exists():
            with atomic_write(target) as staged, staged.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, _COPY_BYTES)
        return target
