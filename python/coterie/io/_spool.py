"""Inputs that can be read again: what can be read only once is copied first."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from coterie.io._streams import STDIN

_COPY_BYTES = 1 << 20


@contextmanager
def readable_again(files: Sequence[str | os.PathLike[str]]) -> Iterator[list[str]]:
    """Yield the names of the files; the standard input and pipes as copies in a folder for temporary files."""
    names = [os.fspath(file) for file in files]
    if all(os.path.isfile(name) for name in names):
        yield names
        return
    with tempfile.TemporaryDirectory(prefix="coterie-") as folder:
        yield [_copied(name, folder, number) for number, name in enumerate(names)]


def _copied(name: str, folder: str, number: int) -> str:
    if name != STDIN and not stat.S_ISFIFO(os.stat(name).st_mode):
        return name
    shown = "standard input" if name == STDIN else os.path.basename(name)
    copy = os.path.join(folder, f"{number}-{shown}")
    source = nullcontext(sys.stdin.buffer) if name == STDIN else open(name, "rb")  # noqa: SIM115
    with source as read, open(copy, "wb") as written:
        shutil.copyfileobj(read, written, _COPY_BYTES)
    return copy
