"""Byte streams: open a path or stdin, undo gz/zst by content, hand out lines of bounded length."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from coterie._validation import require_extra

STDIN = "-"
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 4096

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_UNREADABLE_PACKINGS = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}


class ByteStream(io.RawIOBase):
    """A readable stream with a name for messages and a head that can be looked at without seeking."""

    def __init__(
        self, source: IO[bytes], name: str, *, compressed: bool = False, keep_open: bool = False
    ) -> None:
        self.name = name
        self.compressed = compressed
        self._keep_open = keep_open
        self._source = source
        self._head = b""
        self.chunk_bytes = CHUNK_BYTES
        self.file: IO[bytes] = source  # what is read in the end, compressed or not

    def head(self, size: int = HEAD_BYTES) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end of the stream, without consuming them."""
        while len(self._head) < size:
            piece = self._read_source(size - len(self._head))
            if not piece:
                break
            self._head += piece
        return self._head[:size]

    def rewound(self) -> IO[bytes] | None:
        """Return the file behind the stream, at its beginning; None when it cannot seek (a pipe)."""
        if self.compressed or not self._source.seekable():
            return None
        self._source.seek(0)
        return self._source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._head:
            piece, self._head = self._head[: len(view)], self._head[len(view) :]
        else:
            piece = self._read_source(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed and not self._keep_open:
            self._source.close()
        super().close()

    def _read_source(self, size: int) -> bytes:
        if not self.compressed:
            return self._source.read(size)
        try:
            return self._source.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
            raise ValueError(f"{self.name}: the compressed data is cut off or damaged ({error})") from error


def display_name(path: str | os.PathLike[str]) -> str:
    return "standard input" if os.fspath(path) == STDIN else os.fspath(path)


def check_readable(path: str | os.PathLike[str]) -> None:
    """Raise now, not after hours of work, when ``path`` is missing or a directory."""
    if os.fspath(path) == STDIN:
        return
    if stat.S_ISDIR(os.stat(path).st_mode):
        raise IsADirectoryError(
            f"paths must name files; {os.fspath(path)!r} is a directory: name the files in it, "
            f"for example {os.path.join(os.fspath(path), '*.jsonl')}"
        )


@contextmanager
def open_stream(path: str | os.PathLike[str]) -> Iterator[ByteStream]:
    """Open ``path`` (or stdin for "-"), decompressed when its first bytes say gzip or zstd."""
    name = display_name(path)
    is_stdin = os.fspath(path) == STDIN
    source: IO[bytes] = sys.stdin.buffer if is_stdin else io.FileIO(path)  # closed through the stream below
    with ByteStream(source, name, keep_open=is_stdin) as raw:
        magic = raw.head(8)
        for prefix, packing in _UNREADABLE_PACKINGS.items():
            if magic.startswith(prefix):
                raise ValueError(f"{name} is {packing}; gzip and zstd are read: unpack it first")
        if magic.startswith(_GZIP):
            unpacked: Any = gzip.GzipFile(fileobj=raw, mode="rb")
        elif magic.startswith(_ZSTD):
            pa = require_extra("pyarrow", "cli")
            unpacked = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        else:
            yield raw
            return
        with ByteStream(unpacked, name, compressed=True) as stream:
            stream.file = source
            yield stream


def read_lines(stream: ByteStream, limit: int) -> Iterator[bytes]:
    r"""Yield the lines of ``stream`` without their ``\n``, refusing one of more than ``limit`` bytes.

    Never holds more than one chunk and one line, so an endless line in a small compressed file is an error,
    not a full memory. The end of the stream ends the last line; a final ``\n`` does not begin another one.
    """
    pieces: list[bytes] = []
    held = 0
    number = 1
    while chunk := stream.read(stream.chunk_bytes):
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines and pieces:
            pieces.append(lines[0])
            lines[0] = b"".join(pieces)
            pieces, held = [], 0
        for line in lines:
            if len(line) > limit:
                raise _too_long(stream.name, number, limit)
            yield line
            number += 1
        if rest:
            pieces.append(rest)
            held += len(rest)
            if held > limit:
                raise _too_long(stream.name, number, limit)
    if pieces:
        yield b"".join(pieces)


def _too_long(name: str, number: int, limit: int) -> ValueError:
    return ValueError(
        f"{name}:{number}: the line is longer than max_document_bytes={limit}; "
        "raise max_document_bytes to read it"
    )
