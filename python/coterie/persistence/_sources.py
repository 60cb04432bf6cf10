"""Files that an estimator reads: a model folder names them by path, size and SHA-256, or holds a copy.

A folder from elsewhere can name any path. It is opened only as a plain file, no more than its size is read, and its
content is used only when its hash is the one in the manifest: whoever wrote that knew the content already.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from coterie.persistence._folder import MANIFEST, FolderReader, FolderWriter

_SUFFIX = ".source"
_MOST_FILES = 64
_CHUNK = 1 << 20


def describe_source(
    estimator: Any, parameter: str, part: str, writer: FolderWriter, *, copy: bool
) -> dict[str, Any]:
    """Return the manifest's entry of the files that ``parameter`` of an estimator names.

    What a model folder holds as copies is copied on, so that no folder depends on another one.
    """
    where = Path(os.path.abspath(getattr(estimator, parameter)))
    root = where if where.is_dir() else where.parent
    copy = copy or (root.suffix == _SUFFIX and (root.parent / MANIFEST).is_file())
    files = {}
    for name in estimator._source_files():
        digest, size = _digest(root / name)
        files[name] = {"bytes": size, "sha256": digest}
        if copy:
            writer.add_copy(f"{_copies(part)}/{name}", root / name)
    return {"path": None if copy else os.fspath(where), "is_folder": where.is_dir(), "files": files}


def find_source(stored: Any, part: str, reader: FolderReader, moved_to: Path | None) -> Path:
    """Return where the files of an entry are, all of them checked; ``moved_to`` replaces the path in the manifest."""
    where = f"{part}, source"
    entry = reader.mapping(stored, where, ("path", "is_folder", "files"))
    files = reader.mapping(entry["files"], f"{where}, files")
    path, is_folder = entry["path"], entry["is_folder"]
    if not (path is None or (isinstance(path, str) and os.path.isabs(path) and "\0" not in path)):
        raise reader.error(where, f"an absolute path or null is wanted; got {str(path)[:80]!r}")
    if type(is_folder) is not bool or not 0 < len(files) <= (_MOST_FILES if is_folder else 1):
        raise reader.error(where, f"1 to {_MOST_FILES} files of a folder, or one file, are wanted")
    is_copy = path is None and moved_to is None
    root = Path(reader.folder, _copies(part)) if is_copy else Path(moved_to or str(path))
    found = root
    for name, expected in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or not relative.parts or ".." in relative.parts or "\0" in name:
            raise reader.error(where, f"{name[:80]!r} is not the name of a file inside of a folder")
        file = reader.mapping(expected, f"{where}, {name[:80]}", ("bytes", "sha256"))
        target = root / relative if is_folder or is_copy else root
        _check_file(target, file, reader, is_copy=is_copy)
        found = root if is_folder else target
    return found


def _check_file(target: Path, expected: dict[str, Any], reader: FolderReader, *, is_copy: bool) -> None:
    wanted, path = str(expected["sha256"])[:64], os.fspath(target)
    if is_copy and target.is_symlink():
        raise reader.error(path, "a copied file must not be a link")
    where_now = "" if is_copy else "; if it is elsewhere now, say where with encoder (--encoder)"
    try:
        found, size = _digest(target)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"model folder {reader.folder!r} needs {path!r} with SHA-256 {wanted}, which is not there{where_now}"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise reader.error(path, f"SHA-256 {wanted} is wanted, and it cannot be read ({reason})") from None
    if found != wanted or size != expected["bytes"]:
        raise reader.error(
            path,
            f"its SHA-256 is {found}, where {wanted} is wanted: it is not the encoder of this model{where_now}",
        )


def _copies(part: str) -> str:
    return part + _SUFFIX


def _digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a plain file and its size; pipes are not waited for, and no more than the size is read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a plain file")
        digest, left = hashlib.sha256(), status.st_size
        while left > 0 and (data := os.read(descriptor, min(_CHUNK, left))):
            digest.update(data)
            left -= len(data)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), status.st_size
