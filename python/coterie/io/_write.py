"""Outputs that are there completely or not at all: written beside their place, flushed to disk, renamed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType

from coterie._version import __version__
from coterie.io._streams import STDIN

MARKER = ".coterie-output.json"
_STAGING_PREFIX = ".coterie-staging-"

PathArgument = str | os.PathLike[str]


@contextmanager
def atomic_write(
    path: PathArgument, *, overwrite: bool = False, inputs: Iterable[PathArgument] = ()
) -> Iterator[Path]:
    """Write one file completely or not at all.

    Parameters
    ----------
    path : path
        The file to make; missing folders are made too.
    overwrite : bool, default=False
        Whether an existing file may be replaced.
    inputs : iterable of paths, default=()
        Files that are being read; ``path`` must not be one of them.

    Yields
    ------
    pathlib.Path
        A new name in the same folder to write to. It takes the name ``path`` when the block ends without an
        exception, and is removed otherwise; until then a file already at ``path`` is untouched.

    Raises
    ------
    FileExistsError
        When ``path`` exists and ``overwrite`` is false, on entry.
    ValueError
        When ``path`` is one of ``inputs``, on entry.
    OSError
        When the folder cannot be written to, on entry; when the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with atomic_write(folder.name + "/pairs.csv") as staged:
    ...     _ = staged.write_text("a,b")
    >>> Path(folder.name, "pairs.csv").read_text()
    'a,b'
    >>> folder.cleanup()
    """
    target = Path(path)
    for name in inputs:
        if _is_same_file(target, Path(name)):
            raise ValueError(f"output {os.fspath(path)!r} is also an input; it would be overwritten")
    if target.is_dir():
        raise IsADirectoryError(f"output {os.fspath(path)!r} is a directory; a file name is wanted")
    if os.path.lexists(target) and not overwrite:
        raise FileExistsError(f"output {os.fspath(path)!r} exists; overwrite=True (--overwrite) replaces it")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_STAGING_PREFIX, dir=target.parent) as folder:
        staged = Path(folder, target.name)
        try:
            yield staged
            _flush(staged)
        except OSError as error:
            _name_full_disk(error, target)
            raise
        os.replace(staged, target)
    _flush(target.parent)


class OutputFolder:
    """The files of one run, committed together when the run succeeds.

    Everything is written to a hidden folder inside the output folder (so on the same file system, also when
    the output folder is a mount point) and renamed into place at the end. On an error, a full disk or Ctrl-C
    the output folder is as it was before, or absent if it was absent. A file ``.coterie-output.json`` lists
    what was written; with ``overwrite`` only a folder that holds nothing else is replaced.

    Parameters
    ----------
    path : path
        The folder; made with its parents when missing.
    overwrite : bool, default=False
        Whether the outputs of an earlier run may be replaced.
    inputs : iterable of paths, default=()
        Files that are being read; none may lie in the folder.

    Raises
    ------
    FileExistsError
        On entry: the folder holds files and ``overwrite`` is false, or it holds files that coterie did not
        write, or another run is writing to it.
    NotADirectoryError, PermissionError, OSError
        On entry: the folder cannot be made or written to.
    ValueError
        On entry: an input lies in the folder; in :meth:`file`: a name that leaves the folder.

    Examples
    --------
    >>> import tempfile
    >>> parent = tempfile.TemporaryDirectory()
    >>> with OutputFolder(parent.name + "/out") as output:
    ...     _ = output.file("metrics.json").write_text("{}")
    ...     os.listdir(parent.name + "/out") == [output.staging.name]
    True
    >>> sorted(os.listdir(parent.name + "/out"))
    ['.coterie-output.json', 'metrics.json']
    >>> parent.cleanup()
    """

    staging: Path

    def __init__(
        self, path: PathArgument, *, overwrite: bool = False, inputs: Iterable[PathArgument] = ()
    ) -> None:
        self.path = Path(path)
        self.overwrite = overwrite
        self.inputs = [Path(name) for name in inputs if os.fspath(name) != STDIN]

    def __enter__(self) -> OutputFolder:
        for name in self.inputs:
            if any(_is_same_file(self.path, folder) for folder in name.resolve().parents):
                raise ValueError(
                    f"output folder {str(self.path)!r} holds the input {str(name)!r}; name another folder"
                )
        self._made = _make_folders(self.path)
        try:
            self._previous = self._check_previous()
            self.staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=self.path))
        except BaseException:
            self._remove_made()
            raise
        self._lock = _lock(self.staging)
        return self

    def file(self, name: str) -> Path:
        """Return where to write the output ``name`` (it may begin with folders, which are made)."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or not relative.parts or ".." in relative.parts or name == MARKER:
            raise ValueError(f"name must be a relative path inside of the output folder; got {name!r}")
        path = self.staging / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._commit()
                self._made = []
        except OSError as failed:
            _name_full_disk(failed, self.path)
            raise
        finally:
            _name_full_disk(error, self.path)
            shutil.rmtree(self.staging, ignore_errors=True)
            os.close(self._lock)
            self._remove_made()

    def _check_previous(self) -> list[str]:
        """Return the top-level names that an earlier run wrote and this one may replace."""
        for name in os.listdir(self.path):
            if name.startswith(_STAGING_PREFIX):
                _remove_abandoned(self.path / name)
        names = os.listdir(self.path)
        if not names:
            return []
        foreign = sorted(_files_in(self.path) - _marked_files(self.path))
        if foreign:
            raise FileExistsError(
                f"output folder {str(self.path)!r} holds {foreign[0]!r}, which coterie did not write; "
                "name a new or empty folder"
            )
        if not self.overwrite:
            raise FileExistsError(
                f"output folder {str(self.path)!r} holds an earlier result; "
                "overwrite=True (--overwrite) replaces it"
            )
        return sorted(names)

    def _commit(self) -> None:
        written = sorted(os.listdir(self.staging))
        marker = {"coterie_version": __version__, "files": sorted(_files_in(self.staging))}
        (self.staging / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
        for folder, _, files in os.walk(self.staging):
            for name in files:
                _flush(Path(folder, name))
            _flush(Path(folder))
        backup = Path(tempfile.mkdtemp(dir=self.staging))
        # The marker leaves last and comes first: after a kill in between, what is there is known to be coterie's.
        previous = sorted(self._previous, key=lambda name: name == MARKER)
        moves = [(self.path / name, backup / name) for name in previous]
        moves += [(self.staging / name, self.path / name) for name in [MARKER, *written]]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                done.append((source, target))
                os.rename(source, target)
            _flush(self.path)
        except BaseException:
            for source, target in reversed(done):
                if os.path.lexists(target) and not os.path.lexists(source):
                    os.rename(target, source)
            raise

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:
                return  # someone else has put something in it


def _name_full_disk(error: BaseException | None, path: Path) -> None:
    """Say where there is no space left: what the system says of a write does not, and Arrow wraps it."""
    if (
        isinstance(error, OSError)
        and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        and error.filename is None
    ):
        error.strerror, error.filename = os.strerror(error.errno), str(path)


def _make_folders(path: Path) -> list[Path]:
    """Make ``path`` with its parents and return those that were missing, outermost first."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"output folder {str(path)!r} is a file; a folder is wanted")
    missing = []
    folder = path
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    path.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _files_in(path: Path) -> set[str]:
    found = (os.path.join(folder, name) for folder, _, files in os.walk(path) for name in files)
    return {os.path.relpath(name, path) for name in found}


def _marked_files(path: Path) -> set[str]:
    """Return the files that the marker of ``path`` lists; none when there is no readable marker."""
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    files = marker.get("files") if isinstance(marker, dict) else None
    return {MARKER, *map(str, files)} if isinstance(files, list) else set()


def _lock(folder: Path) -> int:
    """Lock ``folder`` for as long as the descriptor is open: others see that it is in use."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _remove_abandoned(staging: Path) -> None:
    """Remove what a killed run left; raise when that run is alive."""
    descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(staging)
    except BlockingIOError:
        raise FileExistsError(f"another run is writing to output folder {str(staging.parent)!r}") from None
    finally:
        os.close(descriptor)


def _flush(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_same_file(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist
        return False
